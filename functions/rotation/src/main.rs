//! The function `rotation`: steps of a rotation as Secrets Manager asks for them, an early rotation where an alarm does,
//! and a look at how things stand where a schedule does. Outside Lambda it works on the event on standard input, once.

use std::process::ExitCode;
use std::sync::Arc;

use rotation::deployment::{self, Deployment, Unstarted};
use shared::config::Environment;
use shared::host::{self, Task, Undone};
use shared::telemetry;

// One thread: a step waits for others most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::start(&Environment);
    telemetry::exit(run().await)
}

async fn run() -> Result<(), Unstarted> {
    let job = match Deployment::read(&Environment).map_err(Unstarted::Config).and_then(deployment::build) {
        Ok(job) => Arc::new(job),
        Err(error) => {
            host::give_up(&Environment, error.code()).await;
            return Err(error);
        }
    };
    let stop = host::stop_signal().map_err(Unstarted::NoSignals)?;
    let answer = move |Task { event, deadline }| {
        let job = Arc::clone(&job);
        async move {
            let done = job.work(&event, deadline.map(|host::Deadline(at)| at)).await;
            done.map(|()| "null".into()).map_err(|error| Undone(error.code()))
        }
    };
    host::work(&Environment, answer, stop).await.map_err(Unstarted::Host)
}
