//! The one credential of a request.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use shared::caller::{self, Caller, Id, Key, Role};
use shared::host::Identity;
use shared::ports::Callers;

use crate::problem::{Code, Problem};

/// The header in which Google's clients send their key.
pub(crate) const GOOGLE: &str = "x-goog-api-key";

/// What a header begins with that signs a request to AWS. It is part of the identity that AWS made of it.
const SIGNATURE: &str = "AWS4-";

/// The caller that a request's credential stands for: a key in a header, or, where there are `roles`, the identity that
/// the platform has checked. Where there are none it checked nothing, and an event that names one was not made by it.
///
/// # Errors
/// The same [`Problem`] for a missing, malformed, unknown, wrong and revoked credential, so that an answer tells nothing
/// of which exist; another one for a request with two credentials or with one in its query.
pub async fn authenticate(head: &Parts, callers: &impl Callers, roles: bool) -> Result<Caller, Problem> {
    let presented = key(&head.headers, head.uri.query())?;
    let Some(identity) = head.extensions.get::<Identity>().filter(|_| roles) else {
        let presented = presented.and_then(|key| Key::parse(key?).ok()).ok_or_else(unauthenticated)?;
        return caller::admit(find(presented.id(), callers).await?, &presented).ok_or_else(unauthenticated);
    };
    if presented.is_some() {
        let message = "this request is signed for AWS already: leave out x-goog-api-key and Authorization: Bearer";
        return Err(Problem::new(Code::TwoCredentials, message));
    }
    // Whoever is no role, a user for one, is no caller.
    let role = Role::parse(&identity.arn).map_err(|_| unauthenticated())?;
    caller::admit_role(find(&Id::of_role(&role), callers).await?, &role).ok_or_else(unauthenticated)
}

async fn find(id: &Id, callers: &impl Callers) -> Result<Option<Caller>, Problem> {
    callers.find(id).await.map_err(|unavailable| {
        let (code, error) = (Code::CallersUnavailable, shared::telemetry::Chain(&unavailable));
        tracing::error!(code = code.as_str(), %error, "could not look up a caller");
        Problem::new(code, "callers cannot be looked up at the moment; try again")
    })
}

/// The one key among the headers: `None` where there is none, and `Some(None)` where it cannot be one.
fn key<'h>(headers: &'h HeaderMap, query: Option<&str>) -> Result<Option<Option<&'h str>>, Problem> {
    if query.is_some_and(|query| query.split('&').any(|pair| pair == "key" || pair.starts_with("key="))) {
        let message =
            "send the key in the header x-goog-api-key: an address ends up in logs, and this key should be replaced";
        return Err(Problem::new(Code::KeyInQuery, message));
    }
    let signs = |value: &HeaderValue| value.as_bytes().starts_with(SIGNATURE.as_bytes());
    let authorizations = headers.get_all(AUTHORIZATION).iter().filter(|value| !signs(value));
    let mut credentials = headers.get_all(GOOGLE).iter().map(plain).chain(authorizations.map(bearer));
    let credential = credentials.next();
    if credentials.next().is_some() {
        let message = "send one credential: either x-goog-api-key or Authorization: Bearer";
        return Err(Problem::new(Code::TwoCredentials, message));
    }
    Ok(credential)
}

fn plain(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, key) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn unauthenticated() -> Problem {
    let message = "send a valid Gatehouse key (gh_…) as x-goog-api-key or as Authorization: Bearer; \
                   the operator issues one with `gatehouse caller add`";
    Problem::new(Code::Unauthenticated, message)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use shared::ports::Unavailable;

    use super::*;

    struct Known(Vec<Caller>);

    impl Callers for Known {
        async fn find(&self, id: &Id) -> Result<Option<Caller>, Unavailable> {
            Ok(self.0.iter().find(|caller| caller.id == *id).cloned())
        }
    }

    const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/app/i-1";

    fn known() -> (Known, String) {
        let key = Key::mint().unwrap();
        let role = Role::parse("arn:aws:iam::123456789012:role/path/app").unwrap();
        (Known(vec![key.caller("keyed"), Caller::of_role(role, "signed")]), key.text().expose().clone())
    }

    async fn who(known: &Known, identity: Option<&str>, headers: &[(&'static str, &str)]) -> Result<String, Code> {
        asked(known, identity, headers, true).await
    }

    async fn asked(
        known: &Known,
        identity: Option<&str>,
        headers: &[(&'static str, &str)],
        roles: bool,
    ) -> Result<String, Code> {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        if let Some(arn) = identity {
            request.extensions_mut().insert(Identity { arn: arn.to_owned() });
        }
        let (head, ()) = request.into_parts();
        authenticate(&head, known, roles).await.map(|caller| caller.name).map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn a_key_is_taken_from_either_header_and_from_one_alone() {
        let (known, key) = known();
        let bearer = format!("bearer {key}");
        assert_eq!(who(&known, None, &[(GOOGLE, &key)]).await, Ok("keyed".into()));
        assert_eq!(who(&known, None, &[("authorization", &bearer)]).await, Ok("keyed".into()));
        let both = [(GOOGLE, key.as_str()), ("authorization", bearer.as_str())];
        assert_eq!(who(&known, None, &both).await, Err(Code::TwoCredentials));
        for wrong in
            [&[][..], &[(GOOGLE, "gh_x")], &[("authorization", &key)], &[("authorization", "AWS4-HMAC-SHA256 x")]]
        {
            assert_eq!(who(&known, None, wrong).await, Err(Code::Unauthenticated), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn an_identity_is_nobody_where_keys_alone_open() {
        let (known, key) = known();
        assert_eq!(asked(&known, Some(SESSION), &[], false).await, Err(Code::Unauthenticated));
        assert_eq!(asked(&known, Some(SESSION), &[(GOOGLE, &key)], false).await, Ok("keyed".into()));
    }

    #[tokio::test]
    async fn an_identity_is_a_caller_by_its_role() {
        let (known, _) = known();
        assert_eq!(who(&known, Some(SESSION), &[]).await, Ok("signed".into()));
        let signature = [("authorization", "AWS4-HMAC-SHA256 Credential=x/y")];
        assert_eq!(who(&known, Some(SESSION), &signature).await, Ok("signed".into()));
        for stranger in [
            "arn:aws:sts::123456789012:assumed-role/other/i-1",
            "arn:aws:sts::999999999999:assumed-role/app/i-1",
            "arn:aws:iam::123456789012:user/app",
            "",
        ] {
            assert_eq!(who(&known, Some(stranger), &[]).await, Err(Code::Unauthenticated), "{stranger}");
        }
    }

    #[tokio::test]
    async fn an_identity_with_a_key_besides_is_two_credentials() {
        let (known, key) = known();
        for identity in [SESSION, "arn:aws:iam::123456789012:user/app"] {
            assert_eq!(who(&known, Some(identity), &[(GOOGLE, &key)]).await, Err(Code::TwoCredentials));
            assert_eq!(who(&known, Some(identity), &[("authorization", "Bearer x")]).await, Err(Code::TwoCredentials));
        }
    }
}
