//! Forms that browsers send, and what was wrong with them.
use crate::Shop;
use crate::stop::Stop;
use axum::Form;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use contracts::orders::Idempotency;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A form. Its fields are texts, so that whatever was typed can be shown again; only what is no
/// form at all is refused here.
pub struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Stop;

    async fn from_request(request: Request, state: &S) -> Result<Self, Stop> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
        if !kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded")) {
            let why = "Only the forms of this shop can be sent to it.";
            return Err(Stop::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, why.into()));
        }
        let whole = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(whole, state).await.map_err(|rejection| {
            Stop::Refused(rejection.status(), "What was sent is too long.".into())
        })?;
        // No field of ours has it, and no database takes it.
        if bytes.contains(&0) || bytes.windows(3).any(|three| three == b"%00") {
            return Err(Stop::bad("What was sent has a character in it that no text has."));
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        let Form(form) = Form::from_request(request, state)
            .await
            .map_err(|_| Stop::bad("The form cannot be read. Go back, and send it again."))?;
        Ok(Self(form))
    }
}

/// What is wrong with the fields of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<(String, String)>);

impl Faults {
    /// One fault.
    pub fn one(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self(vec![(field.into(), reason.into())])
    }
    /// Adds one; the first of a field counts.
    pub fn add(&mut self, field: &str, reason: impl Into<String>) {
        if self.of(field).is_none() {
            self.0.push((field.to_owned(), reason.into()));
        }
    }
    /// What was read; else what is wrong with it is added.
    pub fn take<T>(&mut self, read: Result<T, Self>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(Self(wrong)) => {
                wrong.into_iter().for_each(|(field, reason)| self.add(&field, reason));
                None
            }
        }
    }
    /// Whether nothing is wrong.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// What is wrong with `field`.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(faulty, _)| faulty == field).map(|(_, reason)| reason.as_str())
    }
}

impl Shop {
    /// The name of one attempt, for a form that is shown: sent twice, it is done once.
    pub(crate) fn key(&self) -> String {
        self.sources.token()
    }
    /// The attempt of a form that was sent, by what its fields say. A key that no form of ours
    /// has makes an attempt of its own.
    pub(crate) fn attempt(&self, key: &str, form: &impl Serialize) -> Idempotency {
        let fits =
            (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = if fits { key.to_owned() } else { self.key() };
        let body = serde_json::to_value(form).unwrap_or_default();
        Idempotency { key, body: kit::input::canonical_hash(&body) }
    }
}

/// The cards of the sandbox, with what they do.
pub const CARDS: [(&str, &str); 5] = [
    ("tok_visa", "Visa that pays"),
    ("tok_chargeDeclined", "Card that is declined"),
    ("tok_insufficientFunds", "Card without enough money"),
    ("tok_threeDSecure", "Card that asks you to confirm"),
    ("tok_timeout", "Card that answers late"),
];
