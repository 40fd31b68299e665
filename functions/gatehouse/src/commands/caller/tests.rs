use serde_json::Value;
use shared::caller::admit;
use shared::clock::ManualClock;
use shared::ports::Callers as _;

use super::*;

fn add(name: &str) -> Caller {
    Caller::Add { name: name.to_owned(), role: None, json: false }
}

fn revoke(caller: &str) -> Caller {
    Caller::Revoke { caller: caller.to_owned(), json: false }
}

const LIST: Caller = Caller::List { json: false };

fn output(command: &Caller, data: &Path, reader: Reader) -> Result<String, Error> {
    let mut out = Vec::new();
    let clock = ManualClock::at(Timestamp(1_700_000_000_123));
    execute(command, data, &clock, reader, &mut out).map(|()| String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn an_added_key_is_shown_once_works_and_is_listed_without_its_secret() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("new");
    let shown = output(&add("app"), &data, Reader::Person).unwrap();
    let (key, rest) = shown.split_once('\n').unwrap();
    assert!(rest.contains("only this once"));

    let presented = Key::parse(key).unwrap();
    let callers = callers::Callers::new(sqlite::open(&data).unwrap(), Vec::new());
    let found = callers.find(presented.id()).await.unwrap();
    assert_eq!(admit(found, &presented).unwrap().name, "app");

    let secret = key.rsplit('_').next().unwrap();
    let listed = output(&LIST, &data, Reader::Pipe).unwrap();
    assert_eq!(listed, format!("{}\tapp\t2023-11-14T22:13:20.123Z\t-\n", presented.id()));
    for file in std::fs::read_dir(&data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn a_pipe_gets_the_key_alone_and_json_gets_an_object() {
    let data = tempfile::tempdir().unwrap();
    let piped = output(&add("one"), data.path(), Reader::Pipe).unwrap();
    assert!(Key::parse(piped.trim_end()).is_ok());
    let object: Value = serde_json::from_str(&output(&add("two"), data.path(), Reader::Json).unwrap()).unwrap();
    assert_eq!(object["name"], "two");
    let presented = Key::parse(object["key"].as_str().unwrap()).unwrap();
    assert_eq!(object["id"], presented.id().as_str());
}

#[test]
fn a_revoked_key_is_listed_as_such() {
    let data = tempfile::tempdir().unwrap();
    output(&add("app"), data.path(), Reader::Person).unwrap();
    let said = output(&revoke("app"), data.path(), Reader::Person).unwrap();
    assert!(said.starts_with("Revoked app ("), "{said}");
    let object: Value = serde_json::from_str(&output(&LIST, data.path(), Reader::Json).unwrap()).unwrap();
    assert_eq!(object["revoked"], "2023-11-14T22:13:20.123Z");
}

#[test]
fn every_mistake_is_told_with_its_remedy() {
    let data = tempfile::tempdir().unwrap();
    let absent = data.path().join("absent");
    let fails = |command: &Caller, data: &Path| output(command, data, Reader::Person).unwrap_err().to_string();
    assert!(fails(&LIST, &absent).contains("name the directory with --data"));
    assert!(fails(&revoke("app"), &absent).contains("name the directory with --data"));
    for name in ["", "a b", "é", "a\tb", &"a".repeat(65)] {
        assert!(fails(&add(name), data.path()).contains("1 to 64 characters"));
    }
    let role = Role::parse("arn:aws:iam::123456789012:role/app").ok();
    let with_role = Caller::Add { name: "app".to_owned(), role, json: false };
    assert!(fails(&with_role, data.path()).contains("--aws"));
    output(&add("app"), data.path(), Reader::Person).unwrap();
    assert!(fails(&add("app"), data.path()).contains("revoke that one first"));
    assert!(fails(&revoke("nobody"), data.path()).contains("caller list"));
}
