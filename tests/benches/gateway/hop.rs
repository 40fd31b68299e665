//! What stands between the load and Gemini: nothing, nginx or the gate.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;

use super::CORES;

/// A hop that is up.
pub(crate) struct Hop {
    name: &'static str,
    address: SocketAddr,
    key: String,
    process: Option<Child>,
}

impl Hop {
    /// No hop at all.
    pub(crate) fn alone(upstream: SocketAddr) -> Self {
        Self { name: "Gemini alone", address: upstream, key: "k".into(), process: None }
    }

    /// nginx as a reverse proxy that keeps its connections and buffers nothing.
    pub(crate) async fn nginx(upstream: SocketAddr, home: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = home.join("nginx.conf");
        let home = home.display();
        let config = format!(
            "daemon off; master_process off; pid {home}/nginx.pid; error_log stderr crit;
             events {{}}
             http {{
               access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
               fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
               upstream gemini {{ server {upstream}; keepalive 64; }}
               server {{
                 listen {address}; tcp_nodelay on; keepalive_requests 100000;
                 location / {{
                   proxy_pass http://gemini; proxy_http_version 1.1; proxy_set_header Connection '';
                   proxy_buffering off; client_max_body_size 10m; client_body_buffer_size 64k;
                 }}
               }}
             }}"
        );
        fs::write(&file, config).unwrap();
        let process = pinned("nginx").arg("-c").arg(&file).spawn();
        let process = process.unwrap_or_else(|error| panic!("nginx: {error}; install it (Debian: nginx-light)"));
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { name: "nginx", address, key: "k".into(), process: Some(process) }
    }

    /// The gate as shipped.
    pub(crate) fn gate(upstream: SocketAddr, home: &Path) -> Self {
        let binary = binary();
        let policy = home.join("policy.toml");
        fs::write(&policy, POLICY).unwrap();
        let mut process = pinned(&binary.display().to_string())
            .args(["up", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(home.join("data"))
            .arg("--policy")
            .arg(&policy)
            .env("GEMINI_API_KEY", "k")
            .env("GEMINI_BASE_URL", format!("http://{upstream}"))
            .env("GATEHOUSE_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; run cargo build --release -p gatehouse", binary.display()));
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["endpoint"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        Self { name: "gate", address, key: told["key"].as_str().unwrap().into(), process: Some(process) }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// CPU time that the hop has used, all its threads together. The process's own figures are counted in ticks, which
    /// miss what is shorter.
    pub(crate) fn cpu(&self) -> Duration {
        let Some(process) = &self.process else { return Duration::ZERO };
        let threads = fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
        let used = |thread: PathBuf| {
            // The first field: nanoseconds on a processor.
            let stat = fs::read_to_string(thread.join("schedstat")).unwrap();
            stat.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        Duration::from_nanos(threads.map(|thread| used(thread.unwrap().path())).sum())
    }

    /// The most memory it ever held, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let Some(process) = &self.process else { return 0 };
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

/// Room for the bench's caller: everything else is as shipped.
const POLICY: &str = "
[admission.caller]
requests_per_minute = 1000000
burst = 1000000
tokens_per_minute = 4000000000
usd = \"999999999\"
max_open = 200
";

fn pinned(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CORES[0], program]);
    command
}

/// Keeps a process and all its threads on one core.
pub(crate) fn pin(process: u32, core: &str) {
    let done = Command::new("taskset").args(["-a", "-cp", core, &process.to_string()]).stdout(Stdio::null()).status();
    assert!(done.is_ok_and(|status| status.success()), "taskset is needed (Debian: util-linux)");
}

/// Cargo puts the release binary beside the folder of the bench that runs.
fn binary() -> PathBuf {
    let bench = std::env::current_exe().unwrap();
    bench.parent().and_then(Path::parent).unwrap().join("gatehouse")
}
