//! The load: connections that are kept, each with one request after the other.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::hop::Hop;

/// English text of a length, in which nothing is blocked or redacted.
pub(crate) fn text(bytes: usize) -> String {
    const WORDS: &str = "The harbour was quiet when the first boats came home, and the market had not opened yet. \
                         People stood about in small groups, spoke of the weather and waited for the bread. ";
    WORDS.chars().cycle().take(bytes).collect()
}

/// What is asked of a hop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) stream: bool,
    pub(crate) bytes: usize,
    pub(crate) concurrency: usize,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.stream { "stream" } else { "plain" };
        write!(f, "{form} {} KB, {} at once", self.bytes >> 10, self.concurrency)
    }
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    whole: Vec<Duration>,
    /// Time to the first token, by the request's number on its connection.
    first: Vec<(usize, Duration)>,
    cpu: Duration,
    wall: Duration,
}

impl Sample {
    fn add(&mut self, other: Self) {
        self.whole.extend(other.whole);
        self.first.extend(other.first);
        self.cpu += other.cpu;
        self.wall += other.wall;
    }

    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(self.whole.clone(), percent)
    }

    /// The median time to the first token, of all requests or of those with one number on their connection.
    pub(crate) fn first_token(&self, at: Option<usize>) -> Duration {
        let chosen = self.first.iter().filter(|(number, _)| at.is_none_or(|at| at == *number));
        percentile(chosen.map(|(_, time)| *time).collect(), 50)
    }

    pub(crate) fn rate(&self) -> f64 {
        self.whole.len() as f64 / self.wall.as_secs_f64()
    }

    /// Which part of the time the hop was at work.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    pub(crate) fn cpu_each(&self) -> Duration {
        self.cpu / self.whole.len().max(1) as u32
    }
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

impl Load {
    /// Loads a hop for a while.
    pub(crate) async fn run(&self, hop: &Hop, time: Duration) -> Sample {
        let (cpu, began) = (hop.cpu(), Instant::now());
        let clients = (0..self.concurrency).map(|_| self.client(hop, began + time));
        let mut all = Sample::default();
        for sample in futures_util::future::join_all(clients).await {
            all.add(sample);
        }
        Sample { cpu: hop.cpu() - cpu, wall: began.elapsed(), ..all }
    }

    async fn client(&self, hop: &Hop, until: Instant) -> Sample {
        let method = if self.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        let body = json!({"contents": [{"role": "user", "parts": [{"text": text(self.bytes)}]}]}).to_string();
        let body = Bytes::from(body);
        let mut sample = Sample::default();
        while Instant::now() < until {
            // A connection for some requests: the fifth of each is looked at apart.
            let mut connection = connect(hop).await;
            for number in 0..50 {
                let began = Instant::now();
                let first = self.request(&mut connection, hop, method, body.clone()).await;
                sample.whole.push(began.elapsed());
                sample.first.push((number, first - began));
                if Instant::now() >= until {
                    break;
                }
            }
        }
        sample
    }

    /// One request, and when its first token came.
    async fn request(
        &self,
        connection: &mut SendRequest<Full<Bytes>>,
        hop: &Hop,
        method: &str,
        body: Bytes,
    ) -> Instant {
        let request = Request::post(format!("/v1beta/models/gemini-3.5-flash:{method}"))
            .header("host", hop.address().to_string())
            .header("content-type", "application/json")
            .header("x-goog-api-key", hop.key())
            .body(Full::new(body))
            .unwrap();
        connection.ready().await.unwrap();
        let response = connection.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{}", hop.name());
        let mut body = response.into_body();
        let (mut first, mut seen) = (None, 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.unwrap();
            seen += frame.data_ref().map_or(0, Bytes::len);
            first.get_or_insert_with(Instant::now);
        }
        assert!(seen > self.bytes, "{}: {seen} bytes", hop.name());
        first.unwrap()
    }
}

async fn connect(hop: &Hop) -> SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(hop.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    sender
}
