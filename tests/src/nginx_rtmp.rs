//! An RTMP platform: the real nginx with its RTMP module, which records what it is sent, refuses wrong keys, speaks TLS,
//! tells who is publishing, and can be frozen, killed and brought back at the same address.
//!
//! It has two applications: `live` takes any stream key, `keyed` only [`KEY`]. A key that is published already is refused to
//! a second publisher (`Already publishing`); a publisher that is silent for [`IDLE`] is thrown out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    extract::Query,
    http::StatusCode,
    routing::{MethodRouter, get},
};
use serde::Deserialize;

use crate::{
    child::{Child, run},
    cleanup::Workdir,
    http,
    tls::Identity,
    wait::{free_tcp_port, wait_for, wait_for_port},
};

/// The only stream key that `keyed` takes.
pub const KEY: &str = "let-me-in";
/// After how long without a byte a publisher is thrown out.
pub const IDLE: Duration = Duration::from_secs(5);

/// How long nginx may take to come up.
const START: Duration = Duration::from_secs(10);
/// The size of a recording that has no more than FLV's header.
const EMPTY: u64 = 64;

/// What nginx tells of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// `live` or `keyed`.
    pub app: String,
    /// The stream key.
    pub key: String,
    /// Whether somebody publishes it at the moment; players may wait for it without.
    pub publishing: bool,
    /// What it was sent since somebody began to publish it.
    pub bytes_in: u64,
    /// The codec, width and height of the picture, once they are known.
    pub video: Option<(String, u32, u32)>,
    /// The codec of the sound, once it is known.
    pub audio: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    rtmp: u16,
    rtmps: u16,
    stat: u16,
}

/// An RTMP server. Gone when dropped.
#[derive(Debug)]
pub struct Server {
    ports: Ports,
    child: Child,
    asked: Arc<Mutex<Vec<String>>>,
    folder: Workdir,
    identity: Identity,
    _doorkeeper: http::Server,
}

/// What nginx asks before it lets somebody publish.
#[derive(Debug, Deserialize)]
struct Application {
    name: String,
}

impl Server {
    /// Starts one on free ports of 127.0.0.1, and is back when it accepts connections.
    ///
    /// # Errors
    /// When nginx or a module is missing, or it does not come up within 10 s.
    pub fn start() -> Result<Self> {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let doorkeeper = http::Server::serve(0, Router::new().route("/publish", doorkeeper(Arc::clone(&asked))))?;
        let ports = Ports { rtmp: free_tcp_port()?, rtmps: free_tcp_port()?, stat: free_tcp_port()? };
        let (folder, identity) = (Workdir::new("nginx")?, Identity::new()?);
        fs::create_dir(folder.join("recorded"))?;
        let config = config(&folder, ports, &identity, &doorkeeper.url("publish"))?;
        fs::write(folder.join("nginx.conf"), config)?;
        let child = launch(&folder, ports)?;
        Ok(Self { ports, child, asked, folder, identity, _doorkeeper: doorkeeper })
    }

    /// Where a stream is published and played: `app` is `live` or `keyed`.
    #[must_use]
    pub fn url(&self, app: &str, key: &str) -> String {
        format!("rtmp://127.0.0.1:{}/{app}/{key}", self.ports.rtmp)
    }

    /// As [`Server::url`], with TLS; [`Server::authority`] has signed its certificate.
    #[must_use]
    pub fn tls_url(&self, app: &str, key: &str) -> String {
        format!("rtmps://127.0.0.1:{}/{app}/{key}", self.ports.rtmps)
    }

    /// The authority (PEM) that a client of [`Server::tls_url`] must trust.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.identity.authority()
    }

    /// The TCP port of RTMP, for a proxy to stand in front of.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.rtmp
    }

    /// What its statistics page tells of every stream.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn streams(&self) -> Result<Vec<Stream>> {
        let url = format!("http://127.0.0.1:{}/stat", self.ports.stat);
        streams(&http::agent().get(&url).call()?.body_mut().read_to_string()?)
    }

    /// Waits until a stream is published and its picture is known.
    ///
    /// # Errors
    /// When it is not in time.
    pub fn wait_published(&self, app: &str, key: &str, within: Duration) -> Result<Stream> {
        wait_for(&format!("{app}/{key} to be published"), within, || {
            let found = self.streams()?.into_iter().find(|stream| stream.app == app && stream.key == key);
            Ok(found.filter(|stream| stream.publishing && stream.video.is_some()))
        })
    }

    /// Every stream key that somebody asked to publish in `keyed`, in order, refused ones too.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was recorded of a stream: an FLV for each time that somebody published it, oldest first. The last one may grow.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn recordings(&self, key: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.folder.join("recorded"))? {
            let entry = entry?;
            let name = entry.file_name();
            let stamp = name.to_str().and_then(|name| name.strip_prefix(key)?.strip_prefix('-')?.strip_suffix(".flv"));
            if stamp.is_some_and(|stamp| stamp.parse::<u64>().is_ok()) && entry.metadata()?.len() > EMPTY {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    /// Kills it (SIGKILL). Nothing happens when it is dead already.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Brings it back on the same ports, killing it first where it still runs.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn restart(&mut self) -> Result<()> {
        self.child.kill();
        self.child = launch(&self.folder, self.ports)?;
        Ok(())
    }

    /// The process, to freeze and thaw it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

fn doorkeeper(asked: Arc<Mutex<Vec<String>>>) -> MethodRouter {
    get(move |Query(application): Query<Application>| async move {
        let welcome = application.name == KEY;
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(application.name);
        if welcome { StatusCode::OK } else { StatusCode::FORBIDDEN }
    })
}

fn launch(folder: &Workdir, ports: Ports) -> Result<Child> {
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder.path()).arg("-c").arg(folder.join("nginx.conf")).args(["-e", "stderr"]);
    let mut child = Child::start(format!("nginx on port {}", ports.rtmp), command.stdin(Stdio::null()))?;
    for port in [ports.rtmp, ports.rtmps, ports.stat] {
        wait_for_port("nginx", port, START).with_context(|| child.stderr())?;
    }
    ensure!(child.is_running(), "nginx has ended; it said:\n{}", child.stderr());
    Ok(child)
}

/// Where nginx has its modules.
fn modules() -> Result<PathBuf> {
    let (_, said) = run(Command::new("nginx").arg("-V"))?;
    let path = said.split_whitespace().find_map(|word| word.strip_prefix("--modules-path="));
    let path = PathBuf::from(path.context("nginx does not say where its modules are")?);
    for module in ["ngx_rtmp_module.so", "ngx_stream_module.so"] {
        ensure!(
            path.join(module).is_file(),
            "nginx lacks {module}: `./pulse test` installs it on Debian and Ubuntu (libnginx-mod-rtmp, libnginx-mod-stream)"
        );
    }
    Ok(path)
}

/// One process in the foreground, as whoever starts it, with all its files in the folder.
fn config(folder: &Workdir, ports: Ports, identity: &Identity, door: &str) -> Result<String> {
    let Ports { rtmp, rtmps, stat } = ports;
    let (modules, idle) = (modules()?, IDLE.as_secs());
    let (certificate, key) = (identity.certificate(), identity.key());
    let [modules, folder, certificate, key] =
        [&modules, folder.path(), &certificate, &key].map(|path: &Path| path.display());
    let record =
        format!("live on; record all; record_path {folder}/recorded; record_unique on; drop_idle_publisher {idle}s");
    Ok(format!(
        "load_module {modules}/ngx_rtmp_module.so;
        load_module {modules}/ngx_stream_module.so;
        daemon off; master_process off; error_log stderr info; pid {folder}/pid;
        events {{ worker_connections 512; }}
        rtmp {{ access_log off; server {{
            listen 127.0.0.1:{rtmp};
            notify_method get;
            application live {{ {record}; }}
            application keyed {{ {record}; on_publish {door}; }}
        }} }}
        http {{
            access_log off;
            client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
            uwsgi_temp_path {folder}; scgi_temp_path {folder};
            server {{ listen 127.0.0.1:{stat}; location /stat {{ rtmp_stat all; }} }}
        }}
        stream {{ server {{
            listen 127.0.0.1:{rtmps} ssl;
            ssl_certificate {certificate}; ssl_certificate_key {key};
            proxy_pass 127.0.0.1:{rtmp};
        }} }}"
    ))
}

/// Reads the statistics page.
fn streams(page: &str) -> Result<Vec<Stream>> {
    let page = roxmltree::Document::parse(page).context("nginx's statistics are not as expected")?;
    let mut found = Vec::new();
    for app in page.descendants().filter(|node| node.has_tag_name("application")) {
        let name = text(app, "name").context("an application without a name")?;
        for stream in app.descendants().filter(|node| node.has_tag_name("stream")) {
            let meta = child(stream, "meta");
            let video = meta.and_then(|meta| child(meta, "video"));
            let number = |name| video.and_then(|video| text(video, name)?.parse().ok());
            found.push(Stream {
                app: name.clone(),
                key: text(stream, "name").context("a stream without a name")?,
                publishing: child(stream, "publishing").is_some(),
                bytes_in: text(stream, "bytes_in").context("a stream without a size")?.parse()?,
                video: video
                    .and_then(|video| text(video, "codec"))
                    .map(|codec| (codec, number("width").unwrap_or(0), number("height").unwrap_or(0))),
                audio: meta.and_then(|meta| text(child(meta, "audio")?, "codec")),
            });
        }
    }
    Ok(found)
}

fn child<'a, 'input>(node: roxmltree::Node<'a, 'input>, name: &str) -> Option<roxmltree::Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn text(node: roxmltree::Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name)?.text().map(|text| text.trim().to_owned())
}
