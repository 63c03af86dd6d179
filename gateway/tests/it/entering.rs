//! Who is let in, and how often.
use crate::door::{FINISHED, House};
use axum::http::Request;
use contracts::Role;
use contracts::identity::Jwks;
use kit::auth::SigningKey;
use kit::config::Switch;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn a_token_says_who_asks_and_a_bad_one_is_refused() {
    let house = House::open(|_| {}).await;
    let (token, _) = house.token(Role::Support);
    assert_eq!(house.get("/v1/who").await.body, "guest");
    assert_eq!(house.get_as("/v1/who", &token).await.body, "support");
    for header in ["Bearer x.y.z", "Basic YTpi", "Bearer", &token] {
        let answer = house.ask(Request::get("/v1/who").header("authorization", header), "").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "token_invalid"), "{header}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    // On pages too: whoever sends a header means it.
    let page = house.ask(Request::get("/").header("authorization", "Bearer x"), "").await;
    assert_eq!(page.status, 401);
    house.rig.clock.forward(Duration::from_secs(901));
    assert_eq!(house.get_as("/v1/who", &token).await.code(), "token_expired");
    // Whoever logs in or renews a token may still send the old one along.
    for path in ["/v1/auth/login", "/v1/auth/refresh"] {
        let request = Request::post(path).header("authorization", format!("Bearer {token}"));
        assert_eq!(house.ask(request, "").await.body, "guest");
    }
}

#[tokio::test]
async fn a_session_that_ends_is_refused_at_once() {
    let house = House::open(|_| {}).await;
    let ((token, session), (other, _)) = (house.token(Role::Customer), house.token(Role::Customer));
    assert_eq!(house.get_as("/v1/who", &token).await.body, "customer");
    house.end(session).await;
    let answer = house.get_as("/v1/who", &token).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "session_ended"));
    assert_eq!(house.get_as("/v1/who", &other).await.body, "customer");
}

#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for() {
    let house = House::open(|_| {}).await;
    let new = SigningKey::from_secret(&[8; 32]);
    let (token, _) = house.signed(&new, Role::Admin);
    assert_eq!(house.get_as("/v1/who", &token).await.status, 401);
    *house.published.lock() = Jwks { keys: vec![new.jwk(), house.key.jwk()] };
    assert_eq!(house.get_as("/v1/who", &token).await.status, 401, "asked only just now");
    house.rig.clock.forward(Duration::from_secs(5));
    assert_eq!(house.get_as("/v1/who", &token).await.body, "admin");
    assert_eq!(house.get_as("/v1/who", &house.token(Role::Admin).0).await.body, "admin");
}

#[tokio::test]
async fn a_cookie_opens_pages_and_lets_pages_of_the_store_read_the_api() {
    let house = House::open(|_| {}).await;
    let (token, session) = house.token(Role::Customer);
    let cookie = format!("theme=dark; feria_session={token}");
    let ask = async |request: axum::http::request::Builder| {
        house.ask(request.header("cookie", &cookie), "").await.body
    };
    assert_eq!(ask(Request::get("/")).await, "customer");
    assert_eq!(ask(Request::post("/").header("sec-fetch-site", "same-origin")).await, "customer");
    assert_eq!(ask(Request::get("/v1/who")).await, "guest");
    assert_eq!(ask(Request::get("/v1/who").header("sec-fetch-site", "cross-site")).await, "guest");
    assert_eq!(
        ask(Request::get("/v1/who").header("sec-fetch-site", "same-origin")).await,
        "customer"
    );
    assert_eq!(
        ask(Request::post("/v1/who").header("sec-fetch-site", "same-origin")).await,
        "guest"
    );
    house.end(session).await;
    assert_eq!(ask(Request::get("/")).await, "guest", "a page is shown to whomever");
}

#[tokio::test]
async fn too_many_requests_are_told_to_wait() {
    let house = House::open(|config| config.limits.requests_per_second = 2).await;
    let first = house.get("/v1/who").await;
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=8;w=4");
    assert_eq!(first.header("ratelimit"), "\"default\";r=7;t=1");
    for _ in 0..7 {
        assert_eq!(house.get("/v1/who").await.status, 200);
    }
    let refused = house.get("/v1/who").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"default\";r=0;t=1");
    assert!(!refused.header("x-request-id").is_empty());
    assert_eq!(house.get("/healthz").await.status, 200, "probes are never limited");
    *house.uptime.lock() += Duration::from_millis(500);
    assert_eq!(house.get("/v1/who").await.status, 200);
    // X-Forwarded-For is what the client wrote, unless a proxy is said to stand in front.
    let spoofed = Request::get("/v1/who").header("x-forwarded-for", "198.51.100.7");
    assert_eq!(house.ask(spoofed, "").await.status, 429);
}

#[tokio::test]
async fn logins_are_limited_by_the_minute() {
    let house = House::open(|_| {}).await;
    for _ in 0..20 {
        assert_eq!(house.ask(Request::post("/v1/auth/login"), "").await.status, 200);
    }
    let refused = house.ask(Request::post("/v1/auth/login"), "").await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("ratelimit-policy"), "\"login\";q=20;w=60");
    assert_eq!(refused.header("retry-after"), "3");
    assert_eq!(house.get("/v1/who").await.status, 200);
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let house = House::open(|config| {
        config.rate_limit = Switch::Off;
        config.limits.requests_per_second = 1;
    })
    .await;
    for _ in 0..20 {
        let answer = house.get("/v1/who").await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn a_slow_answer_is_given_up_and_a_slow_change_goes_on() {
    let house = House::open(|config| config.limits.request_seconds = 1).await;
    let answer = house.get("/v1/slow").await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "timeout"));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(FINISHED.load(Ordering::Relaxed), 0);
    assert_eq!(house.ask(Request::post("/v1/slow"), "").await.status, 504);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(FINISHED.load(Ordering::Relaxed), 1);
}
