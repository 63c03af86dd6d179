//! The public routes.
use super::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use kit::testing::shopper;
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Shop {
    rig: Rig,
    router: axum::Router,
    api: utoipa::openapi::OpenApi,
}

impl Shop {
    async fn open() -> Self {
        let mut rig = rig().await;
        let node = rig.nodes[0].services.iter_mut().find(|s| s.name == "inventory").unwrap();
        let (router, api) = node.routes.take().unwrap().split_for_parts();
        Self { rig, router, api }
    }
    async fn ask(
        &self,
        caller: &Caller,
        (method, path): (&str, &str),
        key: Option<&str>,
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .extension(caller.clone());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

#[tokio::test]
async fn staff_set_see_and_adjust_stock_and_read_its_history() {
    let shop = Shop::open().await;
    let staff = admin();
    let path = "/v1/inventory/BOOK-0042";
    let (status, body) = shop.ask(&staff, ("PUT", path), None, r#"{"on_hand": 10}"#).await;
    assert_eq!(status, 200);
    assert_eq!(body, json!({"sku": "BOOK-0042", "on_hand": 10, "reserved": 0, "available": 10}));
    let watch = r#"{"low_stock_at": 10}"#;
    let (_, body) = shop.ask(&staff, ("PUT", path), None, watch).await;
    assert_eq!((&body["on_hand"], &body["low_stock_at"]), (&json!(10), &json!(10)));
    let (_, low) = shop.ask(&staff, ("GET", "/v1/inventory?low=true"), None, "").await;
    assert_eq!((&low["items"][0], &low["next_cursor"]), (&body, &Value::Null));
    let (_, body) = shop.ask(&staff, ("PUT", path), None, r#"{"low_stock_at": null}"#).await;
    assert_eq!(body.get("low_stock_at"), None);
    reserve(&shop.rig, shop.rig.id(), &[("BOOK-0042", 2)]).await.unwrap();
    let (status, body) = shop.ask(&staff, ("GET", "/v1/inventory/book-0042"), None, "").await;
    assert_eq!(status, 200);
    assert_eq!(body, json!({"sku": "BOOK-0042", "on_hand": 10, "reserved": 2, "available": 8}));
    let change = r#"{"delta": -3, "reason": "damaged <b>"}"#;
    let adjustments = format!("{path}/adjustments");
    for key in ["k-1", "\"k-1\""] {
        let (status, body) = shop.ask(&staff, ("POST", &adjustments), Some(key), change).await;
        assert_eq!((status.as_u16(), &body["on_hand"]), (200, &json!(7)));
    }
    let (status, first) =
        shop.ask(&staff, ("GET", &format!("{adjustments}?limit=1")), None, "").await;
    assert_eq!(status, 200);
    assert_eq!(first["items"][0]["reason"], "damaged <b>");
    assert_eq!(first["items"][0]["by"], json!(staff.account()));
    let next = format!("{adjustments}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let (_, last) = shop.ask(&staff, ("GET", &next), None, "").await;
    assert_eq!((&last["items"][0]["delta"], &last["next_cursor"]), (&json!(10), &Value::Null));
    shop.rig.stop().await;
}

#[tokio::test]
async fn a_sku_with_a_slash_is_percent_encoded_in_the_path() {
    let shop = Shop::open().await;
    let body = r#"{"on_hand": 3}"#;
    let (status, answer) = shop.ask(&admin(), ("PUT", "/v1/inventory/A%2FB%2f1"), None, body).await;
    assert_eq!((status.as_u16(), &answer["sku"]), (200, &json!("A/B/1")));
    let change = r#"{"delta": 1, "reason": "x"}"#;
    let path = "/v1/inventory/A%2FB%2F1/adjustments";
    let (status, answer) = shop.ask(&admin(), ("POST", path), Some("k"), change).await;
    assert_eq!((status.as_u16(), &answer["on_hand"]), (200, &json!(4)));
    shop.rig.stop().await;
}

#[tokio::test]
async fn strangers_are_turned_away_before_anything_is_looked_at() {
    let shop = Shop::open().await;
    for (method, path) in [
        ("GET", "/v1/inventory?low=perhaps"),
        ("GET", "/v1/inventory/A"),
        ("PUT", "/v1/inventory/not%20a%20sku"),
        ("POST", "/v1/inventory/A/adjustments"),
        ("GET", "/v1/inventory/A/adjustments?limit=900"),
    ] {
        let (status, body) = shop.ask(&Caller::Guest, (method, path), None, "{").await;
        assert_eq!(
            (status.as_u16(), &body["code"]),
            (401, &json!("login_required")),
            "{method} {path}"
        );
        let (status, body) = shop.ask(&shopper(), (method, path), None, "{").await;
        assert_eq!(
            (status.as_u16(), &body["code"]),
            (403, &json!("not_allowed")),
            "{method} {path}"
        );
    }
    shop.rig.stop().await;
}

#[tokio::test]
async fn wrong_input_is_refused_with_the_field_named() {
    let shop = Shop::open().await;
    stock(&shop.rig, "A", 5).await;
    let staff = admin();
    for (body, field) in [
        (r#"{"on_hand": 1.5}"#, "on_hand"),
        (r#"{"on_hand": 1.0}"#, "on_hand"),
        (r#"{"on_hand": -1}"#, "on_hand"),
        (r#"{"on_hand": "7"}"#, "on_hand"),
        (r#"{"on_hand": null}"#, "on_hand"),
        (r#"{"on_hand": 1000000001}"#, "on_hand"),
        (r#"{"on_hand": 99999999999999999999}"#, "on_hand"),
        (r#"{"on_hand": 1, "reserved": 0}"#, "reserved"),
        ("{}", "on_hand"),
    ] {
        let (status, answer) = shop.ask(&staff, ("PUT", "/v1/inventory/A"), None, body).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("invalid_input")), "{body}");
        assert_eq!(answer["errors"][0]["field"], field, "{body}: {answer}");
    }
    let path = "/v1/inventory/A/adjustments";
    for (body, field) in [
        (r#"{"delta": 0, "reason": "x"}"#, "delta"),
        (r#"{"delta": 0.5, "reason": "x"}"#, "delta"),
        (r#"{"delta": 9223372036854775808, "reason": "x"}"#, "delta"),
        (r#"{"delta": -9223372036854775808, "reason": "x"}"#, "delta"),
        (r#"{"delta": 1}"#, "reason"),
        (r#"{"delta": 1, "reason": 7}"#, "reason"),
        (r#"{"delta": 1, "reason": "a\u0000b"}"#, "reason"),
        (r#"{"delta": 1, "reason": "x", "by": "me"}"#, "by"),
    ] {
        let (status, answer) = shop.ask(&staff, ("POST", path), Some("k"), body).await;
        assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("invalid_input")), "{body}");
        assert_eq!(answer["errors"][0]["field"], field, "{body}: {answer}");
    }
    let limited = format!("{path}?limit=101");
    let (status, answer) = shop.ask(&staff, ("GET", &limited), None, "").await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["field"]), (400, &json!("limit")));
    let forged = format!("{path}?cursor=e30");
    let (status, answer) = shop.ask(&staff, ("GET", &forged), None, "").await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["field"]), (400, &json!("cursor")));
    assert_eq!(level(&shop.rig, "A").await, (5, 0));
    assert_eq!(deltas(&shop.rig, "A").await.len(), 1);
    shop.rig.stop().await;
}

#[tokio::test]
async fn refusals_have_their_status_and_code() {
    let shop = Shop::open().await;
    let staff = admin();
    stock(&shop.rig, "A", 5).await;
    reserve(&shop.rig, shop.rig.id(), &[("A", 4)]).await.unwrap();
    let at = ("POST", "/v1/inventory/A/adjustments");
    let take = r#"{"delta": -1, "reason": "x"}"#;
    let more = r#"{"delta": -2, "reason": "x"}"#;
    let elsewhere = ("POST", "/v1/inventory/NOVEL/adjustments");
    for (what, key, body, status, code) in [
        (("PUT", "/v1/inventory/A"), None, r#"{"on_hand": 3}"#, 409, "below_reserved"),
        (at, None, take, 400, "idempotency_key_required"),
        (at, Some("two words"), take, 400, "invalid_input"),
        (at, Some("k"), more, 409, "below_reserved"),
        (at, Some("k"), take, 422, "idempotency_key_reused"),
        (elsewhere, Some("n"), take, 404, "not_found"),
        (("GET", "/v1/inventory/NOVEL"), None, "", 404, "not_found"),
        (("GET", "/v1/inventory/NOVEL/adjustments"), None, "", 404, "not_found"),
        (("GET", "/v1/inventory/no%20sku"), None, "", 404, "not_found"),
        (("GET", "/v1/inventory/%00"), None, "", 404, "not_found"),
        (("GET", "/v1/inventory/%ff"), None, "", 404, "not_found"),
    ] {
        let (is, answer) = shop.ask(&staff, what, key, body).await;
        assert_eq!((is.as_u16(), &answer["code"]), (status, &json!(code)), "{what:?} {body}");
        if code == "below_reserved" {
            assert_eq!(answer["reserved"], 4);
        }
    }
    assert_eq!(level(&shop.rig, "A").await, (5, 4));
    shop.rig.stop().await;
}

#[tokio::test]
async fn every_route_is_documented() {
    let shop = Shop::open().await;
    let api = serde_json::to_value(&shop.api).unwrap();
    let mut count = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, route) in methods.as_object().unwrap() {
            let name = format!("{method} {path}: {route:#}");
            assert_eq!(route["tags"], json!(["inventory"]), "{name}");
            assert!(route["summary"].is_string() && !route["security"].is_null(), "{name}");
            let of_one = path.contains("{sku}").then_some("404");
            for status in ["200", "401", "403"].into_iter().chain(of_one) {
                assert!(route["responses"][status]["content"].is_object(), "{status} {name}");
            }
            count += 1;
        }
    }
    assert_eq!(count, 5);
    shop.rig.stop().await;
}
