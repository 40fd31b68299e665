//! The hosts that a policy allows.

/// An allowed host that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{host}\" is not a host")]
pub struct BadHost {
    /// As it was written.
    pub host: String,
    /// Where it stands in its list, counted from 0.
    pub index: usize,
}

/// Hosts, and hosts beneath hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: Vec<String>,
    /// With the dot before them.
    beneath: Vec<String>,
}

impl Hosts {
    pub(super) fn new(allowed: &[String]) -> Result<Self, Vec<BadHost>> {
        let mut hosts = Self::default();
        let mut bad = Vec::new();
        for (index, host) in allowed.iter().enumerate() {
            match host.strip_prefix("*.") {
                // All hosts beneath a top-level domain are nobody's.
                Some(parent) if is_host(parent) && parent.contains('.') => hosts.beneath.push(format!(".{parent}")),
                None if is_host(host) => hosts.exact.push(host.clone()),
                Some(_) | None => bad.push(BadHost { host: host.clone(), index }),
            }
        }
        if bad.is_empty() { Ok(hosts) } else { Err(bad) }
    }

    pub(super) fn allow(&self, host: &str) -> bool {
        // What is none is read differently by different clients.
        is_host(host)
            && (self.exact.iter().any(|allowed| allowed == host)
                || self.beneath.iter().any(|allowed| host.len() > allowed.len() && host.ends_with(allowed)))
    }
}

/// Whether it is a name in lower case, or an IPv4 address.
fn is_host(name: &str) -> bool {
    let sound = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    name.len() <= 253 && name.split('.').all(|label| !label.is_empty() && label.bytes().all(sound))
}
