//! Who may import whom, read from the sources: a `use` in the wrong direction fails here.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// Where a rule holds, and what must not be named there.
struct Rule {
    place: &'static str,
    forbidden: &'static [&'static str],
    because: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        place: "shared/src/guards",
        forbidden: &[
            "crate::google",
            "crate::host",
            "crate::ports",
            "crate::clock",
            "crate::policy",
            "std::fs",
            "std::env",
            "tokio::",
        ],
        because: "guards decide on what they are handed: no I/O, no clock, no environment",
    },
    Rule {
        place: "shared/src/audit",
        forbidden: &["crate::google", "crate::host", "crate::ports", "crate::policy", "std::fs", "std::env", "tokio::"],
        because: "records and their chain are pure",
    },
    Rule {
        place: "shared/src/limits",
        forbidden: &["crate::google", "crate::host", "crate::ports", "crate::policy", "std::fs", "std::env", "tokio::"],
        because: "limits are arithmetic: the ledger keeps them, and the policy names them",
    },
    Rule {
        place: "shared/src/conversation.rs",
        forbidden: &["use crate::", "std::fs", "std::env", "tokio::"],
        because: "everything rests on the conversation, which rests on nothing",
    },
    Rule {
        place: "shared/src/policy",
        forbidden: &["crate::google", "crate::host", "crate::ports", "std::fs", "std::env", "tokio::"],
        because: "a policy is read from a text that others fetch",
    },
    Rule {
        place: "shared/src/ports.rs",
        forbidden: &["crate::google", "crate::host", "reqwest", "tokio::"],
        because: "ports never name an adapter",
    },
    Rule {
        place: "shared/src/ports",
        forbidden: &["crate::google", "crate::aws", "crate::host", "reqwest", "tokio::"],
        because: "ports never name an adapter",
    },
    Rule {
        place: "shared/src/google",
        forbidden: &["crate::guards", "crate::host", "crate::aws", "crate::policy", "crate::audit"],
        because: "an adapter knows its ports and nothing of the other adapters",
    },
    Rule {
        place: "shared/src/host",
        forbidden: &[
            "crate::answer",
            "crate::audit",
            "crate::aws",
            "crate::caller",
            "crate::conversation",
            "crate::fields",
            "crate::google",
            "crate::guards",
            "crate::limits",
            "crate::policy",
            "crate::ports",
            "crate::recorder",
        ],
        because: "the host knows nothing of the domain",
    },
    Rule {
        place: "shared/src/aws",
        forbidden: &["crate::guards", "crate::host", "crate::google", "std::fs", "std::env"],
        because: "an adapter knows its ports and nothing of the other adapters",
    },
    Rule {
        place: "shared/src/https.rs",
        forbidden: &["crate::aws", "crate::google", "crate::host"],
        because: "the way out knows nothing of who takes it",
    },
    Rule {
        place: "shared/src",
        forbidden: &["completion::", "gatehouse::", "tests::harness"],
        because: "what is shared knows no function",
    },
    Rule {
        place: "functions/completion/src",
        forbidden: &["gatehouse::", "rusqlite", "std::fs", "std::env", "reqwest"],
        because: "a function imports no other function, and reaches the world through ports",
    },
    Rule {
        place: "functions/drain/src",
        forbidden: &["gatehouse::", "completion::", "rotation::", "std::fs", "std::env", "reqwest"],
        because: "a function imports no other function, and reaches the world through ports",
    },
    Rule {
        place: "functions/rotation/src",
        forbidden: &["gatehouse::", "completion::", "std::fs", "std::env", "reqwest"],
        because: "a function imports no other function, and reaches the world through ports",
    },
    Rule {
        place: "functions/rotation/src/job",
        forbidden: &["shared::google", "shared::aws"],
        because: "only the build names an adapter",
    },
    Rule {
        place: "functions/rotation/src/plan",
        forbidden: &["crate::job", "crate::ports", "tokio::", "async "],
        because: "a plan is decided on what is known: no effect, no clock",
    },
    Rule {
        place: "functions/gatehouse/src/commands",
        forbidden: &["Environment}", "config::Environment", "std::env"],
        because: "only main reads the environment",
    },
];

fn sources(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file: comments and what only its tests use are left out.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let product = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    product.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_module_imports_against_the_grain() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut broken = Vec::new();
    for rule in RULES {
        let mut files = sources(&root.join(rule.place));
        // The directory of a module's children stands beside its own file.
        let own = root.join(rule.place).with_extension("rs");
        files.extend(own.is_file().then_some(own));
        assert!(!files.is_empty(), "{} holds no source", rule.place);
        for path in files.iter().filter(|path| path.file_name().is_none_or(|name| name != "tests.rs")) {
            let code = code(path);
            for word in rule.forbidden.iter().filter(|word| code.contains(**word)) {
                broken.push(format!("{} names `{word}`: {}", path.display(), rule.because));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
