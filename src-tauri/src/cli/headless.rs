//! `pulse-studio headless`: runs a show without a window and tells what happens, one JSON object a line.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use pulse_engine::{Engine, Notice, Options, Secrets};
use pulse_show::{DestinationId, EncoderChoice, Live, Record, Show, saved};
use pulse_wire::{Canvas, Cue, Event, RecordedFile};
use tokio::sync::mpsc::Receiver;

use super::{
    cues,
    events::{self, Printer, Statistics},
    journal::Journal,
    parse, publish,
    signals::Signals,
};
use crate::{error::Failure, keys::Keys, places, studio::StudioHandle};

/// Longest time from a signal to the end.
const END_WITHIN: Duration = Duration::from_millis(4800);

/// Longest time for what does not touch the files.
const REST_WITHIN: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The show file
    #[arg(long, value_name = "FILE")]
    pub show: PathBuf,
    /// Folder for the recordings
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub session: PathBuf,
    /// What to record: program, iso (a file a camera), audio (a file a microphone)
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    pub record: Vec<RecordKind>,
    /// Where to publish; may be repeated: rtmp(s)://host/app/key, srt://host:port, hls:FOLDER, livekit:ws://…, whip:https://…, or
    /// a destination of the show by id or name. A key that is not in the address is one of `pulse-studio keys`
    #[arg(long, value_name = "URL")]
    pub publish: Vec<String>,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse::duration)]
    pub length: Option<Duration>,
    /// What to do when: a JSON list of cues, each with "at" (seconds) and one of take, preview, tbar, marker, mute, unmute, gain
    ///
    /// take goes with "transition" (cut, fade, wipe-left, slide-left or another edge, stinger, stinger:SOURCE) and "ms". tbar moves
    /// from the program (0) to the preview (1) by the show's own transition: there the take has happened.
    #[arg(long, value_name = "FILE")]
    pub cues: Option<PathBuf>,
    /// Video encoder: auto, x264, openh264 or a GStreamer element
    #[arg(long, value_name = "NAME")]
    pub encoder: Option<String>,
    /// Video bitrate, for example 4500k
    #[arg(long, value_name = "RATE", value_parser = parse::bitrate)]
    pub bitrate: Option<u32>,
    /// Speed preset in x264's names
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Time between keyframes, for example 2s
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    pub gop: Option<Duration>,
    /// Where the control plane listens (loopback only); PULSE_API_KEY gives its key
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub control: std::net::SocketAddr,
    /// Where the list of sessions and that of keys are kept
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A kind of recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RecordKind {
    /// The program.
    Program,
    /// A file a camera.
    Iso,
    /// A file a microphone.
    Audio,
}

/// Reads the show and the cues, then runs.
pub fn run(args: &Args) -> Result<(), Failure> {
    let name = args.show.display();
    let json =
        std::fs::read_to_string(&args.show).map_err(|e| Failure::usage(format!("{name} cannot be read: {e}")))?;
    let mut show = saved::load(&json).map_err(|e| Failure::usage(format!("{name}: {e}")))?;
    adjust(&mut show, args);
    pulse_show::validate(&show)
        .map_err(|faults| Failure::usage(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let keys = Keys::open(&args.data.clone().unwrap_or_else(places::data));
    let secrets = publish::add(&mut show, &args.publish, &keys)?;
    let cues = match &args.cues {
        Some(path) => cues::read(path, &show)?,
        None => Vec::new(),
    };
    let record = Record {
        program: args.record.contains(&RecordKind::Program),
        iso: args.record.contains(&RecordKind::Iso),
        audio: args.record.contains(&RecordKind::Audio),
    };
    let wish = Wish { show, cues, record, secrets, args: args.clone(), silent: false };
    let files = play(wish)?;
    if record.program && !files.iter().any(|file| file.kind == pulse_wire::FileKind::Program) {
        return Err(Failure::failed("the program was not recorded; the lines above say why"));
    }
    Ok(())
}

/// What the command line says goes before what the show says.
fn adjust(show: &mut Show, args: &Args) {
    let encoding = &mut show.encoding;
    if let Some(encoder) = &args.encoder {
        encoding.encoder = EncoderChoice::from(encoder.clone());
    }
    if let Some(bitrate) = args.bitrate {
        encoding.video_bitrate = bitrate;
    }
    if let Some(preset) = &args.preset {
        encoding.preset.clone_from(preset);
    }
    if let Some(gop) = args.gop {
        encoding.gop_ms = u32::try_from(gop.as_millis()).unwrap_or(u32::MAX);
    }
}

/// A show that is ready to run.
pub struct Wish {
    /// The show.
    pub show: Show,
    /// What happens when.
    pub cues: Vec<Cue>,
    /// What is recorded.
    pub record: Record,
    /// Where it is published, and what lets it in.
    pub secrets: BTreeMap<DestinationId, Secrets>,
    /// Everything else.
    pub args: Args,
    /// Prints no events.
    pub silent: bool,
}

/// Runs a show to its end and gives the files that were written.
pub fn play(wish: Wish) -> Result<Vec<RecordedFile>, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Failure::failed)?;
    let outcome = runtime.block_on(async {
        let mut session = Session::start(wish).await?;
        let interrupted = session.follow().await;
        let files = session.end().await?;
        if interrupted { Err(Failure::Interrupted) } else { Ok(files) }
    });
    // What did not end in time is left behind: the process must end all the same.
    runtime.shutdown_background();
    outcome
}

struct Session {
    engine: Engine,
    notices: Receiver<Notice>,
    studio: StudioHandle,
    printer: Printer,
    statistics: Statistics,
    journal: Journal,
    signals: Signals,
    control: crate::control::Control,
    cues: std::iter::Peekable<std::vec::IntoIter<Cue>>,
    length: Option<Duration>,
    canvas: pulse_show::Canvas,
    files: Vec<RecordedFile>,
}

impl Session {
    async fn start(wish: Wish) -> Result<Self, Failure> {
        let signals = Signals::listen()?;
        let Wish { show, cues, record, secrets, args, silent } = wish;
        let key = crate::control::key()?;
        let canvas = show.canvas;
        let title = show.title.clone();
        let publish = secrets.keys().cloned().collect();
        let options = Options { canvas, folder: args.session.clone(), secrets };
        let (engine, notices) = tokio::task::spawn_blocking(move || Engine::start(options))
            .await
            .map_err(Failure::failed)?
            .map_err(Failure::failed)?;
        let live = Live { record, publish, ..Live::initial(&show) };
        let studio = StudioHandle::spawn(show, live);
        engine.apply(studio.latest());
        let control = crate::control::Control::start(args.control, &key).await?;
        let journal = Journal::open(args.data.as_deref(), &title, &args.session, record.any()).await;
        Ok(Self {
            engine,
            notices,
            studio,
            printer: Printer::new(silent),
            statistics: Statistics::new(),
            journal,
            signals,
            control,
            cues: cues.into_iter().peekable(),
            length: args.length,
            canvas,
            files: Vec::new(),
        })
    }

    /// Runs until the time is up (`false`) or a signal comes (`true`).
    async fn follow(&mut self) -> bool {
        let mut studio = self.studio.watch();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        tick.tick().await;
        loop {
            let next_cue = self.cues.peek().map(|cue| cue.at);
            let (cue_in, end_in) = (self.until(next_cue), self.until(self.length.map(|l| l.as_secs_f64())));
            tokio::select! {
                () = self.signals.next() => return true,
                () = sleep(end_in) => return false,
                () = sleep(cue_in) => self.cue().await,
                Some(notice) = self.notices.recv() => self.tell(&notice).await,
                Ok(()) = studio.changed() => self.engine.apply(studio.borrow_and_update().clone()),
                _ = tick.tick() => self.stats(),
            }
        }
    }

    /// How long until engine time `at` in seconds; `None` if never.
    fn until(&self, at: Option<f64>) -> Option<Duration> {
        let now = Duration::from_nanos(self.engine.now());
        at.map(|at| Duration::try_from_secs_f64(at).unwrap_or(Duration::MAX).saturating_sub(now))
    }

    fn stats(&mut self) {
        let (observed, studio) = (self.engine.observe(), self.studio.latest());
        let at = observed.at;
        let stats = self.statistics.next(observed, &studio);
        self.control.observe(&studio, &stats);
        self.printer.print(at, Event::Stats(stats));
    }

    async fn cue(&mut self) {
        let Some(cue) = self.cues.next() else { return };
        let now = self.engine.now();
        let studio = self.studio.latest();
        let Some(command) = cues::command(&cue.action, &studio, now) else { return };
        match self.studio.dispatch(command.clone()).await {
            Ok(_) => {
                // The engine is told here as well as by the watch: a cue is not to wait for its turn in the select.
                self.engine.apply(self.studio.latest());
                if let Some(event) = cues::event(&cue.action, &command, &studio) {
                    self.printer.print(now, event);
                }
            }
            Err(error) => {
                let fault = pulse_wire::Fault::new(pulse_wire::ErrorCode::CueInvalid, error.to_string());
                self.printer.print(now, Event::Notice(fault));
            }
        }
    }

    async fn tell(&mut self, notice: &Notice) {
        let now = self.engine.now();
        match notice {
            Notice::Ready => {
                let canvas =
                    Canvas { width: self.canvas.width, height: self.canvas.height, fps: self.canvas.rate.as_f64() };
                let version = env!("CARGO_PKG_VERSION").to_owned();
                let encoder = events::encoder_of(&self.engine.observe());
                self.printer.print(now, Event::Ready { version, canvas, encoder, control: Some(self.control.url()) });
            }
            Notice::Recorded(file) => {
                let file = events::recorded(file);
                self.journal.finished(&file);
                self.files.push(file);
            }
            other => {
                if let Some(event) = events::of_notice(other) {
                    if let Event::Recording { path, kind, source } = &event {
                        self.journal.begun(path, *kind, source.as_deref()).await;
                    }
                    self.printer.print(now, event);
                }
            }
        }
    }

    /// Ends outputs and files. A second signal ends the process at once: the files play all the same.
    async fn end(mut self) -> Result<Vec<RecordedFile>, Failure> {
        let clock = std::time::Instant::now();
        let began_ending = self.engine.now();
        let engine = self.engine;
        let mut ending = tokio::task::spawn_blocking(move || engine.stop());
        let deadline = tokio::time::sleep(END_WITHIN);
        tokio::pin!(deadline);
        let mut over = false;
        let mut reports = Vec::new();
        while !over {
            tokio::select! {
                _ = &mut ending => over = true,
                Some(notice) = self.notices.recv() => reports.push(notice),
                () = self.signals.next() => std::process::exit(130),
                () = &mut deadline => {
                    tracing::error!("something did not end in time; what is recorded plays, `recover` makes it whole");
                    over = true;
                }
            }
        }
        while let Ok(notice) = self.notices.try_recv() {
            reports.push(notice);
        }
        for notice in &reports {
            if let Notice::Recorded(file) = notice {
                let file = events::recorded(file);
                self.journal.finished(&file);
                self.files.push(file);
            }
        }
        let rest = async {
            self.journal.close().await;
            self.control.stop().await;
        };
        if tokio::time::timeout(REST_WITHIN, rest).await.is_err() {
            tracing::warn!("the list of sessions or the control plane did not end in time");
        }
        let at = began_ending + u64::try_from(clock.elapsed().as_nanos()).unwrap_or(0);
        self.printer.print(at, Event::Stopped { files: self.files.clone() });
        Ok(self.files)
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
