//! What an event and a call are, and how a call can end.
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;

/// A fact in the past tense, told by the service that owns the aggregate.
///
/// It carries ids, amounts and opaque tokens, never names or addresses, so that erasing a
/// person reaches everything.
pub trait Event: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static {
    /// The CloudEvents `type`: `<service>.<fact>.v<n>`.
    const NAME: &'static str;
    /// The aggregate's id, the CloudEvents `subject`. Order holds per subject.
    fn subject(&self) -> String;
}

/// A question or a command to another service, answered once.
pub trait Call: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static {
    /// `<service>.<verb>.v<n>`; the first part names the service that answers.
    const NAME: &'static str;
    /// What a call that was done answers.
    type Reply: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static;
    /// Why the domain refuses it ([`NoRefusal`] where it never does).
    type Error: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static;
}

/// The refusal of calls that are never refused: it has no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum NoRefusal {}

impl std::error::Error for NoRefusal {}

impl fmt::Display for NoRefusal {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// How a call ends when it does not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The domain said no, for good: the same call gets the same answer.
    #[error("refused")]
    Refused(E),
    /// Nothing happened: repeat it or give up.
    #[error("not done: {0}")]
    NotDone(String),
    /// It may have happened: repeat it with the same ids, or undo it.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

impl<E> CallError<E> {
    /// The refusal, if the domain refused.
    pub fn refused(self) -> Option<E> {
        match self {
            Self::Refused(error) => Some(error),
            Self::NotDone(_) | Self::Unknown(_) => None,
        }
    }
}

/// Reads a field that may be left out (`None`), `null` (`Some(None)`) or a value: serde alone
/// takes `null` for left out. The field needs `default` and `skip_serializing_if` too.
/// # Errors
/// When the value does not fit.
pub fn left_null_or_set<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

impl CallError<NoRefusal> {
    /// The same error of a call that is never refused, where others may be.
    pub fn never_refused<E>(self) -> CallError<E> {
        match self {
            Self::Refused(never) => match never {},
            Self::NotDone(why) => CallError::NotDone(why),
            Self::Unknown(why) => CallError::Unknown(why),
        }
    }
}

/// Declares [`Event`] for a struct: its name and the field that is its subject.
macro_rules! event {
    ($type:ident, $name:literal, $subject:ident) => {
        impl crate::Event for $type {
            const NAME: &'static str = $name;
            fn subject(&self) -> String {
                self.$subject.to_string()
            }
        }
    };
}
/// Declares [`Call`] for a struct: its name, reply and refusal.
macro_rules! call {
    ($type:ident, $name:literal, $reply:ty, $error:ty) => {
        impl crate::Call for $type {
            const NAME: &'static str = $name;
            type Reply = $reply;
            type Error = $error;
        }
    };
}
pub(crate) use {call, event};
