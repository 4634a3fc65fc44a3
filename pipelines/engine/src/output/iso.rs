//! A camera's own file: its own bytes where it sends H.264 or H.265, otherwise encoded in its own size.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pulse_plan::{AudioSpec, VideoSpec};

use super::{
    mux::{self, Streams},
    recorder::{Control, Part},
};
use crate::{
    encoder::{SoundEncoder, VideoEncoder},
    source::Taps,
    tap::{Take, Tap},
};

/// How long a camera's first sound may come after its first picture.
const SOUND_WITHIN: Duration = Duration::from_millis(600);

/// Watches a stream until it begins.
struct Scout {
    seen: AtomicBool,
    control: Arc<Control>,
}

impl Scout {
    fn attach(control: &Arc<Control>, tap: &Tap) -> Arc<Self> {
        let scout = Arc::new(Self { seen: AtomicBool::new(false), control: control.clone() });
        let taker: Arc<dyn Take> = scout.clone();
        tap.attach(&taker);
        scout
    }

    fn seen(&self) -> bool {
        self.seen.load(Ordering::Acquire)
    }
}

impl Take for Scout {
    fn take(&self, _buffer: &gst::Buffer, _caps: &gst::Caps) {
        if !self.seen.swap(true, Ordering::AcqRel) {
            self.control.wake();
        }
    }
}

/// Records one part.
pub(super) fn record(
    control: &Arc<Control>,
    taps: &Taps,
    fallback: &VideoSpec,
    elements: &[String],
    audio: Option<&AudioSpec>,
) -> Part {
    let (encoded, pictures, sound) = (
        Scout::attach(control, &taps.encoded),
        Scout::attach(control, &taps.pictures),
        Scout::attach(control, &taps.sound),
    );
    control.wait(Duration::MAX, || encoded.seen() || pictures.seen());
    if control.stopping() {
        return Part { file: None, fault: None };
    }
    control.wait(SOUND_WITHIN, || sound.seen());
    // What a camera sends itself comes before what is decoded from it.
    let untouched = encoded.seen();
    let has_sound = sound.seen();
    drop((encoded, pictures, sound));

    let setting = &control.setting;
    let audio = audio.filter(|_| has_sound).and_then(|spec| {
        let started = SoundEncoder::start(spec, &taps.sound, &setting.timeline, &setting.notices);
        started.inspect_err(|error| tracing::warn!(output = %setting.id, %error, "recorded without sound")).ok()
    });
    let audio_tap = audio.as_ref().map(|encoder| encoder.tap.clone());
    let fps = f64::from(fallback.rate.0) / f64::from(fallback.rate.1.max(1));
    if untouched {
        return mux::record(control, &Streams { video: taps.encoded.clone(), audio: audio_tap, fps, foreign: true });
    }
    let (timeline, notices) = (setting.timeline.clone(), setting.notices.clone());
    let encoder = VideoEncoder::start(fallback.clone(), elements.to_vec(), &taps.pictures, timeline, notices);
    mux::record(control, &Streams { video: encoder.tap.clone(), audio: audio_tap, fps, foreign: false })
}
