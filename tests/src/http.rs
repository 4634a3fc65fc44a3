//! Web cameras: an HTTP server with the files of a folder, and moving JPEG pictures as old network cameras send them.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use axum::{
    Router,
    body::Body,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{runtime, sync::oneshot};
use tokio_util::io::ReaderStream;
use tower_http::services::ServeDir;

use crate::{
    child::{Child, run},
    cleanup::Workdir,
    judge::ffmpeg,
    srt::feed,
    wait::wait_until,
};

/// An HTTP server on 127.0.0.1. Gone, with all its connections, when dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a folder's files, ranges of them too, on a free port.
    ///
    /// # Errors
    /// When the machine has no port left.
    pub fn files(folder: &Path) -> Result<Self> {
        Self::files_on(0, folder)
    }

    /// As [`Server::files`], on a given port: brings back a server that was dropped.
    ///
    /// # Errors
    /// When the port is in use.
    pub fn files_on(port: u16, folder: &Path) -> Result<Self> {
        Self::serve(port, Router::new().fallback_service(ServeDir::new(folder)))
    }

    /// Serves a clip as JPEG pictures without end (`multipart/x-mixed-replace`) at `/cam.mjpg`, on a free port. Every
    /// client is sent the clip from its beginning.
    ///
    /// # Errors
    /// When the machine has no port left.
    pub fn moving_jpeg(clip: &Path) -> Result<Self> {
        Self::moving_jpeg_on(0, clip)
    }

    /// As [`Server::moving_jpeg`], on a given port: brings back a server that was dropped.
    ///
    /// # Errors
    /// When the port is in use.
    pub fn moving_jpeg_on(port: u16, clip: &Path) -> Result<Self> {
        let clip = clip.to_owned();
        Self::serve(port, Router::new().route("/cam.mjpg", get(move || pictures(clip.clone()))))
    }

    fn serve(port: u16, router: Router) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let _entered = runtime.enter();
        // Tokio's own bind allows an address whose old connections are still waiting to be forgotten.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(address))
            .with_context(|| format!("cannot listen on port {port}: is it in use?"))?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
        drop(_entered);
        let thread = thread::Builder::new().name(format!("http {port}")).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    end = axum::serve(listener, router).into_future() => eprintln!("the HTTP server ended: {end:?}"),
                }
            });
        })?;
        Ok(Self { port, stop: Some(stop), thread: Some(thread) })
    }

    /// The address of one of its files.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the HTTP server on port {} panicked", self.port);
        }
    }
}
