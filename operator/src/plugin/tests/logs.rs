//! `logs`.

use std::io::{self, Write};

use super::*;

const LINE: &str = r#"{"timestamp":"T","level":"WARN","message":"slow","ms":9,"target":"web"}"#;

fn world() -> Api {
    let api = server(&[ready()]);
    let at = |seconds| ago(seconds);
    pod(
        &api,
        "web",
        "6d5f9c8b7-x7k2p",
        50,
        &format!("{} first\n{} {LINE}\n", at(40), at(20)),
    );
    pod(
        &api,
        "web",
        "6d5f9c8b7-b2b2b",
        50,
        &format!("{} between\n", at(30)),
    );
    // Just starting: it has no log yet.
    pod(&api, "web", "6d5f9c8b7-c3c3c", 1, "");
    pod(
        &api,
        "migrate",
        "00000000-old",
        90,
        &format!("{} old\n", at(80)),
    );
    pod(
        &api,
        "migrate",
        "11111111-new",
        80,
        &format!("{} new\n", at(70)),
    );
    api
}

#[tokio::test]
async fn lines_of_all_pods_come_in_the_order_of_their_times() {
    golden("logs", "logs web", world).await;
}

#[tokio::test]
async fn raw_lines_are_left_as_they_are() {
    golden("logs_raw", "logs web demo --raw", world).await;
}

#[tokio::test]
async fn of_migrations_the_newest_is_shown() {
    let said = ask(&world(), "logs migrate").await;
    assert_eq!(said.text(), "migrate-new new\n");
}

#[tokio::test]
async fn a_role_without_pods_leads_to_the_status() {
    let said = ask(&world(), "logs beat").await;
    assert!(
        said.refusal().contains("kubectl crewdeck status demo"),
        "{}",
        said.refusal()
    );
}

#[test]
fn a_role_that_is_none_is_refused_with_those_that_are() {
    let words = ["kubectl-crewdeck", "logs", "wbe"];
    let error = Cli::try_parse_from(words)
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.contains("analytics-worker") && error.contains("migrate"),
        "{error}"
    );
}

/// Somebody who has read enough after a line.
struct Short(Vec<u8>);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.split(|byte| *byte == b'\n').count() == 3 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn following_ends_with_its_reader() {
    let Cli { args } = Cli::try_parse_from(["x", "logs", "web", "-f"]).expect("a command");
    let session = Session {
        client: world().client(),
        namespace: "crewdeck".to_owned(),
        clock: Arc::new(common_clock::SystemClock),
    };
    let (mut out, mut notes) = (Short(Vec::new()), Vec::new());
    let terminal = Terminal {
        out: &mut out,
        notes: &mut notes,
        colours: false,
        person: None,
    };
    let output = Output::new(terminal, args.global.output);
    answer(&args.command, &session, output)
        .await
        .expect("a quiet end");
    let text = String::from_utf8(out.0).expect("UTF-8");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with("web-"), "{text}");
}
