//! `pulse-studio show new`: writes a show file from a few names and addresses.

use std::path::PathBuf;

use pulse_show::{
    Canvas, Command, Layer, LayerId, Layout, Live, Rect, Scene, SceneId, Show, Source, SourceId, Strip, apply, saved,
};

use super::parse::{self, Named, Placed};
use crate::error::Failure;

/// What the show is made of.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Size and rate of the program
    #[arg(long, value_name = "WxH@FPS", default_value = "1920x1080@30", value_parser = parse::canvas)]
    canvas: Canvas,
    /// What the show is called
    #[arg(long, default_value = "")]
    title: String,
    /// A camera: device:NAME, rtsp://…, srt://…, rtmp://…, http(s)://…, file:PATH[?loop], image:PATH, test:PATTERN or screen:N
    #[arg(long = "camera", value_name = "NAME=ADDRESS", value_parser = parse::named)]
    cameras: Vec<Named>,
    /// A microphone: device:NAME, test:sine?freq=440, file:PATH, …
    #[arg(long = "mic", value_name = "NAME=ADDRESS", value_parser = parse::named)]
    mics: Vec<Named>,
    /// Scenes to make: "each" (one a camera), "grid" (all in a grid)
    #[arg(long, value_name = "KINDS", value_delimiter = ',', default_value = "each,grid")]
    scenes: Vec<Scenes>,
    /// A picture or text above every scene
    #[arg(long = "overlay", value_name = "image:FILE@X,Y", value_parser = parse::placed)]
    overlays: Vec<Placed>,
    /// Replace a file that is already there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scenes {
    Each,
    Grid,
}

/// Writes the file.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.output.exists() && !args.force {
        let path = args.output.display();
        return Err(Failure::usage(format!(
            "{path} is already there; choose another name or add --force to replace it"
        )));
    }
    let show = build(args)?;
    std::fs::write(&args.output, saved::save(&show))
        .map_err(|e| Failure::failed(format!("{} cannot be written: {e}", args.output.display())))?;
    println!("{}: {} sources, {} scenes", args.output.display(), show.sources.len(), show.scenes.len());
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Camera,
    Microphone,
    Overlay,
}

/// A show in the making: every step is a command, so that what is written is valid.
struct Builder {
    show: Show,
    live: Live,
}

impl Builder {
    fn apply(&mut self, command: &Command) -> Result<(), Failure> {
        let (show, live) = apply(&self.show, &self.live, command).map_err(Failure::usage)?;
        (self.show, self.live) = (show, live);
        Ok(())
    }

    fn add(&mut self, named: &Named, role: Role) -> Result<SourceId, Failure> {
        let id = SourceId::fresh(&named.name, self.show.sources.iter().map(|s| &s.id));
        let sound_only = role == Role::Microphone;
        let source = Source { id: id.clone(), sound_only, ..Source::new(named.name.clone(), named.address.clone()) };
        let has_strip = role != Role::Overlay && named.address.has_audio() != Some(false);
        // A camera's own sound is heard while its picture is on air.
        let strip = has_strip.then(|| Strip { follow: role == Role::Camera, ..Strip::new(id.clone()) });
        self.apply(&Command::AddSource { source, strip })?;
        Ok(id)
    }

    fn overlay(&mut self, number: usize, overlay: &Placed) -> Result<(), Failure> {
        let name = format!("Overlay {number}");
        let source = self.add(&Named { name, address: overlay.address.clone() }, Role::Overlay)?;
        let id = LayerId::from(source.as_str());
        let rect = Rect { x: overlay.x, y: overlay.y, width: 0.0, height: 0.0 };
        self.apply(&Command::AddLayer { scene: None, layer: Layer { id, rect, ..Layer::full(source) } })
    }
}

fn build(args: &Args) -> Result<Show, Failure> {
    let mut builder = Builder { show: Show::empty(args.canvas), live: Live::default() };
    builder.apply(&Command::SetTitle { title: args.title.clone() })?;
    let mut cameras = Vec::new();
    for camera in &args.cameras {
        cameras.push((camera.name.clone(), builder.add(camera, Role::Camera)?));
    }
    for mic in &args.mics {
        builder.add(mic, Role::Microphone)?;
    }
    if args.scenes.contains(&Scenes::Each) {
        for (name, camera) in &cameras {
            let scene = SceneId::from(camera.as_str());
            let layer = Layer { rect: Rect::whole(args.canvas), ..Layer::full(camera.clone()) };
            let scene = Scene { id: scene, name: name.clone(), layers: vec![layer] };
            builder.apply(&Command::AddScene { scene, index: None })?;
        }
    }
    if args.scenes.contains(&Scenes::Grid) && !cameras.is_empty() {
        let layout = Layout::for_count(cameras.len());
        let sources: Vec<SourceId> = cameras.into_iter().map(|(_, id)| id).take(layout.places()).collect();
        let scene = SceneId::fresh("Grid", builder.show.scenes.iter().map(|s| &s.id));
        builder.apply(&Command::AddLayout { scene, name: "Grid".into(), layout, sources })?;
    }
    for (number, overlay) in args.overlays.iter().enumerate() {
        builder.overlay(number + 1, overlay)?;
    }
    Ok(builder.show)
}
