//! A desktop of its own for a test: PipeWire, WirePlumber and PipeWire's PulseAudio, or an X server, in a folder of their own.
//!
//! A process can have only one desktop (its environment names it), so each test runs again as a process of its own: the first one starts
//! the services and ends them, the second one finds itself on that desktop and does the testing.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const DESKTOP: &str = "PULSE_TEST_DESKTOP";
/// How long a busy machine is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A child that dies with its owner, be it by `drop` or by `kill -9`.
pub struct Process(Child);

impl Process {
    fn start(command: &mut Command, program: &str, args: &[&str]) -> Self {
        let child = command.args(["--pdeathsig", "KILL", program]).args(args).stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{program} does not start: {error}; install it (see the README)")))
    }

    /// Has ended by itself.
    pub fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.0.kill().expect("a child can be killed by its parent");
        self.0.wait().expect("a child can be waited for by its parent");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// On the desktop of this process.
pub fn start(program: &str, args: &[&str]) -> Process {
    Process::start(&mut Command::new("setpriv"), program, args)
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

pub enum Services {
    None,
    PipeWire,
    Screen,
}

struct Desktop {
    processes: Vec<Process>,
    vars: Vec<(&'static str, PathBuf)>,
    dir: tempfile::TempDir,
}

impl Desktop {
    fn new(services: &Services) -> Self {
        let dir = tempfile::Builder::new().prefix("desk").tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at(".asoundrc"), "pcm.!default { type pulse }\nctl.!default { type pulse }\n").unwrap();
        let home = PathBuf::from(env::var_os("HOME").unwrap());
        // GStreamer's list of plugins takes seconds to make: everybody's own is good for all.
        let cache = env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
        let vars = vec![
            (DESKTOP, dir.path().to_owned()),
            ("XDG_RUNTIME_DIR", dir.path().to_owned()),
            ("HOME", dir.path().to_owned()),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_STATE_HOME", at("state")),
            ("XDG_CACHE_HOME", cache),
            ("DBUS_SESSION_BUS_ADDRESS", PathBuf::from(format!("unix:path={}", at("bus").display()))),
        ];
        let mut desktop = Self { processes: Vec::new(), vars, dir };
        match services {
            Services::None => {}
            Services::PipeWire => desktop.start_pipewire(),
            Services::Screen => desktop.start_screen(),
        }
        desktop
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_remove("PULSE_SERVER")
            .env_remove("PIPEWIRE_REMOTE")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        command
    }

    fn start(&mut self, program: &str, args: &[&str]) {
        let log = fs::File::create(self.dir.path().join(program).with_extension("log")).unwrap();
        let mut command = self.command("setpriv");
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.processes.push(Process::start(&mut command, program, args));
    }

    fn start_pipewire(&mut self) {
        let dir = self.dir.path().to_owned();
        let address = format!("--address=unix:path={}", dir.join("bus").display());
        self.start("dbus-daemon", &["--session", "--nofork", "--nopidfile", &address]);
        wait_until("D-Bus listens", || dir.join("bus").exists());
        self.start("pipewire", &[]);
        wait_until("PipeWire listens", || dir.join("pipewire-0").exists());
        self.start("wireplumber", &[]);
        // Its clients make this folder, too: two who make it at the same time fail.
        fs::create_dir(dir.join("pulse")).unwrap();
        self.start("pipewire-pulse", &[]);
        let pulse = self.processes.last().unwrap().0.id();
        fs::write(dir.join("pulse.pid"), pulse.to_string()).unwrap();
        let mut answers = self.command("pactl");
        answers.arg("info").stdout(Stdio::null()).stderr(Stdio::null());
        wait_until("PulseAudio answers", || answers.status().unwrap().success());
    }

    fn start_screen(&mut self) {
        let mut command = self.command("setpriv");
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Process::start(
            &mut command,
            "Xvfb",
            &["-displayfd", "1", "-screen", "0", "640x480x24", "-noreset", "-nolisten", "tcp"],
        );
        let mut number = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut number).unwrap();
        self.processes.push(server);
        self.vars.push(("DISPLAY", PathBuf::from(format!(":{}", number.trim()))));
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        if thread::panicking() {
            for log in fs::read_dir(self.dir.path())
                .into_iter()
                .flatten()
                .flatten()
                .filter(|f| f.path().extension().is_some_and(|e| e == "log"))
            {
                eprintln!("--- {}\n{}", log.file_name().display(), fs::read_to_string(log.path()).unwrap_or_default());
            }
        }
        // Clients before their servers.
        while self.processes.pop().is_some() {}
    }
}

/// Runs `body` of the test called `name` on a desktop with these services.
pub fn on_a_desktop(name: &str, services: Services, body: impl FnOnce(&Path)) {
    if let Some(dir) = env::var_os(DESKTOP) {
        pulse_engine::init().unwrap();
        return body(Path::new(&dir));
    }
    let desktop = Desktop::new(&services);
    let status = desktop
        .command(env::current_exe().unwrap().to_str().unwrap())
        .args([name, "--exact", "--nocapture"])
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed on its desktop: {status}");
}
