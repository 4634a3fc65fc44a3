//! The studio actor: the only one that changes a show.
//!
//! Commands come in, each is applied wholly or answered with why not, and the result is published as one `Arc` with a revision.

use std::sync::Arc;

use pulse_show::{Command, History, Live, Rejected, Show, Studio, apply, is_undoable, restore};
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait; whoever sends more waits.
const WAITING: usize = 64;

/// The way to the studio. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StudioHandle {
    asks: mpsc::Sender<Ask>,
    latest: watch::Receiver<Arc<Studio>>,
}

#[derive(Debug)]
struct Ask {
    wish: Wish,
    answer: oneshot::Sender<Result<u64, Rejected>>,
}

#[derive(Debug)]
enum Wish {
    Do(Box<Command>),
    Undo,
    Redo,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The show does not allow it.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The studio has ended.
    #[error("the studio has ended; start it again")]
    Gone,
}

impl StudioHandle {
    /// Starts the actor on this runtime.
    pub fn spawn(show: Show, live: Live) -> Self {
        let (asks, inbox) = mpsc::channel(WAITING);
        let (publish, latest) = watch::channel(Arc::new(Studio { revision: 0, show, live }));
        tokio::spawn(Actor { inbox, publish, history: History::default() }.run());
        Self { asks, latest }
    }

    /// Carries a command out and answers with the revision that has it.
    pub async fn dispatch(&self, command: Command) -> Result<u64, CommandError> {
        self.ask(Wish::Do(Box::new(command))).await
    }

    /// Takes the last change of the show back; what is on air stays. Without one nothing changes.
    pub async fn undo(&self) -> Result<u64, CommandError> {
        self.ask(Wish::Undo).await
    }

    /// Makes the last change that was taken back again. Without one nothing changes.
    pub async fn redo(&self) -> Result<u64, CommandError> {
        self.ask(Wish::Redo).await
    }

    async fn ask(&self, wish: Wish) -> Result<u64, CommandError> {
        let (answer, result) = oneshot::channel();
        self.asks.send(Ask { wish, answer }).await.map_err(|_| CommandError::Gone)?;
        Ok(result.await.map_err(|_| CommandError::Gone)??)
    }

    /// The studio as it is.
    pub fn latest(&self) -> Arc<Studio> {
        self.latest.borrow().clone()
    }

    /// Follows the studio: always the latest, never a backlog.
    pub fn watch(&self) -> watch::Receiver<Arc<Studio>> {
        self.latest.clone()
    }
}

struct Actor {
    inbox: mpsc::Receiver<Ask>,
    publish: watch::Sender<Arc<Studio>>,
    history: History,
}

impl Actor {
    async fn run(mut self) {
        while let Some(ask) = self.inbox.recv().await {
            let answer = self.carry_out(&ask.wish);
            // Whoever asked may have gone away; the command counts all the same.
            let _ = ask.answer.send(answer);
        }
    }

    fn carry_out(&mut self, wish: &Wish) -> Result<u64, Rejected> {
        let before = self.publish.borrow().clone();
        let (show, live) = match wish {
            Wish::Do(command) => {
                let after = apply(&before.show, &before.live, command)?;
                if is_undoable(command) {
                    self.history.push(&before.show, command, false);
                }
                after
            }
            Wish::Undo => match self.history.undo(&before.show) {
                Some(version) => restore(&before.show, &before.live, version)?,
                None => return Ok(before.revision),
            },
            Wish::Redo => match self.history.redo(&before.show) {
                Some(version) => restore(&before.show, &before.live, version)?,
                None => return Ok(before.revision),
            },
        };
        let revision = before.revision + 1;
        self.publish.send_replace(Arc::new(Studio { revision, show, live }));
        Ok(revision)
    }
}

#[cfg(test)]
mod tests {
    use pulse_show::Canvas;

    use super::*;

    fn title(title: &str) -> Command {
        Command::SetTitle { title: title.into() }
    }

    #[tokio::test]
    async fn a_change_is_published_undone_and_made_again() -> Result<(), CommandError> {
        let studio = StudioHandle::spawn(Show::empty(Canvas::default()), Live::default());
        assert_eq!(studio.dispatch(title("Anna & Ben")).await?, 1);
        assert_eq!(studio.latest().show.title, "Anna & Ben");
        assert_eq!(studio.undo().await?, 2);
        assert_eq!(studio.latest().show.title, "");
        assert_eq!(studio.redo().await?, 3);
        assert_eq!(studio.latest().show.title, "Anna & Ben");
        Ok(())
    }

    #[tokio::test]
    async fn what_is_refused_changes_nothing() {
        let studio = StudioHandle::spawn(Show::empty(Canvas::default()), Live::default());
        let refused = studio.dispatch(Command::Preview { scene: "nowhere".into() }).await;
        assert!(matches!(refused, Err(CommandError::Rejected(_))), "{refused:?}");
        assert_eq!(studio.latest().revision, 0);
    }
}
