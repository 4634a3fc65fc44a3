//! After a recovery: the list of sessions learns what became of those that were cut short.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pulse_mp4::Layout;
use pulse_store::{FileFacts, Session, Store};

use super::journal::now_ms;

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is whole.
    Whole(Measured),
    /// It cannot be made whole.
    Broken,
    /// Somebody is recording it: its session runs.
    InUse,
}

/// What a whole file holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Seconds.
    pub duration: f64,
    /// Pictures; 0 in a file of sound.
    pub frames: u64,
    /// Its size.
    pub bytes: u64,
    /// When it was written last, before it was made whole; Unix milliseconds.
    pub written_at: Option<i64>,
}

/// Files by their canonical paths.
pub type Fates = BTreeMap<PathBuf, Fate>;

/// Brings the list of sessions in the folder `data` up to date; where there is none, none is made.
pub fn settle(data: &Path, fates: &Fates) -> Result<(), String> {
    let path = data.join("pulse.db");
    if !path.exists() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let store = Store::open(&path).await.map_err(|e| e.to_string())?;
        let mut settled = Ok(());
        for session in store.sessions().interrupted().await.map_err(|e| e.to_string())? {
            settled = settled.and(settle_one(&store, &session, fates).await);
        }
        store.close().await;
        settled
    })
}

async fn settle_one(store: &Store, session: &Session, fates: &Fates) -> Result<(), String> {
    let files = store.files().of(&session.id).await.map_err(|e| e.to_string())?;
    let files: Vec<_> = files.into_iter().map(|file| (place(session, &file.path), file.path)).collect();
    let done = match judge(&files, fates) {
        Verdict::None => return Ok(()),
        Verdict::Broken => store.sessions().mark_interrupted(&session.id).await,
        Verdict::Whole(facts, ended_at) => store.sessions().mark_recovered(&session.id, ended_at, &facts).await,
    };
    done.map_err(|e| e.to_string())
}

/// Where a file of a session is now. It may have been noted relative to a folder that nobody knows any more; all files of a session
/// are in the session's own.
fn place(session: &Session, path: &str) -> PathBuf {
    let name = Path::new(path).file_name().unwrap_or_default();
    let place = Path::new(&session.folder).join(name);
    place.canonicalize().unwrap_or(place)
}

/// What is to be said of a session.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// Nothing: it is another one, it runs, or the rest of it has not been recovered.
    None,
    /// A file of it cannot be made whole.
    Broken,
    /// It is whole, and ended at that time.
    Whole(Vec<FileFacts>, i64),
}

/// `files` are those of a session: where they are, and as they were noted.
fn judge(files: &[(PathBuf, String)], fates: &Fates) -> Verdict {
    let ours = || files.iter().filter_map(|(place, _)| fates.get(place));
    if ours().next().is_none() || ours().any(|fate| *fate == Fate::InUse) {
        return Verdict::None;
    }
    let (mut facts, mut ended_at) = (Vec::new(), None);
    for (place, path) in files {
        let fate = match fates.get(place) {
            Some(fate) => fate.clone(),
            // Deleted: the session ends without it.
            None if !place.exists() => continue,
            None => match measure(place) {
                Some(fate) => fate,
                None => return Verdict::None,
            },
        };
        let Fate::Whole(measured) = fate else { return Verdict::Broken };
        let Measured { duration, frames, bytes, written_at } = measured;
        facts.push(FileFacts { path: path.clone(), duration, frames, bytes });
        ended_at = ended_at.max(written_at);
    }
    Verdict::Whole(facts, ended_at.unwrap_or_else(now_ms))
}

/// A file that was not among the recovered ones: a microphone's, which needs no recovery, or a whole one. `None` for one that is
/// still to be made whole, or is being recorded.
fn measure(place: &Path) -> Option<Fate> {
    let written_at = written_at(place);
    if place.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav")) {
        let bytes = place.metadata().map(|m| m.len()).unwrap_or(0);
        let Ok(wav) = hound::WavReader::open(place) else { return Some(Fate::Broken) };
        let duration = f64::from(wav.duration()) / f64::from(wav.spec().sample_rate.max(1));
        return Some(Fate::Whole(Measured { duration, frames: 0, bytes, written_at }));
    }
    let info = pulse_mp4::probe(place).ok().filter(|info| info.layout == Layout::Whole)?;
    let (duration, frames, bytes) = (info.duration, info.video_frames(), info.bytes);
    Some(Fate::Whole(Measured { duration, frames, bytes, written_at }))
}

/// When a file was written last, in Unix milliseconds.
pub fn written_at(path: &Path) -> Option<i64> {
    let since = path.metadata().ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(written_at: i64) -> Fate {
        Fate::Whole(Measured { duration: 2.5, frames: 75, bytes: 900, written_at: Some(written_at) })
    }

    #[test]
    fn a_session_is_judged_by_all_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| (folder.path().join(name), format!("out/{name}"));
        let (program, aisle, gone) = (of("program.mp4"), of("iso-aisle.mp4"), of("gone.mp4"));
        for (place, _) in [&program, &aisle] {
            std::fs::write(place, "not an MP4").unwrap();
        }
        let files = [program.clone(), aisle.clone(), gone];
        let with = |fates: &[(&(PathBuf, String), Fate)]| {
            judge(&files, &fates.iter().map(|((place, _), fate)| (place.clone(), fate.clone())).collect())
        };
        assert_eq!(with(&[]), Verdict::None, "another session");
        assert_eq!(with(&[(&program, whole(7))]), Verdict::None, "a part is still to be recovered");
        assert_eq!(with(&[(&program, Fate::Broken), (&aisle, Fate::InUse)]), Verdict::None, "it runs");
        assert_eq!(with(&[(&program, whole(7)), (&aisle, Fate::Broken)]), Verdict::Broken);
        let facts = |path: &str| FileFacts { path: path.to_owned(), duration: 2.5, frames: 75, bytes: 900 };
        let expected = Verdict::Whole(vec![facts("out/program.mp4"), facts("out/iso-aisle.mp4")], 9);
        assert_eq!(with(&[(&program, whole(9)), (&aisle, whole(7))]), expected, "without what was deleted");
    }
}
