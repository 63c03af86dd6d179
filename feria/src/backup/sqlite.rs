//! Copies of SQLite files that fit each other. See [`super`] for why they do.
use crate::Failure;
use kit::Unexpected;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a writer of the store may keep the backup waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// Copies `files` into `to`, all as of one instant.
pub async fn copy(files: &[(&'static str, PathBuf)], to: &Path) -> Result<(), Failure> {
    if let Some((name, file)) = files.iter().find(|(_, file)| !file.exists()) {
        let file = file.display();
        return Err(Failure::input(format!("there is no store: {name} has no database at {file}")));
    }
    let (files, to) = (files.to_vec(), to.to_owned());
    // It waits for writers and disks.
    let copied = tokio::task::spawn_blocking(move || copy_all(&files, &to)).await;
    copied.map_err(Unexpected::from_error)?
}

fn copy_all(files: &[(&'static str, PathBuf)], to: &Path) -> Result<(), Failure> {
    let connect_all = || files.iter().map(|(_, file)| connect(file)).collect::<Result<Vec<_>, _>>();
    let (writers, readers) = (connect_all()?, connect_all()?);
    for writer in &writers {
        writer.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    }
    // From here nothing commits, in no database.
    let held = hold(files, to, &readers);
    for writer in &writers {
        writer.execute_batch("ROLLBACK").map_err(failed)?;
    }
    held?;
    for (name, file) in files {
        fs::copy(file, to.join(copy_name(name)))?;
    }
    for reader in &readers {
        reader.execute_batch("COMMIT").map_err(failed)?;
    }
    files.iter().try_for_each(|(name, _)| settle(&to.join(copy_name(name))))
}

/// Begins a read on each database, and copies its log.
fn hold(
    files: &[(&'static str, PathBuf)],
    to: &Path,
    readers: &[Connection],
) -> Result<(), Failure> {
    for reader in readers {
        // A read begins with the first thing that is read.
        let begin = "BEGIN; SELECT count(*) FROM sqlite_schema;";
        reader.execute_batch(begin).map_err(failed)?;
    }
    for (name, file) in files {
        let log = with_suffix(file, "-wal");
        let copy = with_suffix(&to.join(copy_name(name)), "-wal");
        match fs::copy(log, copy) {
            Ok(_) => {}
            // All of it is in the file.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the log into the copied file, and looks whether it is whole.
fn settle(copy: &Path) -> Result<(), Failure> {
    let connection = connect(copy)?;
    let settle = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(settle, (), |_| Ok(())).map_err(failed)?;
    let check = "PRAGMA integrity_check(1)";
    let said: String = connection.query_row(check, (), |row| row.get(0)).map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    if said != "ok" {
        let copy = copy.display();
        return Err(Unexpected::new(format!("the copy {copy} is not whole: {said}")).into());
    }
    Ok(())
}

/// Puts the copies in `folder` where `files` are to be, of which none may be there.
pub fn put_back(files: &[(&'static str, PathBuf)], folder: &Path) -> Result<(), Failure> {
    if let Some((_, file)) = files.iter().find(|(_, file)| file.exists()) {
        let file = file.display();
        return Err(Failure::input(format!(
            "{file} exists: a backup is restored into a data folder without databases"
        )));
    }
    for (name, file) in files {
        let copy = folder.join(copy_name(name));
        if !copy.exists() {
            let folder = folder.display();
            return Err(Failure::input(format!("{folder} holds no database of {name}")));
        }
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        // Whole before it has its name: who is interrupted restores again.
        let partial = with_suffix(file, ".partial");
        fs::copy(&copy, &partial)?;
        fs::File::open(&partial)?.sync_all()?;
    }
    for (_, file) in files {
        fs::rename(with_suffix(file, ".partial"), file)?;
    }
    Ok(())
}

fn copy_name(service: &str) -> String {
    format!("{service}.db")
}
fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn connect(file: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = connection.map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    Ok(connection)
}

fn failed(error: rusqlite::Error) -> Failure {
    Unexpected::from_error(error).context("copy the databases").into()
}
