//! Cameras and microphones without hardware: a PipeWire session of the test's own, with nodes that are plugged in and out.
//!
//! They run on a desk of their own: only a program that is given [`Session::env`] finds them.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    child::Child,
    desk::Desk,
    judge::{Rgb, ffmpeg},
    wait::wait_for,
};

/// How long a daemon or a node may take to be there or gone.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends what an ALSA program plays to or records from "default" through the session.
const ALSA: &str = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n";

/// PipeWire, WirePlumber, the PulseAudio server and a message bus. Gone when dropped.
#[derive(Debug)]
pub struct Session {
    desk: Desk,
}

impl Session {
    /// Starts it, and is back when devices can be plugged in.
    ///
    /// # Errors
    /// When a daemon is not installed or does not come up.
    pub fn start() -> Result<Self> {
        let mut session = Self { desk: Desk::start("devices")? };
        fs::write(session.desk.path("alsa.conf"), ALSA)?;
        session.daemon("pipewire", Some("pipewire-0"))?;
        session.daemon("wireplumber", None)?;
        session.daemon("pipewire-pulse", Some("pulse/native"))?;
        // Until WirePlumber has looked at everything, the default sink is called "@DEFAULT_SINK@".
        wait_for("WirePlumber to choose a default sink", PATIENCE, || {
            let info = session.tool("pactl", &["info"])?;
            let sink = info.lines().find_map(|line| line.trim().strip_prefix("Default Sink: "));
            Ok(sink.filter(|name| !name.starts_with('@')).map(|_| ()))
        })?;
        Ok(session)
    }

    /// The environment variables with which a program finds this session instead of the user's.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let path = |name: &str| self.desk.path(name).display().to_string();
        let own = [
            ("PIPEWIRE_RUNTIME_DIR", path("")),
            ("PULSE_SERVER", format!("unix:{}", path("pulse/native"))),
            ("ALSA_CONFIG_PATH", path("alsa.conf")),
        ];
        self.desk.env().into_iter().chain(own.map(|(name, value)| (name.to_owned(), value))).collect()
    }

    /// Plugs in a camera, and is back when it is listed.
    ///
    /// # Errors
    /// When it is not within 15 s.
    pub fn plug_camera(&self, spec: &CameraSpec) -> Result<Camera> {
        let ((width, height), fps) = (spec.size, spec.fps);
        let mut properties = format!("props,media.class=Video/Source,node.name={}", spec.name);
        let description = ("node.description".to_owned(), spec.description.clone());
        for (name, value) in spec.properties.iter().chain([&description]) {
            properties += &format!(",{name}=\\\"{value}\\\"");
        }
        let caps = format!("video/x-raw,format=YUY2,width={width},height={height},framerate={fps}/1");
        let mut command = Command::new("gst-launch-1.0");
        command.args(moving_ball(spec.colour)).args(["is-live=true", "!", &caps, "!", "pipewiresink", "mode=provide"]);
        command.arg(format!("stream-properties=\"{properties}\""));
        command.envs(self.env()).stdin(Stdio::null());
        let camera =
            Camera { node: spec.name.clone(), child: Child::start(format!("camera {}", spec.name), &mut command)? };
        self.wait_for_node(&spec.name, true).with_context(|| camera.child.stderr())?;
        Ok(camera)
    }

    /// Waits until a camera that somebody else plugged in is listed.
    ///
    /// # Errors
    /// When it is not within 15 s.
    pub fn wait_camera(&self, node: &str) -> Result<()> {
        self.wait_for_node(node, true)
    }

    /// Pulls a camera out, and is back when it is not listed any more.
    ///
    /// # Errors
    /// When it still is after 15 s.
    pub fn unplug(&self, mut camera: Camera) -> Result<()> {
        camera.child.kill();
        self.wait_for_node(&camera.node, false)
    }

    /// Plugs in a microphone that hears a tone at -15 dBFS RMS, left and right alike, and is back when it is listed.
    /// `name` is its node, `description` what a person sees, both without quotes.
    ///
    /// # Errors
    /// When it is not within 15 s.
    pub fn plug_microphone(&self, name: &str, description: &str, hertz: u32) -> Result<Microphone> {
        let speaker = format!("{name}.speaker");
        let load = |arguments: [&str; 3]| self.tool("pactl", &[&["load-module"], arguments.as_slice()].concat());
        let wall = load(["module-null-sink", &format!("sink_name={speaker}"), "rate=48000"])?.trim().to_owned();
        let titled = format!("source_properties='device.description=\"{description}\"'");
        let names = format!("source_name={name} master={speaker}.monitor");
        let ear = load(["module-remap-source", &names, &titled])?.trim().to_owned();
        self.wait_for_node(name, true)?;
        let mut command = ffmpeg();
        let tone = format!("aevalsrc='0.2515*sin({hertz}*2*PI*t)|0.2515*sin({hertz}*2*PI*t)':s=48000");
        command.args(["-re", "-f", "lavfi", "-i", &tone, "-f", "pulse", "-device", &speaker, "tone"]);
        let player = Child::start(format!("tone for {name}"), command.envs(self.env()).stdin(Stdio::null()))?;
        wait_for("the tone to be played", PATIENCE, || {
            let inputs = self.tool("pactl", &["list", "short", "sink-inputs"])?;
            Ok(inputs.lines().any(|line| !line.trim().is_empty()).then_some(()))
        })
        .with_context(|| player.stderr())?;
        Ok(Microphone { node: name.to_owned(), modules: [ear, wall], _player: player })
    }

    /// Pulls a microphone out, and is back when it is not listed any more.
    ///
    /// # Errors
    /// When it still is after 15 s.
    pub fn unplug_microphone(&self, microphone: Microphone) -> Result<()> {
        for module in &microphone.modules {
            self.tool("pactl", &["unload-module", module])?;
        }
        self.wait_for_node(&microphone.node, false)
    }

    /// Makes a microphone the system's default.
    ///
    /// # Errors
    /// When it is not plugged in.
    pub fn set_default(&self, microphone: &Microphone) -> Result<()> {
        self.tool("pactl", &["set-default-source", &microphone.node]).map(|_| ())
    }

    /// Names and descriptions of all nodes.
    ///
    /// # Errors
    /// When PipeWire does not answer.
    pub fn nodes(&self) -> Result<Vec<(String, String)>> {
        // When something changes while it is being listed, a second list follows the first.
        let told = self.tool("pw-dump", &[])?;
        let lists: Vec<Vec<Value>> = serde_json::Deserializer::from_str(&told).into_iter().collect::<Result<_, _>>()?;
        let objects: Vec<Value> = lists.into_iter().flatten().collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let nodes = objects.iter().filter(|object| object["type"] == "PipeWire:Interface:Node");
        let described = nodes.map(|node| {
            let properties = &node["info"]["props"];
            (text(&properties["node.name"]), text(&properties["node.description"]))
        });
        Ok(described.collect())
    }

    fn wait_for_node(&self, name: &str, there: bool) -> Result<()> {
        let what = format!("the node {name} to be {}", if there { "listed" } else { "gone" });
        wait_for(&what, PATIENCE, || {
            let found = self.nodes()?.iter().any(|(node, _)| node == name);
            Ok((found == there).then_some(()))
        })
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> Result<String> {
        self.desk.tool(Command::new(program).args(arguments).envs(self.env()))
    }

    fn daemon(&mut self, program: &str, socket: Option<&str>) -> Result<()> {
        let variables = self.env();
        self.desk.daemon(Command::new(program).envs(variables).stdin(Stdio::null()), socket)
    }
}

/// The words of a GStreamer pipeline that draws a black ball moving over one colour.
pub(crate) fn moving_ball(ground: Rgb) -> Vec<String> {
    let [red, green, blue] = ground.map(u32::from);
    let ground = format!("background-color={:#x}", 0xff00_0000 | red << 16 | green << 8 | blue);
    ["videotestsrc", "pattern=ball", "foreground-color=0xff000000", &ground].map(str::to_owned).to_vec()
}

/// A camera to plug in: a black ball that moves over one colour. Its texts hold no quotes and no backslashes.
#[derive(Debug, Clone)]
pub struct CameraSpec {
    /// The node's name.
    pub name: String,
    /// What a person sees.
    pub description: String,
    /// Of the ground.
    pub colour: Rgb,
    /// Pixels.
    pub size: (u32, u32),
    /// Frames a second.
    pub fps: u32,
    /// Further properties of the node, as `("object.path", "v4l2:/dev/video0")`.
    pub properties: Vec<(String, String)>,
}

impl CameraSpec {
    /// 640×360 at 30 frames a second, without further properties.
    #[must_use]
    pub fn new(name: &str, description: &str, colour: Rgb) -> Self {
        let (name, description) = (name.to_owned(), description.to_owned());
        Self { name, description, colour, size: (640, 360), fps: 30, properties: Vec::new() }
    }
}

/// A camera that is plugged in. Pulled out when dropped; [`Session::unplug`] also waits until everybody knows.
#[derive(Debug)]
pub struct Camera {
    node: String,
    child: Child,
}

impl Camera {
    /// The process, to freeze and thaw it.
    pub fn process(&mut self) -> &mut Child {
        &mut self.child
    }
}

/// A microphone that is plugged in. It falls silent when dropped; [`Session::unplug_microphone`] pulls it out.
#[derive(Debug)]
pub struct Microphone {
    node: String,
    modules: [String; 2],
    _player: Child,
}
