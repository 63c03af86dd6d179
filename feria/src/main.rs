//! The command. All of it is in the library, so that tests and the simulation can use it.
use std::process::ExitCode;

fn main() -> ExitCode {
    feria::cli::run(std::env::args_os())
}
