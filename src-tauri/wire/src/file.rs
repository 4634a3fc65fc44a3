//! The kinds of file a session writes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a recorded file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// The program, as the viewers saw it.
    Program,
    /// One camera by itself.
    Iso,
    /// One strip's sound by itself.
    Audio,
}

/// A word that names no kind of file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no kind of recorded file: it is one of program, iso, audio")]
pub struct UnknownFileKind(pub String);

impl FileKind {
    /// All of them, in the order they are listed to people.
    pub const ALL: [Self; 3] = [Self::Program, Self::Iso, Self::Audio];

    /// Its name on the wire, on the command line and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Iso => "iso",
            Self::Audio => "audio",
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FileKind {
    type Err = UnknownFileKind;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownFileKind(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_name_everywhere() {
        for kind in FileKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn another_word_is_refused_with_the_choice() {
        let error = "Program".parse::<FileKind>().unwrap_err();
        assert_eq!(error.to_string(), "\"Program\" is no kind of recorded file: it is one of program, iso, audio");
    }
}
