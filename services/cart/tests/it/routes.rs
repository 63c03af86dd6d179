use crate::start;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use contracts::Caller;
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn router() -> (Router, std::sync::Arc<kit::testing::Rig>) {
    let (rig, _) = start().await;
    let routes = rig.nodes[0].service("cart").unwrap().routes.clone().unwrap();
    (routes.split_for_parts().0, rig)
}

async fn send(
    router: &Router,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (StatusCode, Option<String>, Value) {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("cart-token", token);
    }
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request.extensions_mut().insert(Caller::Guest);
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let token = response.headers().get("cart-token").map(|t| t.to_str().unwrap().to_owned());
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, token, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_fills_changes_and_empties_a_cart() {
    let (router, _rig) = router().await;
    let add = json!({"sku": "a-1", "quantity": 2}).to_string();
    let (status, token, cart) = send(&router, "POST", "/v1/cart/items", None, &add).await;
    assert_eq!((status, &cart["items"][0]["sku"]), (StatusCode::CREATED, &json!("A-1")));
    let token = token.unwrap();
    let token = Some(token.as_str());
    let (status, again, _) = send(&router, "POST", "/v1/cart/items", token, &add).await;
    assert_eq!((status, again), (StatusCode::OK, None));
    let (_, _, cart) = send(&router, "GET", "/v1/cart", token, "").await;
    assert_eq!(cart["subtotal"], json!({"amount": 1000, "currency": "USD"}));
    assert_eq!(cart["items"][0]["line_total"]["amount"], 1000);
    let (status, _, cart) =
        send(&router, "PATCH", "/v1/cart/items/A-1", token, r#"{"quantity": 1}"#).await;
    assert_eq!((status, &cart["items"][0]["quantity"]), (StatusCode::OK, &json!(1)));
    let (status, _, cart) = send(&router, "DELETE", "/v1/cart/items/A-1", token, "").await;
    assert_eq!((status, &cart["items"]), (StatusCode::OK, &json!([])));
    let (status, ..) = send(&router, "DELETE", "/v1/cart", token, "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field_and_changes_nothing() {
    let (router, _rig) = router().await;
    let bad = [
        (r#"{"sku": "A", "quantity": -1}"#, "quantity"),
        (r#"{"sku": "A", "quantity": 0}"#, "quantity"),
        (r#"{"sku": "A", "quantity": 1.5}"#, "quantity"),
        (r#"{"sku": "A", "quantity": 10000}"#, "quantity"),
        (r#"{"sku": "A", "quantity": 99999999999999999999}"#, "quantity"),
        (r#"{"sku": "A", "quantity": "1"}"#, "quantity"),
        (r#"{"sku": "a b", "quantity": 1}"#, "sku"),
        ("{\"sku\": \"A\\u0000\", \"quantity\": 1}", "sku"),
        (r#"{"sku": "A"}"#, "quantity"),
        (r#"{"sku": "A", "quantity": 1, "price": 1}"#, "price"),
    ];
    for (body, field) in bad {
        let (status, token, problem) = send(&router, "POST", "/v1/cart/items", None, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
        assert_eq!(problem["code"], "invalid_input", "{body}: {problem}");
        assert!(problem["errors"][0]["field"].as_str().unwrap().contains(field), "{problem}");
        assert_eq!(token, None);
    }
    let gone = r#"{"sku": "GONE", "quantity": 1}"#;
    let (status, _, problem) = send(&router, "POST", "/v1/cart/items", None, gone).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("not_sold")));
    let (status, _, problem) =
        send(&router, "PATCH", "/v1/cart/items/A", None, r#"{"quantity": 1}"#).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_in_cart")));
}
