//! Datagrams.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};

use super::{Link, Way, Weather};

/// The longest datagram there is, in bytes.
const LONGEST: usize = 65_536;
/// Datagrams that wait at most, of one client one way; what comes on top is lost.
const WAITING: usize = 512;
/// How long what waits at a limit may take, in seconds, before what comes on top is lost: a router's buffer.
const PATIENCE: f64 = 0.5;

/// A datagram, the socket that it leaves by and where it goes.
type Parcel = (Vec<u8>, Arc<UdpSocket>, SocketAddr);

/// Where datagrams wait to be carried one way.
#[derive(Debug, Clone)]
struct Post {
    queue: mpsc::Sender<Parcel>,
    /// Bytes that wait.
    waiting: Arc<AtomicUsize>,
    way: Way,
}

impl Post {
    /// A post office, whose carrier is one of the tasks.
    fn open(way: &Way, tasks: &mut JoinSet<()>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let post = Self { queue, waiting: Arc::default(), way: way.clone() };
        tasks.spawn(carry(waiting, post.clone()));
        post
    }

    /// Has a datagram carried, or loses it.
    fn send(&self, parcel: Parcel) {
        let length = parcel.0.len();
        let lost = match *self.way.weather.borrow() {
            Weather::Mute | Weather::Cut => true,
            Weather::Limited(kilobits) => {
                let bits = 8.0 * (self.waiting.load(Ordering::Relaxed) + length) as f64;
                bits > PATIENCE * 1_000.0 * f64::from(kilobits)
            }
            Weather::Fair => false,
        };
        if !lost && self.queue.try_send(parcel).is_ok() {
            self.waiting.fetch_add(length, Ordering::Relaxed);
        }
    }
}

async fn carry(mut queue: mpsc::Receiver<Parcel>, mut post: Post) {
    while let Some((datagram, socket, to)) = queue.recv().await {
        post.way.pace(datagram.len()).await;
        post.waiting.fetch_sub(datagram.len(), Ordering::Relaxed);
        let lost = matches!(*post.way.weather.borrow(), Weather::Mute | Weather::Cut);
        if !lost && socket.send_to(&datagram, to).await.is_ok() {
            post.way.count(datagram.len());
        }
    }
}

pub(super) async fn listen(address: SocketAddr) -> Result<(UdpSocket, u16)> {
    let socket = UdpSocket::bind(address).await.with_context(|| format!("cannot listen at {address}"))?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

pub(super) async fn serve(socket: UdpSocket, link: Link) -> Result<()> {
    let mut tasks = JoinSet::new();
    let socket = Arc::new(socket);
    let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, Post)> = HashMap::new();
    let mut datagram = vec![0; LONGEST];
    loop {
        // An error is an answer to something that was sent to a client which has gone since.
        let Ok((length, client)) = socket.recv_from(&mut datagram).await else { continue };
        let (own, up) = match clients.entry(client) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let own = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
                let (up, down) = (Post::open(&link.up, &mut tasks), Post::open(&link.down, &mut tasks));
                tasks.spawn(answers(Arc::clone(&own), Arc::clone(&socket), client, down));
                link.counters.clients.fetch_add(1, Ordering::Relaxed);
                new.insert((own, up))
            }
        };
        up.send((datagram[..length].to_vec(), Arc::clone(own), link.target));
    }
}

/// Takes what the target sends to one client.
async fn answers(own: Arc<UdpSocket>, socket: Arc<UdpSocket>, client: SocketAddr, post: Post) {
    let mut datagram = vec![0; LONGEST];
    loop {
        // An error says that the target does not listen at the moment; it may again.
        let Ok((length, _)) = own.recv_from(&mut datagram).await else { continue };
        post.send((datagram[..length].to_vec(), Arc::clone(&socket), client));
    }
}
