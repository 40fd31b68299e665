//! `TransactWriteItems`, which dynalite lacks: one write after the other, taken back should one of them fail. The door
//! lets nobody else in meanwhile.

use serde_json::{Map, Value, json};

use super::call;
use super::door::condition_failed;

/// The names of the key attributes of the bundle's tables.
const KEYS: [&str; 3] = ["id", "subject", "window"];

/// Writes all or nothing, and returns the status and the body of the answer.
pub(super) async fn write(server: &str, body: &Value) -> (u16, Value) {
    let writes = body["TransactItems"].as_array().expect("a transaction has items");
    let mut undo: Vec<(&str, Value)> = Vec::new();
    for (place, write) in writes.iter().enumerate() {
        let (kind, parameters) = write.as_object().and_then(|write| write.iter().next()).expect("one write each");
        let key = key(parameters);
        let read = json!({"TableName": parameters["TableName"], "Key": key, "ConsistentRead": true});
        let before = call(server, "GetItem", &read).await.json()["Item"].take();
        let operation = match kind.as_str() {
            "Put" => "PutItem",
            "Update" => "UpdateItem",
            "Delete" => "DeleteItem",
            other => panic!("nobody has sent {other} so far"),
        };
        let reply = call(server, operation, parameters).await;
        if reply.status != 200 {
            for (operation, parameters) in undo.iter().rev() {
                assert_eq!(call(server, operation, parameters).await.status, 200, "{parameters}");
            }
            if !condition_failed(&reply.json()) {
                return (reply.status.as_u16(), reply.json());
            }
            return (400, cancelled(writes.len(), place));
        }
        let table = &parameters["TableName"];
        undo.push(if before.is_null() {
            ("DeleteItem", json!({"TableName": table, "Key": key}))
        } else {
            ("PutItem", json!({"TableName": table, "Item": before}))
        });
    }
    (200, json!({}))
}

fn key(parameters: &Value) -> Value {
    let whole = parameters.get("Key").or_else(|| parameters.get("Item")).and_then(Value::as_object);
    let key = whole.expect("a write has a key").iter().filter(|(name, _)| KEYS.contains(&name.as_str()));
    Value::Object(key.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

fn cancelled(writes: usize, failed: usize) -> Value {
    let code = |place| if place == failed { "ConditionalCheckFailed" } else { "None" };
    let reasons: Vec<_> = (0..writes).map(|place| json!({"Code": code(place)})).collect();
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    })
}
