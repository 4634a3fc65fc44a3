//! Hours with a fast and with a slow microphone, every sample of them, in seconds.
//!
//! An hour each by default, which takes about fifteen seconds of CPU; `PULSE_SOUND_HOURS=4` runs a show's length.

mod common;

use common::{AMPLITUDE, Run, bend_of_tone};

fn hours_with(ppm: f64) {
    let hours =
        std::env::var("PULSE_SOUND_HOURS").map_or(1, |hours| hours.parse().expect("PULSE_SOUND_HOURS is a number"));
    let mut run = Run::new(ppm, 3.0);
    run.run(10.0);
    let late = run.outlet.health().report().late_frames;
    for hour in 1..=hours {
        run.listener.reset();
        run.run(3600.0);
        let listener = &run.listener;
        println!("hour {hour} at {ppm} ppm: at most {:.3} ms off", listener.worst_error_s * 1e3);
        assert!(listener.crossings >= 17_990, "{} crossings in hour {hour}", listener.crossings);
        assert!(listener.worst_error_s < 0.005, "{} ms off in hour {hour}", listener.worst_error_s * 1e3);
        assert!(listener.worst_bend < bend_of_tone() * 1.02, "a click of {} in hour {hour}", listener.worst_bend);
        assert!((listener.loudest / AMPLITUDE - 1.0).abs() < 0.001);
    }
    let report = run.outlet.health().report();
    assert_eq!((report.gaps, report.resyncs, report.dropped_blocks, report.late_frames), (0, 0, 0, late));
}

#[test]
fn a_fast_clock_for_hours() {
    hours_with(200.0);
}

#[test]
fn a_slow_clock_for_hours() {
    hours_with(-350.0);
}
