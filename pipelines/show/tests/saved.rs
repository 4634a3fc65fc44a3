//! Saved shows: every schema loads, and what is not a show is refused with its place.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::prelude::*;
use pulse_show::{SCHEMA, SavedError, Show, saved, strategies};

const V1: &str = include_str!("saved/v1.json");
const V2: &str = include_str!("saved/v2.json");

fn refused(json: &str) -> String {
    saved::load(json).unwrap_err().to_string()
}

#[test]
fn a_show_of_schema_1_is_taken_up() {
    insta::assert_snapshot!("v1_taken_up", saved::save(&saved::load(V1).unwrap()));
}

#[test]
fn a_show_of_the_present_schema_is_written_as_it_was_read() {
    assert_eq!(saved::save(&saved::load(V2).unwrap()), V2);
}

#[test]
fn the_present_schema_has_a_sample() {
    assert!(V2.contains(&format!("\"schema\": {SCHEMA}")), "add a sample of schema {SCHEMA}");
}

#[test]
fn a_mark_of_byte_order_is_passed_over() {
    assert_eq!(saved::load(&format!("\u{feff}{V2}")), saved::load(V2));
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    let show = saved::load(r#"{ "schema": 2 }"#).unwrap();
    assert_eq!(show, Show::empty(pulse_show::Canvas::default()));
}

#[test]
fn a_newer_show_is_refused_with_the_schema_it_needs() {
    assert_eq!(
        refused(r#"{ "schema": 3, "hologram": true }"#),
        "it has schema 3, this program reads up to 2: update the program to one that knows schema 3"
    );
}

#[test]
fn a_schema_that_never_was_is_refused() {
    insta::assert_snapshot!(refused(r#"{ "schema": 0 }"#), @"schema 0, schema: there was never such a schema; mend it there, or go back to an older copy");
}

#[test]
fn a_fault_of_syntax_has_line_column_and_path() {
    let json = "{\n  \"schema\": 2,\n  \"canvas\": { \"width\": 12x0 }\n}";
    insta::assert_snapshot!(refused(json), @"line 3, column 26, canvas: expected `,` or `}`; mend it there, or go back to an older copy");
}

#[test]
fn a_fault_of_type_has_line_column_and_path() {
    let json = V2.replacen("\"Aisle\"", "7", 1);
    insta::assert_snapshot!(refused(&json), @r#"line 12, column 15, sources[0].name: invalid type: integer `7`, expected a string; mend it there, or go back to an older copy"#);
}

#[test]
fn a_wrong_address_has_its_place_and_no_secret() {
    let json = V2.replacen("rtsp://127.0.0.1:8554/cam1", "rtsp://anna:hunter2@host:cam/1", 1);
    let error = refused(&json);
    assert!(error.starts_with("line 13, column 49, sources[0].address: \"rtsp://***@host:cam/1\""), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn an_unknown_field_is_refused() {
    let error = refused(&V2.replacen("\"title\"", "\"titel\"", 1));
    assert!(error.starts_with("line 3, column 9, titel: unknown field `titel`"), "{error}");
}

#[test]
fn half_a_file_is_refused_wherever_it_ends() {
    for (end, _) in V2.trim_end().char_indices() {
        assert!(matches!(saved::load(&V2[..end]), Err(SavedError::Broken { .. })), "the first {end} bytes were read");
    }
}

#[test]
fn more_than_a_file_is_refused() {
    assert!(matches!(saved::load(&format!("{V2}{V2}")), Err(SavedError::Broken { .. })));
}

#[test]
fn a_show_that_does_not_hold_together_is_refused_with_the_places() {
    let json = V2.replacen("\"source\": \"aisle\"", "\"source\": \"altar\"", 1).replacen("1280", "1281", 1);
    insta::assert_snapshot!(refused(&json), @r#"canvas.width: 1281 is odd; choose an even number of pixels · scenes[0].layers[0].source: there is no source "altar"; choose one of `sources`, or add it"#);
}

#[test]
fn a_fault_in_an_old_show_has_its_path() {
    let fps = refused(&V1.replacen("29.97", "\"fast\"", 1));
    insta::assert_snapshot!(fps, @"schema 1, canvas.fps: it is not a number of frames a second; mend it there, or go back to an older copy");
    let gain = refused(&V1.replacen("0.5", "-0.5", 1));
    insta::assert_snapshot!(gain, @"schema 1, strips[0].gain: it is not a number of 0 or more; mend it there, or go back to an older copy");
    let fit = refused(&V1.replacen("cover", "fill", 1));
    insta::assert_snapshot!(fit, @"schema 1, scenes[1].layers[0].fit: unknown variant `fill`, expected one of `contain`, `cover`, `stretch`; mend it there, or go back to an older copy");
}

proptest! {
    #[test]
    fn every_show_comes_back_as_it_was_saved(show in strategies::show()) {
        prop_assert_eq!(saved::load(&saved::save(&show)), Ok(show));
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "\\PC{0,200}") {
        let _ = saved::load(&text);
    }

    #[test]
    fn a_spoiled_file_is_refused_or_read_whole(at in 0..V2.len(), byte in any::<u8>()) {
        let mut bytes = V2.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(json) = std::str::from_utf8(&bytes)
            && let Ok(show) = saved::load(json)
        {
            prop_assert_eq!(pulse_show::validate(&show), Ok(()));
        }
    }
}
