//! The function `drain`: on Lambda it takes the audit queue over, or seals; elsewhere it does so once, for the event on
//! its standard input.

use std::process::ExitCode;
use std::sync::Arc;

use drain::{Config, Error, build};
use shared::config::Environment;
use shared::{host, telemetry};

// One thread: Lambda gives a function a fraction of a processor, and starting more costs time before the first event.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::start(&Environment);
    telemetry::exit(run().await)
}

async fn run() -> Result<(), Error> {
    let function = match Config::read(&Environment).map_err(Error::Config).and_then(build) {
        Ok(function) => Arc::new(function),
        Err(error) => {
            host::give_up(&Environment, error.code()).await;
            return Err(error);
        }
    };
    let stop = host::stop_signal().map_err(Error::NoSignals)?;
    let work = move |task| {
        let function = Arc::clone(&function);
        async move { function.work(task).await }
    };
    host::work(&Environment, work, stop).await.map_err(Error::Host)
}
