//! Waiting, in one place: every wait of the harness has a deadline and says what it waited for.

use std::{
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The first pause between two looks at a condition; each one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks at `ready` again and again until it gives a value, at most for `within`.
///
/// # Errors
/// Naming `what` when the time is up, or what `ready` failed with.
pub fn wait_for<T>(what: &str, within: Duration, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + within;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(value) = ready().with_context(|| format!("while waiting for {what}"))? {
            return Ok(value);
        }
        if Instant::now() >= end {
            bail!("waited {:.1} s in vain for {what}", within.as_secs_f64());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Looks at `ready` again and again until it is true, at most for `within`.
///
/// # Errors
/// Naming `what` when the time is up.
pub fn wait_until(what: &str, within: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
    wait_for(what, within, || Ok(ready().then_some(())))
}

/// Waits until something accepts TCP connections on a port of 127.0.0.1. The connection is closed at once, so this is
/// not for peers that serve only their first client.
///
/// # Errors
/// Naming `what` and the port when nothing does.
pub fn wait_for_port(what: &str, port: u16, within: Duration) -> Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    wait_until(&format!("{what} to accept connections on port {port}"), within, || {
        TcpStream::connect_timeout(&address, LONGEST_PAUSE).is_ok()
    })
}

/// A TCP port of 127.0.0.1 that nobody uses at the moment.
///
/// # Errors
/// When the machine has none left.
pub fn free_tcp_port() -> Result<u16> {
    let socket = TcpListener::bind(("127.0.0.1", 0)).context("no free TCP port on 127.0.0.1")?;
    Ok(socket.local_addr()?.port())
}

/// A UDP port of 127.0.0.1 that nobody uses at the moment (SRT runs over UDP).
///
/// # Errors
/// When the machine has none left.
pub fn free_udp_port() -> Result<u16> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).context("no free UDP port on 127.0.0.1")?;
    Ok(socket.local_addr()?.port())
}
