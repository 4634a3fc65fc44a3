//! The proxy that makes a network bad.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use pulse_tests::{
    proxy::{Passed, Proxy, Weather},
    wait::wait_until,
};

const SOON: Duration = Duration::from_secs(5);
const A_WHILE: Duration = Duration::from_millis(300);

/// A connection through a proxy: the proxy, the client's end and the target's.
fn connected() -> Result<(Proxy, TcpStream, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let proxy = Proxy::tcp(listener.local_addr()?.port())?;
    let client = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    let (target, _) = listener.accept()?;
    for end in [&client, &target] {
        end.set_read_timeout(Some(SOON))?;
    }
    Ok((proxy, client, target))
}

fn read(from: &mut TcpStream, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_fair_network_passes_everything_both_ways() -> Result<()> {
    let (proxy, mut client, mut target) = connected()?;
    const LENGTH: usize = 20_000_000;
    let start = Instant::now();
    let sender = thread::spawn(move || client.write_all(&vec![7; LENGTH]).map(|()| client));
    ensure!(read(&mut target, LENGTH)?.iter().all(|byte| *byte == 7));
    let took = start.elapsed();
    ensure!(took < Duration::from_secs(2), "20 MB took {took:?}");
    let mut client = sender.join().ok().context("a panic")??;
    target.write_all(b"thank you")?;
    ensure!(read(&mut client, 9)? == b"thank you");
    drop(client);
    ensure!(target.read(&mut [0])? == 0, "the end does not pass");
    ensure!(proxy.passed() == Passed { up: LENGTH as u64, down: 9, clients: 1 }, "{:?}", proxy.passed());
    Ok(())
}

#[test]
fn a_slow_network_pushes_back() -> Result<()> {
    let (proxy, mut client, mut target) = connected()?;
    proxy.set(Weather::Limited(800));
    client.set_write_timeout(Some(A_WHILE))?;
    // Nobody reads fast enough: the sender's own buffer fills and it is made to wait.
    let mut sent = 0;
    let stuck = loop {
        match client.write(&[1; 16_384]) {
            Ok(length) => sent += length,
            Err(cause) => break cause.kind(),
        }
        ensure!(sent < 50_000_000, "nothing pushes back");
    };
    ensure!(stuck == ErrorKind::WouldBlock, "{stuck:?}");
    let (start, before) = (Instant::now(), proxy.passed().up);
    read(&mut target, before as usize + 200_000)?;
    let took = start.elapsed().as_secs_f64();
    ensure!((1.4..2.6).contains(&took), "200 kB at 100 kB/s took {took} s");
    proxy.set(Weather::Fair);
    let start = Instant::now();
    read(&mut target, sent - before as usize - 200_000)?;
    ensure!(start.elapsed() < SOON / 5, "better weather comes late");
    Ok(())
}

#[test]
fn a_mute_network_says_nothing_and_loses_nothing_of_a_connection() -> Result<()> {
    let (proxy, mut client, mut target) = connected()?;
    proxy.set(Weather::Mute);
    client.write_all(b"can you hear me?")?;
    target.set_read_timeout(Some(A_WHILE))?;
    ensure!(target.read(&mut [0]).is_err_and(|cause| cause.kind() == ErrorKind::WouldBlock), "it hears");
    let mut another = TcpStream::connect(("127.0.0.1", proxy.port()))?;
    another.set_read_timeout(Some(A_WHILE))?;
    ensure!(another.read(&mut [0]).is_err_and(|cause| cause.kind() == ErrorKind::WouldBlock), "it is answered");
    proxy.set(Weather::Fair);
    ensure!(read(&mut target, 16)? == b"can you hear me?");
    Ok(())
}

#[test]
fn a_cut_network_resets_old_and_new_connections() -> Result<()> {
    let (proxy, mut client, mut target) = connected()?;
    proxy.set(Weather::Cut);
    let error = client.read(&mut [0]).err().map(|cause| cause.kind());
    ensure!(error == Some(ErrorKind::ConnectionReset), "{error:?}");
    ensure!(target.read(&mut [0]).map_or(true, |length| length == 0), "the target was not told");
    // A connection may be reset before its maker has it.
    let mut another = TcpStream::connect(("127.0.0.1", proxy.port()));
    let refused = another.as_mut().map_or(true, |another| another.read(&mut [0]).is_err());
    ensure!(refused, "a new connection is not reset");
    Ok(())
}

#[test]
fn datagrams_pass_are_thinned_out_and_get_lost() -> Result<()> {
    let (target, client) = (UdpSocket::bind(("127.0.0.1", 0))?, UdpSocket::bind(("127.0.0.1", 0))?);
    let proxy = Proxy::udp(target.local_addr()?.port())?;
    client.connect(("127.0.0.1", proxy.port()))?;
    target.set_read_timeout(Some(A_WHILE))?;
    client.set_read_timeout(Some(SOON))?;
    let mut datagram = [0; 2_000];

    client.send(b"ping")?;
    let (length, from) = target.recv_from(&mut datagram)?;
    ensure!(&datagram[..length] == b"ping");
    target.send_to(b"pong", from)?;
    ensure!(client.recv(&mut datagram)? == 4);

    proxy.set(Weather::Mute);
    client.send(b"hello?")?;
    ensure!(target.recv(&mut datagram).is_err(), "it hears");

    // A second of 4 Mb/s over a link of 1 Mb/s with a buffer of half a second.
    proxy.set(Weather::Limited(1_000));
    let reader = thread::spawn(move || (0..).take_while(|_| target.recv(&mut datagram).is_ok()).count() as u64);
    for _ in 0..500 {
        client.send(&[2; 1_000])?;
        thread::sleep(Duration::from_millis(2));
    }
    let arrived = reader.join().ok().context("a panic")?;
    ensure!((120..250).contains(&arrived), "{arrived} of 500");
    wait_until("the count", SOON, || proxy.passed() == Passed { up: 4 + arrived * 1_000, down: 4, clients: 1 })
}
