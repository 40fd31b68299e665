//! What the redactor finds and leaves, against a slow second implementation, and what it costs.

#![expect(clippy::string_slice, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use oracle::Oracle;
use samples::{follows, private_key, random, samples};

mod oracle;
mod samples;

fn redacted(text: &str) -> String {
    Redactor::standard().redact(text).text.into_owned()
}

#[test]
fn redacts_each_type_in_any_surroundings() {
    for sample in samples() {
        let mark = format!("[REDACTED:{}]", sample.name);
        for (before, after) in
            [("", ""), ("(", ")"), ("値は", "です。"), ("x\\n", "\\n"), ("see `", "`."), ("<td>", "</td>")]
        {
            let after = format!("{}{after}", follows(sample.name));
            let text = [before, sample.context, &sample.secret, &after].concat();
            let expected = [before, sample.context, &mark, &after].concat();
            assert_eq!(redacted(&text), expected, "a {} with {:?} after", sample.name, after);
        }
    }
}

#[test]
fn every_type_has_a_sample() {
    for (name, _) in Redactor::types() {
        assert!(samples().iter().any(|sample| sample.name == name), "{name} has none");
    }
}

#[test]
fn other_scripts_are_passed_over_unless_a_match_begins_there() {
    let table = table::Table::embedded();
    for byte in 0x80..=u8::MAX {
        assert_eq!(table.wakes(byte), (0..=u8::MAX).any(|before| table.starts(before, byte)), "{byte:#x}");
    }
    assert!(!table.wakes(0xC3) && table.wakes(0xD0));
}

#[test]
fn a_password_is_told_in_many_languages() {
    let secret = random(samples::WORD, 14);
    for word in [
        "contraseña: ",
        "Contrasena:",
        "CONTRASEÑA = ",
        "Passwort: ",
        "Kennwort=",
        "mot de passe : ",
        "Mot de passe\u{20}:",
        "senha: ",
        "hasło: ",
        "şifre: ",
        "lösenord: ",
        "wachtwoord: ",
        "пароль: ",
        "Пароль:",
        "密码：",
        "密碼: ",
        "パスワード：",
        "비밀번호: ",
        "كلمة المرور: ",
        "पासवर्ड: ",
    ] {
        let text = format!("Neu / 新: {word}{secret}, ok");
        assert_eq!(redacted(&text), format!("Neu / 新: {word}[REDACTED:generic_password], ok"));
        let plain = format!("{word}tomorrow at nine");
        assert_eq!(redacted(&plain), plain);
    }
}

#[test]
fn a_secret_in_a_url_is_found_behind_an_escape() {
    let key = ["AK", "IA", &random("0123456789ABCDEF", 16)].concat();
    let card = ["4111", "1111", "1111", "1111"].concat();
    for (secret, name) in [(key.as_str(), "aws_key"), (card.as_str(), "credit_card")] {
        for before in ["?q=a%20", "?q=%22", "%3d", "%0A", "x%2F"] {
            assert_eq!(redacted(&format!("{before}{secret} ")), format!("{before}[REDACTED:{name}] "));
        }
    }
    // What stands for a letter is one.
    assert_eq!(redacted(&format!("%41{key}")), format!("%41{key}"));
}

#[test]
fn a_token_that_is_a_parameter_is_redacted() {
    let token = random("0123456789abcdef", 32);
    for name in ["token", "access_token", "auth-token", "Session_Token"] {
        let text = |secret: &str| format!("https://a.example/x?y=1&{name}={secret}&z=2");
        assert_eq!(redacted(&text(&token)), text("[REDACTED:bearer_token]"));
    }
    let text = "https://a.example/?token=YOUR_TOKEN_GOES_HERE&tokens=1234567890123456";
    assert_eq!(redacted(text), text);
}

#[test]
fn numbers_may_be_grouped_by_no_break_spaces() {
    let card = ["4111", "1111", "1111", "1111"].join("\u{A0}");
    let iban = ["DE89", "3704", "0044", "0532", "0130", "00"].join("\u{A0}");
    assert_eq!(redacted(&format!("pay {card} or {iban}.")), "pay [REDACTED:credit_card] or [REDACTED:iban].");
}

#[test]
fn short_addresses_are_found() {
    for address in ["fe80::1", "fd12::9", "2001::7", "FE80::a00:27ff"] {
        assert_eq!(redacted(&format!("ping {address} now")), "ping [REDACTED:ip_address] now");
    }
}

#[test]
fn leaves_what_only_looks_alike() {
    let hash = random("0123456789abcdef", 40);
    for text in [
        "Release v16.12.0.23 is out; Chrome/120.0.50.93 on Windows NT 10.0",
        "See section 6.9.4.7 of the manual, OID 1.3.6.1.4.1.5032.8, version 1.2.3.4",
        "subnet 999.464.300.1 is not valid, 10.0.0 is short, 1.2.3.4.5 is long",
        "Order number 259151815481 has shipped, invoice 2026-55395, customer 4444888",
        "id: d3255e0d-71de-15eb-1564-980486250dc2, MAC d0:b8:4a:4e:cb:b3, serial a1:a1:a1:a1:a1:a1:a1:a1",
        "12345678-1234-1234-1234-123456789012",
        "2026-10-19T10:26:00 request completed in 7778ms, epoch_ns=1784668881131128478",
        "The ratio is 3:8:9 at 12:28:57, std::vec::Vec and ::core::fmt::Debug, a::b, dead::beef",
        "Part no. 667-51-719, ISBN 978-9-20-805523-6, call extension 8138, range 10-7-1996",
        "000-25-1231, 666-11-1135, 900-11-1135, 219-00-9998 and 219-09-0000 were never issued",
        "Card 4111 1111 1111 1112 and card 36413039645834 fail their checksum",
        "GB82WEST12345698765433 fails its own",
        "AKIA is a prefix; AKIAI is a village; the eyJ prefix is typical",
        "Use ghp_<your token> or xoxb-... with Authorization: Bearer $TOKEN",
        "password = input(\"Password: \") and api_key = os.environ[\"API_KEY\"]",
        "postgres://user:password@db.example.com/shop is a template",
        "import foo from \"@scope/pkg\"; npm install @types/node@20.5.2; @app.route(\"/\"), icon@2x.png",
        "sk-learn-is-a-library-with-a-long-kebab-case-name and sk_buff",
        "lat 73.024748, lon -46.785529, price: $749,220.60, let x = 0x5d94f12bf1204c1d;",
        "git clone git@github.com:owner/name.git and git@gitlab.example.org:a/b",
        "Write it as (999) 999-9999, 555-555-5555 or +00 000 000 000",
        "registered 20191231, call 12345678 times",
        "feed::2f00, 2f::1, cafe::1, fe80::/10",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY----- and -----BEGIN CERTIFICATE-----\nMIIB\n",
        &format!("commit {hash} fixes it, sha256:{hash}{}", &hash[..24]),
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn a_card_is_found_before_its_expiry_and_code() {
    let card = ["4111", "1111", "1111", "1111"].join(" ");
    assert_eq!(redacted(&format!("{card} 12/27 123")), "[REDACTED:credit_card] 12/27 123");
}

#[test]
fn a_refused_match_hides_none_inside_it() {
    // The local part is too long for an address, but is one itself from its `=`.
    let text = format!("{}=bob@example.com", "x".repeat(80));
    assert_eq!(redacted(&text), format!("{}=[REDACTED:email]", "x".repeat(80)));
    assert_eq!(redacted("219-09-0000 219-09-9998"), "219-09-0000 [REDACTED:ssn]");
}

#[test]
fn a_private_key_is_swallowed_whole_with_its_headers() {
    for kind in ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED "] {
        for newline in ["\n", "\r\n", "\\n", "\\r\\n", "\\\\n", " "] {
            let key = private_key(kind, newline);
            assert_eq!(redacted(&format!("a {key} b")), "a [REDACTED:private_key] b", "{kind:?} {newline:?}");
        }
    }
    let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1F2E\n\n";
    let key = private_key("RSA ", "\n").replacen("-----\n", &format!("-----\n{headers}"), 1);
    assert_eq!(redacted(&format!("{key}.")), "[REDACTED:private_key].");
    let armour = private_key("PGP ", "\n").replace("KEY-----", "KEY BLOCK-----").replacen(
        "-----\n",
        "-----\nVersion: GnuPG v2.0 (Linux)\n\n",
        1,
    );
    assert_eq!(redacted(&armour), "[REDACTED:private_key]");
}

#[test]
fn a_private_key_is_swallowed_however_it_is_printed() {
    let key = private_key("RSA ", "\n");
    let printed = |with: &dyn Fn(usize, &str) -> String| {
        let lines: Vec<String> = key.lines().enumerate().map(|(number, line)| with(number, line)).collect();
        format!("a {} b", lines.join("\n"))
    };
    for text in [
        printed(&|_, line| format!("> {line}")),
        printed(&|number, line| format!("{:>3}: {line}", number + 1)),
        printed(&|number, line| format!("{number}. `{line}`")),
        printed(&|_, line| format!("// | {line} |")),
        printed(&|_, line| format!("    \"{line}\\n\" +")),
        printed(&|_, line| format!("  '{line}',")),
        printed(&|_, line| format!("{line}<br>")),
        format!("a {} b", key.replace('\n', "<br />")),
    ] {
        let redacted = redacted(&text);
        let (before, after) = redacted.split_once("[REDACTED:private_key]").unwrap();
        assert!(before.len() + after.len() < 20, "{text}\n{redacted}");
    }
}

#[test]
fn a_private_key_without_a_footer_ends_at_the_first_byte_no_key_holds() {
    let key = private_key("RSA ", "\n");
    let (body, _) = key.rsplit_once("\n-----END").unwrap();
    assert_eq!(
        redacted(&format!("{body}\"}}, then bob@example.com")),
        "[REDACTED:private_key]\"}, then [REDACTED:email]"
    );
    assert_eq!(redacted(&format!("{body}-----EN")), "[REDACTED:private_key]-----EN");
    assert_eq!(redacted(&format!("{body}\\")), "[REDACTED:private_key]\\");
    let header = key.lines().next().unwrap();
    let long = format!("{header}{}", "A".repeat(block::LIMIT + 7));
    assert_eq!(redacted(&long), "[REDACTED:private_key]AAAAAAA");
}

#[test]
fn the_mark_of_a_private_key_goes_out_with_its_header() {
    let redactor = Redactor::standard();
    let (mut stream, mut out) = (redactor.stream(), String::new());
    stream.push(private_key("RSA ", "\n").lines().next().unwrap().as_bytes(), &mut out);
    assert_eq!(out, "[REDACTED:private_key]");
    assert_eq!(stream.held(), 0);
}

#[test]
fn types_can_be_switched_off_and_unknown_ones_are_refused() {
    let off = Settings { types: [("email".to_owned(), false)].into(), patterns: Vec::new(), ..Settings::default() };
    let text = "bob@example.com 219-09-9998";
    assert_eq!(Redactor::new(&off).unwrap().redact(text).text, "bob@example.com [REDACTED:ssn]");
    let unknown = Settings { types: [("emial".to_owned(), false)].into(), patterns: Vec::new(), ..Settings::default() };
    let bad = Redactor::new(&unknown).unwrap_err();
    assert_eq!((bad.name.as_str(), bad.index), ("emial", 0));
    assert!(bad.reason.contains("email"), "{}", bad.reason);
}

#[test]
fn a_type_that_is_off_holds_nothing_back() {
    let off = Settings {
        types: Redactor::types().map(|(name, _)| (name.to_owned(), false)).collect(),
        patterns: Vec::new(),
        ..Settings::default()
    };
    let (mut stream, mut out) = (Redactor::new(&off).unwrap().stream(), String::new());
    stream.push(b"bob@example.co", &mut out);
    assert_eq!(out, "bob@example.co");
}

#[test]
fn secrets_alone_leave_personal_data() {
    let token = samples().remove(0).secret;
    let secrets = Redactor::standard().secrets();
    assert_eq!(secrets.redact(&format!("{token} bob@example.com")).text, "[REDACTED:canary] bob@example.com");
}

#[test]
fn the_canary_is_found_when_it_is_spelt_out() {
    let token = samples().remove(0).secret;
    for between in [" ", "-", "\n"] {
        let letters: Vec<String> = token.chars().map(String::from).collect();
        let (head, tail) = token.split_at(17);
        for spelt in [letters.join(between), [head, tail].join(between)] {
            let text = format!("It says: {spelt} and no more.");
            assert_eq!(Redactor::standard().redact(&text).text, "It says: [REDACTED:canary] and no more.");
        }
    }
}

#[test]
fn the_canary_is_found_in_letters_of_either_case() {
    let token = samples().remove(0).secret;
    for token in [token.to_ascii_uppercase(), token.replace("ghc", "GHc"), token] {
        assert_eq!(Redactor::standard().redact(&token).text, "[REDACTED:canary]");
    }
}

#[test]
fn operator_patterns_are_redacted_by_name_and_longest() {
    let pattern = |name: &str, pattern: &str| OperatorPattern { name: name.to_owned(), pattern: pattern.to_owned() };
    let patterns = vec![pattern("employee", "(?i)emp-[0-9]{4,6}"), pattern("project", "プロジェクト\\p{Han}{1,4}")];
    let redactor = Redactor::new(&Settings { patterns, ..Settings::default() }).unwrap();
    let redaction = redactor.redact("EMP-123456, emp-12345678, プロジェクト極秘計画。");
    assert_eq!(redaction.text, "[REDACTED:employee], [REDACTED:employee]78, [REDACTED:project]。");
    assert_eq!(redaction.found.get("employee"), Some(&2));
}

#[test]
fn an_operator_pattern_without_bounds_is_refused_with_a_remedy() {
    for (pattern, remedy) in [
        ("x+", "counts such as"),
        ("x{0,4}", "at least one"),
        (r"\bEMP", "\\b"),
        ("^x", "leave them out"),
        ("(x", "not a regular expression"),
        (r"(\w{1,40}\W{1,40}){1,10}", "longest match"),
        (r"[^x]{1,50}\w{50}\d{50}", "automaton"),
    ] {
        let patterns = vec![
            OperatorPattern { name: "fine".to_owned(), pattern: "EMP-[0-9]{4}".to_owned() },
            OperatorPattern { name: "own".to_owned(), pattern: pattern.to_owned() },
        ];
        let bad = Redactor::new(&Settings { patterns, ..Settings::default() }).unwrap_err();
        assert_eq!((bad.name.as_str(), bad.index), ("own", 1), "{pattern}");
        assert!(bad.reason.contains(remedy), "{pattern}: {}", bad.reason);
    }
    for name in ["", "Email", "email", "a-b"] {
        let patterns = vec![OperatorPattern { name: name.to_owned(), pattern: "x".to_owned() }];
        assert_eq!(Redactor::new(&Settings { patterns, ..Settings::default() }).unwrap_err().name, name);
    }
}

#[test]
fn json_stays_json_with_its_secrets_out_of_strings_and_numbers() {
    let text = r#"{"mail":"bob\u0040example.com\nnext","url":"postgres:\/\/a:Hunter2x@h\/","n":[4111111111111111,1.5],"k\u00e9":"😀\ud83d\ude00 219-09-9998"}"#;
    let redaction = Redactor::standard().redact_json_text(text);
    assert_eq!(
        redaction.text,
        r#"{"mail":"[REDACTED:email]\nnext","url":"postgres:\/\/a:[REDACTED:db_url_password]@h\/","n":["[REDACTED:credit_card]",1.5],"k\u00e9":"😀\ud83d\ude00 [REDACTED:ssn]"}"#
    );
    assert!(serde_json::from_str::<Value>(&redaction.text).is_ok());
}

#[test]
fn json_values_are_redacted_in_keys_strings_and_numbers() {
    let mut value = serde_json::json!({ "bob@example.com": ["219-09-9998", 4_111_111_111_111_111_u64, 7, null] });
    let found = Redactor::standard().redact_json(&mut value);
    assert_eq!(value, serde_json::json!({ "[REDACTED:email]": ["[REDACTED:ssn]", "[REDACTED:credit_card]", 7, null] }));
    assert_eq!(found.values().sum::<u32>(), 3);
}

#[test]
fn debug_shows_no_text() {
    let redactor = Redactor::standard();
    let mut stream = redactor.stream();
    stream.push(b"canary-word bob@exam", &mut String::new());
    let shown =
        format!("{redactor:?} {stream:?} {:?} {:?}", redactor.redact("canary-word"), redactor.spans("bob@example.com"));
    assert!(!shown.contains("canary-word") && !shown.contains("bob") && !shown.contains("exam"), "{shown}");
}

/// The work on adversarial texts, in steps per byte. The bound is the greatest number of matches that can be open at
/// once: one begins only where the byte before is an edge, and each is bounded in length.
#[test]
fn no_text_takes_more_than_a_few_steps_a_byte() {
    let header = private_key("", "\n").lines().next().unwrap().to_owned();
    for (unit, most) in [
        ("1", 2),
        ("1 ", 16),
        ("1-", 3),
        ("4111 ", 5),
        ("-", 8),
        ("-----BEGIN", 4),
        ("-----BEGIN PRIVATE KEY----", 4),
        (header.as_str(), 3),
        ("a@a.a@a.a", 3),
        ("a.", 2),
        ("eyJhbGci.", 4),
        ("eyJhbGci.eyJ.", 4),
        ("password=", 20),
        ("пароль: ", 4),
        ("%20", 2),
        ("?token=", 5),
        ("password = ", 3),
        ("a://a:", 3),
        ("a:", 3),
        ("1:", 3),
        ("+1", 2),
        ("(1) ", 4),
        ("call 1", 2),
        ("sk-", 3),
        ("\\", 2),
        ("\\n", 2),
        ("DE89 3704 ", 5),
        ("authorization: bearer ", 3),
    ] {
        let text = unit.repeat((1 << 18) / unit.len());
        let (mut stream, mut out) = (Redactor::standard().stream(), String::new());
        stream.push(text.as_bytes(), &mut out);
        let held = stream.held();
        let steps = stream.steps() / text.len() as u64;
        assert!(steps <= most, "{unit:?}: {steps} steps a byte");
        assert!(held <= 256, "{unit:?}: {held} bytes held");
    }
}

fn piece() -> impl Strategy<Value = String> {
    let samples: Vec<String> =
        samples().into_iter().map(|s| [s.context, &s.secret, follows(s.name)].concat()).collect();
    let bits = [
        " ",
        "\n",
        "\\n",
        "\\",
        "\"",
        "@",
        ".",
        ":",
        "/",
        "-",
        "=",
        "+",
        "_",
        "(",
        ",",
        "1",
        "12",
        "a",
        "é",
        "値",
        "😀",
        "-----BEGIN ",
        "PRIVATE KEY-----",
        "-----END ",
        "\n> ",
        "\",\n",
        "<br>",
        "<br /",
        "Proc-Type: 4",
        "DEK-",
        "Version:",
        "QUJD",
        "https://",
        "version ",
        "password is ",
        "пароль: ",
        "密码：",
        "%20",
        "%4",
        "%",
        "?token=",
        "\u{A0}",
        "Phone: ",
        "section 1.2.3.4",
        "1.2.3.4.5",
        "eyJ",
        "\u{1F}",
        "\\u0040",
        "\\/",
        "EMP-1234",
    ];
    let (cut, bits) = (samples.clone(), bits.map(str::to_owned).to_vec());
    prop_oneof![
        3 => prop::sample::select(samples),
        2 => (prop::sample::select(cut), any::<prop::sample::Index>()).prop_map(|(sample, at)| sample[..at.index(sample.len())].to_owned()),
        5 => prop::sample::select(bits),
        1 => "[0-9 .:-]{1,20}",
        1 => any::<char>().prop_map(String::from),
        1 => "[ -~]{1,12}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..10).prop_map(|pieces| pieces.concat())
}

const OWN: [(&str, &str, usize); 3] = [
    ("employee", "EMP-[0-9]{4,6}", 10),
    // Forty characters are up to 160 bytes.
    ("quoted", "\"[^\"]{1,40}\"", 162),
    ("wide", r"(?s-u:[a-z@])(?u:\w{2,8})値", 40),
];

proptest! {
    #[test]
    fn agrees_with_the_oracle(text in text()) {
        thread_local!(static ORACLE: Oracle = Oracle::new(&[]));
        let (expected, names) = ORACLE.with(|oracle| oracle.redact(&text));
        let redaction = Redactor::standard().redact(&text);
        prop_assert_eq!(&redaction.text, &expected);
        prop_assert_eq!(redaction.found.values().sum::<u32>() as usize, names.len());
        prop_assert!(names.iter().all(|name| redaction.found.contains_key(name.as_str())));
    }

    #[test]
    fn agrees_with_the_oracle_on_operator_patterns(text in text()) {
        thread_local!(static BOTH: (Oracle, Redactor) = {
            let patterns = OWN.iter().map(|(name, pattern, _)| OperatorPattern { name: (*name).to_owned(), pattern: (*pattern).to_owned() });
            (Oracle::new(&OWN), Redactor::new(&Settings { patterns: patterns.collect(), ..Settings::default() }).unwrap())
        });
        let (expected, found) = BOTH.with(|(oracle, redactor)| (oracle.redact(&text).0, redactor.redact(&text).text.into_owned()));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn holds_back_only_what_may_become_a_match(text in text()) {
        thread_local!(static ORACLE: Oracle = Oracle::new(&[]));
        // What is held in a private key is its footer's start, which no pattern of the table has.
        prop_assume!(!text.contains("-----BEGIN"));
        let mut stream = Redactor::standard().stream();
        let mut out = String::new();
        for (at, c) in text.char_indices() {
            stream.push(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut out);
            let read = &text[..at + c.len_utf8()];
            if stream.held() > 0 {
                let start = read.len() - stream.held();
                prop_assert!(ORACLE.with(|oracle| oracle.may_match(read, start)), "held {:?} after {:?}", &read[start..], &read[..start]);
            }
        }
    }
}
