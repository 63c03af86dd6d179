//! What parses bytes from outside, fed with anything. A target takes any bytes and panics when a
//! promise is broken; nothing else is looked at.
//!
//! An input is text that people can read: what is to be parsed, below a line that says how. The
//! inputs in `corpus/` go through the targets in every test run, and are where the fuzzers begin
//! (`.ci/long fuzz`).
mod bodies;
#[cfg(feature = "store")]
mod imports;
#[cfg(feature = "store")]
mod requests;
mod tokens;
mod webhooks;

pub use bodies::bodies;
#[cfg(feature = "store")]
pub use imports::imports;
#[cfg(feature = "store")]
pub use requests::requests;
pub use tokens::tokens;
pub use webhooks::webhooks;

use contracts::Timestamp;

/// A target: it returns, whatever the bytes are.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders in `corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("bodies", bodies),
    #[cfg(feature = "store")]
    ("imports", imports),
    #[cfg(feature = "store")]
    ("requests", requests),
    ("tokens", tokens),
    ("webhooks", webhooks),
];

/// The time of all targets: 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// The first line, and what stands below it.
fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            (bytes.get(..end).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default())
        }
        None => (bytes, &[]),
    }
}

/// The first line as text; none where it is not UTF-8.
fn first_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (line, rest) = first_line(bytes);
    std::str::from_utf8(line).ok().map(|line| (line, rest))
}
