//! A network that can be made bad: a proxy in front of a peer, TCP or UDP, that is told while it runs to be slow, to lose
//! everything or to break.
//!
//! What it holds is bounded and small, so a slow link pushes back on TCP and loses datagrams of UDP within a second.

mod tcp;
mod udp;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    time::{Instant, sleep_until},
};

/// What the network is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes at once.
    Fair,
    /// Each client has a link of its own that takes at most so many kilobits (1,000 bits) a second.
    Limited(u32),
    /// Nothing passes either way and nobody is told. TCP connections stay, new ones too are accepted and hear nothing;
    /// what a TCP sender had sent arrives when the weather is fair again, as it does when a network comes back; datagrams
    /// of UDP are lost.
    Mute,
    /// TCP connections are reset, new ones as soon as they are made; datagrams of UDP are lost.
    Cut,
}

/// What has passed, in bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    /// From clients to the target.
    pub up: u64,
    /// From the target to clients.
    pub down: u64,
    /// TCP connections that were made, or UDP clients that were seen.
    pub clients: u64,
}

#[derive(Debug, Default)]
struct Counters {
    up: AtomicU64,
    down: AtomicU64,
    clients: AtomicU64,
}

/// A client's way to the target or back.
#[derive(Debug, Clone)]
struct Way {
    weather: watch::Receiver<Weather>,
    counters: Arc<Counters>,
    up: bool,
    /// When what passed last is through, at the limit of then.
    free: Instant,
}

impl Way {
    fn count(&self, bytes: usize) {
        let counter = if self.up { &self.counters.up } else { &self.counters.down };
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Waits for as long as so many bytes take; back at once where there is no limit.
    async fn pace(&mut self, bytes: usize) {
        let Weather::Limited(kilobits) = *self.weather.borrow_and_update() else { return };
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / (f64::from(kilobits.max(1)) * 1_000.0));
        self.free = self.free.max(Instant::now()) + takes;
        // Better weather does not have to wait for what worse weather had promised.
        tokio::select! {
            () = sleep_until(self.free) => {}
            _ = self.weather.changed() => self.free = Instant::now(),
        }
    }
}

/// What both protocols begin with.
#[derive(Debug, Clone)]
struct Link {
    target: SocketAddr,
    counters: Arc<Counters>,
    up: Way,
    down: Way,
}

/// A proxy on a free port of 127.0.0.1. Gone, with all its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    up: watch::Sender<Weather>,
    down: watch::Sender<Weather>,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Passes TCP connections on to a port of 127.0.0.1.
    ///
    /// # Errors
    /// When the machine has no port left.
    pub fn tcp(target: u16) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (listener, port) = runtime.block_on(async { tcp::listen() })?;
        Self::run(runtime, target, port, move |link| tcp::serve(listener, link))
    }

    /// Passes datagrams on to a UDP port of 127.0.0.1 and the answers back, for each client from a port of its own.
    ///
    /// # Errors
    /// When the machine has no port left.
    pub fn udp(target: u16) -> Result<Self> {
        Self::udp_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), target)
    }

    /// As [`Proxy::udp`], at an address of one's own choice.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn udp_at(address: SocketAddr, target: u16) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (socket, port) = runtime.block_on(udp::listen(address))?;
        Self::run(runtime, target, port, move |link| udp::serve(socket, link))
    }

    fn run<F>(runtime: Runtime, target: u16, port: u16, serve: impl FnOnce(Link) -> F + Send + 'static) -> Result<Self>
    where
        F: Future<Output = Result<()>>,
    {
        let ((up, up_seen), (down, down_seen)) = (watch::channel(Weather::Fair), watch::channel(Weather::Fair));
        let counters = Arc::<Counters>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let way = |weather, up| Way { weather, counters: Arc::clone(&counters), up, free: Instant::now() };
        let link = Link {
            target: SocketAddr::from((Ipv4Addr::LOCALHOST, target)),
            counters: Arc::clone(&counters),
            up: way(up_seen, true),
            down: way(down_seen, false),
        };
        let thread = thread::Builder::new().name(format!("proxy {port}")).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    end = serve(link) => eprintln!("the proxy on port {port} ended: {end:?}"),
                }
            });
        })?;
        Ok(Self { port, up, down, counters, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// An address with the target's port exchanged for the proxy's.
    ///
    /// # Errors
    /// When the address has no such port.
    pub fn in_front_of(&self, url: &str, target: u16) -> Result<String> {
        let (before, after) =
            url.split_once(&format!(":{target}")).with_context(|| format!("no port {target} in {url}"))?;
        Ok(format!("{before}:{}{after}", self.port))
    }

    /// Changes what the network is like, from now on.
    pub fn set(&self, weather: Weather) {
        self.set_up(weather);
        self.down.send_replace(weather);
    }

    /// Changes what the network is like from clients to the target, and leaves the way back as it is.
    pub fn set_up(&self, weather: Weather) {
        self.up.send_replace(weather);
    }

    /// What has passed so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Passed { up: read(&self.counters.up), down: read(&self.counters.down), clients: read(&self.counters.clients) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the proxy on port {} panicked", self.port);
        }
    }
}
