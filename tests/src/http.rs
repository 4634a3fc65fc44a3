//! Web cameras: an HTTP server with the files of a folder, and moving JPEG pictures as old network cameras send them.

use std::{
    future::IntoFuture,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Body,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, process, runtime, sync::oneshot};
use tokio_util::io::ReaderStream;
use tower_http::services::ServeDir;

use crate::{child::Child, cleanup::Workdir, feed::looped, wait::wait_until};

/// How long a peer may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What asks the peers that speak HTTP: an answer is an answer, whatever its status.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(ANSWER)).http_status_as_error(false).build().new_agent()
}

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

    pub(crate) fn serve(port: u16, router: Router) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        // Tokio's bind, unlike the standard library's, takes a port whose old connections still wait to be forgotten.
        let listener = runtime
            .block_on(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
            .with_context(|| format!("cannot listen on port {port}: is it in use?"))?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = oneshot::channel();
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

/// Starts an ffmpeg of its own for a client, which ends when the client leaves.
async fn pictures(clip: PathBuf) -> Response {
    let mut command = looped(&clip);
    command.args(["-an", "-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p", "-huffman", "default"]);
    command.args(["-f", "mpjpeg", "-boundary_tag", "picture", "-"]);
    // All it has to say is that the client left.
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let started = process::Command::from(command).kill_on_drop(true).spawn();
    let Some((output, mut encoder)) = started.ok().and_then(|mut encoder| Some((encoder.stdout.take()?, encoder)))
    else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "no ffmpeg").into_response();
    };
    tokio::spawn(async move { encoder.wait().await });
    let kind = [(CONTENT_TYPE, "multipart/x-mixed-replace; boundary=picture")];
    (kind, Body::from_stream(ReaderStream::new(output))).into_response()
}

/// A live HLS stream: a clip cut into segments while it plays, the last few of them served. Gone when dropped.
#[derive(Debug)]
pub struct LiveHls {
    cutter: Child,
    server: Server,
    _folder: Workdir,
}

impl LiveHls {
    /// Starts it, and is back when its playlist is there.
    ///
    /// # Errors
    /// When there is none within 15 s.
    pub fn start(clip: &Path) -> Result<Self> {
        let folder = Workdir::new("hls")?;
        let playlist = folder.join("live.m3u8");
        let mut command = looped(clip);
        command.args(["-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "6"]);
        command.args(["-hls_flags", "delete_segments+temp_file"]).arg(&playlist);
        let cutter = Child::start("the cutter of HLS segments", &mut command)?;
        wait_until("an HLS playlist", Duration::from_secs(15), || playlist.exists())?;
        let server = Server::files(folder.path())?;
        Ok(Self { cutter, server, _folder: folder })
    }

    /// The address of its playlist.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url("live.m3u8")
    }

    /// The process that makes the segments, to freeze, thaw or kill it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.cutter
    }
}
