//! `pulse-studio bench`: what this program costs, as JSON.

mod ffmpeg;
mod ours;
mod program;

use crate::error::Failure;

/// Which benchmark.
#[derive(Debug, clap::Subcommand)]
pub enum Bench {
    /// Four cameras in a grid, mixed, encoded and recorded, beside its floor and beside ffmpeg
    Program(program::Args),
}

/// Runs it.
pub fn run(bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Program(args) => program::run(args),
    }
}

/// The middle of some figures; 0 of none.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
