//! Steps: they lead where they should, in an order that never refers to what is not there, and disturb nothing that stays.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};
use pulse_plan::{AudioCodec, Capabilities, Graph, Step, compile, diff, play};
use pulse_show::{
    Address, Canvas, Command, Layer, Live, OnLoss, Record, Scene, Show, Source, SourceId, Strip, Studio, apply,
    strategies,
};

fn graph(studio: &Studio) -> Graph {
    let caps = Capabilities { h264: vec!["x264enc".into()], audio: vec![AudioCodec::Aac, AudioCodec::Opus] };
    compile(studio, &caps).graph
}

fn played(mut graph: Graph, steps: &[Step]) -> Graph {
    steps.iter().for_each(|step| play(&mut graph, step));
    graph
}

/// The studio after a command, if it is done.
fn done(studio: &Studio, command: &Command) -> Option<Studio> {
    let (show, live) = apply(&studio.show, &studio.live, command).ok()?;
    Some(Studio { revision: studio.revision + 1, show, live })
}

/// A camera on air, one that is not, and a microphone: all of it recorded.
fn recording() -> Studio {
    let mut show = Show::empty(Canvas::default());
    show.sources = vec![
        Source::new("Cam", "rtsp://127.0.0.1/1".parse().unwrap()),
        Source::new("Room", "test:sine".parse().unwrap()),
        Source::new("Spare", "test:ball".parse().unwrap()),
    ];
    show.scenes = vec![Scene { layers: vec![Layer::full("cam".into())], ..Scene::new("One") }, Scene::new("Two")];
    show.strips = vec![Strip::new("room".into())];
    let record = Record { program: true, iso: true, audio: true };
    let live = Live { record, ..Live::initial(&show) };
    Studio { revision: 0, show, live }
}

fn in_short(step: &Step) -> String {
    match step {
        Step::StartSource(id, _) => format!("start source {id}"),
        Step::StopSource(id) => format!("stop source {id}"),
        Step::UpdateSource(id, _) => format!("update source {id}"),
        Step::SetCanvas(_) => "canvas".into(),
        Step::SetProgram(_) => "program".into(),
        Step::SetPreview(_) => "preview".into(),
        Step::SetSound(_) => "sound".into(),
        Step::StartVideoEncoder(_) => "start video".into(),
        Step::StopVideoEncoder(_) => "stop video".into(),
        Step::StartAudioEncoder(_) => "start audio".into(),
        Step::StopAudioEncoder(_) => "stop audio".into(),
        Step::StartOutput(id, _) => format!("start {id}"),
        Step::UpdateOutput(id, _) => format!("update {id}"),
        Step::StopOutput(id) => format!("stop {id}"),
    }
}

/// What a command leads to while all is recorded.
fn steps_of(command: &Command) -> Vec<String> {
    let next = done(&recording(), command).expect("the command is done");
    diff(&graph(&recording()), &graph(&next)).iter().map(in_short).collect()
}

fn set(source: &str, change: impl FnOnce(&mut Source)) -> Command {
    let mut source = recording().show.source(&source.into()).unwrap().clone();
    change(&mut source);
    Command::SetSource { source }
}

#[test]
fn from_nothing_all_is_started_in_order() {
    let steps = diff(&Graph::empty(Canvas::default()), &graph(&recording()));
    let steps: Vec<String> = steps.iter().map(in_short).collect();
    let wanted = [
        "start source cam",
        "start source room",
        "start source spare",
        "program",
        "sound",
        "start video",
        "start audio",
        "start iso:cam",
        "start iso:spare",
        "start record:program",
        "start stem:room",
    ];
    assert_eq!(steps, wanted);
}

#[test]
fn another_address_restarts_that_source_alone() {
    let moved = set("cam", |cam| cam.address = "rtsp://127.0.0.1/2".parse().unwrap());
    assert_eq!(steps_of(&moved), ["stop source cam", "start source cam"]);
}

#[test]
fn a_camera_that_becomes_a_microphone_is_restarted() {
    let steps = steps_of(&set("cam", |cam| cam.sound_only = true));
    assert_eq!(steps, ["stop iso:cam", "stop source cam", "start source cam", "program"]);
}

#[test]
fn another_name_or_loss_behaviour_restarts_nothing() {
    assert_eq!(steps_of(&set("cam", |cam| cam.name = "Aisle".into())), ["update source cam", "update iso:cam"]);
    assert_eq!(steps_of(&set("room", |room| room.name = "Hall".into())), ["update source room", "update stem:room"]);
    assert_eq!(steps_of(&set("cam", |cam| cam.on_loss = OnLoss::LastFrame)), ["update source cam"]);
}

#[test]
fn a_new_source_starts_beside_the_others() {
    let source = Source::new("New", "rtsp://127.0.0.1/3".parse().unwrap());
    let strip = Some(Strip::new("new".into()));
    let steps = steps_of(&Command::AddSource { source, strip });
    assert_eq!(steps, ["start source new", "sound", "start iso:new", "start stem:new"]);
}

#[test]
fn a_source_goes_after_what_shows_it() {
    let steps = steps_of(&Command::RemoveSource { source: "cam".into() });
    assert_eq!(steps, ["stop iso:cam", "program", "stop source cam"]);
}

#[test]
fn a_recording_that_stops_takes_its_encoders_along() {
    let stop = Command::Record { record: Record { audio: true, ..Record::default() } };
    assert_eq!(steps_of(&stop), ["stop iso:cam", "stop iso:spare", "stop record:program", "stop video", "stop audio"]);
}

#[test]
fn another_canvas_restarts_the_mixer_beneath_its_outputs_and_no_camera() {
    let mut smaller = recording();
    smaller.show.canvas.width = 1280;
    let steps = diff(&graph(&recording()), &graph(&smaller));
    let steps: Vec<String> = steps.iter().map(in_short).collect();
    let wanted = [
        "stop iso:cam",
        "stop iso:spare",
        "stop record:program",
        "stop stem:room",
        "stop video",
        "stop audio",
        "canvas",
        "program",
        "preview",
        "sound",
        "start video",
        "start audio",
        "start iso:cam",
        "start iso:spare",
        "start record:program",
        "start stem:room",
    ];
    assert_eq!(steps, wanted);
}

/// At no point does anything refer to what is not there, but for a source that is started again by the next step.
fn is_in_order(mut graph: Graph, steps: &[Step]) -> Result<(), TestCaseError> {
    for (n, step) in steps.iter().enumerate() {
        if let Step::SetCanvas(_) = step {
            prop_assert!(
                graph.outputs.is_empty() && graph.video_encoders.is_empty() && graph.audio_encoders.is_empty()
            );
        }
        play(&mut graph, step);
        let restarting = match (step, steps.get(n + 1)) {
            (Step::StopSource(stopped), Some(Step::StartSource(started, _))) if stopped == started => Some(stopped),
            _ => None,
        };
        for source in graph.referenced_sources() {
            let there = graph.sources.contains_key(source) || restarting == Some(source);
            prop_assert!(there, "after {:?} there is no source {}", step, source);
        }
        for output in graph.outputs.values() {
            prop_assert!(output.video.iter().all(|spec| graph.video_encoders.contains(spec)), "after {:?}", step);
            prop_assert!(output.audio.iter().all(|spec| graph.audio_encoders.contains(spec)), "after {:?}", step);
        }
    }
    Ok(())
}

/// Whether a step touches something that ran before.
fn interrupts(before: &Graph, step: &Step) -> bool {
    match step {
        Step::StopSource(_)
        | Step::StopOutput(_)
        | Step::StopVideoEncoder(_)
        | Step::StopAudioEncoder(_)
        | Step::SetCanvas(_) => true,
        Step::StartSource(id, _) => before.sources.contains_key(id),
        Step::StartOutput(id, _) => before.outputs.contains_key(id),
        Step::StartVideoEncoder(spec) => before.video_encoders.contains(spec),
        Step::StartAudioEncoder(spec) => before.audio_encoders.contains(spec),
        Step::UpdateSource(..)
        | Step::UpdateOutput(..)
        | Step::SetProgram(_)
        | Step::SetPreview(_)
        | Step::SetSound(_) => false,
    }
}

/// Whether a command edits scenes or sound, or adds a source or an output.
fn adds_or_edits(command: &Command, live: &Live) -> bool {
    match command {
        Command::SetTitle { .. }
        | Command::AddSource { .. }
        | Command::AddScene { .. }
        | Command::AddLayout { .. }
        | Command::DuplicateScene { .. }
        | Command::RenameScene { .. }
        | Command::MoveScene { .. }
        | Command::RemoveScene { .. }
        | Command::AddLayer { .. }
        | Command::SetLayer { .. }
        | Command::MoveLayer { .. }
        | Command::RemoveLayer { .. }
        | Command::SetStrip { .. }
        | Command::SetMaster { .. }
        | Command::SetDestination { .. }
        | Command::Preview { .. }
        | Command::Mark { .. } => true,
        Command::TBar { position } => *position < 1.0,
        Command::Record { record } => {
            let had = live.record;
            record.program >= had.program && record.iso >= had.iso && record.audio >= had.audio
        }
        Command::Publish { destinations } => live.publish.iter().all(|id| destinations.contains(id)),
        Command::SetCanvas { .. }
        | Command::SetEncoding { .. }
        | Command::SetSource { .. }
        | Command::RemoveSource { .. }
        | Command::RemoveDestination { .. }
        | Command::SetTransition { .. }
        | Command::Take { .. } => false,
    }
}

/// The sources that start, stop or restart.
fn touched(steps: &[Step]) -> BTreeSet<SourceId> {
    let source = |step: &Step| match step {
        Step::StartSource(id, _) | Step::StopSource(id) => Some(id.clone()),
        _ => None,
    };
    steps.iter().filter_map(source).collect()
}

proptest! {
    #[test]
    fn between_equals_there_is_nothing_to_do(studio in strategies::studio()) {
        let graph = graph(&studio);
        prop_assert_eq!(diff(&graph, &graph), []);
    }

    #[test]
    fn the_steps_lead_from_any_graph_to_any_other(a in strategies::studio(), b in strategies::studio()) {
        let (a, b) = (graph(&a), graph(&b));
        let steps = diff(&a, &b);
        is_in_order(a.clone(), &steps)?;
        prop_assert_eq!(played(a, &steps), b);
    }

    #[test]
    fn the_steps_follow_every_command(studio in strategies::studio(), commands in vec(strategies::command(), 1..20)) {
        let mut studio = studio;
        let mut running = graph(&studio);
        for command in commands {
            let Some(next) = done(&studio, &command) else { continue };
            let wanted = graph(&next);
            let steps = diff(&running, &wanted);
            is_in_order(running.clone(), &steps)?;
            running = played(running, &steps);
            prop_assert_eq!(&running, &wanted);
            studio = next;
        }
    }

    #[test]
    fn adding_and_editing_interrupts_nothing(studio in strategies::studio(), commands in vec(strategies::command(), 1..20)) {
        let mut studio = studio;
        for command in commands {
            let Some(next) = done(&studio, &command) else { continue };
            if adds_or_edits(&command, &studio.live) {
                let before = graph(&studio);
                for step in diff(&before, &graph(&next)) {
                    prop_assert!(!interrupts(&before, &step), "{:?} leads to {:?}", command, step);
                }
            }
            studio = next;
        }
    }

    #[test]
    fn no_edit_interrupts_the_program_while_it_is_recorded(
        studio in strategies::studio(), commands in vec(prop_oneof![strategies::edit(), strategies::setting()], 1..20),
    ) {
        let mut studio = studio;
        studio.live.record.program = true;
        for command in commands {
            let Some(next) = done(&studio, &command) else { continue };
            let before = graph(&studio);
            for step in diff(&before, &graph(&next)) {
                let of_one_source = match &step {
                    Step::StopSource(_) | Step::StartSource(..) => true,
                    Step::StopOutput(id) => before.outputs[id].kind.source().is_some(),
                    _ => false,
                };
                prop_assert!(of_one_source || !interrupts(&before, &step), "{:?} leads to {:?}", command, step);
            }
            studio = next;
        }
    }

    #[test]
    fn a_source_is_restarted_alone(studio in strategies::studio(), n in any::<prop::sample::Index>(), address in strategies::address()) {
        prop_assume!(!studio.show.sources.is_empty());
        let mut source = n.get(&studio.show.sources).clone();
        let id = source.id.clone();
        source.address = address;
        let next = done(&studio, &Command::SetSource { source }).expect("any address will do");
        let steps = diff(&graph(&studio), &graph(&next));
        prop_assert!(touched(&steps).iter().all(|source| *source == id), "{:?}", steps);
    }

    #[test]
    fn a_source_is_restarted_when_its_address_differs(a in strategies::address(), b in strategies::address()) {
        let with = |address: &Address| {
            let mut studio = recording();
            studio.show.sources[2].address = address.clone();
            graph(&studio)
        };
        let steps = diff(&with(&a), &with(&b));
        prop_assert_eq!(touched(&steps).contains("spare"), a != b);
    }
}
