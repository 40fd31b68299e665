use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderName;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::{Identity, stream};
use super::*;

/// What a function told Lambda: the path, the headers, and a body as it came, piece by piece.
type Told = (String, HeaderMap, mpsc::UnboundedReceiver<Bytes>);

/// A Runtime API that hands out these events, one after the other, and nothing after the last.
struct Double {
    runtime: Runtime,
    told: mpsc::UnboundedReceiver<Told>,
    /// How many events were fetched.
    fetched: Arc<Mutex<usize>>,
}

impl Double {
    async fn with(events: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let runtime = Runtime { api: listener.local_addr().unwrap().to_string() };
        let (telling, told) = mpsc::unbounded_channel();
        let fetched = Arc::new(Mutex::new(0));
        let (count, events) = (fetched.clone(), Arc::new(events));
        let answer = move |request: Request<Incoming>| {
            let (telling, count, events) = (telling.clone(), count.clone(), events.clone());
            async move { Ok::<_, Infallible>(answer(request, &telling, &count, &events).await) }
        };
        let connections = TaskTracker::new();
        let accepting = connections.clone();
        connections.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = service_fn(answer.clone());
                accepting.spawn(async move {
                    // A connection that a test breaks is not the double's fault.
                    let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { runtime, told, fetched }
    }

    async fn told(&mut self) -> Told {
        tokio::time::timeout(Duration::from_secs(20), self.told.recv()).await.unwrap().unwrap()
    }

    async fn all_told(&mut self) -> (String, HeaderMap, Vec<u8>) {
        let (path, headers, mut pieces) = self.told().await;
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece);
        }
        (path, headers, all)
    }

    /// Has a function serve the double.
    fn serve<A>(&self, answer: impl Fn(Request<Received>) -> A + Send + Sync + 'static) -> CancellationToken
    where
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let (runtime, stop) = (self.runtime.clone(), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move { runtime.serve(answer, stopped).await.unwrap() });
        stop
    }
}

async fn answer(
    request: Request<Incoming>,
    telling: &mpsc::UnboundedSender<Told>,
    fetched: &Mutex<usize>,
    events: &[Value],
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if path == "/2018-06-01/runtime/invocation/next" {
        let number = {
            let mut fetched = fetched.lock().unwrap();
            *fetched += 1;
            *fetched
        };
        let Some(event) = events.get(number - 1) else { return std::future::pending().await };
        let mut response = Response::new(Full::new(event.to_string().into()));
        for (name, value) in [
            ("lambda-runtime-aws-request-id", format!("id-{number}")),
            ("lambda-runtime-deadline-ms", "1700000000123".into()),
            ("lambda-runtime-trace-id", "Root=1-2-3".into()),
            (INVOCATION_ID, format!("attempt-{number}")),
        ] {
            response.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        return response;
    }
    let (head, mut body) = request.into_parts();
    let (sending, pieces) = mpsc::unbounded_channel();
    telling.send((path, head.headers, pieces)).unwrap();
    while let Some(Ok(frame)) = body.frame().await {
        let piece = frame.into_data().unwrap();
        let breaks = piece.ends_with(b"break here");
        // A test that has seen enough no longer listens.
        let _gone = sending.send(piece);
        if breaks {
            // Nothing more is read, and the connection ends with this answer.
            break;
        }
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn get(path: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {"host": "x"},
        "requestContext": {"http": {"method": "GET", "path": path, "sourceIp": "192.0.2.1"}}, "isBase64Encoded": false,
    })
}

fn text_body(text: &'static str) -> Response<Body> {
    Response::new(Body::from(Bytes::from_static(text.as_bytes())))
}

/// The prelude as JSON, and what follows its eight zero bytes.
fn split(all: &[u8]) -> (Value, &[u8]) {
    let end = all.windows(8).position(|bytes| bytes == [0; 8]).unwrap();
    (serde_json::from_slice(&all[..end]).unwrap(), &all[end + 8..])
}

#[tokio::test]
async fn an_answer_is_a_prelude_eight_zero_bytes_and_the_body() {
    let mut double = Double::with(vec![get("/a")]).await;
    double.serve(|_| async {
        let mut response = text_body("hello");
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        let headers = response.headers_mut();
        for (name, value) in [("x-a", "1"), ("x-a", "2"), ("set-cookie", "b=c"), ("content-length", "5")] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    });
    let (path, headers, all) = double.all_told().await;
    assert_eq!(path, "/2018-06-01/runtime/invocation/id-1/response");
    assert_eq!(headers["lambda-runtime-function-response-mode"], "streaming");
    assert_eq!(headers["content-type"], "application/vnd.awslambda.http-integration-response");
    assert_eq!(headers["transfer-encoding"], "chunked");
    assert_eq!(headers[INVOCATION_ID], "attempt-1");
    let (prelude, body) = split(&all);
    assert_eq!(prelude, json!({"statusCode": 418, "headers": {"x-a": "1, 2"}, "cookies": ["b=c"]}));
    assert_eq!(body, b"hello");
}

#[tokio::test]
async fn an_empty_answer_has_a_byte_all_the_same() {
    let mut double = Double::with(vec![get("/a"), get("/b")]).await;
    double.serve(|request| async move {
        if request.uri().path() == "/a" {
            return text_body("");
        }
        let (writer, body) = stream(Bytes::new());
        writer.end().await;
        Response::new(body)
    });
    for _ in 0..2 {
        assert_eq!(split(&double.all_told().await.2).1, b"\n");
    }
}

#[tokio::test]
async fn a_piece_leaves_before_the_next_is_written() {
    let mut double = Double::with(vec![get("/a")]).await;
    let (go, gone) = mpsc::channel::<()>(1);
    let gone = Arc::new(tokio::sync::Mutex::new(gone));
    double.serve(move |_| {
        let gone = gone.clone();
        async move {
            let (writer, body) = stream(Bytes::new());
            TaskTracker::new().spawn(async move {
                writer.send("one".into()).await.unwrap();
                gone.lock().await.recv().await;
                writer.send("two".into()).await.unwrap();
                writer.end().await;
            });
            Response::new(body)
        }
    });
    let (_, _, mut pieces) = double.told().await;
    let mut all = Vec::new();
    while !all.ends_with(b"one") {
        all.extend_from_slice(&pieces.recv().await.unwrap());
    }
    go.send(()).await.unwrap();
    while let Some(piece) = pieces.recv().await {
        all.extend_from_slice(&piece);
    }
    assert_eq!(split(&all).1, b"onetwo");
}

#[tokio::test]
async fn a_malformed_event_is_told_in_fixed_words_and_the_next_is_served() {
    let mut double = Double::with(vec![json!({"password": "hunter2"}), get("/b")]).await;
    double.serve(|_| async { text_body("fine") });
    let (path, headers, all) = double.all_told().await;
    assert_eq!(path, "/2018-06-01/runtime/invocation/id-1/error");
    assert_eq!(headers["lambda-runtime-function-error-type"], MALFORMED);
    let told: Value = serde_json::from_slice(&all).unwrap();
    assert_eq!(told, json!({"errorType": MALFORMED, "errorMessage": MALFORMED_WORDS, "stackTrace": []}));
    assert_eq!(split(&double.all_told().await.2).1, b"fine");
}

#[tokio::test]
async fn a_panic_ends_as_a_fixed_answer_and_the_next_is_served() {
    let mut double = Double::with(vec![get("/a"), get("/b")]).await;
    double.serve(|request| async move {
        assert_eq!(request.uri().path(), "/b", "the secret wish");
        text_body("fine")
    });
    let all = double.all_told().await.2;
    let (prelude, body) = split(&all);
    assert_eq!((&prelude["statusCode"], body), (&500.into(), PANICKED.as_bytes()));
    assert_eq!(split(&double.all_told().await.2).1, b"fine");
}

#[tokio::test]
async fn no_event_is_fetched_before_the_work_on_the_last_has_ended() {
    let mut double = Double::with(vec![get("/a"), get("/b")]).await;
    let ended = Arc::new(Mutex::new(false));
    let (end, fetched) = (ended.clone(), double.fetched.clone());
    double.serve(move |request| {
        let (end, fetched) = (end.clone(), fetched.clone());
        async move {
            if request.uri().path() == "/b" {
                return text_body(if *end.lock().unwrap() { "after" } else { "too early" });
            }
            let (writer, body) = stream(Bytes::new());
            TaskTracker::new().spawn(async move {
                writer.send("break here".into()).await.unwrap();
                writer.gone().await;
                // As a record does that tells of a client who hung up.
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert_eq!(*fetched.lock().unwrap(), 1);
                *end.lock().unwrap() = true;
            });
            Response::new(body)
        }
    });
    assert!(double.all_told().await.2.ends_with(b"break here"));
    assert_eq!(split(&double.all_told().await.2).1, b"after");
}

#[tokio::test]
async fn a_request_knows_its_deadline_and_who_signed_it() {
    let mut signed = get("/a");
    signed["requestContext"]["authorizer"] =
        json!({"iam": {"userArn": "arn:aws:sts::1:assumed-role/app/x", "accountId": "1", "accessKey": "k"}});
    let mut double = Double::with(vec![signed, get("/b")]).await;
    let (telling, mut told) = mpsc::unbounded_channel();
    double.serve(move |request| {
        telling.send((request.extensions().get().copied(), request.extensions().get().cloned())).unwrap();
        async { text_body("fine") }
    });
    double.all_told().await;
    double.all_told().await;
    let deadline = Some(Deadline(Timestamp(1_700_000_000_123)));
    let identity = Identity { arn: "arn:aws:sts::1:assumed-role/app/x".into() };
    assert_eq!(told.recv().await.unwrap(), (deadline, Some(identity)));
    assert_eq!(told.recv().await.unwrap(), (deadline, None));
}

#[tokio::test]
async fn a_function_that_is_told_to_stop_stops() {
    let double = Double::with(vec![]).await;
    let served = double.runtime.serve(|_| async { text_body("") }, tokio::time::sleep(Duration::from_millis(50)));
    tokio::time::timeout(Duration::from_secs(20), served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_function_that_cannot_start_says_so_in_fixed_words() {
    let mut double = Double::with(vec![]).await;
    let (runtime, told) = (double.runtime.clone(), double.all_told());
    let ((path, _, all), ()) = tokio::join!(told, runtime.give_up("config_invalid"));
    assert_eq!(path, "/2018-06-01/runtime/init/error");
    assert_eq!(serde_json::from_slice::<Value>(&all).unwrap()["errorType"], "config_invalid");
}

#[tokio::test]
async fn without_a_runtime_api_there_is_nothing_to_serve() {
    let nobody = Runtime { api: "127.0.0.1:9".into() };
    let ended = nobody.serve(|_| async { text_body("") }, std::future::pending()).await;
    assert!(matches!(ended, Err(Failed::Unreachable(_))), "{ended:?}");
}

impl Double {
    /// Has a function work on the double's events.
    fn works<W>(&self, work: impl Fn(Task) -> W + Send + Sync + 'static)
    where
        W: Future<Output = Result<Bytes, Undone>> + Send + 'static,
    {
        let runtime = self.runtime.clone();
        TaskTracker::new().spawn(async move { runtime.work(work, std::future::pending()).await.unwrap() });
    }
}

#[tokio::test]
async fn an_event_is_worked_on_until_its_deadline_and_its_answer_is_json() {
    let mut double = Double::with(vec![json!({"Step": "one"})]).await;
    double.works(|Task { event, deadline }| async move {
        assert_eq!(deadline, Some(Deadline(Timestamp(1_700_000_000_123))));
        Ok(event)
    });
    let (path, headers, all) = double.all_told().await;
    assert_eq!(path, "/2018-06-01/runtime/invocation/id-1/response");
    assert_eq!(
        (&headers["content-type"], &headers[INVOCATION_ID]),
        (&"application/json".parse().unwrap(), &"attempt-1".parse().unwrap())
    );
    assert_eq!(all, br#"{"Step":"one"}"#);
}

#[tokio::test]
async fn work_that_is_not_done_is_told_by_its_code_alone_and_the_next_is_worked_on() {
    let mut double = Double::with(vec![json!("fail"), json!("panic"), json!("fine")]).await;
    double.works(|Task { event, .. }| async move {
        match &event[..] {
            br#""fail""# => Err(Undone("key_refused")),
            br#""panic""# => panic!("hunter2"),
            _ => Ok(event),
        }
    });
    for (number, code) in [(1, "key_refused"), (2, PANICKED_CODE)] {
        let (path, headers, all) = double.all_told().await;
        assert_eq!(path, format!("/2018-06-01/runtime/invocation/id-{number}/error"));
        assert_eq!(headers["lambda-runtime-function-error-type"], code);
        let told: Value = serde_json::from_slice(&all).unwrap();
        assert_eq!(told, json!({"errorType": code, "errorMessage": UNDONE_WORDS, "stackTrace": []}));
    }
    assert_eq!(double.all_told().await.2, br#""fine""#);
}
