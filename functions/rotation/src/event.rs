//! Who calls, and what for.

use serde::Deserialize;
use serde_json::Value;
use shared::ports::secrets::{Pass, VersionId};
use shared::secret::Secret;

use crate::plan::Step;

/// What the function was called for.
#[derive(Clone, Debug)]
pub enum Event {
    /// An alarm says that the provider rejects the current key.
    Alarm,
    /// It is time to look whether all is well.
    Look,
    /// An alarm that is over, or has no data.
    Quiet,
    /// Secrets Manager asks for a step.
    Step(Request),
}

/// A step of a rotation.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which.
    pub step: Step,
    /// The secret's ARN.
    pub secret: String,
    /// The version that is to become current.
    pub version: VersionId,
    /// Handed on with the value, where it came.
    pub pass: Option<Pass>,
}

/// It is none of the events that are known. What it is, is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is none of: a step of a rotation, an alarm, a schedule's")]
pub struct Unknown;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Called {
    step: Step,
    secret_id: String,
    client_request_token: VersionId,
    rotation_token: Option<String>,
}

impl Event {
    /// Reads an event. Unknown fields are let pass, since AWS adds some; an unknown step is not.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn parse(event: &Value) -> Result<Self, Unknown> {
        if event.get("source").and_then(Value::as_str) == Some("aws.cloudwatch") {
            let state = event.pointer("/alarmData/state/value").and_then(Value::as_str).ok_or(Unknown)?;
            return Ok(if state == "ALARM" { Self::Alarm } else { Self::Quiet });
        }
        if event.get("source").and_then(Value::as_str) == Some("aws.events") {
            return Ok(Self::Look);
        }
        let Called { step, secret_id, client_request_token, rotation_token } =
            Called::deserialize(event).map_err(|_| Unknown)?;
        let pass = rotation_token.map(Secret::new);
        Ok(Self::Step(Request { step, secret: secret_id, version: client_request_token, pass }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_is_read_and_new_fields_are_let_pass() {
        let event = json!({"Step": "testSecret", "SecretId": "arn", "ClientRequestToken": "t", "RotationToken": "hush",
            "Later": [1]});
        let Ok(Event::Step(request)) = Event::parse(&event) else { panic!("it is a step") };
        assert_eq!((request.step, request.secret.as_str(), request.version.0.as_str()), (Step::TestSecret, "arn", "t"));
        assert!(!format!("{request:?}").contains("hush"));
    }

    #[test]
    fn an_unknown_step_is_refused() {
        for event in [json!({"Step": "deleteSecret", "SecretId": "a", "ClientRequestToken": "t"}), json!({}), json!(7)]
        {
            assert_eq!(Event::parse(&event).unwrap_err(), Unknown);
        }
    }

    #[test]
    fn only_an_alarm_that_rings_counts() {
        let alarm = |state| json!({"source": "aws.cloudwatch", "alarmData": {"state": {"value": state}}});
        assert!(matches!(Event::parse(&alarm("ALARM")), Ok(Event::Alarm)));
        assert!(matches!(Event::parse(&alarm("OK")), Ok(Event::Quiet)));
        assert!(matches!(Event::parse(&alarm("INSUFFICIENT_DATA")), Ok(Event::Quiet)));
    }

    #[test]
    fn a_schedule_asks_for_a_look() {
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        assert!(matches!(Event::parse(&event), Ok(Event::Look)));
    }
}
