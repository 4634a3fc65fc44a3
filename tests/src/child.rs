//! Programs as peers: started, listened to line by line, frozen, killed, and never left behind.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fmt::Display,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    iter,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{self, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{cleanup::Workdir, wait::wait_for};

/// Lines of standard output that are kept until somebody asks for them; older ones make room, and are counted.
const KEPT_LINES: usize = 20_000;
/// Bytes of standard error that an error message shows, from the end.
const SHOWN_STDERR: usize = 3_000;
/// How long a killed process may take to be gone.
const REAP: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<String>,
    lost: u64,
    closed: bool,
}

/// What a process has said and nobody has read yet.
#[derive(Debug, Default)]
struct Lines {
    queue: Mutex<Queue>,
    news: Condvar,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, output: ChildStdout) {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { break };
            let mut queue = self.lock();
            if queue.lines.len() == KEPT_LINES {
                queue.lines.pop_front();
                queue.lost += 1;
            }
            queue.lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            self.news.notify_all();
        }
        self.lock().closed = true;
        self.news.notify_all();
    }

    /// The next line, `Ok(None)` after the last one, `Err(())` when `end` comes first.
    fn next(&self, end: Instant) -> Result<Option<String>, ()> {
        let mut queue = self.lock();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                return Ok(Some(line));
            }
            if queue.closed {
                return Ok(None);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(());
            }
            queue = self.news.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A running program. Killed with everything it started when dropped; its standard error goes to a file, whose end is
/// part of every error.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: process::Child,
    pid: Pid,
    lines: Arc<Lines>,
    stderr: PathBuf,
    status: Option<ExitStatus>,
    _folder: Workdir,
}

impl Child {
    /// Starts a program whose standard output is read as lines. `name` is what errors call it.
    ///
    /// # Errors
    /// When it cannot be started: with the name of the program that is missing.
    pub fn start(name: impl Display, command: &mut Command) -> Result<Self> {
        let (child, output) = Self::spawn(name.to_string(), command, Lines::default())?;
        let lines = Arc::clone(&child.lines);
        thread::Builder::new().name(format!("{} stdout", child.name)).spawn(move || lines.fill(output))?;
        Ok(child)
    }

    /// Starts a program whose standard output is for somebody else to read, as another program's input.
    ///
    /// # Errors
    /// As [`Child::start`].
    pub fn start_piped(name: impl Display, command: &mut Command) -> Result<(Self, ChildStdout)> {
        let nothing = Lines { queue: Mutex::new(Queue { closed: true, ..Queue::default() }), ..Lines::default() };
        Self::spawn(name.to_string(), command, nothing)
    }

    fn spawn(name: String, command: &mut Command, lines: Lines) -> Result<(Self, ChildStdout)> {
        let folder = Workdir::new("peer")?;
        let stderr = folder.join("stderr.log");
        command.stdout(Stdio::piped()).stderr(File::create(&stderr)?).process_group(0);
        die_with_parent(command);
        let mut process = command.spawn().with_context(|| {
            let program = command.get_program().display();
            format!("{name}: cannot start \"{program}\"; is it installed and in PATH?")
        })?;
        let output = process.stdout.take().context("standard output was piped")?;
        let pid = Pid::from_child(&process);
        Ok((Self { name, process, pid, lines: Arc::new(lines), stderr, status: None, _folder: folder }, output))
    }

    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The next line it says within the time; `None` once it has closed its standard output.
    ///
    /// # Errors
    /// When it says nothing in time: naming `what` was waited for, with its standard error.
    pub fn next_line(&self, what: &str, within: Duration) -> Result<Option<String>> {
        self.lines.next(Instant::now() + within).or_else(|()| self.fault(format!("said nothing about {what}"), within))
    }

    /// Reads lines until `wanted` gives a value for one. Lines read on the way are gone.
    ///
    /// # Errors
    /// When no line does in time, or it ended first: naming `what` was waited for, with its standard error.
    pub fn wait_line<T>(&self, what: &str, within: Duration, mut wanted: impl FnMut(&str) -> Option<T>) -> Result<T> {
        let end = Instant::now() + within;
        loop {
            match self.lines.next(end) {
                Ok(Some(line)) => {
                    if let Some(value) = wanted(&line) {
                        return Ok(value);
                    }
                }
                Ok(None) => return self.fault(format!("ended before {what}"), within),
                Err(()) => return self.fault(format!("said nothing about {what}"), within),
            }
        }
    }

    /// Writes a line to its standard input, which its command must have piped.
    ///
    /// # Errors
    /// When it has closed it, with its standard error.
    pub fn write_line(&mut self, line: &str) -> Result<()> {
        let input = self.process.stdin.as_mut().with_context(|| format!("{} has no standard input", self.name))?;
        let written = writeln!(input, "{line}").and_then(|()| input.flush());
        written.with_context(|| format!("{} does not listen; it said:\n{}", self.name, self.stderr_tail()))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it still runs after `within`, with its standard error.
    pub fn wait_exit(&mut self, within: Duration) -> Result<ExitStatus> {
        match wait_for(&format!("{} to end", self.name), within, || self.try_status()) {
            Ok(status) => Ok(status),
            Err(_) => self.fault("did not end".to_owned(), within),
        }
    }

    /// Waits until it ends by itself, and wants it to end well.
    ///
    /// # Errors
    /// When it still runs after `within` or ended with a fault, with its standard error.
    pub fn wait_success(&mut self, within: Duration) -> Result<()> {
        let status = self.wait_exit(within)?;
        if !status.success() {
            bail!("{} ended with {status}; it said:\n{}", self.name, self.stderr_tail());
        }
        Ok(())
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.try_status(), Ok(None))
    }

    fn try_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.process.try_wait()?;
        }
        Ok(self.status)
    }

    /// Sends a signal to the process itself, not to what it started.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if !self.is_running() {
            bail!("{} has ended already; it said:\n{}", self.name, self.stderr_tail());
        }
        kill_process(self.pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Stops it in mid-work without closing its connections: a camera that hangs.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn freeze(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`Child::freeze`].
    ///
    /// # Errors
    /// When it has ended already.
    pub fn thaw(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it and everything it started (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        // The group may outlive its leader; one that is gone already is what is wanted.
        let _ = kill_process_group(self.pid, Signal::KILL);
        if let Err(cause) = wait_for("a killed process to be gone", REAP, || self.try_status()) {
            eprintln!("{}: {cause:#}", self.name);
        }
    }

    /// All it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        fs::read(&self.stderr).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn stderr_tail(&self) -> String {
        let all = self.stderr();
        let mut from = all.len().saturating_sub(SHOWN_STDERR);
        while !all.is_char_boundary(from) {
            from += 1;
        }
        all[from..].to_owned()
    }

    fn fault<T>(&self, what: String, within: Duration) -> Result<T> {
        let (name, stderr) = (&self.name, self.stderr_tail());
        let lost = match self.lines.lock().lost {
            0 => String::new(),
            lost => format!(" ({lost} of its lines were lost unread)"),
        };
        bail!("{name} {what} in {:.1} s{lost}; its standard error:\n{stderr}", within.as_secs_f64())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has the kernel kill the program when the thread that starts it is gone, so that a killed test leaves nothing behind.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec only an async-signal-safe system call is made.
    unsafe {
        command.pre_exec(|| Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?));
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

/// How long a program may take that only works on files.
const WORK: Duration = Duration::from_secs(180);

/// Runs a program to its end and gives its standard output and standard error.
///
/// # Errors
/// When it is missing, ends with a fault or takes longer than three minutes: with its whole command and the end of its
/// standard error.
pub fn run(command: &mut Command) -> Result<(Vec<u8>, String)> {
    let words: Vec<_> =
        iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let (mut child, mut output) = Child::start_piped(words.join(" "), command.stdin(Stdio::null()))?;
    let reader = thread::Builder::new().spawn(move || {
        let mut all = Vec::new();
        output.read_to_end(&mut all).map(|_| all)
    })?;
    child.wait_success(WORK)?;
    let all = reader.join().map_err(|_| anyhow!("the reader of {} panicked", child.name))??;
    Ok((all, child.stderr()))
}

/// The path of a binary of this workspace, next to the running test in the target folder.
///
/// # Errors
/// When it is not built, with the command that builds it.
pub fn built(binary: &str, package: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let path =
        test.ancestors().skip(1).take(2).map(|folder| folder.join(binary)).find(|path| path.is_file()).with_context(
            || format!("no {binary} near {}: run `cargo build -p {package} --bin {binary}`", test.display()),
        )?;
    Ok(path)
}
