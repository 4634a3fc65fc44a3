//! Why something could not be remembered or recalled.

use crate::SessionState;

/// Why a call to the store failed. What failed has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Asked for a session that is not there.
    #[error("there is no session \"{id}\" in the library: list them to see which there are")]
    NoSession {
        /// The id asked for.
        id: String,
    },
    /// Asked for a file that the session does not have.
    #[error(
        "session \"{session}\" has no file \"{path}\" that is being written: add the file when its recording begins"
    )]
    NoFile {
        /// The session's id.
        session: String,
        /// The path asked for.
        path: String,
    },
    /// The same id or path is there already.
    #[error("the library has \"{what}\" already: choose another name")]
    Taken {
        /// The id or path.
        what: String,
    },
    /// The session is past that.
    #[error("session \"{id}\" is {state} and cannot become {wanted}: only a session that has not ended can")]
    Ended {
        /// The session's id.
        id: String,
        /// What it is.
        state: SessionState,
        /// What it was to become.
        wanted: SessionState,
    },
    /// The file is no longer whole.
    #[error(
        "the library is damaged ({cause}): move its file away and start again; the recordings are files of their own"
    )]
    Damaged {
        /// In SQLite's words.
        cause: String,
    },
    /// SQLite could not do it.
    #[error(
        "the library cannot be read or written ({0}): check that its disk is connected and has room, then try again"
    )]
    Sqlite(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_damage(&error) { Self::Damaged { cause: error.to_string() } } else { Self::Sqlite(error) }
    }
}

/// Whether SQLite says that the file is broken, or is not one of its files. Source: SQLite "Result and Error Codes"; the low
/// byte of an extended code is the primary one.
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: i32 = 11;
    const NOT_A_DATABASE: i32 = 26;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    matches!(code.map(|code| code & 0xff), Some(CORRUPT | NOT_A_DATABASE))
}
