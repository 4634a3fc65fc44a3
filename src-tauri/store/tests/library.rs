//! Sessions and their files, as the application lives with them.

use pulse_store::{FileFacts, FileState, NewFile, NewSession, SessionState, Store, StoreError};
use pulse_wire::FileKind;
use tempfile::TempDir;

async fn library() -> (TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&folder.path().join("data/library.db")).await.expect("a new library");
    (folder, store)
}

async fn start(store: &Store, id: &str, started_at: i64) {
    let session = NewSession { id, title: "Anna & Ben", folder: "/films/anna", started_at };
    store.sessions().start(session).await.expect("a new session");
}

async fn add(store: &Store, session_id: &str, path: &str, kind: FileKind, source: Option<&str>) {
    store.files().add(NewFile { session_id, path, kind, source }).await.expect("a new file");
}

fn facts(path: &str) -> FileFacts {
    FileFacts { path: path.to_owned(), duration: 30.5, frames: 915, bytes: 5_000_000_000 }
}

async fn states(store: &Store) -> Vec<(String, SessionState)> {
    let sessions = store.sessions().list(100, 0).await.expect("a list");
    sessions.into_iter().map(|session| (session.id, session.state)).collect()
}

#[tokio::test]
async fn a_session_is_remembered_from_its_first_moment_to_its_last() {
    let (_folder, store) = library().await;
    start(&store, "s1", 1_000).await;
    add(&store, "s1", "room.m4a", FileKind::Audio, Some("room")).await;
    add(&store, "s1", "program.mp4", FileKind::Program, None).await;

    let files = store.files().of("s1").await.unwrap();
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["program.mp4", "room.m4a"]);
    assert!(files.iter().all(|file| file.state == FileState::Writing && file.bytes.is_none()));

    store.sessions().finish("s1", 31_500, &[facts("program.mp4")]).await.unwrap();
    let session = store.sessions().get("s1").await.unwrap().expect("it was started");
    assert_eq!((session.title.as_str(), session.folder.as_str()), ("Anna & Ben", "/films/anna"));
    assert_eq!((session.started_at, session.ended_at, session.state), (1_000, Some(31_500), SessionState::Finished));

    let files = store.files().of("s1").await.unwrap();
    let [program, room] = &files[..] else { panic!("{files:?}") };
    assert_eq!(
        (program.kind, program.source.as_deref(), program.state),
        (FileKind::Program, None, FileState::Complete)
    );
    assert_eq!((program.duration, program.frames, program.bytes), (Some(30.5), Some(915), Some(5_000_000_000)));
    assert_eq!((room.kind, room.source.as_deref(), room.state), (FileKind::Audio, Some("room"), FileState::Lost));
}

#[tokio::test]
async fn the_newest_session_comes_first_page_by_page() {
    let (_folder, store) = library().await;
    for (id, started_at) in [("b", 2_000), ("c", 3_000), ("a", 1_000)] {
        start(&store, id, started_at).await;
    }
    let page = async |limit, offset| {
        let page = store.sessions().list(limit, offset).await.unwrap();
        page.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(page(100, 0).await, ["c", "b", "a"]);
    assert_eq!(page(2, 0).await, ["c", "b"]);
    assert_eq!(page(2, 2).await, ["a"]);
}

#[tokio::test]
async fn what_was_cut_short_is_found_and_made_whole() {
    let (_folder, store) = library().await;
    for (id, started_at) in [("whole", 1), ("cut", 2), ("hard", 3)] {
        start(&store, id, started_at).await;
        add(&store, id, "program.mp4", FileKind::Program, None).await;
    }
    store.sessions().finish("whole", 9, &[facts("program.mp4")]).await.unwrap();
    store.sessions().mark_interrupted("hard").await.unwrap();
    let open: Vec<_> = store.sessions().interrupted().await.unwrap().into_iter().map(|session| session.id).collect();
    assert_eq!(open, ["hard", "cut"]);

    for id in ["cut", "hard"] {
        store.sessions().mark_recovered(id, 8, &[facts("program.mp4")]).await.unwrap();
        assert_eq!(store.files().of(id).await.unwrap()[0].state, FileState::Recovered);
    }
    assert!(store.sessions().interrupted().await.unwrap().is_empty());
    let recovered = SessionState::Recovered;
    let expected = [("hard", recovered), ("cut", recovered), ("whole", SessionState::Finished)];
    assert_eq!(states(&store).await, expected.map(|(id, state)| (id.to_owned(), state)));
}

#[tokio::test]
async fn a_session_ends_once() {
    let (_folder, store) = library().await;
    start(&store, "s1", 1).await;
    store.sessions().finish("s1", 2, &[]).await.unwrap();
    let again = store.sessions().finish("s1", 3, &[]).await.unwrap_err().to_string();
    assert_eq!(again, "session \"s1\" is finished and cannot become finished: only a session that has not ended can");
    for refused in [store.sessions().mark_recovered("s1", 3, &[]).await, store.sessions().mark_interrupted("s1").await]
    {
        assert!(matches!(refused, Err(StoreError::Ended { state: SessionState::Finished, .. })), "{refused:?}");
    }
    assert_eq!(store.sessions().get("s1").await.unwrap().unwrap().ended_at, Some(2));
}

#[tokio::test]
async fn an_interrupted_session_can_only_be_recovered() {
    let (_folder, store) = library().await;
    start(&store, "s1", 1).await;
    store.sessions().mark_interrupted("s1").await.unwrap();
    let refused = store.sessions().finish("s1", 2, &[]).await;
    assert!(matches!(refused, Err(StoreError::Ended { state: SessionState::Interrupted, .. })), "{refused:?}");
}

#[tokio::test]
async fn an_end_that_names_a_wrong_file_changes_nothing() {
    let (_folder, store) = library().await;
    start(&store, "s1", 1).await;
    add(&store, "s1", "program.mp4", FileKind::Program, None).await;
    let unknown = store.sessions().finish("s1", 2, &[facts("program.mp4"), facts("aisle.mp4")]).await;
    assert!(matches!(unknown, Err(StoreError::NoFile { ref path, .. }) if path == "aisle.mp4"), "{unknown:?}");
    let monstrous = FileFacts { bytes: u64::MAX, ..facts("program.mp4") };
    store.sessions().finish("s1", 2, &[monstrous]).await.unwrap_err();

    assert_eq!(states(&store).await, [("s1".to_owned(), SessionState::Recording)]);
    let file = &store.files().of("s1").await.unwrap()[0];
    assert_eq!((file.state, file.bytes), (FileState::Writing, None));
}

#[tokio::test]
async fn names_are_taken_once_and_files_need_their_session() {
    let (_folder, store) = library().await;
    start(&store, "s1", 1).await;
    let twin = NewSession { id: "s1", title: "Other", folder: "/other", started_at: 2 };
    assert!(matches!(store.sessions().start(twin).await, Err(StoreError::Taken { what }) if what == "s1"));
    add(&store, "s1", "a.mp4", FileKind::Iso, Some("aisle")).await;
    let file = NewFile { session_id: "s1", path: "a.mp4", kind: FileKind::Iso, source: None };
    assert!(matches!(store.files().add(file).await, Err(StoreError::Taken { what }) if what == "a.mp4"));
    let orphan = NewFile { session_id: "s2", ..file };
    assert!(matches!(store.files().add(orphan).await, Err(StoreError::NoSession { id }) if id == "s2"));
    let nobody = store.sessions().finish("s2", 2, &[]).await;
    assert!(matches!(nobody, Err(StoreError::NoSession { id }) if id == "s2"));
}

#[tokio::test]
async fn names_are_data_whatever_they_hold() {
    let (_folder, store) = library().await;
    let id = "'; DROP TABLE files; --";
    start(&store, id, 1).await;
    add(&store, id, "Brüder \"💍\".mp4", FileKind::Iso, Some("' OR 1=1")).await;
    assert_eq!(store.files().of(id).await.unwrap()[0].path, "Brüder \"💍\".mp4");
    assert!(store.files().of("' OR 1=1 --").await.unwrap().is_empty());
}
