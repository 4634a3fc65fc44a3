//! Serving until told to stop.

use std::{future::Future, io, time::Duration};

use tokio::{sync::oneshot, time::sleep};

use crate::{Control, Listener, router};

/// How long requests that are under way have to end once the server is told to stop.
pub const GRACE: Duration = Duration::from_secs(2);

/// Serves until `shutdown` completes; then takes no more connections, lets requests end, and returns within [`GRACE`] whatever
/// clients do.
///
/// # Errors
/// The listener fails for good.
pub async fn serve(
    listener: Listener,
    control: Control,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (tell, told) = oneshot::channel::<()>();
    let server = axum::serve(listener.into_tcp(), router(control)).with_graceful_shutdown(async move {
        shutdown.await;
        drop(tell);
    });
    let patience = async {
        told.await.ok();
        sleep(GRACE).await;
    };
    tokio::select! {
        served = server.into_future() => served,
        () = patience => Ok(()),
    }
}
