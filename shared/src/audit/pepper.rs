//! The secret under which users and prompts are hashed, so that a record tells equal from different and nothing else.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 256 secret bits. A plain hash of a user's name could be reversed by trying names; this cannot.
#[derive(Clone)]
pub struct Pepper {
    /// With the key taken in already, which is half of what a short text costs.
    keyed: Hmac<Sha256>,
    id: String,
}

impl Pepper {
    /// A pepper from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let keyed = Hmac::new_from_slice(&bytes).expect("HMAC takes any key");
        let mut pepper = Self { keyed, id: String::new() };
        pepper.id = pepper.hmac("gatehouse.pepper.id", "").chars().take(16).collect();
        pepper
    }

    /// HMAC-SHA-256 of a text in lower-case hexadecimal.
    ///
    /// `domain` says what the text is (`user`, `prompt`), so that equal texts of different kinds do not show as equal.
    /// Its length goes first, as 8 bytes big-endian, then the domain, then the text.
    #[must_use]
    pub fn hmac(&self, domain: &str, text: &str) -> String {
        let mut mac = self.keyed.clone();
        mac.update(&(domain.len() as u64).to_be_bytes());
        mac.update(domain.as_bytes());
        mac.update(text.as_bytes());
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    /// Which pepper this is, without telling it: the first 16 digits of an HMAC over nothing.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pepper").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_peppers_keep_equal_texts_apart() {
        let (one, other) = (Pepper::new([1; 32]), Pepper::new([2; 32]));
        assert_eq!(one.hmac("user", "ada"), one.hmac("user", "ada"));
        assert_ne!(one.hmac("user", "ada"), one.hmac("prompt", "ada"));
        assert_ne!(one.hmac("user", "ada"), other.hmac("user", "ada"));
        assert_ne!(one.hmac("use", "rada"), one.hmac("user", "ada"));
        assert_ne!(one.id(), other.id());
        assert_eq!(one.id().len(), 16);
    }

    #[test]
    fn debug_hides_the_pepper() {
        let told = format!("{:?}", Pepper::new([7; 32]));
        assert!(told.starts_with("Pepper { id: ") && told.ends_with(", .. }") && !told.contains("7, 7"), "{told}");
    }
}
