//! The routes of identity, and what they share: how refusals are told.
mod addresses;
mod auth;
mod me;
mod staff;

use crate::Identity;
use ::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::identity::{LinkRefused, MeRefused};
use kit::problem::Problem;
use serde::Serialize;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// All routes.
pub fn routes(service: Arc<Identity>) -> OpenApiRouter {
    auth::routes()
        .merge(me::routes())
        .merge(addresses::routes())
        .merge(staff::routes())
        .with_state(service)
}

/// An answer that nobody on the way may keep.
fn unkept(status: StatusCode, answer: impl Serialize) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, axum::Json(answer)).into_response()
}

/// A refusal in words, as a sentence.
fn sentence(refused: &impl std::fmt::Display) -> String {
    let words = refused.to_string();
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Why a link did nothing.
fn link_refused(refused: LinkRefused) -> Problem {
    match refused {
        LinkRefused::InvalidLink => {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_link", sentence(&refused))
        }
        LinkRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    }
}

/// Why one's own account was not shown or changed.
fn me_refused(refused: MeRefused) -> Problem {
    match refused {
        MeRefused::NotLoggedIn => Problem::unauthorized(),
        MeRefused::WrongPassword => {
            Problem::new(StatusCode::FORBIDDEN, "wrong_password", sentence(&refused))
        }
        MeRefused::NotFound => Problem::not_found(),
        MeRefused::LastAdmin => Problem::conflict("last_admin", sentence(&refused)),
        MeRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    }
}
