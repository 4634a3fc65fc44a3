//! Addresses: what is read, what is refused with which remedy, and that no secret gets out.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::prelude::*;
use pulse_show::{Address, Kind, strategies};

fn read(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    text.parse::<Address>().unwrap_err().to_string()
}

#[test]
fn every_kind_is_read() {
    assert_eq!(read("test:ball"), Address::TestPicture { pattern: "ball".into() });
    let tone = |freq, volume| Address::TestTone { wave: "sine".into(), freq, volume };
    assert_eq!(read("test:sine"), tone(440.0, 0.2));
    assert_eq!(read("test:sine?volume=0%2E5&freq=1000"), tone(1000.0, 0.5));
    assert_eq!(read("file:clips/wide.mp4?loop"), Address::File { path: "clips/wide.mp4".into(), looped: true });
    assert_eq!(read("file:what?.mp4"), Address::File { path: "what?.mp4".into(), looped: false });
    assert_eq!(read(r"file:C:\clips\a.mp4?loop"), Address::File { path: r"C:\clips\a.mp4".into(), looped: true });
    assert_eq!(read("file:///srv/a.mp4"), Address::File { path: "/srv/a.mp4".into(), looped: false });
    assert_eq!(read("file:///C:/clips/a.mp4"), Address::File { path: "C:/clips/a.mp4".into(), looped: false });
    assert_eq!(read("file:50%25 off.mp4"), Address::File { path: "50%25 off.mp4".into(), looped: false });
    assert_eq!(read("image:logo.png"), Address::Image { path: "logo.png".into() });
    assert_eq!(read(r"text:Anna\nBen \\ C:\x"), Address::Text { text: "Anna\nBen \\ C:\\x".into() });
    assert_eq!(read("RTSP://cam/1"), Address::Rtsp { url: "rtsp://cam/1".into() });
    assert_eq!(read("rtsps://[::1]:8322/cam?x=1"), Address::Rtsp { url: "rtsps://[::1]:8322/cam?x=1".into() });
    assert_eq!(read("srt://:7001?mode=listener"), Address::Srt { url: "srt://:7001?mode=listener".into() });
    assert_eq!(read("rtmp://0.0.0.0:1935/live/key"), Address::Rtmp { url: "rtmp://0.0.0.0:1935/live/key".into() });
    assert_eq!(read("https://cam/a.m3u8"), Address::Http { url: "https://cam/a.m3u8".into() });
    assert_eq!(read("screen:1"), Address::Screen { index: 1 });
    assert_eq!(read("device:usb-0:1.2 Cam"), Address::Device { id: "usb-0:1.2 Cam".into() });
}

#[test]
fn what_is_no_address_is_refused_with_a_remedy() {
    let cases = [
        ("clips/wide.mp4", "begin it with test:, file:"),
        ("rtmps://host/app/key", "begin it with test:, file:"),
        ("", "begin it with test:"),
        ("test:", "name of a pattern"),
        ("test:ball?freq=3", "write `test:ball`"),
        ("test:sine?freq=5", "20 to 20000"),
        ("test:sine?freq=NaN", "20 to 20000"),
        ("test:sine?volume=2", "0 to 1"),
        ("test:sine?loud=1", "`loud` is no setting"),
        ("file:", "write the path"),
        ("file:?loop", "write the path"),
        ("text:  ", "write the words"),
        ("screen:", "`screen:0`"),
        ("screen:-1", "`screen:0`"),
        ("device: ", "`device:default`"),
        ("rtsp:cam/1", "write `//`"),
        ("rtsp:///1", "write the host"),
        ("rtsp://cam:0/1", "1 to 65535"),
        ("rtsp://cam:80000/1", "1 to 65535"),
        ("rtsp://cam/a b", "%20"),
        ("rtsp://cam/a\0b", "control character"),
        ("image:a\nb", "control character"),
        ("srt://host", "write the port"),
        ("srt://:7001", "?mode=listener"),
        ("srt://host:1?mode=shout", "caller, listener and rendezvous"),
        ("rtmp://host:1935/live", "rtmp://HOST:PORT/APP/KEY"),
    ];
    for (text, remedy) in cases {
        let error = refused(text);
        assert!(error.contains(remedy), "{text}: {error}");
        assert!(!error.contains('\n') || text.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn an_endless_address_is_refused_with_a_short_error() {
    let error = refused(&format!("rtsp://host/{}", "a".repeat(100_000)));
    assert!(error.len() < 500, "{}", error.len());
}

#[test]
fn secrets_are_taken_out() {
    let cases = [
        ("rtsp://anna:pw@cam:554/1", "rtsp://***@cam:554/1"),
        ("rtsp://anna@cam/1", "rtsp://***@cam/1"),
        ("http://a:p@ss@cam/1", "http://***@cam/1"),
        ("srt://host:1?mode=caller&passphrase=abc&streamid=x", "srt://host:1?mode=caller&passphrase=***&streamid=***"),
        ("rtmp://h:1935/live/abcd-1234", "rtmp://h:1935/live/***"),
        ("rtmp://h:1935/live/abcd-1234/", "rtmp://h:1935/live/***/"),
        (
            "https://h/a.m3u8?Access_Token=t&quality=hd&%6Bey=k",
            "https://h/a.m3u8?Access_Token=***&quality=hd&%6Bey=***",
        ),
        ("text:the password is at the door", "text:the password is at the door"),
    ];
    for (text, shown) in cases {
        assert_eq!(read(text).redacted(), shown);
        assert_eq!(format!("{:?}", read(text)), format!("Address({shown:?})"));
    }
}

#[test]
fn an_error_shows_no_secret_of_a_malformed_address() {
    let wrong = [
        "rtsp://anna:hunter2@cam:port/1",
        "rtsp://anna:hun/ter2hunter2@cam/1",
        "rtsp://anna:?hunter2@cam/1",
        "rtsp://anna:#hunter2@cam/1",
        "rtmps://h/live/hunter2",
        "rtsp:anna:hunter2@cam/1",
        "http://?key=hunter2",
        "srt://host?passphrase=hunter2",
    ];
    for text in wrong {
        let error = refused(text);
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_a_source_gives_is_known_from_its_address_where_it_can_be() {
    let cases = [
        ("test:sine", Kind::Sound, Some(false), Some(true)),
        ("test:ball", Kind::Picture, Some(true), Some(false)),
        ("text:a", Kind::Picture, Some(true), Some(false)),
        ("rtsp://cam", Kind::Open, None, None),
        ("device:default", Kind::Open, None, None),
    ];
    for (text, kind, video, audio) in cases {
        let address = read(text);
        assert_eq!((address.kind(), address.has_video(), address.has_audio()), (kind, video, audio), "{text}");
    }
}

#[test]
fn urls_have_usual_ports() {
    let cases = [
        ("rtsp://h/1", Some(554)),
        ("rtsps://h/1", Some(322)),
        ("rtmp://h/a/k", Some(1935)),
        ("http://h", Some(80)),
        ("https://h", Some(443)),
        ("srt://h:1", None),
        ("screen:0", None),
    ];
    for (text, port) in cases {
        assert_eq!(read(text).default_port(), port, "{text}");
    }
}

proptest! {
    #[test]
    fn every_address_comes_back_as_it_was_written(address in strategies::address()) {
        let text = address.to_string();
        prop_assert_eq!(text.parse::<Address>().map_err(|error| error.to_string()), Ok(address.clone()));
        let json = serde_json::to_string(&address).unwrap();
        prop_assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    }

    #[test]
    fn what_is_read_is_written_and_read_again_alike(text in "(test|file|image|text|screen|device|srt|rtsp|http)://?\\PC{0,30}") {
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }

    #[test]
    fn no_text_brings_the_reader_down(text in ".{0,100}") {
        let _ = text.parse::<Address>();
    }

    #[test]
    fn no_secret_gets_out_by_any_url(
        scheme in prop::sample::select(vec!["rtsp", "srt", "rtmp", "http", "https", "rtmps", "ftp"]),
        before in "[a-z]{0,4}", after in "[a-z@:]{0,4}", tail in "(/[a-z]{1,4}){0,3}",
        name in prop::sample::select(vec!["key", "token", "password", "secret", "passphrase", "streamid"]),
    ) {
        let url = format!("{scheme}://anna:{before}HUNTER2{after}@host{tail}?a=b&{name}=HUNTER2{after}&c=d");
        match url.parse::<Address>() {
            Ok(address) => prop_assert!(!format!("{} {address:?}", address.redacted()).contains("HUNTER2"), "{:?}", address),
            Err(error) => prop_assert!(!error.to_string().contains("HUNTER2"), "{}", error),
        }
    }
}
