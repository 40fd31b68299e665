//! What the drain does with a core: records a second from an event of Lambda's to an object and its manifest in a loopback
//! S3, by the processor's time and by the clock, and the most memory it ever held, at batches of every size. Then a
//! hundred thousand records while everything fails, and a million that are verified.
//!
//! Needs release builds of `drain` and `gatehouse`; `just bench-drain` does all. Words choose parts: `speed`, `losses`,
//! `verify`.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench talks to its user, stops at what it does not expect, and measures time"
)]

#[path = "../../e2e/aws/losses.rs"]
mod losses;

use std::time::{Duration, Instant};

use drain::object::{Form, Object};
use shared::audit::{Hour, Record};
use shared::clock::{Clock as _, ManualClock, SystemClock, Timestamp};
use shared::fakes::store::Memory;
use shared::ports::trail::Store as _;
use shared::signature::LocalKey;
use tests::aws::bucket::Bucket;
use tests::aws::runtime::LARGEST_PAYLOAD;
use tests::gate;

/// What the S3 path must do on a core.
const RECORDS_A_SECOND: f64 = 20_000.0;

/// What it may hold, in bytes, at any batch.
const MEMORY: u64 = 64 << 20;

/// How long each size of batch is measured.
const EACH: Duration = Duration::from_secs(6);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut well = true;
    if wanted("speed") {
        well &= runtime.block_on(speed());
    }
    if wanted("losses") {
        let begun = Instant::now();
        let run = runtime.block_on(losses::run(6250, 1000));
        let (seconds, stored) = (begun.elapsed().as_secs_f64(), run.stored);
        println!(
            "losses: 100000 records, {} kills, {} objects, {stored} stored: none lost, verified, {seconds:.1} s",
            run.kills, run.objects
        );
    }
    if wanted("verify") {
        runtime.block_on(verify());
    }
    assert!(well, "the drain misses a bar");
}

/// Batches as large as events may be, of records of this many bytes of prompt.
fn batches(lines: &[String], most: usize) -> Vec<String> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for line in lines {
        // Quotes are escaped, and around each message stand some 300 bytes.
        let size = serde_json::to_string(line).unwrap().len() + 320;
        if batch.len() == most || bytes + size > LARGEST_PAYLOAD {
            batches.push(losses::event(&std::mem::take(&mut batch)).to_string());
            bytes = 0;
        }
        bytes += size;
        batch.push((batch.len(), line.as_str()));
    }
    batches.push(losses::event(&batch).to_string());
    batches
}

async fn speed() -> bool {
    let typical: Vec<String> = (1..=8).flat_map(|writer| losses::chain(writer, 2000, 60)).collect();
    let long: Vec<String> = (1..=2).flat_map(|writer| losses::chain(writer, 40, 35_000)).collect();
    let bytes = typical.iter().map(String::len).sum::<usize>() / typical.len();
    println!("speed: records of {bytes} bytes; of {} bytes where long", long[0].len());
    let mut well = true;
    for (what, lines, most) in [
        ("batches of 10", &typical, 10),
        ("batches of 100", &typical, 100),
        ("batches of 1000", &typical, 1000),
        ("batches of 6 MB", &typical, usize::MAX),
        ("long records, 6 MB", &long, usize::MAX),
    ] {
        let bucket = Bucket::start().await;
        let drain = losses::drain_before(&bucket).never_frozen().concurrency(1).start().await;
        let batches = batches(lines, most);
        let of: Vec<usize> = batches.iter().map(|batch| batch.matches("\"messageId\"").count()).collect();
        drain.invoke(&serde_json::from_str(&batches[0]).unwrap()).await.unwrap();
        let pid = drain.processes()[0];
        let (mut records, before, begun) = (0, processor_time(pid), Instant::now());
        let mut wall = Duration::ZERO;
        for at in (0..batches.len()).cycle() {
            if begun.elapsed() > EACH {
                break;
            }
            bucket.clear();
            let event = serde_json::from_str(&batches[at]).unwrap();
            drain.settle().await;
            let asked = Instant::now();
            let answer = drain.invoke(&event).await.unwrap();
            wall += asked.elapsed();
            assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(0), "{answer}");
            records += of[at];
        }
        let (used, peak) = (processor_time(pid) - before, peak(pid));
        let by_core = records as f64 / used.as_secs_f64();
        println!(
            "  {what:20} {by_core:9.0} records/s/core  {:9.0} records/s  peak {:5.1} MB",
            records as f64 / wall.as_secs_f64(),
            peak as f64 / 1e6
        );
        // Small batches are two requests for few records: what they cost is S3's.
        well &= peak < MEMORY && (most < 1000 || lines.len() < 1000 || by_core >= RECORDS_A_SECOND);
    }
    well
}

/// What a process has used of a processor.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // User's and the system's, in hundredths of a second: USER_HZ, which is 100 on every Linux that we know.
    let hundredths: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(hundredths * 10)
}

/// The most memory it ever held.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// A million records in a folder, sealed, and the real command over them.
async fn verify() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let (store, key) = (Memory::default(), LocalKey::read(&LocalKey::make().unwrap()).unwrap());
    let public = key.public().to_pem();
    let mut records = 0_u64;
    for writer in 1..=100 {
        let lines = losses::chain(writer, 5000, 60);
        for part in lines.chunks(5000) {
            let part = part.iter().map(|line| (Record::from_line(line).unwrap().into(), line.clone())).collect();
            records += 5000;
            let Object { key, body, manifest_key, manifest } = Object::pack(Hour::of(now), Form::Gzip, part);
            let path = folder.path().join("trail").join(&key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, body).unwrap();
            store.create(&manifest_key, manifest.to_line().into_bytes()).await.unwrap();
        }
    }
    let later = ManualClock::at(Timestamp(now.0 + 2 * 3_600_000));
    let begun = Instant::now();
    drain::Sealing::new(store.clone(), key, None::<Memory>, later).run().await.unwrap();
    let sealed = begun.elapsed().as_secs_f64();
    for (key, body) in store.objects() {
        let path = folder.path().join("trail").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, body).unwrap();
    }
    std::fs::write(folder.path().join("seal.pub"), public).unwrap();
    let begun = Instant::now();
    let mut command = std::process::Command::new(gate::binary());
    command.args(["audit", "verify", "--folder", "trail", "--key", "seal.pub"]).current_dir(folder.path());
    let output = command.output().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{output:?}");
    println!("verify: {records} records in {seconds:.1} s; their hour was sealed in {sealed:.1} s");
}
