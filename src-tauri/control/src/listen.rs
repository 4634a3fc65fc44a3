//! Where the control plane listens. Plain HTTP shows the key to the network, so it stays on this machine.

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A port on loopback, taken.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can be reached from elsewhere.
    #[error(
        "plain HTTP is not served on {0}, for others could read the key: listen on 127.0.0.1:{port} and come in through an \
         SSH tunnel or a TLS proxy on this machine",
        port = .0.port()
    )]
    NotLoopback(SocketAddr),
    /// The system refuses.
    #[error("{address} cannot be listened on ({cause}): choose another port, or 0 for any free one")]
    Taken {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
}

impl Listener {
    /// Takes a port; 0 takes any that is free.
    ///
    /// # Errors
    /// The address is not loopback, or cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        let taken = |cause| ListenError::Taken { address, cause };
        let tcp = TcpListener::bind(address).await.map_err(taken)?;
        let address = tcp.local_addr().map_err(taken)?;
        Ok(Self { tcp, address })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How clients call it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn into_tcp(self) -> TcpListener {
        self.tcp
    }
}
