//! `feria backup` and `feria restore`: a copy of all databases as they were at one instant, taken
//! while the store sells.
//!
//! On SQLite each service has a file of its own, and copies of single files would not fit each
//! other. For a moment the backup holds the writer's place of every database at once: nothing
//! commits, and what has committed is the state of the whole store, as after a crash, from which
//! it recovers. In that moment it copies the write-ahead logs, and begins a read on each
//! database. While that read lasts, SQLite lets nobody write to a database file but what its
//! log held in that moment (<https://www.sqlite.org/wal.html>, checkpointing): so that the
//! files, copied afterwards at leisure, and the copied logs are together that very state.
//!
//! On PostgreSQL all services stand in one database, and `pg_dump` copies it as of one instant.
mod manifest;
mod postgres;
mod sqlite;

use crate::lock::Lock;
use crate::services::services;
use crate::store::make_folder;
use crate::{Failure, key_file};
use kit::config::Config;
use kit::db::sqlite_file;
use manifest::Manifest;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where the databases of a store are.
enum Databases {
    /// Files, by service.
    Files(Vec<(&'static str, PathBuf)>),
    /// One database on a server.
    Server(String),
}

impl Databases {
    fn of(config: &Config) -> Result<Self, Failure> {
        let urls: Vec<(&str, String)> = services()
            .iter()
            .map(|service| (service.name(), config.database_url(service.name())))
            .collect();
        let file = |(name, url): &(&'static str, String)| Some((*name, sqlite_file(url)?));
        let files: Vec<_> = urls.iter().filter_map(file).collect();
        if files.len() == urls.len() {
            return Ok(Self::Files(files));
        }
        match urls.first() {
            Some((_, first)) if urls.iter().all(|(_, url)| url == first) => {
                Ok(Self::Server(first.clone()))
            }
            _ => Err(Failure::input(
                "the services stand in databases of different kinds, which no copy can fit \
                 together: back each of them up with its own tools while the store is closed",
            )),
        }
    }
}

/// Copies the store into `folder`, which is made; answers what was copied, in one sentence.
/// # Errors
/// When the folder is there already, or a database cannot be read.
pub async fn backup(config: &Config, folder: &Path) -> Result<String, Failure> {
    if folder.exists() {
        let folder = folder.display();
        return Err(Failure::input(format!(
            "{folder} exists already: name a folder that does not"
        )));
    }
    let databases = Databases::of(config)?;
    let partial = beside(folder, "partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial)?;
    let copied = copy(config, &databases, &partial).await;
    let manifest = match copied {
        Ok(manifest) => manifest,
        Err(failure) => {
            // What is half done must not be taken for a backup.
            let _ = fs::remove_dir_all(&partial);
            return Err(failure);
        }
    };
    fs::rename(&partial, folder)?;
    Ok(format!("Copied {} into {}.", manifest.said(), folder.display()))
}

async fn copy(config: &Config, from: &Databases, to: &Path) -> Result<Manifest, Failure> {
    match from {
        Databases::Files(files) => sqlite::copy(files, to).await?,
        Databases::Server(url) => postgres::dump(url, to).await?,
    }
    let key = key_file::path(config);
    if key.exists() {
        fs::copy(&key, to.join(key_file::NAME))?;
    }
    let manifest = Manifest::of(to)?;
    manifest.write(to)?;
    Ok(manifest)
}

/// Puts the copy in `folder` in the place of a store that has no data yet; answers what was
/// restored, in one sentence.
/// # Errors
/// When `folder` holds no whole backup, the store has data, or one runs on it.
pub async fn restore(config: &Config, folder: &Path) -> Result<String, Failure> {
    let manifest = Manifest::read(folder)?;
    manifest.check(folder)?;
    let databases = Databases::of(config)?;
    let _lock = Lock::take(make_folder(config)?)?;
    match (&databases, postgres::dump_in(folder)) {
        (Databases::Files(files), None) => sqlite::put_back(files, folder)?,
        (Databases::Server(url), Some(dump)) => postgres::restore(url, &dump).await?,
        (Databases::Files(_), Some(_)) => {
            return Err(Failure::input(
                "this is the backup of a store on PostgreSQL: name its database in the \
                 configuration",
            ));
        }
        (Databases::Server(_), None) => {
            return Err(Failure::input(
                "this is the backup of a store on SQLite: restore it without a database in the \
                 configuration",
            ));
        }
    }
    let key = folder.join(key_file::NAME);
    if key.exists() {
        fs::copy(&key, key_file::path(config))?;
    }
    // An index of other products would be taken for one of these.
    match fs::remove_dir_all(config.search_folder()) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(format!("Restored {} from {}.", manifest.said(), folder.display()))
}

/// `folder` with a word behind its name.
fn beside(folder: &Path, word: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(word);
    folder.with_file_name(name)
}
