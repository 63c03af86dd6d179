//! Where a story's store keeps its data: a folder that is deleted afterwards, and a database of
//! its own on the server under test, if there is one.
use super::Wrong;
use kit::config::Config;
use kit::testing::any_seed;
use sea_orm::{ConnectionTrait as _, Database};
use std::path::Path;

/// A place for one store.
pub struct Place {
    folder: tempfile::TempDir,
    server: Option<Server>,
    key: String,
}

struct Server {
    /// Of the database in which databases are made.
    url: String,
    database: String,
}

impl Place {
    /// On SQLite; on PostgreSQL if `FERIA_TEST_ENGINE=postgres`, on the server that
    /// `FERIA_TEST_POSTGRES` names.
    /// # Errors
    /// When no server is named, or it gives no database.
    pub async fn under_test() -> Result<Self, Wrong> {
        let wanted = std::env::var("FERIA_TEST_ENGINE").unwrap_or_default();
        if wanted != "postgres" {
            return Self::on(None).await;
        }
        let url = std::env::var("FERIA_TEST_POSTGRES");
        Self::on(Some(url.map_err(|error| Wrong::when("FERIA_TEST_POSTGRES", error))?)).await
    }
    /// In a folder, or on the server at `url`.
    /// # Errors
    /// When there is no folder, or no database.
    pub async fn on(url: Option<String>) -> Result<Self, Wrong> {
        let folder = tempfile::tempdir().map_err(|error| Wrong(error.to_string()))?;
        let key = format!("{:016x}", any_seed()).repeat(4);
        let server = match url {
            None => None,
            Some(url) => {
                let database = format!("story_{:016x}", any_seed());
                run(&url, &format!("CREATE DATABASE {database}")).await?;
                Some(Server { url, database })
            }
        };
        Ok(Self { folder, server, key })
    }
    /// Whether replicas can share it.
    pub const fn is_server(&self) -> bool {
        self.server.is_some()
    }
    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
    /// What a replica is configured with.
    pub fn config(&self, replica: &str) -> Config {
        let database = self.server.as_ref().map(|Server { url, database }| {
            let server = url.rsplit_once('/').map_or(url.as_str(), |(server, _)| server);
            format!("{server}/{database}")
        });
        let config = super::config(&self.folder.path().join(replica), database.as_deref());
        match self.is_server() {
            true => Config { master_key: self.key.as_str().into(), ..config },
            // In a file, as in most stores.
            false => config,
        }
    }
    /// Leaves it as it is, and says where.
    #[expect(clippy::print_stdout, reason = "whoever ran it wants to look")]
    pub fn keep(self) {
        let database = self.server.map(|server| server.database);
        println!("kept: {} {}", self.folder.keep().display(), database.unwrap_or_default());
    }
    /// Deletes it, once all stores on it are closed.
    /// # Errors
    /// When the server refuses.
    pub async fn delete(self) -> Result<(), Wrong> {
        match &self.server {
            None => Ok(()),
            Some(Server { url, database }) => {
                run(url, &format!("DROP DATABASE {database} WITH (FORCE)")).await
            }
        }
    }
}

async fn run(url: &str, sql: &str) -> Result<(), Wrong> {
    let wrong = |error: sea_orm::DbErr| Wrong(format!("{sql}: {error}"));
    let database = Database::connect(url).await.map_err(wrong)?;
    database.execute_unprepared(sql).await.map_err(wrong)?;
    database.close().await.map_err(wrong)
}
