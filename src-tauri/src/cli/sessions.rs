//! `pulse-studio sessions`: what was recorded.

use std::path::PathBuf;

use pulse_store::Store;

use crate::{error::Failure, places};

/// How many sessions are listed.
const LISTED: u32 = 100;

/// Where to look and how to print.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the list of sessions is kept
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(serde::Serialize)]
struct Listed {
    id: String,
    title: String,
    folder: String,
    state: String,
    started_at: i64,
    ended_at: Option<i64>,
    files: Vec<ListedFile>,
}

#[derive(serde::Serialize)]
struct ListedFile {
    path: String,
    kind: pulse_wire::FileKind,
    source: Option<String>,
    duration: Option<f64>,
    frames: Option<u64>,
    bytes: Option<u64>,
}

/// Prints them, the newest first.
pub fn run(args: &Args) -> Result<(), Failure> {
    let path = args.data.clone().unwrap_or_else(places::data).join("pulse.db");
    if !path.exists() {
        return finish(args, &[]);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let listed = runtime.block_on(async {
        let store = Store::open(&path).await.map_err(Failure::failed)?;
        let mut listed = Vec::new();
        for session in store.sessions().list(LISTED, 0).await.map_err(Failure::failed)? {
            let files = store.files().of(&session.id).await.map_err(Failure::failed)?;
            listed.push(Listed {
                id: session.id,
                title: session.title,
                folder: session.folder,
                state: session.state.to_string(),
                started_at: session.started_at,
                ended_at: session.ended_at,
                files: files
                    .into_iter()
                    .map(|f| ListedFile {
                        path: f.path,
                        kind: f.kind,
                        source: f.source,
                        duration: f.duration,
                        frames: f.frames,
                        bytes: f.bytes,
                    })
                    .collect(),
            });
        }
        store.close().await;
        Ok(listed)
    })?;
    finish(args, &listed)
}

fn finish(args: &Args, sessions: &[Listed]) -> Result<(), Failure> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(sessions).map_err(Failure::failed)?);
        return Ok(());
    }
    if sessions.is_empty() {
        println!("Nothing has been recorded yet.");
    }
    for session in sessions {
        let title = if session.title.is_empty() { "Untitled" } else { &session.title };
        println!("{title} ({}), {} files in {}", session.state, session.files.len(), session.folder);
    }
    Ok(())
}
