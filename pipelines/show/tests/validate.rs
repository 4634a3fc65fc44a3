//! Validation: each range, name and reference is checked, and the fault names its place.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::prelude::*;
use pulse_show::{
    Canvas, Destination, EncoderChoice, FrameRate, Layer, OnLoss, Rect, Scene, Show, Source, Strip, TextStyle,
    Transition, TransitionKind, saved, strategies, validate,
};

/// A show with one of everything.
fn full() -> Show {
    let mut show = Show::empty(Canvas::default());
    let source = |name: &str, address: &str| Source::new(name, address.parse().unwrap());
    show.sources = vec![source("Cam", "test:ball"), source("Room", "test:sine")];
    show.sources[0].text = Some(TextStyle::default());
    show.scenes = vec![Scene::new("One"), Scene::new("Two")];
    show.scenes[1].layers = vec![Layer::full("cam".into()), Layer { id: "top".into(), ..Layer::full("cam".into()) }];
    show.overlays = vec![Layer::full("cam".into())];
    show.strips = vec![Strip::new("room".into()), Strip::new("cam".into())];
    let to = |id: &str| Destination { id: id.into(), name: id.into(), url: "rtmp://host/app".into() };
    show.destinations = vec![to("a"), to("b")];
    show
}

/// The places that a change makes faulty.
fn places(change: impl FnOnce(&mut Show)) -> Vec<String> {
    let mut show = full();
    change(&mut show);
    validate(&show).err().into_iter().flatten().map(|fault| fault.place).collect()
}

fn rate(text: &str) -> FrameRate {
    text.parse().unwrap()
}

#[test]
fn a_show_with_one_of_everything_is_valid() {
    assert_eq!(validate(&full()), Ok(()));
}

#[test]
fn a_fault_is_one_line() {
    let mut show = full();
    show.scenes[1].layers[0].source = "altar".into();
    let faults = validate(&show).unwrap_err();
    assert_eq!(
        faults[0].to_string(),
        "scenes[1].layers[0].source: there is no source \"altar\"; choose one of `sources`, or add it"
    );
}

#[test]
fn the_canvas_is_even_and_within_4k() {
    assert_eq!(places(|show| show.canvas.width = 1281), ["canvas.width"]);
    assert_eq!(places(|show| show.canvas.width = 62), ["canvas.width"]);
    assert_eq!(places(|show| show.canvas.width = 3842), ["canvas.width"]);
    assert_eq!(places(|show| show.canvas.height = 2162), ["canvas.height"]);
    assert_eq!(places(|show| (show.canvas.width, show.canvas.height) = (3840, 2160)), [""; 0]);
}

#[test]
fn the_rate_is_1_to_60() {
    assert_eq!(places(|show| show.canvas.rate = rate("61")), ["canvas.rate"]);
    assert_eq!(places(|show| show.canvas.rate = rate("1/2")), ["canvas.rate"]);
    assert_eq!(places(|show| show.canvas.rate = rate("4294967290/4294967290")), ["canvas.rate"]);
    assert_eq!(places(|show| show.canvas.rate = rate("60000/1001")), [""; 0]);
}

#[test]
fn sources_have_plain_ids_and_names_of_their_own() {
    assert_eq!(places(|show| show.sources[0].name = "Room".into()), ["sources[1].name"]);
    assert_eq!(
        places(|show| show.sources.push(Source { name: "x".into(), ..show.sources[0].clone() })),
        ["sources[2].id"]
    );
    assert_eq!(places(|show| show.sources[0].name = " ".into()), ["sources[0].name"]);
    assert_eq!(places(|show| show.sources[0].name = "a\nb".into()), ["sources[0].name"]);
    assert_eq!(places(|show| show.sources[0].name = "a".repeat(201)), ["sources[0].name"]);
    for id in ["", "../x", "a b", &"a".repeat(101)] {
        let wrong = |show: &mut Show| {
            show.sources.push(Source { id: id.into(), name: "x".into(), ..show.sources[0].clone() });
        };
        assert_eq!(places(wrong), ["sources[2].id"], "{id}");
    }
}

#[test]
fn an_address_made_by_hand_is_one_that_can_be_typed() {
    let address = |address| places(|show| show.sources[0].address = address);
    assert_eq!(address(pulse_show::Address::File { path: "a?loop".into(), looped: false }), ["sources[0].address"]);
    assert_eq!(address(pulse_show::Address::Rtsp { url: "http://cam".into() }), ["sources[0].address"]);
    let tone = pulse_show::Address::TestTone { wave: "sine".into(), freq: f32::NAN, volume: 0.5 };
    assert_eq!(address(tone), ["sources[0].address"]);
}

#[test]
fn scenes_and_layers_have_ids_of_their_own() {
    assert_eq!(places(|show| show.scenes[1].name = "One".into()), ["scenes[1].name"]);
    assert_eq!(places(|show| show.scenes[1].id = "one".into()), ["scenes[1].id"]);
    assert_eq!(places(|show| show.scenes[1].layers[1].id = "cam".into()), ["scenes[1].layers[1].id"]);
    assert_eq!(places(|show| show.overlays.push(show.overlays[0].clone())), ["overlays[1].id"]);
}

#[test]
fn what_is_referred_to_is_there() {
    assert_eq!(places(|show| show.overlays[0].source = "x".into()), ["overlays[0].source"]);
    assert_eq!(places(|show| show.strips[1].source = "x".into()), ["strips[1].source"]);
    let stinger = Transition { kind: TransitionKind::Stinger("x".into()), ms: 500 };
    assert_eq!(places(|show| show.transition = stinger), ["transition.kind.stinger"]);
}

#[test]
fn layers_are_within_their_ranges() {
    let layer = |change: fn(&mut Layer)| places(|show| change(&mut show.scenes[1].layers[0]));
    assert_eq!(layer(|layer| layer.rect.x = f32::NAN), ["scenes[1].layers[0].rect.x"]);
    assert_eq!(layer(|layer| layer.rect.y = f32::INFINITY), ["scenes[1].layers[0].rect.y"]);
    let rect = Rect { x: 0.0, y: 0.0, width: 10.0, height: 0.0 };
    assert_eq!(places(|show| show.scenes[1].layers[0].rect = rect), ["scenes[1].layers[0].rect"]);
    let rect = Rect { x: 0.0, y: 0.0, width: -10.0, height: 10.0 };
    assert_eq!(places(|show| show.scenes[1].layers[0].rect = rect), ["scenes[1].layers[0].rect.width"]);
    assert_eq!(layer(|layer| layer.rotation = f32::NEG_INFINITY), ["scenes[1].layers[0].rotation"]);
    assert_eq!(layer(|layer| layer.opacity = 1.01), ["scenes[1].layers[0].opacity"]);
    assert_eq!(layer(|layer| layer.opacity = f32::NAN), ["scenes[1].layers[0].opacity"]);
    assert_eq!(layer(|layer| layer.corner_radius = -1.0), ["scenes[1].layers[0].corner_radius"]);
    assert_eq!(layer(|layer| layer.crop.left = -0.1), ["scenes[1].layers[0].crop.left"]);
    assert_eq!(layer(|layer| (layer.crop.top, layer.crop.bottom) = (0.5, 0.5)), ["scenes[1].layers[0].crop"]);
}

#[test]
fn sound_and_encoding_are_within_their_ranges() {
    assert_eq!(places(|show| show.strips[0].gain_db = 20.5), ["strips[0].gain_db"]);
    assert_eq!(places(|show| show.strips[0].gain_db = f32::NAN), ["strips[0].gain_db"]);
    assert_eq!(places(|show| show.strips[0].pan = -1.5), ["strips[0].pan"]);
    assert_eq!(places(|show| show.strips[0].delay_ms = 2001), ["strips[0].delay_ms"]);
    assert_eq!(places(|show| show.strips[0].source = "cam".into()), ["strips[1].source"]);
    assert_eq!(places(|show| show.master.gain_db = -61.0), ["master.gain_db"]);
    assert_eq!(places(|show| show.master.limiter_dbfs = Some(0.5)), ["master.limiter_dbfs"]);
    assert_eq!(places(|show| show.encoding.video_bitrate = 99_999), ["encoding.video_bitrate"]);
    assert_eq!(places(|show| show.encoding.audio_bitrate = 512_001), ["encoding.audio_bitrate"]);
    assert_eq!(places(|show| show.encoding.gop_ms = 100), ["encoding.gop_ms"]);
    assert_eq!(places(|show| show.encoding.preset = "warp".into()), ["encoding.preset"]);
    assert_eq!(places(|show| show.encoding.encoder = EncoderChoice::Named("a b".into())), ["encoding.encoder"]);
    assert_eq!(places(|show| show.transition.ms = 10_001), ["transition.ms"]);
}

#[test]
fn the_rest_is_checked_too() {
    assert_eq!(places(|show| show.schema = 1), ["schema"]);
    assert_eq!(
        places(|show| show.sources[0].text = Some(TextStyle { size: 3.0, ..TextStyle::default() })),
        ["sources[0].text.size"]
    );
    assert_eq!(places(|show| show.destinations[1].id = "a".into()), ["destinations[1].id"]);
    assert_eq!(places(|show| show.destinations[1].url = " ".into()), ["destinations[1].url"]);
    assert_eq!(places(|show| show.title = "a\tb".into()), ["title"]);
    assert_eq!(places(|show| show.sources[0].on_loss = OnLoss::LastFrame), [""; 0]);
}

#[test]
fn rates_and_colours_are_written_as_they_are_read() {
    for text in ["30", "30000/1001", "25/2"] {
        assert_eq!(rate(text).to_string(), text);
    }
    for text in ["", "0", "30/0", "-1", "29.97", "30/1/1", "x"] {
        assert!(text.parse::<FrameRate>().is_err(), "{text}");
    }
    for (fps, text) in
        [(29.97, "30000/1001"), (23.976, "24000/1001"), (59.94, "60000/1001"), (25.0, "25"), (12.5, "12500/1000")]
    {
        assert_eq!(FrameRate::nearest(fps).unwrap().to_string(), text);
    }
    for fps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
        assert_eq!(FrameRate::nearest(fps), None, "{fps}");
    }
    for (text, rgba) in [("#0a1B2c", [10, 27, 44, 255]), ("#00000080", [0, 0, 0, 128])] {
        let color: pulse_show::Rgba = text.parse().unwrap();
        assert_eq!((color.0, color.to_string()), (rgba, text.to_lowercase()));
    }
    for text in ["", "#", "0a1b2c", "#0a1b2", "#0a1b2g", "#+a1b2c", "#é00000"] {
        assert!(text.parse::<pulse_show::Rgba>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn the_strategies_make_valid_shows(show in strategies::show()) {
        prop_assert_eq!(validate(&show), Ok(()));
    }

    #[test]
    fn the_place_of_a_fault_is_a_path_into_the_saved_form(show in strategies::show(), scene in 0_usize..4, layer in 0_usize..4) {
        let mut show = show;
        let Some(layer) = show.scenes.get_mut(scene).and_then(|scene| scene.layers.get_mut(layer)) else { return Ok(()) };
        layer.source = "nowhere".into();
        let document: serde_json::Value = serde_json::from_str(&saved::save(&show)).unwrap();
        let faults = validate(&show).unwrap_err();
        let pointer = format!("/{}", faults[0].place.replace('[', "/").replace(']', "").replace('.', "/"));
        prop_assert_eq!(document.pointer(&pointer), Some(&serde_json::Value::from("nowhere")));
    }
}
