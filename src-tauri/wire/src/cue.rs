//! Cues: what a run does by itself and when, from a file.
//!
//! ```json
//! [{"at": 3.0, "take": "Wide", "transition": "fade", "ms": 500},
//!  {"at": 8.0, "preview": "Grid"}, {"at": 8.5, "tbar": 0.5},
//!  {"at": 12.0, "marker": "First kiss"},
//!  {"at": 15.0, "mute": "Room"}, {"at": 16.0, "unmute": "Room"},
//!  {"at": 20.0, "gain": {"source": "Room", "db": -6}}]
//! ```
//!
//! A file is taken wholly or refused; whoever reads it hands in the names that the show has, so that a cue
//! can't fail in the middle of a wedding because of a typing mistake.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::Transition;

/// The latest moment a cue may have: a week, in seconds.
pub const MAX_AT: f64 = 7.0 * 24.0 * 3600.0;
/// The longest transition, in milliseconds.
pub const MAX_TRANSITION_MS: u32 = 10_000;
/// The gains a strip can have, in decibels.
pub const GAIN_DB: std::ops::RangeInclusive<f64> = -60.0..=20.0;

/// One thing to do at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Cue {
    /// Seconds since the start, as the `t` of [`crate::Line`]; 0 to [`MAX_AT`].
    pub at: f64,
    /// What to do.
    pub action: CueAction,
}

/// What a cue can do. Scenes, strips and stingers are given by name, and are known to exist.
#[derive(Debug, Clone, PartialEq)]
pub enum CueAction {
    /// Puts a scene on air.
    Take {
        /// Which one.
        scene: String,
        /// How; `None` as the show is set.
        transition: Option<Transition>,
        /// Milliseconds, 0 to [`MAX_TRANSITION_MS`]; `None` as the show is set.
        ms: Option<u32>,
    },
    /// Puts a scene into preview.
    Preview {
        /// Which one.
        scene: String,
    },
    /// Moves the T-bar.
    TBar {
        /// 0 (program) to 1 (preview).
        position: f64,
    },
    /// Marks the moment.
    Marker {
        /// What it is called.
        name: String,
    },
    /// Silences a strip, or lets it be heard again.
    Mute {
        /// Whose strip.
        source: String,
        /// Whether it is silent from now on.
        muted: bool,
    },
    /// Sets the gain of a strip.
    Gain {
        /// Whose strip.
        source: String,
        /// Decibels, within [`GAIN_DB`].
        db: f64,
    },
}

/// The names that cues may use.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Scenes, for `take` and `preview`.
    pub scenes: Vec<String>,
    /// Sources with a strip, for `mute`, `unmute` and `gain`.
    pub strips: Vec<String>,
    /// Sources that may play as a stinger.
    pub stingers: Vec<String>,
}

/// Why a cues file is refused. Cues are counted from 0, as in JSON paths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CueError {
    /// The text is no list of objects.
    #[error("the cues are not a JSON list of objects like {{\"at\": 3.0, \"take\": \"Wide\"}}: {reason}")]
    Syntax {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// One field of one cue is wrong.
    #[error("cues[{index}].{field}: {reason}")]
    Field {
        /// Which cue.
        index: usize,
        /// Which field.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A cue that does nothing, or more than one thing.
    #[error("cues[{index}]: a cue does exactly one of {ACTIONS}, this one has {found}")]
    Action {
        /// Which cue.
        index: usize,
        /// What it has instead.
        found: String,
    },
}

const ACTIONS: &str = "take, preview, tbar, marker, mute, unmute, gain";

impl Cue {
    /// Reads a cues file; the result is ordered by time, cues of the same moment as they were written.
    ///
    /// # Errors
    /// The first thing that is wrong, and where: nothing of a faulty file is used.
    pub fn parse_all(json: &str, names: &Names) -> Result<Vec<Self>, CueError> {
        let objects: Vec<Fields> =
            serde_json::from_str(json).map_err(|error| CueError::Syntax { reason: error.to_string() })?;
        let mut cues = objects
            .into_iter()
            .enumerate()
            .map(|(index, fields)| Reader { index, fields: fields.0, names }.cue())
            .collect::<Result<Vec<_>, _>>()?;
        cues.sort_by(|a, b| a.at.total_cmp(&b.at));
        Ok(cues)
    }
}

/// An object's fields as they are written: unlike a map it still shows a field that is there twice.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// One cue on its way in; fields are taken out as they are understood, so that what remains is what nobody knows.
struct Reader<'a> {
    index: usize,
    fields: Vec<(String, Value)>,
    names: &'a Names,
}

impl Reader<'_> {
    fn cue(mut self) -> Result<Cue, CueError> {
        for (i, (field, _)) in self.fields.iter().enumerate() {
            if self.fields[..i].iter().any(|(earlier, _)| earlier == field) {
                return Err(self.wrong(field, "is there twice; keep one"));
            }
        }
        let at = match self.take("at") {
            None => return Err(self.wrong("at", "is missing; give the seconds since the start")),
            Some(value) => self.number("at", &value, 0.0..=MAX_AT)?,
        };
        let action = self.action()?;
        match self.fields.first() {
            None => Ok(Cue { at, action }),
            Some((field, _)) => Err(self.wrong(field, "is not known to this kind of cue; remove it")),
        }
    }

    fn action(&mut self) -> Result<CueAction, CueError> {
        let actions: Vec<&str> =
            ACTIONS.split(", ").filter(|action| self.fields.iter().any(|(field, _)| field == action)).collect();
        let [action] = actions[..] else {
            let found = if actions.is_empty() { "none".to_owned() } else { actions.join(" and ") };
            return Err(CueError::Action { index: self.index, found });
        };
        let value = self.take(action).expect("it was found among the fields");
        match action {
            "take" => {
                let scene = self.name("take", &value, "scene", &self.names.scenes)?;
                let transition = self.transition()?;
                let ms = self.transition_ms(transition.as_ref())?;
                Ok(CueAction::Take { scene, transition, ms })
            }
            "preview" => Ok(CueAction::Preview { scene: self.name("preview", &value, "scene", &self.names.scenes)? }),
            "tbar" => Ok(CueAction::TBar { position: self.number("tbar", &value, 0.0..=1.0)? }),
            "marker" => Ok(CueAction::Marker { name: self.text("marker", &value)?.to_owned() }),
            "gain" => self.gain(value),
            mute => {
                let source = self.name(mute, &value, "strip", &self.names.strips)?;
                Ok(CueAction::Mute { source, muted: mute == "mute" })
            }
        }
    }

    fn transition(&mut self) -> Result<Option<Transition>, CueError> {
        let Some(value) = self.take("transition") else { return Ok(None) };
        let transition = self
            .text("transition", &value)?
            .parse()
            .map_err(|error: crate::TransitionError| self.wrong("transition", error.to_string()))?;
        if let Transition::Stinger(Some(source)) = &transition {
            self.known("transition", source, "stinger", &self.names.stingers)?;
        }
        Ok(Some(transition))
    }

    fn transition_ms(&mut self, transition: Option<&Transition>) -> Result<Option<u32>, CueError> {
        let Some(value) = self.take("ms") else { return Ok(None) };
        let ms = value
            .as_u64()
            .and_then(|ms| u32::try_from(ms).ok())
            .filter(|ms| *ms <= MAX_TRANSITION_MS)
            .ok_or_else(|| self.wrong("ms", format!("{value} is no whole number from 0 to {MAX_TRANSITION_MS}")))?;
        if ms > 0 && transition == Some(&Transition::Cut) {
            return Err(self.wrong("ms", "a cut takes no time; remove it, or ask for another transition"));
        }
        Ok(Some(ms))
    }

    fn gain(&self, value: Value) -> Result<CueAction, CueError> {
        let shape =
            || self.wrong("gain", "must be an object with source and db only: {\"source\": \"Room\", \"db\": -6}");
        let Value::Object(fields) = value else { return Err(shape()) };
        let (Some(source), Some(db), 2) = (fields.get("source"), fields.get("db"), fields.len()) else {
            return Err(shape());
        };
        Ok(CueAction::Gain {
            source: self.name("gain.source", source, "strip", &self.names.strips)?,
            db: self.number("gain.db", db, GAIN_DB)?,
        })
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        let at = self.fields.iter().position(|(name, _)| name == field)?;
        Some(self.fields.remove(at).1)
    }

    fn number(&self, field: &str, value: &Value, range: std::ops::RangeInclusive<f64>) -> Result<f64, CueError> {
        value
            .as_f64()
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.wrong(field, format!("{value} is no number from {} to {}", range.start(), range.end())))
    }

    fn text<'v>(&self, field: &str, value: &'v Value) -> Result<&'v str, CueError> {
        value
            .as_str()
            .filter(|text| !text.trim().is_empty())
            .ok_or_else(|| self.wrong(field, "must be a text, not empty"))
    }

    fn name(&self, field: &str, value: &Value, kind: &str, known: &[String]) -> Result<String, CueError> {
        let name = self.text(field, value)?;
        self.known(field, name, kind, known)?;
        Ok(name.to_owned())
    }

    fn known(&self, field: &str, name: &str, kind: &str, known: &[String]) -> Result<(), CueError> {
        if known.iter().any(|candidate| candidate == name) {
            return Ok(());
        }
        let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(self.wrong(field, format!("the show has no {kind} \"{name}\"; it has {there}")))
    }

    fn wrong(&self, field: &str, reason: impl Into<String>) -> CueError {
        CueError::Field { index: self.index, field: field.to_owned(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Edge;

    fn names() -> Names {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names { scenes: owned(&["Wide", "Grid"]), strips: owned(&["Room"]), stingers: owned(&["Gold"]) }
    }

    fn parse(json: &str) -> Result<Vec<Cue>, CueError> {
        Cue::parse_all(json, &names())
    }

    fn refusal(json: &str) -> String {
        parse(json).unwrap_err().to_string()
    }

    fn take(scene: &str, transition: Option<Transition>, ms: Option<u32>) -> CueAction {
        CueAction::Take { scene: scene.to_owned(), transition, ms }
    }

    #[test]
    fn every_kind_of_cue_is_understood() {
        let cues = parse(
            r#"[{"at": 3.0, "take": "Wide", "transition": "fade", "ms": 500}, {"at": 4, "take": "Grid"},
                {"at": 5, "take": "Wide", "transition": "wipe-top"}, {"at": 6, "take": "Wide", "transition": "stinger:Gold"},
                {"at": 7, "take": "Wide", "transition": "cut", "ms": 0},
                {"at": 8, "preview": "Grid"}, {"at": 8.5, "tbar": 0.5}, {"at": 12.0, "marker": "First kiss"},
                {"at": 15.0, "mute": "Room"}, {"at": 16, "unmute": "Room"}, {"at": 20, "gain": {"source": "Room", "db": -6}}]"#,
        )
        .unwrap();
        let room = || "Room".to_owned();
        let expected = [
            (3.0, take("Wide", Some(Transition::Fade), Some(500))),
            (4.0, take("Grid", None, None)),
            (5.0, take("Wide", Some(Transition::Wipe(Edge::Top)), None)),
            (6.0, take("Wide", Some(Transition::Stinger(Some("Gold".to_owned()))), None)),
            (7.0, take("Wide", Some(Transition::Cut), Some(0))),
            (8.0, CueAction::Preview { scene: "Grid".to_owned() }),
            (8.5, CueAction::TBar { position: 0.5 }),
            (12.0, CueAction::Marker { name: "First kiss".to_owned() }),
            (15.0, CueAction::Mute { source: room(), muted: true }),
            (16.0, CueAction::Mute { source: room(), muted: false }),
            (20.0, CueAction::Gain { source: room(), db: -6.0 }),
        ];
        assert_eq!(cues, expected.map(|(at, action)| Cue { at, action }));
    }

    #[test]
    fn cues_come_in_the_order_of_time_and_ties_as_written() {
        let cues = parse(
            r#"[{"at": 2, "marker": "c"}, {"at": 1, "marker": "a"}, {"at": 2, "marker": "d"}, {"at": 1, "marker": "b"}]"#,
        )
        .unwrap();
        let order: Vec<_> = cues.into_iter().map(|cue| cue.action).collect();
        assert_eq!(order, ["a", "b", "c", "d"].map(|name| CueAction::Marker { name: name.to_owned() }));
    }

    #[test]
    fn a_refusal_names_the_cue_the_field_and_the_way_out() {
        for (json, expected) in [
            (
                r#"[{"at": 1, "marker": "a"}, {"take": "Wide"}]"#,
                "cues[1].at: is missing; give the seconds since the start",
            ),
            (r#"[{"at": -1, "take": "Wide"}]"#, "cues[0].at: -1 is no number from 0 to 604800"),
            (r#"[{"at": 1e300, "take": "Wide"}]"#, "cues[0].at: 1e+300 is no number from 0 to 604800"),
            (r#"[{"at": "1", "take": "Wide"}]"#, "cues[0].at: \"1\" is no number from 0 to 604800"),
            (r#"[{"at": 1, "take": "wide"}]"#, "cues[0].take: the show has no scene \"wide\"; it has Wide, Grid"),
            (r#"[{"at": 1, "take": 7}]"#, "cues[0].take: must be a text, not empty"),
            (r#"[{"at": 1, "marker": " "}]"#, "cues[0].marker: must be a text, not empty"),
            (r#"[{"at": 1, "mute": "Wide"}]"#, "cues[0].mute: the show has no strip \"Wide\"; it has Room"),
            (r#"[{"at": 1, "tbar": 1.5}]"#, "cues[0].tbar: 1.5 is no number from 0 to 1"),
            (r#"[{"at": 1, "take": "Wide", "ms": 0.5}]"#, "cues[0].ms: 0.5 is no whole number from 0 to 10000"),
            (r#"[{"at": 1, "take": "Wide", "ms": 10001}]"#, "cues[0].ms: 10001 is no whole number from 0 to 10000"),
            (
                r#"[{"at": 1, "take": "Wide", "transition": "cut", "ms": 9}]"#,
                "cues[0].ms: a cut takes no time; remove it, or ask for another transition",
            ),
            (
                r#"[{"at": 1, "take": "Wide", "transition": "stinger:Silver"}]"#,
                "cues[0].transition: the show has no stinger \"Silver\"; it has Gold",
            ),
            (
                r#"[{"at": 1, "take": "Wide", "transition": "swirl"}]"#,
                "cues[0].transition: \"swirl\" is no transition: write cut, fade, wipe-left, slide-left \
                 (or -right, -top, -bottom), stinger or stinger:SOURCE",
            ),
            (
                r#"[{"at": 1, "take": "Wide", "marker": "x"}]"#,
                "cues[0]: a cue does exactly one of take, preview, tbar, \
                marker, mute, unmute, gain, this one has take and marker",
            ),
            (
                r#"[{"at": 1, "tke": "Wide"}]"#,
                "cues[0]: a cue does exactly one of take, preview, tbar, marker, mute, \
                unmute, gain, this one has none",
            ),
            (r#"[{"at": 1, "mute": "Room", "ms": 5}]"#, "cues[0].ms: is not known to this kind of cue; remove it"),
            (r#"[{"at": 1, "take": "Wide", "take": "Grid"}]"#, "cues[0].take: is there twice; keep one"),
            (r#"[{"at": 1, "gain": {"source": "Room", "db": 90}}]"#, "cues[0].gain.db: 90 is no number from -60 to 20"),
            (
                r#"[{"at": 1, "gain": {"source": "Room", "db": 0, "pan": 1}}]"#,
                "cues[0].gain: must be an object with source and db only: {\"source\": \"Room\", \"db\": -6}",
            ),
        ] {
            assert_eq!(refusal(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_list_of_objects_is_refused_with_its_place() {
        for (json, place) in [
            ("", "line 1 column 0"),
            ("{}", "expected a sequence at line 1 column 0"),
            ("[\n 3]", "expected an object at line 2 column 2"),
            (r#"[{"at": NaN, "take": "Wide"}]"#, "line 1 column 9"),
            (r#"[{"at": 1e999, "take": "Wide"}]"#, "number out of range at line 1 column 13"),
            (r#"[{"at": 1, "take": "Wide"}] x"#, "trailing characters at line 1 column 29"),
        ] {
            let refusal = refusal(json);
            assert!(refusal.starts_with("the cues are not a JSON list of objects"), "{refusal}");
            assert!(refusal.ends_with(place), "{refusal}");
        }
    }

    #[test]
    fn no_cues_are_fine() {
        assert_eq!(parse("[]"), Ok(Vec::new()));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop_oneof!["Wide", "Room", "fade", "cut", ".*"].prop_map(Value::from),
        ];
        let field = prop_oneof!["at", "take", "ms", "transition", "gain", "source", "db", "tbar", "mute", ".*"];
        leaf.prop_recursive(3, 24, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(field.clone(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_file_is_taken_wholly_in_order_or_refused(
            bars in prop::collection::vec((-1.0..MAX_AT * 1.1, -0.2..1.2), 0..4),
        ) {
            let cues: Vec<_> = bars.iter().map(|(at, tbar)| serde_json::json!({"at": at, "tbar": tbar})).collect();
            let fit = bars.iter().all(|(at, tbar)| (0.0..=MAX_AT).contains(at) && (0.0..=1.0).contains(tbar));
            match parse(&Value::from(cues).to_string()) {
                Ok(cues) => {
                    prop_assert!(fit && cues.len() == bars.len());
                    prop_assert!(cues.is_sorted_by(|a, b| a.at <= b.at));
                }
                Err(error) => prop_assert!(!fit, "{}", error),
            }
        }

        #[test]
        fn no_json_makes_it_panic(cues in prop::collection::vec(json(), 0..4)) {
            if let Err(error) = parse(&Value::from(cues).to_string()) {
                prop_assert!(!error.to_string().is_empty());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            if let Err(error) = parse(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
