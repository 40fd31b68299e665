//! Callers and their keys: `gh_<id>_<secret>`.

/// A caller's public id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(String);

/// Who may call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The public half of the key.
    pub id: Id,
    /// The operator's name for it; audit records carry it.
    pub name: String,
    /// SHA-256 of the secret half.
    pub secret_hash: [u8; 32],
    /// Whether the operator has taken the key back.
    pub revoked: bool,
}
