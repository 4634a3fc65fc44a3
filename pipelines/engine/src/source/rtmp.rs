//! A source that is sent to us by RTMP: OBS, a phone or an encoder connects and publishes (`rtmp://HOST:PORT/APP/KEY`).
//!
//! GStreamer has no RTMP server. A thread of our own takes the connection, and what comes goes into the pipeline as an FLV stream.
//! One pipeline is for one sender: when it leaves, the stream ends, the supervisor takes the pipeline down, and the next one listens again.
//!
//! May import: GStreamer, `mio`, `rml_rtmp`, this crate's own source modules. [`chunks`], [`amf`], [`flv`], [`pace`] and [`session`] are pure.

mod amf;
mod chunks;
mod feed;
mod flv;
mod listener;
mod pace;
mod session;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

use gst::prelude::*;

use self::{feed::Feed, listener::Listener};
use super::{branch::Ends, head};
use crate::status::SourceFault;

/// Where RTMP is listened for when the address does not say.
const PORT: u16 = 1935;
/// How much a message may be later than the quickest one and still be shown in time, in milliseconds.
const JITTER_MS: u64 = 200;

/// Listens at `url`, and builds the beginning of the pipeline for the sender that will come.
///
/// The port is free again a moment after the pipeline is gone, or when that sender has left.
pub(super) fn build(pipeline: &gst::Pipeline, ends: &Ends, url: &str) -> Result<(), SourceFault> {
    let node = &ends.order.node;
    let (name, address) = (node.name.clone(), node.address.redacted());
    let place = Place::parse(url);
    let door = match place.bind() {
        Ok(door) => door,
        Err(error) => return Err(SourceFault::Unreachable { name, address, cause: place.explain(&error) }),
    };
    let source = source();
    let mut waiting = Some((door, place));
    let called = name.clone();
    source.set_callbacks(
        gst_app::AppSrcCallbacks::builder()
            // Asked for when the pipeline plays: whoever connects before that waits at the door.
            .need_data(move |source, _| {
                if let Some((door, place)) = waiting.take()
                    && let Err(error) = listen(source, door, place, &called)
                {
                    gst::element_error!(
                        source,
                        gst::ResourceError::OpenRead,
                        ("no RTMP sender can be waited for: {error}")
                    );
                }
            })
            .build(),
    );
    head::lead_static(pipeline, source.upcast_ref(), ends).map_err(|error| SourceFault::Broken {
        name,
        address,
        cause: error.to_string(),
    })
}

fn source() -> gst_app::AppSrc {
    let source = gst_app::AppSrc::builder()
        .caps(&gst::Caps::new_empty_simple("video/x-flv"))
        // A stream in time keeps its place in running time through the FLV reader; one in bytes would begin at zero.
        .format(gst::Format::Time)
        .is_live(true)
        .max_bytes(feed::MAX_WAITING)
        .build();
    source.set_latency(gst::ClockTime::from_mseconds(JITTER_MS), None);
    source
}

/// Starts the thread that listens until `source` is gone.
fn listen(source: &gst_app::AppSrc, door: TcpListener, place: Place, name: &str) -> io::Result<()> {
    let listener = Listener::new(door, place, name.to_owned(), Feed::new(source, name.to_owned()))?;
    let stop = listener.stop_handle();
    std::thread::Builder::new().name("rtmp-listener".into()).spawn(move || listener.run())?;
    source.add_weak_ref_notify(move || stop.stop());
    Ok(())
}

/// Where senders are waited for, and what they must name.
struct Place {
    host: String,
    port: u16,
    /// App and key, joined by a slash.
    path: String,
}

impl Place {
    /// From `rtmp://HOST:PORT/APP/KEY`. Without a host, all of this machine's addresses are meant.
    fn parse(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(PORT)),
            _ => (authority, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self { host: host.to_owned(), port, path: path.trim_matches('/').to_owned() }
    }

    /// Whether a sender that names `app` and `key` is the one. They may be written as they are, or as in a URL.
    fn admits(&self, app: &str, key: &str) -> bool {
        let named = format!("{}/{}", app.trim_matches('/'), key.trim_matches('/'));
        named == self.path
            || percent_encoding::percent_decode_str(&self.path).decode_utf8().is_ok_and(|path| path == named)
    }

    fn bind(&self) -> io::Result<TcpListener> {
        let door = match self.host.as_str() {
            "" => TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port)),
            host => TcpListener::bind((host, self.port)),
        }?;
        door.set_nonblocking(true)?;
        Ok(door)
    }

    /// Why it cannot be listened here.
    fn explain(&self, error: &io::Error) -> String {
        let Self { host, port, .. } = self;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} is taken; close what uses it, or give this source another port")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("{host} is not an address of this machine; write 0.0.0.0 for all it has")
            }
            io::ErrorKind::PermissionDenied => format!("port {port} may not be listened on; take one above 1023"),
            _ => format!("it cannot be listened on: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_door_and_a_key() {
        let place = Place::parse("rtmp://user:pw@127.0.0.1:1940/live/cam/k%20y?x=1");
        assert_eq!((place.host.as_str(), place.port), ("127.0.0.1", 1940));
        assert!(place.admits("live", "cam/k y?x=1") && place.admits("/live/cam/", "k%20y?x=1"));
        assert!(!place.admits("live", "cam") && !place.admits("live/cam/k", "y?x=1"));
        let bare = Place::parse("rtmp://[::1]/live/key");
        assert_eq!((bare.host.as_str(), bare.port), ("::1", PORT));
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let place = Place::parse(&format!("rtmp://127.0.0.1:{port}/live/key"));
        let error = place.bind().unwrap_err();
        assert!(place.explain(&error).contains(&format!("port {port} is taken")));
    }
}
