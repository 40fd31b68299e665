//! The operator's side of the callers.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};

use super::{CREATED, ID, NAME, REVOKED, ROLE, SECRET_HASH, caller, item, unavailable};
use crate::aws::dynamodb::Error;
use crate::aws::dynamodb::attributes::{Attributes, number_of, text_of};
use crate::caller::{Caller, Credential, Id, Role};
use crate::clock::Timestamp;
use crate::ports::Unavailable;

const HOLDER: &str = "holder";
/// What the id of a name's claim begins with; no caller's id holds a slash.
const CLAIM: &str = "name/";

/// Keeps the callers in a `DynamoDB` table. The operator's: it retries as the SDK does, and no request waits for it.
///
/// Permissions, all on the table: `dynamodb:PutItem` to add; `dynamodb:GetItem`, `dynamodb:UpdateItem` and
/// `dynamodb:DeleteItem` to revoke; `dynamodb:Scan` to list.
#[derive(Clone, Debug)]
pub struct Register {
    client: Client,
    table: String,
}

/// A caller as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The public id.
    pub id: Id,
    /// The operator's name for it.
    pub name: String,
    /// Its role, where it has no key.
    pub role: Option<Role>,
    /// When it was added.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl Register {
    /// The callers in this table.
    #[must_use]
    pub fn new(client: &Client, table: impl Into<String>) -> Self {
        Self { client: client.clone(), table: table.into() }
    }

    /// Adds a caller, and claims its name, in one transaction. `false`, and nothing is done, when another active caller
    /// has the name, or this role. A role that was revoked begins anew.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be added.
    pub async fn add(&self, caller: &Caller, now: Timestamp) -> Result<bool, Unavailable> {
        let mut row = Attributes::from([
            (ID.to_owned(), text(caller.id.as_str())),
            (NAME.to_owned(), text(&caller.name)),
            (CREATED.to_owned(), time(now)),
        ]);
        match &caller.credential {
            Credential::Key(hash) => row.insert(SECRET_HASH.to_owned(), AttributeValue::B(Blob::new(*hash))),
            Credential::Role(role) => row.insert(ROLE.to_owned(), text(role.arn())),
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(#id) OR attribute_exists(#revoked)")
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#revoked", REVOKED)
            .build();
        let claim = Put::builder()
            .table_name(&self.table)
            .item(ID, claim_of(&caller.name))
            .item(HOLDER, text(caller.id.as_str()))
            .condition_expression("attribute_not_exists(#id)")
            .expression_attribute_names("#id", ID)
            .build();
        let writes = [put, claim].map(|put| put.map(|put| TransactWriteItem::builder().put(put).build()));
        let writes = writes.into_iter().collect::<Result<_, _>>().map_err(unavailable)?;
        self.write(writes).await.map_err(unavailable)
    }

    /// Every caller, the oldest first.
    ///
    /// # Errors
    /// [`Unavailable`] when one of them cannot be told.
    pub async fn list(&self) -> Result<Vec<Listed>, Unavailable> {
        let mut pages = self.client.scan().table_name(&self.table).consistent_read(true).into_paginator().send();
        let mut callers = Vec::new();
        while let Some(page) = pages.next().await {
            let items = page.map_err(|error| unavailable(Error::of(error)))?.items.unwrap_or_default();
            let rows = items.iter().filter(|item| !is_claim(item));
            callers.extend(rows.map(listed).collect::<Result<Vec<_>, _>>().map_err(unavailable)?);
        }
        callers.sort_by(|a, b| (a.created, a.id.as_str()).cmp(&(b.created, b.id.as_str())));
        Ok(callers)
    }

    /// Revokes the caller with this id or, where there is none, the active one with this name, frees its name, and tells
    /// which it was. A caller that was revoked before stays revoked since then.
    ///
    /// # Errors
    /// [`Unavailable`] when it is not known to be revoked.
    pub async fn revoke(&self, id_or_name: &str, now: Timestamp) -> Result<Option<Listed>, Unavailable> {
        let mut found = self.find(id_or_name).await.map_err(unavailable)?;
        // A caller whose name somebody else claims is shut out all the same.
        for with_claim in [true, false] {
            match found {
                Some(active) if active.revoked.is_none() => {
                    if self.shut_out(&active, with_claim, now).await? {
                        return Ok(Some(Listed { revoked: Some(now), ..active }));
                    }
                    found = self.find(active.id.as_str()).await.map_err(unavailable)?;
                }
                found => return Ok(found),
            }
        }
        Ok(found.filter(|found| found.revoked.is_some()))
    }

    async fn find(&self, id_or_name: &str) -> Result<Option<Listed>, Error> {
        if Id::parse(id_or_name).is_ok()
            && let Some(item) = item(&self.client, &self.table, id_or_name).await?
        {
            return listed(&item).map(Some);
        }
        let claim = item(&self.client, &self.table, &format!("{CLAIM}{id_or_name}")).await?;
        let Some(claim) = claim else { return Ok(None) };
        item(&self.client, &self.table, text_of(&claim, HOLDER)?).await?.map(|item| listed(&item)).transpose()
    }

    /// Revokes a caller that was active, and frees its name. `false` when it no longer is, or the name is not its own.
    async fn shut_out(&self, caller: &Listed, with_claim: bool, now: Timestamp) -> Result<bool, Unavailable> {
        let update = Update::builder()
            .table_name(&self.table)
            .key(ID, text(caller.id.as_str()))
            .update_expression("SET #revoked = :now")
            .condition_expression("attribute_exists(#id) AND attribute_not_exists(#revoked)")
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#revoked", REVOKED)
            .expression_attribute_values(":now", time(now))
            .build()
            .map_err(unavailable)?;
        let delete = Delete::builder()
            .table_name(&self.table)
            .key(ID, claim_of(&caller.name))
            .condition_expression("attribute_not_exists(#holder) OR #holder = :id")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":id", text(caller.id.as_str()))
            .build()
            .map_err(unavailable)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        writes.extend(with_claim.then(|| TransactWriteItem::builder().delete(delete).build()));
        self.write(writes).await.map_err(unavailable)
    }

    /// Writes all or nothing. `false` when a condition does not hold.
    async fn write(&self, writes: Vec<TransactWriteItem>) -> Result<bool, Error> {
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error)) if failed_condition(error.err()) => Ok(false),
            Err(error) => Err(Error::of(error)),
        }
    }
}

/// Whether a condition is what cancelled it.
fn failed_condition(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

fn is_claim(item: &Attributes) -> bool {
    text_of(item, ID).is_ok_and(|id| id.starts_with(CLAIM))
}

fn listed(item: &Attributes) -> Result<Listed, Error> {
    let Caller { id, name, credential, revoked } = caller(item)?;
    let role = match credential {
        Credential::Key(_) => None,
        Credential::Role(role) => Some(role),
    };
    let revoked = revoked.then(|| number_of(item, REVOKED)).transpose()?.map(Timestamp);
    Ok(Listed { id, name, role, created: Timestamp(number_of(item, CREATED)?), revoked })
}

fn claim_of(name: &str) -> AttributeValue {
    AttributeValue::S(format!("{CLAIM}{name}"))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn time(Timestamp(milliseconds): Timestamp) -> AttributeValue {
    AttributeValue::N(milliseconds.to_string())
}
