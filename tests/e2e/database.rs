//! `gatehouse audit verify` over a database that somebody has been at: it ends with the code that its help tells, after
//! real traffic through a real gate.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use shared::audit::{Link, Record};
use tests::audit::{DATABASE, SPOOL};
use tests::aws::skewed;
use tests::client::Client;
use tests::gate::{Printed, command};
use tests::wait;

use crate::{GENERATE, prompt};

/// What the command said, and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    text: String,
}

async fn verify(home: &Path, arguments: &[&str], more: &[(String, String)]) -> Said {
    let mut command = command();
    command.args(["audit", "verify"]).args(arguments).current_dir(home).envs(more.iter().cloned());
    let output = wait::within("audit verify", command.output()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code(), text }
}

/// A finding is told with what it proves, and the last word is about the whole.
fn assert_said(what: &str, said: &Said, code: i32) {
    assert_eq!(said.code, Some(code), "{what}: {}", said.text);
    let last = said.text.lines().last().unwrap_or_default();
    let (proves, whole) = (said.text.contains("  It proves: "), last == "The trail is whole.");
    assert_eq!((proves, whole), (code != 0, code == 0), "{what}: {}", said.text);
}

/// The record with another price, and a hash that is right for it.
fn forged(record: &Record) -> Record {
    let Record { record_id, writer_id, seq, prev_hash, voids, mut entry, .. } = record.clone();
    entry.cost_micros += 1;
    Record::seal(entry, Link { record_id, writer_id, seq, prev_hash, voids })
}

/// A gate that lives this far ahead, until `enough`.
async fn up(home: &Path, more: &[(String, String)], enough: impl AsyncFnOnce(Client)) {
    let mut command = command();
    command.args(["up", "--json", "--listen", "127.0.0.1:0"]).current_dir(home).envs(more.iter().cloned());
    let mut child = command.spawn().unwrap();
    let printed = Printed::of(&mut child);
    let line = wait::until("the line", || async { printed.stdout().split_once('\n').map(|(line, _)| line.to_owned()) });
    let told: Value = serde_json::from_str(&line.await).unwrap();
    enough(Client::new(told["endpoint"].as_str().unwrap(), told["key"].as_str().unwrap())).await;
    let kill = format!("kill -TERM {}", child.id().unwrap());
    let asked = tokio::process::Command::new("/bin/sh").arg("-c").arg(kill).status().await;
    assert!(asked.unwrap().success());
    assert!(wait::within("gatehouse to stop", child.wait()).await.unwrap().success());
}

/// A row whose columns say what they like, over a line that is no record.
const ADD_A_LINE: &str = "CREATE TEMP TABLE added AS SELECT * FROM audit ORDER BY id LIMIT 1;
    UPDATE added SET id = -5, writer_id = 'x', user = 'eve', line = 'x';
    INSERT INTO audit SELECT * FROM added";

#[tokio::test]
async fn each_exit_code_is_that_of_what_was_done_to_the_database() {
    let home = tempfile::tempdir().unwrap();
    up(home.path(), &[], async |client| {
        for _ in 0..2 {
            assert_eq!(client.post(GENERATE, &prompt("hello")).await.status, 200);
        }
    })
    .await;
    let later = skewed::hours_ahead(3).await;
    let mut head = String::new();
    up(home.path(), &later, async |_| {
        head = wait::until("two hours to be sealed", || async {
            let told: Value = serde_json::from_str(&verify(home.path(), &["--json"], &later).await.text).ok()?;
            (told["digests"].as_u64()? >= 2).then(|| told["sealed"]["head"].as_str().unwrap().to_owned())
        })
        .await;
    })
    .await;

    for (what, change, code) in [
        ("nothing", "", 0),
        (
            "a manifest is gone",
            "DELETE FROM trail WHERE key = (SELECT min(key) FROM trail WHERE key > 'manifests/')",
            10,
        ),
        ("a second content comes under a number", "", 11),
        (
            "a column is changed",
            "UPDATE audit SET cost_micros = 7 WHERE id = (SELECT max(id) FROM audit WHERE kind = 'outcome')",
            12,
        ),
        (
            "a digest is changed",
            "UPDATE trail SET body = CAST(replace(body, '\"hour\"', '\"hours\"') AS BLOB) WHERE key = (SELECT min(key) FROM trail)",
            13,
        ),
        ("a digest is gone", "DELETE FROM trail WHERE key = (SELECT min(key) FROM trail)", 14),
        (
            "the last digest is gone",
            "DELETE FROM trail WHERE key = (SELECT max(key) FROM trail WHERE key < 'manifests/')",
            15,
        ),
        ("a row is put there", ADD_A_LINE, 16),
        ("all is gone", "DELETE FROM trail; DELETE FROM audit; UPDATE packed SET id = 0", 17),
    ] {
        let copy = tempfile::tempdir().unwrap();
        let data = copy.path().join(".gatehouse");
        copied(&home.path().join(".gatehouse"), &data);
        let database = Connection::open(data.join(DATABASE)).unwrap();
        database.execute_batch(change).unwrap();
        if code == 11 {
            let line: String = database
                .query_row("SELECT line FROM audit WHERE kind = 'outcome' ORDER BY id LIMIT 1", [], |row| row.get(0))
                .unwrap();
            let forged = forged(&Record::from_line(&line).unwrap());
            fs::create_dir_all(data.join(SPOOL)).unwrap();
            let file = data.join(SPOOL).join(format!("{}.ndjson", forged.writer_id));
            fs::write(file, forged.to_line() + "\n").unwrap();
        }
        drop(database);
        let arguments: &[&str] = if code == 15 { &["--head", &head] } else { &[] };
        assert_said(what, &verify(copy.path(), arguments, &later).await, code);
    }
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, into) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copied(&path, &into);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(path, into).unwrap();
        }
    }
}
