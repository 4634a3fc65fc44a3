//! How a command fails: each failure has the exit code of the command-line contract and one line a person can act on.

use std::{fmt::Display, process::ExitCode};

/// Why a command did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Bad input: nothing was begun. Exit code 2.
    Usage(String),
    /// It was begun and failed. Exit code 1.
    Failed(String),
    /// Ended by a signal, well. Exit code 130.
    Interrupted,
}

impl Failure {
    /// Bad input.
    pub fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// It failed.
    pub fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// What to tell; nothing for an interruption.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) => Some(message),
            Self::Interrupted => None,
        }
    }

    /// The code of the contract.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
            Self::Interrupted => ExitCode::from(130),
        }
    }
}
