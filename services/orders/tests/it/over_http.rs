use crate::shop::*;
use crate::web::{checkout_body, get, post, send};
use contracts::orders::{CancelReason, Checkout};
use contracts::payments::{PaymentActionRequired, PaymentStatus};
use contracts::{Address, Caller};
use http::StatusCode;
use kit::testing::shopper;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_shopper_checks_out_looks_and_cancels() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-2", 2)]);
    let body = checkout_body().to_string();
    let placed = post(&shop, &ada, "/v1/checkout", "\"k\"", &body).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let order = placed.json();
    let id = order["id"].as_str().unwrap().to_owned();
    assert_eq!(placed.headers["location"], format!("/v1/orders/{id}"));
    assert_eq!(order["total"], json!({"amount": 4497, "currency": "USD"}));
    assert_eq!(order["items"][0]["line_total"], json!({"amount": 3998, "currency": "USD"}));
    assert_eq!(order["status"], "pending");
    assert_eq!(order["payment"]["status"], "pending");
    assert!(order.get("order_token").is_none(), "for guests only");
    let again = post(&shop, &ada, "/v1/checkout", "k", &body).await;
    assert_eq!((again.status, again.json()), (StatusCode::CREATED, order.clone()));

    let mut other = checkout_body();
    other["shipping_method"] = "pickup".into();
    let reused = post(&shop, &ada, "/v1/checkout", "k", &other.to_string()).await;
    assert_eq!((reused.status.as_u16(), reused.code().as_str()), (422, "idempotency_key_reused"));

    let path = format!("/v1/orders/{id}");
    assert_eq!(get(&shop, &ada, &path).await.json(), order);
    let tracking = get(&shop, &ada, &format!("{path}/tracking")).await.json();
    assert_eq!(tracking["timeline"][0], json!({"status": "pending", "at": order["created_at"]}));
    let receipt = get(&shop, &ada, &format!("{path}/receipt")).await;
    assert_eq!((receipt.status.as_u16(), receipt.code().as_str()), (409, "wrong_state"));
    assert_eq!(receipt.json()["order_status"], "pending");

    for (key, body) in [("a", ""), ("b", "{}"), ("c", "")] {
        let cancelled = post(&shop, &ada, &format!("{path}/cancel"), key, body).await;
        assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text);
        assert_eq!(cancelled.json()["status"], "cancelled");
        assert_eq!(cancelled.json()["cancel_reason"], "by_shopper");
    }
    let paid = post(&shop, &ada, &format!("{path}/pay"), "p", "{}").await;
    assert_eq!((paid.status.as_u16(), paid.code().as_str()), (409, "wrong_state"));
    shop.close().await;
}

#[tokio::test]
async fn a_guest_checks_out_with_a_cart_token_and_opens_the_order_with_its_own() {
    let shop = Shop::open().await;
    shop.fill_named("cart-1".into(), &[("BOOK-1", 1)]);
    let mut body = checkout_body();
    body["email"] = "guest@example.com".into();
    let headers =
        [("idempotency-key", "k"), ("content-type", "application/json"), ("cart-token", "cart-1")];
    let body = body.to_string();
    let placed = send(&shop, &Caller::Guest, "POST", "/v1/checkout", &headers, body.clone()).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let token = placed.json()["order_token"].as_str().unwrap().to_owned();
    let again = send(&shop, &Caller::Guest, "POST", "/v1/checkout", &headers, body).await;
    assert_eq!(again.json(), placed.json());

    let path = format!("/v1/orders/{}", placed.json()["id"].as_str().unwrap());
    let opened =
        send(&shop, &Caller::Guest, "GET", &path, &[("order-token", token.as_str())], "").await;
    assert_eq!(opened.status, StatusCode::OK);
    let headers = [("order-token", token.as_str()), ("idempotency-key", "c")];
    let path = format!("{path}/cancel");
    let cancelled = send(&shop, &Caller::Guest, "POST", &path, &headers, "").await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    shop.close().await;
}

/// Bodies of a checkout, each with the field that is wrong in it.
fn wrong_bodies() -> Vec<(String, &'static str)> {
    let with = |path: &str, value: Value| {
        let mut body = checkout_body();
        *body.pointer_mut(path).unwrap() = value;
        body.to_string()
    };
    let plus = |name: &str, value: Value| {
        let mut body = checkout_body();
        body[name] = value;
        body.to_string()
    };
    let mut unknown = checkout_body();
    unknown["payment"]["cvc"] = "123".into();
    vec![
        ("{}".to_owned(), "shipping_address"),
        (plus("discount", 5.into()), "discount"),
        (unknown.to_string(), "payment.cvc"),
        (plus("cart_version", json!(1.0)), "cart_version"),
        (plus("cart_version", json!(-1)), "cart_version"),
        (plus("cart_version", json!("1")), "cart_version"),
        (plus("cart_version", json!(u64::MAX)), "cart_version"),
        (plus("email", json!(7)), "email"),
        (plus("email", json!("no address")), "email"),
        (plus("email", json!("a@example.com\u{0}")), "email"),
        (with("/shipping_method", "teleport".into()), "shipping_method"),
        (with("/payment/method", "gold".into()), "payment.method"),
        (with("/payment/token", Value::Null), "payment.token"),
        (with("/payment/token", "tok\u{0}visa".into()), "payment.token"),
        (with("/payment/token", "t".repeat(201).into()), "payment.token"),
        (with("/shipping_address/name", "".into()), "shipping_address.name"),
        (with("/shipping_address/name", "a\u{0}b".into()), "shipping_address.name"),
        (with("/shipping_address/line1", "x".repeat(201).into()), "shipping_address.line1"),
        (with("/shipping_address/country", "gb".into()), "shipping_address.country"),
        (with("/shipping_address", json!([])), "shipping_address"),
        ("[]".to_owned(), ""),
        ("{".to_owned(), ""),
    ]
}

#[tokio::test]
async fn wrong_input_names_its_field() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    for (body, field) in wrong_bodies() {
        let asked = post(&shop, &ada, "/v1/checkout", "k", &body).await;
        assert_eq!(
            (asked.status.as_u16(), asked.code().as_str()),
            (400, "invalid_input"),
            "{body}"
        );
        assert_eq!(asked.field(), field, "{body}: {}", asked.text);
    }
    let mut two = checkout_body();
    two["shipping_address"]["city"] = "".into();
    two["payment"]["token"] = "a b".into();
    let asked = post(&shop, &ada, "/v1/checkout", "k", &two.to_string()).await;
    let fields: Vec<_> = asked.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["shipping_address.city", "payment.token"], "all at once");
    assert_eq!(shop.count("idempotency").await, 0, "none of it is kept");
    let guest =
        post(&shop, &Caller::Guest, "/v1/checkout", "k", &checkout_body().to_string()).await;
    assert_eq!(guest.field(), "email");
    shop.close().await;
}

#[tokio::test]
async fn a_key_is_required_to_check_out_pay_and_cancel() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await.id;
    let json = [("content-type", "application/json")];
    for (path, body) in [
        ("/v1/checkout".to_owned(), checkout_body().to_string()),
        (format!("/v1/orders/{order}/pay"), "{}".to_owned()),
        (format!("/v1/orders/{order}/cancel"), "{}".to_owned()),
    ] {
        let asked = send(&shop, &ada, "POST", &path, &json, body.clone()).await;
        assert_eq!(asked.status.as_u16(), 400);
        assert_eq!(asked.code(), "idempotency_key_required", "{path}");
        let long = "k".repeat(201);
        let asked = post(&shop, &ada, &path, &long, &body).await;
        assert_eq!((asked.status.as_u16(), asked.code().as_str()), (400, "invalid_input"));
    }
    for (path, body, field) in [
        ("pay", r#"{"payment": {"method": "card"}}"#, "payment.token"),
        ("pay", r#"{"payment": {"method": "card", "token": 1.5}}"#, "payment.token"),
        ("pay", r#"{"amount": 1}"#, "amount"),
        ("cancel", r#"{"reason": "x"}"#, "reason"),
    ] {
        let asked = post(&shop, &ada, &format!("/v1/orders/{order}/{path}"), "k", body).await;
        assert_eq!((asked.status.as_u16(), asked.field().as_str()), (400, field), "{body}");
    }
    shop.close().await;
}

#[tokio::test]
async fn refusals_are_conflicts_that_name_what_they_are_about() {
    let shop = Shop::open().await;
    let ada = shopper();
    let body = checkout_body().to_string();
    let asked = post(&shop, &ada, "/v1/checkout", "1", &body).await;
    assert_eq!((asked.status.as_u16(), asked.code().as_str()), (409, "cart_empty"));
    shop.fill(&ada, &[("LAST", 2)]);
    let asked = post(&shop, &ada, "/v1/checkout", "2", &body).await;
    assert_eq!((asked.code().as_str(), &asked.json()["skus"]), ("out_of_stock", &json!(["LAST"])));
    shop.fill(&ada, &[("BOOK-1", 1)]);
    shop.sell("BOOK-1", 600, 5);
    let asked = post(&shop, &ada, "/v1/checkout", "3", &body).await;
    let change = json!([{"sku": "BOOK-1", "shown": {"amount": 500, "currency": "USD"},
        "now": {"amount": 600, "currency": "USD"}}]);
    assert_eq!((asked.code().as_str(), &asked.json()["changes"]), ("price_changed", &change));
    shop.fail("reserve", Fault::NotDone);
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let asked = post(&shop, &ada, "/v1/checkout", "4", &body).await;
    assert_eq!((asked.status.as_u16(), asked.code().as_str()), (503, "unavailable"));
    assert!(asked.headers.contains_key("retry-after"));
    shop.close().await;
}

/// Checks out over HTTP with `Prefer: wait=20`, while `meanwhile` happens to the order.
async fn waited(
    shop: &Arc<Shop>,
    ada: &Caller,
    meanwhile: impl AsyncFnOnce(contracts::orders::Order),
) -> (Value, Duration) {
    shop.fill(ada, &[("BOOK-1", 1)]);
    let headers =
        [("idempotency-key", "wait"), ("content-type", "application/json"), ("prefer", "wait=20")];
    let body = checkout_body().to_string();
    let (placing, who) = (Arc::clone(shop), ada.clone());
    let placing =
        tokio::spawn(
            async move { send(&placing, &who, "POST", "/v1/checkout", &headers, body).await },
        );
    let order = loop {
        let listed = get(shop, ada, "/v1/orders").await.json();
        if let Some(id) = listed["items"][0]["id"].as_str() {
            break shop.get(ada, id.parse().unwrap()).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!placing.is_finished(), "it waits");
    let started = Instant::now();
    meanwhile(order).await;
    let placed = placing.await.unwrap();
    assert_eq!(placed.status, StatusCode::CREATED);
    (placed.json(), started.elapsed())
}

#[tokio::test]
async fn a_client_may_wait_for_what_becomes_of_its_order() {
    let shop = Arc::new(Shop::open().await);
    let mut soonest = Duration::MAX;
    for _ in 0..3 {
        let (paid, took) =
            waited(&shop, &shopper(), async |order| shop.capture(&order).await).await;
        assert_eq!(paid["status"], "paid");
        soonest = soonest.min(took);
    }
    assert!(soonest < Duration::from_millis(120), "woken, not read again: {soonest:?}");
    let (failed, _) = waited(&shop, &shopper(), async |order| {
        shop.rig.tell(failed(&order)).await;
    })
    .await;
    assert_eq!(
        (&failed["status"], &failed["payment"]["status"]),
        (&json!("cancelled"), &json!("failed"))
    );
    let (asked, took) = waited(&shop, &shopper(), async |order| {
        let asked = PaymentActionRequired { payment: order.payment.id, order: order.id };
        shop.rig.tell(asked).await;
    })
    .await;
    assert_eq!(asked["payment"]["status"], "requires_action");
    assert!(took < Duration::from_secs(5), "{took:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_client_that_completes_an_action_waits_for_its_outcome_too() {
    let shop = Arc::new(Shop::open().await);
    let ada = shopper();
    let order = shop.order(&ada).await;
    shop.rig.tell(PaymentActionRequired { payment: order.payment.id, order: order.id }).await;
    shop.others.lock().continuing = Some(Ok(PaymentStatus::RequiresAction));
    let paying = {
        let (shop, ada) = (Arc::clone(&shop), ada.clone());
        tokio::spawn(async move {
            let headers = [("idempotency-key", "pay"), ("prefer", "wait=20")];
            send(&shop, &ada, "POST", &format!("/v1/orders/{}/pay", order.id), &headers, "").await
        })
    };
    shop.reached("continue", 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!paying.is_finished(), "it waits");
    shop.capture(&order).await;
    assert_eq!(paying.await.unwrap().json()["status"], "paid");
    shop.close().await;
}

#[tokio::test]
async fn a_client_waits_no_longer_than_it_wants() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let headers =
        [("idempotency-key", "k"), ("content-type", "application/json"), ("prefer", "wait=1")];
    let started = Instant::now();
    let body = checkout_body().to_string();
    let placed = send(&shop, &ada, "POST", "/v1/checkout", &headers, body).await;
    assert_eq!((placed.status, &placed.json()["status"]), (StatusCode::CREATED, &json!("pending")));
    assert!(started.elapsed() >= Duration::from_secs(1));
    shop.close().await;
}

#[tokio::test]
async fn a_receipt_is_json_or_a_page_with_everything_escaped() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 2), ("BOOK-2", 1)]);
    let hostile = "<script>alert('x')</script>\" onload=\"& {{7*7}}";
    let shipping_address =
        Address { name: hostile.into(), line2: Some(hostile.into()), ..address() };
    let command = Checkout { shipping_address, ..checkout(any_key()) };
    let order = shop.check_out(&ada, command).await.unwrap();
    shop.capture(&order).await;
    let path = format!("/v1/orders/{}/receipt", order.id);
    let receipt = get(&shop, &ada, &path).await;
    assert_eq!(receipt.json()["order"]["shipping_address"]["name"], hostile, "stored as it is");
    assert_eq!(receipt.json()["refunded"]["amount"], 0);
    assert!(receipt.json()["paid_at"].is_string());

    let page = send(&shop, &ada, "GET", &path, &[("accept", "text/html,*/*;q=0.8")], "").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["vary"], "Accept");
    assert!(!page.text.contains("<script"), "{}", page.text);
    assert!(!page.text.contains("\" onload"), "{}", page.text);
    assert!(page.text.contains("&#60;script&#62;") || page.text.contains("&lt;script&gt;"));
    for shown in [&*order.number, "Title of BOOK-1", "10.00 USD", "34.98 USD", "SW1Y 4JH"] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    assert!(!page.text.contains("Cancelled"));
    shop.cancel(&ada, order.id).await.unwrap();
    let page = send(&shop, &ada, "GET", &path, &[("accept", "text/html")], "").await;
    assert!(page.text.contains("Cancelled"));
    let seen = shop.get(&ada, order.id).await;
    assert_eq!(seen.cancel_reason, Some(CancelReason::ByShopper));
    shop.close().await;
}

#[tokio::test]
async fn every_route_is_documented() {
    let mut rig = kit::testing::Rig::start(&[Box::new(orders::plug())], Default::default()).await;
    let mut nodes = std::mem::take(&mut rig.nodes);
    let routes = nodes[0].services[0].routes.take().unwrap();
    let api = serde_json::to_value(routes.split_for_parts().1).unwrap();
    for node in nodes {
        node.stop().await;
    }
    for (path, method) in [
        ("/v1/checkout", "post"),
        ("/v1/orders", "get"),
        ("/v1/orders/{id}", "get"),
        ("/v1/orders/{id}/pay", "post"),
        ("/v1/orders/{id}/cancel", "post"),
        ("/v1/orders/{id}/tracking", "get"),
        ("/v1/orders/{id}/shipments", "post"),
        ("/v1/orders/{id}/shipments/{shipment}", "patch"),
        ("/v1/orders/{id}/receipt", "get"),
        ("/v1/staff/orders", "get"),
    ] {
        let route = &api["paths"][path][method];
        assert!(route["summary"].is_string(), "{method} {path}: {route:#}");
        assert_eq!(route["tags"], json!(["orders"]));
        assert!(route["security"].is_array(), "{method} {path}");
    }
}
