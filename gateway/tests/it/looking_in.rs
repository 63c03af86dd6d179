//! What answers look like, whatever happens behind the door.
use crate::door::{House, Riddle, WISE};
use axum::body::Body;
use axum::http::Request;
use contracts::Role;
use http_body_util::BodyExt as _;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tower::ServiceExt as _;

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let house = House::open(|_| {}).await;
    for path in ["/v1", "/v1/", "/v1/nothing", "/.well-known/nothing"] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
    let answer = house.ask(Request::delete("/v1/who"), "").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    let mut allowed: Vec<_> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    // Pages have pages of their own.
    let page = house.get("/nothing").await;
    assert_eq!((page.status, page.body.as_str()), (404, "<h1>no such page</h1>"));
}

#[tokio::test]
async fn a_panic_and_a_leak_tell_nothing() {
    let house = House::open(|_| {}).await;
    let answer = house.get("/v1/panic").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    assert!(!answer.body.contains("hunter2"));
    assert!(!answer.header("x-request-id").is_empty());
    let answer = house.get("/v1/plain").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_input"));
    assert!(!answer.body.contains("sqlx"));
    assert_eq!(house.get("/v1/who").await.status, 200, "the store goes on");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_a_413() {
    let house = House::open(|config| config.limits.body_bytes = 100).await;
    let post = |length| {
        let request = Request::post("/v1/body").header("content-type", "application/json");
        house.ask(request, format!("\"{}\"", "x".repeat(length)))
    };
    assert_eq!(post(98).await.status, 200);
    let answer = post(99).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn answers_keep_browsers_safe() {
    let house = House::open(|config| config.public_url = "https://shop.example".into()).await;
    let page = house.get("/").await;
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "strict-origin-when-cross-origin");
    assert!(page.header("strict-transport-security").starts_with("max-age="));
    let csp = page.header("content-security-policy");
    assert!(csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"), "{csp}");
    assert!(!csp.contains("script-src"), "{csp}");
    let (token, _) = house.token(Role::Customer);
    assert_eq!(house.get_as("/v1/who", &token).await.header("cache-control"), "private, no-store");
}

#[tokio::test]
async fn the_page_to_try_the_api_runs_with_its_own_scripts_only() {
    let house = House::open(|_| {}).await;
    assert_eq!(house.get("/docs").await.header("location"), "/docs/");
    let page = house.get("/docs/").await;
    assert_eq!(page.status, 200);
    let csp = page.header("content-security-policy");
    assert!(csp.contains("script-src 'self';"), "{csp}");
    // Nothing inline, which this policy would stop.
    assert!(page.body.contains("<script src=") && !page.body.contains("<script>"), "{}", page.body);
    let starter = house.get("/docs/swagger-initializer.js").await;
    assert!(starter.status == 200 && starter.body.contains("/openapi.json"), "{}", starter.body);
}

#[tokio::test]
async fn the_document_is_sent_once() {
    let house = House::open(|_| {}).await;
    let answer = house.get("/openapi.json").await;
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:8080");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document["paths"]["/v1/staff/parked"]["get"]["summary"].is_string());
    let etag = answer.header("etag").to_owned();
    let again = Request::get("/openapi.json").header("if-none-match", &etag);
    let again = house.ask(again, "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let zipped = Request::get("/openapi.json").header("accept-encoding", "gzip");
    assert_eq!(house.ask(zipped, "").await.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn long_answers_are_compressed_and_short_ones_are_not() {
    let house = House::open(|_| {}).await;
    let zipped = |path| house.ask(Request::get(path).header("accept-encoding", "gzip"), "");
    assert_eq!(zipped("/v1/long").await.header("content-encoding"), "gzip");
    assert_eq!(zipped("/v1/who").await.header("content-encoding"), "");
    assert_eq!(house.get("/v1/long").await.header("content-encoding"), "");
}

#[tokio::test]
async fn the_store_tells_how_it_is() {
    let house = House::open(|_| {}).await;
    assert_eq!(house.get("/healthz").await.json()["status"], "ok");
    let ready = house.get("/readyz").await;
    assert_eq!((ready.status, ready.json()["services"]["shop"].as_str()), (200, Some("ok")));
    house.get("/v1/who").await;
    let metrics = house.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain"));
    let counted = metrics
        .body
        .lines()
        .any(|line| line.starts_with("http_requests_total") && line.contains("route=\"/v1/who\""));
    assert!(counted, "{}", metrics.body);
    assert!(metrics.body.contains("http_request_duration_seconds_bucket"), "{}", metrics.body);
    house.stopping.cancel();
    let ready = house.get("/readyz").await;
    assert_eq!((ready.status, ready.code().as_str()), (503, "unavailable"));
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_service_without_its_database_is_not_ready() {
    let house = House::open(|_| {}).await;
    house.rig.nodes[0].services[0].db.close().await;
    let ready = house.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["services"]["shop"], "its database fails");
}

#[tokio::test]
async fn streams_outlast_our_patience_and_end_when_the_store_stops() {
    let house = House::open(|config| config.limits.request_seconds = 1).await;
    let request = Request::get("/v1/stream").body(Body::empty()).unwrap();
    let mut stream = house.router.clone().oneshot(request).await.unwrap().into_body();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(stream.frame().await.unwrap().is_ok(), "it goes on");
    house.stopping.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(5), stream.collect()).await;
    assert!(rest.unwrap().is_ok(), "it ends, and not by an error");
}

#[tokio::test]
async fn staff_see_what_is_parked_and_replay_it() {
    let house = House::open(|_| {}).await;
    let (admin, support) = (house.token(Role::Admin).0, house.token(Role::Support).0);
    let path = "/v1/staff/parked";
    assert_eq!(house.get(path).await.status, 401);
    assert_eq!(house.get_as(path, &support).await.status, 403);
    assert_eq!(house.get_as("/v1/staff/parked?limit=101", &support).await.status, 403, "403 first");
    assert_eq!(house.get_as("/v1/staff/parked?limit=101", &admin).await.status, 400);
    assert_eq!(house.get_as(path, &admin).await.json()["items"], serde_json::json!([]));

    WISE.store(false, Ordering::Relaxed);
    for (subject, version) in [("thebes", 1), ("thebes", 2), ("corinth/1", 1)] {
        house.tell(Riddle { subject: subject.into() }, version).await;
        house.rig.clock.forward(Duration::from_secs(1));
    }
    // The relay tries for five seconds before it gives a message up.
    while house.get_as(path, &admin).await.json()["items"].as_array().unwrap().len() < 3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let first = house.get_as("/v1/staff/parked?limit=2", &admin).await.json();
    assert_eq!(first["items"][0]["service"], "shop");
    assert_eq!(first["items"][0]["type"], "sphinx.riddle.v1");
    assert_eq!(first["items"][1]["subject"], "thebes");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest =
        house.get_as(&format!("/v1/staff/parked?limit=2&cursor={cursor}"), &admin).await.json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&rest["items"][0]["subject"], &rest["next_cursor"]),
        (&"corinth/1".into(), &().into())
    );

    let replay = async |token: &str, path: &str| {
        let request = Request::post(format!("/v1/staff/parked/{path}/replay"));
        house.ask(request.header("authorization", format!("Bearer {token}")), "").await
    };
    assert_eq!(replay(&support, "shop/thebes").await.status, 403);
    assert_eq!(replay(&admin, "zoo/thebes").await.status, 404);
    let failed = replay(&admin, "shop/thebes").await;
    assert_eq!((failed.status, failed.code().as_str()), (409, "failed_again"));
    WISE.store(true, Ordering::Relaxed);
    assert_eq!(replay(&admin, "shop/thebes").await.json()["replayed"], 2);
    assert_eq!(replay(&admin, "shop/thebes").await.json()["replayed"], 0);
    assert_eq!(replay(&admin, "shop/corinth%2F1").await.json()["replayed"], 1);
    assert_eq!(house.get_as(path, &admin).await.json()["items"], serde_json::json!([]));
}
