//! Connections.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::Ordering,
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    task::JoinSet,
};

use super::{Link, Way, Weather};

/// What the kernel may keep of a connection, either way, in bytes.
const KEPT: u32 = 32 * 1024;
/// What is read at once, in bytes: at 300 kb/s it takes a tenth of a second.
const PIECE: usize = 4 * 1024;

pub(super) fn listen() -> Result<(TcpListener, u16)> {
    let socket = small()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let listener = socket.listen(64)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// A socket with small buffers, so that who sends too fast feels it.
fn small() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(KEPT)?;
    socket.set_send_buffer_size(KEPT)?;
    Ok(socket)
}

pub(super) async fn serve(listener: TcpListener, link: Link) -> Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            client = listener.accept() => {
                link.counters.clients.fetch_add(1, Ordering::Relaxed);
                connections.spawn(connection(client?.0, link.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut client: TcpStream, link: Link) {
    let mut weather = link.up.weather.clone();
    let broken = tokio::select! {
        // Nobody drops the sender while connections run.
        _ = weather.wait_for(|weather| *weather == Weather::Cut) => true,
        passed = both_ways(&mut client, &link) => passed.is_err(),
    };
    if broken {
        // Closed with nothing to linger for, a connection is reset.
        let _ = client.set_zero_linger();
    }
}

/// Passes everything on, until both sides have closed or one has broken.
async fn both_ways(client: &mut TcpStream, link: &Link) -> io::Result<()> {
    let mut weather = link.up.weather.clone();
    // A target that is not there is not seen through a mute network either.
    let _ = weather.wait_for(|weather| *weather != Weather::Mute).await;
    let mut target = small()?.connect(link.target).await?;
    client.set_nodelay(true)?;
    target.set_nodelay(true)?;
    let ((from_client, to_client), (from_target, to_target)) = (client.split(), target.split());
    tokio::try_join!(
        one_way(from_client, to_target, link.up.clone()),
        one_way(from_target, to_client, link.down.clone())
    )
    .map(|_| ())
}

async fn one_way(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut way: Way) -> io::Result<()> {
    let mut piece = [0; PIECE];
    loop {
        let _ = way.weather.wait_for(|weather| *weather != Weather::Mute).await;
        let length = from.read(&mut piece).await?;
        way.pace(length).await;
        // It may have come while the network went mute.
        let _ = way.weather.wait_for(|weather| *weather != Weather::Mute).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
        way.count(length);
    }
}
