//! The function `completion`: the guarded endpoint, on Lambda or as an HTTP server wherever its settings are given.

use std::process::ExitCode;

use completion::{Deployment, Error};
use shared::config::Environment;
use shared::host::{self, Door};
use shared::telemetry;

// One thread: Lambda gives a function a fraction of a processor, and starting more costs time before the first request.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::start(&Environment);
    telemetry::exit(run().await)
}

async fn run() -> Result<(), Error> {
    let gate = match Deployment::read(&Environment).map_err(Error::Config).and_then(completion::build) {
        Ok(gate) => gate,
        Err(error) => {
            host::give_up(&Environment, error.code()).await;
            return Err(error);
        }
    };
    let stop = host::stop_signal().map_err(Error::NoSignals)?;
    let door = Door::open(&Environment).await.map_err(Error::Host)?;
    gate.serve(door, stop).await.map_err(Error::Host)
}
