//! Keys of destinations are kept in the keychain, or without one in a file; nothing that is shown or saved tells them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Result, ensure};
use pulse_tests::{
    child::built,
    keychain::Keychain,
    nginx_rtmp::{self, KEY},
};

use super::stage::{PATIENCE, Stage};

/// The environment of a machine without a message bus.
fn no_bus(stage: &Stage) -> Vec<(String, String)> {
    let bus = format!("unix:path={}", stage.folder.join("no-bus").display());
    vec![("DBUS_SESSION_BUS_ADDRESS".to_owned(), bus)]
}

/// A stage, the keys of its data folder, and a platform that lets in only who knows the key.
struct Door {
    stage: Stage,
    server: nginx_rtmp::Server,
    variables: Vec<(String, String)>,
}

impl Door {
    fn new(name: &str, variables: impl FnOnce(&Stage) -> Vec<(String, String)>) -> Result<Self> {
        let stage = Stage::new(name, &["--camera", "A=test:ball", "--mic", "M=test:sine", "--scenes", "each"])?;
        let mut variables = variables(&stage);
        // Everything that it could ever log.
        variables.push(("PULSE_LOG".to_owned(), "trace".to_owned()));
        Ok(Self { variables, stage, server: nginx_rtmp::Server::start()? })
    }

    fn address(&self) -> String {
        self.server.url("keyed", "").trim_end_matches('/').to_owned()
    }

    fn data(&self) -> PathBuf {
        self.stage.folder.join("data")
    }

    /// Runs `keys` with these words, and the line on its standard input.
    fn keys(&self, words: &[&str], line: &str) -> Result<Output> {
        let typed = self.stage.folder.join("typed");
        fs::write(&typed, line)?;
        let input = Stdio::from(File::open(&typed)?);
        fs::remove_file(typed)?;
        let mut command = Command::new(built("pulse-studio", "pulse-studio")?);
        command.arg("keys").args(words).arg("--data").arg(self.data());
        Ok(command.envs(self.variables.clone()).stdin(input).output()?)
    }

    /// The standard output and standard error of `keys` that ends well. Neither may tell the key.
    fn told(&self, words: &[&str], line: &str) -> Result<(String, String)> {
        let output = self.keys(words, line)?;
        let [out, log] = [output.stdout, output.stderr].map(text);
        ensure!(output.status.success(), "{words:?}: {log}");
        ensure!(!out.contains(KEY) && !log.contains(KEY), "{words:?} told the key: {out}{log}");
        Ok((out, log))
    }

    /// Publishes to `named` until the platform has the picture, ends, and gives the log. The key is in nothing of it.
    fn publish(&self, named: &str) -> Result<String> {
        let mut app = self.stage.run_in(&["--record", "program", "--publish", named], self.variables.clone())?;
        self.server.wait_published("keyed", KEY, PATIENCE)?;
        app.interrupt()?;
        let finished = app.finish(PATIENCE)?;
        ensure!(finished.status.code() == Some(130), "{}", finished.log);
        ensure!(!finished.log.contains(KEY), "the log tells the key");
        ensure!(finished.events.iter().all(|event| !format!("{event:?}").contains(KEY)), "an event tells the key");
        let read = holds(self.stage.folder.path())?;
        ensure!(read.is_empty(), "{read:?} tell the key");
        Ok(finished.log)
    }

    /// What is told when the key cannot be had: the show does not begin.
    fn refused(&self, named: &str) -> Result<String> {
        let finished = self.stage.run_in(&["--publish", named], self.variables.clone())?.finish(PATIENCE)?;
        ensure!(finished.status.code() == Some(1) && finished.events.is_empty(), "it began: {:?}", finished.events);
        ensure!(!finished.log.contains(KEY), "the log tells the key");
        Ok(finished.log)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The files of a folder, and of those in it, that have the key in them.
fn holds(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holds(&path)?);
        } else if fs::read(&path)?.windows(KEY.len()).any(|bytes| bytes == KEY.as_bytes()) {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn a_key_in_the_keychain_lets_the_program_in_by_address_and_by_name() -> Result<()> {
    let keychain = Keychain::start()?;
    let door = Door::new("keychain", |_| keychain.env())?;
    let address = door.address();
    let (out, log) = door.told(&["set", &address], KEY)?;
    ensure!(out.trim_end() == format!("{address}\tkeychain") && !log.contains("warning"), "{out}{log}");
    let name = format!("destination/{address}");
    ensure!(keychain.secret("pulse-studio", &name)?.as_deref() == Some(KEY), "the keychain does not have it");
    ensure!(door.told(&["list"], "")?.0 == out, "the list is another");
    door.publish(&address)?;

    // A show's destination has a key of its own; the address's is not asked.
    door.told(&["set", &address], "another")?;
    door.told(&["set", "church"], KEY)?;
    door.stage.edit(|show| {
        show["destinations"] = serde_json::json!([{ "id": "church", "name": "Our church", "url": address }]);
    })?;
    for named in ["church", "Our church"] {
        door.publish(named)?;
    }
    ensure!(door.server.asked() == [KEY; 3], "{:?}", door.server.asked());

    door.told(&["remove", &address], "")?;
    ensure!(keychain.secret("pulse-studio", &name)?.is_none(), "it is still there");
    ensure!(door.told(&["list"], "")?.0 == "church\tkeychain\n");
    let again = door.keys(&["remove", &address], "")?;
    ensure!(again.status.code() == Some(2), "{again:?}");
    Ok(())
}

#[test]
fn without_a_keychain_a_file_has_it_with_a_warning() -> Result<()> {
    let door = Door::new("keyfile", no_bus)?;
    let address = door.address();
    let (out, log) = door.told(&["set", &address], KEY)?;
    ensure!(out.trim_end() == format!("{address}\tfile"), "{out}");
    ensure!(log.contains("no keychain answers here") && log.contains("can read it"), "no warning: {log}");
    let log = door.publish(&address)?;
    ensure!(log.contains("can read it"), "no warning: {log}");
    ensure!(door.server.asked() == [KEY], "{:?}", door.server.asked());

    // What opens it is lost: the show does not begin, and says what to do.
    fs::remove_file(door.data().join("keys.key"))?;
    let told = door.refused(&address)?;
    ensure!(told.contains("keys.key is missing or damaged"), "{told}");
    Ok(())
}

#[test]
fn a_key_in_a_keychain_that_is_locked_or_gone_is_an_error_with_the_remedy() -> Result<()> {
    let keychain = Keychain::start()?;
    let mut door = Door::new("keychain-gone", |_| keychain.env())?;
    let address = door.address();
    door.told(&["set", &address], KEY)?;
    keychain.lock()?;
    let told = door.refused(&address)?;
    ensure!(told.contains("unlock it and try again"), "{told}");
    // Whoever has no key there is not kept from anything.
    let elsewhere = door.server.url("live", "").trim_end_matches('/').to_owned();
    ensure!(door.keys(&["remove", &elsewhere], "")?.status.code() == Some(2), "it was there");
    drop(keychain);
    for told in [door.refused(&address)?, text(door.keys(&["remove", &address], "")?.stderr)] {
        ensure!(told.contains("no keychain answers here"), "{told}");
    }
    // A key in the file instead does not need it.
    door.variables.extend(no_bus(&door.stage));
    let (out, _) = door.told(&["set", "--file", &address], KEY)?;
    ensure!(out.ends_with("\tfile\n"), "{out}");
    door.publish(&address).map(|_| ())
}

#[test]
fn what_is_no_key_or_no_name_is_refused_and_nothing_is_kept() -> Result<()> {
    let door = Door::new("no-keys", no_bus)?;
    let with_key = door.server.url("keyed", KEY);
    let cases: [(&[&str], &str, &str); 5] = [
        (&["set", "church"], "\n", "a key is one line"),
        (&["set", "church"], "two\nlines\n", "a key is one line"),
        (&["set", &with_key], KEY, "without its key"),
        (&["set", "gopher://a.example"], KEY, "rtmp://"),
        (&["set", ""], KEY, "id or address"),
    ];
    for (words, line, reason) in cases {
        let output = door.keys(words, line)?;
        let (code, told) = (output.status.code(), text(output.stderr));
        ensure!(code == Some(2) && told.contains(reason), "{words:?}: {told}");
        ensure!(!told.contains(KEY), "{words:?} told the key: {told}");
    }
    ensure!(!door.data().join("keys.json").exists(), "something was kept");
    Ok(())
}
