//! Settings from the environment: typed at the door, every mistake told at once, values never told.
//!
//! Each function keeps a constant per variable and reads them all through one [`Reader`]:
//!
//! ```
//! use std::collections::HashMap;
//! use std::time::Duration;
//!
//! use shared::config::{Reader, Seconds, Strings};
//!
//! /// How long an answer may take in all.
//! const TIMEOUT_SECONDS: &str = "TIMEOUT_SECONDS";
//!
//! fn timeout(strings: &dyn Strings) -> Result<Duration, shared::config::Invalid> {
//!     let mut read = Reader::new(strings);
//!     let Seconds(timeout) = read.or(TIMEOUT_SECONDS, Seconds(Duration::from_secs(60)));
//!     read.finish(Some(timeout))
//! }
//!
//! let environment = HashMap::from([("TIMEOUT_SECONDS", "soon")]);
//! assert_eq!(timeout(&environment).unwrap_err().to_string(), "`TIMEOUT_SECONDS` is not a whole number of seconds");
//! ```

use std::collections::HashMap;
use std::env::VarError;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;

/// Where settings come from.
pub trait Strings {
    /// The setting's text; `None` where it is absent.
    ///
    /// # Errors
    /// [`NotText`] where it is no Unicode.
    fn get(&self, name: &str) -> Result<Option<String>, NotText>;
}

/// A setting that is no Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotText;

/// The process's environment. Only a `main` and the telemetry read it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Strings for Environment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the process's environment")]
    fn get(&self, name: &str) -> Result<Option<String>, NotText> {
        match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(NotText),
        }
    }
}

impl<S: std::hash::BuildHasher> Strings for HashMap<&str, &str, S> {
    fn get(&self, name: &str) -> Result<Option<String>, NotText> {
        Ok(Self::get(self, name).map(|value| (*value).to_owned()))
    }
}

/// Reads settings and gathers what is wrong with them. A variable that is set to nothing counts as absent, since many
/// tools cannot leave one out.
pub struct Reader<'s> {
    strings: &'s dyn Strings,
    mistakes: Vec<Mistake>,
}

impl<'s> Reader<'s> {
    /// Reads from `strings`.
    #[must_use]
    pub fn new(strings: &'s dyn Strings) -> Self {
        Self { strings, mistakes: Vec::new() }
    }

    /// A setting that must be there. `None` only with a mistake noted, so that [`finish`](Self::finish) fails.
    pub fn required<T: Setting>(&mut self, variable: &'static str) -> Option<T> {
        let before = self.mistakes.len();
        let value = self.optional(variable);
        if value.is_none() && self.mistakes.len() == before {
            self.mistakes.push(Mistake { variable, problem: Problem::Absent });
        }
        value
    }

    /// A setting that may be absent.
    pub fn optional<T: Setting>(&mut self, variable: &'static str) -> Option<T> {
        let problem = match self.strings.get(variable) {
            Ok(None) => return None,
            Ok(Some(text)) if text.trim().is_empty() => return None,
            Ok(Some(text)) => match T::parse(text.trim()) {
                Some(value) => return Some(value),
                None => Problem::Wrong { wanted: T::WANTED },
            },
            Err(NotText) => Problem::NotText,
        };
        self.mistakes.push(Mistake { variable, problem });
        None
    }

    /// A setting with a default. Where it is wrong the default stands in, and [`finish`](Self::finish) fails.
    pub fn or<T: Setting>(&mut self, variable: &'static str, default: T) -> T {
        self.optional(variable).unwrap_or(default)
    }

    /// What was built of the settings, where all of them were right.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake.
    pub fn finish<T>(self, built: Option<T>) -> Result<T, Invalid> {
        match built {
            Some(built) if self.mistakes.is_empty() => Ok(built),
            _ => Err(Invalid { mistakes: self.mistakes }),
        }
    }
}

/// What a setting can be read as.
pub trait Setting: Sized {
    /// What must be written, after "is not".
    const WANTED: &'static str;

    /// The value of a text that is neither empty nor padded with white space; `None` where it is not what is wanted.
    fn parse(text: &str) -> Option<Self>;
}

/// A time in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl Setting for Seconds {
    const WANTED: &'static str = "a whole number of seconds";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

impl Setting for Secret<String> {
    const WANTED: &'static str = "a secret";

    fn parse(text: &str) -> Option<Self> {
        Some(Self::new(text.to_owned()))
    }
}

impl Setting for bool {
    const WANTED: &'static str = "`true` or `false`";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Types whose own parser says enough.
macro_rules! settings {
    ($($type:ty: $wanted:literal),+ $(,)?) => {$(
        impl Setting for $type {
            const WANTED: &'static str = $wanted;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

settings! {
    String: "a text",
    PathBuf: "a path",
    IpAddr: "an IP address",
    SocketAddr: "an address with a port, such as 127.0.0.1:8080",
    u16: "a whole number up to 65535",
    u32: "a whole number",
    u64: "a whole number",
    NonZeroU32: "a whole number above 0",
    NonZeroUsize: "a whole number above 0",
}

#[cfg(any(feature = "aws", feature = "google"))]
settings! { url::Url: "a URL" }

/// Every mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The mistakes, in the order of reading.
    pub mistakes: Vec<Mistake>,
}

/// One mistake. It names the variable and never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is required, and not set.
    Absent,
    /// It is no Unicode.
    NotText,
    /// It cannot be read.
    Wrong {
        /// What must be written instead.
        wanted: &'static str,
    },
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = self.variable;
        match self.problem {
            Problem::Absent => write!(f, "`{variable}` is not set"),
            Problem::NotText => write!(f, "`{variable}` is not Unicode"),
            Problem::Wrong { wanted } => write!(f, "`{variable}` is not {wanted}"),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            write!(f, "{}{mistake}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_told_at_once_and_no_value() {
        let environment = HashMap::from([("PORT", "hunter2"), ("LIMIT", "0"), ("WAIT", "-1"), ("LOUD", "yes")]);
        let mut read = Reader::new(&environment);
        let key: Option<Secret<String>> = read.required("KEY");
        let port: Option<u16> = read.required("PORT");
        let limit: Option<NonZeroU32> = read.optional("LIMIT");
        let wait = read.or("WAIT", Seconds(Duration::ZERO));
        let loud = read.or("LOUD", false);
        let invalid = read.finish(Some((key, port, limit, wait, loud))).unwrap_err();
        assert_eq!(
            invalid.to_string(),
            "`KEY` is not set; `PORT` is not a whole number up to 65535; `LIMIT` is not a whole number above 0; \
             `WAIT` is not a whole number of seconds; `LOUD` is not `true` or `false`"
        );
        assert!(!format!("{invalid:?}").contains("hunter2"));
    }

    #[test]
    fn right_values_are_read_with_their_types() {
        let environment = HashMap::from([("AT", " 127.0.0.1:80 "), ("WAIT", "5"), ("DIR", "/a b")]);
        let mut read = Reader::new(&environment);
        let at: Option<SocketAddr> = read.required("AT");
        let Seconds(wait) = read.or("WAIT", Seconds(Duration::ZERO));
        let dir: Option<PathBuf> = read.optional("DIR");
        let port: u16 = read.or("PORT", 8080);
        let built = read.finish(at.map(|at| (at, wait, dir, port))).unwrap();
        assert_eq!(built, (([127, 0, 0, 1], 80).into(), Duration::from_secs(5), Some(PathBuf::from("/a b")), 8080));
    }

    #[test]
    fn a_variable_set_to_nothing_counts_as_absent() {
        let environment = HashMap::from([("A", ""), ("B", "  ")]);
        let mut read = Reader::new(&environment);
        assert_eq!(read.or("A", 5_u32), 5);
        assert_eq!(read.required::<String>("B"), None);
        let invalid = read.finish(Some(())).unwrap_err();
        assert_eq!(invalid.mistakes, [Mistake { variable: "B", problem: Problem::Absent }]);
    }

    #[test]
    fn what_is_no_unicode_is_told_by_name() {
        struct Broken;
        impl Strings for Broken {
            fn get(&self, _: &str) -> Result<Option<String>, NotText> {
                Err(NotText)
            }
        }
        let mut read = Reader::new(&Broken);
        assert_eq!(read.required::<String>("NAME"), None);
        assert_eq!(read.finish(Some(())).unwrap_err().to_string(), "`NAME` is not Unicode");
    }

    #[test]
    fn a_secret_is_not_shown_by_what_was_read() {
        let environment = HashMap::from([("KEY", "hunter2")]);
        let mut read = Reader::new(&environment);
        let key: Option<Secret<String>> = read.required("KEY");
        let key = read.finish(key).unwrap();
        assert_eq!(key.expose(), "hunter2");
        assert!(!format!("{key:?}").contains("hunter2"));
    }
}
