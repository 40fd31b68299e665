//! What the endpoint reads from its environment.

use std::time::Duration;

use shared::config::{Reader, Seconds, Setting};
use shared::ports::Deadlines;

/// How long to wait for a connection to Gemini, in seconds.
pub const CONNECT_SECONDS: &str = "CONNECT_SECONDS";
/// How long to wait for the first byte of a streamed answer, in seconds.
pub const FIRST_BYTE_SECONDS: &str = "FIRST_BYTE_SECONDS";
/// How long to wait between two pieces of an answer, in seconds.
pub const IDLE_SECONDS: &str = "IDLE_SECONDS";
/// How long one answer may take in all, in seconds.
pub const TOTAL_SECONDS: &str = "TOTAL_SECONDS";
/// Who checks callers before the endpoint does: `AWS_IAM`, or `NONE`.
pub const URL_AUTH: &str = "URL_AUTH";

/// Settings of the endpoint.
///
/// # Defaults
/// The deadlines of [`Deadlines::default`], and `NONE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// How long each step of a call to Gemini may take.
    pub deadlines: Deadlines,
    /// Whether callers are told by the role that AWS has checked. Elsewhere an event that names one is not believed.
    pub roles: bool,
}

impl Config {
    /// Reads the settings; mistakes are gathered in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let default = Deadlines::default();
        let roles = reader.or(URL_AUTH, UrlAuth { roles: false }).roles;
        let mut seconds = |variable, default: Duration| reader.or(variable, Seconds(default)).0;
        Self {
            deadlines: Deadlines {
                connect: seconds(CONNECT_SECONDS, default.connect),
                first_byte: seconds(FIRST_BYTE_SECONDS, default.first_byte),
                idle: seconds(IDLE_SECONDS, default.idle),
                total: seconds(TOTAL_SECONDS, default.total),
            },
            roles,
        }
    }
}

/// How a Function URL checks whoever knocks, by Lambda's own names.
struct UrlAuth {
    roles: bool,
}

impl Setting for UrlAuth {
    const WANTED: &'static str = "AWS_IAM or NONE";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "AWS_IAM" => Some(Self { roles: true }),
            "NONE" => Some(Self { roles: false }),
            _ => None,
        }
    }
}
