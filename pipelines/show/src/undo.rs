//! Going back and forth between versions of a show. What is on air ([`crate::Live`]) is never undone.

use std::collections::VecDeque;

use crate::{Command, Show, is_undoable};

/// How many steps can be taken back.
pub const MAX_STEPS: usize = 200;

/// The versions of a show before and after the present one.
///
/// The present one is kept by the caller, who puts what [`undo`](Self::undo) and [`redo`](Self::redo) give in its place by
/// [`crate::restore`], which also mends what is on air. Should that refuse an undo, a [`redo`](Self::redo) with the version refused
/// puts the history back as it was; and the other way round.
#[derive(Debug, Clone, Default)]
pub struct History {
    past: VecDeque<Show>,
    future: Vec<Show>,
    gesture: Option<String>,
}

impl History {
    /// Remembers `before`, the show that `command` has just changed.
    ///
    /// With `continues` the command belongs to the same gesture (a drag, a fader held) as the one before; if it also edits
    /// the same thing, both are one step. Commands that do not change the show are not remembered.
    pub fn push(&mut self, before: &Show, command: &Command, continues: bool) {
        if !is_undoable(command) {
            return;
        }
        self.future.clear();
        let gesture = coalesce_key(command);
        if continues && gesture.is_some() && gesture == self.gesture && !self.past.is_empty() {
            return;
        }
        self.gesture = gesture;
        if self.past.len() == MAX_STEPS {
            self.past.pop_front();
        }
        self.past.push_back(before.clone());
    }

    /// The version before `current`; `None` at the beginning. Steps that changed nothing are passed over.
    pub fn undo(&mut self, current: &Show) -> Option<Show> {
        self.gesture = None;
        while let Some(show) = self.past.pop_back() {
            if show != *current {
                self.future.push(current.clone());
                return Some(show);
            }
        }
        None
    }

    /// The version after `current`, if the last thing done was an undo.
    pub fn redo(&mut self, current: &Show) -> Option<Show> {
        self.gesture = None;
        let show = self.future.pop()?;
        self.past.push_back(current.clone());
        Some(show)
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is something to bring back.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

/// What a command edits, if it is one that a hand gives many times a second.
fn coalesce_key(command: &Command) -> Option<String> {
    match command {
        Command::SetLayer { scene, layer } => {
            Some(format!("layer {}/{}", scene.as_ref().map_or("", |scene| scene.as_str()), layer.id))
        }
        Command::SetStrip { strip } => Some(format!("strip {}", strip.source)),
        Command::SetSource { source } => Some(format!("source {}", source.id)),
        Command::RenameScene { scene, .. } => Some(format!("scene {scene}")),
        Command::SetDestination { destination } => Some(format!("destination {}", destination.id)),
        Command::SetTitle { .. } => Some("title".to_owned()),
        Command::SetMaster { .. } => Some("master".to_owned()),
        Command::SetEncoding { .. } => Some("encoding".to_owned()),
        Command::SetTransition { .. } => Some("transition".to_owned()),
        _ => None,
    }
}
