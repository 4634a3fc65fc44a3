//! `pulse-studio demo`: a show with moving pictures and sound on a machine that has no camera.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pulse_show::{
    Address, Canvas, Command, Corner, Layer, LayerId, Layout, Live, Record, Rect, Rgba, Scene, SceneId, Show, Source,
    SourceId, Strip, TextStyle, apply,
};
use pulse_wire::{Cue, CueAction, Edge, Transition};

use super::{
    headless::{self, RecordKind, Wish},
    parse,
};
use crate::{error::Failure, places};

/// How long the demo runs by itself.
const LENGTH: Duration = Duration::from_secs(10);

/// How long and where to.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// How long it runs
    #[arg(long = "for", value_name = "TIME", value_parser = parse::duration)]
    length: Option<Duration>,
    /// Folder for the recording
    #[arg(long, value_name = "DIR")]
    session: Option<PathBuf>,
    /// Print events as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it and prints where the recording is.
pub fn run(args: &Args) -> Result<(), Failure> {
    let length = args.length.unwrap_or(LENGTH);
    let folder = args.session.clone().unwrap_or_else(default_folder);
    if !args.json {
        println!("Four moving pictures, two sounds, a title: {} s of a show, recorded.", length.as_secs());
    }
    let run = headless::Args {
        show: PathBuf::new(),
        session: folder,
        publish: Vec::new(),
        record: vec![RecordKind::Program],
        length: Some(length),
        cues: None,
        encoder: None,
        bitrate: None,
        preset: None,
        gop: None,
        control: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        data: None,
    };
    let record = Record { program: true, ..Record::default() };
    let wish =
        Wish { show: show()?, cues: cues(length), record, secrets: BTreeMap::new(), args: run, silent: !args.json };
    let files = headless::play(wish)?;
    let Some(file) = files.first() else {
        return Err(Failure::failed("nothing was recorded; `pulse-studio encoders` says what works here"));
    };
    if !args.json {
        println!("{:.1} s, {} frames, {} bytes", file.duration, file.frames, file.bytes);
    }
    println!("{}", file.path);
    Ok(())
}

fn default_folder() -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_secs()).unwrap_or(0);
    places::recordings().join(format!("Demo {seconds}"))
}

struct Builder {
    show: Show,
    live: Live,
}

impl Builder {
    fn apply(&mut self, command: &Command) -> Result<(), Failure> {
        let (show, live) = apply(&self.show, &self.live, command).map_err(Failure::failed)?;
        (self.show, self.live) = (show, live);
        Ok(())
    }

    fn source(&mut self, name: &str, address: &str, text: Option<TextStyle>) -> Result<SourceId, Failure> {
        let id = SourceId::fresh(name, self.show.sources.iter().map(|s| &s.id));
        let address: Address = address.parse().map_err(Failure::failed)?;
        let strip = (address.has_audio() == Some(true)).then(|| Strip::new(id.clone()));
        let source = Source { id: id.clone(), text, ..Source::new(name, address) };
        self.apply(&Command::AddSource { source, strip })?;
        Ok(id)
    }
}

fn show() -> Result<Show, Failure> {
    let canvas = Canvas { width: 1280, height: 720, ..Canvas::default() };
    let mut builder = Builder { show: Show::empty(canvas), live: Live::default() };
    builder.apply(&Command::SetTitle { title: "Pulse Studio demo".into() })?;
    let cameras =
        [("Aisle", "test:ball"), ("Wide", "test:pinwheel"), ("Bars", "test:smpte"), ("Balcony", "test:spokes")];
    let mut ids = Vec::new();
    for (name, address) in cameras {
        let id = builder.source(name, address, None)?;
        let layer = Layer { rect: Rect::whole(canvas), ..Layer::full(id.clone()) };
        let scene = Scene { id: SceneId::from(id.as_str()), name: name.into(), layers: vec![layer] };
        builder.apply(&Command::AddScene { scene, index: None })?;
        ids.push(id);
    }
    builder.source("Room", "test:sine?freq=220&volume=0.05", None)?;
    builder.source("Clock", "test:ticks?volume=0.2", None)?;
    let grid =
        Command::AddLayout { scene: "grid".into(), name: "Grid".into(), layout: Layout::Grid2x2, sources: ids.clone() };
    builder.apply(&grid)?;
    let inset = Layout::PictureInPicture { corner: Corner::BottomRight };
    let inset =
        Command::AddLayout { scene: "inset".into(), name: "Inset".into(), layout: inset, sources: ids[..2].to_vec() };
    builder.apply(&inset)?;
    let style = TextStyle { size: 44.0, background: Rgba([18, 16, 14, 180]), bold: true, ..TextStyle::default() };
    let title = builder.source("Title", "text: Anna & Ben ", Some(style))?;
    let rect = Rect { x: 48.0, y: 620.0, width: 0.0, height: 0.0 };
    let layer = Layer { id: LayerId::from("title"), rect, ..Layer::full(title) };
    builder.apply(&Command::AddLayer { scene: None, layer })?;
    Ok(builder.show)
}

/// Five takes, spread over the length.
fn cues(length: Duration) -> Vec<Cue> {
    let takes = [
        ("Wide", Transition::Fade),
        ("Grid", Transition::Wipe(Edge::Left)),
        ("Balcony", Transition::Slide(Edge::Right)),
        ("Inset", Transition::Fade),
        ("Aisle", Transition::Cut),
    ];
    let step = length.as_secs_f64() / (takes.len() + 1) as f64;
    let take = |(n, (scene, transition)): (usize, (&str, Transition))| Cue {
        at: step * (n + 1) as f64,
        action: CueAction::Take { scene: scene.into(), transition: Some(transition), ms: Some(600) },
    };
    takes.into_iter().enumerate().map(take).collect()
}
