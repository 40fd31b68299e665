//! What a function tells its operator: log lines on stderr, panics by their place, errors with their causes. On Lambda
//! also metrics, which CloudWatch reads off stdout.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{self, Location};
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt as lines};

use crate::config::{self, Strings};

mod meter;

use meter::Meter;

/// How much is logged: `off`, `error`, `warn`, `info` (the default), `debug` or `trace`. It holds for Gatehouse's own
/// lines; libraries log warnings at most, since their finer lines show headers and bodies.
pub const GATEHOUSE_LOG: &str = "GATEHOUSE_LOG";

/// How lines look: `human` or `json`. On Lambda the default is `json`, elsewhere `human`.
pub const GATEHOUSE_LOG_FORMAT: &str = "GATEHOUSE_LOG_FORMAT";

/// Set by Lambda for every function.
const AWS_LAMBDA_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The function's name, which Lambda sets too. Where there is one, there is a CloudWatch that reads metrics.
const AWS_LAMBDA_FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// The exit code of a process whose settings are wrong: `EX_USAGE` of BSD's `sysexits.h`.
const BAD_SETTINGS: u8 = 64;

/// Gatehouse's own crates.
const OWN: [&str; 5] = ["completion", "drain", "gatehouse", "rotation", "shared"];

/// Starts logging to stderr, and has panics logged by their place only, since a panic's message may hold anything.
///
/// A setting that cannot be read is logged and its default used: a typing error in it must not stop a function. Called
/// a second time, it changes nothing.
pub fn start(strings: &dyn Strings) {
    let (settings, mistakes) = Settings::read(strings);
    let meter = strings.get(AWS_LAMBDA_FUNCTION_NAME).ok().flatten().map(|function| Meter { function, to: io::stdout });
    if Registry::default().with(settings.layer(io::stderr)).with(meter).try_init().is_err() {
        return;
    }
    panic::set_hook(Box::new(|panicked| report(panicked.location())));
    for variable in mistakes {
        tracing::warn!(variable, "a setting cannot be read; its default is used");
    }
}

/// The end of a `main`: an error is logged with its causes. It is exit code 64 where the settings are wrong, else 1.
pub fn exit<E: Error + 'static>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", Chain(&error));
            if is_of_settings(&error) { ExitCode::from(BAD_SETTINGS) } else { ExitCode::FAILURE }
        }
    }
}

fn is_of_settings(error: &(dyn Error + 'static)) -> bool {
    error.is::<config::Invalid>() || error.source().is_some_and(is_of_settings)
}

/// An error with its causes, each once: `a: b: c`.
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settings {
    level: LevelFilter,
    format: Format,
}

impl Settings {
    /// The settings, and the variables that could not be read.
    fn read(strings: &dyn Strings) -> (Self, Vec<&'static str>) {
        let mut mistakes = Vec::new();
        let mut text = |variable| match strings.get(variable) {
            Ok(text) => text.filter(|text| !text.trim().is_empty()).map(|text| text.trim().to_ascii_lowercase()),
            Err(_) => {
                mistakes.push(variable);
                None
            }
        };
        let (level, format, platform) = (text(GATEHOUSE_LOG), text(GATEHOUSE_LOG_FORMAT), text(AWS_LAMBDA_RUNTIME_API));
        let level = level.map_or(Some(LevelFilter::INFO), |level| match level.as_str() {
            "off" => Some(LevelFilter::OFF),
            "error" => Some(LevelFilter::ERROR),
            "warn" => Some(LevelFilter::WARN),
            "info" => Some(LevelFilter::INFO),
            "debug" => Some(LevelFilter::DEBUG),
            "trace" => Some(LevelFilter::TRACE),
            _ => None,
        });
        let usual = if platform.is_some() { Format::Json } else { Format::Human };
        let format = format.map_or(Some(usual), |format| match format.as_str() {
            "human" => Some(Format::Human),
            "json" => Some(Format::Json),
            _ => None,
        });
        mistakes.extend(level.is_none().then_some(GATEHOUSE_LOG));
        mistakes.extend(format.is_none().then_some(GATEHOUSE_LOG_FORMAT));
        (Self { level: level.unwrap_or(LevelFilter::INFO), format: format.unwrap_or(usual) }, mistakes)
    }

    fn layer<W>(self, to: W) -> impl Layer<Registry>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let targets = Targets::new()
            .with_default(self.level.min(LevelFilter::WARN))
            .with_targets(OWN.map(|own| (own, self.level)));
        let layer = lines::layer().with_writer(to).with_ansi(false);
        let layer = match self.format {
            Format::Human => layer.boxed(),
            Format::Json => layer.json().flatten_event(true).boxed(),
        };
        layer.with_filter(targets)
    }
}

fn report(place: Option<&Location<'_>>) {
    match place {
        Some(place) => tracing::error!(file = place.file(), line = place.line(), "panicked"),
        None => tracing::error!("panicked"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not open the store")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("could not read its header")]
    struct Middle(#[source] io::Error);

    #[test]
    fn a_chain_tells_each_cause_once() {
        let error = Outer(Middle(io::Error::other("the disk is gone")));
        assert_eq!(Chain(&error).to_string(), "could not open the store: could not read its header: the disk is gone");
    }

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged under these settings.
    fn logged(settings: &[(&'static str, &'static str)], act: impl FnOnce()) -> String {
        let environment: HashMap<&str, &str> = settings.iter().copied().collect();
        let paper = Paper::default();
        let page = paper.clone();
        let (settings, _) = Settings::read(&environment);
        let subscriber = Registry::default().with(settings.layer(move || page.clone()));
        tracing::subscriber::with_default(subscriber, act);
        paper.text()
    }

    fn one_line_each() {
        tracing::debug!(target: "completion::service", "ours, fine");
        tracing::info!(target: "completion::service", "ours");
        tracing::info!(target: "hyper::proto", "theirs");
        tracing::debug!(target: "hyper::proto", "authorization: x");
        tracing::warn!(target: "hyper::proto", "theirs, grave");
    }

    #[test]
    fn libraries_log_warnings_at_most() {
        for level in ["debug", "trace"] {
            let text = logged(&[(GATEHOUSE_LOG, level)], one_line_each);
            assert!(text.contains("ours, fine") && text.contains("theirs, grave"), "{text}");
            assert_eq!(text.lines().count(), 3, "{text}");
        }
    }

    #[test]
    fn the_default_is_info_for_people() {
        let text = logged(&[], one_line_each);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains(" INFO completion::service: ours"), "{text}");
    }

    #[test]
    fn off_is_off_for_libraries_too() {
        assert_eq!(logged(&[(GATEHOUSE_LOG, "off")], one_line_each), "");
    }

    #[test]
    fn on_lambda_lines_are_json_with_their_fields_at_the_top() {
        let text = logged(
            &[(AWS_LAMBDA_RUNTIME_API, "127.0.0.1:9001")],
            || tracing::info!(target: "shared", count = 3, "done"),
        );
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["count"], &line["message"], &line["level"]), (&3.into(), &"done".into(), &"INFO".into()));
    }

    #[test]
    fn metrics_are_read_off_our_own_events_even_where_nothing_is_logged() {
        let (log, paper) = (Paper::default(), Paper::default());
        let (off, line, page) = (HashMap::from([(GATEHOUSE_LOG, "off")]), log.clone(), paper.clone());
        let layer = Settings::read(&off).0.layer(move || line.clone());
        let meter = Meter { function: "f".to_owned(), to: move || page.clone() };
        tracing::subscriber::with_default(Registry::default().with(layer).with(Some(meter)), || {
            tracing::info!(target: "completion::service", decision = "allow", cost_micros = 7_u64, "answered");
            tracing::info!(target: "completion::service", code = "unknown_route", "refused");
            tracing::info!(target: "theirs", code = "unknown_route", "refused");
            tracing::info!(target: "completion::service", "neither");
        });
        let text = paper.text();
        assert_eq!(log.text(), "");
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!((&lines[0]["cost_micros"], &lines[0]["requests"]), (&7.into(), &1.into()));
        assert_eq!(lines[1]["code"], "unknown_route");
    }

    #[test]
    fn wrong_settings_have_an_exit_code_of_their_own() {
        #[derive(Debug, thiserror::Error)]
        #[error("the settings are wrong")]
        struct Wrong(#[source] config::Invalid);

        let wrong = exit(Err(Wrong(config::Invalid { mistakes: Vec::new() })));
        assert_eq!(wrong, ExitCode::from(64));
        assert_eq!(exit(Err(Outer(Middle(io::Error::other("gone"))))), ExitCode::FAILURE);
    }

    #[test]
    fn a_setting_that_cannot_be_read_is_named_and_the_default_used() {
        let environment = HashMap::from([(GATEHOUSE_LOG, "loud"), (GATEHOUSE_LOG_FORMAT, "xml")]);
        let (settings, mistakes) = Settings::read(&environment);
        assert_eq!(settings, Settings { level: LevelFilter::INFO, format: Format::Human });
        assert_eq!(mistakes, [GATEHOUSE_LOG, GATEHOUSE_LOG_FORMAT]);
    }

    #[test]
    fn a_panic_is_told_by_its_place_and_not_by_its_words() {
        let text = logged(&[], || {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(|panicked| report(panicked.location())));
            let caught = panic::catch_unwind(|| panic!("the secret wish"));
            panic::set_hook(usual);
            assert!(caught.is_err());
        });
        assert!(text.contains("panicked") && text.contains("telemetry.rs"), "{text}");
        assert!(!text.contains("wish"), "{text}");
    }
}
