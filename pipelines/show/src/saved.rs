//! The saved form: JSON that a person can read and compare, with a schema version and a way up from every older one.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Fault, FrameRate, Show, validate};

/// The version of the saved form that is written, and the highest that is read.
///
/// * 1, before the first release: `canvas.fps` was a number, a strip's `gain` was linear; there were no overlays and destinations.
/// * 2: `canvas.rate` is exact, `gain_db` is in decibels.
pub const SCHEMA: u32 = 2;

/// Why a saved show was not loaded. Nothing of it is used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// It is not JSON, or not a show.
    #[error("line {line}, column {column}{}: {problem}; mend it there, or go back to an older copy", at(path))]
    Broken {
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
        /// Into the document, as in `scenes[2].name`; empty if the fault is not inside anything.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A program newer than this one wrote it.
    #[error(
        "it has schema {found}, this program reads up to {SCHEMA}: update the program to one that knows schema {found}"
    )]
    Newer {
        /// The schema of the file.
        found: u64,
    },
    /// It has an older schema and does not follow it.
    #[error("schema {schema}{}: {problem}; mend it there, or go back to an older copy", at(path))]
    Old {
        /// The schema of the file.
        schema: u64,
        /// Into the document.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// It is a show that does not hold together.
    #[error("{}", list(.0))]
    Invalid(Vec<Fault>),
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", {path}") }
}

/// The first few faults in one line.
pub(crate) fn list(faults: &[Fault]) -> String {
    const SHOWN: usize = 3;
    let mut text = faults.iter().take(SHOWN).map(Fault::to_string).collect::<Vec<_>>().join(" · ");
    if faults.len() > SHOWN {
        text.push_str(&format!(" · and {} more", faults.len() - SHOWN));
    }
    text
}

#[derive(Deserialize)]
struct Head {
    schema: u64,
}

/// Reads a show of this or any older schema.
///
/// # Errors
/// [`SavedError`] with the place of the fault; then nothing was read.
pub fn load(json: &str) -> Result<Show, SavedError> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    let document: Value = read(json)?;
    let Head { schema } = read(json)?;
    if schema > u64::from(SCHEMA) {
        return Err(SavedError::Newer { found: schema });
    }
    let show = if schema == u64::from(SCHEMA) { read(json)? } else { lift(schema, document)? };
    validate(&show).map_err(SavedError::Invalid)?;
    Ok(show)
}

/// Writes a show: indented, in a stable order, with a newline at the end.
pub fn save(show: &Show) -> String {
    let mut json = serde_json::to_string_pretty(show).expect("every key of a show is a string");
    json.push('\n');
    json
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, SavedError> {
    let mut from = serde_json::Deserializer::from_str(json);
    let value =
        serde_path_to_error::deserialize(&mut from).map_err(|error| broken(place(error.path()), error.inner()))?;
    from.end().map_err(|error| broken(String::new(), &error))?;
    Ok(value)
}

fn broken(path: String, error: &serde_json::Error) -> SavedError {
    SavedError::Broken { line: error.line(), column: error.column(), path, problem: problem(error) }
}

/// What is wrong, without the place, which is told in fields of its own.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The path in words of the document, up to where the reader knows it.
fn place(path: &serde_path_to_error::Path) -> String {
    path.to_string().trim_end_matches(['?', '.']).to_owned()
}

/// Takes a document of an older schema up to the present one, a step at a time.
fn lift(schema: u64, mut document: Value) -> Result<Show, SavedError> {
    let old = |path: &str, problem: String| SavedError::Old { schema, path: path.to_owned(), problem };
    let root = document.as_object_mut().ok_or_else(|| old("", "it is not an object".to_owned()))?;
    match schema {
        1 => from_1(root).map_err(|(path, problem)| old(&path, problem.to_owned()))?,
        _ => return Err(old("schema", "there was never such a schema".to_owned())),
    }
    serde_path_to_error::deserialize(document).map_err(|error| old(&place(error.path()), problem(error.inner())))
}

/// Schema 1 to 2.
fn from_1(root: &mut Map<String, Value>) -> Result<(), (String, &'static str)> {
    root.insert("schema".to_owned(), Value::from(2));
    if let Some(canvas) = root.get_mut("canvas").and_then(Value::as_object_mut)
        && let Some(fps) = canvas.remove("fps")
    {
        let rate = fps.as_f64().and_then(FrameRate::nearest);
        let rate = rate.ok_or_else(|| ("canvas.fps".to_owned(), "it is not a number of frames a second"))?;
        canvas.insert("rate".to_owned(), Value::from(rate.to_string()));
    }
    let strips = root.get_mut("strips").and_then(Value::as_array_mut);
    for (n, strip) in strips.into_iter().flatten().enumerate() {
        if let Some(strip) = strip.as_object_mut()
            && let Some(gain) = strip.remove("gain")
        {
            let linear = gain.as_f64().filter(|gain| *gain >= 0.0);
            let linear = linear.ok_or_else(|| (format!("strips[{n}].gain"), "it is not a number of 0 or more"))?;
            let db = (20.0 * linear.log10()).clamp(-60.0, 20.0);
            strip.insert("gain_db".to_owned(), Value::from((db * 100.0).round() / 100.0));
        }
    }
    Ok(())
}
