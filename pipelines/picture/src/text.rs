//! Letters: texts as overlays, and the setting of type for slates.
//!
//! May import: `color`, `frame`, `pixels`, pulse-show; the fonts of the system.
//!
//! What the built-in fonts can write is written with them alone, so that it looks the same on every machine and no time is
//! spent on the system's fonts; these are read once, when a text first needs them.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use cosmic_text::{
    Align, Attrs, Buffer, Color, Family, FontSystem, Metrics, PlatformFallback, Shaping, SwashCache, Weight, fontdb,
};
use pulse_show::{Rgba, TextAlign, TextStyle};

use crate::{frame::Frame, pixels::Pixels};

/// The family of the built-in fonts.
const BUILT_IN: &str = "Inter";
static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-Bold.otf");

/// The largest picture that is made of a text, in pixels; what does not fit is cut off.
const LARGEST: (u32, u32) = (7680, 4320);

/// What of a text is set, in characters; no more than that could be read.
const LONGEST: usize = 4_000;

/// From line to line, in heights of the letters.
const LINE: f32 = 1.25;

/// Room at the left and right and at the top and bottom, in heights of the letters: with a background, and without.
const PADDING: [(f32, f32); 2] = [(0.35, 0.15), (0.05, 0.0)];

static OWN_FONTS: LazyLock<Mutex<FontSystem>> = LazyLock::new(|| Mutex::new(fonts(false)));
static ALL_FONTS: LazyLock<Mutex<FontSystem>> = LazyLock::new(|| Mutex::new(fonts(true)));

fn fonts(with_system: bool) -> FontSystem {
    let mut db = fontdb::Database::new();
    db.load_font_data(REGULAR.to_vec());
    db.load_font_data(BOLD.to_vec());
    if with_system {
        db.load_system_fonts();
    }
    db.set_sans_serif_family(BUILT_IN);
    FontSystem::new_with_locale_and_db_and_fallback("en-US".to_owned(), db, PlatformFallback)
}

fn lock(fonts: &'static Mutex<FontSystem>) -> MutexGuard<'static, FontSystem> {
    // Fonts are only read: what a panic elsewhere left behind is still good.
    fonts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text set in type, not yet drawn.
pub(crate) struct Setting {
    fonts: &'static Mutex<FontSystem>,
    buffer: Buffer,
    /// Pixels of the widest line and of all lines, rounded up.
    pub size: (u32, u32),
}

impl Setting {
    /// Sets `text` in lines of at most `max_width` pixels.
    pub fn new(text: &str, style: &TextStyle, max_width: u32) -> Self {
        if style.family.is_empty() {
            let own = Self::with_fonts(&OWN_FONTS, text, style, max_width);
            if own.is_complete() {
                return own;
            }
        }
        Self::with_fonts(&ALL_FONTS, text, style, max_width)
    }

    fn with_fonts(shared: &'static Mutex<FontSystem>, text: &str, style: &TextStyle, max_width: u32) -> Self {
        let mut fonts = lock(shared);
        let size = letters(style);
        let text: String = text.chars().take(LONGEST).collect();
        let family = known(&fonts, &style.family);
        let weight = if style.bold { Weight::BOLD } else { Weight::NORMAL };
        let attrs = Attrs::new().family(Family::Name(&family)).weight(weight);
        let mut buffer = Buffer::new(&mut fonts, Metrics::new(size, size * LINE));
        let align = match style.align {
            TextAlign::Left => Align::Left,
            TextAlign::Center => Align::Center,
            TextAlign::Right => Align::Right,
        };
        let most_rows = Some(LARGEST.1 as f32);
        buffer.set_size(Some(max_width.clamp(1, LARGEST.0) as f32), most_rows);
        buffer.set_text(&text, &attrs, Shaping::Advanced, Some(Align::Left));
        buffer.shape_until_scroll(&mut fonts, false);
        let width = buffer.layout_runs().map(|run| run.line_w).fold(0.0, f32::max).ceil();
        let height = buffer.layout_runs().map(|run| run.line_top + run.line_height).fold(0.0, f32::max).ceil();
        // Lines stand to each other, not to the room there was; a pixel more keeps the widest from being broken again.
        buffer.set_size(Some(width + 1.0), most_rows);
        buffer.set_text(&text, &attrs, Shaping::Advanced, Some(align));
        buffer.shape_until_scroll(&mut fonts, false);
        let size = ((width as u32).min(LARGEST.0), (height as u32).min(LARGEST.1));
        Self { fonts: shared, buffer, size }
    }

    /// Whether there was a letter for every character.
    fn is_complete(&self) -> bool {
        self.buffer.layout_runs().all(|run| run.glyphs.iter().all(|glyph| glyph.glyph_id != 0))
    }

    /// Draws it with its upper left corner at `x`, `y`.
    pub fn draw(mut self, pixels: &mut Pixels, (x, y): (i32, i32), color: Rgba) {
        let [r, g, b, alpha] = color.0;
        let mut cache = SwashCache::new();
        self.buffer.draw(&mut lock(self.fonts), &mut cache, Color::rgb(r, g, b), |left, top, width, height, color| {
            let alpha = (u32::from(color.a()) * u32::from(alpha) + 127) / 255;
            let color = [color.r(), color.g(), color.b(), alpha as u8];
            for (column, row) in (0..height).flat_map(|row| (0..width).map(move |column| (column, row))) {
                pixels.over(x + left + column as i32, y + top + row as i32, color);
            }
        });
    }
}

/// The height of the letters within its limits; of what is not a number, the usual one.
fn letters(style: &TextStyle) -> f32 {
    if style.size.is_nan() { TextStyle::default().size } else { style.size.clamp(4.0, 1000.0) }
}

/// The family to write with: the wanted one where it is installed, else the built-in one.
fn known(fonts: &FontSystem, wanted: &str) -> String {
    let names = fonts.db().faces().flat_map(|face| &face.families).map(|(name, _)| name);
    names.into_iter().find(|name| name.eq_ignore_ascii_case(wanted)).map_or(BUILT_IN, String::as_str).to_owned()
}

/// A text as a picture just as large as it needs, its sides even, its lines broken at `max_width` pixels.
///
/// An empty text is 2 × 2 pixels of nothing. Of a text beyond 4,000 characters or 7680 × 4320 pixels the rest is cut off.
pub fn render_text(text: &str, style: &TextStyle, max_width: u32) -> Frame {
    if text.trim().is_empty() {
        return Pixels::new(2, 2, [0; 4]).to_frame();
    }
    let size = letters(style);
    let has_background = style.background.0[3] > 0;
    let (beside, above) = PADDING[usize::from(!has_background)];
    let (beside, above) = ((beside * size).ceil() as u32, (above * size).ceil() as u32);
    let max_width = max_width.min(LARGEST.0).saturating_sub(2 * beside);
    let setting = Setting::new(text, style, max_width);
    let width = (setting.size.0 + 2 * beside).next_multiple_of(2).clamp(2, LARGEST.0);
    let height = (setting.size.1 + 2 * above).next_multiple_of(2).clamp(2, LARGEST.1);
    let mut pixels = Pixels::new(width, height, style.background.0);
    setting.draw(&mut pixels, (beside as i32, above as i32), style.color);
    pixels.to_frame()
}
