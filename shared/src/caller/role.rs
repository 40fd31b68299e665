//! IAM roles as callers.

use std::fmt;

/// An IAM role, of which an account has one by a name: its path is not part of it, since AWS does not tell it of a
/// session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Role(String);

/// Not the ARN of a role, nor of a role's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of an IAM role, such as `arn:aws:iam::123456789012:role/app`")]
pub struct NoRole;

const ACCOUNT: usize = 12;
const NAME_LONGEST: usize = 64;
const SESSION_LONGEST: usize = 64;
/// A path and a name together.
const PATH_LONGEST: usize = 512;

impl Role {
    /// Reads the ARN of a role, `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`, or of a session that has assumed one,
    /// `arn:PARTITION:sts::ACCOUNT:assumed-role/NAME/SESSION`.
    ///
    /// # Errors
    /// [`NoRole`].
    pub fn parse(arn: &str) -> Result<Self, NoRole> {
        let mut fields = arn.splitn(6, ':');
        let mut field = || fields.next().ok_or(NoRole);
        let (scheme, partition, service, region) = (field()?, field()?, field()?, field()?);
        let (account, resource) = (field()?, field()?);
        let name = match service {
            "iam" => role(resource)?,
            "sts" => session(resource)?,
            _ => return Err(NoRole),
        };
        let digits = account.len() == ACCOUNT && account.bytes().all(|byte| byte.is_ascii_digit());
        if scheme != "arn" || !region.is_empty() || !is_partition(partition) || !digits {
            return Err(NoRole);
        }
        Ok(Self(format!("arn:{partition}:iam::{account}:role/{name}")))
    }

    /// `arn:PARTITION:iam::ACCOUNT:role/NAME`.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn role(resource: &str) -> Result<&str, NoRole> {
    let path = resource.strip_prefix("role/").ok_or(NoRole)?;
    let printable = path.len() <= PATH_LONGEST && path.bytes().all(|byte| byte.is_ascii_graphic());
    let name = path.rsplit('/').next().filter(|name| is_name(name, NAME_LONGEST));
    name.filter(|_| printable).ok_or(NoRole)
}

fn session(resource: &str) -> Result<&str, NoRole> {
    let rest = resource.strip_prefix("assumed-role/").ok_or(NoRole)?;
    let (name, session) = rest.split_once('/').ok_or(NoRole)?;
    let whole = is_name(name, NAME_LONGEST) && is_name(session, SESSION_LONGEST);
    if whole { Ok(name) } else { Err(NoRole) }
}

/// `aws`, or one of the partitions that stand apart, such as `aws-cn` and `aws-us-gov`.
fn is_partition(text: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some("aws") && words.all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// What IAM takes as the name of a role and STS as that of a session.
fn is_name(text: &str, longest: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_reduced_to_its_role_whatever_the_partition() {
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            let role = format!("arn:{partition}:iam::123456789012:role/team-app");
            let session = format!("arn:{partition}:sts::123456789012:assumed-role/team-app/i-0abc.user@example.com");
            assert_eq!(Role::parse(&session).unwrap().arn(), role);
            assert_eq!(Role::parse(&role).unwrap().arn(), role);
        }
    }

    #[test]
    fn the_path_of_a_role_is_left_out() {
        let with_path = Role::parse("arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReserved_x");
        assert_eq!(with_path, Role::parse("arn:aws:sts::123456789012:assumed-role/AWSReserved_x/me"));
    }

    #[test]
    fn roles_of_other_accounts_partitions_and_spellings_are_others() {
        let app = Role::parse("arn:aws:iam::123456789012:role/app").unwrap();
        for other in [
            "arn:aws:iam::123456789013:role/app",
            "arn:aws-cn:iam::123456789012:role/app",
            "arn:aws:iam::123456789012:role/App",
        ] {
            assert_ne!(Role::parse(other).unwrap(), app);
        }
    }

    #[test]
    fn what_is_no_role_is_refused() {
        let long = format!("arn:aws:iam::123456789012:role/{}", "x".repeat(65));
        for wrong in [
            "",
            "arn:aws:iam::123456789012:user/app",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:federated-user/app",
            "arn:aws:sts::123456789012:assumed-role/app",
            "arn:aws:sts::123456789012:assumed-role/app/",
            "arn:aws:sts::123456789012:assumed-role//session",
            "arn:aws:sts::123456789012:assumed-role/app/one/two",
            "arn:aws:sts::123456789012:role/app",
            "arn:aws:iam::123456789012:assumed-role/app/session",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/path/",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:iam::123456789012:role/a*",
            "arn:aws:iam::123456789012:role/é/app",
            "arn:aws:iam::12345678901:role/app",
            "arn:aws:iam::12345678901x:role/app",
            "arn:aws:iam:eu-west-1:123456789012:role/app",
            "arn:gcp:iam::123456789012:role/app",
            "arn:aws-:iam::123456789012:role/app",
            "arn:aws:lambda::123456789012:role/app",
            "urn:aws:iam::123456789012:role/app",
            " arn:aws:iam::123456789012:role/app",
            &long,
        ] {
            assert_eq!(Role::parse(wrong), Err(NoRole), "{wrong}");
        }
    }
}
