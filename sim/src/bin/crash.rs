//! Does to the real store what happens to real stores, and looks at what is left.
use clap::{Parser, ValueEnum};
use sim::crash::disk::Disk;
use sim::crash::kills::Kills;
use sim::crash::{Outcome, clock, disk, feria_beside, kills};
use sim::story::Wrong;
use sim::story::place::Place;
use std::path::PathBuf;
use std::process::ExitCode;

/// Kills the real store while it sells, fills its disk, or moves its clock; then reads its books.
#[derive(Parser)]
struct Args {
    /// What is done to it.
    #[arg(long, value_enum, default_value = "kills")]
    what: What,
    /// How often it is killed.
    #[arg(long, default_value_t = 30)]
    times: u32,
    /// How many shoppers order all the time.
    #[arg(long, default_value_t = 8)]
    shoppers: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The store's program [default: feria beside this one]
    #[arg(long)]
    feria: Option<PathBuf>,
    /// A PostgreSQL server, in place of SQLite: a database is made there, and deleted.
    #[arg(long)]
    postgres: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// kill -9 at random moments.
    Kills,
    /// A small file system is filled (as root only).
    Disk,
    /// No file may be written for a while.
    Limit,
    /// The clock jumps an hour forward and back.
    Clock,
}

async fn run(args: &Args) -> Result<Outcome, Wrong> {
    let program = std::env::current_exe().map_err(|error| Wrong(error.to_string()))?;
    let feria = args.feria.clone().map_or_else(|| feria_beside(&program), Ok)?;
    let place = Place::on(args.postgres.clone()).await?;
    let (times, shoppers, seed) = (args.times, args.shoppers, args.seed);
    let outcome = match args.what {
        What::Kills => kills::run(&feria, &place, Kills { times, shoppers, seed }).await,
        What::Disk => disk::run(&feria, &place, Disk::Small, shoppers, seed).await,
        What::Limit => disk::run(&feria, &place, Disk::Limit, shoppers, seed).await,
        What::Clock => clock::run(&feria, &place, shoppers, seed).await,
    };
    match outcome {
        Ok(outcome) if outcome.wrong.is_empty() => {
            place.delete().await?;
            Ok(outcome)
        }
        // What is left is to be looked at.
        other => {
            place.keep();
            other
        }
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what this program is for")]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(outcome) => {
            println!("{outcome}");
            if outcome.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(wrong) => {
            println!("WRONG {wrong}");
            ExitCode::FAILURE
        }
    }
}
