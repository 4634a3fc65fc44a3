//! The command line: one module a command. What the window will do can be done here, scripted and measured.

mod bench;
mod cues;
mod demo;
mod devices;
mod encoders;
mod events;
mod headless;
mod journal;
mod keys;
mod new;
mod parse;
mod publish;
mod recover;
mod sessions;
mod settle;
mod signals;

use clap::{Parser, Subcommand};

use crate::error::Failure;

/// A desktop broadcaster: many cameras, one program, recorded safely.
#[derive(Debug, Parser)]
#[command(name = "pulse-studio", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a show file
    #[command(subcommand)]
    Show(ShowAction),
    /// Run a show without a window
    Headless(Box<headless::Args>),
    /// Run a show with moving pictures and sound on a machine without a camera
    Demo(demo::Args),
    /// List cameras, microphones and screens
    Devices(devices::Args),
    /// List encoders, each tried with a few frames
    Encoders(encoders::Args),
    /// List what was recorded
    Sessions(sessions::Args),
    /// Make an interrupted recording whole
    Recover(recover::Args),
    /// Keep the keys of destinations, in the system's keychain where there is one
    #[command(subcommand)]
    Keys(keys::KeysAction),
    /// Measure this machine and this program
    #[command(subcommand)]
    Bench(bench::Bench),
}

#[derive(Debug, Subcommand)]
enum ShowAction {
    /// Write a new show file
    New(Box<new::Args>),
}

/// Carries out what was asked.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        // Until there is a window, the demo shows what there is.
        None => demo::run(&demo::Args::default()),
        Some(Action::Show(ShowAction::New(args))) => new::run(&args),
        Some(Action::Headless(args)) => headless::run(&args),
        Some(Action::Demo(args)) => demo::run(&args),
        Some(Action::Devices(args)) => devices::run(&args),
        Some(Action::Encoders(args)) => encoders::run(&args),
        Some(Action::Sessions(args)) => sessions::run(&args),
        Some(Action::Recover(args)) => recover::run(&args),
        Some(Action::Keys(action)) => keys::run(&action),
        Some(Action::Bench(bench)) => bench::run(&bench),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
