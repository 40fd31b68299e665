//! AWS's signature, version 4, of the one request that Google checks: `sts:GetCallerIdentity`, with a header that ties
//! it to one identity provider, so that it is worth nothing elsewhere.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::federation::Credentials;
use crate::clock::Timestamp;

/// A signed request, which is sent to Google and not to AWS.
pub(super) struct Signed {
    pub(super) url: String,
    /// Names in lower case but for `Authorization`, in the order of signing.
    pub(super) headers: Vec<(&'static str, String)>,
}

const QUERY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Signs at `now`; `None` for a time that no calendar has.
pub(super) fn sign(credentials: &Credentials, audience: &str, now: Timestamp) -> Option<Signed> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?;
    let (time, day) = (time.strftime("%Y%m%dT%H%M%SZ").to_string(), time.strftime("%Y%m%d").to_string());
    let region = &credentials.region;
    let host = format!("sts.{region}.amazonaws.com");
    let mut headers = vec![("host", host.clone()), ("x-amz-date", time.clone())];
    headers.extend(credentials.session_token.as_ref().map(|token| ("x-amz-security-token", token.expose().clone())));
    headers.push(("x-goog-cloud-target-resource", audience.to_owned()));
    let canonical: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let request = format!("POST\n/\n{QUERY}\n{canonical}\n{names}\n{}", hash(b""));
    let scope = format!("{day}/{region}/sts/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(request.as_bytes()));
    let secret = format!("AWS4{}", credentials.secret_key.expose());
    let key = [day.as_str(), region, "sts", "aws4_request"]
        .iter()
        .try_fold(secret.into_bytes(), |key, part| mac(&key, part.as_bytes()))?;
    let signature = HEXLOWER.encode(&mac(&key, text.as_bytes())?);
    let access_key = &credentials.access_key;
    headers.push((
        "Authorization",
        format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"),
    ));
    Some(Signed { url: format!("https://{host}?{QUERY}"), headers })
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

fn mac(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac.finalize().into_bytes().to_vec())
}
