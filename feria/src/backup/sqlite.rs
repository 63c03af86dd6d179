//! Copies of SQLite files that fit each other. See [`super`] for why they do.
use crate::Failure;
use kit::Unexpected;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
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
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for (_, file) in files {
        writers.push(connect(file).await?);
        readers.push(connect(file).await?);
    }
    let copied = copy_all(files, to, &writers, &readers).await;
    for connection in writers.into_iter().chain(readers) {
        connection.close().await.map_err(failed)?;
    }
    copied?;
    for (name, _) in files {
        settle(&to.join(copy_name(name))).await?;
    }
    Ok(())
}

async fn copy_all(
    files: &[(&'static str, PathBuf)],
    to: &Path,
    writers: &[DatabaseConnection],
    readers: &[DatabaseConnection],
) -> Result<(), Failure> {
    for writer in writers {
        writer.execute_unprepared("BEGIN IMMEDIATE").await.map_err(failed)?;
    }
    // From here nothing commits, in no database.
    let held = hold(files, to, readers).await;
    for writer in writers {
        writer.execute_unprepared("ROLLBACK").await.map_err(failed)?;
    }
    held?;
    for (name, file) in files {
        copy_file(file.clone(), to.join(copy_name(name))).await?;
    }
    for reader in readers {
        reader.execute_unprepared("COMMIT").await.map_err(failed)?;
    }
    Ok(())
}

/// Begins a read on each database, and copies its log.
async fn hold(
    files: &[(&'static str, PathBuf)],
    to: &Path,
    readers: &[DatabaseConnection],
) -> Result<(), Failure> {
    for reader in readers {
        // A read begins with the first thing that is read.
        reader
            .execute_unprepared("BEGIN; SELECT count(*) FROM sqlite_schema;")
            .await
            .map_err(failed)?;
    }
    for (name, file) in files {
        let log = with_suffix(file, "-wal");
        let copy = with_suffix(&to.join(copy_name(name)), "-wal");
        match fs::metadata(&log) {
            Ok(_) => copy_file(log, copy).await?,
            // All of it is in the file.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the log into the copied file, and looks whether it is whole.
async fn settle(copy: &Path) -> Result<(), Failure> {
    let connection = connect(copy).await?;
    connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.map_err(failed)?;
    let row = connection
        .query_one_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Sqlite,
            "PRAGMA integrity_check(1)",
        ))
        .await
        .map_err(failed)?;
    let said: String = match row {
        Some(row) => row.try_get_by_index(0).map_err(failed)?,
        None => String::new(),
    };
    connection.close().await.map_err(failed)?;
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

async fn connect(file: &Path) -> Result<DatabaseConnection, Failure> {
    let file = file.to_owned();
    let mut options = ConnectOptions::new("sqlite:");
    // One connection that stays: a transaction of many statements is on it.
    options
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| options.filename(&file).busy_timeout(PATIENCE));
    Database::connect(options).await.map_err(failed)
}

async fn copy_file(from: PathBuf, to: PathBuf) -> Result<(), Failure> {
    let copied = tokio::task::spawn_blocking(move || fs::copy(from, to).map(drop)).await;
    Ok(copied.map_err(Unexpected::from_error)??)
}
fn failed(error: DbErr) -> Failure {
    Unexpected::from(error).context("copy the databases").into()
}
