//! Compiling: what of a show is drawn, heard, encoded and put out.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::prelude::*;
use pulse_plan::{AudioCodec, Capabilities, OutputId, OutputKind, Refusal, StripPlan, VideoCodec, VideoSpec, compile};
use pulse_show::{
    Canvas, Destination, EncoderChoice, Fit, Layer, Live, Profile, Record, Rect, Scene, Show, Source, Strip, Studio,
    Take, Transition, TransitionKind, strategies,
};

const EVERYTHING: Record = Record { program: true, iso: true, audio: true };

/// A 1280x720 show with a source for each name and address and a scene for each name and layers, the first one on air.
fn studio(sources: &[(&str, &str)], scenes: &[(&str, Vec<Layer>)]) -> Studio {
    let mut show = Show::empty(Canvas { width: 1280, height: 720, ..Canvas::default() });
    show.sources = sources.iter().map(|(name, address)| Source::new(*name, address.parse().unwrap())).collect();
    show.scenes = scenes.iter().map(|(name, layers)| Scene { layers: layers.clone(), ..Scene::new(*name) }).collect();
    let live = Live::initial(&show);
    Studio { revision: 0, show, live }
}

fn full(source: &str) -> Layer {
    Layer::full(source.into())
}

fn stinger(source: &str) -> Transition {
    Transition { kind: TransitionKind::Stinger(source.into()), ms: 500 }
}

fn caps() -> Capabilities {
    Capabilities { h264: vec!["vah264enc".into(), "x264enc".into()], audio: vec![AudioCodec::Opus, AudioCodec::Aac] }
}

/// The sources that are drawn of these layers.
fn drawn(layers: Vec<Layer>) -> Vec<String> {
    let sources = [
        ("cam", "rtsp://cam"),
        ("ball", "test:ball"),
        ("logo", "image:a.png"),
        ("clip", "file:a.webm"),
        ("tone", "test:sine"),
    ];
    let graph = compile(&studio(&sources, &[("one", layers)]), &caps()).graph;
    graph.program.scene.iter().map(|draw| draw.source.to_string()).collect()
}

#[test]
fn what_cannot_be_seen_is_not_drawn() {
    let hidden = Layer { visible: false, ..full("cam") };
    let clear = Layer { opacity: 0.0, ..full("cam") };
    assert_eq!(drawn(vec![hidden, full("logo"), clear, full("tone"), full("clip")]), ["logo", "clip"]);
}

#[test]
fn what_is_covered_for_certain_is_not_drawn() {
    let over = |layer: Layer| drawn(vec![full("logo"), layer]).len();
    let cover = |source| Layer { fit: Fit::Cover, ..full(source) };
    let at = |x: f32, y: f32, width: f32, height: f32| Layer { rect: Rect { x, y, width, height }, ..cover("cam") };
    assert_eq!(over(cover("cam")), 1);
    assert_eq!(over(Layer { fit: Fit::Stretch, ..full("ball") }), 1);
    assert_eq!(over(full("cam")), 2, "contained, it may leave bars");
    assert_eq!(over(cover("clip")), 2, "a file may have alpha");
    assert_eq!(over(Layer { opacity: 0.9, ..cover("cam") }), 2);
    assert_eq!(over(Layer { rotation: 1.0, ..cover("cam") }), 2);
    assert_eq!(over(Layer { corner_radius: 1.0, ..cover("cam") }), 2);
    assert_eq!(over(at(-10.0, -10.0, 1300.0, 800.0)), 1);
    assert_eq!(over(at(0.0, 0.0, 1280.0, 718.0)), 2);
    assert_eq!(over(at(0.0, 0.0, 1278.0, 720.0)), 2);
    assert_eq!(over(at(2.0, 0.0, 1280.0, 720.0)), 2);
    assert_eq!(over(at(0.0, 2.0, 1280.0, 720.0)), 2);
}

#[test]
fn a_box_that_is_left_out_is_the_canvas_or_the_pictures_own() {
    let at = Rect { x: 40.0, y: 20.0, ..Rect::default() };
    let layers = vec![full("cam"), full("words"), Layer { rect: at, ..full("cam") }];
    let scene = compile(&studio(&[("cam", "rtsp://cam"), ("words", "text:a")], &[("one", layers)]), &caps())
        .graph
        .program
        .scene;
    assert_eq!(scene[0].rect, Rect { x: 0.0, y: 0.0, width: 1280.0, height: 720.0 });
    assert_eq!(scene[1].rect, Rect::default());
    assert_eq!(scene[2].rect, at);
}

#[test]
fn program_preview_take_and_t_bar_each_have_their_scene() {
    let scenes = ["one", "two", "three"].map(|name| (name, vec![full(name)]));
    let mut studio = studio(&[("one", "rtsp://1"), ("two", "rtsp://2"), ("three", "rtsp://3")], &scenes);
    let fade = Transition { kind: TransitionKind::Fade, ms: 100 };
    studio.show.overlays = vec![full("three")];
    studio.show.transition = fade.clone();
    let transition = Transition::cut();
    studio.live.take = Some(Take { number: 7, from: Some("three".into()), transition: transition.clone(), start: 0.5 });
    studio.live.tbar = Some(0.25);
    let graph = compile(&studio, &caps()).graph;
    assert_eq!(graph.program.scene[0].source.as_str(), "one");
    assert_eq!(graph.preview[0].source.as_str(), "two");
    assert_eq!(graph.program.overlays[0].source.as_str(), "three");
    let (take, tbar) = (graph.program.take.unwrap(), graph.program.tbar.unwrap());
    assert_eq!((take.number, take.from[0].source.as_str(), take.transition, take.start), (7, "three", transition, 0.5));
    assert_eq!((tbar.position, tbar.to[0].source.as_str(), tbar.transition), (0.25, "two", fade));
}

/// The sources held at their first frame, and those recorded on their own.
fn held_and_isos(studio: &Studio) -> (Vec<String>, Vec<String>) {
    let graph = compile(studio, &caps()).graph;
    let held = graph.sources.iter().filter(|(_, node)| node.held).map(|(id, _)| id.to_string()).collect();
    let isos = graph.outputs.keys().filter_map(|id| id.as_str().strip_prefix("iso:")).map(str::to_owned).collect();
    (held, isos)
}

#[test]
fn a_stinger_is_held_and_not_a_camera() {
    let sources = [("cam", "rtsp://1"), ("ribbon", "file:r.webm"), ("other", "file:o.webm")];
    let mut studio = studio(&sources, &[("one", vec![full("cam")])]);
    studio.live.record = EVERYTHING;
    let texts = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    assert_eq!(held_and_isos(&studio), (texts(&[]), texts(&["cam", "other", "ribbon"])));
    studio.show.transition = stinger("ribbon");
    assert_eq!(held_and_isos(&studio), (texts(&["ribbon"]), texts(&["cam", "other"])));
    studio.live.take = Some(Take { number: 1, from: None, transition: stinger("other"), start: 0.0 });
    assert_eq!(held_and_isos(&studio), (texts(&["other", "ribbon"]), texts(&["cam"])));
    studio.live.take = None;
    studio.show.transition = stinger("cam");
    assert_eq!(held_and_isos(&studio), (texts(&[]), texts(&["cam", "other", "ribbon"])), "a live camera does not wait");
}

#[test]
fn a_microphone_is_neither_drawn_nor_a_camera() {
    let mut studio = studio(&[("mic", "device:default")], &[("one", vec![full("mic")])]);
    studio.show.strips = vec![Strip::new("mic".into())];
    studio.live.record = EVERYTHING;
    let outputs = |studio: &Studio| {
        let graph = compile(studio, &caps()).graph;
        let ids: Vec<String> = graph.outputs.keys().map(OutputId::to_string).collect();
        (graph.program.scene.len(), ids)
    };
    let ids = |ids: &[&str]| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>();
    assert_eq!(outputs(&studio), (1, ids(&["iso:mic", "record:program", "stem:mic"])));
    studio.show.sources[0].sound_only = true;
    assert_eq!(outputs(&studio), (0, ids(&["record:program", "stem:mic"])));
}

/// The gains of `cam` (on air), `other` (in preview) and `room` (a sound) after a change.
fn gains(change: impl FnOnce(&mut Studio)) -> Vec<f32> {
    let sources = [("cam", "rtsp://1"), ("other", "rtsp://2"), ("room", "test:sine"), ("ball", "test:ball")];
    let mut studio = studio(&sources, &[("one", vec![full("cam")]), ("two", vec![full("other")])]);
    studio.show.strips = sources.iter().map(|(name, _)| Strip::new((*name).into())).collect();
    change(&mut studio);
    let sound = compile(&studio, &caps()).graph.sound;
    assert!(!sound.strips.contains_key("ball"), "a test picture has no sound");
    sound.strips.values().map(|strip| strip.gain).collect()
}

#[test]
fn mute_and_solo_are_resolved() {
    assert_eq!(gains(|_| {}), [1.0, 1.0, 1.0]);
    assert_eq!(gains(|studio| studio.show.strips[0].mute = true), [0.0, 1.0, 1.0]);
    assert_eq!(gains(|studio| studio.show.strips[1].solo = true), [0.0, 1.0, 0.0]);
    let muted_solo = |studio: &mut Studio| {
        studio.show.strips[1].solo = true;
        studio.show.strips[1].mute = true;
    };
    assert_eq!(gains(muted_solo), [0.0, 0.0, 0.0]);
}

#[test]
fn audio_follows_video() {
    let follow = |change: fn(&mut Studio)| {
        gains(|studio| {
            studio.show.strips.iter_mut().for_each(|strip| strip.follow = true);
            change(studio);
        })
    };
    assert_eq!(follow(|_| {}), [1.0, 0.0, 0.0]);
    assert_eq!(follow(|studio| studio.live.tbar = Some(0.1)), [1.0, 1.0, 0.0]);
    assert_eq!(follow(|studio| studio.show.scenes[0].layers[0].visible = false), [0.0, 0.0, 0.0]);
    assert_eq!(follow(|studio| studio.show.overlays = vec![full("other")]), [1.0, 1.0, 0.0]);
}

#[test]
fn decibels_become_factors() {
    let gain = |db: f32| gains(|studio| studio.show.strips[0].gain_db = db)[0];
    assert!((gain(-6.0206) - 0.5).abs() < 1e-5);
    assert!((gain(20.0) - 10.0).abs() < 1e-5);
    assert!((gain(-59.9) - 0.001_011_6).abs() < 1e-6);
    assert_eq!(gain(-60.0), 0.0);
}

#[test]
fn strips_and_master_keep_their_settings() {
    let mut studio = studio(&[("cam", "rtsp://1")], &[]);
    studio.show.strips = vec![Strip { pan: -0.5, delay_ms: 120, ..Strip::new("cam".into()) }];
    studio.show.master.limiter_dbfs = Some(-20.0);
    let sound = compile(&studio, &caps()).graph.sound;
    assert_eq!(sound.strips["cam"], StripPlan { gain: 1.0, pan: -0.5, delay_ms: 120 });
    assert_eq!(sound.master_gain, 1.0);
    assert!(sound.ceiling.is_some_and(|ceiling| (ceiling - 0.1).abs() < 1e-6));
    (studio.show.master.mute, studio.show.master.limiter_dbfs) = (true, None);
    let sound = compile(&studio, &caps()).graph.sound;
    assert_eq!((sound.master_gain, sound.ceiling), (0.0, None));
}

/// Two cameras, a microphone, an image and a text; everything is recorded, and it is published to two of three destinations.
fn busy() -> Studio {
    let sources = [
        ("cam", "rtsp://1"),
        ("ball", "test:ball"),
        ("room", "test:sine"),
        ("logo", "image:a.png"),
        ("words", "text:a"),
    ];
    let mut studio = studio(&sources, &[("one", vec![full("cam")])]);
    studio.show.strips = vec![Strip::new("room".into()), Strip::new("cam".into()), Strip::new("logo".into())];
    let to = |id: &str, url: &str| Destination { id: id.into(), name: id.into(), url: url.into() };
    studio.show.destinations =
        vec![to("tube", "rtmp://host/app"), to("hall", "livekit:ws://host?room=hall"), to("idle", "srt://host:1")];
    studio.show.encoding.profile = Profile::ConstrainedBaseline;
    studio.live.record = EVERYTHING;
    studio.live.publish = vec!["tube".into(), "hall".into()];
    studio
}

fn program_spec() -> VideoSpec {
    VideoSpec {
        codec: VideoCodec::H264,
        width: 1280,
        height: 720,
        rate: (30, 1),
        bitrate: 6_000_000,
        preset: "veryfast".into(),
        gop_ms: 2000,
        prefer: None,
        profile: Profile::ConstrainedBaseline,
    }
}

#[test]
fn outputs_share_their_encoders() {
    let compiled = compile(&busy(), &caps());
    let graph = compiled.graph;
    assert_eq!(compiled.refusals, []);
    let ids: Vec<&str> = graph.outputs.keys().map(OutputId::as_str).collect();
    let wanted = ["iso:ball", "iso:cam", "publish:hall", "publish:tube", "record:program", "stem:cam", "stem:room"];
    assert_eq!(ids, wanted);
    assert_eq!(graph.video_encoders.iter().collect::<Vec<_>>(), [&program_spec()]);
    let audio = |id: usize| graph.outputs.values().nth(id).and_then(|node| node.audio.as_ref()).map(|spec| spec.codec);
    assert_eq!([audio(2), audio(3), audio(4)], [Some(AudioCodec::Opus), Some(AudioCodec::Aac), Some(AudioCodec::Aac)]);
    assert_eq!(graph.audio_encoders.len(), 2);
}

#[test]
fn a_camera_without_bytes_of_its_own_is_encoded_fast() {
    let graph = compile(&busy(), &caps()).graph;
    let fallback = VideoSpec { preset: "ultrafast".into(), ..program_spec() };
    let kind = OutputKind::Iso { source: "cam".into(), name: "cam".into(), fallback };
    let node = &graph.outputs[&OutputId::from(&kind)];
    assert_eq!((&node.kind, &node.video, &node.audio), (&kind, &None, &None));
}

#[test]
fn nothing_is_encoded_for_nobody() {
    let mut studio = busy();
    studio.live.publish.clear();
    studio.live.record = Record { audio: true, ..Record::default() };
    let compiled = compile(&studio, &Capabilities::default());
    let graph = compiled.graph;
    assert_eq!((graph.video_encoders.len(), graph.audio_encoders.len(), graph.outputs.len()), (0, 0, 2));
    assert_eq!(compiled.refusals, []);
}

#[test]
fn the_encoder_asked_for_is_tried_first_if_it_works() {
    let with = |name: &str| {
        let mut studio = busy();
        studio.show.encoding.encoder = EncoderChoice::Named(name.into());
        let compiled = compile(&studio, &caps());
        let prefer = compiled.graph.video_encoders.first().unwrap().prefer.clone();
        (prefer, compiled.refusals.iter().map(Refusal::to_string).collect::<Vec<_>>())
    };
    assert_eq!(with("x264"), (Some("x264enc".into()), vec![]));
    assert_eq!(with("vah264enc"), (Some("vah264enc".into()), vec![]));
    let notice = "the encoder \"nvh264enc\": it is not there or does not work on this machine; \
                  set the encoder to auto or to one of vah264enc, x264enc (until then: vah264enc)";
    assert_eq!(with("nvh264enc"), (None, vec![notice.into()]));
}

#[test]
fn without_a_video_encoder_each_wish_for_one_is_refused() {
    let compiled = compile(&busy(), &Capabilities { h264: Vec::new(), ..caps() });
    let ids: Vec<&str> = compiled.graph.outputs.keys().map(OutputId::as_str).collect();
    assert_eq!(ids, ["stem:cam", "stem:room"]);
    assert!(compiled.graph.video_encoders.is_empty() && compiled.graph.audio_encoders.is_empty());
    let wanted: Vec<&str> = compiled.refusals.iter().map(|refusal| refusal.wanted.as_str()).collect();
    let each = [
        "recording the program",
        "recording \"cam\" on its own",
        "recording \"ball\" on its own",
        "publishing to \"tube\"",
        "publishing to \"hall\"",
    ];
    assert_eq!(wanted, each);
    assert!(compiled.refusals.iter().all(|refusal| refusal.instead.is_none() && refusal.remedy.contains("install")));
}

#[test]
fn sound_is_aac_else_opus_else_left_out_with_a_notice() {
    let with = |audio: Vec<AudioCodec>| {
        let mut studio = busy();
        studio.live.publish.clear();
        let compiled = compile(&studio, &Capabilities { audio, ..caps() });
        let program = &compiled.graph.outputs[&OutputId::from(&OutputKind::Program)];
        let refusals: Vec<String> = compiled.refusals.iter().map(Refusal::to_string).collect();
        (program.audio.as_ref().map(|spec| spec.codec), refusals)
    };
    assert_eq!(with(vec![AudioCodec::Opus, AudioCodec::Aac]), (Some(AudioCodec::Aac), vec![]));
    assert_eq!(with(vec![AudioCodec::Opus]), (Some(AudioCodec::Opus), vec![]));
    let notice = "recording the program: no AAC or Opus encoder works on this machine; \
                  install GStreamer's libav plugin for AAC or its opus plugin for Opus (until then: without sound)";
    assert_eq!(with(Vec::new()), (None, vec![notice.into()]));
}

/// Machines with and without each encoder.
fn machine() -> impl Strategy<Value = Capabilities> {
    let h264 = vec!["nvh264enc".to_owned(), "x264enc".to_owned(), "openh264enc".to_owned()];
    let audio = vec![AudioCodec::Aac, AudioCodec::Opus];
    (prop::sample::subsequence(h264, 0..=3), prop::sample::subsequence(audio, 0..=2))
        .prop_map(|(h264, audio)| Capabilities { h264, audio })
}

#[test]
fn browsers_have_an_encode_of_their_own_when_the_programs_is_not_for_them() {
    let mut studio = busy();
    studio.show.encoding.profile = Profile::High;
    let graph = compile(&studio, &caps()).graph;
    let high = VideoSpec { profile: Profile::High, ..program_spec() };
    let video =
        |id: &str| graph.outputs.iter().find(|(of, _)| of.as_str() == id).and_then(|(_, node)| node.video.clone());
    assert_eq!(video("publish:hall"), Some(program_spec()));
    assert_eq!(video("publish:tube"), Some(high.clone()));
    assert_eq!(video("record:program"), Some(high));
    assert_eq!(graph.video_encoders.len(), 2);
}

proptest! {
    #[test]
    fn a_graph_refers_only_to_what_it_has_and_has_only_what_is_used(studio in strategies::studio(), caps in machine()) {
        let graph = compile(&studio, &caps).graph;
        for source in graph.referenced_sources() {
            prop_assert!(graph.sources.contains_key(source), "no source {}", source);
        }
        for (id, output) in &graph.outputs {
            prop_assert_eq!(id, &OutputId::from(&output.kind));
        }
        let videos: std::collections::BTreeSet<_> = graph.outputs.values().filter_map(|output| output.video.clone()).collect();
        prop_assert_eq!(&videos, &graph.video_encoders);
        let audios: std::collections::BTreeSet<_> = graph.outputs.values().filter_map(|output| output.audio.clone()).collect();
        prop_assert_eq!(&audios, &graph.audio_encoders);
    }

    #[test]
    fn every_wish_is_an_output_or_a_refusal(studio in strategies::studio(), caps in machine()) {
        let (show, live) = (&studio.show, &studio.live);
        let compiled = compile(&studio, &caps);
        let made = |kind: &OutputKind| compiled.graph.outputs.contains_key(&OutputId::from(kind));
        let refused =
            |wanted: &str| compiled.refusals.iter().any(|refusal| refusal.wanted == wanted && refusal.instead.is_none());
        if live.record.program {
            prop_assert!(made(&OutputKind::Program) != refused("recording the program"));
        }
        for destination in live.publish.iter().filter_map(|id| show.destination(id)) {
            let (id, name) = (destination.id.clone(), destination.name.clone());
            let kind = OutputKind::Publish { destination: id, name, target: destination.url.parse().unwrap() };
            let wanted = format!("publishing to \"{}\"", destination.name);
            prop_assert!(made(&kind) != refused(&wanted));
        }
    }
}
