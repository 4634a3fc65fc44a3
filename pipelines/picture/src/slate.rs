//! The card that is shown instead of a source that gives nothing.
//!
//! May import: `text`, `pixels`, `frame`, pulse-show.

use pulse_show::{Rgba, TextAlign, TextStyle};

use crate::{frame::Frame, pixels::Pixels, text::Setting};

const CARD: [u8; 4] = [0x17, 0x14, 0x12, 0xff];
const IVORY: Rgba = Rgba([0xf5, 0xee, 0xe0, 0xff]);
const AMBER: Rgba = Rgba([0xe8, 0xa5, 0x4b, 0xff]);

/// Height of the name's letters, of the message's and of the room between, in heights of the card.
const NAME: f32 = 0.14;
const MESSAGE: f32 = 0.06;
const GAP: f32 = 0.03;

/// How much of the card's width letters may take.
const WIDTH: f32 = 0.86;

/// A dark card with `name` in large letters and `message` beneath, for a picture of `width` by `height` pixels.
///
/// Long names are set smaller, then broken into lines. Sides are brought to 16 to 7680 pixels.
pub fn slate(name: &str, message: &str, width: u32, height: u32) -> Frame {
    let (width, height) = (width.clamp(16, 7680), height.clamp(16, 7680));
    let mut pixels = Pixels::new(width, height, CARD);
    let name = fitted(name, true, NAME, (width, height));
    let name_height = name.size.1.min(height);
    let name_top = height / 2 - name_height.min(height) / 2;
    let name_top = name_top.saturating_sub((MESSAGE * height as f32 / 2.0) as u32);
    draw(name, &mut pixels, (width, name_top), IVORY);
    let message = fitted(message, false, MESSAGE, (width, height));
    draw(message, &mut pixels, (width, name_top + name_height + (GAP * height as f32) as u32), AMBER);
    pixels.to_frame()
}

/// Sets a line as large as it should be, or as small as makes it fit, down to half that.
fn fitted(text: &str, bold: bool, share: f32, (width, height): (u32, u32)) -> Setting {
    let room = (width as f32 * WIDTH) as u32;
    let wanted = share * width.min(height * 16 / 9) as f32 * 9.0 / 16.0;
    let mut style = TextStyle { size: wanted.max(7.0), bold, align: TextAlign::Center, ..TextStyle::default() };
    let natural = Setting::new(text, &style, u32::MAX).size.0;
    if natural <= room {
        return Setting::new(text, &style, room);
    }
    style.size *= (room as f32 / natural as f32).max(0.5);
    Setting::new(text, &style, room)
}

fn draw(setting: Setting, pixels: &mut Pixels, (width, top): (u32, u32), color: Rgba) {
    let left = (i64::from(width) - i64::from(setting.size.0)) / 2;
    setting.draw(pixels, (left as i32, top as i32), color);
}
