//! The kit under a toy: two services that count, on the engine under test.
mod idempotency;
mod news;
mod tables;
mod toy;
mod waves;
