//! Errors of the HTTP API.

use crate::desktops::BrokerError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oriel_auth::AuthError;
use oriel_host::DesktopError;
use serde_json::json;
use std::time::Duration;

/// Error of the HTTP API: a status, a code for programs, and a sentence for the user.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    text: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// Makes an error.
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), retry_after: None }
    }

    /// Returns error 400: the request is not valid.
    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", text)
    }

    /// Returns error 401: the request has no valid session.
    pub fn login_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login_required", "Log in first.")
    }

    /// Returns error 401: name or password is wrong.
    pub fn login_failed() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login_failed", "That name and password do not fit together.")
    }

    /// Returns error 403: the caller lacks the right.
    pub fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", text)
    }

    /// Returns error 404, also for an object that the caller may not see.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    /// Returns whether the request was refused, because the caller lacks the right or may not see the object.
    pub fn is_refusal(&self) -> bool {
        matches!(self.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
    }

    /// Returns error 405: the path does not have the method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "bad_request", "This address does not do that.")
    }

    /// Returns error 429: too many attempts failed. `wait` becomes `Retry-After`.
    pub fn slow_down(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil() as u64;
        Self {
            retry_after: Some(wait),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "slow_down",
                format!("Too many failed attempts; try again in {seconds} seconds."),
            )
        }
    }

    /// Returns error 429: the user acts too often. `wait` becomes `Retry-After`.
    pub fn too_many_actions(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil() as u64;
        Self {
            retry_after: Some(wait),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "slow_down",
                format!("Too many actions in a short time; try again in {seconds} seconds."),
            )
        }
    }

    /// Returns error 503: the server cannot execute the request now.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text)
    }

    /// Returns error 503: the action was refused, because the audit log cannot record it. The reason is
    /// logged.
    pub fn not_recorded(error: AuthError) -> Self {
        tracing::error!(%error, "an action was refused, because it could not be recorded");
        Self::unavailable("The server cannot record this now, and so it was not done; tell an administrator.")
    }

    /// Returns error 500, and logs the reason, which is not sent.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server failed; an administrator finds the reason in its log.",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": { "code": self.code, "text": self.text } }));
        let mut response = (self.status, body).into_response();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil() as u64;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(error)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Busy => {
                Self::unavailable("Too many users are logging in at this moment; try again in a few seconds.")
            }
            AuthError::BadPassword(rule) | AuthError::BadName(rule) => Self::bad_request(rule),
            other => Self::internal(other),
        }
    }
}

impl From<BrokerError> for ApiError {
    fn from(error: BrokerError) -> Self {
        let text = error.to_string();
        match error {
            BrokerError::Host(DesktopError::Unavailable(_)) => Self::unavailable(text),
            BrokerError::Host(DesktopError::NoRoom(_)) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", text)
            }
            BrokerError::Host(
                DesktopError::Conflict(_)
                | DesktopError::Unknown(_)
                | DesktopError::StaleEpoch { .. }
                | DesktopError::OtherDisk(_),
            ) => Self::new(StatusCode::CONFLICT, "conflict", text),
            BrokerError::Host(DesktopError::Internal(_)) | BrokerError::Database(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
            }
        }
    }
}
