//! Transitions by name, as cues ask for them and `take` lines tell them: `cut`, `fade`, `wipe-left`, `stinger:Sting`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How one scene gives way to the next. Written as one word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Transition {
    /// `cut`: at once.
    Cut,
    /// `fade`: one dissolves into the other.
    Fade,
    /// `wipe-EDGE` (`wipe` is `wipe-left`): the new one is uncovered from this edge.
    Wipe(Edge),
    /// `slide-EDGE` (`slide` is `slide-left`): the new one pushes the old one out, coming from this edge.
    Slide(Edge),
    /// `stinger:SOURCE`: this source plays above the change; plain `stinger` is the one the show is set to.
    Stinger(Option<String>),
}

/// The edge where a wipe or slide begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// `left`.
    Left,
    /// `right`.
    Right,
    /// `top`.
    Top,
    /// `bottom`.
    Bottom,
}

/// A word that names no transition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no transition: write cut, fade, wipe-left, slide-left (or -right, -top, -bottom), stinger or stinger:SOURCE"
)]
pub struct TransitionError(pub String);

impl Edge {
    const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Top, Self::Bottom];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Top => "top",
            Self::Bottom => "bottom",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edge| edge.as_str() == word)
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("cut"),
            Self::Fade => f.write_str("fade"),
            Self::Wipe(edge) => write!(f, "wipe-{}", edge.as_str()),
            Self::Slide(edge) => write!(f, "slide-{}", edge.as_str()),
            Self::Stinger(None) => f.write_str("stinger"),
            Self::Stinger(Some(source)) => write!(f, "stinger:{source}"),
        }
    }
}

impl FromStr for Transition {
    type Err = TransitionError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = match word {
            "cut" => Some(Self::Cut),
            "fade" => Some(Self::Fade),
            "wipe" => Some(Self::Wipe(Edge::Left)),
            "slide" => Some(Self::Slide(Edge::Left)),
            "stinger" => Some(Self::Stinger(None)),
            _ => directed(word),
        };
        known.ok_or_else(|| TransitionError(word.to_owned()))
    }
}

/// The transitions that say from where, or with what.
fn directed(word: &str) -> Option<Transition> {
    if let Some(edge) = word.strip_prefix("wipe-") {
        Edge::from_word(edge).map(Transition::Wipe)
    } else if let Some(edge) = word.strip_prefix("slide-") {
        Edge::from_word(edge).map(Transition::Slide)
    } else {
        let source = word.strip_prefix("stinger:").filter(|source| !source.is_empty())?;
        Some(Transition::Stinger(Some(source.to_owned())))
    }
}

impl TryFrom<String> for Transition {
    type Error = TransitionError;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Transition> for String {
    fn from(transition: Transition) -> Self {
        transition.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_as_what_it_writes() {
        let edges = Edge::ALL.map(Edge::as_str);
        let mut words =
            vec!["cut".to_owned(), "fade".to_owned(), "stinger".to_owned(), "stinger:Gold sting".to_owned()];
        words.extend(edges.iter().flat_map(|edge| [format!("wipe-{edge}"), format!("slide-{edge}")]));
        for word in words {
            assert_eq!(word.parse::<Transition>().map(String::from), Ok(word));
        }
    }

    #[test]
    fn a_wipe_without_an_edge_begins_at_the_left() {
        assert_eq!("wipe".parse(), Ok(Transition::Wipe(Edge::Left)));
        assert_eq!("slide".parse(), Ok(Transition::Slide(Edge::Left)));
    }

    #[test]
    fn what_is_no_transition_is_refused() {
        for word in ["", "Fade", "wipe-", "wipe-up", "slide-Left", "stinger:", "stingers", "cut "] {
            assert_eq!(word.parse::<Transition>(), Err(TransitionError(word.to_owned())));
        }
    }
}
