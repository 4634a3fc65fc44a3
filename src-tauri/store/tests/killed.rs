//! Killed in the middle of its writing, the library holds whole transactions only.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use pulse_store::{FileFacts, FileState, NewFile, NewSession, SessionState, Store};
use pulse_wire::FileKind;

/// Set in the process that writes and is killed: where its library is.
const WRITE_TO: &str = "PULSE_STORE_TEST_WRITE_TO";
const FILES: [&str; 4] = ["program.mp4", "aisle.mp4", "wide.mp4", "phone.mp4"];

/// Records session after session, telling of each that has ended, until it is killed.
async fn write_for_ever(path: &Path) {
    let store = Store::open(path).await.expect("a library");
    for number in 0_i64.. {
        let id = format!("s{number}");
        let session = NewSession { id: &id, title: "", folder: "", started_at: number };
        store.sessions().start(session).await.expect("started");
        for path in FILES {
            let file = NewFile { session_id: &id, path, kind: FileKind::Iso, source: None };
            store.files().add(file).await.expect("added");
        }
        let facts = |path: &str| FileFacts { path: path.to_owned(), duration: 1.0, frames: 30, bytes: 1 };
        store.sessions().finish(&id, number, &FILES.map(facts)).await.expect("finished");
        println!("ended {id}");
    }
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_sessions_behind() {
    if let Some(path) = std::env::var_os(WRITE_TO) {
        return write_for_ever(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("library.db");
    let mut told = Vec::new();
    for ended_before_kill in [1, 5, 12] {
        told.extend(run_and_kill(&path, ended_before_kill));
        let store = Store::open(&path).await.expect("it opens after a kill");
        for id in &told {
            let session =
                store.sessions().get(id).await.unwrap().unwrap_or_else(|| panic!("{id} was told and is gone"));
            assert_eq!(session.state, SessionState::Finished);
        }
        for session in store.sessions().list(u32::MAX, 0).await.unwrap() {
            let files = store.files().of(&session.id).await.unwrap();
            let (state, all_there) = match session.state {
                SessionState::Finished => (FileState::Complete, files.len() == FILES.len()),
                _ => (FileState::Writing, true),
            };
            assert!(all_there && files.iter().all(|file| file.state == state), "{session:?} {files:?}");
        }
        store.close().await;
        std::fs::remove_file(&path).expect("the next writer begins anew");
        told.clear();
    }
}

/// Runs a writer, kills it as soon as it has told of so many ended sessions, and returns those.
fn run_and_kill(path: &Path, ended: usize) -> Vec<String> {
    let mut writer = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_killed_writer_leaves_whole_sessions_behind", "--nocapture"])
        .env(WRITE_TO, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the writer starts");
    let lines = BufReader::new(writer.stdout.take().expect("it is piped")).lines();
    let told = lines.filter_map(|line| Some(line.ok()?.split_once("ended ")?.1.to_owned())).take(ended).collect();
    writer.kill().expect("killed");
    writer.wait().expect("gone");
    told
}
