//! The routes, as a client meets them.
use crate::{PASSWORD, Rig, read, started};
use axum::Router;
use axum::body::Body;
use contracts::identity::Tokens;
use contracts::{Caller, Role};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub fn router(rig: &Rig) -> Router {
    let node = rig.nodes.last().unwrap();
    node.service("identity").unwrap().routes.clone().unwrap().split_for_parts().0
}

pub async fn send(
    rig: &Rig,
    method: Method,
    path: &str,
    caller: &Caller,
    body: &Value,
) -> Response<Value> {
    let request = Request::builder().method(method).uri(path).extension(caller.clone());
    let request = match body {
        Value::Null => request.body(Body::empty()),
        body => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
    };
    let (head, body) = router(rig).oneshot(request.unwrap()).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Response::from_parts(head, body)
}
pub async fn post(rig: &Rig, path: &str, body: Value) -> Response<Value> {
    send(rig, Method::POST, path, &Caller::Guest, &body).await
}
fn tokens(answer: &Response<Value>) -> Tokens {
    serde_json::from_value(answer.body().clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_registers_logs_in_refreshes_and_logs_out() {
    let rig = started().await;
    let name = "<script>alert('Ada')</script>";
    let body = json!({"email": "Ada@example.com", "password": PASSWORD, "name": name});
    let registered = post(&rig, "/v1/auth/register", body.clone()).await;
    assert_eq!(registered.status(), StatusCode::CREATED);
    assert_eq!(registered.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(registered.body()["token_type"], "Bearer");
    assert_eq!(registered.body()["expires_in"], 900);
    let taken = post(&rig, "/v1/auth/register", body).await;
    assert_eq!(
        (taken.status(), &taken.body()["code"]),
        (StatusCode::CONFLICT, &json!("email_taken"))
    );

    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let logged_in = post(&rig, "/v1/auth/login", login).await;
    assert_eq!(logged_in.status(), StatusCode::OK);
    let refresh_token = logged_in.body()["refresh_token"].clone();
    let refreshed = post(&rig, "/v1/auth/refresh", json!({"refresh_token": refresh_token})).await;
    assert_eq!(refreshed.status(), StatusCode::OK);

    let who = crate::caller(&rig, &tokens(&refreshed)).await;
    let me = send(&rig, Method::GET, "/v1/me", &who, &Value::Null).await;
    assert_eq!(me.status(), StatusCode::OK);
    assert_eq!(me.body()["email"], "ada@example.com");
    assert_eq!(me.body()["name"], name, "stored as it was given; pages escape it");
    assert_eq!(me.body()["role"], "customer");
    assert!(me.body().get("password_hash").is_none());

    for body in [json!({}), Value::Null] {
        let out = send(&rig, Method::POST, "/v1/auth/logout", &who, &body).await;
        assert_eq!(out.status(), StatusCode::NO_CONTENT);
    }
    let me = send(&rig, Method::GET, "/v1/me", &who, &Value::Null).await;
    assert_eq!(me.status(), StatusCode::UNAUTHORIZED);
    let refresh_token = refreshed.body()["refresh_token"].clone();
    let late = post(&rig, "/v1/auth/refresh", json!({"refresh_token": refresh_token})).await;
    assert_eq!(
        (late.status(), &late.body()["code"]),
        (StatusCode::UNAUTHORIZED, &json!("refresh_failed"))
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_learns_of_every_wrong_field() {
    let rig = started().await;
    let fine = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let with = |field: &str, value: Value| {
        let mut body = fine.clone();
        body[field] = value;
        body
    };
    for (body, fields) in [
        (json!({}), vec!["email"]),
        (with("email", json!("ada")), vec!["email"]),
        (with("email", json!("a\0da@example.com")), vec!["email"]),
        (with("email", json!(format!("{}@example.com", "a".repeat(300)))), vec!["email"]),
        (with("email", json!(7)), vec!["email"]),
        (with("password", json!("1234567")), vec!["password"]),
        (with("password", json!("x".repeat(129))), vec!["password"]),
        (with("name", json!("")), vec!["name"]),
        (with("name", json!("n".repeat(201))), vec!["name"]),
        (with("name", json!("Ada\0")), vec!["name"]),
        (with("name", json!("Ada\nBcc: eve")), vec!["name"]),
        (with("role", json!("admin")), vec!["role"]),
        (json!({"email": "x", "password": "", "name": "\u{7}"}), vec!["email", "password", "name"]),
        (json!([]), vec![""]),
    ] {
        let answer = post(&rig, "/v1/auth/register", body.clone()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.body()["code"], "invalid_input", "{body}");
        let named: Vec<&str> = answer.body()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        if fields != [""] {
            assert_eq!(named, fields, "{body}");
        }
    }
    for (path, body) in [
        ("/v1/auth/login", json!({"email": "a@b.c"})),
        ("/v1/auth/login", json!({"email": "a@b.c", "password": PASSWORD, "otp": "1"})),
        ("/v1/auth/refresh", json!({"refresh_token": null})),
    ] {
        assert_eq!(post(&rig, path, body).await.status(), StatusCode::BAD_REQUEST);
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_login_tells_nothing() {
    let rig = started().await;
    crate::register(&rig, "ada@example.com").await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.com", "not the password"),
        ("eve@example.com", "not the password"),
        ("no address", "x"),
    ] {
        let answer =
            post(&rig, "/v1/auth/login", json!({"email": email, "password": password})).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        answers.push(answer.into_body());
    }
    assert_eq!(answers[0]["code"], "login_failed");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_logged_in_is_told_so_before_anything_is_looked_at() {
    let rig = started().await;
    let out = post(&rig, "/v1/auth/logout", json!({"unknown": 1})).await;
    assert_eq!(
        (out.status(), &out.body()["code"]),
        (StatusCode::UNAUTHORIZED, &json!("login_required"))
    );
    let me = send(&rig, Method::GET, "/v1/me", &Caller::Guest, &Value::Null).await;
    assert_eq!(me.status(), StatusCode::UNAUTHORIZED);
    let who = crate::caller(&rig, &crate::register(&rig, "ada@example.com").await).await;
    let out = send(&rig, Method::POST, "/v1/auth/logout", &who, &json!({"unknown": 1})).await;
    assert_eq!(out.status(), StatusCode::BAD_REQUEST);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_keys_verify_what_was_signed() {
    let rig = started().await;
    let answer =
        send(&rig, Method::GET, "/.well-known/jwks.json", &Caller::Guest, &Value::Null).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body()["keys"][0]["use"], "sig");
    let tokens = crate::register(&rig, "ada@example.com").await;
    assert_eq!(read(&rig, &tokens).await.role, Role::Customer);
    assert!(answer.body().to_string().len() < 400, "and nothing but public keys");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_documented() {
    let rig = started().await;
    let running = rig.nodes[0].service("identity").unwrap();
    let api = running.routes.clone().unwrap().split_for_parts().1;
    let api = serde_json::to_value(api).unwrap();
    let paths = api["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 18);
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert_eq!(operation["tags"], json!(["identity"]), "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
        }
    }
    rig.stop().await;
}
