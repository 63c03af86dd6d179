//! The routes of one's own account, as a client meets them.
use crate::http::{post, router, send};
use crate::{PASSWORD, caller, log_in, registered, started};
use axum::body::Body;
use contracts::Caller;
use http::{Method, Request, StatusCode};
use kit::testing::Rig;
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn ask(rig: &Rig, method: Method, path: &str, who: &Caller, body: Value) -> (u16, Value) {
    let answer = send(rig, method, path, who, &body).await;
    (answer.status().as_u16(), answer.into_body())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_to_log_in_before_anything_is_looked_at() {
    let rig = started().await;
    for (method, path) in [
        (Method::PATCH, "/v1/me"),
        (Method::DELETE, "/v1/me"),
        (Method::PUT, "/v1/me/password"),
        (Method::POST, "/v1/me/verify-email"),
        (Method::GET, "/v1/me/sessions"),
        (Method::DELETE, "/v1/me/sessions"),
        (Method::DELETE, "/v1/me/sessions/x"),
        (Method::GET, "/v1/me/export"),
        (Method::GET, "/v1/me/addresses"),
        (Method::POST, "/v1/me/addresses"),
        (Method::PATCH, "/v1/me/addresses/x"),
        (Method::DELETE, "/v1/me/addresses/x"),
    ] {
        let (status, body) =
            ask(&rig, method.clone(), path, &Caller::Guest, json!({"unknown": 1})).await;
        assert_eq!((status, &body["code"]), (401, &json!("login_required")), "{method} {path}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_changes_name_and_password_over_http() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let (status, me) = ask(&rig, Method::PATCH, "/v1/me", &ada, json!({"name": "Countess"})).await;
    assert_eq!(
        (status, &me["name"], &me["email_verified"]),
        (200, &json!("Countess"), &json!(false))
    );
    for bad in [json!({"name": ""}), json!({"name": 7}), json!({"role": "admin"}), json!([])] {
        assert_eq!(ask(&rig, Method::PATCH, "/v1/me", &ada, bad.clone()).await.0, 400, "{bad}");
    }
    let passwords =
        |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let put = async |body| ask(&rig, Method::PUT, "/v1/me/password", &ada, body).await;
    let (status, body) = put(passwords("not the password", "another pass phrase 2")).await;
    assert_eq!((status, &body["code"]), (403, &json!("wrong_password")));
    let (status, body) = put(passwords(PASSWORD, "short")).await;
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("new_password")));
    assert_eq!(put(passwords(PASSWORD, "another pass phrase 2")).await.0, 204);
    assert!(log_in(&rig, "ada@example.com", "another pass phrase 2").await.is_ok());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_answered_429_with_the_time_to_wait() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    for guess in 0..10 {
        let body = json!({"email": "ada@example.com", "password": format!("guess number {guess}")});
        assert_eq!(post(&rig, "/v1/auth/login", body).await.status(), StatusCode::UNAUTHORIZED);
    }
    let body = json!({"email": "ADA@example.com ", "password": PASSWORD});
    let refused = post(&rig, "/v1/auth/login", body).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.body()["code"], "rate_limited");
    assert_eq!(refused.headers()["retry-after"], "31");
    // Nor is a stolen session a way around it.
    let (status, _) =
        ask(&rig, Method::DELETE, "/v1/me", &ada, json!({"password": PASSWORD})).await;
    assert_eq!(status, 429);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_with_their_devices_and_ended_over_http() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let login = Request::post("/v1/auth/login")
        .header("content-type", "application/json")
        .header("user-agent", "Firefox/140 <b>")
        .extension(Caller::Guest)
        .body(Body::from(body));
    assert_eq!(router(&rig).oneshot(login.unwrap()).await.unwrap().status(), StatusCode::OK);
    log_in(&rig, "ada@example.com", PASSWORD).await.unwrap();
    let path = "/v1/me/sessions";
    let (status, listed) = ask(&rig, Method::GET, path, &ada, Value::Null).await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!((status, items.len()), (200, 3));
    let phone = items.iter().find(|item| item["device"] == "Firefox/140 <b>").unwrap();
    let one = format!("{path}/{}", phone["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(ask(&rig, Method::DELETE, &one, &ada, Value::Null).await.0, 204);
    }
    let eve = registered(&rig, "eve@example.com").await;
    assert_eq!(ask(&rig, Method::DELETE, &one, &eve, Value::Null).await.0, 404);
    assert_eq!(ask(&rig, Method::DELETE, "/v1/me/sessions/x", &ada, Value::Null).await.0, 404);
    assert_eq!(ask(&rig, Method::DELETE, path, &ada, Value::Null).await.0, 204);
    let (_, listed) = ask(&rig, Method::GET, path, &ada, Value::Null).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["current"], true);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_kept_changed_and_forgotten_over_http() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let path = "/v1/me/addresses";
    let fine = json!({
        "name": "Ada", "line1": "12 St James's Square", "line2": "Flat 2", "city": "London",
        "postal_code": "SW1Y 4JH", "country": "GB"
    });
    let (status, kept) = ask(&rig, Method::POST, path, &ada, fine.clone()).await;
    assert_eq!(
        (status, &kept["is_default"], &kept["line2"]),
        (201, &json!(true), &json!("Flat 2"))
    );
    let mut bad = fine.clone();
    bad["country"] = json!("Britain");
    bad["city"] = json!("");
    bad["name"] = json!("a\0b");
    let (status, problem) = ask(&rig, Method::POST, path, &ada, bad).await;
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].as_str().unwrap())
        .collect();
    assert_eq!((status, fields), (400, vec!["name", "city", "country"]));
    let mut unknown = fine.clone();
    unknown["id"] = json!("x");
    assert_eq!(ask(&rig, Method::POST, path, &ada, unknown).await.0, 400);

    let one = format!("{path}/{}", kept["id"].as_str().unwrap());
    let patch = json!({"line2": null, "city": "Paris"});
    let (status, changed) = ask(&rig, Method::PATCH, &one, &ada, patch).await;
    assert_eq!((status, &changed["city"], changed.get("line2")), (200, &json!("Paris"), None));
    assert_eq!((&changed["line1"], &changed["is_default"]), (&fine["line1"], &json!(true)));
    let (status, problem) = ask(&rig, Method::PATCH, &one, &ada, json!({"country": "x"})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("country")));
    assert_eq!(ask(&rig, Method::PATCH, &one, &ada, json!({"owner": 1})).await.0, 400);
    let eve = registered(&rig, "eve@example.com").await;
    assert_eq!(ask(&rig, Method::PATCH, &one, &eve, json!({"city": "X"})).await.0, 404);
    assert_eq!(ask(&rig, Method::DELETE, &one, &eve, Value::Null).await.0, 204);
    let (_, listed) = ask(&rig, Method::GET, path, &ada, Value::Null).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "a stranger took nothing away");
    for _ in 1..50 {
        assert_eq!(ask(&rig, Method::POST, path, &ada, fine.clone()).await.0, 201);
    }
    let (status, problem) = ask(&rig, Method::POST, path, &ada, fine.clone()).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too_many_addresses")));
    for _ in 0..2 {
        assert_eq!(ask(&rig, Method::DELETE, &one, &ada, Value::Null).await.0, 204);
    }
    assert_eq!(ask(&rig, Method::POST, path, &ada, fine).await.0, 201);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_verified_and_erased_over_http() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    for body in [Value::Null, json!({})] {
        assert_eq!(ask(&rig, Method::POST, "/v1/me/verify-email", &ada, body).await.0, 202);
    }
    let unknown = json!({"email": "x"});
    assert_eq!(ask(&rig, Method::POST, "/v1/me/verify-email", &ada, unknown).await.0, 400);
    let erase = async |who: &Caller, body| ask(&rig, Method::DELETE, "/v1/me", who, body).await;
    assert_eq!(erase(&ada, Value::Null).await.0, 400);
    let (status, body) = erase(&ada, json!({"password": "not the password"})).await;
    assert_eq!((status, &body["code"]), (403, &json!("wrong_password")));
    assert_eq!(erase(&ada, json!({"password": PASSWORD})).await.0, 204);
    assert_eq!(ask(&rig, Method::GET, "/v1/me", &ada, Value::Null).await.0, 401);
    rig.call(&Caller::Store, crate::admin("boss@example.com")).await.unwrap();
    let boss = log_in(&rig, "boss@example.com", PASSWORD).await.unwrap();
    let (status, body) = erase(&caller(&rig, &boss).await, json!({"password": PASSWORD})).await;
    assert_eq!((status, &body["code"]), (409, &json!("last_admin")));
    rig.stop().await;
}
