//! What TOML and serde say is wrong, in an operator's words and with a remedy.

use toml::de::Error;

/// A file that is not TOML.
pub(super) fn syntax(error: &Error) -> (String, String) {
    (one_line(error.message()), "correct the TOML; https://toml.io shows how values are written".to_owned())
}

/// The field that is missing, where that is what is wrong.
pub(super) fn missing(error: &Error) -> Option<&str> {
    error.message().strip_prefix("missing field `")?.split('`').next()
}

/// A value that does not fit its field.
pub(super) fn value(error: &Error) -> (String, String) {
    let message = in_words(&one_line(error.message()));
    let mut quoted = message.split('`').skip(1).step_by(2);
    let names: Vec<&str> = match quoted.next() {
        Some(wrong) if message.starts_with("unknown field") => {
            return unknown("field", wrong, &quoted.collect::<Vec<_>>());
        }
        Some(wrong) if message.starts_with("unknown variant") => {
            return unknown("value", wrong, &quoted.collect::<Vec<_>>());
        }
        Some(first) => std::iter::once(first).chain(quoted).collect(),
        None => Vec::new(),
    };
    let remedy = match (names.as_slice(), message.rsplit_once("expected ")) {
        ([missing], _) if message.starts_with("missing field") => format!("add `{missing}`"),
        (_, Some((_, wanted))) => format!("write {wanted}"),
        _ => "the default, `gatehouse policy show`, explains the field".to_owned(),
    };
    (message, remedy)
}

/// The threshold that blocks most: who asks for all to be blocked means this one.
const STRICTEST: &str = super::safety::Threshold::BlockLowAndAbove.wire_name();

/// A name that nobody knows, and the one that was perhaps meant.
pub(super) fn unknown(kind: &str, name: &str, known: &[&str]) -> (String, String) {
    let nearest = known.iter().map(|candidate| (distance(name, candidate), candidate)).min();
    // Two letters swapped are two slips, also in a name of five; beyond that it is another name. A value is guessed more
    // warily: the one that looks alike may mean the opposite.
    let (slips_of, letters) = if kind == "value" { (1, 5) } else { (2, 5) };
    let remedy = match nearest {
        Some((slips, nearest)) if slips * letters <= nearest.chars().count() * slips_of => {
            format!("did you mean `{nearest}`?")
        }
        Some(_) if known.contains(&STRICTEST) => {
            format!("use one of: {}; the strictest is {STRICTEST}", known.join(", "))
        }
        Some(_) => format!("use one of: {}", known.join(", ")),
        None => "remove it".to_owned(),
    };
    (format!("unknown {kind} `{}`", one_line(name)), remedy)
}

/// Why a pattern cannot be used, on one line: the regex parser draws the pattern with a mark beneath it, and tells last
/// what is wrong.
pub(super) fn pattern(reason: &str) -> String {
    let mut lines = reason.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.next_back() {
        None => first.to_owned(),
        Some(last) => {
            let first = first.trim_end_matches("regex parse error:").trim_end();
            format!("{first} {}", last.trim_start_matches("error: ")).trim().to_owned()
        }
    }
}

/// The types of this program by what an operator writes.
fn in_words(message: &str) -> String {
    let Some((problem, wanted)) = message.rsplit_once("expected ") else { return message.to_owned() };
    let wanted = match wanted {
        "f64" => "a number",
        "u16" | "u32" | "u64" | "usize" => "a whole number",
        "a nonzero u32" | "a nonzero u64" | "a nonzero usize" => "a whole number above 0",
        other => other,
    };
    format!("{problem}expected {wanted}")
}

fn one_line(message: &str) -> String {
    message.trim().replace('\n', ", ")
}

/// Levenshtein's: how many letters to insert, remove or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, pair) in b.iter().zip(row.windows(2)) {
            let [diagonal, above] = *pair else { continue };
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_inserted_removed_and_changed_letters() {
        for (a, b, slips) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("top_p", "top_k", 1), ("é", "e", 1)]
        {
            assert_eq!(distance(a, b), slips, "{a} {b}");
            assert_eq!(distance(b, a), slips, "{b} {a}");
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_name_that_was_meant() {
        assert_eq!(
            unknown("field", "temperatur", &["top_k", "temperature"]),
            ("unknown field `temperatur`".to_owned(), "did you mean `temperature`?".to_owned())
        );
    }

    #[test]
    fn a_value_is_never_answered_with_its_opposite() {
        let thresholds = ["OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE"];
        let remedy = |value| unknown("value", value, &thresholds).1;
        for all in ["BLOCK_ALL", "BLOCK_MOST", "BLOCK_ANY", "ON"] {
            assert!(remedy(all).ends_with("the strictest is BLOCK_LOW_AND_ABOVE"), "{}", remedy(all));
        }
        assert_eq!(remedy("BLOCK_LOW_AND_ABOV"), "did you mean `BLOCK_LOW_AND_ABOVE`?");
        assert_eq!(unknown("value", "open", &["closed", "off"]).1, "use one of: closed, off");
    }

    #[test]
    fn a_pattern_s_fault_is_told_on_one_line() {
        let drawn = "does not compile: regex parse error:\n    (\n    ^\nerror: unclosed group\n";
        assert_eq!(pattern(drawn), "does not compile: unclosed group");
        assert_eq!(pattern("has no longest match"), "has no longest match");
    }

    #[test]
    fn another_name_is_answered_with_the_list() {
        assert_eq!(unknown("field", "colour", &["top_k", "top_p"]).1, "use one of: top_k, top_p");
    }
}
