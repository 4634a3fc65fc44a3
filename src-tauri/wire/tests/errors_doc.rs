//! `docs/errors.md` is made from the table of codes: `UPDATE=1 cargo test -p pulse-wire` writes it anew.

use std::{collections::BTreeSet, path::Path};

use pulse_wire::{ErrorCode, Fault};

fn document() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Generated from `src-tauri/wire/src/error.rs`; `UPDATE=1 cargo test -p pulse-wire` writes it anew.\n\n\
         Every error has a code that never changes its meaning, a message that names the thing, and a hint. It says how bad it is\n\
         (`show_stopper`: the program or its recording is not what it should be; `degraded`: the program goes on with a part\n\
         missing; `notice`: nothing is lost) and whose turn it is (`user`, `destination`: the other end, `machine`, `bug`: ours).\n",
    );
    for code in ErrorCode::ALL {
        let (severity, blame) = (code.severity().as_str(), code.blame().as_str());
        text += &format!("\n## `{code}`\n\n{} (`{severity}`, `{blame}`)\n\n{}\n", code.what(), code.hint());
    }
    text
}

#[test]
fn the_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(committed == document(), "docs/errors.md is stale: run `UPDATE=1 cargo test -p pulse-wire` and commit it");
}

#[test]
fn a_code_has_one_name_everywhere_and_no_two_share_it() {
    let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), ErrorCode::ALL.len());
    for code in ErrorCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        assert_eq!(serde_json::to_value(code.severity()).unwrap(), code.severity().as_str());
        assert_eq!(serde_json::to_value(code.blame()).unwrap(), code.blame().as_str());
    }
}

#[test]
fn a_fault_tells_code_severity_message_and_hint() {
    let fault = Fault::new(ErrorCode::DiskFull, "the disk of out/ has 12 MB left");
    insta::assert_json_snapshot!(fault, @r#"
    {
      "code": "disk_full",
      "severity": "show_stopper",
      "message": "the disk of out/ has 12 MB left",
      "hint": "Free some space or choose another folder. What was written until now plays."
    }
    "#);
    assert_eq!(fault.to_string(), "the disk of out/ has 12 MB left");
}
