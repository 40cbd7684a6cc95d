//! A page of the manual as a program: its blocks in the order of the page, and what each must print. Pure.
//!
//! A page has fenced blocks of two kinds. `sh` is run. `text`, right after one, is what it prints: line by line, any run of
//! spaces as good as another, `<word>` for any words, a line `…` for any lines. The first block gives names to what differs
//! from cluster to cluster; a test gives them values of its own. Two remarks may stand right before a block, in comments of
//! HTML that no reader sees: `not run: ` and why, or `given: ` and what has to be so before.

mod links;
mod output;

use anyhow::{Context as _, Result, bail, ensure};
use std::{collections::BTreeMap, fmt::Write as _};

pub use links::{Link, headings, links};
pub use output::matches;

/// Programs whose commands belong into blocks, where they are run, and not into the text.
const PROGRAMS: [&str; 8] = [
    "kubectl",
    "helm",
    "crewdeck",
    "psql",
    "pg_dump",
    "pg_restore",
    "redis-cli",
    "curl",
];
/// Characters of a reason, at least: why a command is not run has to be said.
const REASON: usize = 20;

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Name of its file.
    pub name: String,
    /// The names that its first block gives values, each with whether programs see it.
    pub variables: Vec<(String, bool)>,
    /// The other blocks.
    pub blocks: Vec<Block>,
}

/// A block that is run, or says why not.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// Its first line in the file.
    pub line: usize,
    /// What is typed.
    pub code: String,
    /// What is printed, if the page shows it.
    pub output: Option<Vec<String>>,
    /// What has to be so before.
    pub given: Option<String>,
    /// Why it is not run.
    pub skipped: Option<String>,
}

/// What stands right before a block.
#[derive(Debug, Default)]
struct Remarks {
    given: Option<String>,
    skipped: Option<String>,
}

impl Remarks {
    fn is_empty(&self) -> bool {
        self.given.is_none() && self.skipped.is_none()
    }

    /// Reads a comment.
    fn add(&mut self, line: &str) -> Result<()> {
        let words = line
            .strip_prefix("<!--")
            .and_then(|rest| rest.strip_suffix("-->"))
            .context("a comment ends in the line in which it begins")?
            .trim();
        if let Some(reason) = words.strip_prefix("not run: ") {
            ensure!(
                reason.chars().count() >= REASON,
                "\"{reason}\" is no reason why a command is not run"
            );
            self.skipped = Some(reason.to_owned());
        } else if let Some(given) = words.strip_prefix("given: ") {
            self.given = Some(given.to_owned());
        } else {
            bail!("an unknown remark: \"{words}\"; there are \"not run: \" and \"given: \"");
        }
        Ok(())
    }
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// Naming the line: a fence, a remark or a command in the text that would be read by people and run by nobody; or a page
    /// without a block.
    pub fn read(name: &str, text: &str) -> Result<Self> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut remarks = Remarks::default();
        let mut mentioned = Vec::new();
        // Whether nothing but empty lines came since the last block.
        let mut follows = false;
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let here = || format!("{name}:{}", at + 1);
            if let Some(kind) = line.strip_prefix("```") {
                let body = body(&mut lines).with_context(here)?;
                match kind {
                    "sh" => blocks.push(Block {
                        line: at + 1,
                        code: body.join("\n"),
                        output: None,
                        given: remarks.given.take(),
                        skipped: remarks.skipped.take(),
                    }),
                    "text" if remarks.is_empty() => {
                        let printing = blocks.last_mut().filter(|_| follows);
                        let printing =
                            printing.context("what is printed comes right after a block of sh");
                        printing.with_context(here)?.output =
                            Some(output::shown(&body).with_context(here)?);
                    }
                    _ => bail!("{}: a block is sh or text, not \"{kind}\"", here()),
                }
                follows = kind == "sh";
                continue;
            }
            if line.starts_with("<!--") {
                remarks.add(line).with_context(here)?;
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            ensure!(remarks.is_empty(), "{}: no block after a remark", here());
            ensure!(
                !line.starts_with("    ") && !line.trim_start().starts_with("```"),
                "{}: an indented block is not run; fence it at the beginning of the line",
                here()
            );
            follows = false;
            mentioned.extend(commands(line).map(|command| (at + 1, command.to_owned())));
        }
        ensure!(remarks.is_empty(), "{name}: no block after a remark");
        for (at, command) in mentioned {
            let is_run = |block: &Block| block.skipped.is_none() && block.code.contains(&command);
            ensure!(
                blocks.iter().any(is_run),
                "{name}:{at}: `{command}` is in the text and in no block that is run"
            );
        }
        ensure!(!blocks.is_empty(), "{name} has no block");
        let first = blocks.remove(0);
        let variables = assignments(&first).with_context(|| format!("{name}:{}", first.line))?;
        Ok(Self {
            name: name.to_owned(),
            variables,
            blocks,
        })
    }

    /// The page as a script of bash that ends at the first command that fails. What block `n` prints goes to the file `n.out`
    /// of the folder in the variable `PRINTED`; each block that begins writes its number and the time to the file `begun`.
    ///
    /// # Errors
    /// When the page has a name or needs something that is not known.
    pub fn script(
        &self,
        values: &BTreeMap<&str, String>,
        givens: &BTreeMap<&str, String>,
    ) -> Result<String> {
        let mut script = "set -euo pipefail\n".to_owned();
        for (name, exported) in &self.variables {
            let value = values
                .get(name.as_str())
                .with_context(|| format!("{}: no value for {name}", self.name))?;
            let export = if *exported { "export " } else { "" };
            // Writing to a String does not fail.
            let _ = writeln!(script, "{export}{name}={}", quoted(value));
        }
        for (number, block) in self.blocks.iter().enumerate() {
            if block.skipped.is_some() {
                continue;
            }
            let given = match &block.given {
                None => "",
                Some(given) => givens.get(given.as_str()).with_context(|| {
                    format!("{}:{}: nobody sees to \"{given}\"", self.name, block.line)
                })?,
            };
            let _ = write!(
                script,
                "echo {number} $EPOCHREALTIME >>\"$PRINTED\"/begun\n{{\n:\n{given}\n}} >\"$PRINTED\"/given.out 2>&1\n\
                 {{\n{}\n}} >\"$PRINTED\"/{number}.out 2>&1\n",
                block.code
            );
        }
        script.push_str("echo end $EPOCHREALTIME >>\"$PRINTED\"/begun\n");
        Ok(script)
    }
}

/// The lines up to the end of a block.
fn body<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<&'a str>> {
    let mut body = Vec::new();
    for (_, line) in lines {
        if line == "```" {
            ensure!(!body.is_empty(), "an empty block");
            return Ok(body);
        }
        body.push(line);
    }
    bail!("a block without an end")
}

/// Commands with an argument at least, between backticks in a line of the text.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|code| {
        let mut words = code.split_whitespace();
        words.next().is_some_and(|word| PROGRAMS.contains(&word)) && words.nth(1).is_some()
    })
}

/// The names that the first block of a page gives values.
fn assignments(block: &Block) -> Result<Vec<(String, bool)>> {
    ensure!(
        block.given.is_none() && block.skipped.is_none() && block.output.is_none(),
        "the first block only gives names to what differs from cluster to cluster"
    );
    let lines = block.code.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (rest, exported) = match line.strip_prefix("export ") {
                Some(rest) => (rest, true),
                None => (line, false),
            };
            let name = rest.split_once('=').map(|(name, _)| name);
            let is_name = |name: &&str| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            };
            let name = name.filter(is_name).with_context(|| {
                format!("the first block gives names to what differs from cluster to cluster, and \"{line}\" does not")
            })?;
            Ok((name.to_owned(), exported))
        })
        .collect()
}

/// A text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
