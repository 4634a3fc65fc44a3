//! Times the compositor: microseconds a picture for what programs are mostly made of.
//!
//! `cargo run --release -p pulse-picture --example grid`. Prints the median and the fastest of many pictures; each has new frames, as a live
//! program does.

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use pulse_picture::{Compositor, Frame, rgba_to_frame};
use pulse_plan::{Area, Draw, Group, Picture};
use pulse_show::{Crop, Fit, Rect, SourceId};

/// Sources by name; those that stand still have stamp 0 for ever.
type Sources = BTreeMap<SourceId, (Frame, bool)>;

fn noise(width: u32, height: u32) -> Frame {
    let mut state = width ^ height << 16 | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    let pixels: Vec<u8> = (0..width * height).flat_map(|_| [next(), next(), next(), 255]).collect();
    rgba_to_frame(width, height, &pixels).expect("four bytes a pixel")
}

/// Something with soft edges and nothing around it, as a logo or a line of text is.
fn overlay(width: u32, height: u32) -> Frame {
    let alpha = |x: u32, y: u32| if x < 8 || y < 8 { 0 } else { ((x * 7) ^ (y * 3)) as u8 };
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [250, 240, 220, alpha(x, y)])).collect();
    rgba_to_frame(width, height, &pixels).expect("four bytes a pixel")
}

fn draw(source: &str, (x, y, width, height): (f32, f32, f32, f32)) -> Draw {
    Draw {
        source: SourceId::from(source),
        rect: Rect { x, y, width, height },
        fit: Fit::Contain,
        crop: Crop::default(),
        rotation: 0.0,
        opacity: 1.0,
        corner_radius: 0.0,
    }
}

fn group(draws: Vec<Draw>, (width, height): (u32, u32)) -> Group {
    Group { draws, opacity: 1.0, clip: Area::full(width, height), offset: (0.0, 0.0), opaque: true }
}

fn grid(side: u16, (width, height): (u32, u32)) -> Vec<Draw> {
    let (w, h) = (width as f32 / f32::from(side), height as f32 / f32::from(side));
    let places = (0..side).flat_map(|row| (0..side).map(move |column| (column, row)));
    places
        .map(|(column, row)| {
            draw(&format!("camera{}", row * side + column), (f32::from(column) * w, f32::from(row) * h, w, h))
        })
        .collect()
}

fn cameras(count: usize, (width, height): (u32, u32)) -> Sources {
    (0..count).map(|i| (SourceId::from(format!("camera{i}").as_str()), (noise(width, height), true))).collect()
}

fn time(name: &str, picture: &Picture, sources: &Sources, (width, height): (u32, u32)) {
    let mut compositor = Compositor::new(width, height);
    let mut out = Frame::black(width, height);
    let mut micros: Vec<f64> = (1..=120_u64)
        .map(|number| {
            let frames = |source: &SourceId| {
                sources.get(source).map(|(frame, live)| (frame.as_ref(), if *live { number } else { 0 }))
            };
            let start = Instant::now();
            compositor.compose(picture, &frames, &mut out.as_canvas());
            black_box(&out);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    println!("{name:<58} {:>7.0} µs  (fastest {:>6.0})", micros[micros.len() / 2], micros[0]);
}

fn main() {
    let (hd, full, ultra) = ((1280, 720), (1920, 1080), (3840, 2160));
    let whole = |(width, height): (u32, u32)| draw("camera0", (0.0, 0.0, width as f32, height as f32));
    let overlays = |size| Group {
        opaque: false,
        ..group(vec![draw("logo", (1100.0, 40.0, 0.0, 0.0)), draw("text", (40.0, 640.0, 0.0, 0.0))], size)
    };

    let mut four = cameras(4, hd);
    four.insert(SourceId::from("logo"), (overlay(160, 90), false));
    four.insert(SourceId::from("text"), (overlay(520, 60), false));
    time(
        "2×2 of 720p on 720p, image and text above",
        &Picture { groups: vec![group(grid(2, hd), hd), overlays(hd)] },
        &four,
        hd,
    );
    time("2×2 of 720p on 720p", &Picture { groups: vec![group(grid(2, hd), hd)] }, &four, hd);
    time("2×2 of 1080p on 720p", &Picture { groups: vec![group(grid(2, hd), hd)] }, &cameras(4, full), hd);
    time("3×3 of 720p on 720p", &Picture { groups: vec![group(grid(3, hd), hd)] }, &cameras(9, hd), hd);

    for (name, size) in [("720p", hd), ("1080p", full), ("4K", ultra)] {
        let picture = Picture { groups: vec![group(vec![whole(size)], size)] };
        time(&format!("one {name}, same size"), &picture, &cameras(1, size), size);
    }
    for (name, from, to) in [
        ("1080p on 720p", full, hd),
        ("720p on 1080p", hd, full),
        ("4K on 1080p", ultra, full),
        ("1080p on 4K", full, ultra),
    ] {
        time(&format!("one {name}"), &Picture { groups: vec![group(vec![whole(to)], to)] }, &cameras(1, from), to);
    }

    let two = cameras(2, full);
    let inset = |change: fn(&mut Draw)| {
        let mut inset = draw("camera1", (1400.0, 780.0, 480.0, 270.0));
        change(&mut inset);
        Picture { groups: vec![group(vec![whole(full), inset], full)] }
    };
    time("1080p with an inset", &inset(|_| ()), &two, full);
    time("1080p with a round inset", &inset(|draw| draw.corner_radius = 24.0), &two, full);
    time("1080p with an inset turned by 10°", &inset(|draw| draw.rotation = 10.0), &two, full);
    time("1080p with an inset turned by 90°", &inset(|draw| draw.rotation = 90.0), &two, full);
    let faded = Group { opacity: 0.5, ..group(vec![Draw { source: SourceId::from("camera1"), ..whole(full) }], full) };
    time("1080p half faded to another", &Picture { groups: vec![group(vec![whole(full)], full), faded] }, &two, full);
    let veil: Sources = [
        (SourceId::from("camera0"), (noise(1920, 1080), true)),
        (SourceId::from("stinger"), (overlay(1920, 1080), true)),
    ]
    .into();
    let stinger =
        Group { opaque: false, ..group(vec![Draw { source: SourceId::from("stinger"), ..whole(full) }], full) };
    time(
        "1080p under a moving picture with alpha",
        &Picture { groups: vec![group(vec![whole(full)], full), stinger] },
        &veil,
        full,
    );
    time("2×2 of 720p on 720p, seen as 640×360", &Picture { groups: vec![group(grid(2, hd), hd)] }, &four, (640, 360));
}
