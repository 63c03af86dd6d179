//! Whether the store lives, whether it can serve, and how it does: for those who run it.
use crate::Behind;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kit::Problem;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A database that takes longer than this is not there.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);
/// How often measurements are put in order.
const UPKEEP: Duration = Duration::from_secs(5);
/// Where the histogram of requests is cut, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];

/// What these routes look at.
pub(crate) struct Ops {
    pub behind: Arc<[Behind]>,
    pub stopping: CancellationToken,
}

pub(crate) fn routes(ops: Arc<Ops>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .with_state(ops)
}

/// How the store is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
}

/// Is the store alive?
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "ops",
    responses((status = 200, description = "It answers.", body = Health, example = json!({"status": "ok"}))),
)]
async fn healthz() -> axum::Json<Health> {
    axum::Json(Health { status: "ok" })
}

/// Whether the store can serve.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready`.
    status: &'static str,
    /// By service: `ok`, or what is amiss.
    services: BTreeMap<&'static str, &'static str>,
}

/// Can the store serve?
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "ops",
    responses(
        (status = 200, description = "All services are there with their databases.", body = Readiness,
            example = json!({"status": "ready", "services": {"orders": "ok"}})),
        (status = 503, description = "It cannot, or it is stopping.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn readyz(State(ops): State<Arc<Ops>>) -> Response {
    let looks = ops.behind.iter().map(|behind| async {
        let answer = tokio::time::timeout(DATABASE_PATIENCE, behind.db.reader().ping()).await;
        let found = match answer {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => "its database fails",
            Err(_) => "its database does not answer",
        };
        (behind.name, found)
    });
    let services: BTreeMap<_, _> =
        futures_util::future::join_all(looks).await.into_iter().collect();
    let stopping = ops.stopping.is_cancelled();
    if !stopping && services.values().all(|found| *found == "ok") {
        return axum::Json(Readiness { status: "ready", services }).into_response();
    }
    Problem::unavailable().with("stopping", stopping).with("services", services).into_response()
}

/// How does the store do?
///
/// Counters and histograms in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "ops",
    responses((status = 200, description = "The measurements.", body = String, content_type = "text/plain",
        example = "# TYPE http_requests_total counter\nhttp_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n")),
)]
async fn metrics() -> Response {
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// What records the measurements of this process; none when another recorder was there first.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &BUCKETS).ok()?;
        builder.install_recorder().ok()
    };
    RECORDER.get_or_init(install).as_ref()
}

/// Records from now on, and keeps the measurements in order until `stop`.
pub async fn record(stop: CancellationToken) {
    let Some(recorder) = recorder() else { return };
    while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        recorder.run_upkeep();
    }
}
