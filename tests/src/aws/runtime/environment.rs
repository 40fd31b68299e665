//! One execution environment: a process, and the Runtime API that it alone sees.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::process::Command;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;

use super::api::{Answer, Api, Event, Notes, Phase};
use super::{Failure, Setup};
use crate::gate::Printed;
use crate::wait;

/// A running environment. Its process is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Environment {
    pid: u32,
    api: Api,
    printed: Printed,
    ended: watch::Receiver<Option<ExitStatus>>,
    kill: Arc<Notify>,
    _watching: JoinSet<()>,
}

impl Environment {
    pub(super) async fn start(setup: &Setup, notes: &Arc<Notes>) -> Self {
        let api = Api::start(&setup.name, Arc::clone(notes)).await;
        let mut command = Command::new(&setup.program);
        command.args(&setup.arguments).env_clear().envs(own(setup)).envs(setup.env.iter().cloned());
        command.env("AWS_LAMBDA_RUNTIME_API", api.authority());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = wait::done("start the function", command.spawn());
        let printed = Printed::of(&mut child);
        let pid = child.id().expect("it was just started");
        let (ending, ended) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let told = Arc::clone(&kill);
        let mut watching = JoinSet::new();
        watching.spawn(async move {
            let status = tokio::select! {
                status = child.wait() => status,
                () = told.notified() => {
                    wait::done("kill the function", child.start_kill());
                    child.wait().await
                }
            };
            ending.send_replace(Some(wait::done("wait for the function", status)));
        });
        Self { pid, api, printed, ended, kill, _watching: watching }
    }

    /// Waits until it asks for an invocation, or has ended: then `false`.
    pub(super) async fn idle(&self) -> bool {
        let (mut phase, mut ended) = (self.api.phase(), self.ended.clone());
        tokio::select! {
            biased;
            _ = ended.wait_for(Option::is_some) => false,
            idle = phase.wait_for(|phase| *phase == Phase::Idle) => idle.is_ok(),
        }
    }

    /// Gives it an event, and kills it should it still be busy once `timeout` has passed. The answer is there with the
    /// head of a response, long before the environment is idle again.
    pub(super) fn invoke(self: &Arc<Self>, id: &str, payload: Bytes, timeout: Duration) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let within = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = jiff::Timestamp::now().as_millisecond().saturating_add(within);
        self.api.deliver(Event { id: id.to_owned(), deadline_ms, payload, answer });
        receiver
    }

    pub(super) fn process(&self) -> u32 {
        self.pid
    }

    /// How its process ended, if it has.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    pub(super) async fn kill(&self) {
        self.kill.notify_one();
        let mut ended = self.ended.clone();
        let _status = wait::within("the function to die", ended.wait_for(Option::is_some)).await;
    }

    /// Stops or continues the process, as Lambda does between invocations.
    pub(super) async fn signal(&self, name: &str) {
        // The shell's own `kill`: not every machine has it as a program.
        let asked = Command::new("/bin/sh").arg("-c").arg(format!("kill -{name} {}", self.pid)).status().await;
        let done = wait::done("run kill", asked).success();
        assert!(done || self.ended().is_some(), "the function could not be sent {name}");
    }

    pub(super) fn printed(&self) -> &Printed {
        &self.printed
    }

    /// What Lambda says of a process that ended in the middle of an invocation.
    pub(super) fn death(&self) -> Failure {
        Failure::new("Runtime.ExitError", &format!("it ended with {:?}", self.ended()))
    }
}

/// What Lambda itself sets.
fn own(setup: &Setup) -> Vec<(&'static str, String)> {
    let text = ToOwned::to_owned;
    vec![
        ("AWS_ACCESS_KEY_ID", setup.access_key.clone()),
        ("AWS_DEFAULT_REGION", text(crate::aws::REGION)),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text("256")),
        ("AWS_LAMBDA_FUNCTION_NAME", setup.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", text("$LATEST")),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", text("on-demand")),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", setup.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", text("2026/01/01/[$LATEST]00000000000000000000000000000000")),
        ("AWS_REGION", text(crate::aws::REGION)),
        ("AWS_SECRET_ACCESS_KEY", text("none")),
        ("AWS_SESSION_TOKEN", text("none")),
        ("LAMBDA_RUNTIME_DIR", text("/var/runtime")),
        ("LAMBDA_TASK_ROOT", text("/var/task")),
        ("LANG", text("en_US.UTF-8")),
        ("PATH", text("/usr/local/bin:/usr/bin/:/bin:/opt/bin")),
        ("TZ", text(":UTC")),
        ("_HANDLER", text("bootstrap")),
    ]
}
