//! The studio itself: its own binary in a process of its own, heard by the events it prints.

use std::{
    env,
    ffi::OsStr,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::child::{Child, built, run};

/// Names another binary to test than the one beside the test in the target folder.
pub const BINARY: &str = "PULSE_STUDIO_BIN";

/// One line that the studio printed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// `ready`, `take`, `stats`, …
    pub event: String,
    /// Seconds since the studio's start.
    pub t: f64,
    /// All other fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Event {
    /// A field by JSON pointer (RFC 6901), as `/files/0/path`.
    ///
    /// # Errors
    /// When the event has none, with the whole event.
    pub fn at(&self, pointer: &str) -> Result<&Value> {
        let mut tokens = pointer.trim_start_matches('/').splitn(2, '/');
        let first = tokens.next().and_then(|name| self.fields.get(name));
        let found = match (first, tokens.next()) {
            (Some(value), Some(rest)) => value.pointer(&format!("/{rest}")),
            (value, _) => value,
        };
        found.with_context(|| format!("no {pointer} in {self:?}"))
    }

    /// A number by JSON pointer.
    ///
    /// # Errors
    /// When there is none.
    pub fn number(&self, pointer: &str) -> Result<f64> {
        self.at(pointer)?.as_f64().with_context(|| format!("{pointer} is no number in {self:?}"))
    }

    /// A string by JSON pointer.
    ///
    /// # Errors
    /// When there is none.
    pub fn text(&self, pointer: &str) -> Result<&str> {
        self.at(pointer)?.as_str().with_context(|| format!("{pointer} is no string in {self:?}"))
    }

    /// The names of what stands at a JSON pointer.
    ///
    /// # Errors
    /// When nothing with names stands there.
    pub fn keys(&self, pointer: &str) -> Result<Vec<String>> {
        let map = self.at(pointer)?.as_object().with_context(|| format!("{pointer} holds no names: {self:?}"))?;
        Ok(map.keys().cloned().collect())
    }

    /// The files that a `stopped` event lists.
    ///
    /// # Errors
    /// When it lists none, or not in the agreed form.
    pub fn files(&self) -> Result<Vec<Written>> {
        Ok(serde_json::from_value(self.at("/files")?.clone())?)
    }
}

/// A file that the studio has written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// `program`, `iso`, `audio`.
    pub kind: String,
    /// Whose picture or sound it is, for one that is not the program's.
    pub source: Option<String>,
    /// When it begins, in seconds since the start of the run.
    pub start: f64,
    /// Seconds.
    pub duration: f64,
    /// Frames of video; a file of sound has none.
    pub frames: Option<u64>,
    /// Its size.
    pub bytes: u64,
}

/// How the studio ended.
#[derive(Debug)]
pub struct Finished {
    /// How the process ended.
    pub status: ExitStatus,
    /// All that it printed, in order.
    pub events: Vec<Event>,
    /// All that it logged.
    pub log: String,
    /// How long the end took, from the call that waited for it.
    pub took: Duration,
}

impl Finished {
    /// The `stopped` event of an end in good order: exit code 0.
    ///
    /// # Errors
    /// When it ended otherwise, with its log.
    pub fn stopped(&self) -> Result<&Event> {
        let stopped = self.events.iter().find(|event| event.event == "stopped");
        match stopped {
            Some(stopped) if self.status.success() => Ok(stopped),
            _ => bail!("the studio ended with {} and said {:?}; its log:\n{}", self.status, stopped, self.log),
        }
    }

    /// All events of one kind, in order.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.event == kind)
    }
}

/// The running studio. Killed when dropped.
#[derive(Debug)]
pub struct App {
    child: Child,
    events: Vec<Event>,
    /// How many of the events a wait has passed.
    read: usize,
}

impl App {
    /// Starts it with its arguments and additional environment variables (those of
    /// [`crate::pipewire::Session::env`], secrets for a destination, …).
    ///
    /// # Errors
    /// When it is not built.
    pub fn start<A: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = A>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(arguments).envs(variables).stdin(Stdio::null());
        Ok(Self { child: Child::start("pulse-studio", &mut command)?, events: Vec::new(), read: 0 })
    }

    /// Runs one of its commands to the end and gives its standard output.
    ///
    /// # Errors
    /// When it is not built or does not end well, with its standard error.
    pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<String> {
        let (output, _) = run(Command::new(binary()?).args(arguments))?;
        String::from_utf8(output).context("pulse-studio printed something else than text")
    }

    /// Waits for the next event of one kind for which `wanted` is true, and reads past it: calls in a row find events
    /// in a row.
    ///
    /// # Errors
    /// When none comes in time, or the studio ended first: with its log.
    pub fn wait_for(&mut self, kind: &str, within: Duration, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        let end = Instant::now() + within;
        loop {
            while self.read < self.events.len() {
                self.read += 1;
                let event = &self.events[self.read - 1];
                if event.event == kind && wanted(event) {
                    return Ok(event.clone());
                }
            }
            let what = format!("the event \"{kind}\"");
            if !self.hear(&what, end.saturating_duration_since(Instant::now()))? {
                let seen: Vec<_> = self.events.iter().map(|event| event.event.as_str()).collect();
                bail!("pulse-studio ended before {what}, after {seen:?}; its log:\n{}", self.child.stderr());
            }
        }
    }

    /// Waits until program frames flow.
    ///
    /// # Errors
    /// As [`App::wait_for`].
    pub fn wait_ready(&mut self, within: Duration) -> Result<Event> {
        self.wait_for("ready", within, |_| true)
    }

    /// Every event so far, those included that nobody waited for.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Takes one more line; false when there will be none.
    fn hear(&mut self, what: &str, within: Duration) -> Result<bool> {
        let Some(line) = self.child.next_line(what, within)? else { return Ok(false) };
        let event = serde_json::from_str(&line)
            .with_context(|| format!("pulse-studio printed a line that is no event: {line}"))?;
        self.events.push(event);
        Ok(true)
    }

    /// SIGINT, as by Ctrl-C.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn interrupt(&mut self) -> Result<()> {
        self.child.signal(Signal::INT)
    }

    /// SIGTERM, as by the system's shutdown.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn terminate(&mut self) -> Result<()> {
        self.child.signal(Signal::TERM)
    }

    /// SIGKILL, as by a crash. What it printed until then is given by [`App::finish`].
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill9(&mut self) -> Result<()> {
        ensure!(self.child.is_running(), "pulse-studio has ended already; its log:\n{}", self.child.stderr());
        self.child.kill();
        Ok(())
    }

    /// Waits until it ends, by itself or because of a signal that it was sent.
    ///
    /// # Errors
    /// When it still runs after `within`, or prints something that is no event.
    pub fn finish(mut self, within: Duration) -> Result<Finished> {
        let start = Instant::now();
        let left = || within.saturating_sub(start.elapsed());
        while self.hear("its end", left())? {}
        let status = self.child.wait_exit(left())?;
        Ok(Finished { status, events: self.events, log: self.child.stderr(), took: start.elapsed() })
    }

    /// The process, for its id or to freeze it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

fn binary() -> Result<PathBuf> {
    match env::var_os(BINARY) {
        Some(path) => Ok(path.into()),
        None => built("pulse-studio", "pulse-studio"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_asked_by_pointer_and_says_what_it_lacks() {
        let line = r#"{"event": "stopped", "t": 4.5, "files": [{"path": "out/program.mp4", "kind": "program",
            "start": 0.5, "duration": 4.0, "frames": 120, "bytes": 9}], "sources": {"Aisle": {"fps": 29.9, "state": "live"}}}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!((event.event.as_str(), event.t), ("stopped", 4.5));
        assert_eq!(event.text("/sources/Aisle/state").unwrap(), "live");
        assert!((event.number("/sources/Aisle/fps").unwrap() - 29.9).abs() < 1e-9);
        let files = event.files().unwrap();
        assert_eq!((files[0].kind.as_str(), files[0].frames, files[0].source.as_deref()), ("program", Some(120), None));
        let error = event.number("/sources/Wide/fps").unwrap_err();
        assert!(format!("{error:#}").contains("/sources/Wide/fps"), "{error:#}");
    }
}
