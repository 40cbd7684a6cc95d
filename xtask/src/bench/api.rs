//! `cargo xtask bench api`.

use super::{
    Api,
    load::{Turn, resident_mib, turn},
    ours::Ours,
    rival::Rival,
};
use crate::{
    cluster::{packages, product},
    install,
};
use anyhow::{Context as _, Result};
use common_scratch::{Package, Postgres, Redis};
use std::fs;

/// What the bench uses beside the servers.
const PACKAGES: &[Package] = &[
    Postgres::PACKAGE,
    Redis::PACKAGE,
    Package {
        file: "/usr/bin/wrk",
        name: "wrk",
    },
    Package {
        file: "/usr/bin/curl",
        name: "curl",
    },
];

/// A row of the table: who, what, and the turns.
struct Row {
    side: &'static str,
    request: &'static str,
    turns: Vec<Turn>,
}

/// Measures and prints.
pub(super) fn run(args: &Api) -> Result<()> {
    install::ensure(PACKAGES)?;
    let binary = if let Some(binary) = &args.binary {
        binary.clone()
    } else {
        packages::ensure_image_tools()?;
        product::compile()?
    };
    let postgres = Postgres::start()?;
    let ours = Ours::start(&binary, &postgres)?;
    let rival = Rival::start(&postgres)?;
    let requests = [
        ("list of 20", "/api/v1/tasks?limit=20".to_owned()),
        ("one task", format!("/api/v1/tasks/{}", ours.task)),
    ];
    let sides = [
        ("crewdeck", Ours::url(), ours.process()),
        ("FastAPI", Rival::url(), rival.process()),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for round in 0..=args.rounds {
        for (request, path) in &requests {
            for (side, url, process) in &sides {
                let url = format!("{url}{path}");
                // The first round warms up and is short.
                let seconds = if round == 0 { 1 } else { args.seconds };
                let turn = turn(&url, &ours.token, *process, seconds)?;
                if round == 0 {
                    rows.push(Row {
                        side,
                        request,
                        turns: Vec::new(),
                    });
                } else {
                    let row = rows
                        .iter_mut()
                        .find(|row| row.side == *side && row.request == *request);
                    row.context("made in the first round")?.turns.push(turn);
                }
            }
        }
        eprintln!("round {round} of {}", args.rounds);
    }
    print(&rows, args, &ours, &rival);
    Ok(())
}

fn print(rows: &[Row], args: &Api, ours: &Ours, rival: &Rival) {
    println!(
        "\n{:<10} {:<11} {:>10} {:>14} {:>9} {:>9}",
        "side", "request", "requests/s", "CPU µs/request", "p50 ms", "p99 ms"
    );
    for row in rows {
        let of = |figure: fn(&Turn) -> f64| median(row.turns.iter().map(figure).collect());
        println!(
            "{:<10} {:<11} {:>10.0} {:>14.0} {:>9.2} {:>9.2}",
            row.side,
            row.request,
            of(|turn| turn.rate),
            of(|turn| turn.cpu),
            of(|turn| turn.p50),
            of(|turn| turn.p99)
        );
    }
    println!(
        "\nmemory after it: crewdeck {:.0} MiB (six roles), FastAPI {:.0} MiB (two workers and their parent)",
        resident_mib(ours.process()),
        resident_mib(rival.process())
    );
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "medians of {} turns of {} s, 16 connections; {} cores, load {}",
        args.rounds,
        args.seconds,
        std::thread::available_parallelism().map_or(0, usize::from),
        load.split_whitespace().next().unwrap_or("?")
    );
}

/// The middle one.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
