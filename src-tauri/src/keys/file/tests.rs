use tempfile::TempDir;

use super::*;

const NAME: &str = "destination/rtmp://a.example/live";
const KEY: &str = "let-me-in";

/// A folder with one key in it.
fn kept() -> (TempDir, KeyFile) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = KeyFile::in_folder(&folder.path().join("data"));
    file.set(NAME, &Secret::new(KEY)).expect("it is kept");
    (folder, file)
}

fn get(file: &KeyFile, name: &str) -> Option<String> {
    file.get(name).expect("it is read").map(|secret| secret.reveal().to_owned())
}

fn edit(file: &KeyFile, change: impl FnOnce(&mut serde_json::Value)) {
    let mut list = serde_json::from_slice(&fs::read(&file.list).expect("the list")).expect("JSON");
    change(&mut list);
    fs::write(&file.list, list.to_string()).expect("written");
}

/// What reading it fails with; neither the message nor `Debug` may tell the key.
fn refused(file: &KeyFile) -> String {
    let error = file.get(NAME).expect_err("it was read");
    assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    error.to_string()
}

#[test]
fn a_key_comes_back_from_another_run_and_is_in_no_file() {
    let (_folder, file) = kept();
    let other = KeyFile::in_folder(file.list.parent().expect("a folder"));
    assert_eq!(get(&other, NAME).as_deref(), Some(KEY));
    assert_eq!(get(&other, "destination/b"), None);
    for path in [&file.list, &file.opener] {
        let bytes = fs::read(path).expect("it is there");
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{}", path.display());
    }
    other.set(NAME, &Secret::new("another")).expect("it is replaced");
    assert_eq!(get(&file, NAME).as_deref(), Some("another"));
    assert!(other.remove(NAME).expect("it is removed"));
    assert!(!other.remove(NAME).expect("it is gone"));
    assert_eq!(get(&file, NAME), None);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_either_file() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, file) = kept();
    for path in [&file.list, &file.opener] {
        let mode = fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn the_key_of_another_machine_opens_nothing_and_says_what_to_do() {
    let ((_here, file), (_there, other)) = (kept(), kept());
    fs::copy(&other.opener, &file.opener).expect("copied");
    assert!(refused(&file).contains("keys set"), "{}", refused(&file));
    file.set(NAME, &Secret::new(KEY)).expect("as it says");
    assert_eq!(get(&file, NAME).as_deref(), Some(KEY));
}

#[test]
fn without_its_opener_or_with_half_of_it_nothing_is_read() {
    let (_folder, file) = kept();
    let whole = fs::read(&file.opener).expect("it is there");
    fs::write(&file.opener, &whole[..16]).expect("written");
    assert!(refused(&file).contains("keys.key is missing or damaged"), "{}", refused(&file));
    assert!(file.set(NAME, &Secret::new("new")).is_err(), "what opens the others would be lost");
    fs::remove_file(&file.opener).expect("removed");
    assert!(refused(&file).contains("bring it back"), "{}", refused(&file));
    fs::write(&file.opener, whole).expect("written");
    assert_eq!(get(&file, NAME).as_deref(), Some(KEY));
}

#[test]
fn a_sealed_key_that_was_changed_moved_or_cut_is_refused_whole() {
    let changes: [fn(&mut serde_json::Value); 4] = [
        |list| list["keys"][NAME]["sealed"] = BASE64_STANDARD.encode([7; 25]).into(),
        |list| list["keys"][NAME]["sealed"] = "AA==".into(),
        |list| list["keys"][NAME]["nonce"] = "no base64".into(),
        |list| list["keys"][NAME] = list["keys"]["destination/b"].clone(),
    ];
    for change in changes {
        let (_folder, file) = kept();
        file.set("destination/b", &Secret::new("of-b")).expect("it is kept");
        edit(&file, change);
        assert!(refused(&file).contains("does not open"), "{}", refused(&file));
        assert_eq!(get(&file, "destination/b").as_deref(), Some("of-b"), "the others are as they were");
    }
}

#[test]
fn a_list_that_is_broken_or_newer_is_neither_read_nor_written_over() {
    for content in ["{\"schema\": 1, \"keys\": {", "{\"schema\": 9, \"keys\": {}}", "[]"] {
        let (_folder, file) = kept();
        fs::write(&file.list, content).expect("written");
        assert!(refused(&file).contains("not a list of keys"), "{}", refused(&file));
        assert!(file.set(NAME, &Secret::new("new")).is_err());
        assert_eq!(fs::read_to_string(&file.list).expect("it is there"), content);
    }
}

#[test]
fn two_that_write_at_once_lose_nothing() {
    let (_folder, file) = kept();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for n in 0..5 {
                    file.set(&format!("destination/{writer}-{n}"), &Secret::new("x")).expect("it is kept");
                }
            });
        }
    });
    assert_eq!(file.list().expect("the list").len(), 21);
}
