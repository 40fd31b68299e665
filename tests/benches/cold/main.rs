//! What `completion` costs before and beside its work: the time from process start to the first question for an event,
//! the size of the binary, its peak memory after a thousand requests, and how long a streamed byte takes through it.
//! The least that can run on Lambda by the stock runtime runs in turns with it, so that a noisy machine is noisy for
//! both.
//!
//! Needs release builds of `completion` and of the example `stock`, and Node for DynamoDB; `just bench-cold` does all.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench talks to its user, stops at what it does not expect, and measures time"
)]

mod aws;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::aws::bare::Bare;
use tests::gemini::{Gemini, Hold, Script, answer};

use aws::Aws;

/// Starts of each binary.
const STARTS: usize = 41;

/// Requests before memory is looked at.
const REQUESTS: usize = 1000;

/// Streams whose first byte is timed.
const STREAMS: usize = 50;

/// A process that ends with its owner.
struct Process(Child);

impl Process {
    fn start(program: &Path, api: &str, environment: &[(String, String)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().stdout(Stdio::null()).stderr(Stdio::null()).env("AWS_LAMBDA_RUNTIME_API", api);
        let lambda = [("FUNCTION_NAME", "cold"), ("FUNCTION_MEMORY_SIZE", "128"), ("FUNCTION_VERSION", "1")];
        command.envs(lambda.map(|(name, value)| (format!("AWS_LAMBDA_{name}"), value)));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self(command.spawn().unwrap())
    }

    /// The most memory it ever had, in megabytes.
    fn peak(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024.0 / 1e6
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _dead = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn main() {
    let release = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let (ours, stock) = (release.join("completion"), release.join("examples/stock"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let hold = Hold::default();
    let (aws, gemini) = runtime.block_on(async {
        let first = hold.clone();
        let gemini = Gemini::start(move |request| {
            if request.streams() {
                return Script::stream().hold(&first).event(&answer::chunk("hello")).event(&answer::text("."));
            }
            Script::json(200, &answer::text("hello"))
        });
        let gemini = gemini.await;
        (Aws::start(gemini.key()).await, gemini)
    });
    let environment = aws.environment(&gemini.url());

    let (mut floor, mut inits) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        floor.push(init(&stock, &[]));
        inits.push(init(&ours, &environment));
    }
    println!("\n| process start to first question | min ms | median ms | size MB |");
    println!("| --- | --: | --: | --: |");
    let (floor, ours_in) = (Spread::of(floor), Spread::of(inits));
    for (name, spread, path) in [("stock, hello world", &floor, &stock), ("completion", &ours_in, &ours)] {
        println!("| {name} | {:.2} | {:.2} | {:.2} |", ms(spread.min), ms(spread.median), megabytes(path));
    }
    let ratio = |ours: Duration, floor: Duration| ours.as_secs_f64() / floor.as_secs_f64();
    println!("| ratio | {:.2} | {:.2} | |", ratio(ours_in.min, floor.min), ratio(ours_in.median, floor.median));

    let bare = Bare::start();
    let process = Process::start(&ours, &bare.address(), &environment);
    let began = Instant::now();
    let whole = event(&aws.key(), "generateContent", "");
    let mut first = Duration::ZERO;
    for number in 0..REQUESTS {
        let asked = bare.asked();
        let handed = Instant::now().max(asked);
        bare.hand(&whole);
        let told = bare.told();
        assert!(told.body.windows(7).any(|text| text == b"\"hello\""), "{}", String::from_utf8_lossy(&told.body));
        if number == 0 {
            first = told.first - handed;
        }
    }
    println!("\nfirst request (policy, pepper, key, caller all read): {:.1} ms", ms(first));
    println!("{REQUESTS} requests in {:.1} s; peak memory {:.1} MB", began.elapsed().as_secs_f64(), process.peak());

    let streamed = event(&aws.key(), "streamGenerateContent", "alt=sse");
    let waits = (0..STREAMS).map(|_| {
        let _when = bare.asked();
        bare.hand(&streamed);
        runtime.block_on(hold.reached());
        // Head and prelude have left by now.
        std::thread::sleep(Duration::from_millis(20));
        let released = Instant::now();
        hold.release();
        bare.told().first.saturating_duration_since(released)
    });
    let waits = Spread::of(waits.collect());
    println!(
        "Gemini's first byte to ours, guards, redaction and the double included: min {:.2} ms, median {:.2} ms",
        ms(waits.min),
        ms(waits.median)
    );
}

fn init(program: &Path, environment: &[(String, String)]) -> Duration {
    let bare = Bare::start();
    let began = Instant::now();
    let _process = Process::start(program, &bare.address(), environment);
    bare.asked() - began
}

struct Spread {
    min: Duration,
    median: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self { min: *times.first().unwrap(), median: *times.get(times.len() / 2).unwrap() }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn megabytes(path: &Path) -> f64 {
    let bytes = u32::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
    f64::from(bytes) / 1e6
}

fn event(key: &str, operation: &str, query: &str) -> String {
    let path = format!("/v1beta/models/gemini-3.5-flash:{operation}");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]});
    let event: Value = json!({
        "version": "2.0", "rawPath": path, "rawQueryString": query,
        "headers": {"content-type": "application/json", "x-goog-api-key": key},
        "requestContext": {"http": {"method": "POST"}}, "body": body.to_string(), "isBase64Encoded": false,
    });
    event.to_string()
}
