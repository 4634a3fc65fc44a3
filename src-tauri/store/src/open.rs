//! Opening the file: made when it is not there, brought to the newest schema, refused when it is damaged or newer.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{Files, Sessions, error::is_damage};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a call waits for another process or task that is writing.
const BUSY: Duration = Duration::from_secs(5);
/// SQLite writes one at a time anyway; a few more connections let others read meanwhile.
const CONNECTIONS: u32 = 4;

/// The open library. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

/// Why the library could not be opened. It is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is not there and cannot be made.
    #[error("the library's folder {} cannot be made ({cause}): choose another, or make it yourself", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// Not a database, or no longer a whole one.
    #[error(
        "the library {} is damaged ({cause}): move that file away and start again; the recordings are files of their own",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In SQLite's words.
        cause: String,
    },
    /// A newer version has been here.
    #[error("the library {} was written by a newer Pulse Studio (schema {version}): update Pulse Studio", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first migration that is not known here.
        version: i64,
    },
    /// A migration is not the one that was applied.
    #[error(
        "the library {} was made by another build (schema {version} differs): open it with that one, or move it away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The migration that differs.
        version: i64,
    },
    /// SQLite could not open or change it.
    #[error("the library {} cannot be opened ({cause}): check that it may be read and written and its disk has room", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// In SQLite's words.
        cause: String,
    },
}

impl Store {
    /// Opens the library at `path`, making file and folder where there is none. Several processes may have it open.
    ///
    /// # Errors
    /// See [`OpenError`]; a file that is refused is not changed.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|cause| OpenError::Folder { folder: folder.to_owned(), cause })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await
            .map_err(|error| refusal(path, &error))?;
        match migrate(&pool).await {
            Ok(()) => Ok(Self { pool }),
            Err(error) => {
                pool.close().await;
                Err(migration_refusal(path, error))
            }
        }
    }

    /// The recording sessions.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions::new(&self.pool)
    }

    /// The files of the sessions.
    pub fn files(&self) -> Files<'_> {
        Files::new(&self.pool)
    }

    /// Closes it and folds its journal into the one file. A store that is merely dropped, or killed, loses nothing either.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// Brings the schema up to date. The write lock is taken first, so that two processes which start together do it once.
async fn migrate(pool: &SqlitePool) -> Result<(), MigrateError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    // `run` itself makes a future that cannot be spawned: its bound on `Acquire` is not general enough.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

fn refusal(path: &Path, error: &sqlx::Error) -> OpenError {
    let (path, cause) = (path.to_owned(), error.to_string());
    if is_damage(error) { OpenError::Damaged { path, cause } } else { OpenError::Sqlite { path, cause } }
}

fn migration_refusal(path: &Path, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer { path: path.to_owned(), version },
        MigrateError::VersionMismatch(version) => OpenError::Foreign { path: path.to_owned(), version },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => refusal(path, &error),
        other => OpenError::Sqlite { path: path.to_owned(), cause: other.to_string() },
    }
}
