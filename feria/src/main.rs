//! The command. All of it is in the library, so that tests and the simulation can use it.
use std::process::ExitCode;

/// The system's allocator keeps an arena for each of many threads: after an hour of selling the
/// store would weigh three times as much.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    feria::cli::run(std::env::args_os())
}
