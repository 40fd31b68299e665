//! One secret of each type, put together when a test runs: no text of this repository has the shape of a key.

/// A secret, and the text that must stand before it.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) context: &'static str,
    pub(crate) secret: String,
}

/// `length` characters of an alphabet, in an order that looks like chance but is always the same.
pub(crate) fn random(alphabet: &str, length: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut seed = 0x2545_F491_4F6C_DD1D_u64 ^ length as u64;
    let mut pick = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        alphabet.get((seed >> 20) as usize % alphabet.len()).copied().unwrap_or('0')
    };
    (0..length).map(|_| pick()).collect()
}

/// Digits and letters of both cases.
pub(crate) const WORD: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";
const UPPER: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A private key in PEM of this kind, its lines ending as given.
pub(crate) fn private_key(kind: &str, newline: &str) -> String {
    let lines: String = (60..65).map(|length| random(WORD, length) + newline).collect();
    ["-----BEGIN ", kind, "PRIVATE KEY-----", newline, &lines, "-----END ", kind, "PRIVATE KEY-----"].concat()
}

/// All types.
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |name, context, parts: &[&str]| Sample { name, context, secret: parts.concat() };
    let jwt = ["ey", "JhbGciOiJIUzI1NiJ9", ".ey", "JzdWIiOiIxIn0", ".", &random(WORD, 43)].concat();
    vec![
        sample("canary", "", &["ghc", "_", &random(BASE32, 26)]),
        sample("gatehouse_key", "", &["gh", "_", &random(BASE32, 12), "_", &random(BASE32, 52)]),
        sample("private_key", "", &[&private_key("RSA ", "\n")]),
        sample("private_key", "", &[&private_key("", "\\n")]),
        sample("api_key", "", &["AI", "za", &random(WORD, 35)]),
        sample("google_auth_key", "", &["AQ", ".Ab8", &random(WORD, 40)]),
        sample("google_oauth", "", &["ya", "29.", &random(WORD, 60)]),
        sample("google_oauth", "", &["GOC", "SPX-", &random(WORD, 28)]),
        sample("aws_key", "", &["AK", "IA", &random(UPPER, 16)]),
        sample("aws_key", "", &["AS", "IA", &random(UPPER, 16)]),
        sample("aws_secret", "AWS_SECRET_ACCESS_KEY=", &[&random(WORD, 40)]),
        sample("aws_secret", "\"SecretAccessKey\": \"", &[&random(WORD, 40)]),
        sample("jwt", "", &[&jwt]),
        sample("github_token", "", &["gh", "p_", &random(WORD, 36)]),
        sample("github_token", "", &["github", "_pat_", &random(WORD, 22), "_", &random(WORD, 59)]),
        sample("gitlab_token", "", &["gl", "pat-", &random(WORD, 20)]),
        sample("slack_token", "", &["xo", "xb-", &random("0123456789", 12), "-", &random(WORD, 24)]),
        sample("stripe_key", "", &["sk", "_live_", &random(WORD, 24)]),
        sample("npm_token", "", &["np", "m_", &random(WORD, 36)]),
        sample("sendgrid_key", "", &["S", "G.", &random(WORD, 22), ".", &random(WORD, 43)]),
        sample("twilio_key", "", &["S", "K", &random("0123456789abcdef", 32)]),
        sample("anthropic_key", "", &["sk-", "ant-api03-", &random(WORD, 93)]),
        sample("openai_key", "", &["sk-", "proj-", &random(WORD, 48)]),
        sample("azure_conn_key", "AccountKey=", &[&random(WORD, 86), "=="]),
        sample("basic_auth", "Authorization: Basic ", &[&random(WORD, 28)]),
        sample("bearer_token", "authorization: Bearer ", &[&random("0123456789abcdef", 40)]),
        sample("db_url_password", "postgres://admin:", &[&random(WORD, 12)]),
        sample("generic_password", "DB_PASSWORD=", &[&random(WORD, 14)]),
        sample("generic_password", "The temporary password is ", &[&random(WORD, 14)]),
        sample("email", "", &["ada.lovelace+notes", "@", "analytical-engine.example.org"]),
        sample("credit_card", "", &["4111", "1111", "1111", "1111"]),
        sample("credit_card", "", &["5500", "-0000", "-0000", "-0004"]),
        sample("credit_card", "", &["3782", " 822463", " 10005"]),
        sample("ip_address", "", &["203.0", ".113.77"]),
        sample("ip_address", "", &["2001:db8:", ":8a2e:370:7334"]),
        sample("ssn", "", &["219", "-09", "-9998"]),
        sample("iban", "", &["GB82", "WEST", "12345698765432"]),
        sample("iban", "", &["DE89 ", "3704 0044 0532 0130 00"]),
        sample("phone", "", &["+44 20", " 7946 0958"]),
        sample("phone", "", &["(415) ", "555-2671"]),
        sample("phone", "", &["415-", "555-2671"]),
        sample("phone", "Phone: ", &["0687", " 843 79 56"]),
    ]
}

/// What follows a sample where its language asks for something.
pub(crate) fn follows(name: &str) -> &'static str {
    if name == "db_url_password" { "@db.internal/shop" } else { "" }
}
