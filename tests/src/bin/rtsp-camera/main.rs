//! A network camera: a real RTSP server that plays one clip for ever, or draws a test picture.
//!
//! Prints `ready rtsp://127.0.0.1:PORT/cam` once it accepts connections, and runs until it is killed. A clip is sent as
//! it is, without encoding, so that several cameras cost next to nothing. All clients see the same picture at the same
//! time, as with a real camera; the first one starts it, the last one's leaving stops it.

mod clip;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use gstreamer::{self as gst, glib};
use gstreamer_rtsp_server::{RTSPAuth, RTSPMediaFactory, RTSPServer, RTSPToken, prelude::*};

use pulse_tests::{clock::Painter, media::PALETTE};

use crate::clip::Clip;

#[derive(Debug, Parser)]
#[command(about = "A network camera: an RTSP server that plays a clip for ever, or draws a test picture")]
struct Args {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The clip to play, as it is (H.264 or H.265, AAC); without one a test picture is drawn and encoded.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Test picture: a pattern of GStreamer's videotestsrc.
    #[arg(long, default_value = "ball")]
    pattern: String,
    /// Draws the time into the test picture (`pulse_tests::clock`) instead of a pattern.
    #[arg(long)]
    clock: bool,
    /// Width and height of the test picture in pixels.
    #[arg(long, default_value = "640x360", value_parser = pulse_tests::media::size)]
    size: (u32, u32),
    /// Frames a second of the test picture.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// How the test picture is encoded.
    #[arg(long, default_value = "h264")]
    codec: Codec,
    /// Frames from one keyframe of the test picture to the next.
    #[arg(long, default_value_t = 30)]
    gop: u32,
    /// Sound of the test picture.
    #[arg(long, default_value = "none")]
    audio: Audio,
    /// Lets in only who gives this name and the password.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The password of the user.
    #[arg(long, requires = "user")]
    password: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Codec {
    H264,
    H265,
    Mjpeg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Audio {
    /// No microphone.
    None,
    /// 440 Hz, stereo, 48 kHz.
    Sine,
    /// 440 Hz, one channel, 44.1 kHz.
    Mono441,
}

fn main() -> Result<()> {
    let args = Args::parse();
    gst::init()?;
    let factory = RTSPMediaFactory::new();
    factory.set_shared(true);
    match &args.file {
        Some(path) => serve_clip(&factory, Arc::new(Clip::load(path)?)),
        None => serve_drawn(&factory, &args)?,
    }

    let server = RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service(&args.port.to_string());
    if let (Some(user), Some(password)) = (&args.user, &args.password) {
        lock(&server, &factory, user, password);
    }
    server.mount_points().context("a server has mount points")?.add_factory("/cam", factory);
    let _attached = server.attach(None).with_context(|| format!("cannot listen on port {}", args.port))?;
    let port = server.bound_port();
    ensure!(port > 0, "cannot listen on port {}: is it in use?", args.port);
    forget_silent_clients(&server)?;
    println!("ready rtsp://127.0.0.1:{port}/cam");
    glib::MainLoop::new(None, false).run();
    bail!("the main loop ended")
}

/// Has a factory draw and encode a test picture.
fn serve_drawn(factory: &RTSPMediaFactory, args: &Args) -> Result<()> {
    if !args.clock {
        factory.set_launch(&drawn(args, &pattern(args)?));
        return Ok(());
    }
    let painter = Painter::new(args.size, args.fps, PALETTE[0])?;
    factory.set_launch(&drawn(args, &painter.launch()));
    factory.connect_media_configure(move |_, media| {
        let element = media.element();
        let played = element.downcast_ref().context("not a bin").and_then(|bin| painter.clone().play_into(bin));
        if let Err(cause) = played {
            eprintln!("the clock is not drawn: {cause:#}");
        }
    });
    Ok(())
}

/// The part of a launch line that draws a pattern.
fn pattern(args: &Args) -> Result<String> {
    let ((width, height), fps, pattern) = (args.size, args.fps, &args.pattern);
    ensure!(pattern.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'), "no pattern \"{pattern}\"");
    Ok(format!(
        "videotestsrc is-live=true pattern={pattern} ! video/x-raw,format=I420,width={width},height={height},\
         framerate={fps}/1"
    ))
}

/// The launch line that encodes a test picture.
fn drawn(args: &Args, picture: &str) -> String {
    let gop = args.gop;
    let encode = match args.codec {
        Codec::H264 => format!(
            "x264enc tune=zerolatency speed-preset=ultrafast bitrate=2000 key-int-max={gop} ! \
             rtph264pay config-interval=-1 aggregate-mode=zero-latency"
        ),
        Codec::H265 => format!(
            "x265enc tune=zerolatency speed-preset=ultrafast bitrate=2000 key-int-max={gop} ! h265parse ! \
             rtph265pay config-interval=-1 aggregate-mode=zero-latency"
        ),
        Codec::Mjpeg => "jpegenc quality=70 ! rtpjpegpay".to_owned(),
    };
    let picture = format!("{picture} ! queue max-size-buffers=3 ! {encode} name=pay0 pt=96");
    let tone = match args.audio {
        Audio::None => return format!("( {picture} )"),
        Audio::Sine => "rate=48000,channels=2",
        Audio::Mono441 => "rate=44100,channels=1",
    };
    let sound = format!(
        "audiotestsrc is-live=true freq=440 volume=0.25 samplesperbuffer=1024 ! audio/x-raw,{tone} ! \
         queue max-size-time=1000000000 ! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97"
    );
    format!("( {picture} {sound} )")
}

/// Has a factory play a clip, from its beginning each time that a first client comes.
fn serve_clip(factory: &RTSPMediaFactory, clip: Arc<Clip>) {
    factory.set_launch(&clip.launch());
    factory.connect_media_configure(move |_, media| {
        if let Err(cause) = Arc::clone(&clip).play_into(&media.element()) {
            eprintln!("the clip does not play: {cause:#}");
        }
    });
}

/// Asks every client for a name and a password, by HTTP's basic way.
fn lock(server: &RTSPServer, factory: &RTSPMediaFactory, user: &str, password: &str) {
    let role = gst::Structure::builder("viewer")
        .field("media.factory.access", true)
        .field("media.factory.construct", true)
        .build();
    factory.add_role_from_structure(&role);
    let token = RTSPToken::builder().field("media.factory.role", "viewer").build();
    let auth = RTSPAuth::new();
    auth.set_supported_methods(gstreamer_rtsp::RTSPAuthMethod::Basic);
    auth.add_basic(&RTSPAuth::make_basic(user, password), &token);
    server.set_auth(Some(&auth));
}

/// Sessions of clients that are gone without a word end when their time is up.
fn forget_silent_clients(server: &RTSPServer) -> Result<()> {
    let pool = server.session_pool().context("a server has a pool of sessions")?;
    glib::timeout_add_seconds(2, move || {
        pool.cleanup();
        glib::ControlFlow::Continue
    });
    Ok(())
}
