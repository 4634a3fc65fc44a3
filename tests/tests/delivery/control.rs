//! The control plane beside a show: whoever has the key that the environment gave may ask, nobody else.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, ensure};

use super::stage::{PATIENCE, Stage};

const VARIABLE: &str = "PULSE_API_KEY";

/// The status of HTTP that `GET /v1/status` is answered with.
fn status(url: &str, key: Option<&str>) -> Result<u16> {
    let host = url.strip_prefix("http://").context("plain HTTP on loopback")?.trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let header = key.map(|key| format!("X-Pulse-Key: {key}\r\n")).unwrap_or_default();
    write!(stream, "GET /v1/status HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer.split_whitespace().nth(1).and_then(|code| code.parse().ok()).with_context(|| format!("no HTTP: {answer}"))
}

#[test]
fn the_key_of_the_environment_opens_the_control_plane_and_is_never_told() -> Result<()> {
    let key = "0123456789abcdef-0123456789ABCDEF";
    let stage = Stage::new("key", &["--camera", "A=test:ball"])?;
    let variables = [(VARIABLE.to_owned(), key.to_owned()), ("PULSE_LOG".to_owned(), "trace".to_owned())];
    let mut app = stage.run_in(&["--record", "program"], variables)?;
    let url = app.wait_ready(PATIENCE)?.text("/control")?.to_owned();
    assert_eq!(status(&url, Some(key))?, 200);
    assert_eq!(status(&url, None)?, 401);
    assert_eq!(status(&url, Some(&key[..32]))?, 401);
    app.interrupt()?;
    let finished = app.finish(PATIENCE)?;
    ensure!(finished.log.contains("TRACE") || finished.log.contains("DEBUG"), "there is no log to look into");
    ensure!(!finished.log.contains(key), "the key is in the log");
    ensure!(!format!("{:?}", finished.events).contains(key), "the key is in an event");
    Ok(())
}

#[test]
fn a_key_that_can_be_guessed_is_refused_by_the_name_of_its_variable() -> Result<()> {
    let stage = Stage::new("weak-key", &["--camera", "A=test:ball"])?;
    for weak in ["", "hunter2-hunter2", "hunter2 hunter2 hunter2 hunter2 hunter2"] {
        let finished = stage.run_in(&[], [(VARIABLE.to_owned(), weak.to_owned())])?.finish(PATIENCE)?;
        assert_eq!(finished.status.code(), Some(2), "{:?}: {}", weak, finished.log);
        ensure!(finished.log.contains(VARIABLE) && finished.log.contains("openssl rand"), "{}", finished.log);
        ensure!(!finished.log.contains("hunter2") && finished.events.is_empty(), "{}", finished.log);
    }
    Ok(())
}
