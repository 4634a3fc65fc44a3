//! Pictures that are not filmed: image files, texts, slates.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod common;

use std::{io::Cursor, path::PathBuf};

use common::*;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba as Pixel, RgbaImage};
use pulse_picture::{Frame, image as stills, mean_rgb, slate::slate, text::render_text};
use pulse_plan::Area;
use pulse_show::{Rgba, TextAlign, TextStyle};
use tempfile::TempDir;

/// Red above blue, 40 × 30.
fn flag() -> RgbImage {
    RgbImage::from_fn(40, 30, |_, y| if y < 15 { Rgb(RED) } else { Rgb(BLUE) })
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn saved(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("flag");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn refusal(bytes: &[u8]) -> String {
    let (_dir, path) = saved(bytes);
    let message = stills::load(&path).unwrap_err().to_string();
    assert!(message.contains(path.to_str().unwrap()), "names the file: {message}");
    message
}

#[test]
fn every_format_is_read_by_its_content() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif] {
        let (_dir, path) = saved(&encoded(flag(), format));
        let frame = stills::load(&path).unwrap();
        assert_eq!((frame.width(), frame.height()), (40, 30), "{format:?}");
        assert!(frame.as_ref().alpha().is_none(), "{format:?} is opaque");
        assert_region(&frame, [0, 0, 40, 13], RED);
        assert_region(&frame, [0, 17, 40, 30], BLUE);
    }
}

#[test]
fn alpha_and_deep_colour_are_read() {
    let see_through =
        RgbaImage::from_fn(9, 7, |x, _| if x < 4 { Pixel([220, 30, 30, 255]) } else { Pixel([0, 0, 0, 0]) });
    let (_dir, path) = saved(&encoded(see_through, ImageFormat::Png));
    let frame = stills::load(&path).unwrap();
    assert_eq!(frame.as_ref().alpha().unwrap().row(3), [255, 255, 255, 255, 0, 0, 0, 0, 0]);
    let deep = DynamicImage::ImageRgb8(flag()).into_rgb16();
    let (_dir, path) = saved(&encoded(deep, ImageFormat::Png));
    assert_region(&stills::load(&path).unwrap(), [0, 0, 40, 13], RED);
}

#[test]
fn photographs_are_turned_upright() {
    // Orientation 6: the camera was held so that the top of the scene is at the right.
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let jpeg = encoded(flag(), ImageFormat::Jpeg);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.append(&mut exif);
    bytes.extend(&jpeg[2..]);
    let (_dir, path) = saved(&bytes);
    let frame = stills::load(&path).unwrap();
    assert_eq!((frame.width(), frame.height()), (30, 40));
    assert_region(&frame, [17, 0, 30, 40], RED);
    assert_region(&frame, [0, 0, 13, 40], BLUE);
}

#[test]
fn what_is_no_picture_is_refused_with_its_name() {
    assert!(refusal(b"Dear diary").contains("save it as PNG"));
    assert!(refusal(b"").contains("save it as PNG"));
    let png = encoded(flag(), ImageFormat::Png);
    assert!(refusal(&png[..png.len() / 2]).contains("is broken"));
    let mut scribbled = png;
    for byte in &mut scribbled[40..60] {
        *byte ^= 0x5a;
    }
    assert!(refusal(&scribbled).contains("is broken"));
    let missing = stills::load(&PathBuf::from("/nowhere/logo.png")).unwrap_err().to_string();
    assert!(missing.contains("can't read the image /nowhere/logo.png") && missing.contains("check that"), "{missing}");
    let folder = TempDir::new().unwrap();
    assert!(stills::load(folder.path()).unwrap_err().to_string().contains("can't read"));
}

#[test]
fn what_is_too_large_is_refused_before_it_is_unpacked() {
    let wide = RgbImage::new(stills::LONGEST_SIDE + 1, 1);
    assert!(refusal(&encoded(wide, ImageFormat::Png)).contains("too large"));
    // The header of a small file claims sides that are allowed, but together need a gigabyte.
    let mut bomb = encoded(RgbaImage::new(1, 1), ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    let check = bomb[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    bomb[29..33].copy_from_slice(&(!check).to_be_bytes());
    assert!(refusal(&bomb).contains("too large"));
}

/// Where there is ink: left, top, one past right and bottom, and how much of it in opaque pixels.
fn ink(frame: &Frame) -> ([usize; 4], f64) {
    let alpha = frame.as_ref().alpha().expect("there is something around letters");
    let (mut edges, mut sum) = ([usize::MAX, usize::MAX, 0, 0], 0.0);
    for y in 0..alpha.height() {
        for (x, &alpha) in alpha.row(y).iter().enumerate().filter(|(_, alpha)| **alpha > 0) {
            edges = [edges[0].min(x), edges[1].min(y), edges[2].max(x + 1), edges[3].max(y + 1)];
            sum += f64::from(alpha) / 255.0;
        }
    }
    (edges, sum)
}

#[test]
fn no_text_is_a_speck_of_nothing() {
    for nothing in ["", "  \n\t "] {
        let frame = render_text(nothing, &TextStyle::default(), 100);
        assert_eq!((frame.width(), frame.height()), (2, 2));
        assert_eq!(frame.as_ref().alpha().unwrap().row(0), [0, 0]);
    }
}

#[test]
fn letters_have_size_colour_and_weight() {
    let style = TextStyle { size: 60.0, color: Rgba([220, 30, 30, 255]), ..TextStyle::default() };
    let frame = render_text("HHH", &style, 1000);
    let ([left, top, right, bottom], thin) = ink(&frame);
    // The capitals of Inter are 0.727 of its size high.
    assert!((bottom - top).abs_diff(44) <= 2, "capitals are {} high", bottom - top);
    assert!(
        left < 12 && frame.width() as usize - right < 12,
        "no room is wasted: {left} to {right} of {}",
        frame.width()
    );
    let solid = frame.as_ref().alpha().unwrap().row(top + 20).iter().position(|&alpha| alpha == 255).unwrap() as u32;
    let stem = Area { x0: solid, y0: top as u32 + 10, x1: solid + 1, y1: top as u32 + 11 };
    let color = mean_rgb(&frame.as_ref(), stem).unwrap();
    assert!(color.iter().zip(RED).all(|(a, b)| a.abs_diff(b) <= 6), "{color:?}");
    let (_, heavy) = ink(&render_text("HHH", &TextStyle { bold: true, ..style.clone() }, 1000));
    assert!(heavy > thin * 1.3, "bold has {heavy} of ink, regular {thin}");
    let (_, faint) = ink(&render_text("HHH", &TextStyle { color: Rgba([255, 255, 255, 128]), ..style }, 1000));
    assert!((faint / thin - 0.5).abs() < 0.02, "half-transparent letters have {faint} of {thin}");
}

#[test]
fn backgrounds_reach_the_edges() {
    let style = TextStyle { background: Rgba([30, 200, 40, 255]), ..TextStyle::default() };
    let frame = render_text("on green", &style, 1000);
    assert!(frame.as_ref().alpha().is_none());
    let (width, height) = (frame.width(), frame.height());
    for (x, y) in [(0, 0), (width - 2, 0), (0, height - 2), (width - 2, height - 2)] {
        assert_at(&frame, x, y, GREEN);
    }
}

#[test]
fn lines_break_and_align() {
    let style = TextStyle { size: 40.0, ..TextStyle::default() };
    let one = render_text("one two three", &style, 2000);
    let broken = render_text("one two three", &style, 120);
    assert!(broken.width() <= 120 && broken.height() >= one.height() * 2, "{broken:?} against {one:?}");
    let second_line = |align| {
        let frame = render_text("MMMMMMMM\nI", &TextStyle { align, ..style.clone() }, 2000);
        let alpha = frame.as_ref().alpha().unwrap();
        let columns = (frame.height() as usize / 2..frame.height() as usize)
            .flat_map(|y| alpha.row(y).iter().enumerate().filter(|(_, alpha)| **alpha > 128).map(|(x, _)| x));
        columns.max().unwrap() as f64 / f64::from(frame.width())
    };
    assert!(second_line(TextAlign::Left) < 0.1);
    assert!((second_line(TextAlign::Center) - 0.5).abs() < 0.1);
    assert!(second_line(TextAlign::Right) > 0.9);
}

#[test]
fn every_script_gives_a_picture() {
    let long = "word ".repeat(3_000);
    let texts = [
        "🎉👩‍👩‍👧‍👦🇨🇭 party",
        "مرحبا بالعالم and שלום",
        "日本語のテキスト 한국어 中文",
        "नमस्ते ภาษาไทย",
        "e\u{301}\u{302}\u{303}\u{200d}\u{200b}\u{feff}\u{202e}x",
        "tab\tand\u{0}null\r\nand \u{fffd}",
        &long,
    ];
    for text in texts {
        for (size, max_width) in [(4.0, 1), (48.0, 300), (1000.0, 7680), (f32::NAN, 50), (-1.0, 0)] {
            let style = TextStyle { size, family: "No Such Family".to_owned(), ..TextStyle::default() };
            let frame = render_text(text, &style, max_width);
            assert!(
                frame.width() >= 2 && frame.width() <= 7680 && frame.height() >= 2 && frame.height() <= 4320,
                "{frame:?}"
            );
        }
    }
}

#[test]
fn slates_say_who_is_missing_at_any_size() {
    for (width, height) in [(64, 64), (320, 180), (641, 361), (1920, 1080), (200, 900)] {
        for name in ["Aisle", "A very long name of a camera somewhere in the last row of the balcony", ""] {
            let frame = slate(name, "No signal", width, height);
            assert_eq!((frame.width(), frame.height()), (width, height));
            assert!(frame.as_ref().alpha().is_none());
            let rim = |area| assert_region(&frame, area, [0x17, 0x14, 0x12]);
            rim([0, 0, width, height / 8]);
            rim([0, height - height / 8, width, height]);
            rim([0, 0, width / 20, height]);
            let brightest = |from: u32, to: u32| {
                (from..to).flat_map(|y| frame.as_ref().y().row(y as usize).iter().copied()).max().unwrap()
            };
            assert!(
                name.is_empty() || brightest(height / 4, height * 3 / 4) > 180,
                "the name is bright at {width}x{height}"
            );
            assert!(brightest(0, height) > 120, "the message is there at {width}x{height}");
        }
    }
    // Amber has little blue: the message beneath the name pulls it well below the grey of 128.
    let frame = slate("Aisle", "No signal", 1280, 720);
    let bluest = (360..720).flat_map(|y| frame.as_ref().u().row(y / 2).iter().copied()).min().unwrap();
    assert!(bluest < 90, "the message is amber: {bluest}");
    assert_eq!(slate("", "", 1, 1).width(), 16);
}
