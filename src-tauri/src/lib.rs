//! Pulse Studio: the composition root.
//!
//! Puts the engine, the studio actor and the command line together. The rules of a show are in `pulse-show`, what runs is planned by
//! `pulse-plan` and done by `pulse-engine`; nothing here touches a pixel.

mod cli;
mod control;
mod error;
mod keys;
mod machine;
mod places;
pub mod studio;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Libraries that write what they send into the log when they are asked for much, tokens and all.
const TALKATIVE: [&str; 10] = [
    "async_tungstenite",
    "h2",
    "hyper",
    "hyper_util",
    "livekit_api",
    "reqwest",
    "rustls",
    "tokio_tungstenite",
    "tungstenite",
    "warp",
];

/// Runs the command line and says how it went: 0 done, 1 failed, 2 wrong usage or bad input, 130 interrupted.
pub fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("PULSE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let filter = TALKATIVE.iter().fold(filter, |filter, library| {
        filter.add_directive(format!("{library}=warn").parse().expect("a target and a level are a directive"))
    });
    // Logs go to stderr: stdout belongs to the events. A second subscriber is impossible: this is the only one.
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("pulse-studio: {message}");
            }
            failure.exit_code()
        }
    }
}
