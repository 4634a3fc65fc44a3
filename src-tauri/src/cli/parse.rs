//! Small values as people write them on a command line.

use std::time::Duration;

use pulse_show::{Address, Canvas, FrameRate};

/// `NAME=ADDRESS`.
#[derive(Debug, Clone)]
pub struct Named {
    /// What the user calls it.
    pub name: String,
    /// Where it comes from.
    pub address: Address,
}

/// `ADDRESS@X,Y`.
#[derive(Debug, Clone)]
pub struct Placed {
    /// An image or a text.
    pub address: Address,
    /// Canvas pixels from the left.
    pub x: f32,
    /// Canvas pixels from the top.
    pub y: f32,
}

/// Reads `NAME=ADDRESS`.
pub fn named(text: &str) -> Result<Named, String> {
    let (name, address) =
        text.split_once('=').ok_or("write it as NAME=ADDRESS, for example Aisle=rtsp://10.0.0.7/stream")?;
    if name.trim().is_empty() {
        return Err("the name before \"=\" is empty".into());
    }
    let address = address.parse::<Address>().map_err(|e| e.to_string())?;
    Ok(Named { name: name.trim().to_owned(), address })
}

/// Reads `ADDRESS@X,Y`; without a place it is put 40 pixels from the upper left corner.
pub fn placed(text: &str) -> Result<Placed, String> {
    let place = text.rsplit_once('@').and_then(|(address, place)| {
        let (x, y) = place.split_once(',')?;
        Some((address, x.trim().parse::<f32>().ok()?, y.trim().parse::<f32>().ok()?))
    });
    let (address, x, y) = place.unwrap_or((text, 40.0, 40.0));
    let address = address.parse::<Address>().map_err(|e| e.to_string())?;
    match address {
        Address::Image { .. } | Address::Text { .. } => Ok(Placed { address, x, y }),
        _ => Err("an overlay is image:FILE@X,Y or text:WORDS@X,Y".into()),
    }
}

/// Reads `1280x720@30` (the rate may be a fraction: `30000/1001`).
pub fn canvas(text: &str) -> Result<Canvas, String> {
    let wrong = || format!("\"{text}\" is not a canvas; write WIDTHxHEIGHT@RATE, for example 1920x1080@30");
    let (size, rate) = text.split_once('@').unwrap_or((text, "30"));
    let (width, height) = size.split_once('x').ok_or_else(wrong)?;
    let rate = FrameRate::try_from(rate.to_owned()).map_err(|_| wrong())?;
    Ok(Canvas { width: width.parse().map_err(|_| wrong())?, height: height.parse().map_err(|_| wrong())?, rate })
}

/// Reads `4500k`, `6M` or plain bits a second.
pub fn bitrate(text: &str) -> Result<u32, String> {
    let wrong = || format!("\"{text}\" is not a bitrate; write for example 4500k or 6M");
    let (number, factor) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1_000.0),
        Some((at, 'm' | 'M')) => (&text[..at], 1_000_000.0),
        _ => (text, 1.0),
    };
    let bits = number.parse::<f64>().map_err(|_| wrong())? * factor;
    if (100_000.0..=100_000_000.0).contains(&bits) {
        Ok(bits as u32)
    } else {
        Err(format!("{text} is not between 100k and 100M"))
    }
}

/// Reads `30s`, `1500ms`, `2m`, `1h 10m` or plain seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| format!("\"{text}\" is not a time"));
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("\"{text}\" is not a time; write for example 30s, 1500ms or 2m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitrates_are_read_as_people_write_them() {
        assert_eq!(bitrate("4500k"), Ok(4_500_000));
        assert_eq!(bitrate("6M"), Ok(6_000_000));
        assert!(bitrate("6 potatoes").is_err());
        assert!(bitrate("").is_err());
        assert!(bitrate("1k").is_err());
    }

    #[test]
    fn a_text_overlay_may_hold_an_at_sign() {
        let overlay = placed("text:Anna @ Ben@40,640").expect("an overlay");
        assert_eq!((overlay.x, overlay.y), (40.0, 640.0));
        assert!(overlay.address.to_string().contains("Anna @ Ben"));
        assert!(placed("test:ball@1,2").is_err());
    }

    #[test]
    fn a_camera_name_needs_an_address() {
        assert_eq!(named("Aisle=test:ball").map(|n| n.name), Ok("Aisle".to_owned()));
        assert!(named("test:ball").is_err());
        assert!(named("=test:ball").is_err());
    }

    #[test]
    fn durations_are_seconds_unless_they_say_otherwise() {
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
        assert!(duration("-1").is_err());
        assert!(duration("soon").is_err());
    }
}
