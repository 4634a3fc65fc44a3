//! `pulse-studio devices`: cameras, microphones and screens, with what they offer.

use std::time::Duration;

use pulse_engine::devices::{self, Device, DeviceKind};

use crate::error::Failure;

/// How long devices may take to report.
const LIST_WITHIN: Duration = Duration::from_secs(3);

/// How to print them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Lists them.
pub fn run(args: &Args) -> Result<(), Failure> {
    pulse_engine::init().map_err(Failure::failed)?;
    let found = devices::list(LIST_WITHIN).map_err(Failure::failed)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found).map_err(Failure::failed)?);
        return Ok(());
    }
    let kinds = [
        (DeviceKind::Camera, "Cameras"),
        (DeviceKind::Microphone, "Microphones"),
        (DeviceKind::Speaker, "Speakers"),
        (DeviceKind::Screen, "Screens"),
    ];
    for (kind, title) in kinds {
        let of_kind: Vec<&Device> = found.iter().filter(|device| device.kind == kind).collect();
        println!("{title}: {}", if of_kind.is_empty() { "none found" } else { "" });
        of_kind.iter().for_each(|device| tell(device));
    }
    Ok(())
}

fn tell(device: &Device) {
    let default = if device.is_default { " (default)" } else { "" };
    println!("  {}{default}\n    device:{}", device.name, device.id);
    let best = device.modes.iter().max_by_key(|mode| (mode.width * mode.height, mode.fps.0 / mode.fps.1.max(1)));
    if let Some(mode) = best {
        let (num, den) = mode.fps;
        println!(
            "    up to {}×{} at {:.2}, {} modes",
            mode.width,
            mode.height,
            f64::from(num) / f64::from(den.max(1)),
            device.modes.len()
        );
    }
}
