//! Feeds [`fuzz::imports`] with whatever libFuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::imports(bytes));
