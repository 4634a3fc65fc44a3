//! What is remembered of a recording, so that it is found again after a crash. A journal that cannot be written never stops a show.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use pulse_store::{FileFacts, NewFile, NewSession, Store};
use pulse_wire::{FileKind, RecordedFile};

use crate::places;

/// The journal of one session.
pub struct Journal {
    open: Option<(Store, String)>,
    facts: Vec<FileFacts>,
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Journal {
    /// Notes that a session begins. Without recordings there is nothing to remember.
    pub async fn open(data: Option<&Path>, title: &str, folder: &Path, records: bool) -> Self {
        let nothing = Self { open: None, facts: Vec::new() };
        if !records {
            return nothing;
        }
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let started_at = now_ms();
        let id = format!("{started_at:x}-{:x}", std::process::id());
        let data = data.map_or_else(places::data, Path::to_owned);
        let begun = async {
            std::fs::create_dir_all(&data).map_err(|e| e.to_string())?;
            let store = Store::open(&data.join("pulse.db")).await.map_err(|e| e.to_string())?;
            let folder = folder.display().to_string();
            let session = NewSession { id: &id, title, folder: &folder, started_at };
            store.sessions().start(session).await.map_err(|e| e.to_string())?;
            Ok::<_, String>(store)
        };
        match begun.await {
            Ok(store) => Self { open: Some((store, id)), facts: Vec::new() },
            Err(error) => {
                tracing::warn!(%error, "this session will not be in the list of sessions");
                nothing
            }
        }
    }

    /// Notes that a file is being written.
    pub async fn begun(&self, path: &str, kind: FileKind, source: Option<&str>) {
        if let Some((store, id)) = &self.open {
            let file = NewFile { session_id: id, path, kind, source };
            if let Err(error) = store.files().add(file).await {
                tracing::warn!(%error, path, "not in the list of sessions");
            }
        }
    }

    /// Notes that a file is whole.
    pub fn finished(&mut self, file: &RecordedFile) {
        self.facts.push(FileFacts {
            path: file.path.clone(),
            duration: file.duration,
            frames: file.frames,
            bytes: file.bytes,
        });
    }

    /// Notes that the session has ended.
    pub async fn close(&mut self) {
        if let Some((store, id)) = self.open.take() {
            if let Err(error) = store.sessions().finish(&id, now_ms(), &self.facts).await {
                tracing::warn!(%error, "the list of sessions could not be brought up to date");
            }
            store.close().await;
        }
    }
}
