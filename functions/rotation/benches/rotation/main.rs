//! Many rotations under traffic, with a fault in most runs: how many requests were served, and how many were not.
//!
//! `just bench-rotation [ROTATIONS] [SEED]`.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench talks to its user, and stops at what it does not expect"
)]

#[path = "../../tests/process/driver.rs"]
mod driver;

use std::path::Path;
use std::process::ExitCode;

use tests::rotating::Fault;

/// The calls of one run of the four steps that a fault may befall: a few more than there are.
const CALLS: u64 = 45;

/// One run in so many goes undisturbed.
const CALM: u64 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let (rotations, seed) = (words.next().unwrap_or(10), words.next().unwrap_or(1));
    let mut chance = seed;
    let mut roll = move |below: u64| {
        // Knuth's constants (MMIX): any faults will do, so long as the same seed gives the same.
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let fault = move |_| {
        let (call, kind, calm) = (roll(CALLS) + 1, roll(Fault::ALL.len() as u64), roll(CALM) == 0);
        let fault = Fault::ALL.get(usize::try_from(kind).unwrap()).copied()?;
        (!calm).then_some((usize::try_from(call).unwrap(), fault))
    };
    let rotations = usize::try_from(rotations).unwrap();
    let report = driver::rotate(Path::new(env!("CARGO_BIN_EXE_rotation")), rotations, fault).await;
    println!("requests served    {}", report.served);
    println!("rotations done     {} (in {} runs of a step)", report.rotations, report.runs);
    println!("faults injected    {}", report.faults);
    println!("keys made, alive   {}, {}", report.made, report.living);
    println!("keys seen in use   {}", report.keys.len());
    println!("failures           {}", report.failed.len());
    println!("secrets printed    {}", report.leaks().len());
    report.failed.iter().take(5).for_each(|failure| println!("  {failure}"));
    if report.failed.is_empty() && report.leaks().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
