//! What is committed in `.sqlx/` must be what the migrations make true; else queries are checked against a schema of the past.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, SqlSafeStr, SqliteConnection, migrate::Migrator};

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const STALE: &str = "run src-tauri/store/prepare and commit what it writes";

fn sources() -> String {
    let files = std::fs::read_dir(format!("{HERE}/src")).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test]
async fn the_committed_metadata_is_current() {
    let migrations = Migrator::new(Path::new(HERE).join("migrations")).await.unwrap();
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrations.run(&mut connection).await.unwrap();
    let sources = sources();
    let mut queries = 0;
    for file in std::fs::read_dir(format!("{HERE}/.sqlx")).unwrap() {
        let file = file.unwrap().path();
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let sql = committed["query"].as_str().unwrap().to_owned();
        assert!(sources.contains(&sql), "{} belongs to no query: {STALE}", file.display());
        let described = (&mut connection).describe(AssertSqlSafe(sql.clone()).into_sql_str()).await;
        let described = described.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(serde_json::to_value(described).unwrap(), committed["describe"], "{sql}: {STALE}");
        queries += 1;
    }
    assert!(queries > 0, "there is no metadata: {STALE}");
}
