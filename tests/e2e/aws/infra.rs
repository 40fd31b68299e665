//! What can be said of `infra/` without an account.

use std::process::Stdio;

use tests::aws::terraform::infra;
use tests::wait;
use tokio::process::Command;

#[tokio::test]
async fn it_is_formatted_valid_tested_and_found_clean() {
    let root = infra();
    let mut command = Command::new("bash");
    command.arg(".ci/infra").current_dir(root.parent().unwrap()).stdin(Stdio::null()).kill_on_drop(true);
    let output = wait::done("run .ci/infra", command.output().await);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
