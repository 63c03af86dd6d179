//! How a command ends when it does not end well.
use kit::Unexpected;
use kit::config::ConfigError;
use std::error::Error as _;
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for cannot be done: one sentence about what to change.
    #[error("{0}")]
    Input(String),
    /// Our fault, or the machine's.
    #[error("{}", told(.0))]
    Fault(Unexpected),
}

impl Failure {
    /// What was asked for cannot be done.
    pub fn input(sentence: impl Into<String>) -> Self {
        Self::Input(sentence.into())
    }
    /// 2 when the one who asked can mend it, else 1.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Fault(_) => ExitCode::from(1),
        }
    }
}

/// The error and its causes. Some libraries repeat their cause in their own words: not said twice.
fn told(error: &Unexpected) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        next = cause.source();
    }
    words
}

impl From<Unexpected> for Failure {
    fn from(error: Unexpected) -> Self {
        Self::Fault(error)
    }
}
impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Input(error.to_string())
    }
}
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Fault(error.into())
    }
}
