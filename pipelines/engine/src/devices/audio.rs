//! Sound devices by cpal: a microphone's samples with little delay, and the headphones that the program is monitored with.
//!
//! Sources of a show take their microphones through [`super::make_source`]; this is for what wants a callback. Opening a device can take
//! as long as its service takes to answer: not for the async runtime. Callbacks run on real-time threads, and neither allocate nor lock.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cpal::{
    ErrorKind, FromSample, I24, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig,
    SupportedStreamConfigRange, U24,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use rtrb::{Producer, RingBuffer};
use serde::Serialize;

use super::{
    DeviceError, DeviceKind,
    samples::{Feed, PROGRAM_RATE, in_f32, push_frames},
};

/// Kept for the process: its end would free ALSA's configuration under everybody else who uses ALSA.
static HOST: LazyLock<cpal::Host> = LazyLock::new(cpal::default_host);

/// Samples that a microphone's callback brings to `f32` at a time.
const SCRATCH: usize = 8192;
/// Stereo frames that wait for the headphones at most: 200 ms.
const WAITING: usize = PROGRAM_RATE as usize / 5;

/// A sound device as cpal lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundDevice {
    /// cpal's id, such as `alsa:default`.
    pub id: String,
    /// What people see.
    pub name: String,
    /// The one that the system would take.
    pub is_default: bool,
}

/// What happened to an open sound device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoundEvent {
    /// It is gone, or has stopped for good: close it, and open it again when it is back.
    Lost {
        /// What the system said.
        cause: String,
    },
    /// The system went over to another device; it goes on.
    Rerouted,
    /// Samples were lost, or came late.
    Glitch,
}

/// What a microphone gave since the last time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block<'a> {
    /// Interleaved, -1 to 1.
    pub samples: &'a [f32],
    /// At least 1.
    pub channels: u16,
    /// Hertz.
    pub rate: u32,
    /// When its first sample was heard, on the device's own clock.
    pub at: Duration,
    /// How long ago that was.
    pub age: Duration,
}

/// What can be listened to, as cpal lists it.
///
/// # Errors
/// [`DeviceError::Open`] when the sound system does not answer.
pub fn microphones() -> Result<Vec<SoundDevice>, DeviceError> {
    listed(DeviceKind::Microphone)
}

/// What can be played to, as cpal lists it.
///
/// # Errors
/// [`DeviceError::Open`] when the sound system does not answer.
pub fn speakers() -> Result<Vec<SoundDevice>, DeviceError> {
    listed(DeviceKind::Speaker)
}

/// An open microphone; closed when dropped.
pub struct Microphone {
    _stream: cpal::Stream,
}

impl Microphone {
    /// Opens the microphone with this id or name, or the `default` one. `on_block` is called on a real-time thread and must return at once.
    ///
    /// # Errors
    /// [`DeviceError::NotFound`] names those there are; [`DeviceError::Open`].
    pub fn open(
        wanted: &str,
        on_block: impl FnMut(&Block<'_>) + Send + 'static,
        on_event: impl FnMut(SoundEvent) + Send + 'static,
    ) -> Result<Self, DeviceError> {
        let kind = DeviceKind::Microphone;
        let device = find(kind, wanted)?;
        let config = choose(device.supported_input_configs().map_err(|error| cannot_open(kind, wanted, &error))?);
        let config = config
            .map_or_else(|| device.default_input_config(), Ok)
            .map_err(|error| cannot_open(kind, wanted, &error))?;
        let stream =
            capture(&device, config, on_block, report(on_event)).map_err(|error| cannot_open(kind, wanted, &error))?;
        stream.play().map_err(|error| cannot_open(kind, wanted, &error))?;
        Ok(Self { _stream: stream })
    }
}

/// Open headphones; closed when dropped.
pub struct Headphones {
    _stream: cpal::Stream,
    ring: Producer<f32>,
    dropped: AtomicU64,
}

impl Headphones {
    /// Opens the speaker with this id or name, or the `default` one.
    ///
    /// # Errors
    /// [`DeviceError::NotFound`] names those there are; [`DeviceError::Open`].
    pub fn open(wanted: &str, on_event: impl FnMut(SoundEvent) + Send + 'static) -> Result<Self, DeviceError> {
        let kind = DeviceKind::Speaker;
        let device = find(kind, wanted)?;
        let config = choose(device.supported_output_configs().map_err(|error| cannot_open(kind, wanted, &error))?);
        let config = config
            .map_or_else(|| device.default_output_config(), Ok)
            .map_err(|error| cannot_open(kind, wanted, &error))?;
        let (ring, consumer) = RingBuffer::new(WAITING * 2);
        let feed = Feed::new(consumer, config.channels().max(1).into(), config.sample_rate().max(1));
        let stream =
            play(&device, config, feed, report(on_event)).map_err(|error| cannot_open(kind, wanted, &error))?;
        stream.play().map_err(|error| cannot_open(kind, wanted, &error))?;
        Ok(Self { _stream: stream, ring, dropped: AtomicU64::new(0) })
    }

    /// Hands over interleaved stereo at 48 kHz, -1 to 1. Never waits: what there is no room for is dropped and counted.
    pub fn push(&mut self, stereo: &[f32]) {
        let dropped = push_frames(&mut self.ring, stereo);
        self.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    /// Frames dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn cannot_open(kind: DeviceKind, name: &str, error: &cpal::Error) -> DeviceError {
    let remedy = match error.kind() {
        ErrorKind::DeviceBusy => "close the other program that uses it",
        ErrorKind::PermissionDenied => {
            "allow this program to use it in the system's privacy settings (on Linux: join the audio group)"
        }
        ErrorKind::HostUnavailable => "start the sound service",
        _ => "plug it in again, or choose another one",
    };
    DeviceError::Open { kind, name: name.to_owned(), cause: error.to_string(), remedy }
}

fn devices(kind: DeviceKind) -> Result<Vec<(SoundDevice, cpal::Device)>, DeviceError> {
    let is_input = kind == DeviceKind::Microphone;
    let found = HOST.devices().map_err(|error| cannot_open(kind, "default", &error))?;
    let of_kind = found.filter(|d| if is_input { d.supports_input() } else { d.supports_output() });
    let default = if is_input { HOST.default_input_device() } else { HOST.default_output_device() };
    let default_id = default.as_ref().and_then(|d| d.id().ok());
    let mut devices: Vec<(SoundDevice, cpal::Device)> = Vec::new();
    for device in default.into_iter().chain(of_kind) {
        let Ok(id) = device.id() else { continue };
        let told =
            SoundDevice { id: id.to_string(), name: device.to_string(), is_default: default_id.as_ref() == Some(&id) };
        if is_for_people(&told.id) && devices.iter().all(|(other, _)| other.id != told.id) {
            devices.push((told, device));
        }
    }
    Ok(devices)
}

fn listed(kind: DeviceKind) -> Result<Vec<SoundDevice>, DeviceError> {
    Ok(devices(kind)?.into_iter().map(|(told, _)| told).collect())
}

/// ALSA lists converters and its bit bucket as devices as well.
fn is_for_people(id: &str) -> bool {
    let plugin = id.strip_prefix("alsa:").map(|id| id.split(':').next().unwrap_or_default());
    plugin.is_none_or(|p| {
        ["default", "pulse", "pipewire", "sysdefault", "hw", "plughw", "front", "usbstream"].contains(&p)
    })
}

fn find(kind: DeviceKind, wanted: &str) -> Result<cpal::Device, DeviceError> {
    let mut devices = devices(kind)?;
    let is_wanted = |d: &SoundDevice| d.id == wanted || d.name == wanted || (wanted == "default" && d.is_default);
    match devices.iter().position(|(told, _)| is_wanted(told)) {
        Some(at) => Ok(devices.swap_remove(at).1),
        None => {
            let names: Vec<String> = devices.into_iter().map(|(told, _)| told.name).collect();
            Err(DeviceError::not_found(kind, wanted, &names))
        }
    }
}

/// Closest to the program's own: 48 kHz, then `f32`, then stereo. None where only formats are offered that nobody mixes (DSD).
fn choose(offered: impl Iterator<Item = SupportedStreamConfigRange>) -> Option<SupportedStreamConfig> {
    let rate =
        |range: &SupportedStreamConfigRange| PROGRAM_RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
    let best = offered.filter(|range| !range.sample_format().is_dsd() && range.channels() > 0).min_by_key(|range| {
        let off_rate = rate(range).abs_diff(PROGRAM_RATE);
        let off_format = match range.sample_format() {
            SampleFormat::F32 => 0,
            SampleFormat::I32 | SampleFormat::I24 => 1,
            SampleFormat::I16 => 2,
            _ => 3,
        };
        (off_rate, off_format, range.channels().abs_diff(2), range.channels())
    })?;
    Some(best.with_sample_rate(rate(&best)))
}

fn report(mut on_event: impl FnMut(SoundEvent) + Send + 'static) -> impl FnMut(cpal::Error) + Send + 'static {
    move |error| match error.kind() {
        ErrorKind::Xrun => on_event(SoundEvent::Glitch),
        ErrorKind::DeviceChanged => on_event(SoundEvent::Rerouted),
        ErrorKind::RealtimeDenied => tracing::debug!(%error, "sound runs without real-time priority"),
        _ => on_event(SoundEvent::Lost { cause: error.to_string() }),
    }
}

/// Calls a generic function for the sample type of a format.
macro_rules! for_format {
    ($format:expr, $function:ident($($argument:expr),*)) => {
        match $format {
            SampleFormat::I8 => $function::<i8>($($argument),*),
            SampleFormat::I16 => $function::<i16>($($argument),*),
            SampleFormat::I24 => $function::<I24>($($argument),*),
            SampleFormat::I32 => $function::<i32>($($argument),*),
            SampleFormat::I64 => $function::<i64>($($argument),*),
            SampleFormat::U8 => $function::<u8>($($argument),*),
            SampleFormat::U16 => $function::<u16>($($argument),*),
            SampleFormat::U24 => $function::<U24>($($argument),*),
            SampleFormat::U32 => $function::<u32>($($argument),*),
            SampleFormat::U64 => $function::<u64>($($argument),*),
            SampleFormat::F32 => $function::<f32>($($argument),*),
            SampleFormat::F64 => $function::<f64>($($argument),*),
            other => Err(cpal::Error::with_message(ErrorKind::UnsupportedConfig, format!("it only offers {other}"))),
        }
    };
}

fn capture(
    device: &cpal::Device,
    config: SupportedStreamConfig,
    on_block: impl FnMut(&Block<'_>) + Send + 'static,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error> {
    for_format!(config.sample_format(), capture_as(device, config.config(), on_block, on_error))
}

fn capture_as<T>(
    device: &cpal::Device,
    config: StreamConfig,
    mut on_block: impl FnMut(&Block<'_>) + Send + 'static,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let (channels, rate) = (config.channels, config.sample_rate);
    let mut scratch = vec![0.0_f32; SCRATCH.max(channels.into())];
    let on_data = move |data: &[T], info: &cpal::InputCallbackInfo| {
        let heard = info.timestamp();
        let start = Duration::from_nanos(u64::try_from(heard.capture.as_nanos()).unwrap_or(u64::MAX));
        let age = heard.callback.duration_since(heard.capture);
        in_f32(data, channels.into(), &mut scratch, |samples, frames_before| {
            let later = Duration::from_secs_f64(frames_before as f64 / f64::from(rate));
            on_block(&Block { samples, channels, rate, at: start + later, age: age.saturating_sub(later) });
        });
    };
    device.build_input_stream(config, on_data, on_error, None)
}

fn play(
    device: &cpal::Device,
    config: SupportedStreamConfig,
    feed: Feed,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error> {
    for_format!(config.sample_format(), play_as(device, config.config(), feed, on_error))
}

fn play_as<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut feed: Feed,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error> {
    device.build_output_stream(
        config,
        move |out: &mut [T], _: &cpal::OutputCallbackInfo| feed.fill(out),
        on_error,
        None,
    )
}

#[cfg(test)]
mod tests {
    use cpal::SupportedBufferSize;

    use super::*;

    fn offered(channels: u16, rates: (u32, u32), format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, SupportedBufferSize::Unknown, format)
    }

    fn chosen(offers: &[SupportedStreamConfigRange]) -> Option<(u16, u32, SampleFormat)> {
        choose(offers.iter().copied()).map(|c| (c.channels(), c.sample_rate(), c.sample_format()))
    }

    #[test]
    fn the_closest_to_the_program_is_chosen() {
        let any = (8_000, 192_000);
        let offers = [
            offered(8, any, SampleFormat::F32),
            offered(2, any, SampleFormat::I16),
            offered(2, any, SampleFormat::F32),
        ];
        assert_eq!(chosen(&offers), Some((2, 48_000, SampleFormat::F32)));
        let offers = [offered(2, (44_100, 44_100), SampleFormat::F32), offered(1, (48_000, 96_000), SampleFormat::I16)];
        assert_eq!(chosen(&offers), Some((1, 48_000, SampleFormat::I16)));
        assert_eq!(chosen(&[offered(18, (44_100, 44_100), SampleFormat::I32)]), Some((18, 44_100, SampleFormat::I32)));
        assert_eq!(chosen(&[offered(2, any, SampleFormat::DsdU8)]), None);
    }

    #[test]
    fn converters_are_not_listed() {
        for id in ["alsa:null", "alsa:lavrate", "alsa:upmix", "alsa:surround51:CARD=0"] {
            assert!(!is_for_people(id), "{id}");
        }
        for id in ["alsa:default", "alsa:hw:CARD=1,DEV=0", "wasapi:{0.0.0}", "coreaudio:42"] {
            assert!(is_for_people(id), "{id}");
        }
    }

    #[test]
    fn errors_become_events() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut report = report(move |event| sender.send(event).unwrap());
        for kind in
            [ErrorKind::Xrun, ErrorKind::DeviceChanged, ErrorKind::RealtimeDenied, ErrorKind::DeviceNotAvailable]
        {
            report(cpal::Error::new(kind));
        }
        drop(report);
        let told: Vec<_> = receiver.iter().collect();
        assert!(matches!(&told[..], [SoundEvent::Glitch, SoundEvent::Rerouted, SoundEvent::Lost { .. }]), "{told:?}");
    }
}
