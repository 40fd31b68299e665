//! Callers, and what they are known by: a key of ours, `gh_<id>_<secret>`, or an IAM role of theirs.
//!
//! A key's id is public and carries a checksum, so that a mistyped or invented key is refused without asking a store. Of
//! the secret only its SHA-256 is kept: with 256 random bits there is nothing to guess, hence nothing to slow down. A
//! role's id is derived from the role. Who has a key is never admitted by a role, nor the other way round.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::secret::Secret;

mod role;

pub use role::{NoRole, Role};

const PREFIX: &str = "gh_";
/// Random characters of an id: 50 bits tell callers apart, they keep no secret.
const ID_RANDOM: usize = 10;
/// Checksum characters of an id: one invented id in 1,024 passes.
const ID_CHECKSUM: usize = 2;
/// 32 bytes in base32.
const SECRET: usize = 52;

/// A caller's public id: ten characters of lower-case base32, which are random or a role's digest, and two of checksum.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(String);

/// Not a key, or a mistyped one. It tells nothing of what was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Gatehouse key")]
pub struct Malformed;

/// The system gives no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness(#[source] getrandom::Error);

/// Who may call.
#[derive(Clone)]
pub struct Caller {
    /// The public half of the key, or what the role is looked up by.
    pub id: Id,
    /// The operator's name for it; audit records carry it.
    pub name: String,
    /// What proves a request to be the caller's.
    pub credential: Credential,
    /// Whether the operator has shut the caller out.
    pub revoked: bool,
}

/// What proves a request to be a caller's.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The secret half of a key, of which this is the SHA-256.
    Key([u8; 32]),
    /// An IAM role, which AWS vouches for.
    Role(Role),
}

/// A new key, to be shown once.
#[derive(Clone, Debug)]
pub struct Key {
    id: Id,
    secret: Secret<[u8; 32]>,
}

/// What a request presents as its key: well-formed, not yet believed. The secret itself is already forgotten.
#[derive(Clone)]
pub struct Presented {
    id: Id,
    secret_hash: [u8; 32],
}

impl Id {
    /// Reads an id; [`Malformed`] unless its checksum fits.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (random, _) = text.split_at_checked(ID_RANDOM).ok_or(Malformed)?;
        if !base32(text, ID_RANDOM + ID_CHECKSUM) {
            return Err(Malformed);
        }
        let id = Self::with_checksum(random);
        if id.0 == text { Ok(id) } else { Err(Malformed) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the caller with this role.
    #[must_use]
    pub fn of_role(role: &Role) -> Self {
        let digest = Sha256::new().chain_update("gatehouse.caller.role").chain_update(role.arn()).finalize();
        let text = BASE32_NOPAD.encode(&digest).to_ascii_lowercase();
        Self::with_checksum(&text.chars().take(ID_RANDOM).collect::<String>())
    }

    fn with_checksum(random: &str) -> Self {
        let digest = Sha256::new().chain_update("gatehouse.caller.id").chain_update(random).finalize();
        let checksum = BASE32_NOPAD.encode(&digest).to_ascii_lowercase();
        Self(random.chars().chain(checksum.chars().take(ID_CHECKSUM)).collect())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Key {
    /// A new key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn mint() -> Result<Self, NoRandomness> {
        let (mut random, mut secret) = ([0; 7], [0; 32]);
        getrandom::fill(&mut random).map_err(NoRandomness)?;
        getrandom::fill(&mut secret).map_err(NoRandomness)?;
        let random: String = BASE32_NOPAD.encode(&random).to_ascii_lowercase().chars().take(ID_RANDOM).collect();
        Ok(Self { id: Id::with_checksum(&random), secret: Secret::new(secret) })
    }

    /// Reads a key as a request carries it.
    ///
    /// # Errors
    /// [`Malformed`] unless it has the shape of a key and the id's checksum fits.
    pub fn parse(text: &str) -> Result<Presented, Malformed> {
        let (id, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(Malformed)?;
        let id = Id::parse(id)?;
        if !base32(secret, SECRET) {
            return Err(Malformed);
        }
        let secret = BASE32_NOPAD.decode(secret.to_ascii_uppercase().as_bytes()).map_err(|_| Malformed)?;
        Ok(Presented { id, secret_hash: Sha256::digest(secret).into() })
    }

    /// The public half.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// The key as its holder writes it.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        let secret = BASE32_NOPAD.encode(self.secret.expose()).to_ascii_lowercase();
        Secret::new(format!("{PREFIX}{}_{secret}", self.id))
    }

    /// The caller who holds this key.
    #[must_use]
    pub fn caller(&self, name: impl Into<String>) -> Caller {
        let secret_hash = Sha256::digest(self.secret.expose()).into();
        Caller { id: self.id.clone(), name: name.into(), credential: Credential::Key(secret_hash), revoked: false }
    }
}

impl Presented {
    /// Whom to look up.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }
}

impl Caller {
    /// The caller with this role.
    #[must_use]
    pub fn of_role(role: Role, name: impl Into<String>) -> Self {
        Self { id: Id::of_role(&role), name: name.into(), credential: Credential::Role(role), revoked: false }
    }

    /// Whether the presented key is this caller's and still valid. Takes as long for a wrong secret as for a right one.
    #[must_use]
    pub fn admits(&self, presented: &Presented) -> bool {
        let (hash, keyed) = match &self.credential {
            Credential::Key(hash) => (*hash, true),
            Credential::Role(_) => ([0; 32], false),
        };
        let same = hash.ct_eq(&presented.secret_hash) & self.id.0.as_bytes().ct_eq(presented.id.0.as_bytes());
        bool::from(same) & keyed & !self.revoked
    }

    /// Whether this is the caller with this very role, and still admitted. The id alone proves nothing: it is shorter
    /// than a role.
    #[must_use]
    pub fn admits_role(&self, role: &Role) -> bool {
        !self.revoked && matches!(&self.credential, Credential::Role(own) if own == role)
    }
}

/// The caller that was found, if the key is theirs. An unknown caller costs the same comparison as a known one, so that
/// the time of a refusal does not tell which ids exist.
#[must_use]
pub fn admit(found: Option<Caller>, presented: &Presented) -> Option<Caller> {
    let known = found.is_some();
    let caller = found.unwrap_or_else(|| Caller {
        id: presented.id.clone(),
        name: String::new(),
        credential: Credential::Key([0; 32]),
        revoked: true,
    });
    (caller.admits(presented) & known).then_some(caller)
}

/// The caller that was found, if the role is theirs.
#[must_use]
pub fn admit_role(found: Option<Caller>, role: &Role) -> Option<Caller> {
    found.filter(|caller| caller.admits_role(role))
}

fn base32(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(_) => f.write_str("Key(..)"),
            Self::Role(role) => f.debug_tuple("Role").field(role).finish(),
        }
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_is_parsed_and_admitted_by_its_own_caller_only() {
        let (key, other) = (Key::mint().unwrap(), Key::mint().unwrap());
        let text = key.text();
        assert_eq!(text.expose().len(), "gh_".len() + 12 + 1 + 52);
        let presented = Key::parse(text.expose()).unwrap();
        assert_eq!(presented.id(), key.id());
        assert!(key.caller("app").admits(&presented));
        assert!(!other.caller("app").admits(&presented));
        assert_eq!(admit(Some(key.caller("app")), &presented).unwrap().name, "app");
        assert!(admit(None, &presented).is_none());
    }

    #[test]
    fn a_revoked_caller_admits_nobody() {
        let key = Key::mint().unwrap();
        let presented = Key::parse(key.text().expose()).unwrap();
        let caller = Caller { revoked: true, ..key.caller("app") };
        assert!(!caller.admits(&presented));
        assert!(admit(Some(caller), &presented).is_none());
    }

    #[test]
    fn the_same_secret_under_another_id_is_refused() {
        let (key, other) = (Key::mint().unwrap(), Key::mint().unwrap());
        let forged = key.text().expose().replace(key.id().as_str(), other.id().as_str());
        assert!(!key.caller("app").admits(&Key::parse(&forged).unwrap()));
    }

    #[test]
    fn a_mistyped_id_is_refused_without_a_look_up() {
        let id = Id::with_checksum("abcdefghij");
        assert!(Id::parse(id.as_str()).is_ok());
        for (place, old) in id.as_str().char_indices() {
            let new = if old == 'y' { 'z' } else { 'y' };
            let mistyped: String =
                id.as_str().char_indices().map(|(at, c)| if at == place { new } else { c }).collect();
            assert_eq!(Id::parse(&mistyped), Err(Malformed), "{mistyped}");
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let key = Key::mint().unwrap();
        let text = key.text().expose().clone();
        let upper = text.to_ascii_uppercase();
        let longer = format!("{text}a");
        let spaced = format!(" {text}");
        // 256 bits fill 51 characters and one bit of the next: its other four must be zero.
        let start = |length| text.get(..length).unwrap();
        let loose = format!("{}b", start(text.len() - 1));
        for wrong in [
            "",
            "gh_",
            "gh__",
            "gh_é_é",
            "sk-x",
            text.trim_start_matches("gh_"),
            start(40),
            &upper,
            &longer,
            &spaced,
            &loose,
        ] {
            assert_eq!(Key::parse(wrong).unwrap_err(), Malformed, "{} bytes", wrong.len());
        }
    }

    #[test]
    fn a_role_is_admitted_by_the_caller_with_that_very_role_only() {
        let role = |name: &str| Role::parse(&format!("arn:aws:iam::123456789012:role/{name}")).unwrap();
        let caller = Caller::of_role(role("app"), "app");
        assert_eq!(Id::parse(caller.id.as_str()), Ok(Id::of_role(&role("app"))));
        assert_eq!(admit_role(Some(caller.clone()), &role("app")).unwrap().name, "app");
        assert!(admit_role(None, &role("app")).is_none());
        // Found by an id that happens to be the same.
        let other = Caller { id: caller.id.clone(), ..Caller::of_role(role("other"), "other") };
        assert!(admit_role(Some(other), &role("app")).is_none());
        assert!(admit_role(Some(Caller { revoked: true, ..caller }), &role("app")).is_none());
    }

    #[test]
    fn a_key_opens_no_role_and_a_role_no_key() {
        let key = Key::mint().unwrap();
        let role = Role::parse("arn:aws:iam::123456789012:role/app").unwrap();
        let with_role = Caller { id: key.id().clone(), ..Caller::of_role(role.clone(), "app") };
        assert!(admit(Some(with_role.clone()), &Key::parse(key.text().expose()).unwrap()).is_none());
        // Not even with the secret whose hash would stand where a role has none.
        let nothing = Presented { id: key.id().clone(), secret_hash: [0; 32] };
        assert!(admit(Some(with_role), &nothing).is_none());
        let with_key = Caller { id: Id::of_role(&role), ..key.caller("app") };
        assert!(admit_role(Some(with_key), &role).is_none());
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = Key::mint().unwrap();
        let (text, caller) = (key.text(), key.caller("app"));
        let secret = text.expose().rsplit('_').next().unwrap().to_owned();
        let presented = Key::parse(text.expose()).unwrap();
        let shown = format!("{key:?} {caller:?} {presented:?} {text:?}");
        assert!(shown.contains(key.id().as_str()));
        assert!(!shown.contains(&secret));
        let Credential::Key(hash) = &caller.credential else { panic!("a key's caller has a key") };
        let shown = format!("{shown} {:?}", caller.credential);
        assert!(!shown.contains(&format!("{hash:?}")));
        assert!(!shown.contains(&data_encoding::HEXLOWER.encode(hash)));
    }
}
