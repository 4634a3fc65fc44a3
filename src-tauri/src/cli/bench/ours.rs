//! This program as it is used: a child process running `headless`, measured by the events it prints.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::error::Failure;

/// The figures of one run.
pub struct Run {
    /// Seconds of processor time for a second of media.
    pub cpu_per_second: f64,
    /// Most memory in use.
    pub rss_bytes: u64,
    /// Frames that were due and not made.
    pub dropped: u64,
    /// Seconds from the start of the process to `ready`.
    pub ready: f64,
}

/// Writes `show.json`: four looped files, a grid, an image and a text.
pub fn show(folder: &Path) -> Result<(), Failure> {
    let mut job = vec!["show".to_owned(), "new".into(), "-o".into(), folder.join("show.json").display().to_string()];
    job.extend(["--canvas".into(), "1280x720@30".into(), "--scenes".into(), "grid".into()]);
    for n in 1..=4 {
        job.extend(["--camera".into(), format!("Cam {n}=file:{}?loop", folder.join(format!("cam{n}.mp4")).display())]);
    }
    job.extend(["--mic".into(), "Room=test:sine?freq=440&volume=0.2".into()]);
    job.extend(["--overlay".into(), format!("image:{}@1100,40", folder.join("logo.png").display())]);
    job.extend(["--overlay".into(), "text:Anna & Ben@40,640".into()]);
    run(&job).map(drop)
}

/// Records the show in real time.
pub fn record(folder: &Path, seconds: u32) -> Result<Run, Failure> {
    let session = folder.join("session");
    let of = |name: &str| folder.join(name).display().to_string();
    let job = [
        "headless",
        "--show",
        &of("show.json"),
        "--session",
        &session.display().to_string(),
        "--record",
        "program",
        "--for",
        &format!("{seconds}s"),
        "--encoder",
        "x264",
        "--preset",
        "veryfast",
        "--bitrate",
        "4500k",
        "--data",
        &of("data"),
    ]
    .map(ToOwned::to_owned);
    let (events, ready) = run(&job)?;
    std::fs::remove_dir_all(&session).map_err(Failure::failed)?;
    figures(&events, ready).ok_or_else(|| Failure::failed("the run told no figures"))
}

/// Runs a command; gives its lines, and after how many seconds it said that it was ready.
fn run(job: &[String]) -> Result<(Vec<serde_json::Value>, Option<f64>), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let started = Instant::now();
    let mut child = Command::new(program).args(job).stdout(Stdio::piped()).spawn().map_err(Failure::failed)?;
    let (mut lines, mut ready) = (Vec::new(), None);
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
        let Ok(event) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
        if event["event"] == "ready" {
            ready = Some(started.elapsed().as_secs_f64());
        }
        lines.push(event);
    }
    if child.wait().map_err(Failure::failed)?.success() {
        Ok((lines, ready))
    } else {
        Err(Failure::failed(format!("`pulse-studio {}` failed", job.first().map_or("", String::as_str))))
    }
}

fn figures(lines: &[serde_json::Value], ready: Option<f64>) -> Option<Run> {
    let stats = || lines.iter().filter(|line| line["event"] == "stats");
    let last = stats().next_back()?;
    Some(Run {
        cpu_per_second: last["cpu_seconds"].as_f64()? / last["t"].as_f64()?,
        rss_bytes: stats().filter_map(|line| line["rss_bytes"].as_u64()).max()?,
        dropped: last["dropped"].as_u64()?,
        ready: ready?,
    })
}
