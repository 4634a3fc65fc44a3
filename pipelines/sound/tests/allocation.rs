//! The calls made for every block neither allocate nor free, whatever happens in them.

mod common;

use pulse_sound::{BLOCK_NS, MasterSettings, Mixer, SILENCE, StripSettings, pipe};

#[test]
fn blocks_allocate_nothing() {
    let mut mixer = Mixer::new(MasterSettings { gain: 1.0, ceiling: Some(0.2) });
    let mut inlets = Vec::new();
    for key in 0..3 {
        let (inlet, outlet) = pipe();
        mixer.add(key, outlet, StripSettings::default());
        inlets.push(inlet);
    }
    mixer.remove(&2);
    let samples = common::block_of(0, |n| common::sine(1000.0, n));
    let mut out = SILENCE;
    let counted = allocation_counter::measure(|| {
        for index in 0..3_000_u64 {
            // One that drifts (so is resampled), and one whose time jumps and that is away at times.
            inlets[0].push(Some(index * (BLOCK_NS - 2_000) + 50_000_000), &samples);
            if index % 400 < 300 {
                inlets[1].push(Some(index * BLOCK_NS + (index / 100 % 3) * 200_000_000), &samples);
            }
            mixer.mix(index * BLOCK_NS, &mut out);
            mixer.set_strip(
                &0,
                StripSettings { gain: (index % 7) as f32 * 0.1, pan: 0.1, delay_ms: (index % 50) as u32 },
            );
            mixer.set_master(MasterSettings { gain: 1.0, ceiling: Some(0.5) });
            assert_eq!(mixer.stems().count(), 2);
        }
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    assert!(inlets[0].health().report().sounding);
    assert!(inlets[1].health().report().gaps > 3);
}
