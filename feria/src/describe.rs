//! What the store says of itself: the document of its API, and who talks to whom.
use crate::Failure;
use crate::services::services;
use crate::sources;
use crate::store::Beside;
use gateway::Behind;
use kit::config::Config;
use utoipa::openapi::OpenApi;

/// The document of the API. The services are started on databases that are thrown away.
/// # Errors
/// When there is no place for these.
pub async fn openapi(config: Config) -> Result<OpenApi, Failure> {
    let folder = std::env::temp_dir().join(format!("feria-openapi-{}", sources::real().token()));
    let data = folder.display().to_string();
    let config = Config { data, database: "".into(), ..config };
    let described = describe(config).await;
    // Left behind, it is an empty store in the system's folder for such things.
    let _ = std::fs::remove_dir_all(folder);
    described
}

async fn describe(config: Config) -> Result<OpenApi, Failure> {
    let mut store = Beside::open(config.clone()).await?;
    let behind: Vec<Behind> = store.node.services.iter().map(Behind::from).collect();
    let running = store.node.services.iter_mut();
    let routes = running.filter_map(|running| running.routes.take()).collect();
    let document = gateway::describe(&config, behind, routes);
    store.close().await;
    Ok(document)
}

/// Who talks to whom, as a page of Markdown.
pub fn map() -> String {
    kit::plug::map(&services())
}
