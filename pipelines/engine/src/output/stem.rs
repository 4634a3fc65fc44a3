//! A microphone's own file: WAV, 48 kHz, 24 bits, as it comes, before any fader.
//!
//! The header is brought up to date twice a second, so the file plays after a crash. It follows the program's clock: what is missing
//! is silence. Before a file reaches WAV's limit of 4 GiB the next part begins.

use std::{
    fs::File,
    io::BufWriter,
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use super::{
    OutputError, free_path,
    recorder::{Control, Part},
};
use crate::{source::Taps, status::FileReport, tap::Take};

const RATE: u64 = 48_000;
const SPEC: hound::WavSpec =
    hound::WavSpec { channels: 2, sample_rate: 48_000, bits_per_sample: 24, sample_format: hound::SampleFormat::Int };
/// Bytes of one moment in both channels.
const MOMENT_BYTES: u64 = 6;
/// Moments in one part, well below 4 GiB.
const PART: u64 = (3_900 << 20) / MOMENT_BYTES;
/// Blocks that may wait for a slow disk: about ten seconds.
const WAITING: usize = 512;
/// How far a block may be off before silence is put in (or its beginning left out).
const SLACK: i64 = 48_000 / 50;
/// How many moments the header may not tell of yet: what a crash costs, which is to be well below a second.
const UNTOLD: u64 = RATE / 2;

/// Hands blocks of sound from the source's thread to the recorder's.
struct Feed {
    queue: mpsc::SyncSender<(u64, gst::Buffer)>,
    control: Arc<Control>,
}

impl Take for Feed {
    fn take(&self, buffer: &gst::Buffer, _caps: &gst::Caps) {
        let at = buffer.pts().map_or(0, gst::ClockTime::nseconds);
        if self.queue.try_send((at, buffer.clone())).is_err() {
            self.control.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Records one part.
pub(super) fn record(control: &Arc<Control>, taps: &Taps) -> Part {
    let (queue, blocks) = mpsc::sync_channel(WAITING);
    let feed: Arc<dyn Take> = Arc::new(Feed { queue, control: control.clone() });
    taps.sound.attach(&feed);
    let mut wav: Option<Wav> = None;
    let mut fault = None;
    while !control.stopping() {
        let Ok((at, buffer)) = blocks.recv_timeout(Duration::from_millis(500)) else { continue };
        let written = match wav.as_mut() {
            Some(wav) => wav.block(at, &buffer),
            None => Wav::create(control, at).and_then(|made| wav.insert(made).block(at, &buffer)),
        };
        if let Err(error) = written {
            fault = Some(error);
            break;
        }
        if wav.as_ref().is_some_and(|wav| wav.moments >= PART) {
            break;
        }
    }
    drop(feed);
    let file = wav
        .and_then(|wav| wav.finish(control).inspect_err(|error| tracing::warn!(%error, "a stem's last second")).ok());
    Part { file, fault }
}

struct Wav {
    writer: hound::WavWriter<BufWriter<File>>,
    path: PathBuf,
    start: u64,
    moments: u64,
    flushed: u64,
}

impl Wav {
    fn create(control: &Control, start: u64) -> Result<Self, OutputError> {
        let setting = &control.setting;
        std::fs::create_dir_all(&setting.folder)
            .map_err(|e| OutputError::Folder { path: setting.folder.clone(), cause: e.to_string() })?;
        let path = free_path(&setting.folder, &setting.name, "wav");
        let mut writer = hound::WavWriter::create(&path, SPEC).map_err(|e| explain(&path, &e))?;
        writer.flush().map_err(|e| explain(&path, &e))?;
        control.begun(&path);
        Ok(Self { writer, path, start, moments: 0, flushed: 0 })
    }

    fn block(&mut self, at: u64, buffer: &gst::Buffer) -> Result<(), OutputError> {
        let Ok(map) = buffer.map_readable() else { return Ok(()) };
        let due = (u128::from(at.saturating_sub(self.start)) * u128::from(RATE) / 1_000_000_000) as i64;
        let ahead = due - self.moments as i64;
        if ahead > SLACK {
            for _ in 0..ahead {
                self.moment(0.0, 0.0)?;
            }
        }
        let skip = if ahead < -SLACK { ahead.unsigned_abs() as usize } else { 0 };
        for both in map.chunks_exact(8).skip(skip) {
            let sample = |i: usize| f32::from_ne_bytes([both[i], both[i + 1], both[i + 2], both[i + 3]]);
            self.moment(sample(0), sample(4))?;
        }
        if self.moments - self.flushed >= UNTOLD {
            self.flushed = self.moments;
            self.writer.flush().map_err(|e| explain(&self.path, &e))?;
        }
        Ok(())
    }

    fn moment(&mut self, left: f32, right: f32) -> Result<(), OutputError> {
        for sample in [left, right] {
            let value = (sample.clamp(-1.0, 1.0) * 8_388_607.0) as i32;
            self.writer.write_sample(value).map_err(|e| explain(&self.path, &e))?;
        }
        self.moments += 1;
        Ok(())
    }

    fn finish(self, control: &Control) -> Result<FileReport, OutputError> {
        self.writer.finalize().map_err(|e| explain(&self.path, &e))?;
        let bytes = std::fs::metadata(&self.path).map(|m| m.len()).unwrap_or(0);
        control.bytes.store(bytes, Ordering::Relaxed);
        Ok(FileReport {
            output: control.setting.id.clone(),
            path: self.path,
            source: control.setting.source.clone(),
            start: self.start,
            duration: self.moments as f64 / RATE as f64,
            frames: self.moments,
            bytes,
        })
    }
}

fn explain(path: &std::path::Path, error: &hound::Error) -> OutputError {
    match error {
        hound::Error::IoError(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            OutputError::DiskFull { path: path.to_owned() }
        }
        other => OutputError::Write { path: path.to_owned(), cause: other.to_string() },
    }
}
