//! What the function reads from its environment.

use shared::config::{Reader, Setting};
use shared::google::base::keeps_the_key;
use url::Url;

/// The ARN of the secret that holds Gemini's key.
pub const GEMINI_SECRET_ARN: &str = "GEMINI_SECRET_ARN";
/// The bundle's name, which its keys carry.
pub const BUNDLE: &str = "BUNDLE";
/// Where new keys come from: `auth` (minted, bound to a service account: what Gemini takes), `standard` (minted, bound
/// to none) or `supplied` (put by the operator under the stage `SUPPLIED`).
pub const KEYS: &str = "KEYS";
/// The service account that minted keys are bound to, by e-mail; required where `KEYS` is `auth`.
pub const KEY_SERVICE_ACCOUNT: &str = "KEY_SERVICE_ACCOUNT";
/// The Google project that keys are minted in; required unless `KEYS` is `supplied`.
pub const GOOGLE_PROJECT: &str = "GOOGLE_PROJECT";
/// The provider of the workload identity pool, `//iam.googleapis.com/projects/…`; required unless `KEYS` is `supplied`.
pub const GOOGLE_AUDIENCE: &str = "GOOGLE_AUDIENCE";
/// The service account that mints, by e-mail; required unless `KEYS` is `supplied`.
pub const MINT_SERVICE_ACCOUNT: &str = "MINT_SERVICE_ACCOUNT";
/// The model that new keys are tried with: one that callers may use.
pub const PROBE_MODEL: &str = "PROBE_MODEL";
/// Where Gemini is.
pub const GEMINI_BASE_URL: &str = "GEMINI_BASE_URL";
/// Where all of Google's other services are, for a stand-in.
pub const GOOGLE_BASE_URL: &str = "GOOGLE_BASE_URL";

/// Settings of the function.
///
/// # Defaults
/// `keys` are auth keys; Gemini and Google are where they always are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The secret's ARN.
    pub secret: String,
    /// Where new keys come from.
    pub keys: Keys,
    /// The model to try keys with.
    pub model: String,
    /// Where Gemini is, if not where it always is.
    pub gemini: Option<Url>,
}

/// Where new keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// This bundle mints them.
    Minted(Box<Minted>),
    /// The operator supplies them.
    Supplied,
}

/// How keys are minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// The bundle's name.
    pub bundle: String,
    /// The Google project.
    pub project: String,
    /// The provider of the pool.
    pub audience: String,
    /// The service account that mints.
    pub minter: String,
    /// The service account that keys are bound to; `None` for standard keys.
    pub bound: Option<String>,
    /// Where Google is, if not where it always is.
    pub google: Option<Url>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Auth,
    Standard,
    Supplied,
}

impl Setting for Kind {
    const WANTED: &'static str = "`auth`, `standard` or `supplied`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "auth" => Some(Self::Auth),
            "standard" => Some(Self::Standard),
            "supplied" => Some(Self::Supplied),
            _ => None,
        }
    }
}

/// Part of a URL's path: what `projects/` and `serviceAccounts/` are followed by.
struct Name(String);

impl Setting for Name {
    const WANTED: &'static str = "a name of letters, digits and `-._:@`";

    fn parse(text: &str) -> Option<Self> {
        let sound = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:@".contains(&byte));
        (sound && !text.contains("..")).then(|| Self(text.to_owned()))
    }
}

/// An address to which keys and tokens are sent.
struct Base(Url);

impl Setting for Base {
    const WANTED: &'static str = "a URL that begins with https://, or with http:// for this machine itself";

    fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().filter(keeps_the_key).map(Self)
    }
}

impl Config {
    /// Reads the settings; `None` only with a mistake noted.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let secret = read.required(GEMINI_SECRET_ARN);
        let model = read.required(PROBE_MODEL);
        let gemini = read.optional(GEMINI_BASE_URL).map(|Base(url)| url);
        let keys = match read.or(KEYS, Kind::Auth) {
            Kind::Supplied => Some(Keys::Supplied),
            Kind::Auth => {
                let bound: Option<Name> = read.required(KEY_SERVICE_ACCOUNT);
                let minted = Minted::read(read, bound.as_ref().map(|Name(account)| account.clone()));
                bound.and(minted).map(|minted| Keys::Minted(Box::new(minted)))
            }
            Kind::Standard => Minted::read(read, None).map(|minted| Keys::Minted(Box::new(minted))),
        };
        let Name(model) = model?;
        Some(Self { secret: secret?, keys: keys?, model, gemini })
    }
}

impl Minted {
    /// `None` only with a mistake noted.
    fn read(read: &mut Reader<'_>, bound: Option<String>) -> Option<Self> {
        let bundle: Option<Name> = read.required(BUNDLE);
        let project: Option<Name> = read.required(GOOGLE_PROJECT);
        let audience = read.required(GOOGLE_AUDIENCE);
        let minter: Option<Name> = read.required(MINT_SERVICE_ACCOUNT);
        let google = read.optional(GOOGLE_BASE_URL).map(|Base(url)| url);
        let ((Name(bundle), Name(project)), (audience, Name(minter))) =
            bundle.zip(project).zip(audience.zip(minter))?;
        Some(Self { bundle, project, audience, minter, bound, google })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use shared::config::{Invalid, Mistake, Problem};

    use super::*;

    fn config(settings: &HashMap<&'static str, &'static str>) -> Result<Config, Invalid> {
        let mut read = Reader::new(settings);
        let built = Config::read(&mut read);
        read.finish(built)
    }

    fn full() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            (GEMINI_SECRET_ARN, "arn"),
            (PROBE_MODEL, "gemini-3.5-flash"),
            (BUNDLE, "gatehouse"),
            (GOOGLE_PROJECT, "p-1"),
            (GOOGLE_AUDIENCE, "//iam.googleapis.com/x"),
            (MINT_SERVICE_ACCOUNT, "rotator@p-1.iam.gserviceaccount.com"),
            (KEY_SERVICE_ACCOUNT, "caller@p-1.iam.gserviceaccount.com"),
        ])
    }

    fn bound(config: &Config) -> Option<&str> {
        match &config.keys {
            Keys::Minted(minted) => minted.bound.as_deref(),
            Keys::Supplied => None,
        }
    }

    #[test]
    fn keys_are_bound_to_a_service_account_unless_standard_ones_are_asked_for_by_name() {
        let mut settings = full();
        assert_eq!(bound(&config(&settings).unwrap()), Some("caller@p-1.iam.gserviceaccount.com"));
        settings.remove(KEY_SERVICE_ACCOUNT);
        assert_eq!(
            config(&settings).unwrap_err().mistakes,
            [Mistake { variable: KEY_SERVICE_ACCOUNT, problem: Problem::Absent }]
        );
        settings.insert(KEYS, "standard");
        assert_eq!(bound(&config(&settings).unwrap()), None);
    }

    #[test]
    fn supplied_keys_need_nothing_of_google() {
        let settings = HashMap::from([(GEMINI_SECRET_ARN, "arn"), (PROBE_MODEL, "m"), (KEYS, "supplied")]);
        assert_eq!(config(&settings).unwrap().keys, Keys::Supplied);
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let settings = HashMap::from([(KEYS, "auth"), (GOOGLE_PROJECT, "../other"), (PROBE_MODEL, "a/b")]);
        let mistakes = config(&settings).unwrap_err().mistakes;
        let variables: Vec<_> = mistakes.iter().map(|mistake| mistake.variable).collect();
        let expected = [
            GEMINI_SECRET_ARN,
            PROBE_MODEL,
            KEY_SERVICE_ACCOUNT,
            BUNDLE,
            GOOGLE_PROJECT,
            GOOGLE_AUDIENCE,
            MINT_SERVICE_ACCOUNT,
        ];
        assert_eq!(variables, expected);
    }

    #[test]
    fn keys_and_tokens_are_sent_nowhere_in_the_clear() {
        for variable in [GEMINI_BASE_URL, GOOGLE_BASE_URL] {
            let mut settings = full();
            settings.insert(variable, "http://example.com");
            assert_eq!(config(&settings).unwrap_err().to_string(), format!("`{variable}` is not {}", Base::WANTED));
            settings.insert(variable, "http://127.0.0.1:9");
            assert!(config(&settings).is_ok());
        }
    }
}
