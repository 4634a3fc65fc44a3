//! `pulse-studio recover DIR`: makes what was interrupted whole, in place, and says so in the list of sessions.

use std::path::{Path, PathBuf};

use pulse_mp4::{Outcome, RecoverError, Recovered, recover};

use super::settle::{self, Fate, Fates, Measured};
use crate::{error::Failure, places};

/// What to recover.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A session's folder, or one file
    #[arg(value_name = "DIR")]
    path: PathBuf,
    /// Where the list of sessions is kept
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON, a line a file
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Line {
    path: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Recovers every recording in the folder; one that cannot be is told and does not keep the others from it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let files = recordings(&args.path)?;
    if files.is_empty() {
        return Err(Failure::usage(format!("there is no recording (*.mp4) in {}", args.path.display())));
    }
    let mut failed = 0;
    let mut fates = Fates::new();
    for path in &files {
        // Before it is touched.
        let written_at = settle::written_at(path);
        let outcome = recover(path);
        if let Ok(place) = path.canonicalize() {
            fates.insert(place, fate(&outcome, written_at));
        }
        let line = one(path, outcome);
        failed += usize::from(line.error.is_some());
        if args.json {
            println!("{}", serde_json::to_string(&line).map_err(Failure::failed)?);
        } else {
            tell(&line);
        }
    }
    let data = args.data.clone().unwrap_or_else(places::data);
    if let Err(error) = settle::settle(&data, &fates) {
        tracing::warn!(%error, "the files are recovered, but the list of sessions could not be brought up to date");
    }
    if failed > 0 {
        return Err(Failure::failed(format!(
            "{failed} of {} files could not be recovered; the lines above say why",
            files.len()
        )));
    }
    Ok(())
}

fn recordings(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |e: std::io::Error| Failure::usage(format!("{} cannot be read: {e}", path.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_file() && file.extension().is_some_and(|e| e.eq_ignore_ascii_case("mp4")) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn fate(outcome: &Result<Recovered, RecoverError>, written_at: Option<i64>) -> Fate {
    match outcome {
        Ok(whole) => Fate::Whole(Measured {
            duration: whole.duration,
            frames: frames(whole).unwrap_or(0),
            bytes: whole.bytes,
            written_at,
        }),
        Err(RecoverError::InUse { .. }) => Fate::InUse,
        Err(_) => Fate::Broken,
    }
}

fn frames(whole: &Recovered) -> Option<u64> {
    whole.tracks.iter().find(|track| track.kind == pulse_mp4::TrackKind::Video).map(|track| track.samples)
}

fn one(path: &Path, outcome: Result<Recovered, RecoverError>) -> Line {
    let shown = path.display().to_string();
    match outcome {
        Ok(whole) => Line {
            path: shown,
            outcome: match whole.outcome {
                Outcome::AlreadyWhole => "already_whole",
                _ => "recovered",
            },
            duration: Some(whole.duration),
            frames: frames(&whole),
            bytes: Some(whole.bytes),
            lost_bytes: Some(whole.lost_bytes),
            error: None,
        },
        Err(error) => Line {
            path: shown,
            outcome: "failed",
            duration: None,
            frames: None,
            bytes: None,
            lost_bytes: None,
            error: Some(error.to_string()),
        },
    }
}

fn tell(line: &Line) {
    match &line.error {
        Some(error) => println!("{}: {error}", line.path),
        None => println!("{}: {}, {:.1} s", line.path, line.outcome.replace('_', " "), line.duration.unwrap_or(0.0)),
    }
}
