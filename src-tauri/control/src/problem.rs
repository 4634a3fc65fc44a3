//! Errors as HTTP tells them: problem documents (RFC 9457) with the codes of [`ErrorCode`].

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
};
use pulse_wire::{Blame, ErrorCode, Fault};
use serde::Serialize;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A failed request. The status follows from the code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Problem(#[from] Fault);

/// RFC 9457's members; the type is always the same, for the code says it all.
#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: ErrorCode,
    detail: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
}

impl Problem {
    /// What failed and, in the code's hint, what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Fault::new(code, message))
    }

    /// The status that goes with the code.
    pub fn status(&self) -> StatusCode {
        match self.0.code {
            ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
            ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            other => match other.blame() {
                Blame::User => StatusCode::UNPROCESSABLE_ENTITY,
                Blame::Destination => StatusCode::BAD_GATEWAY,
                Blame::Machine => StatusCode::SERVICE_UNAVAILABLE,
                Blame::Bug => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let document = Document {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            code: self.0.code,
            detail: self.0.message,
            hint: &self.0.hint,
        };
        (status, [(CONTENT_TYPE, PROBLEM_JSON)], Json(document)).into_response()
    }
}

/// Turns what axum and its layers refuse by themselves into problem documents; their other headers (`Allow`) stay.
pub(crate) async fn as_problems(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let (status, told) = (response.status(), response.headers().get(CONTENT_TYPE) == Some(&PROBLEM_JSON));
    if told || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::new(ErrorCode::NotFound, format!("there is nothing at {path}")),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(ErrorCode::MethodNotAllowed, format!("{method} is not possible at {path}"))
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(ErrorCode::BodyTooLarge, format!("the body has more than {} bytes", crate::MAX_BODY))
        }
        _ if status.is_client_error() => {
            Problem::new(ErrorCode::BadRequest, format!("{method} {path} was refused with status {status}"))
        }
        _ => Problem::new(ErrorCode::Internal, format!("{method} {path} failed")),
    };
    let mut told = problem.into_response();
    for (name, value) in response.headers() {
        if !told.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
            told.headers_mut().append(name, value.clone());
        }
    }
    told
}
