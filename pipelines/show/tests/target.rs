//! Destinations: what may be saved is parted from what may not, and nonsense is refused without telling the secret.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use proptest::prelude::*;
use pulse_show::target::{Target, part};

fn secret(address: &str) -> (String, Option<String>) {
    let parted = part(address).unwrap();
    (parted.url, parted.secret.map(|secret| secret.reveal().to_owned()))
}

#[test]
fn the_key_is_parted_from_the_place() {
    for (address, url, key) in [
        ("rtmp://a.example/live/abcd-efgh", "rtmp://a.example/live", Some("abcd-efgh")),
        ("rtmps://a.example:443/app/inst/key?auth=1", "rtmps://a.example:443/app/inst", Some("key?auth=1")),
        ("rtmp://a.example/live", "rtmp://a.example/live", None),
        ("srt://h:9000?passphrase=0123456789&latency=200", "srt://h:9000?latency=200", Some("0123456789")),
        ("livekit:ws://h:7880?room=w&token=ey.J", "livekit:ws://h:7880?room=w", Some("ey.J")),
        ("whip:https://h/whip?token=t", "whip:https://h/whip", Some("t")),
        ("hls:out/live", "hls:out/live", None),
    ] {
        assert_eq!(secret(address), (url.to_owned(), key.map(ToOwned::to_owned)), "{address}");
    }
    let parted = part("srt://h:9000?streamid=publish%3Ame").unwrap();
    assert_eq!((parted.url.as_str(), parted.stream_id.unwrap().reveal()), ("srt://h:9000", "publish:me"));
}

#[test]
fn what_is_meant_is_read() {
    let read = |text: &str| text.parse::<Target>().unwrap();
    assert_eq!(read("srt://:7001?mode=listener"), Target::Srt { host: None, port: 7001, latency_ms: 120 });
    assert_eq!(read("srt://h:1?latency=40"), Target::Srt { host: Some("h".into()), port: 1, latency_ms: 40 });
    let room = Target::LiveKit {
        url: "wss://h".into(),
        room: "big day".into(),
        identity: "studio".into(),
        simulcast: true,
        cameras: false,
    };
    assert_eq!(read("livekit:wss://h/?room=big%20day&simulcast=true"), room);
    assert!(room.is_webrtc() && !read("hls:x").is_webrtc());
}

#[test]
fn nonsense_is_refused_with_what_would_be_right() {
    for (address, says) in [
        ("", "must be one line"),
        ("ftp://h/x", "must begin with"),
        ("rtmp://h", "rtmp://host/application/key"),
        ("rtmp://user:pw@h/live/key", "user name"),
        ("srt://h", "srt://host:port"),
        ("srt://h:9000?mode=both", "caller or listener"),
        ("srt://h:9000?latency=-3", "milliseconds"),
        ("srt://h:9000?passphrase=short", "10 to 79"),
        ("livekit:ws://h", "room"),
        ("livekit:http://h?room=a", "livekit:wss://host"),
        ("livekit:ws://h?room=a&simulcast=maybe", "true or false"),
        ("whip:ftp://h", "whip:https://host/path"),
        ("hls:", "hls:FOLDER"),
    ] {
        let error = part(address).unwrap_err().to_string();
        assert!(error.contains(says), "{address}: {error}");
    }
}

proptest! {
    #[test]
    fn a_secret_is_in_nothing_that_is_shown(key in "[A-Za-z0-9]{12,40}") {
        for address in [
            format!("rtmp://h/live/{key}"),
            format!("srt://h:9000?passphrase={key}&streamid=x{key}"),
            format!("srt://h:9000?passphrase={key}&mode=wrong"),
            format!("livekit:ws://h?room=a&token={key}"),
            format!("livekit:ws://h?token={key}"),
            format!("whip:https://h/a?token={key}"),
            format!("rtmp://me:{key}@h/live/{key}"),
        ] {
            let shown = match part(&address) {
                Ok(parted) => format!("{parted:?} {:?}", parted.url.parse::<Target>()),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains(&key), "{}", shown);
        }
    }

    #[test]
    fn anything_is_read_or_refused(text in "\\PC{0,60}", scheme in "(rtmp://|srt://|livekit:ws://|whip:https://|hls:|)") {
        if let Ok(parted) = part(&format!("{scheme}{text}")) {
            prop_assert!(parted.url.parse::<Target>().is_ok());
        }
    }
}
