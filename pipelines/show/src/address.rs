//! Where a source comes from: one line of text that a person can read, type and share.
//!
//! The text may hold passwords and keys. `Display` and the saved form keep them; `Debug`, [`Address::redacted`] and every
//! [`AddressError`] do not.

use std::{fmt, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::redact::redact;

/// Where a source comes from. Parsed from and written as one string, the same in show files and on the command line.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// `test:PATTERN`: a moving or still test picture (`ball`, `smpte`, `snow`, `black`, `white`, `red`, `green`, `blue`, `checkers-8`, …: names of GStreamer's `videotestsrc` patterns).
    TestPicture {
        /// Pattern name.
        pattern: String,
    },
    /// `test:WAVE?freq=440&volume=0.2`: a test tone (`sine`, `square`, `saw`, `triangle`, `silence`, `white-noise`, `pink-noise`, `ticks`).
    TestTone {
        /// Wave name.
        wave: String,
        /// Hertz, 20 to 20_000.
        freq: f32,
        /// 0 to 1.
        volume: f32,
    },
    /// `file:PATH[?loop]`.
    File {
        /// As written; relative paths are relative to the working folder.
        path: PathBuf,
        /// Begins again at its end.
        looped: bool,
    },
    /// `image:PATH`.
    Image {
        /// As written.
        path: PathBuf,
    },
    /// `text:WORDS`.
    Text {
        /// What is written; `\n` begins a new line.
        text: String,
    },
    /// `rtsp://…` or `rtsps://…`.
    Rtsp {
        /// The whole URL; may hold a password.
        url: String,
    },
    /// `srt://HOST:PORT?mode=caller&…` or `srt://:PORT?mode=listener`.
    Srt {
        /// The whole URL; may hold a passphrase.
        url: String,
    },
    /// `rtmp://HOST:PORT/APP/KEY`: listened on.
    Rtmp {
        /// The whole URL; holds a key.
        url: String,
    },
    /// `http(s)://…`: HLS, MJPEG or a file.
    Http {
        /// The whole URL; may hold a password.
        url: String,
    },
    /// `screen:N`.
    Screen {
        /// Which one, from 0.
        index: u32,
    },
    /// `device:ID`, `device:NAME` or `device:default`.
    Device {
        /// Id or name; `default` is the system's.
        id: String,
    },
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{address}\" is not a source address: {reason}")]
pub struct AddressError {
    /// What was given, with secrets taken out.
    pub address: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// What a source gives, as far as its address tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pictures alone.
    Picture,
    /// Sound alone.
    Sound,
    /// Pictures, sound or both: only the source itself can tell.
    Open,
}

/// Sound waves of `test:`; every other name is a picture.
const WAVES: [&str; 8] = ["sine", "square", "saw", "triangle", "silence", "white-noise", "pink-noise", "ticks"];
/// How every address begins.
const SCHEMES: &str =
    "test:, file:, image:, text:, screen:, device:, rtsp://, rtsps://, srt://, rtmp://, http:// or https://";
/// A text is drawn into one picture: as many characters as fit on any slide.
const MAX_TEXT: usize = 4_000;
/// Longer than any address that works.
const MAX_ADDRESS: usize = 8_192;

impl Address {
    /// The address with passwords, keys and tokens replaced by `***`: for logs, errors and screens.
    pub fn redacted(&self) -> String {
        redact(&self.to_string())
    }

    /// What it gives, as far as the address tells.
    pub fn kind(&self) -> Kind {
        match self {
            Self::TestTone { .. } => Kind::Sound,
            Self::TestPicture { .. } | Self::Image { .. } | Self::Text { .. } | Self::Screen { .. } => Kind::Picture,
            Self::File { .. }
            | Self::Rtsp { .. }
            | Self::Srt { .. }
            | Self::Rtmp { .. }
            | Self::Http { .. }
            | Self::Device { .. } => Kind::Open,
        }
    }

    /// Whether it gives pictures; `None` when only the source itself can tell.
    pub fn has_video(&self) -> Option<bool> {
        match self.kind() {
            Kind::Picture => Some(true),
            Kind::Sound => Some(false),
            Kind::Open => None,
        }
    }

    /// Whether it gives sound; `None` when only the source itself can tell.
    pub fn has_audio(&self) -> Option<bool> {
        match self.kind() {
            Kind::Picture => Some(false),
            Kind::Sound => Some(true),
            Kind::Open => None,
        }
    }

    /// The port of a URL that names none; `None` for what has no port, and for SRT, which has no usual one.
    pub fn default_port(&self) -> Option<u16> {
        match self {
            Self::Rtsp { url } => Some(if url.starts_with("rtsps:") { 322 } else { 554 }),
            Self::Rtmp { .. } => Some(1935),
            Self::Http { url } => Some(if url.starts_with("https:") { 443 } else { 80 }),
            Self::TestPicture { .. }
            | Self::TestTone { .. }
            | Self::File { .. }
            | Self::Image { .. }
            | Self::Text { .. }
            | Self::Srt { .. }
            | Self::Screen { .. }
            | Self::Device { .. } => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TestPicture { pattern } => write!(f, "test:{pattern}"),
            Self::TestTone { wave, freq, volume } => write!(f, "test:{wave}?freq={freq}&volume={volume}"),
            Self::File { path, looped } => write!(f, "file:{}{}", path.display(), if *looped { "?loop" } else { "" }),
            Self::Image { path } => write!(f, "image:{}", path.display()),
            Self::Text { text } => write!(f, "text:{}", text.replace('\\', "\\\\").replace('\n', "\\n")),
            Self::Rtsp { url } | Self::Srt { url } | Self::Rtmp { url } | Self::Http { url } => f.write_str(url),
            Self::Screen { index } => write!(f, "screen:{index}"),
            Self::Device { id } => write!(f, "device:{id}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?})", self.redacted())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|reason| AddressError { address: shortened(redact(text)), reason })
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

fn shortened(text: String) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn parse(text: &str) -> Result<Address, String> {
    if text.len() > MAX_ADDRESS {
        return Err(format!("it is longer than {MAX_ADDRESS} bytes; shorten it"));
    }
    let unknown = || format!("begin it with {SCHEMES}; a file is written `file:PATH`");
    let (scheme, rest) = text.trim_start().split_once(':').ok_or_else(unknown)?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "text" && rest.contains(char::is_control) {
        return Err("it holds a control character or a line break; take it out".to_owned());
    }
    match scheme.as_str() {
        "test" => test(rest),
        "file" => Ok(match rest.strip_suffix("?loop") {
            Some(path) => Address::File { path: path_of("file", path)?, looped: true },
            None => Address::File { path: path_of("file", rest)?, looped: false },
        }),
        "image" => Ok(Address::Image { path: path_of("image", rest)? }),
        "text" => words(rest),
        "screen" => match rest.trim().parse() {
            Ok(index) => Ok(Address::Screen { index }),
            Err(_) => Err("write which screen as a number from 0, as in `screen:0`".to_owned()),
        },
        "device" => match rest.trim() {
            "" => Err("write which device, as in `device:default`; `pulse-studio devices` lists them".to_owned()),
            id => Ok(Address::Device { id: id.to_owned() }),
        },
        "rtsp" | "rtsps" => url(&scheme, rest).map(|url| Address::Rtsp { url }),
        "srt" => url(&scheme, rest).map(|url| Address::Srt { url }),
        "rtmp" => url(&scheme, rest).map(|url| Address::Rtmp { url }),
        "http" | "https" => url(&scheme, rest).map(|url| Address::Http { url }),
        _ => Err(unknown()),
    }
}

fn test(rest: &str) -> Result<Address, String> {
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    let name = name.trim().to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(format!(
            "write the name of a pattern (`test:ball`, `test:smpte`) or of a wave ({})",
            WAVES.join(", ")
        ));
    }
    if !WAVES.contains(&name.as_str()) {
        return match query {
            "" => Ok(Address::TestPicture { pattern: name }),
            _ => Err(format!("a test picture takes no settings; write `test:{name}`")),
        };
    }
    let (mut freq, mut volume) = (440.0, 0.2);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        let number = value.trim().parse::<f32>().ok();
        match key {
            "freq" => freq = within(number, 20.0, 20_000.0).ok_or("write `freq` in hertz, 20 to 20000")?,
            "volume" => volume = within(number, 0.0, 1.0).ok_or("write `volume` as a number from 0 to 1")?,
            _ => return Err(format!("`{key}` is no setting of a test tone; it takes `freq` and `volume`")),
        }
    }
    Ok(Address::TestTone { wave: name, freq, volume })
}

fn within(number: Option<f32>, least: f32, most: f32) -> Option<f32> {
    number.filter(|number| (least..=most).contains(number))
}

/// A path, or a `file:///` URL's path as people paste it from a browser or file manager.
fn path_of(scheme: &str, path: &str) -> Result<PathBuf, String> {
    let path = match path.strip_prefix("//") {
        Some(local) if local.starts_with('/') => match local.as_bytes() {
            [b'/', drive, b':', ..] if drive.is_ascii_alphabetic() => &local[1..],
            _ => local,
        },
        _ => path,
    };
    if path.is_empty() {
        return Err(format!("write the path after `{scheme}:`"));
    }
    Ok(PathBuf::from(path))
}

fn words(rest: &str) -> Result<Address, String> {
    let mut text = String::with_capacity(rest.len());
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = match (c, chars.peek()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('\\')) => Some('\\'),
            _ => None,
        };
        text.push(escaped.unwrap_or(c));
        if escaped.is_some() {
            chars.next();
        }
    }
    if text.trim().is_empty() {
        return Err("write the words after `text:`; to show nothing, hide the layer".to_owned());
    }
    if text.chars().count() > MAX_TEXT {
        return Err(format!("it is longer than {MAX_TEXT} characters; shorten it"));
    }
    if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return Err("it holds a control character; take it out".to_owned());
    }
    Ok(Address::Text { text })
}

/// Checks the parts of a URL that every camera needs and keeps the rest as it is written.
fn url(scheme: &str, rest: &str) -> Result<String, String> {
    let rest = rest.trim_end();
    if rest.contains(char::is_whitespace) {
        return Err("it holds a space; write it as %20".to_owned());
    }
    let after = rest.strip_prefix("//").ok_or_else(|| format!("write `//` after `{scheme}:`"))?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, tail) = after.split_at(end);
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return Err(format!(
            "write `{scheme}://HOST:PORT` with a port from 1 to 65535; in a name or password write @ : / ? # as %40 %3A %2F %3F %23"
        ));
    }
    if scheme == "srt" {
        return srt(host, port.is_some(), tail).map(|()| format!("{scheme}:{rest}"));
    }
    if host.is_empty() {
        return Err(format!("write the host after `{scheme}://`"));
    }
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    if scheme == "rtmp" && path.split('/').filter(|part| !part.is_empty()).count() < 2 {
        return Err("write what the sender sends to: `rtmp://HOST:PORT/APP/KEY`".to_owned());
    }
    Ok(format!("{scheme}:{rest}"))
}

fn srt(host: &str, port: bool, tail: &str) -> Result<(), String> {
    let query = tail.split_once('?').map_or("", |(_, query)| query);
    let mode = query.split('&').find_map(|pair| pair.strip_prefix("mode="));
    let mode = mode.map(|mode| percent_decode_str(mode).decode_utf8_lossy());
    match mode.as_deref() {
        None | Some("caller" | "listener" | "rendezvous") => {}
        Some(_) => return Err("`mode` is one of caller, listener and rendezvous".to_owned()),
    }
    if !port {
        return Err("write the port: `srt://HOST:PORT`, or `srt://:PORT?mode=listener`".to_owned());
    }
    if host.is_empty() && mode.as_deref() != Some("listener") {
        return Err("write the host, `srt://HOST:PORT`, or add `?mode=listener` to be called".to_owned());
    }
    Ok(())
}
