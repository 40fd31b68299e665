//! The gate on the road: the release binary in front of a loopback Gemini, against that Gemini alone and against a bare
//! nginx hop, in one run and in turns, so that a noisy machine is noisy for all.
//!
//! The hop that is measured has one core to itself, the load and the Gemini share another. Everything is as shipped:
//! SQLite, fsynced audit, guards and redaction. Once with `--data` in memory, once on disk.
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
const TURN: Duration = Duration::from_millis(1500);

/// How often each hop's turn comes.
const TURNS: usize = 3;

/// The core of the hop, and that of everything else.
const CORES: [&str; 2] = ["0", "1"];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
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
            compare(&hops, turn, turns).await;
            println!("\nGate's peak memory: {:.1} MB", hops[2].peak_memory() as f64 / 1e6);
        }
    });
}

/// A file system in memory, where there is one.
fn memory() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { shm } else { std::env::temp_dir() }
}

async fn compare(hops: &[Hop; 3], turn: Duration, turns: usize) {
    println!(
        "| load | hop | p50 us | added | p99 us | requests/s | CPU us/request | added to 1st token | on the 5th request |"
    );
    println!("| --- | --- | --: | --: | --: | --: | --: | --: | --: |");
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
        for hop in hops {
            load.run(hop, turn / 5).await;
        }
        let mut samples = [Sample::default(), Sample::default(), Sample::default()];
        for _ in 0..turns {
            for (hop, sample) in hops.iter().zip(&mut samples) {
                sample.add(load.run(hop, turn).await);
            }
        }
        report(&load, hops, &samples);
    }
}

fn report(load: &Load, hops: &[Hop; 3], samples: &[Sample; 3]) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let alone = &samples[0];
    let added = |time: Duration, base: Duration| micros(time) - micros(base);
    let row = |name: &str, sample: &Sample| {
        let first = |at: Option<usize>| {
            if !load.stream {
                return "-".to_owned();
            }
            format!("{:.0}", added(sample.first_token(at), alone.first_token(at)))
        };
        println!(
            "| {load} | {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {} | {} |",
            micros(sample.percentile(50)),
            added(sample.percentile(50), alone.percentile(50)),
            micros(sample.percentile(99)),
            sample.rate(),
            micros(sample.cpu_each()),
            first(None),
            first(Some(4)),
        );
    };
    for (hop, sample) in hops.iter().zip(samples) {
        row(hop.name(), sample);
    }
    let [_, nginx, gate] = samples;
    let p50 =
        added(gate.percentile(50), alone.percentile(50)) / added(nginx.percentile(50), alone.percentile(50)).max(1.0);
    let cpu = micros(gate.cpu_each()) / micros(nginx.cpu_each()).max(0.1);
    let rate = gate.rate() / nginx.rate();
    let ratio = |at| {
        added(gate.first_token(at), alone.first_token(at))
            / added(nginx.first_token(at), alone.first_token(at)).max(1.0)
    };
    let (first, fifth) = if load.stream {
        (format!("{:.2}x", ratio(None)), format!("{:.2}x", ratio(Some(4))))
    } else {
        ("-".into(), "-".into())
    };
    println!("| {load} | **gate / nginx** | | {p50:.2}x | | {rate:.2}x | {cpu:.2}x | {first} | {fifth} |");
}
