//! The control plane beside a running show: on loopback, with the key that the environment gives or one of its own for each run.

use std::{
    env::{self, VarError},
    net::SocketAddr,
};

use pulse_control::{Key, KeyTextError, Listener, serve};
use pulse_show::Studio;
use pulse_wire::{Stats, StudioStatus};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::error::Failure;

/// The environment variable that gives the key.
const KEY: &str = "PULSE_API_KEY";

/// The key that the environment gives; a new one that nobody knows when it gives none.
pub fn key() -> Result<Key, Failure> {
    match env::var(KEY) {
        Ok(text) => Key::from_text(text).map_err(|error| Failure::usage(format!("{KEY} is no key: {error}"))),
        Err(VarError::NotPresent) => Key::generate().map_err(Failure::failed),
        Err(VarError::NotUnicode(_)) => Err(Failure::usage(format!("{KEY} is no key: {}", KeyTextError::Character))),
    }
}

/// The running control plane.
pub struct Control {
    url: String,
    status: watch::Sender<StudioStatus>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Control {
    /// Starts answering whoever has `key` on `address`; port 0 takes a free one.
    pub async fn start(address: SocketAddr, key: &Key) -> Result<Self, Failure> {
        let listener = Listener::bind(address).await.map_err(Failure::usage)?;
        let url = listener.url();
        let (status, seen) = watch::channel(StudioStatus::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let control = pulse_control::Control::new(env!("CARGO_PKG_VERSION"), key.hash(), Some(seen));
        let task = tokio::spawn(async move {
            let over = async move {
                // Being dropped is being told to stop as well.
                let _ = stopped.await;
            };
            if let Err(error) = serve(listener, control, over).await {
                tracing::warn!(%error, "the control plane ended; the show goes on");
            }
        });
        Ok(Self { url, status, stop, task })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Tells it how the studio is doing.
    pub fn observe(&self, studio: &Studio, stats: &Stats) {
        let name = |id: Option<&pulse_show::SceneId>| Some(studio.show.scene(id?)?.name.clone());
        self.status.send_replace(StudioStatus {
            program: name(studio.live.program.as_ref()),
            preview: name(studio.live.preview.as_ref()),
            recording: studio.live.record.any(),
            publishing: studio.live.publish.iter().map(ToString::to_string).collect(),
            stats: stats.clone(),
        });
    }

    /// Ends it; requests under way are answered.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the control plane");
        }
    }
}
