//! What the function reads from its environment.

use shared::aws::Access;
use shared::config::{Invalid, Reader, Strings};

use crate::warehouse;

/// The bucket of the store of record.
pub const AUDIT_BUCKET: &str = "AUDIT_BUCKET";
/// The queue for what is no record. The drain has it, the sealer has not.
pub const DEAD_QUEUE_URL: &str = "DEAD_QUEUE_URL";
/// The queue from which the warehouse is loaded. Without it there is no warehouse.
pub const WAREHOUSE_QUEUE_URL: &str = "WAREHOUSE_QUEUE_URL";
/// The queue for what the warehouse will never take, which the store has: sent back it would be stored twice. Required
/// with a warehouse.
pub const WAREHOUSE_POISON_QUEUE_URL: &str = "WAREHOUSE_POISON_QUEUE_URL";
/// The key that seals, in KMS. The sealer has it, the drain has not.
pub const SEALING_KEY_ID: &str = "SEALING_KEY_ID";
/// The topic to which the head of the trail is told each day.
pub const HEAD_TOPIC_ARN: &str = "HEAD_TOPIC_ARN";

/// The workgroup in which detection asks Athena. Detection has it, the others have not.
pub const ATHENA_WORKGROUP: &str = "ATHENA_WORKGROUP";
/// The database of the records in Glue; required with a workgroup.
pub const ATHENA_DATABASE: &str = "ATHENA_DATABASE";
/// The topic that detection tells people by; required with a workgroup.
pub const ALARM_TOPIC_ARN: &str = "ALARM_TOPIC_ARN";

/// Settings of the function, which is deployed several times: each with what it may do.
///
/// # Defaults
/// No warehouse, and no topic.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where AWS is and who asks.
    pub access: Access,
    /// The bucket of the store of record.
    pub bucket: String,
    /// What it is deployed for.
    pub role: Role,
    /// Where the drain loads records to.
    pub warehouse: Option<warehouse::Settings>,
}

/// What the function is deployed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It tells who looks suspicious.
    Detector {
        /// The workgroup, in Athena.
        workgroup: String,
        /// The database, in Glue.
        database: String,
        /// The topic to tell people by.
        topic: String,
    },
    /// It stores records.
    Drain {
        /// The URL of the queue for what is no record.
        dead: String,
        /// The queues of the warehouse.
        warehouse: Option<WarehouseQueues>,
    },
    /// It seals what is stored.
    Sealer {
        /// The key, in KMS.
        key: String,
        /// The topic to tell the head to.
        heads: Option<String>,
    },
}

/// The URLs of a warehouse's queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseQueues {
    /// From which it is loaded.
    pub keys: String,
    /// For what it will never take.
    pub poison: String,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] with every mistake.
    pub fn read(strings: &dyn Strings) -> Result<Self, Invalid> {
        let mut read = Reader::new(strings);
        let access = Access::read(&mut read);
        let bucket = read.required(AUDIT_BUCKET);
        let mut warehouse = None;
        let role = match (read.optional(SEALING_KEY_ID), read.optional(ATHENA_WORKGROUP)) {
            (Some(key), _) => Some(Role::Sealer { key, heads: read.optional(HEAD_TOPIC_ARN) }),
            (None, Some(workgroup)) => {
                let (database, topic) = (read.required(ATHENA_DATABASE), read.required(ALARM_TOPIC_ARN));
                database.zip(topic).map(|(database, topic)| Role::Detector { workgroup, database, topic })
            }
            (None, None) => {
                warehouse = warehouse::Settings::read(&mut read);
                let dead = read.required(DEAD_QUEUE_URL);
                let queues = read.optional(WAREHOUSE_QUEUE_URL).and_then(|keys| {
                    read.required(WAREHOUSE_POISON_QUEUE_URL).map(|poison| WarehouseQueues { keys, poison })
                });
                dead.map(|dead| Role::Drain { dead, warehouse: queues })
            }
        };
        let built =
            access.zip(bucket).zip(role).map(|((access, bucket), role)| Self { access, bucket, role, warehouse });
        read.finish(built)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn full() -> HashMap<&'static str, &'static str> {
        HashMap::from([
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            (AUDIT_BUCKET, "b"),
        ])
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let told = Config::read(&HashMap::new()).unwrap_err().to_string();
        for variable in ["AWS_REGION", AUDIT_BUCKET, DEAD_QUEUE_URL] {
            assert!(told.contains(variable), "{told}");
        }
    }

    #[test]
    fn whoever_has_the_key_seals_and_the_other_stores() {
        let (mut drain, mut sealer) = (full(), full());
        drain.insert(DEAD_QUEUE_URL, "https://q/dead");
        sealer.insert(SEALING_KEY_ID, "alias/seal");
        let stores = Role::Drain { dead: "https://q/dead".to_owned(), warehouse: None };
        assert_eq!(Config::read(&drain).unwrap().role, stores);
        let seals = Role::Sealer { key: "alias/seal".to_owned(), heads: None };
        assert_eq!(Config::read(&sealer).unwrap().role, seals);
        assert!(!format!("{:?}", Config::read(&sealer).unwrap()).contains("hunter2"));
    }

    #[test]
    fn with_a_workgroup_it_detects_and_needs_a_topic() {
        let mut settings = full();
        settings.insert(ATHENA_WORKGROUP, "g-audit");
        let told = Config::read(&settings).unwrap_err().to_string();
        assert!(told.contains(ATHENA_DATABASE) && told.contains(ALARM_TOPIC_ARN), "{told}");
        settings.extend([(ATHENA_DATABASE, "g_audit"), (ALARM_TOPIC_ARN, "arn")]);
        assert!(matches!(Config::read(&settings).unwrap().role, Role::Detector { .. }));
    }

    #[test]
    fn the_drain_alone_reads_where_the_warehouse_is() {
        let mut settings = full();
        settings.extend([(DEAD_QUEUE_URL, "https://q/dead"), ("BIGQUERY_DATASET", "p.d")]);
        let told = Config::read(&settings).unwrap_err().to_string();
        assert!(told.contains("GOOGLE_AUDIENCE"), "{told}");
        settings.insert(SEALING_KEY_ID, "key");
        assert!(Config::read(&settings).unwrap().warehouse.is_none());
    }

    #[test]
    fn a_warehouse_has_a_queue_of_its_own_for_what_it_never_takes() {
        let mut settings = full();
        settings.extend([(DEAD_QUEUE_URL, "https://q/dead"), (WAREHOUSE_QUEUE_URL, "https://q/keys")]);
        let told = Config::read(&settings).unwrap_err().to_string();
        assert!(told.contains(WAREHOUSE_POISON_QUEUE_URL), "{told}");
        settings.insert(WAREHOUSE_POISON_QUEUE_URL, "https://q/poison");
        let queues = WarehouseQueues { keys: "https://q/keys".to_owned(), poison: "https://q/poison".to_owned() };
        let stores = Role::Drain { dead: "https://q/dead".to_owned(), warehouse: Some(queues) };
        assert_eq!(Config::read(&settings).unwrap().role, stores);
    }
}
