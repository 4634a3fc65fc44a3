//! Recording sessions: one for each time that recording ran.
//!
//! `recording` → `finished`, or, when the run was cut short, → `recovered` once its files are whole again, by way of
//! `interrupted` if that could not be done at once.

use std::fmt;

use sqlx::SqlitePool;

use crate::{
    FileFacts, FileState, StoreError,
    files::{Settled, settle},
};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "snake_case")]
pub enum SessionState {
    /// It runs, or its run was cut short.
    Recording,
    /// It ended as it should, every file complete.
    Finished,
    /// It was cut short and its files have been made whole.
    Recovered,
    /// It was cut short and its files could not be made whole yet.
    Interrupted,
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recording => "recording",
            Self::Finished => "finished",
            Self::Recovered => "recovered",
            Self::Interrupted => "interrupted",
        })
    }
}

/// One recording session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Unique.
    pub id: String,
    /// What the show was called.
    pub title: String,
    /// Where its files are.
    pub folder: String,
    /// Unix milliseconds.
    pub started_at: i64,
    /// Unix milliseconds; `None` until it has ended.
    pub ended_at: Option<i64>,
    /// Where it stands.
    pub state: SessionState,
}

/// What is known of a session when it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Unique.
    pub id: &'a str,
    /// What the show is called.
    pub title: &'a str,
    /// Where its files go.
    pub folder: &'a str,
    /// Unix milliseconds.
    pub started_at: i64,
}

/// The repository of sessions.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a> {
    pool: &'a SqlitePool,
}

impl<'a> Sessions<'a> {
    pub(crate) fn new(pool: &'a SqlitePool) -> Self {
        Self { pool }
    }

    /// A session begins.
    ///
    /// # Errors
    /// [`StoreError::Taken`] if there is one of this id.
    pub async fn start(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        let NewSession { id, title, folder, started_at } = session;
        sqlx::query!(
            "INSERT INTO sessions (id, title, folder, started_at, state) VALUES (?, ?, ?, ?, 'recording')",
            id,
            title,
            folder,
            started_at
        )
        .execute(self.pool)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(cause) if cause.is_unique_violation() => StoreError::Taken { what: id.to_owned() },
            _ => error.into(),
        })?;
        Ok(())
    }

    /// A session ends as it should, with these files; files of it that are not named here count as lost.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], [`StoreError::Ended`] if it is not recording, [`StoreError::NoFile`].
    pub async fn finish(&self, id: &str, ended_at: i64, files: &[FileFacts]) -> Result<(), StoreError> {
        self.end(id, ended_at, SessionState::Finished, Settled { files, state: FileState::Complete }).await
    }

    /// A session that was cut short has been made whole, with these files; files of it that are not named here count as lost.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], [`StoreError::Ended`] if it has ended already, [`StoreError::NoFile`].
    pub async fn mark_recovered(&self, id: &str, ended_at: i64, files: &[FileFacts]) -> Result<(), StoreError> {
        self.end(id, ended_at, SessionState::Recovered, Settled { files, state: FileState::Recovered }).await
    }

    /// A session was cut short and cannot be made whole now.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], [`StoreError::Ended`] if it has ended already.
    pub async fn mark_interrupted(&self, id: &str) -> Result<(), StoreError> {
        let changed = sqlx::query!(
            "UPDATE sessions SET state = 'interrupted' WHERE id = ? AND state IN ('recording', 'interrupted')",
            id
        )
        .execute(self.pool)
        .await?
        .rows_affected();
        if changed == 1 { Ok(()) } else { Err(self.why_not(id, SessionState::Interrupted).await) }
    }

    /// One session.
    ///
    /// # Errors
    /// Only what SQLite cannot do.
    pub async fn get(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let session = sqlx::query_as!(
            Session,
            r#"SELECT id, title, folder, started_at, ended_at, state AS "state: SessionState" FROM sessions WHERE id = ?"#,
            id
        )
        .fetch_optional(self.pool)
        .await?;
        Ok(session)
    }

    /// Sessions, newest first: at most `limit` of them, after the first `offset`.
    ///
    /// # Errors
    /// Only what SQLite cannot do.
    pub async fn list(&self, limit: u32, offset: u32) -> Result<Vec<Session>, StoreError> {
        let sessions = sqlx::query_as!(
            Session,
            r#"SELECT id, title, folder, started_at, ended_at, state AS "state: SessionState"
               FROM sessions ORDER BY started_at DESC, id DESC LIMIT ? OFFSET ?"#,
            limit,
            offset
        )
        .fetch_all(self.pool)
        .await?;
        Ok(sessions)
    }

    /// Sessions that have not ended, newest first. A session that runs right now, here or in another process, is among them;
    /// whoever recovers leaves those alone.
    ///
    /// # Errors
    /// Only what SQLite cannot do.
    pub async fn interrupted(&self) -> Result<Vec<Session>, StoreError> {
        let sessions = sqlx::query_as!(
            Session,
            r#"SELECT id, title, folder, started_at, ended_at, state AS "state: SessionState"
               FROM sessions WHERE state IN ('recording', 'interrupted') ORDER BY started_at DESC, id DESC"#
        )
        .fetch_all(self.pool)
        .await?;
        Ok(sessions)
    }

    async fn end(&self, id: &str, ended_at: i64, state: SessionState, files: Settled<'_>) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE sessions SET state = ?1, ended_at = ?2
             WHERE id = ?3 AND (state = 'recording' OR (state = 'interrupted' AND ?1 = 'recovered'))",
            state,
            ended_at,
            id
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if changed == 0 {
            transaction.rollback().await?;
            return Err(self.why_not(id, state).await);
        }
        settle(&mut transaction, id, files).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Why a session did not become what was `wanted`.
    async fn why_not(&self, id: &str, wanted: SessionState) -> StoreError {
        let id = id.to_owned();
        match self.get(&id).await {
            Ok(Some(session)) => StoreError::Ended { id, state: session.state, wanted },
            Ok(None) => StoreError::NoSession { id },
            Err(error) => error,
        }
    }
}
