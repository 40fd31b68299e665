//! One event, and what comes of it.

use std::time::Duration;

use shared::clock::Timestamp;
use shared::ports::mint::{Mint, Probe};
use shared::ports::secrets::Store;
use shared::telemetry::Chain;

use crate::error::Error;
use crate::event::{Event, Request, Unknown};
use crate::job::Job;
use crate::plan::Step;
use crate::plan::early::Early;
use crate::ports::{Notices, Timer};

/// Before the platform ends the process: what it takes to say how it went.
const MARGIN: Duration = Duration::from_secs(3);

/// How long one event may be worked on where the platform names no deadline: Lambda's own bound.
const LONGEST: Duration = Duration::from_secs(15 * 60);

impl<S: Store, M: Mint, P: Probe, T: Timer, N: Notices> Job<S, M, P, T, N> {
    /// Does what an event asks for, until shortly before `deadline`.
    ///
    /// # Errors
    /// [`Error`], which is in the log then.
    pub async fn work(&self, event: &[u8], deadline: Option<Timestamp>) -> Result<(), Error> {
        let event = serde_json::from_slice(event).map_err(|_| Unknown).and_then(|event| Event::parse(&event));
        let until = until(self.timer.now(), deadline);
        let done = match event {
            Ok(Event::Step(request)) => self.take_step(&request, until).await,
            Ok(Event::Alarm) => self.hear_alarm().await,
            Ok(Event::Look) => self.look_around().await,
            Ok(Event::Quiet) => Ok(()),
            Err(unknown) => Err(unknown.into()),
        };
        if let Err(error) = &done {
            tracing::error!(code = error.code(), error = %Chain(error), "not_done");
        }
        done
    }

    async fn take_step(&self, request: &Request, until: Timestamp) -> Result<(), Error> {
        self.step(request, until).await?;
        let message = if request.step == Step::FinishSecret { "rotated" } else { "step_done" };
        tracing::info!(step = ?request.step, version = %request.version, "{message}");
        Ok(())
    }

    async fn hear_alarm(&self) -> Result<(), Error> {
        match self.hasten().await? {
            Early::Rotate => tracing::warn!("the key is rejected: a rotation before its time has been asked for"),
            Early::UnderWay => tracing::warn!("the key is rejected, and a rotation is under way"),
            Early::TooSoon { until } => {
                tracing::warn!(until = until.0, "the key is rejected, and the last rotation is too recent for another");
            }
        }
        Ok(())
    }

    async fn look_around(&self) -> Result<(), Error> {
        let outlook = self.look().await?;
        for wrong in &outlook.wrong {
            tracing::warn!(code = wrong.code(), "{wrong}");
        }
        tracing::info!(wrong = outlook.wrong.len(), "looked");
        Ok(())
    }
}

fn until(now: Timestamp, deadline: Option<Timestamp>) -> Timestamp {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    match deadline {
        Some(Timestamp(deadline)) => Timestamp(deadline.saturating_sub(millis(MARGIN))),
        None => Timestamp(now.0.saturating_add(millis(LONGEST))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_before_the_process_does() {
        assert_eq!(until(Timestamp(0), Some(Timestamp(10_000))), Timestamp(7_000));
        assert_eq!(until(Timestamp(0), Some(Timestamp(1))), Timestamp(0));
        assert_eq!(until(Timestamp(1), None), Timestamp(900_001));
    }
}
