//! The authorities that a broker's certificate may come from where none is named.

use std::{fmt::Write as _, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Characters of a line of PEM (RFC 7468).
const LINE: usize = 64;

/// Those that browsers trust, as PEM: the image has no certificates of a system.
pub(crate) fn public() -> &'static str {
    static PEM: LazyLock<String> = LazyLock::new(|| {
        webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|certificate| pem(certificate))
            .collect()
    });
    &PEM
}

fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, character) in base64.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    // Writing to a string cannot fail.
    let _ = writeln!(pem, "\n-----END CERTIFICATE-----");
    pem
}

#[cfg(test)]
mod tests {
    use rdkafka::{ClientConfig, consumer::BaseConsumer};

    use super::*;

    #[test]
    fn the_library_of_kafka_reads_them_all() {
        let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
        assert!(all > 50);
        assert_eq!(public().matches("BEGIN CERTIFICATE").count(), all);
        assert!(public().lines().all(|line| line.len() <= LINE));
        let made = |authorities: &str| {
            ClientConfig::new()
                .set("security.protocol", "SSL")
                .set("ssl.ca.pem", authorities)
                .create::<BaseConsumer>()
        };
        made(public()).expect("a client");
        made("no certificate").err().expect("it is read");
    }
}
