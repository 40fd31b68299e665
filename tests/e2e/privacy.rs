//! What records keep of people: by default nothing of their words, and their names under the pepper alone.

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use shared::audit::Pepper;
use tests::audit::Row;
use tests::canary;
use tests::gate::{Gate, Setup};
use tests::gemini::{Gemini, Script, answer};

use crate::{GENERATE, prompt};

const MAIL: &str = "ada@example.com";

/// Asks once, in the name of `user`, and returns both records.
async fn asked(gate: &Gate, text: &str, user: &str) -> Vec<Row> {
    let request = gate.client().request(Method::POST, GENERATE).header(CONTENT_TYPE, "application/json");
    let reply = gate.client().send(request.header("x-gatehouse-user", user), prompt(text).to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    gate.audit("both records", |all| all.len() == 2).await
}

/// The user's name under the pepper of this gate, which only its owner can read.
fn hashed(gate: &Gate, user: &str) -> Value {
    let pepper = std::fs::read(gate.data().join("pepper")).unwrap();
    Pepper::new(pepper.try_into().unwrap()).hmac("user", user).into()
}

#[tokio::test]
async fn by_default_records_hold_neither_prompt_nor_answer_and_the_user_as_a_keyed_hash() {
    let [ask, told, user] = ["ask", "answer", "user"].map(canary);
    let gemini = Gemini::always(Script::json(200, &answer::text(&told))).await;
    let mut gate = Gate::start(&gemini).await;
    let rows = asked(&gate, &ask, &user).await;
    for row in &rows {
        assert_eq!((&row["prompt"], &row["answer"]), (&Value::Null, &Value::Null), "{row:#?}");
        assert_eq!(row["user"], hashed(&gate, &user), "{row:#?}");
        assert_eq!(row["prompt_hmac"].as_str().map(str::len), Some(64), "{row:#?}");
    }
    gate.stop().await;
    for file in tests::audit::files(gate.data()) {
        let bytes = std::fs::read(&file).unwrap();
        for planted in [&ask, &told, &user] {
            let found = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
            assert!(!found, "{planted} is in {}", file.display());
        }
    }
}

#[tokio::test]
async fn where_the_policy_keeps_texts_they_are_redacted_and_a_name_is_clear_only_where_it_says_so() {
    let [ask, told, user] = ["ask", "answer", "user"].map(canary);
    let text = format!("{told}, write to {MAIL}");
    let gemini = Gemini::always(Script::json(200, &answer::text(&text))).await;
    let policy = "[audit]\ntexts = \"redacted\"\nuser = \"clear\"\n";
    let gate = Setup::default().policy(policy).start(&gemini).await;
    let rows = asked(&gate, &format!("{ask}, my address is {MAIL}"), &user).await;
    let outcome = rows.iter().find(|row| row["kind"] == "outcome").unwrap();
    assert_eq!(outcome["prompt"].as_str().unwrap().trim(), format!("{ask}, my address is [REDACTED:email]"));
    assert_eq!(outcome["answer"].as_str().unwrap().trim(), format!("{told}, write to [REDACTED:email]"));
    assert_eq!(outcome["user"], user.as_str());
    assert!(!outcome["line"].as_str().unwrap().contains(MAIL));
}
