//! A clock that jumps forward and backward by an hour while the store sells: libfaketime.
use super::{Launch, Outcome, endless, finish, prepare};
use crate::story::place::Place;
use crate::story::{Insist, Story, Wrong};
use std::path::Path;
use std::time::Duration;

/// Longer than the library takes to notice another time.
const NOTICED: Duration = Duration::from_secs(2);
const NOW: &str = "+0";
const IN_AN_HOUR: &str = "+3600";

/// Moves the store's clock an hour forward, back, and forward again, and kills the store in
/// between; `library` is libfaketime's.
/// # Errors
/// When the store does not start, answers what it should not, or does not come to rest.
pub async fn run(
    feria: &Path,
    place: &Place,
    library: &Path,
    shoppers: u32,
    seed: u64,
) -> Result<Outcome, Wrong> {
    if !library.is_file() {
        return Err(Wrong(format!("{} is missing: apt-get install faketime", library.display())));
    }
    prepare(place).await?;
    let time = place.folder().join("time");
    let set = |offset: &str| {
        std::fs::write(&time, offset).map_err(|error| Wrong::when("set the clock", error))
    };
    set(NOW)?;
    let environment = vec![
        ("LD_PRELOAD", library.into()),
        ("FAKETIME_TIMESTAMP_FILE", time.clone().into_os_string()),
        ("FAKETIME_CACHE_DURATION", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ];
    let launch = Launch::new(feria, place, place.folder().join("log"), environment)?;
    let mut child = launch.start().await?;
    let plan = endless(shoppers, seed, Insist::IfLost);
    let mut story = Story::begin(&[launch.url()], plan).await?;
    story.until(20).await?;
    for offset in [IN_AN_HOUR, NOW, IN_AN_HOUR, NOW, IN_AN_HOUR] {
        set(offset)?;
        tokio::time::sleep(NOTICED).await;
        let sold = story.told().notes().orders();
        story.until(sold + 20).await?;
        // What it wrote before the jump must not keep it from going on.
        child.kill().await?;
        child = launch.start().await?;
        let sold = story.told().notes().orders();
        story.until(sold + 20).await?;
    }
    // At last the hour has passed for everything.
    finish(&launch, child, story, place).await
}
