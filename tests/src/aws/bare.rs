//! A Runtime API with nothing to it: blocking, a thread a connection, so that what is measured is the function.
#![expect(clippy::disallowed_methods, reason = "it measures real time, beside a real process")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::TcpStreamExt as _;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::wait;

/// How long anything may take before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Runtime API with nothing to it.
#[derive(Debug)]
pub struct Bare {
    address: SocketAddr,
    asked: Receiver<Instant>,
    events: Sender<String>,
    told: Receiver<Told>,
}

/// A response as it came.
#[derive(Debug)]
pub struct Told {
    /// When its head was there.
    pub head: Instant,
    /// When the first byte of its body was there, behind prelude and divider.
    pub first: Instant,
    /// Its body, prelude and divider included.
    pub body: Vec<u8>,
}

struct Ends {
    asked: Sender<Instant>,
    events: Mutex<Receiver<String>>,
    told: Sender<Told>,
}

impl Bare {
    /// Listens on a free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = wait::done("listen", TcpListener::bind("127.0.0.1:0"));
        let address = wait::done("know the port", listener.local_addr());
        let ((asked, was_asked), (events, to_hand), (told, was_told)) =
            (mpsc::channel(), mpsc::channel(), mpsc::channel());
        let ends = Arc::new(Ends { asked, events: Mutex::new(to_hand), told });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ends = Arc::clone(&ends);
                // A function that is killed breaks its connections: that ends the thread and nothing else.
                thread::spawn(move || attend(stream, &ends));
            }
        });
        Self { address, asked: was_asked, events, told: was_told }
    }

    /// What `AWS_LAMBDA_RUNTIME_API` is to be.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits until the function asks for an event, and says when it did.
    #[must_use]
    pub fn asked(&self) -> Instant {
        wait::done("be asked for an event", self.asked.recv_timeout(PATIENCE))
    }

    /// Hands an event over to who has asked, or will ask.
    pub fn hand(&self, event: &str) {
        wait::done("hand over an event", self.events.send(event.to_owned()));
    }

    /// Waits for a response.
    #[must_use]
    pub fn told(&self) -> Told {
        wait::done("be told an answer", self.told.recv_timeout(PATIENCE))
    }
}

fn attend(stream: TcpStream, ends: &Ends) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut number = 0;
    loop {
        // A kernel may acknowledge late, and on a connection that goes both ways it does.
        reader.get_ref().set_quickack(false)?;
        let Some(line) = head(&mut reader)? else { return Ok(()) };
        let at = Instant::now();
        if line.contains("/invocation/next") {
            number += 1;
            let gone = |_| io::Error::other("the test has ended");
            ends.asked.send(at).map_err(|_| io::Error::other("the test has ended"))?;
            let event = wait::done("lock the events", ends.events.lock()).recv().map_err(gone)?;
            write!(
                writer,
                "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: id-{number}\r\nlambda-runtime-deadline-ms: \
                 9999999999999\r\nlambda-runtime-invoked-function-arn: \
                 arn:aws:lambda:eu-central-1:123456789012:function:bare\r\ncontent-length: {}\r\n\r\n{event}",
                event.len()
            )?;
        } else {
            let told = body(&mut reader, at)?;
            writer.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
            ends.told.send(told).map_err(|_| io::Error::other("the test has ended"))?;
        }
    }
}

/// Reads a request's head, and returns its first line; `None` at the connection's end.
fn head(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut first = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            return Ok(Some(first));
        }
        if first.is_empty() {
            first = line;
        }
    }
}

/// Reads a body in chunks.
fn body(reader: &mut BufReader<TcpStream>, head: Instant) -> io::Result<Told> {
    let (mut body, mut first) = (Vec::new(), None);
    loop {
        reader.get_ref().set_quickack(false)?;
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| io::Error::other("no chunk"))?;
        let before = body.len();
        body.resize(before + size, 0);
        reader.read_exact(body.get_mut(before..).unwrap_or_default())?;
        reader.read_line(&mut String::new())?;
        let divider = body.windows(8).position(|bytes| bytes == [0; 8]);
        if divider.is_some_and(|at| body.len() > at + 8) {
            first.get_or_insert_with(Instant::now);
        }
        if size == 0 {
            return Ok(Told { head, first: first.unwrap_or_else(Instant::now), body });
        }
    }
}
