//! A provider that tells the same ten times at once.
use crate::{PLAN, stop, urls};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kit::config::{Config, Payments};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use sim::story::books::Books;
use sim::story::client::Client;
use sim::story::place::Place;
use sim::story::{Insist, Plan, Story, Told, goods, hire, open};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

const SECRET: &str = "whsec_story";

fn signature(body: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{now}.{body}").as_bytes());
    format!("t={now},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Tells of `attempt` ten times at once, under one id, to all replicas.
async fn ten_times(http: &reqwest::Client, urls: &[String], attempt: Uuid) -> Vec<StatusCode> {
    let event = format!("evt_{attempt}");
    let body = json!({"id": event, "type": "charge.captured", "attempt": attempt}).to_string();
    let tell = |url: &String| {
        http.post(format!("{url}/v1/webhooks/sandbox"))
            .header("Feria-Signature", signature(&body))
            .header("Content-Type", "application/json")
            .body(body.clone())
            .send()
    };
    let told = futures_util::future::join_all(urls.iter().cycle().take(10).map(tell)).await;
    told.into_iter().map(|answer| answer.unwrap().status()).collect()
}

async fn order(client: &Client, token: &str) -> Value {
    client.post("/v1/cart/items", &json!({"sku": "STORY-1", "quantity": 1})).await.unwrap();
    let body = json!({
        "shipping_address": {
            "name": "Ada", "line1": "1", "city": "London", "postal_code": "1", "country": "GB",
        },
        "shipping_method": "pickup",
        "payment": {"method": "card", "token": token},
    });
    let once = client.with("idempotency-key", Uuid::new_v4().to_string());
    once.post("/v1/checkout", &body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_comes_ten_times_at_once_has_one_effect() {
    let place = Place::under_test().await.unwrap();
    let payments = Payments { webhook_secret: SECRET.into(), ..Config::default().payments };
    // Long enough that no order expires meanwhile.
    let of =
        |name: &str| Config { payments: payments.clone(), hold_seconds: 60, ..place.config(name) };
    goods::stock(&of("one"), 8, 100).await.unwrap();
    hire(of("one")).await.unwrap();
    let mut stores = vec![open(of("one")).await.unwrap()];
    if place.is_server() {
        stores.push(open(of("two")).await.unwrap());
    }
    let (urls, books) = (urls(&stores), Books(stores[0].node()));

    let client = Client::new(&urls[0], Insist::Never, Told::default()).unwrap();
    let mut placed = Vec::new();
    for (n, token) in
        ["tok_timeout", "tok_timeout", "tok_visa", "tok_threeDSecure"].iter().enumerate()
    {
        let email = format!("webhook{n}@example.com");
        let client = client.clone().register(email, "correct-horse").await.unwrap();
        let order = order(&client, token).await;
        placed.push((client, order, *token));
    }
    // The provider charges two seconds after its answer was lost.
    tokio::time::sleep(Duration::from_millis(2_050)).await;
    let sql = "SELECT id, amount FROM attempts WHERE step = 'charge'";
    let attempts: Vec<(Uuid, i64)> = books.pairs("payments", sql).await.unwrap();
    assert_eq!(attempts.len(), 4);
    let http = reqwest::Client::new();
    let all = attempts.iter().map(|(attempt, _)| ten_times(&http, &urls, *attempt));
    for answers in futures_util::future::join_all(all).await {
        assert_eq!(answers, [StatusCode::NO_CONTENT; 10]);
    }
    let sql = "SELECT id, count(*) FROM webhooks GROUP BY id";
    let recorded: Vec<(String, i64)> = books.pairs("payments", sql).await.unwrap();
    assert_eq!(recorded.len(), 4);
    assert!(recorded.iter().all(|(_, count)| *count == 1), "{recorded:?}");

    for (client, order, token) in &placed {
        let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
        if *token == "tok_threeDSecure" {
            // The provider says otherwise than the message, and the provider is believed.
            let order = client.get(&path).await.unwrap();
            assert_eq!(order["payment"]["status"], "requires_action");
            let once = client.with("idempotency-key", "pay").with("prefer", "wait=5");
            once.post(&format!("{path}/pay"), &json!({})).await.unwrap();
        }
        let mut tries = 0;
        while client.get(&path).await.unwrap()["status"] != "paid" {
            tries += 1;
            assert!(tries < 100, "{token} is not paid");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let sql = "SELECT token, count(*) FROM sandbox_charges WHERE state = 'captured' GROUP BY token";
    let charged: Vec<(String, i64)> = books.pairs("payments", sql).await.unwrap();
    assert_eq!(charged.iter().map(|(_, count)| count).sum::<i64>(), 4);
    let plan = Plan { orders: 0, ..PLAN };
    let mut story = Story::begin(&urls, plan).await.unwrap();
    let audit = story.audit(stores[0].node()).await.unwrap();
    assert_eq!(audit.violations, Vec::<String>::new());
    assert_eq!((audit.receipts, audit.orders["delivered"]), (4, 4));
    stop(stores).await;
    place.delete().await.unwrap();
}
