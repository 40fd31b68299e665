//! The policy's item.

use serde_json::{Value, json};
use shared::aws::dynamodb::Policy;
use tests::aws::dynalite::{Dynalite, Fault};

use super::client;

async fn put(dynalite: &Dynalite, toml: Value) {
    let item = json!({"id": {"S": "policy"}, "toml": toml});
    dynalite.call("PutItem", &json!({"TableName": "gatehouse-policy", "Item": item})).await;
}

#[tokio::test]
async fn a_policy_is_read_as_it_was_put_and_an_absent_one_is_not_an_empty_one() {
    let dynalite = Dynalite::with_tables("gatehouse").await;
    let policy = Policy::new(&client(&dynalite.endpoint()), "gatehouse-policy");
    assert_eq!(policy.read().await.unwrap(), None);
    put(&dynalite, json!({"S": ""})).await;
    assert_eq!(policy.read().await.unwrap().as_deref(), Some(""));
    put(&dynalite, json!({"S": "[admission]\n"})).await;
    assert_eq!(policy.read().await.unwrap().as_deref(), Some("[admission]\n"));
    dynalite.break_by(|_| Some(Fault::Refuse(400, "ThrottlingException")));
    assert_eq!(policy.read().await.unwrap_err().store, "policy");
}

#[tokio::test]
async fn an_item_without_a_policy_in_it_is_a_fault() {
    let dynalite = Dynalite::with_tables("gatehouse").await;
    put(&dynalite, json!({"N": "1"})).await;
    assert!(Policy::new(&client(&dynalite.endpoint()), "gatehouse-policy").read().await.is_err());
}
