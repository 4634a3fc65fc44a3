//! What can be asked, and where.
//!
//! | call | key | answer |
//! |---|---|---|
//! | `GET /health` | no | `{"status": "ok"}` as long as the process answers |
//! | `GET /v1/status` | yes | [`Status`] |

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use pulse_wire::{Status, StudioStatus};
use serde::Serialize;
use tokio::{sync::watch, time::Instant};
use tower_http::limit::RequestBodyLimitLayer;

use crate::{KeyHash, auth::require_key, problem::as_problems};

/// The largest body a request may have, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// What the control plane knows.
#[derive(Debug)]
pub struct Control {
    pub(crate) key: KeyHash,
    version: &'static str,
    started: Instant,
    studio: Option<watch::Receiver<StudioStatus>>,
}

impl Control {
    /// A control plane that lets in whoever has the key. `version` is the application's; `studio` is where the studio says how
    /// it goes, if one runs here.
    pub fn new(version: &'static str, key: KeyHash, studio: Option<watch::Receiver<StudioStatus>>) -> Self {
        Self { key, version, started: Instant::now(), studio }
    }
}

/// All routes.
pub fn router(control: Control) -> Router {
    let control = Arc::new(control);
    let v1 = Router::new()
        .route("/status", get(status))
        .fallback(async || axum::http::StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(Arc::clone(&control), require_key));
    Router::new()
        .route("/health", get(health))
        .nest("/v1", v1)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(from_fn(as_problems))
        .with_state(control)
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

async fn status(State(control): State<Arc<Control>>) -> Json<Status> {
    Json(Status {
        version: control.version.to_owned(),
        uptime: control.started.elapsed().as_secs_f64(),
        studio: control.studio.as_ref().map(|studio| studio.borrow().clone()),
    })
}
