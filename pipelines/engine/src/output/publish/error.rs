//! Why a destination is not live, in our own words: what elements say may carry the whole address, key and all.

use pulse_show::Target;

use super::{Order, webrtc};

/// Why a destination is not live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The secret is needed and there is none.
    #[error("{name} has no {what}. Paste it and go live again.")]
    NoSecret {
        /// The destination.
        name: String,
        /// What is missing: `stream key`.
        what: &'static str,
    },
    /// The other side does not know the secret.
    #[error("{name} does not accept the {what} ({cause}). Paste a new one.")]
    Refused {
        /// The destination.
        name: String,
        /// What was refused: `stream key`.
        what: &'static str,
        /// What it said.
        cause: String,
    },
    /// The other side hangs up before it takes anything.
    #[error("{name} hangs up at once: most likely it does not know the {what}. Paste a new one, or try again later.")]
    ShutOut {
        /// The destination.
        name: String,
        /// What it may not know: `stream key`.
        what: &'static str,
    },
    /// Nobody is there.
    #[error("{name} cannot be reached ({cause}). Check the address and the network; it is tried again by itself.")]
    Unreachable {
        /// The destination.
        name: String,
        /// What the system said.
        cause: String,
    },
    /// It is there and lets nothing through.
    #[error("{name} takes nothing any more (for {seconds} s). It is tried again by itself.")]
    Silent {
        /// The destination.
        name: String,
        /// For how long.
        seconds: u64,
    },
    /// The connection ended.
    #[error("the connection to {name} was lost ({cause}). It is tried again by itself.")]
    Lost {
        /// The destination.
        name: String,
        /// What the system said.
        cause: String,
    },
    /// Something is missing on this machine.
    #[error("{name} cannot be published to: {cause}")]
    Lacking {
        /// The destination.
        name: String,
        /// What is missing.
        cause: String,
    },
}

impl PublishError {
    /// What a loss means when nothing had been taken yet.
    pub(super) fn before_live(self, target: &Target) -> Self {
        match self {
            Self::Lost { name, .. } if matches!(target, Target::Srt { .. }) => Self::Unreachable {
                name,
                cause: "nobody answers, or not under this passphrase and stream id".to_owned(),
            },
            Self::Lost { name, .. } => Self::ShutOut { name, what: secret_of(target) },
            other => other,
        }
    }

    /// A stable word for it, as documented for error codes.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoSecret { .. } | Self::Refused { .. } | Self::ShutOut { .. } => "destination_refused",
            Self::Unreachable { .. } => "destination_unreachable",
            Self::Silent { .. } => "destination_silent",
            Self::Lost { .. } => "destination_lost",
            Self::Lacking { .. } => "not_supported",
        }
    }

    /// Whether another try with the same settings is in vain.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::NoSecret { .. } | Self::Refused { .. } | Self::Lacking { .. })
    }
}

/// What people call the secret that lets the program in.
fn secret_of(target: &Target) -> &'static str {
    match target {
        Target::Rtmp { .. } => "stream key",
        Target::Srt { .. } => "passphrase or stream id",
        Target::LiveKit { .. } | Target::Whip { .. } => "token",
        Target::Hls { .. } => "folder",
    }
}

/// What an element's error means for this destination. Errors may carry the whole address, key and all: only our own words go out.
pub(super) fn explain(order: &Order, error: &gst::glib::Error, detail: &str) -> PublishError {
    let name = order.name.clone();
    let said = format!("{} {detail}", error.message()).to_lowercase();
    if order.target.is_webrtc() {
        return webrtc::explain(order, &said);
    }
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if any(&["denied", "not authorized", "unauthorized", "badname", "authentication", "rejected", "badsecret"]) {
        let what = secret_of(&order.target);
        return PublishError::Refused { name, what, cause: "it refused to publish".to_owned() };
    }
    let unreachable = |cause: &str| PublishError::Unreachable { name: name.clone(), cause: cause.to_owned() };
    let opening = [
        gst::ResourceError::NotFound,
        gst::ResourceError::OpenRead,
        gst::ResourceError::OpenWrite,
        gst::ResourceError::OpenReadWrite,
    ];
    if any(&["connection refused"]) {
        return unreachable("nobody listens there");
    }
    if any(&["resolv", "name or service", "no address"]) {
        return unreachable("there is no such host");
    }
    if any(&["unreachable", "no route"]) {
        return unreachable("the network does not lead there");
    }
    if any(&["certificate", "tls"]) {
        return unreachable("its certificate is not one that this computer trusts");
    }
    if any(&["short read", "handshake"]) {
        return unreachable("what answers there does not speak RTMP");
    }
    if any(&["timed out", "timeout"]) {
        return unreachable("it does not answer");
    }
    if opening.into_iter().any(|kind| error.matches(kind)) {
        return unreachable("it could not be opened");
    }
    PublishError::Lost { name, cause: "the other side closed it".to_owned() }
}
