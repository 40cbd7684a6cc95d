//! The part of a kubelet: a log for every pod that is asked for. It is what `crewdeck migrate plan --json` prints over two
//! new databases, shortened to one migration of each.

use anyhow::{Context as _, Result};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

const PLAN: &str = r#"{"version":"0.1.0","pending":[{"database":"application","name":"0001_expand_bench","phase":"expand","checksum":"00"},{"database":"analytics","name":"0001_expand_bench","phase":"expand","checksum":"00"}]}"#;

/// Serves on threads of its own, for as long as the process lives.
pub(crate) fn serve(port: u16, certificate: &Path, key: &Path) -> Result<()> {
    let certificates = CertificateDer::pem_file_iter(certificate)
        .with_context(|| format!("read {}", certificate.display()))?
        .collect::<Result<Vec<_>, _>>()?;
    let key =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("read {}", key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    let (config, listener) = (
        Arc::new(config),
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))?,
    );
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            thread::spawn(move || {
                // Who goes away in the middle asks again.
                let _ = answer(stream, config);
            });
        }
    });
    Ok(())
}

/// Reads one request and answers with the log.
fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> Result<()> {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PLAN}\n",
        PLAN.len() + 1
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
