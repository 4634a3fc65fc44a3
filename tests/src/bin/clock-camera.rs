//! A camera that draws the time into its picture (`pulse_tests::clock`): raw frames on standard output, or into the rest
//! of a GStreamer pipeline; then it prints `ready` when that runs. It works until it is killed or nobody listens.

use std::io::{Write, stdout};

use anyhow::{Context, Result, bail};
use clap::Parser;
use gstreamer::{self as gst, prelude::*};
use pulse_tests::{
    clock::{Painter, wall_ms},
    media::PALETTE,
};

#[derive(Debug, Parser)]
#[command(about = "A camera that draws the time into its picture")]
struct Args {
    /// Width and height in pixels.
    #[arg(long, default_value = "640x360", value_parser = pulse_tests::media::size)]
    size: (u32, u32),
    /// Frames a second.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// Which colour of the harness's palette it has.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..PALETTE.len() as i64))]
    colour: u8,
    /// The rest of a GStreamer launch line, after the raw frames; without one they go to standard output.
    #[arg(long)]
    to: Option<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let painter = Painter::new(args.size, args.fps, PALETTE[usize::from(args.colour)])?;
    match args.to {
        Some(rest) => stream(painter, &rest),
        None => write(&painter),
    }
}

fn write(painter: &Painter) -> Result<()> {
    let mut frame = vec![0; painter.frame_size()];
    painter.tick(|index| {
        painter.paint(&mut frame, index, wall_ms());
        Ok(stdout().write_all(&frame).is_ok())
    })
}

fn stream(painter: Painter, rest: &str) -> Result<()> {
    gst::init()?;
    let line = format!("{} ! queue max-size-buffers=2 leaky=downstream ! {rest}", painter.launch());
    let pipeline = gst::parse::launch(&line)?.downcast::<gst::Pipeline>().ok().context("no pipeline")?;
    painter.play_into(pipeline.upcast_ref())?;
    pipeline.set_state(gst::State::Playing)?;
    let bus = pipeline.bus().context("a pipeline has a bus")?;
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Error(fault) => bail!("{}: {:?}", fault.error(), fault.debug()),
            gst::MessageView::Eos(_) => break,
            gst::MessageView::StateChanged(change)
                if change.current() == gst::State::Playing && message.src() == Some(pipeline.upcast_ref()) =>
            {
                println!("ready");
            }
            _ => {}
        }
    }
    bail!("the pipeline ended")
}
