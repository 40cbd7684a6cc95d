//! Seconds that the check of a token takes, the first time and when it is remembered: ours beside those of the other sides of
//! `cargo xtask bench api`, which measure the same loop over the same tokens.
//!
//! Its arguments are a folder with `jwks.json` and `tokens.txt`, and the issuer. Without them it does nothing.
#![expect(clippy::print_stdout, reason = "what it prints is what it measured")]
#![expect(
    clippy::cast_precision_loss,
    reason = "the tokens are far fewer than 2^53"
)]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use common_auth::{FileSource, Verifier};
use common_clock::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds one that says that this is a bench.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|one| !one.starts_with("--"));
    let (Some(folder), Some(issuer)) = (arguments.next(), arguments.next()) else {
        return Ok(());
    };
    let folder = PathBuf::from(folder);
    let source = FileSource::new(folder.join("jwks.json"));
    let verifier = Verifier::new(source, issuer, "crewdeck", Arc::new(SystemClock)).await?;
    let tokens = std::fs::read_to_string(folder.join("tokens.txt"))?;
    let tokens: Vec<&str> = tokens.split_whitespace().collect();
    let mut figures = Vec::new();
    for _ in 0..2 {
        let started = Instant::now();
        for token in &tokens {
            verifier.verify(token).await?;
        }
        figures.push(started.elapsed().as_secs_f64() / tokens.len() as f64);
    }
    println!("{:.9} {:.9}", figures[0], figures[1]);
    Ok(())
}
