//! Four hours with a fast and with a slow microphone, in seconds.

mod common;

use common::{AMPLITUDE, Run, bend_of_tone};

fn four_hours(ppm: f64) {
    let mut run = Run::new(ppm, 3.0);
    run.run(10.0);
    for hour in 0..4 {
        run.listener.reset();
        run.run(3600.0);
        let listener = &run.listener;
        assert!(listener.crossings >= 17_990, "{} crossings in hour {hour}", listener.crossings);
        assert!(listener.worst_error_s < 0.005, "{} ms off in hour {hour}", listener.worst_error_s * 1e3);
        assert!(listener.worst_bend < bend_of_tone() * 1.02, "a click of {} in hour {hour}", listener.worst_bend);
        assert!((listener.loudest / AMPLITUDE - 1.0).abs() < 0.001);
    }
    let report = run.outlet.health().report();
    assert_eq!((report.gaps, report.resyncs, report.dropped_blocks, report.late_frames), (0, 0, 0, report.late_frames));
}

#[test]
fn a_fast_clock_for_four_hours() {
    four_hours(200.0);
}

#[test]
fn a_slow_clock_for_four_hours() {
    four_hours(-350.0);
}
