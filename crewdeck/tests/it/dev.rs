//! `crewdeck dev`: from nothing to a platform that people can use, and back to nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use common_scratch::Folder;

use crate::program::{crewdeck, ended};

/// What `dev` printed until it was ready.
struct Dev {
    child: Child,
    port: u16,
    lines: Vec<String>,
}

impl Dev {
    fn start() -> Self {
        let port = free_ports();
        let child = crewdeck(&["dev", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut dev = Self {
            child,
            port,
            lines: Vec::new(),
        };
        let output = dev.child.stdout.take().expect("a pipe");
        for line in BufReader::new(output).lines() {
            dev.lines.push(line.expect("text"));
            if dev
                .lines
                .last()
                .is_some_and(|line| line.starts_with("Ready."))
            {
                break;
            }
        }
        let last = dev.lines.last().map(String::as_str).unwrap_or_default();
        assert!(last.starts_with("Ready."), "{:?}", dev.lines);
        dev
    }

    /// What stands behind this word of the printed lines.
    fn after(&self, word: &str) -> Vec<&str> {
        let line = self
            .lines
            .iter()
            .find_map(|line| line.trim().strip_prefix(word));
        line.expect(word).split_whitespace().collect()
    }

    fn terminate(&mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.expect("kill").success());
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of a dozen ports that are free now, and that no other test here takes: six roles, and their probes a
/// thousand above.
fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(10_000);
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    std::iter::repeat_with(|| NEXT.fetch_add(6, Ordering::Relaxed))
        .take_while(|first| *first < 19_000)
        .find(|first| (0..6).all(|at| free(first + at) && free(first + at + 1000)))
        .expect("free ports")
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("listening");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

/// Signs in as this person, makes a team and a task, reads them back.
fn works(dev: &Dev, email: &str, password: &str) {
    let folder = Folder::new("login").expect("a folder");
    let (email_file, password_file) = (folder.path().join("email"), folder.path().join("password"));
    fs::write(&email_file, email).expect("writable");
    fs::write(&password_file, password).expect("writable");
    let url = format!("http://localhost:{}", dev.port);
    let smoke = crewdeck(&["smoke", "--url", &url, "--email-file"])
        .arg(&email_file)
        .arg("--password-file")
        .arg(&password_file)
        .output()
        .expect("it starts");
    assert!(smoke.status.success(), "{:?}", ended(&smoke));
}

/// People of a Django system sign in with the passwords that they have there.
fn import_works(dev: &Dev, database: &str) {
    const LINE: &str = r#"{"email": "ben@example.org", "name": "Ben", "password": "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A="}"#;
    let folder = Folder::new("import").expect("a folder");
    let file = folder.path().join("users.jsonl");
    let import = |lines: &str, flags: &[&str]| {
        fs::write(&file, lines).expect("writable");
        let file = file.to_str().expect("text");
        let done = crewdeck(&[&["users", "import", file], flags].concat())
            .env("CREWDECK_DATABASE_URL", database)
            .output()
            .expect("it starts");
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        (printed, ended(&done))
    };
    for (flags, said) in [
        (
            &["--dry-run"][..],
            "would add 1, 0 of them inactive; 0 there already\n",
        ),
        (&[], "added 1, 0 of them inactive; 0 there already\n"),
        (&[], "added 0, 0 of them inactive; 1 there already\n"),
    ] {
        let (printed, ended) = import(LINE, flags);
        assert_eq!(printed, said, "{ended:?}");
    }
    let (printed, (code, words)) = import("{}\n[]", &[]);
    assert_eq!((printed.as_str(), code), ("", Some(1)), "{words}");
    for told in [
        "nothing was imported:",
        "line 1: /email: is missing",
        "line 2: must be a JSON object",
    ] {
        assert!(words.contains(told), "{words}");
    }
    works(dev, "ben@example.org", "lètmein");
}

#[test]
fn people_can_sign_in_and_work_and_nothing_is_left_behind() {
    let mut dev = Dev::start();
    let login = dev.after("Login");
    works(&dev, login[0], login[2]);

    let database = dev.after("✓ PostgreSQL of this run,")[0].to_owned();
    let create = || {
        crewdeck(&["users", "create-admin", "--email", "ada@example.org"])
            .env("CREWDECK_DATABASE_URL", &database)
            .output()
            .expect("it starts")
    };
    let made = create();
    assert!(made.status.success(), "{:?}", ended(&made));
    let printed = String::from_utf8_lossy(&made.stdout).into_owned();
    let password = printed
        .lines()
        .last()
        .and_then(|line| line.rsplit_once(": "));
    works(&dev, "ada@example.org", password.expect("printed").1);
    let (code, words) = ended(&create());
    assert_eq!(code, Some(1));
    assert!(
        words.contains("cannot make administrator ada@example.org"),
        "{words}"
    );

    import_works(&dev, &database);

    let docs = get(dev.port, "/api/docs/");
    assert!(docs.starts_with("HTTP/1.1 200"), "{docs}");
    assert!(docs.contains("script-src 'self'"), "{docs}");
    let numbers = get(dev.port + 2, "/api/v1/analytics/openapi.json");
    assert!(numbers.contains("/api/v1/analytics/teams/{"), "{numbers}");

    let server = database
        .rsplit_once(':')
        .and_then(|(_, rest)| rest.split('/').next())
        .expect("a port")
        .parse::<u16>()
        .expect("a port");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server)).is_ok());
    dev.terminate();
    let status = dev.child.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server)).is_err());
}

#[test]
fn a_port_that_is_taken_is_named_and_ends_everything() {
    let port = free_ports();
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).expect("free");
    let output = crewdeck(&["dev", "--port", &port.to_string()])
        .output()
        .expect("it starts");
    let (code, words) = ended(&output);
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains(&format!("cannot listen on 127.0.0.1:{}", port + 1)),
        "{words}"
    );
}
