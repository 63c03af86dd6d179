//! `kill -9` at random moments, and a start on the same data.
use super::{Launch, Outcome, endless, finish, prepare};
use crate::story::place::Place;
use crate::story::{Insist, Story, Wrong};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::time::Duration;

/// When a store is killed after it is ready, in milliseconds.
const MOMENTS: std::ops::RangeInclusive<u64> = 50..=3_000;

/// What a run is like.
#[derive(Clone, Copy, Debug)]
pub struct Kills {
    /// How often the store is killed.
    pub times: u32,
    /// How many shoppers order all the time.
    pub shoppers: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// Kills the store again and again, and reads the books at the end.
/// # Errors
/// When the store does not start, answers what it should not, or does not come to rest.
pub async fn run(feria: &Path, place: &Place, kills: Kills) -> Result<Outcome, Wrong> {
    prepare(place).await?;
    let launch = Launch::new(feria, place, place.folder().join("log"), Vec::new())?;
    let mut child = launch.start().await?;
    let plan = endless(kills.shoppers, kills.seed, Insist::IfLost);
    let mut story = Story::begin(&[launch.url()], plan).await?;
    story.until(1).await?;
    let mut chance = ChaCha8Rng::seed_from_u64(kills.seed);
    for _ in 0..kills.times {
        tokio::time::sleep(Duration::from_millis(chance.random_range(MOMENTS))).await;
        story.look()?;
        child.kill().await?;
        child = launch.start().await?;
    }
    // It sells on.
    let sold = story.told().notes().orders();
    story.until(sold + 5).await?;
    finish(&launch, child, story, place).await
}
