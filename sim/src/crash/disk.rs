//! A disk without room, and then with room again.
use super::{Child, Launch, Outcome, endless, finish, prepare};
use crate::story::place::Place;
use crate::story::{Insist, Story, Wrong};
use std::ffi::OsStr;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// How large the disk is, in MiB.
const SIZE: &str = "96m";
/// How long there is no room.
const WITHOUT: Duration = Duration::from_secs(4);

/// How the disk gets full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// A small file system of its own, filled to the last byte (only root can make one).
    Small,
    /// No file may be written: `prlimit`.
    Limit,
}

/// Takes the room away while the store sells, kills it there, and gives it room again.
/// # Errors
/// When the store does not start, answers what it should not, or does not come to rest.
pub async fn run(
    feria: &Path,
    place: &Place,
    disk: Disk,
    shoppers: u32,
    seed: u64,
) -> Result<Outcome, Wrong> {
    if disk == Disk::Limit {
        return sell(feria, place, disk, shoppers, seed).await;
    }
    let data = place.folder().join("data");
    let mounted = Mounted::at(&data).await?;
    let outcome = sell(feria, place, disk, shoppers, seed).await;
    if !outcome.as_ref().is_ok_and(|outcome| outcome.wrong.is_empty()) {
        let kept = place.folder().join("kept");
        run_command("cp", [OsStr::new("-a"), data.as_os_str(), kept.as_os_str()]).await?;
    }
    mounted.away().await?;
    outcome
}

async fn sell(
    feria: &Path,
    place: &Place,
    disk: Disk,
    shoppers: u32,
    seed: u64,
) -> Result<Outcome, Wrong> {
    let data = place.folder().join("data");
    prepare(place).await?;
    // The log is on the full disk, too.
    let launch = Launch::new(feria, place, data.join("log"), Vec::new())?;
    let mut child = launch.start().await?;
    let plan = endless(shoppers, seed, Insist::IfFailed);
    let mut story = Story::begin(&[launch.url()], plan).await?;
    for round in 0..3 {
        let sold = story.told().notes().orders();
        story.until(sold + 15).await?;
        let ballast = data.join("ballast");
        take_room(disk, &child, &ballast).await?;
        tokio::time::sleep(WITHOUT).await;
        story.look()?;
        for path in ["/healthz", "/v1/products?per_page=5"] {
            let status = launch.status(path).await;
            if status != Some(200) {
                return Err(Wrong(format!("without room, {path} answers {status:?}")));
            }
        }
        // The second time, it is killed there, and starts when there is room again.
        if round == 1 {
            child.kill().await?;
            give_room(disk, None, &ballast).await?;
            child = launch.start().await?;
        } else {
            give_room(disk, Some(&child), &ballast).await?;
        }
    }
    let sold = story.told().notes().orders();
    story.until(sold + 15).await?;
    finish(&launch, child, story, place).await
}

async fn take_room(disk: Disk, child: &Child, ballast: &Path) -> Result<(), Wrong> {
    match disk {
        Disk::Limit => limit(child, "0").await,
        Disk::Small => fill(ballast).map_err(|error| Wrong::when("fill the disk", error)),
    }
}

async fn give_room(disk: Disk, child: Option<&Child>, ballast: &Path) -> Result<(), Wrong> {
    match (disk, child) {
        (Disk::Limit, Some(child)) => limit(child, "unlimited").await,
        // It ended with its process.
        (Disk::Limit, None) => Ok(()),
        (Disk::Small, _) => {
            std::fs::remove_file(ballast).map_err(|error| Wrong::when("empty the disk", error))
        }
    }
}

fn fill(ballast: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create(ballast)?;
    for bytes in [65_536, 4_096, 1] {
        let some = vec![0; bytes];
        loop {
            match file.write(&some) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

async fn limit(child: &Child, bytes: &str) -> Result<(), Wrong> {
    let arguments = [format!("--pid={}", child.id()?), format!("--fsize={bytes}:")];
    run_command("prlimit", arguments).await
}

async fn run_command(
    program: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<(), Wrong> {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.map_err(|error| Wrong::when(program, error))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Wrong::when(program, String::from_utf8_lossy(&output.stderr))),
    }
}

/// A file system of its own, until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    async fn at(folder: &Path) -> Result<Self, Wrong> {
        std::fs::create_dir_all(folder).map_err(|error| Wrong::when("make a folder", error))?;
        let size = format!("size={SIZE}");
        let arguments = ["-t", "tmpfs", "-o", &size, "tmpfs"].map(OsStr::new);
        run_command("mount", arguments.into_iter().chain([folder.as_os_str()])).await?;
        Ok(Self(folder.to_owned()))
    }
    async fn away(&self) -> Result<(), Wrong> {
        run_command("umount", [&self.0]).await
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Away already, unless the run ended before its end.
        let _ = std::process::Command::new("umount").arg("-lq").arg(&self.0).output();
    }
}
