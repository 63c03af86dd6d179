//! Runs many seeds, or one with its trace.
use clap::Parser;
use sim::Simulation;
use sim::scheduler::Script;
use std::process::ExitCode;

/// The seeded simulation of the checkout.
#[derive(Parser)]
struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Ends with the first seed that fails.
    #[arg(long)]
    stop: bool,
    /// Prints what happened, step by step.
    #[arg(long)]
    trace: bool,
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn main() -> ExitCode {
    let args = Args::parse();
    let simulation = match Simulation::new() {
        Ok(simulation) => simulation,
        Err(stuck) => {
            println!("cannot start: {}", stuck.0);
            return ExitCode::FAILURE;
        }
    };
    let (mut ran, mut failed) = (0_u64, 0);
    for seed in args.from..args.from + args.seeds {
        let (trace, violations) = match simulation.run(seed, Script::of(seed)) {
            Ok(report) => (report.trace, report.violations),
            Err(stuck) => (Vec::new(), vec![stuck.0]),
        };
        ran += 1;
        if args.trace {
            trace.iter().for_each(|line| println!("{line}"));
        }
        if !violations.is_empty() {
            failed += 1;
            println!("seed {seed} fails:");
            violations.iter().for_each(|violation| println!("  {violation}"));
            if args.stop {
                break;
            }
        }
    }
    println!("{ran} seeds, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
