//! One `feria serve` to a data folder: its databases have one writer, its search index too.
use crate::Failure;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Held while the store serves; the system lets it go when the process ends, however it ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock lives as long as the file")] File);

impl Lock {
    /// Takes the lock of the data folder.
    pub(crate) fn take(data: &Path) -> Result<Self, Failure> {
        let file = File::options().create(true).append(true).open(data.join("feria.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Failure::input(format!(
                "another feria serve runs on {}: stop it, or name another folder with --data",
                data.display()
            ))),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
