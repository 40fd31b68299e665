//! The table of what is redacted: for each entry its name, its language and its longest match.
//!
//! Languages are plain: no look-around, no Unicode, ASCII bodies. What must stand beside a match is an explicit set of
//! bytes, so that a key beside a CJK letter counts. Byte `0xFF`, which no UTF-8 text has, stands for the start and the
//! end of a text, and `0xFE` for a sign that is written as `%20`. Pure data: the build script compiles it.

/// Whether a type is a secret or tells of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Keys, tokens and passwords: whoever reads one may act with it.
    Secret,
    /// Data about a person.
    Personal,
}

/// What decides whether a match of an entry's language counts, and which part of it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// All of it, always.
    All,
    /// Nothing of it: the text is known to be harmless and hides shorter matches.
    Keep,
    /// All of it, if it is random rather than words.
    Mixed,
    /// A payment card: brand, length, grouping and Luhn's checksum.
    Card,
    /// An e-mail address.
    Email,
    /// Four octets.
    Ipv4,
    /// An IPv6 address in full or with one `::`.
    Ipv6,
    /// A US social security number that can have been issued.
    Ssn,
    /// An IBAN: its country's length and the checksum modulo 97.
    Iban,
    /// An international telephone number.
    International,
    /// A telephone number in North America's form.
    National,
    /// A telephone number after a word that announces one.
    Announced,
    /// A telephone number before a word that explains one.
    Explained,
    /// The password of a URL.
    UrlPassword,
    /// What follows the last `=`, `:`, quotation mark or space: an AWS secret.
    AwsSecret,
    /// What follows the first `=`.
    Assigned,
    /// The credentials after `Basic`.
    Basic,
    /// The token after `Bearer`.
    Bearer,
    /// The token that is a URL's parameter.
    Parameter,
    /// A password after a word that announces one.
    Password,
    /// A password after such a word of another language, and a colon or an equals sign.
    Told,
    /// The header of a private key: opens a block.
    Block,
}

/// One language of one type.
pub(crate) struct Entry {
    /// The type's name, as in the mark. Entries of one type share it.
    pub(crate) name: &'static str,
    /// The type's class.
    pub(crate) class: Class,
    /// What may stand before it: one byte.
    pub(crate) before: &'static str,
    /// The language.
    pub(crate) body: &'static str,
    /// What must follow: one byte, or nothing.
    pub(crate) after: &'static str,
    /// The longest match in bytes; longer ones are no matches.
    pub(crate) longest: usize,
    /// What decides about a match.
    pub(crate) check: Check,
}

/// Entries that protect harmless text have no name.
pub(crate) const KEPT: &str = "";

const ANY: &str = r"[\x00-\xFF]";
/// A backslash is no edge: it and the byte after it are one escaped character.
const EDGE: &str = r"[^0-9A-Za-z\\]";
/// The edge of long tokens whose own bytes are also edges: else each part of one might begin another.
const TOKEN: &str = r"[^0-9A-Za-z_.\\-]";
/// The edge of numbers: a digit after `.`, `-` or `_` is amid something longer.
const NUMBER: &str = r"[^0-9A-Za-z_.\\-]";
const NUMBER_END: &str = r"[^0-9A-Za-z_-]";
const WORD_END: &str = r"[^0-9A-Za-z]";
const NONE: &str = "";

const fn secret(name: &'static str, body: &'static str, after: &'static str, longest: usize, check: Check) -> Entry {
    Entry { name, class: Class::Secret, before: EDGE, body, after, longest, check }
}

const fn token(name: &'static str, body: &'static str, longest: usize, check: Check) -> Entry {
    Entry { name, class: Class::Secret, before: TOKEN, body, after: NONE, longest, check }
}

const fn number(name: &'static str, body: &'static str, after: &'static str, longest: usize, check: Check) -> Entry {
    Entry { name, class: Class::Personal, before: NUMBER, body, after, longest, check }
}

const fn kept(before: &'static str, body: &'static str, after: &'static str, longest: usize) -> Entry {
    Entry { name: KEPT, class: Class::Personal, before, body, after, longest, check: Check::Keep }
}

/// Together, or grouped as on the card, by spaces that may be no-break ones (`C2 A0`). No more than that: what follows a card is often more digits.
const CARD: &str = "[0-9]{12,19}|[0-9]{4}(\\xC2?[\x20\\xA0][0-9]{4}){3}|[0-9]{4}(-[0-9]{4}){3}|[0-9]{4}\\xC2?[\x20\\xA0][0-9]{6}\\xC2?[\x20\\xA0][0-9]{4,5}|[0-9]{4}-[0-9]{6}-[0-9]{4,5}";
/// Each country's code, two check digits and as many characters as the country has, together or in groups of four.
const IBAN: &str = "(?i:\
    (NO)[0-9]{2}([0-9A-Z]{11}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){2}\\xC2?[\x20\\xA0][0-9A-Z]{3})\
    |(BE)[0-9]{2}([0-9A-Z]{12}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){3})\
    |(DK|FI|FK|FO|GL|NL|SD)[0-9]{2}([0-9A-Z]{14}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){3}\\xC2?[\x20\\xA0][0-9A-Z]{2})\
    |(MK|SI)[0-9]{2}([0-9A-Z]{15}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){3}\\xC2?[\x20\\xA0][0-9A-Z]{3})\
    |(AT|BA|EE|KZ|LT|LU|MN|XK)[0-9]{2}([0-9A-Z]{16}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){4})\
    |(CH|HR|LI|LV)[0-9]{2}([0-9A-Z]{17}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){4}\\xC2?[\x20\\xA0][0-9A-Z]{1})\
    |(BG|BH|CR|DE|GB|GE|IE|ME|RS|VA)[0-9]{2}([0-9A-Z]{18}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){4}\\xC2?[\x20\\xA0][0-9A-Z]{2})\
    |(AE|GI|IL|IQ|OM|SO|TL)[0-9]{2}([0-9A-Z]{19}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){4}\\xC2?[\x20\\xA0][0-9A-Z]{3})\
    |(AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG)[0-9]{2}([0-9A-Z]{20}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){5})\
    |(LY|PT|ST)[0-9]{2}([0-9A-Z]{21}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){5}\\xC2?[\x20\\xA0][0-9A-Z]{1})\
    |(IS|TR)[0-9]{2}([0-9A-Z]{22}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){5}\\xC2?[\x20\\xA0][0-9A-Z]{2})\
    |(BI|DJ|FR|GR|IT|MC|MR|SM)[0-9]{2}([0-9A-Z]{23}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){5}\\xC2?[\x20\\xA0][0-9A-Z]{3})\
    |(AL|AZ|BY|CY|DO|GT|HN|HU|LB|NI|PL|SV)[0-9]{2}([0-9A-Z]{24}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){6})\
    |(BR|EG|PS|QA|UA)[0-9]{2}([0-9A-Z]{25}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){6}\\xC2?[\x20\\xA0][0-9A-Z]{1})\
    |(JO|KW|MU|YE)[0-9]{2}([0-9A-Z]{26}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){6}\\xC2?[\x20\\xA0][0-9A-Z]{2})\
    |(MT|SC)[0-9]{2}([0-9A-Z]{27}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){6}\\xC2?[\x20\\xA0][0-9A-Z]{3})\
    |(LC)[0-9]{2}([0-9A-Z]{28}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){7})\
    |(RU)[0-9]{2}([0-9A-Z]{29}|(\\xC2?[\x20\\xA0][0-9A-Z]{4}){7}\\xC2?[\x20\\xA0][0-9A-Z]{1})\
    )";

/// A model that is asked to spell its instruction out puts something between the letters.
const CANARY: &str = "[Gg][ \n-]?[Hh][ \n-]?[Cc][ \n-]?_[ \n-]?[A-Za-z2-7]([ \n-]?[A-Za-z2-7]){25}";

/// What follows a word that announces a password.
macro_rules! password_value {
    () => {
        r#"["'`]? {0,2}(=>?|:=?|is) {0,2}["'`]?[!-~&&[^\x22'`<>(){}\[\],;\\]]{6}[!-~&&[^\x22'`<>(){}\[\],;\\]]*"#
    };
}

/// What announces a password in other languages than English, whose words are told apart by a colon or an equals sign.
macro_rules! password_words {
    () => {
        "(?i:contrase)(ña|ÑA|(?i:na))|(?i:passwort|kennwort|mot de passe|mdp|senha|palavra-passe|parola|\
    wachtwoord|passord|adgangskode|heslo|kata sandi)|(?i:has)(ł|Ł)(?i:o)|(ş|Ş)(?i:ifre)|(?i:l)(ö|Ö)(?i:senord)|\
    (п|П)(ароль|АРОЛЬ)|(κ|Κ)ωδικός|密码|密碼|口令|パスワード|비밀번호|암호|كلمة (المرور|السر)|पासवर्ड|(?i:m)(ật|Ật) (?i:kh)ẩu"
    };
}

/// Such a word, and a password.
const FOREIGN_PASSWORD: &str = concat!(
    "(",
    password_words!(),
    r#")["'`]? {0,2}(=>?|:=?|：) {0,2}["'`]?[!-~&&[^\x22'`<>(){}\[\],;\\]]{6}[!-~&&[^\x22'`<>(){}\[\],;\\]]*"#
);

/// Every entry. Of matches with one start and one end, the earlier entry's counts.
pub(crate) const TABLE: &[Entry] = &[
    secret("canary", CANARY, NONE, 59, Check::All),
    secret("gatehouse_key", "gh_[a-z2-7]{12}_[a-z2-7]{52}", NONE, 68, Check::All),
    Entry {
        name: "private_key",
        class: Class::Secret,
        before: ANY,
        body: "-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----",
        after: NONE,
        longest: 80,
        check: Check::Block,
    },
    secret("api_key", "AIza[0-9A-Za-z_-]{35}", NONE, 39, Check::All),
    token("google_auth_key", r"AQ\.[0-9A-Za-z_-]{20}[0-9A-Za-z_-]*", 256, Check::Mixed),
    token("google_oauth", r"ya29\.[0-9A-Za-z_-]{20}[0-9A-Za-z_-]*(\.[0-9A-Za-z_-]+)*", 2048, Check::All),
    secret("google_oauth", "1//0[0-9A-Za-z_-]{30}[0-9A-Za-z_-]*", NONE, 512, Check::Mixed),
    secret("google_oauth", "GOCSPX-[0-9A-Za-z_-]{28}", NONE, 35, Check::All),
    secret("aws_key", "A(KI|SI|BI|CC)A[0-9A-Z]{16}", NONE, 20, Check::All),
    secret(
        "aws_secret",
        r#"(?i:(aws)?[_.-]?secret[_.-]?(access)?[_.-]?key(id)?)["'`]? {0,2}(=>?|:|is) {0,2}["'`]?[0-9A-Za-z/+]{40}"#,
        "[^0-9A-Za-z/+=]",
        96,
        Check::AwsSecret,
    ),
    token(
        "jwt",
        r"eyJ[0-9A-Za-z_-]{4}[0-9A-Za-z_-]*\.ey[0-9A-Za-z_-]{4}[0-9A-Za-z_-]*\.[0-9A-Za-z_-]*",
        8192,
        Check::All,
    ),
    secret("github_token", "gh[opsur]_[0-9A-Za-z]{36}[0-9A-Za-z]*", NONE, 255, Check::All),
    secret("github_token", "github_pat_[0-9A-Za-z]{20}[0-9A-Za-z_]*", NONE, 255, Check::All),
    token(
        "gitlab_token",
        "gl(pat|ptt|dt|rt|oas|ft|imt|agent|cbt|soat)-[0-9A-Za-z_-]{20}[0-9A-Za-z_-]*(\\.[0-9A-Za-z_-]+)*",
        255,
        Check::Mixed,
    ),
    token("slack_token", "(xox[abceoprs]|xapp)-[0-9A-Za-z-]{10}[0-9A-Za-z-]*", 255, Check::Mixed),
    secret(
        "slack_token",
        r"https://hooks\.slack\.com/(services|workflows|triggers)/[0-9A-Za-z/]{20}[0-9A-Za-z/]*",
        NONE,
        255,
        Check::Mixed,
    ),
    secret("stripe_key", "([rs]k_(live|test)|whsec)_[0-9A-Za-z]{16}[0-9A-Za-z]*", NONE, 255, Check::Mixed),
    secret("npm_token", "npm_[0-9A-Za-z]{36}", NONE, 40, Check::All),
    secret("sendgrid_key", r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}", NONE, 69, Check::All),
    secret("twilio_key", "(SK|AC)[0-9a-f]{32}", WORD_END, 34, Check::All),
    token("anthropic_key", "sk-ant-[0-9A-Za-z_-]{24}[0-9A-Za-z_-]*", 255, Check::Mixed),
    token("openai_key", "sk-[0-9A-Za-z_-]{32}[0-9A-Za-z_-]*", 255, Check::Mixed),
    secret(
        "azure_conn_key",
        "(AccountKey|SharedAccessKey)=[0-9A-Za-z+/]{40}[0-9A-Za-z+/]*={0,2}",
        NONE,
        128,
        Check::Assigned,
    ),
    secret(
        "basic_auth",
        r#"(?i:authorization)["']? {0,2}[:=] {0,2}["']?(?i:basic) [0-9A-Za-z+/]{8}[0-9A-Za-z+/]*={0,2}"#,
        NONE,
        512,
        Check::Basic,
    ),
    secret(
        "bearer_token",
        r#"(?i:authorization)["']? {0,2}[:=] {0,2}["']?(?i:bearer) [0-9A-Za-z._~+/-]{16}[0-9A-Za-z._~+/-]*={0,2}"#,
        NONE,
        4096,
        Check::Bearer,
    ),
    Entry {
        name: "bearer_token",
        class: Class::Secret,
        before: "[?&;#]",
        body: "(?i:((access|api|auth|bearer|id|refresh|session)[_-]?)?token)=[0-9A-Za-z._~%+/-]{16}[0-9A-Za-z._~%+/-]*={0,2}",
        after: NONE,
        longest: 4096,
        check: Check::Parameter,
    },
    Entry {
        name: "db_url_password",
        class: Class::Secret,
        before: r"[^0-9A-Za-z+.\\-]",
        body: r#"[0-9A-Za-z+.-]+://[!-~&&[^\x22'/:<>?@`#]]*:[!-~&&[^\x22'/<>@`]]+"#,
        after: "@",
        longest: 256,
        check: Check::UrlPassword,
    },
    secret(
        "generic_password",
        concat!(r"(?i:passw(or)?d|pwd|passphrase)", password_value!()),
        NONE,
        160,
        Check::Password,
    ),
    secret("generic_password", FOREIGN_PASSWORD, NONE, 192, Check::Told),
    // As the end of a name such as `dbPassword`.
    Entry {
        name: "generic_password",
        class: Class::Secret,
        before: "[0-9a-z]",
        body: concat!("(Passw(or)?d|Pwd|Passphrase)", password_value!()),
        after: NONE,
        longest: 160,
        check: Check::Password,
    },
    Entry {
        name: "email",
        class: Class::Personal,
        before: r"[^0-9A-Za-z._%+\\\xFE-]",
        body: r"[0-9A-Za-z._%+-]+@[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?(\.[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)*\.[A-Za-z]{2}[A-Za-z]*",
        after: NONE,
        longest: 318,
        check: Check::Email,
    },
    number("credit_card", CARD, NUMBER_END, 22, Check::Card),
    number("ip_address", r"[0-9]{1,3}(\.[0-9]{1,3}){3}", WORD_END, 15, Check::Ipv4),
    Entry {
        name: "ip_address",
        class: Class::Personal,
        before: "[^0-9A-Za-z_.:\\\\-]",
        body: "[0-9A-Fa-f]{1,4}:([0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{1,4}",
        after: "[^0-9A-Za-z_]",
        longest: 39,
        check: Check::Ipv6,
    },
    number("ssn", "[0-9]{3}-[0-9]{2}-[0-9]{4}", NUMBER_END, 11, Check::Ssn),
    number("iban", IBAN, WORD_END, 50, Check::Iban),
    Entry {
        name: "phone",
        class: Class::Personal,
        before: r"[^0-9A-Za-z_.+\\]",
        body: r"\+[0-9]{1,3}([ .-]?\(?[0-9]{1,4}\)?)([ .-]?[0-9]){4,11}((x| x| ext\.? ?)[0-9]{1,6})?",
        after: WORD_END,
        longest: 40,
        check: Check::International,
    },
    number(
        "phone",
        r"((00)?1[ .-])?(\([0-9]{3}\) ?|[0-9]{3}[.-])[0-9]{3}[.-][0-9]{4}((x| x| ext\.? ?)[0-9]{1,6})?",
        NUMBER_END,
        40,
        Check::National,
    ),
    number(
        "phone",
        r"(?i:phone|mobile|desk|fax|tel|cell|telephone|phone number|answering at|messages to|registered|call|whatsapp|dial)( ?[.:#=]| is)?[ \n]{1,2}[(+]?[0-9]([ ./()-]{0,2}[0-9]){6,14}(x[0-9]{1,6})?",
        NUMBER_END,
        64,
        Check::Announced,
    ),
    // With the trunk prefix 0, and as Brazil and its neighbours write it.
    number(
        "phone",
        r"0[1-9][0-9]{9}|\(0[0-9]{2,4}\) ?[0-9]{5,8}|[1-9][0-9] [0-9]{4,5}-[0-9]{4}",
        NUMBER_END,
        20,
        Check::All,
    ),
    number(
        "phone",
        r"\(?[0-9]([ .()-]{0,2}[0-9]){6,14}[ -](?i:office|fax|mobile|cell|home)",
        WORD_END,
        64,
        Check::Explained,
    ),
    // Five numbers with dots are an object identifier or a version; a word before four says that they are no address.
    kept(NUMBER, r"[0-9]+(\.[0-9]+){4}(\.[0-9]+)*", NONE, 96),
    kept(
        EDGE,
        r"(?i:sections?|versions?|ver\.?|v\.?|releases?|chapter|clause|build|firmware|oid|rev|appendix|table|figure) [0-9]+(\.[0-9]+){3}(\.[0-9]+)*",
        NONE,
        64,
    ),
    kept(EDGE, r"[A-Za-z]+/[0-9]+(\.[0-9]+){3}", NONE, 64),
];
