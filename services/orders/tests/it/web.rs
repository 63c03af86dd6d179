//! Requests to the public routes, as the gateway hands them on.
use crate::shop::Shop;
use axum::body::Body;
use contracts::Caller;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub struct Asked {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Asked {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
    pub fn field(&self) -> String {
        self.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends one request through the first replica.
pub async fn send(
    shop: &Shop,
    caller: &Caller,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Asked {
    let mut request = Request::builder().method(method).uri(path).extension(caller.clone());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let response = shop.routers[0].clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Asked { status: head.status, headers: head.headers, text }
}

pub async fn get(shop: &Shop, caller: &Caller, path: &str) -> Asked {
    send(shop, caller, "GET", path, &[], "").await
}

pub async fn post(shop: &Shop, caller: &Caller, path: &str, key: &str, body: &str) -> Asked {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    send(shop, caller, "POST", path, &headers, body.to_owned()).await
}

pub fn checkout_body() -> Value {
    json!({
        "shipping_address": crate::shop::address(),
        "shipping_method": "standard",
        "payment": {"method": "card", "token": "tok_visa"},
    })
}
