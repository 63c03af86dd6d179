//! Why a page is not shown. The door makes a page of it.
use crate::words::encoded;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use contracts::CallError;
use std::borrow::Cow;

/// What a handler answers.
pub type Shown = Result<Response, Stop>;

/// Why a page is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// There is no such page, or none for whoever looks.
    NotFound,
    /// Somebody has to be logged in, and then goes to this path.
    LogIn(String),
    /// The page is for others than whoever looks, who is known.
    Forbidden,
    /// What was sent cannot be done, for this reason.
    Refused(StatusCode, Cow<'static, str>),
    /// A service did not answer, and nothing was done.
    Unavailable,
    /// It is not known whether it was done.
    Unknown,
    /// Our own fault.
    Broken,
}

impl Stop {
    /// 400, with a sentence that says why.
    pub fn bad(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, why.into())
    }
    /// 409, with a sentence that says why.
    pub fn conflict(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(StatusCode::CONFLICT, why.into())
    }
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::LogIn(_) => StatusCode::SEE_OTHER,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Refused(status, _) => *status,
            Self::Unavailable | Self::Unknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        if let Self::LogIn(next) = &self {
            return Redirect::to(&format!("/login?next={}", encoded(next))).into_response();
        }
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Headline and sentence for what went wrong.
pub fn words(status: StatusCode, stop: Option<&Stop>) -> (&'static str, Cow<'static, str>) {
    let text = match stop {
        Some(Stop::Refused(_, why)) => why.clone(),
        Some(Stop::Forbidden) => "Your account has no key to this door.".into(),
        Some(Stop::Unknown) => {
            "We do not know whether it was done. Look before you try again.".into()
        }
        _ => match status {
            StatusCode::NOT_FOUND => {
                "The address may be mistyped, or the book was taken off the shelves."
            }
            StatusCode::METHOD_NOT_ALLOWED => "That is not how this page is used.",
            StatusCode::PAYLOAD_TOO_LARGE => "What was sent is too long.",
            status if status.is_client_error() => "What was sent cannot be read.",
            StatusCode::SERVICE_UNAVAILABLE => {
                "A part of the shop does not answer. Nothing was changed; try again in a moment."
            }
            _ => "It is our fault, and we have a note of it. Try again in a moment.",
        }
        .into(),
    };
    let title = match status {
        StatusCode::NOT_FOUND => "This page is missing, like the end of Edwin Drood",
        StatusCode::FORBIDDEN if matches!(stop, Some(Stop::Forbidden)) => "For others' eyes only",
        StatusCode::FORBIDDEN => "This was not sent from here",
        StatusCode::CONFLICT => "That cannot be done now",
        status if status.is_client_error() => "That did not work",
        StatusCode::SERVICE_UNAVAILABLE => "We will be right back",
        _ => "Something went wrong on our side",
    };
    (title, text)
}

/// Turns what a call answered into what a page is made of.
pub trait OrStop<T, E> {
    /// The reply, or what `refusal` makes of the domain's no.
    /// # Errors
    /// As said; [`Stop::Unavailable`] and [`Stop::Unknown`] where the call failed.
    fn or_stop(self, refusal: impl FnOnce(E) -> Stop) -> Result<T, Stop>;
    /// The reply, or the domain's no.
    /// # Errors
    /// [`Stop::Unavailable`] and [`Stop::Unknown`] where the call failed.
    fn refusal(self) -> Result<Result<T, E>, Stop>;
}

impl<T, E> OrStop<T, E> for Result<T, CallError<E>> {
    fn or_stop(self, refusal: impl FnOnce(E) -> Stop) -> Result<T, Stop> {
        self.refusal()?.map_err(refusal)
    }
    fn refusal(self) -> Result<Result<T, E>, Stop> {
        match self {
            Ok(reply) => Ok(Ok(reply)),
            Err(CallError::Refused(refused)) => Ok(Err(refused)),
            Err(CallError::NotDone(why)) => {
                tracing::warn!(%why, "a call was not done");
                Err(Stop::Unavailable)
            }
            Err(CallError::Unknown(why)) => {
                tracing::warn!(%why, "the outcome of a call is unknown");
                Err(Stop::Unknown)
            }
        }
    }
}
