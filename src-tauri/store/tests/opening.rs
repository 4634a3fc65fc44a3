//! Opening the library: new, old, newer, damaged, twice at once.

use std::path::Path;

use pulse_store::{FileState, NewSession, OpenError, Store};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection, migrate::Migrator, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.expect("plain SQLite opens it")
}

/// The library as the version that ended with migration `version` left it, with what was saved by it.
async fn as_of_version(path: &Path, version: i64) {
    let migrations = Migrator::new(Path::new(HERE).join("migrations")).await.expect("the migrations");
    let mut connection = raw(path).await;
    migrations.run_to(version, &mut connection).await.expect("an older schema");
    for saved in 1..=version {
        let sql =
            std::fs::read_to_string(format!("{HERE}/tests/older/{saved:04}.sql")).expect("what that version saved");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("it fits its schema");
    }
    connection.close().await.expect("closed");
}

#[tokio::test]
async fn what_was_saved_is_there_the_next_time() {
    let folder = folder();
    let path = folder.path().join("library.db");
    let session = NewSession { id: "s1", title: "", folder: "", started_at: 1 };
    let first = Store::open(&path).await.unwrap();
    first.sessions().start(session).await.unwrap();
    let second = Store::open(&path).await.expect("open in two places");
    assert_eq!(second.sessions().list(9, 0).await.unwrap().len(), 1);
    first.close().await;
    second.close().await;
    assert_eq!(Store::open(&path).await.unwrap().sessions().list(9, 0).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_library_at_once() {
    let folder = folder();
    let path = folder.path().join("library.db");
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { Store::open(&path).await })
        })
        .collect();
    for store in opening {
        store.await.unwrap().expect("opened");
    }
}

#[tokio::test]
async fn every_older_version_is_brought_up_to_date_with_what_it_saved() {
    let newest = std::fs::read_dir(format!("{HERE}/migrations")).unwrap().count();
    for version in 0..=i64::try_from(newest).unwrap() {
        let folder = folder();
        let path = folder.path().join("library.db");
        as_of_version(&path, version).await;
        let store = Store::open(&path).await.unwrap_or_else(|error| panic!("version {version}: {error}"));
        store.sessions().start(NewSession { id: "new", title: "", folder: "", started_at: 9_999 }).await.unwrap();
        if version >= 1 {
            let cut: Vec<_> =
                store.sessions().interrupted().await.unwrap().into_iter().map(|session| session.id).collect();
            assert_eq!(cut, ["new", "v1-cut"], "version {version}");
            let files = store.files().of("v1-done").await.unwrap();
            assert_eq!((files[0].bytes, files[0].state), (Some(4_000_000), FileState::Complete), "version {version}");
        }
    }
}

#[tokio::test]
async fn a_newer_library_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("library.db");
    Store::open(&path).await.unwrap().close().await;
    let mut connection = raw(&path).await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, '', 1, x'', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();

    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 9999, .. }), "{error}");
    assert!(error.to_string().ends_with("update Pulse Studio"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_library_of_another_build_is_refused() {
    let folder = folder();
    let path = folder.path().join("library.db");
    Store::open(&path).await.unwrap().close().await;
    let mut connection = raw(&path).await;
    sqlx::raw_sql("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { version: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_library_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("library.db");
    let text = "these are my wedding vows\n".repeat(400);
    std::fs::write(&path, &text).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("library.db is damaged") && message.contains("move that file away"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_library_with_its_middle_overwritten_is_refused() {
    let folder = folder();
    let path = folder.path().join("library.db");
    as_of_version(&path, 1).await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = folder();
    let file = folder.path().join("not-a-folder");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("library.db")).await.unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
    assert!(error.to_string().contains("not-a-folder"), "{error}");
}
