//! From what runs to what should run: the steps between, in an order in which nothing refers to what is not there.

use std::collections::BTreeMap;

use pulse_show::{Canvas, SourceId};

use crate::{AudioSpec, Draw, Graph, OutputId, OutputKind, OutputNode, Program, SoundPlan, SourceNode, VideoSpec};

/// One change of what runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Makes and starts a source's pipeline.
    StartSource(SourceId, SourceNode),
    /// Ends a source's pipeline. When [`Step::StartSource`] of the same id follows, what refers to it stays and waits.
    StopSource(SourceId),
    /// Takes up a new name or loss behaviour; nothing restarts.
    UpdateSource(SourceId, SourceNode),
    /// Restarts the mixer at another size or rate; no encoder and no output runs then. Program, preview and sound follow.
    SetCanvas(Canvas),
    /// What the video mixer draws from the next frame on.
    SetProgram(Program),
    /// What the preview draws from its next frame on.
    SetPreview(Vec<Draw>),
    /// What the audio mixer does from the next samples on.
    SetSound(SoundPlan),
    /// Starts a video encoder on the program.
    StartVideoEncoder(VideoSpec),
    /// Ends a video encoder that no output takes from any more.
    StopVideoEncoder(VideoSpec),
    /// Starts an audio encoder on the program.
    StartAudioEncoder(AudioSpec),
    /// Ends an audio encoder that no output takes from any more.
    StopAudioEncoder(AudioSpec),
    /// Starts an output.
    StartOutput(OutputId, OutputNode),
    /// Takes up a new name of what is recorded, for its next file; nothing restarts.
    UpdateOutput(OutputId, OutputNode),
    /// Drains and ends an output.
    StopOutput(OutputId),
}

/// The steps that lead from `current` to `desired`; none if they are equal.
pub fn diff(current: &Graph, desired: &Graph) -> Vec<Step> {
    let mut steps = Vec::new();
    let restart = current.canvas != desired.canvas;
    let stays = |id: &OutputId, node: &OutputNode| {
        !restart && desired.outputs.get(id).is_some_and(|wanted| same_but_for_name(node, wanted))
    };
    let ending = current.outputs.iter().filter(|(id, node)| !stays(id, node));
    steps.extend(ending.map(|(id, _)| Step::StopOutput(id.clone())));

    let ending = current.video_encoders.iter().filter(|spec| restart || !desired.video_encoders.contains(spec));
    steps.extend(ending.cloned().map(Step::StopVideoEncoder));
    let ending = current.audio_encoders.iter().filter(|spec| restart || !desired.audio_encoders.contains(spec));
    steps.extend(ending.cloned().map(Step::StopAudioEncoder));

    if restart {
        steps.push(Step::SetCanvas(desired.canvas));
    }
    start_sources(current, desired, &mut steps);
    if restart || current.program != desired.program {
        steps.push(Step::SetProgram(desired.program.clone()));
    }
    if restart || current.preview != desired.preview {
        steps.push(Step::SetPreview(desired.preview.clone()));
    }
    if restart || current.sound != desired.sound {
        steps.push(Step::SetSound(desired.sound.clone()));
    }

    let starting = desired.video_encoders.iter().filter(|spec| restart || !current.video_encoders.contains(spec));
    steps.extend(starting.cloned().map(Step::StartVideoEncoder));
    let starting = desired.audio_encoders.iter().filter(|spec| restart || !current.audio_encoders.contains(spec));
    steps.extend(starting.cloned().map(Step::StartAudioEncoder));
    for (id, wanted) in &desired.outputs {
        match current.outputs.get(id) {
            Some(node) if node == wanted && !restart => {}
            Some(node) if stays(id, node) => steps.push(Step::UpdateOutput(id.clone(), wanted.clone())),
            _ => steps.push(Step::StartOutput(id.clone(), wanted.clone())),
        }
    }
    steps.extend(missing(&current.sources, &desired.sources).map(|id| Step::StopSource(id.clone())));
    steps
}

/// Starts what is new, restarts what has changed, renames what is called otherwise.
fn start_sources(current: &Graph, desired: &Graph, steps: &mut Vec<Step>) {
    for (id, wanted) in &desired.sources {
        match current.sources.get(id) {
            Some(node) if node == wanted => {}
            Some(node) if restarts(node, wanted) => {
                steps.push(Step::StopSource(id.clone()));
                steps.push(Step::StartSource(id.clone(), wanted.clone()));
            }
            Some(_) => steps.push(Step::UpdateSource(id.clone(), wanted.clone())),
            None => steps.push(Step::StartSource(id.clone(), wanted.clone())),
        }
    }
}

fn restarts(node: &SourceNode, wanted: &SourceNode) -> bool {
    (&node.address, &node.text, node.sound_only, node.held)
        != (&wanted.address, &wanted.text, wanted.sound_only, wanted.held)
}

fn same_but_for_name(node: &OutputNode, wanted: &OutputNode) -> bool {
    let kind = match (&node.kind, &wanted.kind) {
        (OutputKind::Iso { source: a, fallback: of_a, .. }, OutputKind::Iso { source: b, fallback: of_b, .. }) => {
            a == b && of_a == of_b
        }
        (OutputKind::Stem { source: a, .. }, OutputKind::Stem { source: b, .. }) => a == b,
        (a, b) => a == b,
    };
    kind && node.video == wanted.video && node.audio == wanted.audio
}

fn missing<'a, K: Ord, V>(from: &'a BTreeMap<K, V>, of: &'a BTreeMap<K, V>) -> impl Iterator<Item = &'a K> {
    from.keys().filter(|key| !of.contains_key(key))
}

/// What runs after a step: how the engine keeps track of what it has done.
pub fn play(graph: &mut Graph, step: &Step) {
    match step {
        Step::StartSource(id, node) | Step::UpdateSource(id, node) => {
            graph.sources.insert(id.clone(), node.clone());
        }
        Step::StopSource(id) => {
            graph.sources.remove(id);
        }
        Step::SetCanvas(canvas) => graph.canvas = *canvas,
        Step::SetProgram(program) => graph.program = program.clone(),
        Step::SetPreview(preview) => graph.preview.clone_from(preview),
        Step::SetSound(sound) => graph.sound = sound.clone(),
        Step::StartVideoEncoder(spec) => {
            graph.video_encoders.insert(spec.clone());
        }
        Step::StopVideoEncoder(spec) => {
            graph.video_encoders.remove(spec);
        }
        Step::StartAudioEncoder(spec) => {
            graph.audio_encoders.insert(spec.clone());
        }
        Step::StopAudioEncoder(spec) => {
            graph.audio_encoders.remove(spec);
        }
        Step::StartOutput(id, node) | Step::UpdateOutput(id, node) => {
            graph.outputs.insert(id.clone(), node.clone());
        }
        Step::StopOutput(id) => {
            graph.outputs.remove(id);
        }
    }
}
