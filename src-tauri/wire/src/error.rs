//! Errors as everybody reports them: a stable code, how bad it is for the viewers, whose turn it is, what to do.
//!
//! The codes are listed once, in the table at the end of [`ErrorCode`]; `docs/errors.md` is made from it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad it is, by what the viewers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is lost; worth knowing.
    Notice,
    /// The program goes on with a part missing: a slate, one recording, one destination.
    Degraded,
    /// The program or its recording is not what it should be, or never began.
    ShowStopper,
}

/// Whose turn it is to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// What was asked for cannot be: the person who asked changes it.
    User,
    /// The other end: a camera, a server, a platform, the network between.
    Destination,
    /// This machine: its disk, its devices, its power.
    Machine,
    /// Pulse Studio itself.
    Bug,
}

impl Severity {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Degraded => "degraded",
            Self::ShowStopper => "show_stopper",
        }
    }
}

impl Blame {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Destination => "destination",
            Self::Machine => "machine",
            Self::Bug => "bug",
        }
    }
}

/// Writes the enum, its list and its properties from one table, so that no code can lack one of them.
macro_rules! error_codes {
    ($($code:ident = $name:literal, $severity:ident, $blame:ident, $what:literal, $hint:literal;)*) => {
        /// What went wrong, under a name that never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $(#[doc = $what] #[serde(rename = $name)] $code,)*
        }

        impl ErrorCode {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Its name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// How bad it is, unless who reports it knows better.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)* }
            }

            /// Whose turn it is.
            pub const fn blame(self) -> Blame {
                match self { $(Self::$code => Blame::$blame,)* }
            }

            /// What happened, in one sentence.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$code => $what,)* }
            }

            /// What to do about it, unless who reports it knows better.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$code => $hint,)* }
            }
        }
    };
}

error_codes! {
    SourceUnreachable = "source_unreachable", Degraded, Destination,
        "A source's address does not answer.",
        "Check that the camera is on and in the same network, and that host and port are right. It is tried again by itself.";
    SourceRefused = "source_refused", Degraded, User,
        "A source answers but does not let us in.",
        "Check user name, password or passphrase in the source's address.";
    SourceMissingFile = "source_missing_file", Degraded, User,
        "A source's file is not there or may not be read.",
        "Check the path and its permissions; relative paths start at the folder Pulse Studio was started in.";
    SourceBroken = "source_broken", Degraded, Destination,
        "A source sends something that cannot be decoded.",
        "Play it in another program; if that fails too, change the camera's codec to H.264 or make the file anew.";
    SourceLost = "source_lost", Degraded, Destination,
        "A source that was live has stopped sending.",
        "Check its power and cable. It comes back by itself when it sends again; until then its slate is shown.";
    SourceFrozen = "source_frozen", Degraded, Destination,
        "A source is connected but its picture has stopped.",
        "Restart the camera; a capture card may have to be plugged in again. It comes back by itself.";
    DeviceMissing = "device_missing", Degraded, Machine,
        "A camera, microphone or screen of the show is not connected.",
        "Plug it in, or choose another: `pulse-studio devices` lists what is there.";
    EncoderFailed = "encoder_failed", Degraded, Machine,
        "An encoder stopped while it was working.",
        "The next one that works has taken over. If it happens again choose another with `--encoder`.";
    NoEncoder = "no_encoder", ShowStopper, Machine,
        "No video encoder on this machine works.",
        "Install a GStreamer H.264 encoder (x264 or openh264); `pulse-studio encoders` tells why each one fails.";
    DiskFull = "disk_full", ShowStopper, Machine,
        "The disk that is recorded to has no room left.",
        "Free some space or choose another folder. What was written until now plays.";
    DiskSlow = "disk_slow", Degraded, Machine,
        "The disk does not keep up with what is recorded.",
        "Record fewer cameras or less bitrate, or to a faster disk.";
    RecordingFailed = "recording_failed", ShowStopper, Machine,
        "A recording could not be started or has stopped.",
        "Check that the folder exists and may be written to, then start it again. `pulse-studio recover` mends what was cut short.";
    ShowInvalid = "show_invalid", ShowStopper, User,
        "The show file cannot be used.",
        "Mend the place that the message names, or make a new one with `pulse-studio show new`.";
    ShowNewer = "show_newer", ShowStopper, User,
        "The show file was saved by a newer Pulse Studio.",
        "Update Pulse Studio, or open an older copy of the show.";
    CueInvalid = "cue_invalid", ShowStopper, User,
        "The cues file cannot be used.",
        "Mend the cue that the message names.";
    AddressInvalid = "address_invalid", ShowStopper, User,
        "A source's or destination's address cannot be understood.",
        "Write it as the message says, for example `rtsp://HOST/PATH`, `file:PATH` or `device:default`.";
    DestinationRefused = "destination_refused", Degraded, User,
        "A destination does not let the program in: its key, passphrase or token is missing or not accepted.",
        "Copy the key from the destination's page again and paste it. Recording is not affected.";
    DestinationUnreachable = "destination_unreachable", Degraded, Destination,
        "A destination cannot be reached.",
        "Check the address and the network. It is tried again by itself; recording is not affected.";
    DestinationSilent = "destination_silent", Degraded, Destination,
        "A destination takes nothing any more, though the connection stands.",
        "Check the network. It is connected anew by itself; recording is not affected.";
    DestinationLost = "destination_lost", Degraded, Destination,
        "The connection to a destination was lost.",
        "It is connected anew by itself; recording is not affected.";
    OutputFailed = "output_failed", Degraded, Destination,
        "A destination cannot be published to.",
        "Check its address and key, and whether the platform says that it is live. Recording is not affected.";
    NotSupported = "not_supported", ShowStopper, User,
        "Something was asked for that this build or this machine cannot do.",
        "Choose one of the alternatives that the message names.";
    BadRequest = "bad_request", Notice, User,
        "An HTTP request cannot be understood.",
        "Send it as the API's documentation describes.";
    Unauthorized = "unauthorized", Notice, User,
        "An HTTP request has no key, or one that is not known.",
        "Send the key that was shown when it was made in the header X-Pulse-Key.";
    NotFound = "not_found", Notice, User,
        "There is nothing at the address of an HTTP request.",
        "Check the path, and the id in it.";
    MethodNotAllowed = "method_not_allowed", Notice, User,
        "The address of an HTTP request does not take its method.",
        "Use one of the methods in the answer's header Allow.";
    BodyTooLarge = "body_too_large", Notice, User,
        "The body of an HTTP request is larger than is taken.",
        "Send less at once.";
    Internal = "internal", ShowStopper, Bug,
        "Something happened that should not be able to.",
        "Please report it, with the log and what you were doing.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that went wrong, as it is told to the window, to scripts and to HTTP clients. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of thing it is.
    pub code: ErrorCode,
    /// How bad it is.
    pub severity: Severity,
    /// What happened to which named thing.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Fault {
    /// A fault with the code's usual severity and hint; change the fields where more is known.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), message: message.into(), hint: code.hint().to_owned() }
    }
}
