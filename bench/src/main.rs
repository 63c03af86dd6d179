//! The command. All of it is in the library, so that the tests can use it.
use std::process::ExitCode;

/// As the store has it: the bare server and the raw SQL are not to lose by their allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    bench::cli::run(std::env::args_os())
}
