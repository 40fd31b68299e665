//! The gate on the road: the release binary in front of a loopback Gemini, against that Gemini alone and against a bare
//! nginx hop, in one run and in turns, so that a noisy machine is noisy for all.
//!
//! The hop that is measured has one core to itself, the load and the Gemini share another; how busy a hop keeps its core
//! is told, since one that is not busy is held up by the load and would be quicker with more. Everything is as shipped:
//! SQLite, fsynced audit, guards and redaction. Once with `--data` in memory, once on disk.
//!
//! Each load comes in rounds, in which every hop has its turn. A figure is the median of the rounds', a ratio too: it is
//! taken within a round, whose turns are a second apart.
//!
//! `--quick` gives figures of little worth; words choose the loads whose names have them all, as in `stream '16 at once'`.
//!
//! Needs `nginx` and `taskset` (Debian: nginx-light, util-linux) and a release build; `just bench-gateway` does both.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a bench talks to its user, stops at what it does not expect, and measures time"
)]

mod hop;
mod load;
mod upstream;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hop::Hop;
use load::{Load, Sample};

/// How long each hop is loaded, each time its turn comes.
const TURN: Duration = Duration::from_millis(700);

/// How often each hop's turn comes.
const TURNS: usize = 7;

/// The core of the hop, and that of everything else.
const CORES: [&str; 2] = ["0", "1"];

fn main() {
    let (options, words): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let quick = options.iter().any(|option| option == "--quick");
    let (turn, turns) = if quick { (Duration::from_millis(300), 1) } else { (TURN, TURNS) };
    hop::pin(std::process::id(), CORES[1]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = upstream::start().await;
        let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for (name, place) in [("data in memory", memory().as_path()), ("data on disk", disk)] {
            let home = tempfile::tempdir_in(place).unwrap();
            let hops =
                [Hop::alone(upstream), Hop::nginx(upstream, home.path()).await, Hop::gate(upstream, home.path())];
            println!("\n## {name}\n");
            compare(&hops, &words, turn, turns).await;
            println!("\nGate's peak memory: {:.1} MB", hops[2].peak_memory() as f64 / 1e6);
        }
    });
}

/// A file system in memory, where there is one.
fn memory() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { shm } else { std::env::temp_dir() }
}

/// Compares the hops under each load whose name has all the words.
async fn compare(hops: &[Hop; 3], words: &[String], turn: Duration, turns: usize) {
    println!(
        "| load | hop | p50 us | added | p99 us | requests/s | CPU us/request | busy | added to 1st token | on the 5th \
         request |"
    );
    println!("| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |");
    for (stream, bytes, concurrency) in [
        (false, 1 << 10, 1),
        (false, 10 << 10, 1),
        (true, 1 << 10, 1),
        (true, 10 << 10, 1),
        (false, 1 << 10, 16),
        (false, 10 << 10, 16),
        (true, 1 << 10, 16),
        (true, 10 << 10, 16),
    ] {
        let load = Load { stream, bytes, concurrency };
        if !words.iter().all(|word| load.to_string().contains(word.as_str())) {
            continue;
        }
        for hop in hops {
            load.run(hop, turn / 2).await;
        }
        let mut rounds = Vec::new();
        for _ in 0..turns {
            let [alone, nginx, gate] = hops;
            rounds.push([load.run(alone, turn).await, load.run(nginx, turn).await, load.run(gate, turn).await]);
        }
        report(&load, hops, &rounds);
    }
}

fn report(load: &Load, hops: &[Hop; 3], rounds: &[[Sample; 3]]) {
    let p50 = |sample: &Sample| micros(sample.percentile(50));
    let first = |sample: &Sample| micros(sample.first_token(None));
    let fifth = |sample: &Sample| micros(sample.first_token(Some(4)));
    for (at, hop) in hops.iter().enumerate() {
        let figure = |figure: &dyn Fn(&Sample) -> f64| median(rounds, |round| figure(&round[at]));
        let added = |figure: &dyn Fn(&Sample) -> f64| median(rounds, |round| figure(&round[at]) - figure(&round[0]));
        let streamed = |figure: &dyn Fn(&Sample) -> f64| {
            if load.stream { format!("{:.0}", added(figure)) } else { "-".to_owned() }
        };
        println!(
            "| {load} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} % | {} | {} |",
            hop.name(),
            figure(&p50),
            added(&p50),
            figure(&|sample| micros(sample.percentile(99))),
            figure(&Sample::rate),
            figure(&|sample| micros(sample.cpu_each())),
            figure(&|sample| sample.busy() * 100.0),
            streamed(&first),
            streamed(&fifth),
        );
    }
    let ratio = |figure: &dyn Fn(&Sample) -> f64| median(rounds, |[_, nginx, gate]| figure(gate) / figure(nginx));
    let added = |figure: &dyn Fn(&Sample) -> f64| {
        median(rounds, |[alone, nginx, gate]| (figure(gate) - figure(alone)) / (figure(nginx) - figure(alone)).max(1.0))
    };
    let streamed = |figure: &dyn Fn(&Sample) -> f64| {
        if load.stream { format!("{:.2}x", added(figure)) } else { "-".to_owned() }
    };
    println!(
        "| {load} | **gate / nginx** | | {:.2}x | | {:.2}x | {:.2}x | | {} | {} |",
        added(&p50),
        ratio(&Sample::rate),
        ratio(&|sample| micros(sample.cpu_each())),
        streamed(&first),
        streamed(&fifth),
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The median of what a figure is in each round.
fn median(rounds: &[[Sample; 3]], figure: impl Fn(&[Sample; 3]) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
