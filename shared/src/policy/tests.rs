//! Whole files: the default, and every kind of mistake by its line.

use super::*;

/// The mistakes of a file, `line:column: what (remedy)` each.
fn mistakes(text: &str) -> Vec<String> {
    let invalid = Policy::parse("p.toml", text).unwrap_err();
    assert!(!invalid.mistakes.is_empty());
    invalid.to_string().lines().map(|line| line.strip_prefix("p.toml:").unwrap().to_owned()).collect()
}

#[test]
fn the_embedded_default_is_sound() {
    let policy = Policy::parse("default.toml", DEFAULT).map_err(|invalid| invalid.to_string()).unwrap();
    assert_eq!(policy, Policy::embedded());
}

#[test]
fn an_empty_file_is_the_default_under_another_version() {
    let mut empty = Policy::parse("p.toml", "").unwrap();
    assert_eq!(empty.version(), "e3b0c44298fc", "the hash of nothing");
    empty.version = Policy::embedded().version;
    assert_eq!(empty, Policy::embedded());
}

#[test]
fn the_guards_own_defaults_are_the_files() {
    assert_eq!(Policy::embedded().input, judge::Settings::default());
    assert_eq!(Policy::embedded().output, redact::Settings::default());
}

#[test]
fn the_default_names_every_field_below_a_comment() {
    let policy = Policy::embedded();
    let tables = [
        ("models", serde_json::to_value(&policy.models)),
        ("prompt", serde_json::to_value(&policy.prompt)),
        ("safety", serde_json::to_value(&policy.safety)),
        ("generation", serde_json::to_value(&policy.generation)),
        ("limits", serde_json::to_value(&policy.limits)),
        ("admission", serde_json::to_value(&policy.admission)),
        ("prices", serde_json::to_value(&policy.prices)),
        ("tools", serde_json::to_value(&policy.tools)),
        ("users", serde_json::to_value(&policy.users)),
        ("input", serde_json::to_value(&policy.input)),
        ("output", serde_json::to_value(&policy.output)),
        ("answers", serde_json::to_value(&policy.answers)),
        ("audit", serde_json::to_value(&policy.audit)),
    ];
    for (table, fields) in tables {
        let section = DEFAULT.split_once(&format!("\n[{table}]\n")).unwrap().1.split("\n\n[").next().unwrap();
        assert!(section.starts_with('#') || table == "output", "[{table}] begins without a comment");
        for field in fields.unwrap().as_object().unwrap().keys() {
            let named =
                [format!("\n{field} = "), format!("\n[{table}.{field}]\n"), format!("\n# [[{table}.{field}]]\n")];
            assert!(named.iter().any(|form| DEFAULT.contains(form)), "{table}.{field} is not in the default");
        }
    }
}

#[test]
fn what_is_commented_out_in_the_default_is_right_too() {
    let text: Vec<&str> = DEFAULT.lines().map(|line| uncommented(line).unwrap_or(line)).collect();
    let policy = Policy::parse("default.toml", &text.join("\n")).map_err(|invalid| invalid.to_string()).unwrap();
    assert_eq!((policy.input.rules.len(), policy.output.patterns.len()), (1, 1));
    assert_eq!((policy.input.groups.len(), policy.output.types.len()), (1, 1));
    assert_eq!(policy.input.weights.get("role_play.jailbreak"), Some(&0));
}

/// The example in a comment: a field or the head of a list, as against prose.
fn uncommented(line: &str) -> Option<&str> {
    let example = line.strip_prefix("# ")?;
    let field = example.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
    (field || example.starts_with("[[")).then_some(example)
}

#[test]
fn a_file_holds_only_what_differs() {
    let policy = Policy::parse("p.toml", "[generation]\ntop_p = { min = 0.1, max = 0.9 }\n").unwrap();
    assert_eq!(policy.generation.top_p, Range { min: 0.1, max: 0.9 });
    assert_eq!(policy.generation.top_k, Policy::embedded().generation.top_k);
    assert_eq!(policy.models, Policy::embedded().models);
}

#[test]
fn the_version_changes_with_every_byte() {
    let version = |text| Policy::parse("p.toml", text).unwrap().version().to_owned();
    assert_eq!(version("").len(), 12);
    assert_ne!(version(""), version("\n"));
    assert_eq!(version("# a"), version("# a"));
}

#[test]
fn an_unknown_field_is_answered_with_the_nearest() {
    assert_eq!(
        mistakes("[models]\nallowed = [\"gemini-2.5-pro\"]\n\n[generation]\n  max_output_token = 5\n"),
        ["5:3: unknown field `max_output_token` (did you mean `max_output_tokens`?)"]
    );
}

#[test]
fn an_unknown_field_like_no_other_is_answered_with_the_list() {
    assert_eq!(mistakes("[audit]\nretention = 5\n"), ["2:1: unknown field `retention` (use one of: texts, user)"]);
}

#[test]
fn an_unknown_table_is_answered_with_the_nearest() {
    assert_eq!(mistakes("[limit]\n"), ["1:2: unknown table `limit` (did you mean `limits`?)"]);
}

#[test]
fn a_field_outside_a_table_is_refused() {
    assert_eq!(
        mistakes("\nmodels = 5\n"),
        ["2:10: `models` is a table, not a value (write `[models]` on a line of its own)"]
    );
}

#[test]
fn an_unknown_value_is_answered_with_the_nearest() {
    assert_eq!(
        mistakes("[safety]\nharassment = \"BLOCK_ONLY_HIHG\"\n[audit]\ntexts = \"always\"\n"),
        [
            "2:14: unknown value `BLOCK_ONLY_HIHG` (did you mean `BLOCK_ONLY_HIGH`?)",
            "4:9: unknown value `always` (use one of: off, redacted)",
        ]
    );
}

#[test]
fn a_wrong_type_is_told_with_the_right_one() {
    assert_eq!(
        mistakes("[prompt]\nenabled = \"yes\"\n"),
        ["2:11: invalid type: string \"yes\", expected a boolean (write a boolean)"]
    );
}

#[test]
fn a_missing_field_of_a_rule_is_told_at_the_rule() {
    assert_eq!(
        mistakes("# first\n[[input.rules]]\nid = \"a\"\nweight = 5\n"),
        ["2:1: missing field `pattern` (add `pattern`)"]
    );
}

#[test]
fn every_break_of_syntax_is_told() {
    let told = mistakes("[models\nallowed = []\n[audit]\nuser = hmac\n");
    assert!(told.iter().any(|line| line.starts_with("1:")), "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("4:")), "{told:?}");
}

#[test]
fn the_mistakes_of_all_tables_are_told_at_once_and_in_order() {
    let told = mistakes(
        "[audit]\nusr = \"hmac\"\ntexts = 5\n[limits]\nmax_json_depth = 500\nmax_turns = 0\n[models]\nallowed = [\"models/x\", \"A\"]\n",
    );
    let places: Vec<&str> = told.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["2:1", "3:9", "5:18", "6:13", "8:12", "8:24"], "{told:#?}");
}

#[test]
fn values_out_of_range_are_told_by_their_line() {
    let cases = [
        ("[models]\nallowed = []", "2:11: no model is allowed"),
        ("[models]\nallowed = [\"gemini-3.5-flash\",\n \"../x\"]", "3:2: \"../x\" is not the name of a model"),
        ("[prompt]\ninstruction = \"be good\"", "2:15: the instruction has no {canary}"),
        ("[prompt]\ninstruction = \"{canary} {canary}\"", "2:15: the instruction has {canary} more than once"),
        ("[prompt]\nallowed_topics = [\"a\", \" \"]", "2:24: a topic is one line of words"),
        ("[prompt]\nforbidden_topics = [\"a\\nb\"]", "2:21: a topic is one line of words"),
        ("[prompt]\nforbidden_topics = [\"{canary}\"]", "2:21: a topic has no {canary}"),
        ("[generation]\nmax_output_tokens = 0", "2:21: 0 is out of range"),
        ("[generation]\nmax_output_tokens = 4096", "2:21: the default is more than a caller may ask for"),
        ("[generation]\ndefault_output_tokens = 65537", "2:25: 65537 is out of range"),
        ("[generation]\nmax_thinking_budget = 100000", "2:23: 100000 is out of range"),
        ("[generation]\nmax_stop_sequences = 6", "2:22: 6 is out of range"),
        ("[generation]\ntemperature = { min = 1, max = 0.5 }", "2:15: from 1 to 0.5 is not a range"),
        ("[generation]\ntemperature = { min = 0, max = nan }", "2:15: from 0 to NaN is not a range"),
        ("[generation]\ntop_p = { min = -0.1, max = 1 }", "2:9: from -0.1 to 1 is not a range"),
        ("[limits]\nmax_body_bytes = 10000000", "2:18: 10000000 is out of range"),
        ("[limits]\nmax_json_depth = 128", "2:18: 128 is out of range"),
        ("[limits]\nmax_inline_bytes = 6000000", "2:20: 6000000 is out of range"),
        ("[limits]\ninline_types = [\"image/*\"]", "2:17: \"image/*\" is not a media type"),
        ("[limits]\ninline_types = [\"png\"]", "2:17: \"png\" is not a media type"),
        ("[limits]\ninline_types = [\"text/plain\"]", "2:17: text/plain is text"),
        ("[limits]\ninline_types = [\"image/svg+xml\"]", "2:17: image/svg+xml is text"),
        ("[input]\nblock_at = 1001", "2:12: 1001 is out of range"),
        ("[input]\nblock_at = 0", "2:12: 0 is out of range"),
        ("[input]\nmodel_from = 0", "2:14: 0 is out of range"),
        ("[input]\nblock_at = 300", "2:12: what is blocked must also be flagged"),
        ("[input.documents]\nflag_at = 900\nblock_at = 800", "2:11: what is blocked must also be flagged"),
        ("[input.weights]\n\"role_play.jailbreak\" = 1001", "1:1: 1001 is out of range"),
        ("[input.weights]\n\"role_play.jailbrake\" = 0", "1:1: unknown rule `role_play.jailbrake`"),
        ("[[input.rules]]\nid = \"x\"\npattern = \"x\"\nweight = 1001", "4:10: 1001 is out of range"),
    ];
    for (text, wanted) in cases {
        let told = mistakes(text);
        assert!(told.iter().any(|line| line.starts_with(wanted)), "{text}: {told:#?}");
        assert!(told.iter().all(|line| line.ends_with(')')), "a remedy each: {told:#?}");
    }
}

#[test]
fn a_column_counts_characters() {
    assert_eq!(mistakes("[prompt]\nallowed_topics = [\"日本語\", 5]\n")[0].split(' ').next(), Some("2:26:"));
}

#[test]
fn a_wrong_value_of_any_field_is_told_at_its_line() {
    let lines: Vec<&str> = DEFAULT.lines().collect();
    let mut tried = 0;
    for (index, line) in lines.iter().enumerate() {
        let Some((name, value)) = line.split_once(" = ").filter(|(name, _)| !name.contains(['#', ' '])) else {
            continue;
        };
        if value == "[" || value == "\"\"\"" {
            continue;
        }
        let wrong = format!("{name} = [[{{ wrong = 1979-05-27 }}]]");
        let text: Vec<&str> =
            lines.iter().enumerate().map(|(i, line)| if i == index { &wrong } else { *line }).collect();
        let told = mistakes(&text.join("\n"));
        assert!(told.iter().all(|one| one.starts_with(&format!("{}:", index + 1))), "{name}: {told:?}");
        let ours = ["struct", "f64", "u16", "u32", "usize"];
        assert!(told.iter().all(|one| !ours.iter().any(|word| one.contains(word))), "{name}: {told:?}");
        tried += 1;
    }
    assert!(tried >= 25, "{tried}");
}

#[test]
fn a_file_cut_anywhere_is_read_or_refused_with_a_place_inside_it() {
    for cut in (0..DEFAULT.len()).step_by(41) {
        let Some(text) = DEFAULT.get(..cut) else { continue };
        if let Err(invalid) = Policy::parse("p.toml", text) {
            let lines = text.matches('\n').count() + 1;
            assert!(!invalid.mistakes.is_empty(), "cut at {cut}");
            assert!(invalid.mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line)), "{invalid}");
        }
    }
}

#[test]
fn numbers_are_asked_for_in_plain_words() {
    assert_eq!(
        mistakes("[generation]\ntop_k = { min = \"a\", max = 2 }\n[limits]\nmax_turns = 1.5\nmax_parts = 0\n"),
        [
            "2:17: invalid type: string \"a\", expected a whole number (write a whole number)",
            "4:13: invalid type: floating point `1.5`, expected a whole number above 0 (write a whole number above 0)",
            "5:13: invalid value: integer `0`, expected a whole number above 0 (write a whole number above 0)",
        ]
    );
}

#[test]
fn a_wrong_field_of_a_rule_is_told_once() {
    assert_eq!(
        mistakes(
            "[[input.rules]]\nid = \"a\"\npattern = 'a'\nweight = \"heavy\"\n[[input.rules]]\nid = \"b\"\nweight = 1\n"
        ),
        [
            "4:10: invalid type: string \"heavy\", expected a whole number (write a whole number)",
            "5:1: missing field `pattern` (add `pattern`)",
        ]
    );
}

#[test]
fn a_tool_that_is_billed_apart_is_refused_until_it_has_a_price() {
    let told = mistakes("[tools]\nserver_side = [\"code_execution\", \"google_search\"]\n");
    assert_eq!(told.len(), 2, "{told:?}");
    for line in told {
        assert!(line.contains("bills this tool apart") && line.contains("declare a function"), "{line}");
    }
}
