//! How much room the final index needs.

/// How much room is kept free in front of the media for the final index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserve;

impl Reserve {
    /// No reserve is larger: the index of several days.
    pub const MAX: u64 = 1 << 30;

    /// Bytes for the index of a recording of `hours` with one video and one audio track.
    ///
    /// A second of recording needs, in bytes:
    /// * 4 a sample (`stsz`), for `video_fps` + `audio_packets_per_second` samples;
    /// * 8 a frame with B-frames (`ctts`, where hardly two neighbours are equal), else none;
    /// * 4 for a keyframe (`stss`), of which there are at most 4 a second;
    /// * 36 a chunk (`co64` 8, `stsc` 12, and 16 for two `stts` runs where its start does not fall on a whole tick), of
    ///   which there are at most 8 a second: one for either track every quarter of a second.
    ///
    /// 64 KiB more hold what does not grow: headers, codec settings, title. The space is a hole in the file, so that what
    /// is not needed costs nothing where the file system has sparse files.
    pub fn for_recording(hours: f32, video_fps: f64, b_frames: bool, audio_packets_per_second: f64) -> u64 {
        const FIXED: f64 = 65_536.0;
        const KEYFRAMES: f64 = 4.0 * 4.0;
        const CHUNKS: f64 = 36.0 * 8.0;
        let frame = if b_frames { 12.0 } else { 4.0 };
        let second = video_fps.max(0.0) * frame + audio_packets_per_second.max(0.0) * 4.0 + KEYFRAMES + CHUNKS;
        let bytes = FIXED + f64::from(hours.max(0.0)) * 3_600.0 * second;
        // A float too large for u64 (or not a number) saturates (or becomes 0), which the bound then catches.
        (bytes as u64).min(Self::MAX)
    }
}
