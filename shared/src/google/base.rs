//! Where Gemini is.

use url::{Host, Url};

/// Whether a key that is sent there stays secret on its way: over HTTPS, or within this machine; and without a password
/// in the address, where it would end up in logs.
#[must_use]
pub fn keeps_the_key(base: &Url) -> bool {
    let local = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    (base.scheme() == "https" || (base.scheme() == "http" && local)) && is_anonymous(base)
}

/// Whether an address names neither user nor password.
#[must_use]
pub fn is_anonymous(base: &Url) -> bool {
    base.username().is_empty() && base.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_never_sent_in_the_clear_to_another_machine() {
        for (base, keeps) in [
            ("https://example.com", true),
            ("http://127.0.0.1:9", true),
            ("http://localhost:9/prefix", true),
            ("http://[::1]:9", true),
            ("http://example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1", false),
            ("ftp://localhost", false),
            ("https://me:pw@example.com", false),
            ("https://me@example.com", false),
        ] {
            assert_eq!(keeps_the_key(&Url::parse(base).unwrap()), keeps, "{base}");
        }
    }
}
