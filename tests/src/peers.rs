//! Where the peers are that `./pulse test` has built or installed, by the versions that the files in `tests/peers` pin.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

const SERVER_PIN: &str = include_str!("../peers/livekit/go.mod");
const SDK_PIN: &str = include_str!("../peers/subscriber/requirements.txt");

/// Where the harness keeps what is made once: `pulse-studio` in `XDG_CACHE_HOME` or `~/.cache`.
///
/// # Errors
/// When neither is known.
pub fn cache() -> Result<PathBuf> {
    let home = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let cache = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")));
    Ok(cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("pulse-studio"))
}

/// The LiveKit server.
///
/// # Errors
/// When it is not built, with how to do that.
pub fn livekit_server() -> Result<PathBuf> {
    installed("livekit-server", pinned(SERVER_PIN, "github.com/livekit/livekit-server v")?, "livekit-server")
}

/// A Python that has LiveKit's SDK.
///
/// # Errors
/// When it is not installed, with how to do that.
pub fn python() -> Result<PathBuf> {
    installed("livekit-python", pinned(SDK_PIN, "livekit==")?, "bin/python")
}

/// A program in `tests/peers`, as `subscriber/subscriber.py`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// The word that follows `before` in a file that pins versions.
fn pinned<'a>(file: &'a str, before: &str) -> Result<&'a str> {
    let found = file.lines().find_map(|line| line.trim().strip_prefix(before)?.split_whitespace().next());
    found.with_context(|| format!("no version is pinned by \"{before}\""))
}

fn installed(name: &str, version: &str, program: &str) -> Result<PathBuf> {
    let path = cache()?.join("peers").join(format!("{name}-{version}")).join(program);
    ensure!(path.is_file(), "no {}: `./pulse test` makes it", path.display());
    Ok(path)
}
