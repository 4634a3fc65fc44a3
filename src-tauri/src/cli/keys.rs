//! `pulse-studio keys`: the keys of destinations that are kept between runs. Names are told, keys never.

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
};

use pulse_show::Secret;

use crate::{
    error::Failure,
    keys::{self, KeyError, KeyStore, Keys, Place},
    places,
};

/// The longest key, in bytes: longer than any token.
const MAX_KEY: usize = 8_192;

/// What to do with the keys.
#[derive(Debug, clap::Subcommand)]
pub enum KeysAction {
    /// List what there is a key of, and where it is kept
    List(DataArgs),
    /// Keep a key: it is asked for, or read from the standard input
    Set(SetArgs),
    /// Forget a key
    Remove(RemoveArgs),
}

/// Whose keys.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    /// Where the list of keys is kept
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Which key to keep, and where.
#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// A destination's id in its show, or its address without the key
    name: String,
    /// Keep it in a file of the data folder even where there is a keychain
    #[arg(long)]
    file: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Which key to forget.
#[derive(Debug, clap::Args)]
pub struct RemoveArgs {
    /// As it was kept
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

impl DataArgs {
    fn keys(&self) -> Keys {
        Keys::open(&self.data.clone().unwrap_or_else(places::data))
    }
}

/// Does it.
pub fn run(action: &KeysAction) -> Result<(), Failure> {
    match action {
        KeysAction::List(args) => list(&args.keys()),
        KeysAction::Set(args) => set(args),
        KeysAction::Remove(args) => remove(args),
    }
}

fn list(keys: &Keys) -> Result<(), Failure> {
    for (name, place) in keys.list().map_err(failure)? {
        println!("{}\t{}", keys::title_of(&name), told(place));
    }
    Ok(())
}

fn set(args: &SetArgs) -> Result<(), Failure> {
    let name = keys::name_from(&args.name).map_err(failure)?;
    let title = keys::title_of(&name);
    let secret = read(title)?;
    let keys = args.data.keys();
    let place = keys.keep(&name, &secret, args.file).map_err(failure)?;
    if place == Place::File {
        eprintln!("pulse-studio: warning: {}", keys.warning());
    }
    println!("{title}\t{}", told(place));
    Ok(())
}

fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let name = keys::name_from(&args.name).map_err(failure)?;
    if args.data.keys().remove(&name).map_err(failure)? {
        return Ok(());
    }
    let title = keys::title_of(&name);
    Err(Failure::usage(format!("there is no key of {title}; `pulse-studio keys list` tells what there is")))
}

fn told(place: Place) -> &'static str {
    match place {
        Place::Keychain => "keychain",
        Place::File => "file",
    }
}

/// A person is asked, without an echo; a script is read to its end.
fn read(title: &str) -> Result<Secret, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("the key cannot be read: {error}"));
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        text = rpassword::prompt_password(format!("Key of {title}: ")).map_err(unreadable)?;
    } else {
        let longest = u64::try_from(MAX_KEY + 2).expect("it is small");
        std::io::stdin().take(longest).read_to_string(&mut text).map_err(unreadable)?;
    }
    let key = text.trim();
    if key.is_empty() || key.len() > MAX_KEY || key.contains(char::is_control) {
        return Err(Failure::usage(format!("a key is one line of 1 to {MAX_KEY} bytes; nothing was kept")));
    }
    Ok(Secret::new(key))
}

/// How a command fails when a key cannot be had.
pub fn failure(error: KeyError) -> Failure {
    match error {
        KeyError::Name(_) => Failure::usage(error),
        _ => Failure::failed(error),
    }
}
