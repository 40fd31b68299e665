//! Reads metrics off the events of the log.

use std::fmt;
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use super::OWN;
use crate::clock::{Clock as _, SystemClock};
use crate::metrics::Event;

/// Writes the metrics of events, whatever is logged of them.
pub(super) struct Meter<W> {
    pub(super) function: String,
    pub(super) to: W,
}

impl<S, W> Layer<S> for Meter<W>
where
    S: tracing::Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, told: &tracing::Event<'_>, _: Context<'_, S>) {
        if !OWN.contains(&told.metadata().target().split(':').next().unwrap_or_default()) {
            return;
        }
        let mut event = Fields::default();
        told.record(&mut event);
        let mut text = event.0.lines(&self.function, SystemClock.now()).join("\n");
        if !text.is_empty() {
            text.push('\n');
            // One write, so that lines stay whole. There is nobody to tell should it fail.
            let _lost = self.to.make_writer().write_all(text.as_bytes());
        }
    }
}

#[derive(Default)]
struct Fields(Event);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.number(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.truth(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.text("message", &format!("{value:?}"));
        }
    }
}
