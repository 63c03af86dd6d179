//! Some hundred seeds of the simulation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use sim::Simulation;
use sim::scheduler::Script;
use sim::world::Rates;

/// How many seeds CI runs; `SIM_SEEDS` says another number.
fn seeds() -> u64 {
    std::env::var("SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(300)
}

fn run(script: impl Fn(u64) -> Script, seeds: std::ops::Range<u64>) {
    let simulation = Simulation::new().unwrap();
    for seed in seeds {
        let report = simulation
            .run(seed, script(seed))
            .unwrap_or_else(|stuck| panic!("{seed}: {}", stuck.0));
        assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
    }
}

#[test]
fn every_invariant_holds_whatever_crashes_repeats_or_overtakes() {
    run(Script::of, 0..seeds());
}

#[test]
fn every_invariant_holds_when_nothing_goes_wrong() {
    run(|_| Script { rates: Rates::NONE, ..Script::default() }, 0..40);
}

#[test]
fn many_shoppers_fight_for_the_last_pieces() {
    let script = Script { shoppers: 8, errands: 3, stock: 3, ..Script::default() };
    run(|_| script, 10_000..10_000 + seeds() / 5);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let simulation = Simulation::new().unwrap();
    for seed in [3, 77, 4_711] {
        let run = || simulation.run(seed, Script::of(seed)).unwrap();
        let (first, second) = (run(), run());
        let differs = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
        if let Some(at) = differs {
            let before = at.saturating_sub(3);
            panic!(
                "seed {seed}, step {at}: {:#?} {:#?}",
                &first.trace[before..=at],
                second.trace[at]
            );
        }
        assert_eq!(first.trace.len(), second.trace.len());
        assert!(first.trace.len() > 200, "a run of {} steps proves little", first.trace.len());
    }
}
