//! The control plane over real connections.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use pulse_control::{Control, GRACE, Key, ListenError, Listener, MAX_BODY, serve};
use pulse_wire::{Status, StudioStatus};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

/// Longer than anything here takes, so that a hang fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A control plane that serves in a thread of its own.
struct Served {
    address: SocketAddr,
    key: Key,
    studio: watch::Sender<StudioStatus>,
    stop: oneshot::Sender<()>,
    /// Disconnects when the thread ends.
    running: Receiver<()>,
    thread: JoinHandle<()>,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn served() -> Served {
    let key = Key::generate().expect("a key");
    let (studio, seen) = watch::channel(StudioStatus::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = channel();
    let (runs, running) = channel();
    let hash = key.hash();
    let thread = std::thread::spawn(move || {
        let _runs: Sender<()> = runs;
        runtime().block_on(async move {
            let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
            tell.send(listener.address()).expect("the test waits for it");
            let control = Control::new("1.2.3", hash, Some(seen));
            serve(listener, control, async { stopped.await.unwrap_or(()) }).await.expect("it serves");
        });
    });
    Served { address: told.recv_timeout(PATIENCE).expect("it listens"), key, studio, stop, running, thread }
}

/// What came back: status, headers, body.
type Answer = (u16, ureq::http::HeaderMap, Value);

impl Served {
    fn ask(&self, method: &str, path: &str, key: Option<&str>) -> Answer {
        let config = ureq::config::Config::builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(key) = key {
            request = request.header("X-Pulse-Key", key);
        }
        let mut answer = ureq::Agent::from(config).run(request.body(()).expect("a request")).expect("an answer");
        let body = answer.body_mut().read_to_string().expect("a body");
        let body = serde_json::from_str(&body).unwrap_or_else(|_| panic!("no JSON: {body}"));
        (answer.status().as_u16(), answer.headers().clone(), body)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    fn stop(self) {
        self.stop.send(()).expect("it still serves");
        assert_eq!(self.running.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "it does not stop");
        self.thread.join().expect("it ends without a panic");
    }
}

fn assert_problem((status, headers, body): &Answer, expected_status: u16, expected_code: &str) {
    assert_eq!((*status, &body["code"]), (expected_status, &json!(expected_code)), "{body}");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(body["status"], expected_status);
    for member in ["type", "title", "detail", "hint"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {body}");
    }
}

#[test]
fn health_needs_no_key() {
    let served = served();
    let (status, headers, body) = served.ask("GET", "/health", None);
    assert_eq!((status, body), (200, json!({"status": "ok"})));
    assert_eq!(headers["content-type"], "application/json");
    served.stop();
}

#[test]
fn status_tells_whoever_has_the_key_how_the_studio_is_now() {
    let served = served();
    let key = served.key.reveal().to_owned();
    let status = || {
        let (status, _, body) = served.ask("GET", "/v1/status", Some(&key));
        assert_eq!(status, 200, "{body}");
        serde_json::from_value::<Status>(body).expect("the shape that clients read")
    };
    let first = status();
    assert_eq!((first.version.as_str(), first.studio), ("1.2.3", Some(StudioStatus::default())));

    let on_air = StudioStatus { program: Some("Wide".to_owned()), recording: true, ..StudioStatus::default() };
    served.studio.send(on_air.clone()).expect("it looks");
    let second = status();
    assert_eq!(second.studio, Some(on_air));
    assert!(second.uptime >= first.uptime);
    served.stop();
}

#[test]
fn below_v1_nothing_is_told_without_the_key() {
    let served = served();
    let mut longer = served.key.reveal().to_owned();
    longer.push('x');
    let other = Key::generate().expect("a key");
    for key in [None, Some(""), Some("pulse_"), Some(longer.as_str()), Some(other.reveal())] {
        for (method, path) in [("GET", "/v1/status"), ("POST", "/v1/status"), ("GET", "/v1/nothing"), ("GET", "/v1")] {
            let answer = served.ask(method, path, key);
            assert_problem(&answer, 401, "unauthorized");
            assert!(answer.1.contains_key("www-authenticate"));
            assert!(!answer.2.to_string().contains(other.reveal()), "a key is never repeated");
        }
    }
    served.stop();
}

#[test]
fn what_is_not_there_or_not_possible_is_a_problem_document() {
    let served = served();
    let key = served.key.reveal();
    for path in ["/", "/nothing", "/v1/nothing?token=secret", "/v1", "/v1/../health", "/v1/status/"] {
        let answer = served.ask("GET", path, Some(key));
        assert_problem(&answer, 404, "not_found");
        assert!(!answer.2.to_string().contains("secret"), "{}", answer.2);
    }
    for path in ["/health", "/v1/status"] {
        let answer = served.ask("DELETE", path, Some(key));
        assert_problem(&answer, 405, "method_not_allowed");
        assert_eq!(answer.1["allow"], "GET,HEAD");
    }
    served.stop();
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let served = served();
    for (path, key) in [("/v1/status", served.key.reveal()), ("/health", "")] {
        let mut stream = served.connect();
        let length = MAX_BODY + 1;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: studio\r\nX-Pulse-Key: {key}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        let body: Value = serde_json::from_str(body).expect(body);
        assert_eq!(body["code"], "body_too_large");
    }
    served.stop();
}

#[test]
fn what_is_no_http_is_refused_and_the_next_is_served() {
    let served = served();
    let mut stream = served.connect();
    stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered or closed");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(served.ask("GET", "/health", None).0, 200);
    served.stop();
}

#[test]
fn it_stops_in_time_whatever_a_client_does() {
    let served = served();
    let mut idle = served.connect();
    idle.write_all(b"GET /health HTTP/1.1\r\nHost: studio\r\n\r\n").expect("sent");
    assert_ne!(idle.read(&mut [0; 1024]).expect("answered"), 0);
    let mut dawdling = served.connect();
    dawdling.write_all(b"GET /health HTTP/1.1\r\nHost: stu").expect("sent");
    assert_eq!(served.ask("GET", "/health", None).0, 200, "it has seen the others by now");
    let address = served.address;
    let told = Instant::now();
    served.stop();
    assert!(told.elapsed() < GRACE + Duration::from_secs(2), "{:?}", told.elapsed());
    TcpStream::connect(address).expect_err("the port is free again");
}

#[test]
fn plain_http_stays_on_this_machine() {
    runtime().block_on(async {
        for elsewhere in ["0.0.0.0:0", "[::]:0", "192.168.1.20:8080", "[::ffff:10.0.0.1]:0"] {
            let error = Listener::bind(elsewhere.parse().unwrap()).await.unwrap_err();
            assert!(matches!(error, ListenError::NotLoopback(_)), "{error}");
        }
        let error = Listener::bind("0.0.0.0:8080".parse().unwrap()).await.unwrap_err().to_string();
        assert!(error.contains("0.0.0.0:8080") && error.contains("listen on 127.0.0.1:8080"), "{error}");
    });
}

#[test]
fn a_port_that_is_taken_is_named() {
    runtime().block_on(async {
        let first = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        assert_eq!(first.url(), format!("http://127.0.0.1:{}", first.address().port()));
        let error = Listener::bind(first.address()).await.unwrap_err();
        assert!(matches!(error, ListenError::Taken { address, .. } if address == first.address()), "{error}");
    });
}
