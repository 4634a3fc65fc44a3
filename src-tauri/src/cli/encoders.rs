//! `pulse-studio encoders`: which encoders there are, and which work, each tried with a few frames.

use pulse_engine::encoder;

use crate::error::Failure;

/// How to print them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tries and prints them.
pub fn run(args: &Args) -> Result<(), Failure> {
    pulse_engine::init().map_err(Failure::failed)?;
    let trials = encoder::try_all();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&trials).map_err(Failure::failed)?);
        return Ok(());
    }
    for trial in &trials {
        let kind = match trial.kind {
            encoder::EncoderKind::Hardware => "hardware",
            encoder::EncoderKind::Software => "software",
        };
        let outcome = trial.why_not.as_deref().map_or_else(|| "works".to_owned(), |why| format!("no: {why}"));
        println!("{:<24} {:<14} {kind:<9} {outcome}", trial.name, trial.element);
    }
    Ok(())
}
