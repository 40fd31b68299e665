//! The policy: one item, `id = "policy"`, whose `toml` (S) is the policy's text.
//!
//! A read is one eventually consistent `GetItem`, half a read unit for 4 KB; it is made once more should it fail or have
//! no answer within 300 ms. What was put is seen by every reader a second later at most.
//!
//! Permissions: `dynamodb:GetItem` on the table; `dynamodb:PutItem` to put one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::text_of;
use super::{ATTEMPT, Error, Patience, attempt, without_retries};
use crate::ports::Unavailable;

const ID: &str = "id";
const POLICY: &str = "policy";
const TOML: &str = "toml";

/// The policy in a `DynamoDB` table.
#[derive(Clone, Debug)]
pub struct Policy {
    client: Client,
    table: String,
}

impl Policy {
    /// The policy in this table.
    #[must_use]
    pub fn new(client: &Client, table: impl Into<String>) -> Self {
        Self { client: without_retries(client), table: table.into() }
    }

    /// The policy's text, which is empty where the embedded policy is meant; `None` where there is no item, which is a
    /// fault: Terraform always writes one.
    ///
    /// # Errors
    /// [`Unavailable`] when the table cannot tell.
    pub async fn read(&self) -> Result<Option<String>, Unavailable> {
        let once = async || {
            let request = self.client.get_item().table_name(&self.table).key(ID, AttributeValue::S(POLICY.to_owned()));
            let item = request.send().await.map_err(Error::of)?.item;
            item.map(|item| text_of(&item, TOML).map(ToOwned::to_owned)).transpose()
        };
        attempt(Patience::BRIEF, ATTEMPT, once).await.map(|answer| answer.told).map_err(unavailable)
    }

    /// Puts a policy's text in place of the one before. The operator's.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be there.
    pub async fn put(&self, toml: &str) -> Result<(), Unavailable> {
        let once = async || {
            let request = self.client.put_item().table_name(&self.table).item(ID, AttributeValue::S(POLICY.to_owned()));
            request.item(TOML, AttributeValue::S(toml.to_owned())).send().await.map_err(Error::of).map(drop)
        };
        attempt(Patience::LONG, ATTEMPT, once).await.map(|answer| answer.told).map_err(unavailable)
    }
}

fn unavailable(error: Error) -> Unavailable {
    Unavailable { store: "policy", cause: error.into() }
}
