//! ffmpeg as the other side of a comparison.

use std::{path::Path, process::Command};

use crate::error::Failure;

/// An installed ffmpeg.
pub struct Ffmpeg;

impl Ffmpeg {
    /// Finds it, or says how to get it.
    pub fn find() -> Result<Self, Failure> {
        let found = Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success());
        if found {
            Ok(Self)
        } else {
            Err(Failure::failed("ffmpeg is not installed; the comparison needs it (apt install ffmpeg)"))
        }
    }

    /// Runs a job and gives the processor time it took in seconds, as ffmpeg's own `-benchmark` tells it.
    pub fn run(&self, job: &[String]) -> Result<f64, Failure> {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-y", "-loglevel", "info", "-nostats", "-benchmark"])
            .args(job)
            .output()
            .map_err(|e| Failure::failed(format!("ffmpeg cannot be run: {e}")))?;
        let told = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let last = told.lines().rev().take(3).collect::<Vec<_>>().join(" / ");
            return Err(Failure::failed(format!("ffmpeg failed: {last}")));
        }
        processor_time(&told).ok_or_else(|| Failure::failed("ffmpeg did not tell what it used"))
    }
}

/// Reads `bench: utime=1.234s stime=0.056s rtime=…`.
fn processor_time(told: &str) -> Option<f64> {
    let line = told.lines().rev().find(|line| line.contains("utime="))?;
    let figure = |name: &str| line.split(name).nth(1)?.split('s').next()?.parse::<f64>().ok();
    Some(figure("utime=")? + figure("stime=")?)
}

/// Makes `cam1.mp4` … `cam4.mp4` (720p30 H.264, moving, each in another hue) and `logo.png` (with alpha).
pub fn clips(ffmpeg: &Ffmpeg, folder: &Path, seconds: u32) -> Result<(), Failure> {
    let own = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    for n in 1..=4 {
        let picture = format!("testsrc2=size=1280x720:rate=30:duration={seconds},hue=h={},noise=alls=6:allf=t", n * 70);
        let mut job = own(&[
            "-f", "lavfi", "-i", &picture, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-b:v",
            "4M",
        ]);
        job.extend(own(&["-g", "60", "-bf", "0"]));
        job.push(folder.join(format!("cam{n}.mp4")).display().to_string());
        ffmpeg.run(&job)?;
    }
    let logo = "color=c=white@0.6:s=140x80,format=rgba";
    let mut job = own(&["-f", "lavfi", "-i", logo, "-frames:v", "1"]);
    job.push(folder.join("logo.png").display().to_string());
    ffmpeg.run(&job).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_time_is_read_from_what_ffmpeg_tells() {
        let told = "video:0kB\nbench: utime=1.250s stime=0.050s rtime=0.900s\nbench: maxrss=1kB\n";
        assert!((processor_time(told).expect("a figure") - 1.3).abs() < 1e-9);
        assert_eq!(processor_time("nothing"), None);
    }
}
