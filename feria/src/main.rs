//! feria
fn main() {}
