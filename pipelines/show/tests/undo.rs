//! Undo and redo.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use proptest::{collection::vec, prelude::*};
use pulse_show::{
    Canvas, Command, History, Layer, Live, Scene, Show, Source, Strip, apply, restore, strategies, undo::MAX_STEPS,
};

/// A show with a history, changed by commands.
struct Desk {
    show: Show,
    live: Live,
    history: History,
}

impl Desk {
    fn new() -> Self {
        let mut show = Show::empty(Canvas::default());
        show.sources.push(Source::new("Cam", "test:ball".parse().unwrap()));
        show.scenes.push(Scene { layers: vec![Layer::full("cam".into())], ..Scene::new("One") });
        let live = Live::initial(&show);
        Self { show, live, history: History::default() }
    }

    fn act(&mut self, command: &Command, continues: bool) {
        let (show, live) = apply(&self.show, &self.live, command).unwrap();
        self.history.push(&self.show, command, continues);
        (self.show, self.live) = (show, live);
    }

    fn undo(&mut self) -> bool {
        let Some(version) = self.history.undo(&self.show) else { return false };
        (self.show, self.live) = restore(&self.show, &self.live, version).unwrap();
        true
    }

    fn redo(&mut self) -> bool {
        let Some(version) = self.history.redo(&self.show) else { return false };
        (self.show, self.live) = restore(&self.show, &self.live, version).unwrap();
        true
    }
}

fn title(title: &str) -> Command {
    Command::SetTitle { title: title.into() }
}

fn drag(x: f32) -> Command {
    let mut layer = Layer::full("cam".into());
    (layer.rect.x, layer.rect.width, layer.rect.height) = (x, 100.0, 100.0);
    Command::SetLayer { scene: Some("one".into()), layer }
}

fn strip(pan: f32) -> Command {
    Command::SetStrip { strip: Strip { pan, ..Strip::new("cam".into()) } }
}

#[test]
fn a_drag_is_one_step() {
    let mut desk = Desk::new();
    let before = desk.show.clone();
    desk.act(&drag(1.0), false);
    desk.act(&drag(2.0), true);
    desk.act(&drag(3.0), true);
    assert!(desk.undo());
    assert_eq!(desk.show, before);
    assert!(!desk.history.can_undo());
    assert!(desk.redo());
    assert_eq!(desk.show.scenes[0].layers[0].rect.x, 3.0);
}

#[test]
fn two_drags_are_two_steps() {
    let mut desk = Desk::new();
    desk.act(&drag(1.0), false);
    desk.act(&drag(2.0), false);
    assert!(desk.undo());
    assert_eq!(desk.show.scenes[0].layers[0].rect.x, 1.0);
}

#[test]
fn a_gesture_on_another_thing_is_a_step_of_its_own() {
    let mut desk = Desk::new();
    desk.act(&drag(1.0), false);
    desk.act(&strip(0.5), true);
    assert!(desk.undo() && desk.undo());
    assert!(!desk.undo());
}

#[test]
fn a_gesture_does_not_go_on_after_an_undo() {
    let mut desk = Desk::new();
    desk.act(&drag(1.0), false);
    desk.act(&drag(2.0), false);
    assert!(desk.undo());
    desk.act(&drag(3.0), true);
    assert!(desk.undo());
    assert_eq!(desk.show.scenes[0].layers[0].rect.x, 1.0);
}

#[test]
fn a_new_edit_ends_what_could_be_redone() {
    let mut desk = Desk::new();
    desk.act(&title("a"), false);
    assert!(desk.undo());
    desk.act(&title("b"), false);
    assert!(!desk.redo());
    assert_eq!(desk.show.title, "b");
}

#[test]
fn an_edit_that_changed_nothing_is_passed_over() {
    let mut desk = Desk::new();
    desk.act(&title("a"), false);
    desk.act(&title("a"), false);
    assert!(desk.undo());
    assert_eq!(desk.show.title, "");
}

#[test]
fn a_take_is_not_undone() {
    let mut desk = Desk::new();
    desk.act(&Command::AddScene { scene: Scene::new("Two"), index: None }, false);
    desk.act(&title("a"), false);
    desk.act(&Command::Take { scene: Some("two".into()), transition: None }, false);
    assert!(desk.undo());
    assert_eq!((desk.show.title.as_str(), desk.live.program.as_ref().map(|scene| scene.as_str())), ("", Some("two")));
}

#[test]
fn an_undo_that_takes_the_scene_on_air_away_puts_another_there() {
    let mut desk = Desk::new();
    desk.act(&Command::AddScene { scene: Scene::new("Two"), index: None }, false);
    desk.act(&Command::Take { scene: Some("two".into()), transition: None }, false);
    assert!(desk.undo());
    assert_eq!((desk.live.program, desk.live.preview), (Some("one".into()), Some("one".into())));
}

#[test]
fn an_undo_that_is_refused_can_be_put_back() {
    let mut desk = Desk::new();
    desk.act(&title("a"), false);
    desk.act(&Command::SetCanvas { canvas: Canvas { width: 1280, height: 720, ..Canvas::default() } }, false);
    let record = pulse_show::Record { program: true, ..Default::default() };
    desk.act(&Command::Record { record }, false);
    let version = desk.history.undo(&desk.show).unwrap();
    assert!(restore(&desk.show, &desk.live, version.clone()).is_err());
    assert_eq!(desk.history.redo(&version).as_ref(), Some(&desk.show));
    desk.act(&Command::Record { record: pulse_show::Record::default() }, false);
    assert!(desk.undo());
    assert_eq!((desk.show.canvas, desk.show.title.as_str()), (Canvas::default(), "a"));
}

#[test]
fn only_so_many_steps_are_kept() {
    let mut desk = Desk::new();
    for n in 0..MAX_STEPS + 50 {
        desk.act(&title(&format!("{n}")), false);
    }
    let steps = std::iter::from_fn(|| desk.undo().then_some(())).count();
    assert_eq!((steps, desk.show.title.as_str()), (MAX_STEPS, "49"));
    let steps = std::iter::from_fn(|| desk.redo().then_some(())).count();
    assert_eq!((steps, desk.show.title.as_str()), (MAX_STEPS, "249"));
}

proptest! {
    #[test]
    fn what_is_undone_and_redone_is_as_before(studio in strategies::studio(), commands in vec((strategies::edit(), any::<bool>()), 1..20), back in 1_usize..20) {
        let mut desk = Desk { show: studio.show, live: studio.live, history: History::default() };
        let mut versions = vec![desk.show.clone()];
        for (command, continues) in commands {
            if apply(&desk.show, &desk.live, &command).is_ok() {
                desk.act(&command, continues);
                versions.push(desk.show.clone());
            }
        }
        let (last, mut undone) = (desk.show.clone(), 0);
        while undone < back && let Some(version) = desk.history.undo(&desk.show) {
            prop_assert!(versions.contains(&version));
            desk.show = version;
            undone += 1;
        }
        for _ in 0..undone {
            desk.show = desk.history.redo(&desk.show).expect("as many redos as undos");
        }
        prop_assert_eq!(&desk.show, &last);
        prop_assert!(desk.history.redo(&desk.show).is_none());
    }
}
