//! proptest strategies: valid shows with every kind of thing in them, and commands that fit them often but not always.
//!
//! Sources are called `s0`, `s1`, …, scenes `c0`, layers `l0`, destinations `d0`, each from a small range, so that a random command
//! meets what a random show has.

use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
    sample::{select, subsequence},
};

use crate::{
    Address, Canvas, Command, Corner, Crop, Destination, DestinationId, EncoderChoice, Encoding, Fit, FrameRate, Layer,
    LayerId, Layout, Live, Master, OnLoss, Profile, Record, Rect, Rgba, SCHEMA, Scene, SceneId, Show, Source, SourceId,
    Strip, Studio, Take, TextAlign, TextStyle, Transition, TransitionKind, WipeEdge, notation::NotationError,
    validate::PRESETS,
};

const SOURCES: usize = 6;
const SCENES: usize = 4;
const LAYERS: usize = 4;
const DESTINATIONS: usize = 3;

/// Any address.
pub fn address() -> impl Strategy<Value = Address> {
    let waves = ["sine", "square", "saw", "triangle", "silence", "white-noise", "pink-noise", "ticks"];
    let url = |scheme: &'static str, tail: &'static str| {
        (option::of("[a-z]{1,6}:[a-z0-9%]{1,8}@"), "[a-z][a-z0-9.-]{0,12}", option::of(1_u16..), tail).prop_map(
            move |(user, host, port, tail)| {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                format!("{scheme}://{}{host}{port}{tail}", user.unwrap_or_default())
            },
        )
    };
    let query = "(/[a-z0-9]{1,8}){0,3}(\\?[a-z]{1,5}=[a-z0-9%]{0,6}(&key=[a-z]{1,6})?)?";
    prop_oneof![
        select(vec!["ball", "smpte", "snow", "black", "red"])
            .prop_map(|pattern| Address::TestPicture { pattern: pattern.to_owned() }),
        (select(waves.to_vec()), 20.0_f32..=20_000.0, 0.0_f32..=1.0)
            .prop_map(|(wave, freq, volume)| Address::TestTone { wave: wave.to_owned(), freq, volume }),
        ("([A-Z]:\\\\)?[a-zA-Z0-9é_.][a-zA-Z0-9é _./\\\\:-]{0,20}", any::<bool>())
            .prop_map(|(path, looped)| Address::File { path: path.into(), looped }),
        "/?[a-zA-Z0-9_.][a-zA-Z0-9 _./-]{0,20}".prop_map(|path| Address::Image { path: path.into() }),
        "[a-zA-Z\\\\\n\t\"é🎥 ]{0,20}[a-z]".prop_map(|text| Address::Text { text }),
        prop_oneof![url("rtsp", query), url("rtsps", query)].prop_map(|url| Address::Rtsp { url }),
        prop_oneof![
            (1_u16..).prop_map(|port| format!("srt://:{port}?mode=listener&passphrase=abcdefghijk")),
            (1_u16.., "[a-z]{1,8}").prop_map(|(port, host)| format!("srt://{host}:{port}?streamid=%23!::r=live")),
        ]
        .prop_map(|url| Address::Srt { url }),
        url("rtmp", "/[a-z]{1,8}/[a-z0-9-]{1,12}").prop_map(|url| Address::Rtmp { url }),
        prop_oneof![url("http", query), url("https", query)].prop_map(|url| Address::Http { url }),
        any::<u32>().prop_map(|index| Address::Screen { index }),
        "[a-zA-Z0-9][a-zA-Z0-9 :/#@-]{0,20}[a-z]".prop_map(|id| Address::Device { id }),
    ]
}

/// Any canvas.
pub fn canvas() -> impl Strategy<Value = Canvas> {
    let rates = ["1", "24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001"];
    let rates = rates.map(|rate| rate.parse().unwrap_or_else(|error: NotationError| panic!("{error}")));
    (32_u32..=1920, 32_u32..=1080, select(rates.to_vec()))
        .prop_map(|(width, height, rate): (u32, u32, FrameRate)| Canvas { width: width * 2, height: height * 2, rate })
}

/// Any transition; a stinger is one of `sources`.
pub fn transition(sources: Vec<SourceId>) -> impl Strategy<Value = Transition> {
    let edge = || select(vec![WipeEdge::Left, WipeEdge::Right, WipeEdge::Top, WipeEdge::Bottom]);
    let kind = prop_oneof![
        Just(TransitionKind::Cut),
        Just(TransitionKind::Fade),
        edge().prop_map(TransitionKind::Wipe),
        edge().prop_map(TransitionKind::Slide),
    ];
    let kind = if sources.is_empty() {
        kind.boxed()
    } else {
        prop_oneof![4 => kind, 1 => select(sources).prop_map(TransitionKind::Stinger)].boxed()
    };
    (kind, 0_u32..=10_000).prop_map(|(kind, ms)| Transition { kind, ms })
}

fn ids<T: for<'a> From<&'a str>>(prefix: &str, count: usize) -> Vec<T> {
    (0..count).map(|n| T::from(format!("{prefix}{n}").as_str())).collect()
}

/// A number in a range, often at one of its ends.
fn number(least: f32, most: f32) -> impl Strategy<Value = f32> + Clone {
    prop_oneof![1 => Just(least), 1 => Just(most), 4 => least..=most]
}

fn rgba() -> impl Strategy<Value = Rgba> {
    any::<[u8; 4]>().prop_map(Rgba)
}

fn text_style() -> impl Strategy<Value = TextStyle> {
    let align = select(vec![TextAlign::Left, TextAlign::Center, TextAlign::Right]);
    (number(4.0, 1000.0), rgba(), rgba(), "[A-Za-z ]{0,12}", any::<bool>(), align).prop_map(
        |(size, color, background, family, bold, align)| TextStyle { size, color, background, family, bold, align },
    )
}

fn source(id: SourceId) -> impl Strategy<Value = Source> {
    let on_loss = select(vec![OnLoss::Slate, OnLoss::LastFrame]);
    ("[A-Za-z&é ]{0,8}", address(), any::<bool>(), on_loss, option::of(text_style())).prop_map(
        move |(name, address, sound_only, on_loss, text)| Source {
            id: id.clone(),
            name: format!("{name}{id}"),
            address,
            sound_only,
            on_loss,
            text,
        },
    )
}

fn rect() -> impl Strategy<Value = Rect> {
    let side = || number(1.0, 4000.0);
    prop_oneof![
        2 => Just(Rect::default()),
        1 => (number(-4000.0, 4000.0), number(-4000.0, 4000.0)).prop_map(|(x, y)| Rect { x, y, ..Rect::default() }),
        3 => (number(-4000.0, 4000.0), number(-4000.0, 4000.0), side(), side())
            .prop_map(|(x, y, width, height)| Rect { x, y, width, height }),
        1 => Just(Rect { x: 0.0, y: 0.0, width: 3840.0, height: 2160.0 }),
    ]
}

fn layer(id: LayerId, sources: Vec<SourceId>) -> impl Strategy<Value = Layer> {
    let fit = select(vec![Fit::Contain, Fit::Cover, Fit::Stretch]);
    let crop = prop_oneof![
        Just(Crop::default()),
        (0.0_f32..0.49, 0.0_f32..0.49, 0.0_f32..0.49, 0.0_f32..0.49).prop_map(|(left, top, right, bottom)| Crop {
            left,
            top,
            right,
            bottom
        }),
    ];
    let often_zero = |most: f32| prop_oneof![3 => Just(0.0), 1 => number(-most, most)];
    let look = (fit, crop, often_zero(360.0), prop_oneof![3 => Just(1.0), 1 => number(0.0, 1.0)], often_zero(200.0));
    (select(sources), rect(), look, prop::bool::weighted(0.8)).prop_map(
        move |(source, rect, (fit, crop, rotation, opacity, corner_radius), visible)| Layer {
            rect,
            fit,
            crop,
            rotation,
            opacity,
            corner_radius: corner_radius.abs(),
            visible,
            id: id.clone(),
            ..Layer::full(source)
        },
    )
}

fn layers(sources: Vec<SourceId>) -> impl Strategy<Value = Vec<Layer>> {
    let ids: Vec<LayerId> = if sources.is_empty() { Vec::new() } else { ids("l", LAYERS) };
    subsequence(ids.clone(), 0..=ids.len())
        .prop_flat_map(move |ids| ids.into_iter().map(|id| layer(id, sources.clone())).collect::<Vec<_>>())
}

fn strip(source: SourceId) -> impl Strategy<Value = Strip> {
    (number(-60.0, 20.0), any::<bool>(), prop::bool::weighted(0.2), number(-1.0, 1.0), 0_u32..=2000, any::<bool>())
        .prop_map(move |(gain_db, mute, solo, pan, delay_ms, follow)| Strip {
            source: source.clone(),
            gain_db,
            mute,
            solo,
            pan,
            delay_ms,
            follow,
        })
}

fn master() -> impl Strategy<Value = Master> {
    (number(-60.0, 20.0), any::<bool>(), option::of(number(-20.0, 0.0)))
        .prop_map(|(gain_db, mute, limiter_dbfs)| Master { gain_db, mute, limiter_dbfs })
}

fn encoding() -> impl Strategy<Value = Encoding> {
    let encoder = prop_oneof![
        Just(EncoderChoice::Auto),
        select(vec!["x264", "openh264enc", "nvh264enc"]).prop_map(|name| EncoderChoice::Named(name.to_owned()))
    ];
    let profile = select(vec![Profile::High, Profile::ConstrainedBaseline]);
    let bitrates = (100_000_u32..=100_000_000, 32_000_u32..=512_000);
    (encoder, bitrates, select(PRESETS.to_vec()), 250_u32..=10_000, profile).prop_map(
        |(encoder, (video_bitrate, audio_bitrate), preset, gop_ms, profile)| Encoding {
            profile,
            encoder,
            video_bitrate,
            preset: preset.to_owned(),
            gop_ms,
            audio_bitrate,
        },
    )
}

fn destination(id: DestinationId) -> impl Strategy<Value = Destination> {
    select(vec![
        "rtmp://127.0.0.1/live",
        "srt://127.0.0.1:7001",
        "whip:https://127.0.0.1/whip",
        "livekit:ws://127.0.0.1:7880?room=church",
        "hls:out/live",
    ])
    .prop_map(move |url| Destination { id: id.clone(), name: format!("To {id}"), url: url.to_owned() })
}

/// Any valid show.
pub fn show() -> impl Strategy<Value = Show> {
    (0..=SOURCES, 0..=SCENES, 0..=DESTINATIONS)
        .prop_flat_map(|(sources, scenes, destinations)| {
            let (sources, destinations) = (ids::<SourceId>("s", sources), ids::<DestinationId>("d", destinations));
            let scenes = (0..scenes).map(|_| layers(sources.clone())).collect::<Vec<_>>();
            let strips = subsequence(sources.clone(), 0..=sources.len());
            (
                ("[A-Za-z ]{0,10}", canvas(), master(), encoding(), transition(sources.clone())),
                sources.iter().cloned().map(source).collect::<Vec<_>>(),
                (scenes, layers(sources)),
                strips.prop_flat_map(|ids| ids.into_iter().map(strip).collect::<Vec<_>>()),
                destinations.into_iter().map(destination).collect::<Vec<_>>(),
            )
        })
        .prop_map(
            |((title, canvas, master, encoding, transition), sources, (scenes, overlays), strips, destinations)| {
                let scene =
                    |(n, layers)| Scene { id: SceneId::from(format!("c{n}")), name: format!("Scene {n}"), layers };
                let scenes = scenes.into_iter().enumerate().map(scene).collect();
                let schema = SCHEMA;
                Show {
                    schema,
                    title,
                    canvas,
                    sources,
                    scenes,
                    overlays,
                    strips,
                    master,
                    encoding,
                    transition,
                    destinations,
                }
            },
        )
}

/// What may be on air with a show.
pub fn live(show: &Show) -> impl Strategy<Value = Live> + use<> {
    let scenes: Vec<SceneId> = show.scenes.iter().map(|scene| scene.id.clone()).collect();
    let scene =
        || if scenes.is_empty() { Just(None).boxed() } else { option::weighted(0.9, select(scenes.clone())).boxed() };
    let destinations: Vec<DestinationId> = show.destinations.iter().map(|destination| destination.id.clone()).collect();
    let publish = subsequence(destinations.clone(), 0..=destinations.len());
    let sources = show.sources.iter().map(|source| source.id.clone()).collect();
    let take = (1_u64..100, scene(), transition(sources), number(0.0, 1.0))
        .prop_map(|(number, from, transition, start)| Take { number, from, transition, start });
    (scene(), scene(), option::of(take), option::of(0.01_f32..0.99), record(), publish).prop_map(
        |(program, preview, take, tbar, record, publish)| {
            let tbar = tbar.filter(|_| preview.is_some());
            Live { program, preview, take, tbar, record, publish, markers: Vec::new() }
        },
    )
}

/// A valid show and what is on air with it.
pub fn studio() -> impl Strategy<Value = Studio> {
    show().prop_flat_map(|show| live(&show).prop_map(move |live| Studio { revision: 0, show: show.clone(), live }))
}

fn record() -> impl Strategy<Value = Record> {
    any::<[bool; 3]>().prop_map(|[program, iso, audio]| Record { program, iso, audio })
}

/// Any command, about things that a random show often has.
pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![4 => edit(), 1 => setting(), 2 => direct()]
}

/// A command that edits scenes, layers, sources, strips or destinations.
pub fn edit() -> impl Strategy<Value = Command> {
    let sources = ids::<SourceId>("s", SOURCES);
    let scene = || select(ids::<SceneId>("c", SCENES + 2));
    let name = || "[A-Z][a-z]{0,8}";
    let place = || option::weighted(0.8, scene());
    let one_layer = || {
        let sources = sources.clone();
        select(ids::<LayerId>("l", LAYERS + 2)).prop_flat_map(move |id| layer(id, sources.clone()))
    };
    let one_source = || select(ids::<SourceId>("s", SOURCES + 2)).prop_flat_map(source);
    let layout = select(vec![
        Layout::Single,
        Layout::SideBySide,
        Layout::Grid2x2,
        Layout::Grid3x3,
        Layout::PictureInPicture { corner: Corner::TopLeft },
    ]);
    let layer_id = || select(ids::<LayerId>("l", LAYERS));
    let new_scene =
        (scene(), name(), layers(sources.clone())).prop_map(|(id, name, layers)| Scene { id, name, layers });
    prop_oneof![
        (one_source(), any::<bool>()).prop_map(|(source, with_strip)| {
            let strip = with_strip.then(|| Strip::new(source.id.clone()));
            Command::AddSource { source, strip }
        }),
        one_source().prop_map(|source| Command::SetSource { source }),
        select(sources.clone()).prop_map(|source| Command::RemoveSource { source }),
        (new_scene, option::of(0..SCENES)).prop_map(|(scene, index)| Command::AddScene { scene, index }),
        (scene(), name(), layout, btree_set(select(sources.clone()), 0..4)).prop_map(
            |(scene, name, layout, sources)| {
                Command::AddLayout { scene, name, layout, sources: sources.into_iter().collect() }
            }
        ),
        (scene(), scene(), name()).prop_map(|(scene, as_scene, name)| Command::DuplicateScene {
            scene,
            as_scene,
            name
        }),
        (scene(), name()).prop_map(|(scene, name)| Command::RenameScene { scene, name }),
        (scene(), 0..SCENES).prop_map(|(scene, index)| Command::MoveScene { scene, index }),
        scene().prop_map(|scene| Command::RemoveScene { scene }),
        (place(), one_layer()).prop_map(|(scene, layer)| Command::AddLayer { scene, layer }),
        (place(), one_layer()).prop_map(|(scene, layer)| Command::SetLayer { scene, layer }),
        (place(), layer_id(), 0..LAYERS).prop_map(|(scene, layer, index)| Command::MoveLayer { scene, layer, index }),
        (place(), layer_id()).prop_map(|(scene, layer)| Command::RemoveLayer { scene, layer }),
        select(sources).prop_flat_map(strip).prop_map(|strip| Command::SetStrip { strip }),
        select(ids::<DestinationId>("d", DESTINATIONS))
            .prop_flat_map(destination)
            .prop_map(|destination| Command::SetDestination { destination }),
        select(ids::<DestinationId>("d", DESTINATIONS))
            .prop_map(|destination| Command::RemoveDestination { destination }),
    ]
}

/// A command that sets something of the show as a whole.
pub fn setting() -> impl Strategy<Value = Command> {
    prop_oneof![
        "[A-Za-z ]{0,12}".prop_map(|title| Command::SetTitle { title }),
        canvas().prop_map(|canvas| Command::SetCanvas { canvas }),
        master().prop_map(|master| Command::SetMaster { master }),
        encoding().prop_map(|encoding| Command::SetEncoding { encoding }),
        transition(ids("s", SOURCES)).prop_map(|transition| Command::SetTransition { transition }),
    ]
}

/// A command that changes what is on air.
pub fn direct() -> impl Strategy<Value = Command> {
    let scene = || select(ids::<SceneId>("c", SCENES));
    prop_oneof![
        2 => scene().prop_map(|scene| Command::Preview { scene }),
        4 => (option::of(scene()), option::of(transition(ids("s", SOURCES))))
            .prop_map(|(scene, transition)| Command::Take { scene, transition }),
        3 => number(-0.1, 1.1).prop_map(|position| Command::TBar { position }),
        1 => record().prop_map(|record| Command::Record { record }),
        1 => vec(select(ids::<DestinationId>("d", DESTINATIONS)), 0..4)
            .prop_map(|destinations| Command::Publish { destinations }),
        1 => ("[A-Za-z ]{0,12}", any::<u64>()).prop_map(|(name, at_ns)| Command::Mark { name, at_ns }),
    ]
}
