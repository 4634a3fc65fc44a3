//! Where the program is sent: what a user types or pastes, parted into what may be saved and what must never be.
//!
//! May import: `redact`.
//!
//! ```text
//! rtmp://host[:port]/app/KEY   rtmps://…                the key is the last part of the path
//! srt://host:port?latency=120&passphrase=SECRET&streamid=SECRET     srt://:port?mode=listener
//! livekit:ws://host:port?room=NAME&identity=NAME&token=SECRET&simulcast=true&cameras=true
//! whip:https://host/path        hls:FOLDER
//! ```

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;

use crate::redact::redact;

/// A key, password or token. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Where the program is sent, without any secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An RTMP ingest; its secret is the stream key.
    Rtmp {
        /// `rtmp(s)://host[:port]/app`.
        url: String,
    },
    /// MPEG-TS over SRT; its secret is the passphrase.
    Srt {
        /// Whom to call; none: wait for callers.
        host: Option<String>,
        /// UDP port.
        port: u16,
        /// What the connection may take to mend losses, in milliseconds.
        latency_ms: u32,
    },
    /// A LiveKit room; its secret is a token (or the project's key and secret).
    LiveKit {
        /// `ws(s)://host[:port]`.
        url: String,
        /// The room's name.
        room: String,
        /// As whom.
        identity: String,
        /// Two layers instead of one.
        simulcast: bool,
        /// Each camera as a track of its own too.
        cameras: bool,
    },
    /// A WHIP endpoint; its secret is the bearer token.
    Whip {
        /// `http(s)://…`.
        url: String,
    },
    /// HLS in a folder.
    Hls {
        /// Where the playlist and the segments go.
        folder: PathBuf,
    },
}

/// What was typed, parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// What may be saved and shown; reads as a [`Target`].
    pub url: String,
    /// What may not.
    pub secret: Option<Secret>,
    /// An SRT stream id, which names the stream and may let in as a key does.
    pub stream_id: Option<Secret>,
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{address}\" is not a destination: {reason}")]
pub struct TargetError {
    /// What was given, with secrets taken out.
    pub address: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// How every destination begins.
const SCHEMES: &str = "rtmp://, rtmps://, srt://, livekit:ws://, livekit:wss://, whip:https:// or hls:FOLDER";
/// SRT's own default, in milliseconds.
const SRT_LATENCY_MS: u32 = 120;
/// Longer latency than this is a mistake.
const MOST_SRT_LATENCY_MS: u32 = 30_000;
/// What SRT takes as a passphrase (srt.h: `SRTO_PASSPHRASE`).
const PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=79;
/// Longer than any address that works.
const MAX_ADDRESS: usize = 8_192;

impl Secret {
    /// Wraps what must not show.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whom it is meant.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Target {
    /// Whether browsers' rules hold: H.264 without B-frames in the constrained baseline profile, and Opus.
    pub fn is_webrtc(&self) -> bool {
        matches!(self, Self::LiveKit { .. } | Self::Whip { .. })
    }

    /// What it is called where the user gave no name.
    pub fn name(&self) -> String {
        match self {
            Self::Rtmp { url } => host_of(url),
            Self::Srt { host, port, .. } => format!("SRT {}:{port}", host.as_deref().unwrap_or_default()),
            Self::LiveKit { room, .. } => format!("LiveKit {room}"),
            Self::Whip { url } => format!("WHIP {}", host_of(url)),
            Self::Hls { folder } => format!("HLS {}", folder.display()),
        }
    }
}

fn host_of(url: &str) -> String {
    url.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(url).to_owned()
}

/// Parts what was typed into what may be saved and what may not, and checks both.
///
/// # Errors
/// [`TargetError`] with what is wrong, without the secret.
pub fn part(address: &str) -> Result<Parted, TargetError> {
    let fail = |reason: &str| TargetError { address: redact(address), reason: reason.to_owned() };
    let trimmed = address.trim();
    if trimmed.is_empty() || trimmed.len() > MAX_ADDRESS || trimmed.contains(char::is_control) {
        return Err(fail(&format!("it must be one line beginning with {SCHEMES}")));
    }
    let scheme = trimmed.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let parted = match scheme.as_str() {
        "rtmp" | "rtmps" => part_rtmp(trimmed).map_err(|reason| fail(&reason))?,
        "srt" | "livekit" | "whip" => part_query(trimmed, &scheme),
        "hls" => Parted { url: trimmed.to_owned(), secret: None, stream_id: None },
        _ => return Err(fail(&format!("it must begin with {SCHEMES}"))),
    };
    let target: Target = parted.url.parse().map_err(|error: TargetError| fail(&error.reason))?;
    if let Some(secret) = &parted.secret {
        check_secret(&target, secret).map_err(fail)?;
    }
    Ok(parted)
}

/// Whether a destination can take a secret, as far as can be known without asking it.
///
/// # Errors
/// What would be right.
pub fn check_secret(target: &Target, secret: &Secret) -> Result<(), &'static str> {
    match target {
        Target::Srt { .. } if !PASSPHRASE.contains(&secret.0.len()) => Err("an SRT passphrase has 10 to 79 characters"),
        _ => Ok(()),
    }
}

/// The key is what follows the application: `rtmp://host/app/key?with=this`.
fn part_rtmp(address: &str) -> Result<Parted, String> {
    let wanted = || "write it as rtmp://host/application/key".to_owned();
    let (scheme, rest) = address.split_once("://").ok_or_else(wanted)?;
    if rest.split('/').next().unwrap_or_default().contains('@') {
        return Err("RTMP with a user name in the address is not supported; write rtmp://host/application/key".into());
    }
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let (app, key) = path.rsplit_once('/').ok_or_else(wanted)?;
    let (app, key) = if app.contains('/') { (app, key) } else { (path, "") };
    let key = query.map_or_else(|| key.to_owned(), |query| format!("{key}?{query}"));
    let secret = (!key.is_empty()).then(|| Secret::new(key));
    let url = format!("{}://{}", scheme.to_ascii_lowercase(), app.trim_end_matches('/'));
    Ok(Parted { url, secret, stream_id: None })
}

/// Takes the secret values out of a query.
fn part_query(address: &str, scheme: &str) -> Parted {
    let (base, query) = address.split_once('?').unwrap_or((address, ""));
    let (mut secret, mut stream_id, mut kept) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || Secret::new(percent_decode_str(value).decode_utf8_lossy());
        match (scheme, name) {
            ("srt", "passphrase") | ("livekit" | "whip", "token") => secret = Some(value()),
            ("srt", "streamid") => stream_id = Some(value()),
            _ => kept.push(pair),
        }
    }
    let kept = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Parted { url: format!("{base}{kept}"), secret, stream_id }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: String| TargetError { address: redact(text), reason };
        let (scheme, rest) =
            text.trim().split_once(':').ok_or_else(|| fail(format!("it must begin with {SCHEMES}")))?;
        match scheme {
            "rtmp" | "rtmps" => rtmp(text.trim()).map_err(fail),
            "srt" => srt(rest).map_err(fail),
            "livekit" => livekit(rest).map_err(fail),
            "whip" if rest.starts_with("https://") || rest.starts_with("http://") => {
                Ok(Self::Whip { url: rest.into() })
            }
            "whip" => Err(fail("write it as whip:https://host/path".into())),
            "hls" if !rest.is_empty() => Ok(Self::Hls { folder: rest.into() }),
            "hls" => Err(fail("write it as hls:FOLDER".into())),
            _ => Err(fail(format!("it must begin with {SCHEMES}"))),
        }
    }
}

fn rtmp(text: &str) -> Result<Target, String> {
    let wanted = "write it as rtmp://host/application/key";
    let rest = text.split_once("://").map(|(_, rest)| rest).ok_or(wanted)?;
    let (host, app) = rest.split_once('/').ok_or(wanted)?;
    if host.is_empty() || app.is_empty() || rest.contains('?') || rest.contains('@') {
        return Err(wanted.into());
    }
    Ok(Target::Rtmp { url: text.to_owned() })
}

fn srt(rest: &str) -> Result<Target, String> {
    let wanted = "write it as srt://host:port, or srt://:port?mode=listener";
    let rest = rest.strip_prefix("//").ok_or(wanted)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, port) = place.trim_end_matches('/').rsplit_once(':').ok_or(wanted)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(wanted)?;
    let (mut listens, mut latency_ms) = (host.is_empty(), SRT_LATENCY_MS);
    for (name, value) in pairs(query) {
        match name {
            "mode" => listens = mode(&value)?,
            "latency" => {
                let ms = value.parse::<u32>().ok().filter(|ms| *ms <= MOST_SRT_LATENCY_MS);
                latency_ms = ms.ok_or_else(|| format!("latency is in milliseconds, 0 to {MOST_SRT_LATENCY_MS}"))?;
            }
            _ => return Err(format!("SRT has no option \"{name}\" here: mode, latency, passphrase, streamid")),
        }
    }
    match (listens, host.is_empty()) {
        (false, true) => Err(wanted.into()),
        (listens, _) => Ok(Target::Srt { host: (!listens).then(|| host.to_owned()), port, latency_ms }),
    }
}

fn mode(value: &str) -> Result<bool, String> {
    match value {
        "listener" => Ok(true),
        "caller" => Ok(false),
        _ => Err("mode is caller or listener".into()),
    }
}

fn livekit(rest: &str) -> Result<Target, String> {
    let (url, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !(url.starts_with("ws://") || url.starts_with("wss://")) || host_of(url).is_empty() {
        return Err("write it as livekit:wss://host?room=NAME&identity=NAME".into());
    }
    let (mut room, mut identity, mut simulcast, mut cameras) = (None, None, false, false);
    for (name, value) in pairs(query) {
        match name {
            "room" => room = Some(value),
            "identity" => identity = Some(value),
            "simulcast" => simulcast = yes(name, &value)?,
            "cameras" => cameras = yes(name, &value)?,
            _ => return Err(format!("LiveKit has no option \"{name}\": room, identity, token, simulcast, cameras")),
        }
    }
    let room = room.filter(|room| !room.is_empty()).ok_or("it names no room: add ?room=NAME")?;
    let identity = identity.filter(|identity| !identity.is_empty()).unwrap_or_else(|| "studio".to_owned());
    Ok(Target::LiveKit { url: url.trim_end_matches('/').to_owned(), room, identity, simulcast, cameras })
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name, percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}

fn yes(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(format!("{name} is true or false")),
    }
}
