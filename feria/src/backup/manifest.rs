//! What a backup holds, so that a copy that lost a byte is noticed before it is restored.
use crate::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

const NAME: &str = "manifest.json";

/// The files of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of Feria that made it.
    feria: String,
    files: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Entry {
    fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let mut file = File::open(folder.join(name))?;
        let mut hash = Sha256::new();
        let (mut bytes, mut part) = (0, vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut part)?;
            if read == 0 {
                break;
            }
            hash.update(&part[..read]);
            bytes += read as u64;
        }
        Ok(Self { name: name.to_owned(), bytes, sha256: hex::encode(hash.finalize()) })
    }
}

impl Manifest {
    /// Of the files that are in `folder`.
    pub fn of(folder: &Path) -> Result<Self, Failure> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        let files: io::Result<Vec<Entry>> =
            names.iter().map(|name| Entry::of(folder, name)).collect();
        Ok(Self { feria: env!("CARGO_PKG_VERSION").to_owned(), files: files? })
    }
    /// Writes it into `folder`, and all that is there to the disk.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from)?;
        fs::write(folder.join(NAME), text + "\n")?;
        for name in self.files.iter().map(|entry| &*entry.name).chain([NAME]) {
            File::open(folder.join(name))?.sync_all()?;
        }
        Ok(File::open(folder)?.sync_all()?)
    }
    /// The one in `folder`.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(folder.join(NAME)).map_err(|error| {
            Failure::input(format!("{} holds no backup: {NAME}: {error}", folder.display()))
        })?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::input(format!("{NAME} in {} cannot be read: {error}", folder.display()))
        })
    }
    /// Whether each file is what it was.
    pub fn check(&self, folder: &Path) -> Result<(), Failure> {
        for entry in &self.files {
            let whole = Entry::of(folder, &entry.name).is_ok_and(|found| found == *entry);
            let plain = Path::new(&entry.name).file_name().is_some_and(|name| name == &*entry.name);
            if !whole || !plain {
                let (name, folder) = (&entry.name, folder.display());
                return Err(Failure::input(format!(
                    "{name} in {folder} is not what was backed up: take another copy"
                )));
            }
        }
        Ok(())
    }
    /// What it holds, for people.
    pub fn said(&self) -> String {
        let bytes: u64 = self.files.iter().map(|entry| entry.bytes).sum();
        format!("{} files ({} KiB)", self.files.len(), bytes.div_ceil(1024))
    }
}
