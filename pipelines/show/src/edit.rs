//! How each command changes the document. What only a whole show can tell (names, ranges, references) is left to [`crate::validate`].

use std::fmt::Display;

use crate::{
    Canvas, Destination, DestinationId, Encoding, Layer, LayerId, Layout, Live, Rejected, Scene, SceneId, Show, Source,
    SourceId, Strip,
};

/// Refuses to change `what` while something is recorded or published.
pub(crate) fn idle(live: &Live, what: &str) -> Result<(), Rejected> {
    match live.busy() {
        Some(doing) => Err(Rejected::Busy { what: what.to_owned(), doing }),
        None => Ok(()),
    }
}

pub(crate) fn set_canvas(show: &mut Show, live: &Live, canvas: Canvas) -> Result<(), Rejected> {
    if show.canvas != canvas {
        idle(live, "size and rate of the program")?;
        show.canvas = canvas;
    }
    Ok(())
}

pub(crate) fn set_encoding(show: &mut Show, live: &Live, encoding: &Encoding) -> Result<(), Rejected> {
    if show.encoding != *encoding {
        idle(live, "encoding")?;
        show.encoding = encoding.clone();
    }
    Ok(())
}

pub(crate) fn source<'a>(show: &'a mut Show, id: &SourceId) -> Result<&'a mut Source, Rejected> {
    let n = position(&show.sources, "source", id, |source| &source.id)?;
    Ok(&mut show.sources[n])
}

pub(crate) fn add_source(show: &mut Show, source: &Source, strip: Option<&Strip>) -> Result<(), Rejected> {
    if show.source(&source.id).is_some() {
        return Err(exists("source", &source.id));
    }
    show.sources.push(source.clone());
    match strip {
        Some(strip) if strip.source != source.id => {
            Err(Rejected::OtherStrip { strip: strip.source.clone(), source_id: source.id.clone() })
        }
        Some(strip) => set_strip(show, strip),
        None => Ok(()),
    }
}

pub(crate) fn remove_source(show: &mut Show, id: &SourceId) -> Result<(), Rejected> {
    let n = position(&show.sources, "source", id, |source| &source.id)?;
    if show.transition.stinger() == Some(id) {
        return Err(Rejected::Stinger { name: show.sources[n].name.clone() });
    }
    show.sources.remove(n);
    for scene in &mut show.scenes {
        scene.layers.retain(|layer| layer.source != *id);
    }
    show.overlays.retain(|layer| layer.source != *id);
    show.strips.retain(|strip| strip.source != *id);
    Ok(())
}

pub(crate) fn set_strip(show: &mut Show, strip: &Strip) -> Result<(), Rejected> {
    position(&show.sources, "source", &strip.source, |source| &source.id)?;
    match show.strips.iter_mut().find(|have| have.source == strip.source) {
        Some(have) => *have = strip.clone(),
        None => show.strips.push(strip.clone()),
    }
    Ok(())
}

pub(crate) fn scene_index(show: &Show, id: &SceneId) -> Result<usize, Rejected> {
    position(&show.scenes, "scene", id, |scene| &scene.id)
}

pub(crate) fn insert_scene(show: &mut Show, scene: Scene, index: Option<usize>) -> Result<(), Rejected> {
    if show.scene(&scene.id).is_some() {
        return Err(exists("scene", &scene.id));
    }
    let last = show.scenes.len();
    let index = index.unwrap_or(last);
    if index > last {
        return Err(Rejected::NoPlace { what: "scenes", index, last });
    }
    show.scenes.insert(index, scene);
    Ok(())
}

pub(crate) fn add_layout(
    show: &mut Show,
    id: &SceneId,
    name: &str,
    layout: Layout,
    sources: &[SourceId],
) -> Result<(), Rejected> {
    if sources.len() > layout.places() {
        return Err(Rejected::LayoutFull { places: layout.places(), sources: sources.len() });
    }
    for source in sources {
        position(&show.sources, "source", source, |source| &source.id)?;
    }
    let layers = layout.layers(show.canvas, sources);
    insert_scene(show, Scene { id: id.clone(), name: name.to_owned(), layers }, None)
}

pub(crate) fn duplicate_scene(show: &mut Show, id: &SceneId, copy: &SceneId, name: &str) -> Result<(), Rejected> {
    let n = scene_index(show, id)?;
    let copy = Scene { id: copy.clone(), name: name.to_owned(), layers: show.scenes[n].layers.clone() };
    insert_scene(show, copy, Some(n + 1))
}

pub(crate) fn remove_scene(show: &mut Show, live: &Live, id: &SceneId) -> Result<(), Rejected> {
    let n = scene_index(show, id)?;
    if live.program.as_ref() == Some(id) {
        return Err(Rejected::OnAir { name: show.scenes[n].name.clone() });
    }
    show.scenes.remove(n);
    Ok(())
}

/// The layers of a scene, or the overlays.
pub(crate) fn layers<'a>(show: &'a mut Show, scene: Option<&SceneId>) -> Result<&'a mut Vec<Layer>, Rejected> {
    match scene {
        None => Ok(&mut show.overlays),
        Some(id) => {
            let n = scene_index(show, id)?;
            Ok(&mut show.scenes[n].layers)
        }
    }
}

pub(crate) fn layer_index(layers: &[Layer], id: &LayerId) -> Result<usize, Rejected> {
    position(layers, "layer", id, |layer| &layer.id)
}

pub(crate) fn add_layer(layers: &mut Vec<Layer>, layer: &Layer) -> Result<(), Rejected> {
    if layers.iter().any(|have| have.id == layer.id) {
        return Err(exists("layer", &layer.id));
    }
    layers.push(layer.clone());
    Ok(())
}

pub(crate) fn set_destination(show: &mut Show, live: &Live, destination: &Destination) -> Result<(), Rejected> {
    let id = &destination.id;
    if live.publish.contains(id) && url(show, id) != Some(&destination.url) {
        return Err(busy_destination(id));
    }
    match show.destinations.iter_mut().find(|have| have.id == *id) {
        Some(have) => *have = destination.clone(),
        None => show.destinations.push(destination.clone()),
    }
    Ok(())
}

pub(crate) fn remove_destination(show: &mut Show, live: &Live, id: &DestinationId) -> Result<(), Rejected> {
    let n = destination_index(show, id)?;
    if live.publish.contains(id) {
        return Err(busy_destination(id));
    }
    show.destinations.remove(n);
    Ok(())
}

pub(crate) fn destination_index(show: &Show, id: &DestinationId) -> Result<usize, Rejected> {
    position(&show.destinations, "destination", id, |destination| &destination.id)
}

pub(crate) fn busy_destination(id: &DestinationId) -> Rejected {
    Rejected::Busy { what: format!("destination \"{id}\""), doing: "publishing" }
}

pub(crate) fn url<'a>(show: &'a Show, id: &DestinationId) -> Option<&'a String> {
    show.destination(id).map(|destination| &destination.url)
}

/// Moves the `from`th of `things` so that it becomes the `to`th.
pub(crate) fn move_to<T>(things: &mut Vec<T>, from: usize, to: usize, what: &'static str) -> Result<(), Rejected> {
    let last = things.len().saturating_sub(1);
    if to > last {
        return Err(Rejected::NoPlace { what, index: to, last });
    }
    let thing = things.remove(from);
    things.insert(to, thing);
    Ok(())
}

fn exists(what: &'static str, id: impl Display) -> Rejected {
    Rejected::Exists { what, id: id.to_string() }
}

fn position<T, I: PartialEq + Display>(
    things: &[T],
    what: &'static str,
    id: &I,
    id_of: impl Fn(&T) -> &I,
) -> Result<usize, Rejected> {
    const SHOWN: usize = 8;
    things.iter().position(|thing| id_of(thing) == id).ok_or_else(|| {
        let mut has: Vec<String> = things.iter().take(SHOWN).map(|thing| format!("\"{}\"", id_of(thing))).collect();
        if things.len() > SHOWN {
            has.push("…".to_owned());
        }
        let has = if has.is_empty() { format!("no {what} yet: add one first") } else { has.join(", ") };
        Rejected::Missing { what, id: id.to_string(), has }
    })
}
