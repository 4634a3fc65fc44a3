//! Commands: each does what it says wholly, or nothing and says why.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::{collection::vec, prelude::*};
use pulse_show::{
    Canvas, Command, Destination, Encoding, Layer, Layout, Live, Record, Rejected, Scene, SceneId, Show, Source,
    SourceId, Strip, Transition, TransitionKind, apply, is_undoable, live, restore, strategies, validate,
};

const FADE: Transition = Transition { kind: TransitionKind::Fade, ms: 500 };

/// Three scenes (`one` on air, `two` in preview), each with the source of its name; `room` is sound; fades of 500 ms.
fn studio() -> (Show, Live) {
    let mut show = Show::empty(Canvas::default());
    for name in ["One", "Two", "Three"] {
        let source = Source::new(name, "test:ball".parse().unwrap());
        show.scenes.push(Scene { layers: vec![Layer::full(source.id.clone())], ..Scene::new(name) });
        show.sources.push(source);
    }
    show.sources.push(Source::new("Room", "test:sine".parse().unwrap()));
    show.strips.push(Strip::new("room".into()));
    show.destinations.push(Destination { id: "church".into(), name: "Church".into(), url: "rtmp://host/app".into() });
    show.transition = FADE;
    let live = Live::initial(&show);
    (show, live)
}

/// What some commands lead to.
fn after(commands: &[Command]) -> (Show, Live) {
    commands.iter().fold(studio(), |(show, live), command| {
        apply(&show, &live, command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    })
}

/// Why the last of some commands is not done.
fn rejected(commands: &[Command]) -> String {
    let (last, before) = commands.split_last().unwrap();
    let (show, live) = after(before);
    apply(&show, &live, last).expect_err("it was done").to_string()
}

fn take(scene: Option<&str>) -> Command {
    Command::Take { scene: scene.map(SceneId::from), transition: None }
}

fn tbar(position: f32) -> Command {
    Command::TBar { position }
}

fn record() -> Command {
    Command::Record { record: Record { program: true, ..Record::default() } }
}

fn publish() -> Command {
    Command::Publish { destinations: vec!["church".into(), "church".into()] }
}

fn scenes(live: &Live) -> (Option<&str>, Option<&str>) {
    (live.program.as_ref().map(SceneId::as_str), live.preview.as_ref().map(SceneId::as_str))
}

fn order(show: &Show) -> Vec<&str> {
    show.scenes.iter().map(|scene| scene.id.as_str()).collect()
}

#[test]
fn a_show_begins_with_its_first_scene_on_air_and_its_second_next() {
    let (show, live) = studio();
    assert_eq!(scenes(&live), (Some("one"), Some("two")));
    let alone = Show { scenes: show.scenes[..1].to_vec(), ..show };
    assert_eq!(scenes(&Live::initial(&alone)), (Some("one"), Some("one")));
    assert_eq!(scenes(&Live::initial(&Show::empty(Canvas::default()))), (None, None));
}

#[test]
fn a_take_swaps_program_and_preview_and_counts() {
    let (_, live) = after(&[take(None)]);
    assert_eq!(scenes(&live), (Some("two"), Some("one")));
    let done = live.take.unwrap();
    assert_eq!((done.number, done.from, done.transition, done.start), (1, Some("one".into()), FADE, 0.0));
    let (_, live) = after(&[take(None), take(Some("three"))]);
    assert_eq!(scenes(&live), (Some("three"), Some("two")));
    assert_eq!(live.take.unwrap().number, 2);
}

#[test]
fn a_take_of_what_is_on_air_changes_nothing() {
    let before = after(&[take(None)]);
    assert_eq!(after(&[take(None), take(Some("two"))]), before);
}

#[test]
fn a_take_from_black_comes_from_nothing() {
    let (show, live) = studio();
    let black = Live { program: None, ..live };
    let (_, live) = apply(&show, &black, &take(None)).unwrap();
    assert_eq!(scenes(&live), (Some("two"), Some("two")));
    assert_eq!(live.take.unwrap().from, None);
}

#[test]
fn a_cut_takes_no_time() {
    let cut = Transition { kind: TransitionKind::Cut, ms: 700 };
    let (_, live) = after(&[Command::Take { scene: None, transition: Some(cut.clone()) }]);
    assert_eq!(live.take.unwrap().transition, Transition::cut());
    let (show, _) = after(&[Command::SetTransition { transition: cut }]);
    assert_eq!(show.transition, Transition::cut());
}

#[test]
fn a_take_that_cannot_be_says_why() {
    let (show, live) = studio();
    let nothing = Live { preview: None, ..live.clone() };
    assert_eq!(apply(&show, &nothing, &take(None)), Err(Rejected::NothingNext));
    let error = rejected(&[take(Some("four"))]);
    assert_eq!(error, "there is no scene \"four\" in the show; it has \"one\", \"two\", \"three\"");
    let stinger = |ms| Some(Transition { kind: TransitionKind::Stinger("none".into()), ms });
    let error = rejected(&[Command::Take { scene: None, transition: stinger(10) }]);
    assert!(error.starts_with("transition.kind.stinger: there is no source \"none\""), "{error}");
    let long = Transition { ms: 10_001, ..FADE };
    let error = rejected(&[Command::Take { scene: None, transition: Some(long) }]);
    assert!(error.starts_with("transition.ms: 10001 ms is out of range"), "{error}");
}

#[test]
fn a_t_bar_holds_between_two_scenes_and_takes_at_its_end() {
    let (_, live) = after(&[tbar(0.4)]);
    assert_eq!((scenes(&live), live.tbar, live.take.is_none()), ((Some("one"), Some("two")), Some(0.4), true));
    assert_eq!(after(&[tbar(0.4), tbar(0.0)]), studio());
    let (_, live) = after(&[tbar(0.4), tbar(1.0)]);
    assert_eq!((scenes(&live), live.tbar), ((Some("two"), Some("one")), None));
    assert_eq!(live.take.unwrap().start, 1.0);
}

#[test]
fn a_take_carries_on_from_the_t_bar() {
    let start = |commands: &[Command]| {
        let (_, live) = after(commands);
        assert_eq!(live.tbar, None);
        live.take.unwrap().start
    };
    assert_eq!(start(&[tbar(0.4), take(None)]), 0.4);
    assert_eq!(start(&[tbar(0.4), take(Some("three"))]), 0.0);
    let cut = Command::Take { scene: None, transition: Some(Transition::cut()) };
    assert_eq!(start(&[tbar(0.4), cut]), 0.0);
}

#[test]
fn a_t_bar_that_cannot_move_says_why() {
    let (show, live) = studio();
    let nothing = Live { preview: None, ..live };
    assert_eq!(apply(&show, &nothing, &tbar(0.5)), Err(Rejected::NothingNext));
    assert_eq!(apply(&show, &nothing, &tbar(f32::NAN)), Err(Rejected::TBarPosition));
    assert!(apply(&show, &nothing, &tbar(-1.0)).is_ok());
    assert!(rejected(&[tbar(0.5), Command::Preview { scene: "three".into() }]).contains("T-bar"));
}

#[test]
fn what_would_interrupt_the_viewers_is_refused() {
    let canvas = Command::SetCanvas { canvas: Canvas { width: 1280, ..Canvas::default() } };
    let encoding = Command::SetEncoding { encoding: Encoding { gop_ms: 1000, ..Encoding::default() } };
    for command in [canvas, encoding] {
        assert!(rejected(&[record(), command.clone()]).contains("while recording; stop recording first"));
        assert!(rejected(&[publish(), command.clone()]).contains("while publishing; stop publishing first"));
        after(&[record(), Command::Record { record: Record::default() }, command]);
    }
    after(&[record(), Command::SetCanvas { canvas: Canvas::default() }]);
    let elsewhere = Destination { id: "church".into(), name: "Church".into(), url: "rtmp://other/app".into() };
    let command = Command::SetDestination { destination: elsewhere };
    assert!(rejected(&[publish(), command]).contains("destination \"church\""));
    assert!(
        rejected(&[publish(), Command::RemoveDestination { destination: "church".into() }]).contains("stop publishing")
    );
}

#[test]
fn publishing_names_each_destination_once() {
    assert_eq!(after(&[publish()]).1.publish, ["church".into()]);
    assert!(rejected(&[Command::Publish { destinations: vec!["x".into()] }]).contains("no destination \"x\""));
}

#[test]
fn a_scene_on_air_stays() {
    assert!(
        rejected(&[Command::RemoveScene { scene: "one".into() }]).contains("\"One\" is on air; take another one first")
    );
    let (show, live) = after(&[take(Some("three")), tbar(0.5), Command::RemoveScene { scene: "one".into() }]);
    assert_eq!(order(&show), ["two", "three"]);
    assert_eq!((scenes(&live), live.tbar), ((Some("three"), Some("two")), None));
    assert_eq!(live.take.unwrap().from, None);
}

#[test]
fn a_source_on_air_goes_with_its_layers_and_strip() {
    let overlay = Command::AddLayer { scene: None, layer: Layer::full("one".into()) };
    let strip = Command::SetStrip { strip: Strip::new("one".into()) };
    let (show, live) = after(&[overlay, strip, Command::RemoveSource { source: "one".into() }]);
    assert!(show.scenes[0].layers.is_empty() && show.overlays.is_empty());
    assert_eq!(show.strips, [Strip::new("room".into())]);
    assert_eq!(live.program, Some("one".into()));
}

#[test]
fn a_stinger_in_use_stays_and_one_that_has_played_is_forgotten() {
    let stinger = Transition { kind: TransitionKind::Stinger("three".into()), ms: 500 };
    let remove = Command::RemoveSource { source: "three".into() };
    assert!(rejected(&[Command::SetTransition { transition: stinger.clone() }, remove.clone()]).contains("stinger"));
    let (_, live) = after(&[Command::Take { scene: None, transition: Some(stinger) }, remove]);
    let done = live.take.unwrap();
    assert_eq!((done.number, done.transition), (1, Transition::cut()));
}

#[test]
fn a_source_comes_with_its_own_strip_only() {
    let source = Source::new("Four", "test:sine".parse().unwrap());
    let add = |strip: &str| Command::AddSource { source: source.clone(), strip: Some(Strip::new(strip.into())) };
    assert_eq!(after(&[add("four")]).0.strips.len(), 2);
    assert!(rejected(&[add("room")]).contains("the strip is for \"room\", the source is \"four\""));
    assert!(rejected(&[add("four"), add("four")]).contains("already"));
}

#[test]
fn scenes_are_added_copied_and_moved() {
    let add = |name: &str, index| Command::AddScene { scene: Scene::new(name), index };
    assert_eq!(order(&after(&[add("Zero", Some(0)), add("Last", None)]).0), ["zero", "one", "two", "three", "last"]);
    assert!(rejected(&[add("Far", Some(4))]).contains("no place 4 among the scenes; choose 0 to 3"));
    let copy = Command::DuplicateScene { scene: "one".into(), as_scene: "copy".into(), name: "Copy".into() };
    let (show, _) = after(&[copy]);
    assert_eq!((order(&show), &show.scenes[1].layers), (vec!["one", "copy", "two", "three"], &show.scenes[0].layers));
    let to = |index| Command::MoveScene { scene: "one".into(), index };
    assert_eq!(order(&after(&[to(2)]).0), ["two", "three", "one"]);
    assert!(rejected(&[to(3)]).contains("choose 0 to 2"));
    let rename = Command::RenameScene { scene: "one".into(), name: "Two".into() };
    assert!(rejected(&[rename]).contains("scenes[1].name: \"Two\" is used twice"));
}

#[test]
fn a_layout_has_a_place_for_each_source() {
    let add = |layout, count: usize| Command::AddLayout {
        scene: "grid".into(),
        name: "Grid".into(),
        layout,
        sources: ["one", "two", "three"][..count].iter().map(|id| SourceId::from(*id)).collect(),
    };
    let (show, _) = after(&[add(Layout::Grid2x2, 3)]);
    assert_eq!(show.scenes[3].layers.len(), 3);
    assert!(rejected(&[add(Layout::SideBySide, 3)]).contains("a place for 2 sources, not for 3"));
}

#[test]
fn layers_are_added_set_moved_and_removed() {
    let one = || Some(SceneId::from("one"));
    let layer = |id: &str| Layer { id: id.into(), ..Layer::full("two".into()) };
    let add = |id: &str| Command::AddLayer { scene: one(), layer: layer(id) };
    let ids = |commands: &[Command]| -> Vec<String> {
        after(commands).0.scenes[0].layers.iter().map(|layer| layer.id.to_string()).collect()
    };
    assert_eq!(ids(&[add("a"), add("b")]), ["one", "a", "b"]);
    let back = Command::MoveLayer { scene: one(), layer: "b".into(), index: 0 };
    assert_eq!(ids(&[add("a"), add("b"), back.clone()]), ["b", "one", "a"]);
    assert_eq!(ids(&[add("a"), Command::RemoveLayer { scene: one(), layer: "one".into() }]), ["a"]);
    let hidden = Command::SetLayer { scene: one(), layer: Layer { visible: false, ..layer("one") } };
    assert_eq!(after(&[hidden]).0.scenes[0].visible_sources().count(), 0);
    assert!(rejected(&[add("a"), add("a")]).contains("a layer \"a\" already"));
    assert!(rejected(&[back]).contains("no layer \"b\""));
}

#[test]
fn a_mark_has_a_name() {
    let mark = |name: &str| Command::Mark { name: name.into(), at_ns: 7 };
    let (_, live) = after(&[mark(" First kiss ")]);
    assert_eq!((live.markers[0].name.as_str(), live.markers[0].at_ns), ("First kiss", 7));
    assert!(rejected(&[mark("  ")]).contains("write another"));
}

#[test]
fn marks_come_to_an_end() {
    let (show, live) = after(&[Command::Mark { name: "a".into(), at_ns: 0 }]);
    let full = Live { markers: vec![live.markers[0].clone(); 10_000], ..live };
    assert!(matches!(apply(&show, &full, &Command::Mark { name: "b".into(), at_ns: 1 }), Err(Rejected::Mark { .. })));
}

#[test]
fn an_older_version_does_not_interrupt_the_viewers() {
    let (old, _) = studio();
    let smaller = Show { canvas: Canvas { width: 1280, ..Canvas::default() }, ..old.clone() };
    let (show, live) = after(&[record()]);
    assert!(matches!(restore(&show, &live, smaller), Err(Rejected::Busy { .. })));
    let (show, live) = after(&[publish()]);
    let without = Show { destinations: Vec::new(), ..old };
    assert!(matches!(restore(&show, &live, without), Err(Rejected::Busy { .. })));
}

/// Live refers only to what the show has.
fn holds_together(show: &Show, live: &Live) -> Result<(), TestCaseError> {
    prop_assert_eq!(validate(show), Ok(()));
    let scenes = [&live.program, &live.preview].into_iter().flatten();
    let scenes = scenes.chain(live.take.iter().filter_map(|take| take.from.as_ref()));
    for scene in scenes {
        prop_assert!(show.scene(scene).is_some(), "no scene {}", scene);
    }
    if let Some(stinger) = live.take.as_ref().and_then(|take| take.transition.stinger()) {
        prop_assert!(show.source(stinger).is_some(), "no source {}", stinger);
    }
    for destination in &live.publish {
        prop_assert!(show.destination(destination).is_some(), "no destination {}", destination);
    }
    if let Some(position) = live.tbar {
        prop_assert!(live.preview.is_some() && position > 0.0 && position < 1.0, "T-bar at {}", position);
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_show_holds_together_whatever_is_done(studio in strategies::studio(), commands in vec(strategies::command(), 0..30)) {
        let (mut show, mut live) = (studio.show, studio.live);
        for command in commands {
            let Ok((next, next_live)) = apply(&show, &live, &command) else { continue };
            holds_together(&next, &next_live)?;
            if !is_undoable(&command) {
                prop_assert_eq!(&next, &show);
            }
            if live.busy().is_some() && is_undoable(&command) {
                prop_assert_eq!(next.canvas, show.canvas);
                prop_assert_eq!(&next.encoding, &show.encoding);
                prop_assert_eq!(&next_live.program, &live.program);
                prop_assert_eq!(&next_live.publish, &live.publish);
            }
            (show, live) = (next, next_live);
        }
    }

    #[test]
    fn a_repaired_live_fits_any_show(show in strategies::show(), other in strategies::studio()) {
        let mut live = other.live;
        live::repair(&show, &mut live);
        holds_together(&show, &live)?;
        let mut again = live.clone();
        live::repair(&show, &mut again);
        prop_assert_eq!(again, live);
    }

    #[test]
    fn what_fits_is_not_repaired(studio in strategies::studio()) {
        let mut live = studio.live.clone();
        live::repair(&studio.show, &mut live);
        prop_assert_eq!(live, studio.live);
    }

    #[test]
    fn commands_come_back_as_they_were_sent(command in strategies::command()) {
        let json = serde_json::to_string(&command).unwrap();
        prop_assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), command);
    }
}
