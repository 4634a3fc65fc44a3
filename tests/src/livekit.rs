//! LiveKit: the real server, on ports of its own, to be frozen, killed and brought back at the same address.

use std::{
    fmt::Display,
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    child::Child,
    cleanup::Workdir,
    http, peers,
    proxy::{Proxy, Weather},
    wait::{free_tcp_port, free_udp_port, wait_for},
};

/// The key of every server here, and its secret: the server wants 32 letters at least.
pub const KEY: &str = "studio-tests";
/// See [`KEY`].
pub const SECRET: &str = "not-a-secret-but-as-long-as-one-must-be";

/// How long the server may take from its start to answering; it takes a fifth of a second.
const START: Duration = Duration::from_secs(15);
/// How long a token lasts.
const TOKEN_LASTS: Duration = Duration::from_secs(3_600);

/// What somebody may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Send and receive.
    Publish,
    /// Receive only.
    Watch,
    /// Nothing but ask the server about the room and change it: [`Server::call`].
    Administer,
}

/// An address of the loopback that no interface has, so that a server that listens everywhere leaves it free.
const FAR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What lies between a server and its participants.
#[derive(Debug)]
pub struct Network {
    /// What they say: WebSocket, HTTP and WHIP, over TCP.
    pub signalling: Proxy,
    /// What they send: RTP, over UDP. Each has a link of its own.
    pub media: Proxy,
}

impl Network {
    /// Where participants connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.signalling.port())
    }

    /// Changes what all of it is like.
    pub fn set(&self, weather: Weather) {
        self.signalling.set(weather);
        self.media.set(weather);
    }
}

/// A LiveKit server. Gone when dropped.
#[derive(Debug)]
pub struct Server {
    port: u16,
    folder: Workdir,
    child: Child,
}

impl Server {
    /// Starts one on free ports of 127.0.0.1, and is back when it answers.
    ///
    /// # Errors
    /// When it is not built or does not answer within 15 s.
    pub fn start() -> Result<Self> {
        Self::start_with(&json!({}))
    }

    /// As [`Server::start`], with all that participants say and send to it passing through a network that can be made bad:
    /// they connect to [`Network::url`].
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_behind_network() -> Result<(Self, Network)> {
        let media = free_udp_port()?;
        let server = Self::launch(&json!({}), media, FAR)?;
        let network = Network {
            signalling: Proxy::tcp(server.port)?,
            // The server listens at the addresses that the machine has, and 127.0.0.1 is the only one: this one is free.
            media: Proxy::udp_at(SocketAddr::from((FAR, media)), media)?,
        };
        Ok((server, network))
    }

    /// As [`Server::start`], with further settings on the top level of its configuration, as
    /// `{"webhook": {"api_key": KEY, "urls": ["http://127.0.0.1:9000/hook"]}}`.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(settings: &Value) -> Result<Self> {
        Self::launch(settings, free_udp_port()?, Ipv4Addr::LOCALHOST)
    }

    /// `told` is the address that participants are told to send their media to.
    fn launch(settings: &Value, media: u16, told: Ipv4Addr) -> Result<Self> {
        let port = free_tcp_port()?;
        let mut config = json!({
            "port": port,
            "bind_addresses": ["127.0.0.1"],
            "keys": {KEY: SECRET},
            "logging": {"level": "info"},
            "room": {"enable_remote_unmute": true},
            // One UDP port for everybody, so that it is the same after a restart; no TCP, so that nothing hides behind it;
            // and only participants look for a way, so that they send to where they are told.
            "rtc": {
                "use_ice_lite": true,
                "udp_port": media, "tcp_port": 0, "use_external_ip": false, "node_ip": told,
                "enable_loopback_candidate": true, "interfaces": {"includes": ["lo"]},
            },
        });
        for (name, value) in settings.as_object().context("the settings are no object")? {
            config[name] = value.clone();
        }
        let folder = Workdir::new("livekit")?;
        // JSON is YAML.
        fs::write(folder.join("config.yaml"), config.to_string())?;
        let child = launch(&folder, port)?;
        Ok(Self { port, folder, child })
    }

    /// The TCP port of its signalling and its API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where participants connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Where WHIP publishers post their offer, with a token as the bearer.
    #[must_use]
    pub fn whip_url(&self) -> String {
        format!("http://127.0.0.1:{}/whip/v1", self.port)
    }

    /// The environment variables by which LiveKit's tools and the studio are given key and secret.
    #[must_use]
    pub fn env() -> Vec<(String, String)> {
        [("LIVEKIT_API_KEY", KEY), ("LIVEKIT_API_SECRET", SECRET)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    /// Kills it (SIGKILL): nobody is told goodbye. Nothing happens when it is dead already.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Brings it back on the same ports, killing it first where it still runs. Its rooms are forgotten.
    ///
    /// # Errors
    /// When it does not answer within 15 s.
    pub fn restart(&mut self) -> Result<()> {
        self.child.kill();
        self.child = launch(&self.folder, self.port)?;
        Ok(())
    }

    /// The process: frozen, it is a network in which everything is lost.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Calls its room service as the administrator of `room`, as
    /// `call("ListParticipants", "wedding", &json!({"room": "wedding"}))`.
    ///
    /// # Errors
    /// When it refuses, with its words.
    pub fn call(&self, method: &str, room: &str, request: &Value) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}/twirp/livekit.RoomService/{method}", self.port);
        let bearer = format!("Bearer {}", token(room, "administrator", Grant::Administer)?);
        let mut answer = http::agent().post(&url).header("Authorization", &bearer).send_json(request)?;
        let text = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "{method}: {}: {text}", answer.status());
        Ok(serde_json::from_str(&text)?)
    }

    /// Who is in a room, by identity; nobody where there is no such room.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn participants(&self, room: &str) -> Result<Vec<String>> {
        let answer = self.call("ListParticipants", room, &json!({"room": room}))?;
        let all = answer["participants"].as_array().cloned().unwrap_or_default();
        Ok(all.iter().filter_map(|one| one["identity"].as_str().map(str::to_owned)).collect())
    }
}

fn launch(folder: &Workdir, port: u16) -> Result<Child> {
    let mut command = Command::new(peers::livekit_server()?);
    command.arg("--config").arg(folder.join("config.yaml")).stdin(Stdio::null());
    let mut child = Child::start(format!("LiveKit server on port {port}"), &mut command)?;
    let url = format!("http://127.0.0.1:{port}/");
    wait_for("the LiveKit server to answer", START, || {
        ensure!(child.is_running(), "it has ended; it said:\n{}", child.stderr());
        Ok(http::agent().get(&url).call().ok().filter(|answer| answer.status().is_success()).map(|_| ()))
    })?;
    Ok(child)
}

/// A token for every server here: a JSON Web Token (RFC 7519) with LiveKit's claims, signed by HMAC-SHA256.
///
/// # Errors
/// When the clock stands before 1970.
pub fn token(room: &str, identity: &str, grant: Grant) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let video = match grant {
        Grant::Publish => json!({"room": room, "roomJoin": true, "canPublish": true, "canSubscribe": true}),
        Grant::Watch => json!({"room": room, "roomJoin": true, "canPublish": false, "canSubscribe": true}),
        Grant::Administer => json!({"room": room, "roomAdmin": true, "roomList": true, "roomCreate": true}),
    };
    let claims = json!({
        "iss": KEY, "sub": identity, "name": identity, "nbf": now - 10, "exp": now + TOKEN_LASTS.as_secs(), "video": video,
    });
    let encoded = |part: &dyn Display| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encoded(&json!({"alg": "HS256", "typ": "JWT"})), encoded(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(signed.as_bytes());
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}
