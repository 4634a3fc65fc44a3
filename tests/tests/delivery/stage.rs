//! What most tests begin with: a show file, and the studio running it.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use pulse_tests::{
    app::{App, Finished, Written},
    cleanup::Workdir,
    media::CameraClip,
};

/// How long the studio may take to begin and to end.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A folder with a show in it.
pub struct Stage {
    pub folder: Workdir,
}

impl Stage {
    /// Makes `show.json` by `show new` with these further words.
    pub fn new<S: AsRef<str>>(name: &str, words: &[S]) -> Result<Self> {
        let folder = Workdir::new(name)?;
        let show = folder.join("show.json").display().to_string();
        let mut job = vec!["show", "new", "-o", &show, "--canvas", "640x360@30"];
        job.extend(words.iter().map(AsRef::as_ref));
        App::run(job)?;
        Ok(Self { folder })
    }

    /// Runs it with these further words.
    pub fn run(&self, words: &[&str]) -> Result<App> {
        self.run_in(words, [])
    }

    /// Runs it with these further words and environment variables.
    pub fn run_in(&self, words: &[&str], variables: impl IntoIterator<Item = (String, String)>) -> Result<App> {
        let of = |name: &str| self.folder.join(name).display().to_string();
        let (show, session, data) = (of("show.json"), of("out"), of("data"));
        let mut job =
            vec!["headless", "--show", &show, "--session", &session, "--data", &data, "--preset", "ultrafast"];
        job.extend(words);
        App::start(job, variables)
    }

    /// Changes the show file, as a person with an editor would.
    pub fn edit(&self, change: impl FnOnce(&mut serde_json::Value)) -> Result<()> {
        let path = self.folder.join("show.json");
        let mut show = serde_json::from_slice(&std::fs::read(&path)?)?;
        change(&mut show);
        Ok(std::fs::write(path, show.to_string())?)
    }

    /// Writes a cues file and gives its path.
    pub fn cues(&self, json: &str) -> Result<String> {
        let path = self.folder.join("cues.json");
        std::fs::write(&path, json)?;
        Ok(path.display().to_string())
    }

    /// Where a recording of that name lies.
    pub fn recording(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }
}

/// An address that plays a clip over and over.
pub fn looped(clip: &CameraClip) -> Result<String> {
    Ok(format!("file:{}?loop", clip.path()?.display()))
}

/// The only file of a kind that was written.
pub fn the_file(finished: &Finished, kind: &str) -> Result<Written> {
    let mut files = finished.stopped()?.files()?.into_iter().filter(|file| file.kind == kind);
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file),
        (first, second) => anyhow::bail!("expected one {kind} file, found {first:?} and {second:?}"),
    }
}
