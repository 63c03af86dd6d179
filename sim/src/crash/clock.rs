//! A clock that jumps forward and backward by an hour while the store sells: `moved.c`, preloaded.
use super::{Launch, Outcome, endless, finish, prepare};
use crate::story::place::Place;
use crate::story::{Insist, Story, Wrong};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const LIBRARY: &str = include_str!("moved.c");
/// Seconds beside the system's time.
const NOW: &str = "0";
const IN_AN_HOUR: &str = "3600";

/// Moves the store's clock an hour forward, back, and forward again, and kills the store in
/// between.
/// # Errors
/// When there is no C compiler, and when the store does not start, answers what it should not, or
/// does not come to rest.
pub async fn run(feria: &Path, place: &Place, shoppers: u32, seed: u64) -> Result<Outcome, Wrong> {
    prepare(place).await?;
    let (time, next) = (place.folder().join("time"), place.folder().join("time.next"));
    let set = |offset: &str| {
        std::fs::write(&next, offset)
            .and_then(|()| std::fs::rename(&next, &time))
            .map_err(|error| Wrong::when("set the clock", error))
    };
    set(NOW)?;
    let environment = vec![
        ("LD_PRELOAD", compile(place.folder()).await?.into_os_string()),
        ("MOVED_CLOCK", time.clone().into_os_string()),
    ];
    let launch = Launch::new(feria, place, place.folder().join("log"), environment)?;
    let mut child = launch.start().await?;
    let plan = endless(shoppers, seed, Insist::IfLost);
    let mut story = Story::begin(&[launch.url()], plan).await?;
    story.until(20).await?;
    for offset in [IN_AN_HOUR, NOW, IN_AN_HOUR, NOW, IN_AN_HOUR] {
        set(offset)?;
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

/// The library that moves the clock, built into `folder`.
async fn compile(folder: &Path) -> Result<PathBuf, Wrong> {
    let library = folder.join("moved.so");
    let wrong = |error| Wrong::when("build the library that moves the clock", error);
    let mut compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-x", "c", "-", "-o"])
        .arg(&library)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(wrong)?;
    if let Some(mut input) = compiler.stdin.take() {
        input.write_all(LIBRARY.as_bytes()).await.map_err(wrong)?;
    }
    let status = compiler.wait().await.map_err(wrong)?;
    if status.success() { Ok(library) } else { Err(Wrong(format!("cc ended with {status}"))) }
}
