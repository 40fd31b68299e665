//! moto, which keeps what Terraform makes and answers for most of AWS.
//!
//! It is not atomic where `DynamoDB` is, checks no policies, and its Secrets Manager loses its way in rotations: nothing
//! here rests on it for those. A function it keeps and does not run; its backend that says so (`use_docker` off) is
//! unknown to its `CloudFormation`, which `infra/` needs.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::gate::Printed;
use crate::{sdk, wait};

/// An AWS that is empty at first. It is killed when it is dropped.
#[derive(Debug)]
pub struct Moto {
    url: String,
    _server: Child,
}

impl Moto {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot be installed or does not start.
    pub async fn start() -> Self {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws/python/requirements.txt");
        let programs = move || sdk::python_programs(&requirements, "aws", "python");
        let programs = wait::done("install moto", tokio::task::spawn_blocking(programs).await);
        let mut command = Command::new(programs.join("python"));
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("aws/python/moto_as_aws.py"));
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut server = wait::done("start moto", command.spawn());
        let printed = Printed::of(&mut server);
        let url = wait::until("moto to tell its port", || async {
            let printed = printed.all();
            let (_, rest) = printed.split_once("Running on ")?;
            rest.split_once('\n').map(|(url, _)| url.trim().to_owned())
        })
        .await;
        Self { url, _server: server }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
