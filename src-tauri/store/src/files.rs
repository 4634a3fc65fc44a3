//! The files of the sessions: known from their first byte, measured when they are complete.

use pulse_wire::FileKind;
use sqlx::{SqliteConnection, SqlitePool};

use crate::StoreError;

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "snake_case")]
pub enum FileState {
    /// It is being written, or its writing was cut short.
    Writing,
    /// It was completed as it should be.
    Complete,
    /// It was cut short and has been made whole.
    Recovered,
    /// Its session ended without it.
    Lost,
}

/// One file of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// The session's id.
    pub session_id: String,
    /// Where it is.
    pub path: String,
    /// What it holds.
    pub kind: FileKind,
    /// Whose it is; `None` for the program.
    pub source: Option<String>,
    /// Seconds; `None` until it is complete.
    pub duration: Option<f64>,
    /// Pictures; `None` until it is complete.
    pub frames: Option<u64>,
    /// Its size; `None` until it is complete.
    pub bytes: Option<u64>,
    /// Where it stands.
    pub state: FileState,
}

/// What is known of a file when it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// The session's id.
    pub session_id: &'a str,
    /// Where it is.
    pub path: &'a str,
    /// What it holds.
    pub kind: FileKind,
    /// Whose it is; `None` for the program.
    pub source: Option<&'a str>,
}

/// What is known of a file when it is complete.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFacts {
    /// Where it is, as it was added.
    pub path: String,
    /// Seconds.
    pub duration: f64,
    /// Pictures; 0 in a file of sound.
    pub frames: u64,
    /// Its size.
    pub bytes: u64,
}

/// The files that a session ends with, and as what.
pub(crate) struct Settled<'a> {
    pub(crate) files: &'a [FileFacts],
    pub(crate) state: FileState,
}

/// The repository of files.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Files<'a> {
    pub(crate) fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// A file begins.
    ///
    /// # Errors
    /// [`StoreError::NoSession`]; [`StoreError::Taken`] if the session has one of this path.
    pub async fn add(&self, file: NewFile<'_>) -> Result<(), StoreError> {
        let NewFile { session_id, path, kind, source } = file;
        let kind = kind.as_str();
        sqlx::query!(
            "INSERT INTO files (session_id, path, kind, source, state) VALUES (?, ?, ?, ?, 'writing')",
            session_id,
            path,
            kind,
            source
        )
        .execute(self.pool)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(cause) if cause.is_unique_violation() => StoreError::Taken { what: path.to_owned() },
            Some(cause) if cause.is_foreign_key_violation() => StoreError::NoSession { id: session_id.to_owned() },
            _ => error.into(),
        })?;
        Ok(())
    }

    /// The files of a session: the program first, then by path. Empty for a session that is not there.
    ///
    /// # Errors
    /// Only what SQLite cannot do.
    pub async fn of(&self, session_id: &str) -> Result<Vec<File>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT session_id, path, kind, source, duration, frames, bytes, state AS "state: FileState"
               FROM files WHERE session_id = ? ORDER BY kind <> 'program', path"#,
            session_id
        )
        .fetch_all(self.pool)
        .await?;
        rows.into_iter().map(Row::into_file).collect()
    }
}

/// Writes what a session ends with into its files that are being written; the others of them are lost.
pub(crate) async fn settle(
    connection: &mut SqliteConnection,
    session_id: &str,
    settled: Settled<'_>,
) -> Result<(), StoreError> {
    for facts in settled.files {
        let (frames, bytes) = (facts.frames.cast_signed(), facts.bytes.cast_signed());
        let changed = sqlx::query!(
            "UPDATE files SET duration = ?, frames = ?, bytes = ?, state = ?
             WHERE session_id = ? AND path = ? AND state = 'writing'",
            facts.duration,
            frames,
            bytes,
            settled.state,
            session_id,
            facts.path
        )
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if changed == 0 {
            return Err(StoreError::NoFile { session: session_id.to_owned(), path: facts.path.clone() });
        }
    }
    sqlx::query!("UPDATE files SET state = 'lost' WHERE session_id = ? AND state = 'writing'", session_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// A file as it stands in its table.
struct Row {
    session_id: String,
    path: String,
    kind: String,
    source: Option<String>,
    duration: Option<f64>,
    frames: Option<i64>,
    bytes: Option<i64>,
    state: FileState,
}

impl Row {
    fn into_file(self) -> Result<File, StoreError> {
        let kind = self
            .kind
            .parse()
            .map_err(|error: pulse_wire::UnknownFileKind| StoreError::Damaged { cause: error.to_string() })?;
        Ok(File {
            session_id: self.session_id,
            path: self.path,
            kind,
            source: self.source,
            duration: self.duration,
            frames: self.frames.map(i64::cast_unsigned),
            bytes: self.bytes.map(i64::cast_unsigned),
            state: self.state,
        })
    }
}
