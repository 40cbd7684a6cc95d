//! `crewdeck platform`, which is `kubectl crewdeck`: the terminal of whoever asks.

use std::io::{self, BufRead, IsTerminal as _};

use anyhow::Result;
use common_clock::SharedClock;
use operator::plugin::{self, Args, Terminal};

/// Does what was asked.
pub(crate) async fn run(
    args: Args,
    environment: &[(String, String)],
    clock: SharedClock,
) -> Result<()> {
    let (mut out, mut notes, mut stdin) = (io::stdout(), io::stderr(), io::stdin().lock());
    // Only where the question is seen as well.
    let somebody = stdin.is_terminal() && notes.is_terminal();
    let terminal = Terminal {
        colours: out.is_terminal() && wants_colours(environment),
        person: somebody.then_some(&mut stdin as &mut dyn BufRead),
        out: &mut out,
        notes: &mut notes,
    };
    Ok(plugin::run(args, clock, terminal).await?)
}

/// See <https://no-color.org>; a dumb terminal has none either.
fn wants_colours(environment: &[(String, String)]) -> bool {
    environment.iter().all(|(name, value)| match name.as_str() {
        "NO_COLOR" => value.is_empty(),
        "TERM" => value != "dumb",
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_declined() {
        let with = |name: &str, value: &str| wants_colours(&[(name.to_owned(), value.to_owned())]);
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("NO_COLOR", "1") && !with("TERM", "dumb"));
    }
}
