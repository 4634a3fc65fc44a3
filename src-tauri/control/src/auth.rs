//! Who may ask: whoever sends the key in `X-Pulse-Key`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header::WWW_AUTHENTICATE},
    middleware::Next,
    response::{IntoResponse, Response},
};
use pulse_wire::ErrorCode;

use crate::{Control, Problem};

const HEADER: &str = "x-pulse-key";

/// Lets a request with the key pass.
pub(crate) async fn require_key(State(control): State<Arc<Control>>, request: Request, next: Next) -> Response {
    let message = match request.headers().get(HEADER) {
        Some(presented) if control.key.accepts(presented.as_bytes()) => return next.run(request).await,
        Some(_) => "the key in X-Pulse-Key is not known here",
        None => "the header X-Pulse-Key is missing",
    };
    let mut response = Problem::new(ErrorCode::Unauthorized, message).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("X-Pulse-Key"));
    response
}
