//! Doing a [`Command`] to a show: wholly, or not at all.

use crate::{Command, Fault, Live, Show, SourceId, direct, edit, live::repair, saved::list, validate};

/// Why a command was not done. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// What the command speaks of is not in the show.
    #[error("there is no {what} \"{id}\" in the show; it has {has}")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// The id in the command.
        id: String,
        /// What there is instead.
        has: String,
    },
    /// There is one already.
    #[error("there is a {what} \"{id}\" already; give the new one another id, or change that one")]
    Exists {
        /// What kind of thing.
        what: &'static str,
        /// The id in the command.
        id: String,
    },
    /// There is no such place in the order.
    #[error("there is no place {index} among the {what}; choose 0 to {last}")]
    NoPlace {
        /// What kind of things.
        what: &'static str,
        /// In the command.
        index: usize,
        /// The highest that would do.
        last: usize,
    },
    /// It would interrupt what the viewers get.
    #[error("the {what} can't be changed while {doing}; stop {doing} first")]
    Busy {
        /// What would change.
        what: String,
        /// What it would interrupt.
        doing: &'static str,
    },
    /// A scene on air can't be removed.
    #[error("the scene \"{name}\" is on air; take another one first, then remove it")]
    OnAir {
        /// The scene's name.
        name: String,
    },
    /// The show's transition needs it.
    #[error(
        "the source \"{name}\" is the stinger of the show's transition; choose another transition first, then remove it"
    )]
    Stinger {
        /// The source's name.
        name: String,
    },
    /// A layout with fewer places than sources.
    #[error("the layout has a place for {places} sources, not for {sources}; choose a larger layout or fewer sources")]
    LayoutFull {
        /// Of the layout.
        places: usize,
        /// In the command.
        sources: usize,
    },
    /// A strip that comes with a source and is not its own.
    #[error("the strip is for \"{strip}\", the source is \"{source_id}\"; give both the same id")]
    OtherStrip {
        /// The strip's source.
        strip: SourceId,
        /// The source.
        source_id: SourceId,
    },
    /// A take of what is next, and nothing is.
    #[error("no scene is in preview; put one there, or take a scene by name")]
    NothingNext,
    /// The T-bar stands between two scenes.
    #[error("the T-bar stands between two scenes; move it to an end first, then change the preview")]
    TBarHeld,
    /// Not a number.
    #[error("the T-bar's position is not a number; give one from 0 to 1")]
    TBarPosition,
    /// A mark that can't be set.
    #[error("the mark can't be set: {reason}")]
    Mark {
        /// Why, and what to do.
        reason: &'static str,
    },
    /// The show would not hold together.
    #[error("{}", list(.0))]
    Invalid(Vec<Fault>),
}

/// Whether a command changes the show, so that it can be undone; the others change only what is on air.
pub fn is_undoable(command: &Command) -> bool {
    !matches!(
        command,
        Command::Preview { .. }
            | Command::Take { .. }
            | Command::TBar { .. }
            | Command::Record { .. }
            | Command::Publish { .. }
            | Command::Mark { .. }
    )
}

/// What a show and what is on air are after a command.
///
/// # Errors
/// [`Rejected`]; then nothing has changed.
pub fn apply(show: &Show, live: &Live, command: &Command) -> Result<(Show, Live), Rejected> {
    let (mut show, mut live) = (show.clone(), live.clone());
    perform(&mut show, &mut live, command)?;
    if is_undoable(command) {
        validate(&show).map_err(Rejected::Invalid)?;
        repair(&show, &mut live);
    }
    Ok((show, live))
}

fn perform(show: &mut Show, live: &mut Live, command: &Command) -> Result<(), Rejected> {
    match command {
        Command::SetTitle { title } => show.title.clone_from(title),
        Command::SetCanvas { canvas } => edit::set_canvas(show, live, *canvas)?,
        Command::AddSource { source, strip } => edit::add_source(show, source, strip.as_ref())?,
        Command::SetSource { source } => *edit::source(show, &source.id)? = source.clone(),
        Command::RemoveSource { source } => edit::remove_source(show, source)?,
        Command::AddScene { scene, index } => edit::insert_scene(show, scene.clone(), *index)?,
        Command::AddLayout { scene, name, layout, sources } => edit::add_layout(show, scene, name, *layout, sources)?,
        Command::DuplicateScene { scene, as_scene, name } => edit::duplicate_scene(show, scene, as_scene, name)?,
        Command::RenameScene { scene, name } => {
            let n = edit::scene_index(show, scene)?;
            show.scenes[n].name.clone_from(name);
        }
        Command::MoveScene { scene, index } => {
            let n = edit::scene_index(show, scene)?;
            edit::move_to(&mut show.scenes, n, *index, "scenes")?;
        }
        Command::RemoveScene { scene } => edit::remove_scene(show, live, scene)?,
        Command::AddLayer { scene, layer } => edit::add_layer(edit::layers(show, scene.as_ref())?, layer)?,
        Command::SetLayer { scene, layer } => {
            let layers = edit::layers(show, scene.as_ref())?;
            let n = edit::layer_index(layers, &layer.id)?;
            layers[n] = layer.clone();
        }
        Command::MoveLayer { scene, layer, index } => {
            let layers = edit::layers(show, scene.as_ref())?;
            let n = edit::layer_index(layers, layer)?;
            edit::move_to(layers, n, *index, "layers")?;
        }
        Command::RemoveLayer { scene, layer } => {
            let layers = edit::layers(show, scene.as_ref())?;
            layers.remove(edit::layer_index(layers, layer)?);
        }
        Command::SetStrip { strip } => edit::set_strip(show, strip)?,
        Command::SetMaster { master } => show.master = master.clone(),
        Command::SetEncoding { encoding } => edit::set_encoding(show, live, encoding)?,
        Command::SetTransition { transition } => show.transition = direct::timed(transition),
        Command::SetDestination { destination } => edit::set_destination(show, live, destination)?,
        Command::RemoveDestination { destination } => edit::remove_destination(show, live, destination)?,
        Command::Preview { scene } => direct::preview(show, live, scene)?,
        Command::Take { scene, transition } => direct::take(show, live, scene.as_ref(), transition.as_ref())?,
        Command::TBar { position } => direct::tbar(show, live, *position)?,
        Command::Record { record } => live.record = *record,
        Command::Publish { destinations } => direct::publish(show, live, destinations)?,
        Command::Mark { name, at_ns } => direct::mark(live, name, *at_ns)?,
    }
    Ok(())
}

/// Puts another version of the show (from [`crate::History`]) in place of `current`. What is on air stays as far as the version has it.
///
/// # Errors
/// [`Rejected::Busy`] if it would interrupt a recording or a destination, [`Rejected::Invalid`] if it does not hold together.
pub fn restore(current: &Show, live: &Live, version: Show) -> Result<(Show, Live), Rejected> {
    if version.canvas != current.canvas {
        edit::idle(live, "size and rate of the program")?;
    }
    if version.encoding != current.encoding {
        edit::idle(live, "encoding")?;
    }
    for id in &live.publish {
        if edit::url(current, id) != edit::url(&version, id) {
            return Err(edit::busy_destination(id));
        }
    }
    validate(&version).map_err(Rejected::Invalid)?;
    let mut live = live.clone();
    repair(&version, &mut live);
    Ok((version, live))
}
