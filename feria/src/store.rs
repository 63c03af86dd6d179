//! What a store is made of, whether it serves or a command works beside it.
use crate::{Failure, key_file, services::services, sources};
use contracts::{Call, Caller};
use kit::bus::Bus;
use kit::calls::{Answer, Calls, Registry};
use kit::config::Config;
use kit::db::DbOptions;
use kit::plug::{Node, Setup};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the services are started with. `tasks`: whether relays and workers run.
pub fn setup(config: &Arc<Config>, tasks: bool) -> Setup {
    let of = Arc::clone(config);
    Setup {
        bus: Bus::default(),
        registry: Registry::default(),
        sources: sources::real(),
        config: Arc::clone(config),
        database: Arc::new(move |service| (of.database_url(service), None)),
        options: DbOptions { connections: config.database_connections, durable: true },
        whole: tasks,
        faults: None,
        tasks,
        stop: CancellationToken::new(),
        closing: CancellationToken::new(),
    }
}

/// Makes the data folder, if it is not there.
/// # Errors
/// When it cannot be made.
pub fn make_folder(config: &Config) -> Result<&Path, Failure> {
    let folder = Path::new(&config.data);
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::input(format!("the data folder {} cannot be made: {error}", folder.display()))
    })?;
    Ok(folder)
}

/// The services, for a command that works beside a running store, or without one.
///
/// It answers calls and writes databases with their outboxes. It relays nothing, works nothing,
/// frees nobody's leases and touches no search index: a running store notices within a second
/// what it did not write itself, and one that starts later finds it.
pub struct Beside {
    /// The services.
    pub node: Node,
    calls: Calls,
}

impl Beside {
    /// Opens (and brings up to date) the databases.
    /// # Errors
    /// When a database cannot be opened.
    pub async fn open(config: Config) -> Result<Self, Failure> {
        make_folder(&config)?;
        let config = key_file::complete(config, &sources::real())?;
        let setup = setup(&Arc::new(config), false);
        let node = Node::start(&services(), &setup).await?;
        for running in &node.services {
            running.waves.spawn();
        }
        Ok(Self { node, calls: Calls::any("feria", setup.registry) })
    }
    /// Makes a call as the store itself.
    /// # Errors
    /// As the call does.
    pub async fn call<C: Call>(&self, call: C) -> Answer<C> {
        self.calls.call(&Caller::Store, call).await
    }
    /// Finishes what was begun, and closes the databases.
    pub async fn close(self) {
        self.node.stop().await;
    }
}
