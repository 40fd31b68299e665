//! The policy: one item, `id = "policy"`, whose `toml` (S) is the policy's text.
//!
//! A read is one eventually consistent `GetItem`, half a read unit for 4 KB; it is made once more should it fail or have
//! no answer within a second. What was put is seen by readers about a second later.
//!
//! Permissions: `dynamodb:GetItem` on the table.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::attributes::text_of;
use super::{Error, bare, read};
use crate::ports::Unavailable;

const ID: &str = "id";
const POLICY: &str = "policy";
const TOML: &str = "toml";

/// How long an attempt may take. A request waits for it, so that it is short; without a first policy nothing is
/// answered at all, so that it has room for a connection that has to be made anew.
const ATTEMPT: Duration = Duration::from_secs(1);

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
        Self { client: bare(client), table: table.into() }
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
        read(ATTEMPT, once).await.map_err(unavailable)
    }
}

fn unavailable(error: Error) -> Unavailable {
    Unavailable { store: "policy", cause: error.into() }
}
