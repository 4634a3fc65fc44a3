//! The program bench: 4 × 720p30 H.264 in a 2×2 grid at 1280×720 with an image and a text above it, x264 veryfast 4500k, AAC 160k.
//!
//! Measured side by side, run by run, in seconds of processor time for a second of media:
//! * this program doing the job in real time;
//! * the floor: decoding the four (ffmpeg, one thread a decoder) and encoding the finished picture (x264 veryfast at 4500k as it comes),
//!   each alone; and the same with x264 set as this program sets it for live use, which is cheaper: no B-frames, no lookahead;
//! * ffmpeg doing the whole job in real time with the same x264 settings.

use std::path::Path;

use super::{
    ffmpeg::{self, Ffmpeg},
    median,
    ours::{self, Run},
};
use crate::error::Failure;

/// x264 as this program sets it.
const X264: [&str; 15] = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-b:v",
    "4500k",
    "-maxrate",
    "4500k",
    "-bufsize",
    "4500k",
    "-bf",
    "0",
    "-g",
    "60",
    "-x264-params",
];
/// x264 as it comes.
const X264_PLAIN: [&str; 6] = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "4500k"];
const X264_PARAMS: &str = "rc-lookahead=0:sync-lookahead=0:scenecut=40";
/// The job as a filter graph: the same boxes, the same overlays.
const GRID: &str = "[0:v]scale=640:360[a];[1:v]scale=640:360[b];[2:v]scale=640:360[c];[3:v]scale=640:360[d];\
    [a][b][c][d]xstack=inputs=4:layout=0_0|640_0|0_360|640_360[g];[g][4:v]overlay=1100:40[o];\
    [o]drawtext=text='Anna & Ben':x=40:y=640:fontsize=48:fontcolor=white,format=yuv420p[v]";

/// How long to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds of media in each run
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Runs of each; medians are told
    #[arg(long, default_value_t = 5)]
    runs: u32,
}

#[derive(Default)]
struct Samples {
    ours: Vec<Run>,
    decode: Vec<f64>,
    encode: Vec<f64>,
    encode_live: Vec<f64>,
    ffmpeg: Vec<f64>,
}

/// Measures and prints.
pub fn run(args: &Args) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("pulse-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Failure::failed)?;
    let measured = measure(args, &folder);
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(%error, folder = %folder.display(), "left behind");
    }
    let samples = measured?;
    println!("{}", serde_json::to_string_pretty(&report(args, &samples)).map_err(Failure::failed)?);
    Ok(())
}

fn measure(args: &Args, folder: &Path) -> Result<Samples, Failure> {
    let ffmpeg = Ffmpeg::find()?;
    eprintln!("making four clips, an image and the finished picture …");
    ffmpeg::clips(&ffmpeg, folder, args.seconds + 4)?;
    finished_picture(&ffmpeg, folder, args.seconds)?;
    ours::show(folder)?;
    let mut samples = Samples::default();
    for run in 1..=args.runs {
        eprintln!("run {run} of {}", args.runs);
        samples.ours.push(ours::record(folder, args.seconds)?);
        samples.decode.push(decode(&ffmpeg, folder, args.seconds)?);
        samples.encode.push(encode(&ffmpeg, folder, args.seconds, &words(&X264_PLAIN))?);
        samples.encode_live.push(encode(&ffmpeg, folder, args.seconds, &x264())?);
        samples.ffmpeg.push(whole_job(&ffmpeg, folder, args.seconds)?);
    }
    Ok(samples)
}

fn inputs(folder: &Path, seconds: u32, options: &[&str]) -> Vec<String> {
    let clip = |n: u32| {
        let mut input: Vec<String> = options.iter().map(ToString::to_string).collect();
        let path = folder.join(format!("cam{n}.mp4")).display().to_string();
        input.extend(["-t".to_owned(), seconds.to_string(), "-i".to_owned(), path]);
        input
    };
    (1..=4).flat_map(clip).collect()
}

fn logo(folder: &Path) -> Vec<String> {
    vec!["-i".to_owned(), folder.join("logo.png").display().to_string()]
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn x264() -> Vec<String> {
    let mut all = words(&X264);
    all.push(X264_PARAMS.to_owned());
    all
}

fn finished_picture(ffmpeg: &Ffmpeg, folder: &Path, seconds: u32) -> Result<(), Failure> {
    let mut job = inputs(folder, seconds, &[]);
    job.extend(logo(folder));
    job.extend(words(&["-filter_complex", GRID, "-map", "[v]", "-f", "yuv4mpegpipe"]));
    job.push(folder.join("finished.y4m").display().to_string());
    ffmpeg.run(&job).map(drop)
}

fn decode(ffmpeg: &Ffmpeg, folder: &Path, seconds: u32) -> Result<f64, Failure> {
    let mut job = inputs(folder, seconds, &["-threads", "1"]);
    job.extend(words(&["-map", "0:v", "-map", "1:v", "-map", "2:v", "-map", "3:v", "-f", "null", "-"]));
    Ok(ffmpeg.run(&job)? / f64::from(seconds))
}

fn encode(ffmpeg: &Ffmpeg, folder: &Path, seconds: u32, settings: &[String]) -> Result<f64, Failure> {
    let mut job = vec!["-i".to_owned(), folder.join("finished.y4m").display().to_string()];
    job.extend_from_slice(settings);
    job.extend(words(&["-f", "null", "-"]));
    Ok(ffmpeg.run(&job)? / f64::from(seconds))
}

fn whole_job(ffmpeg: &Ffmpeg, folder: &Path, seconds: u32) -> Result<f64, Failure> {
    let mut job = inputs(folder, seconds, &["-re"]);
    job.extend(logo(folder));
    job.extend(words(&["-f", "lavfi", "-t"]));
    job.push(seconds.to_string());
    job.extend(words(&[
        "-i",
        "sine=frequency=440:sample_rate=48000",
        "-filter_complex",
        GRID,
        "-map",
        "[v]",
        "-map",
        "5:a",
    ]));
    job.extend(x264());
    job.extend(words(&["-c:a", "aac", "-b:a", "160k", "-ac", "2"]));
    job.push(folder.join("ffmpeg.mp4").display().to_string());
    Ok(ffmpeg.run(&job)? / f64::from(seconds))
}

fn report(args: &Args, samples: &Samples) -> serde_json::Value {
    let (decode, encode, ffmpeg) = (median(&samples.decode), median(&samples.encode), median(&samples.ffmpeg));
    let encode_live = median(&samples.encode_live);
    let of = |figure: fn(&Run) -> f64| median(&samples.ours.iter().map(figure).collect::<Vec<_>>());
    let most = |figure: fn(&Run) -> u64| samples.ours.iter().map(figure).max().unwrap_or(0);
    let (ours, floor) = (of(|run| run.cpu_per_second), decode + encode);
    serde_json::json!({
        "bench": "program",
        "unit": "seconds of processor time for a second of media, median",
        "runs": args.runs,
        "seconds": args.seconds,
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "ours": ours,
        "floor": { "decode": decode, "encode": encode, "sum": floor },
        "ffmpeg": ffmpeg,
        "floor_live_settings": { "decode": decode, "encode": encode_live, "sum": decode + encode_live },
        "ours_to_floor": ours / floor,
        "ours_to_floor_live_settings": ours / (decode + encode_live),
        "ours_to_ffmpeg": ours / ffmpeg,
        "dropped_frames": most(|run| run.dropped),
        "rss_bytes": most(|run| run.rss_bytes),
        "ready_seconds": of(|run| run.ready),
        "samples": {
            "ours": samples.ours.iter().map(|run| run.cpu_per_second).collect::<Vec<_>>(),
            "decode": samples.decode, "encode": samples.encode,
            "encode_live": samples.encode_live, "ffmpeg": samples.ffmpeg,
        },
    })
}
