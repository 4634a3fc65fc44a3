//! Still pictures from files: PNG, JPEG, WebP, BMP and the first picture of a GIF.
//!
//! May import: `color`, `frame`; reads the one file it is asked for.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use image::{
    DynamicImage, ImageDecoder, ImageError as Cause, ImageReader, Limits,
    error::{LimitError, LimitErrorKind},
};

use crate::{color, frame::Frame};

/// The longest side, in pixels, that is read.
pub const LONGEST_SIDE: u32 = 16_384;

/// The most memory, in bytes, that decoding may take: enough for a photograph of 50 megapixels.
const MOST_BYTES: u64 = 256 << 20;

/// Why a file gives no picture.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It can't be read.
    #[error("can't read the image {}: {cause}; check that the file is there and may be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It is none of the known formats.
    #[error("{} is not an image that can be shown; save it as PNG, JPEG, WebP, BMP or GIF", path.display())]
    Format {
        /// Which.
        path: PathBuf,
    },
    /// It is larger than the limits.
    #[error("the image {} is too large: more than {LONGEST_SIDE} pixels a side or {} MiB unpacked; save it smaller", path.display(), MOST_BYTES >> 20)]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// Its content is broken.
    #[error("the image {} is broken: {cause}; save it again from the program that made it", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// What the decoder says.
        cause: Cause,
    },
}

/// Reads a picture, turned upright as its EXIF data says.
///
/// # Errors
/// [`ImageError`] naming the file.
pub fn load(path: &Path) -> Result<Frame, ImageError> {
    let file = File::open(path).map_err(|cause| ImageError::Read { path: path.to_owned(), cause })?;
    let image = decode(BufReader::new(file)).map_err(|cause| explain(path, cause))?;
    let (width, height) = (image.width(), image.height());
    let frame = if image.color().has_alpha() {
        color::to_frame::<4>(width, height, image.into_rgba8().as_raw())
    } else {
        color::to_frame::<3>(width, height, image.into_rgb8().as_raw())
    };
    frame.ok_or_else(|| ImageError::Format { path: path.to_owned() })
}

fn decode(file: BufReader<File>) -> Result<DynamicImage, Cause> {
    let mut reader = ImageReader::new(file).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // Not every decoder asks its limits before it reads: what the header claims is enough to refuse.
    if decoder.total_bytes() > MOST_BYTES {
        return Err(Cause::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    }
    // A picture without an orientation, or with a broken one, is upright.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image)
}

fn explain(path: &Path, cause: Cause) -> ImageError {
    let path = path.to_owned();
    match cause {
        Cause::IoError(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => ImageError::Read { path, cause },
        Cause::Unsupported(_) => ImageError::Format { path },
        Cause::Limits(_) => ImageError::TooLarge { path },
        cause => ImageError::Broken { path, cause },
    }
}
