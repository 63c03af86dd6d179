//! Copies of a store that sells.
use crate::client::{PATIENCE, Served, ask, eventually, get, run, within};
use inventory::reserve_stock::ASK_AFTER;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// A shopper with money and a token.
fn shopper(store: &Served, name: &str) -> String {
    let body =
        json!({"email": format!("{name}@example.com"), "password": "correct-horse", "name": name});
    let token = ask(store.address, "POST", "/v1/auth/register", "", &body.to_string()).json();
    token["access_token"].as_str().unwrap().to_owned()
}
/// Buys one piece by card; the order's id, if one was placed.
fn buy(store: &Served, token: &str, key: &str) -> Option<String> {
    // One address may ask fifty times a second.
    std::thread::sleep(Duration::from_millis(100));
    let item = r#"{"sku": "TEA", "quantity": 1}"#;
    let added = ask(store.address, "POST", "/v1/cart/items", token, item);
    assert!([200, 201].contains(&added.status), "{}", added.body);
    let order = json!({
        "shipping_address": {"name": "A", "line1": "1", "city": "C", "postal_code": "1", "country": "GB"},
        "shipping_method": "pickup",
        "payment": {"method": "card", "token": "tok_visa"},
    });
    let token = format!("{token}\r\nPrefer: wait=10\r\nIdempotency-Key: {key}");
    let placed = ask(store.address, "POST", "/v1/checkout", &token, &order.to_string());
    (placed.status == 201).then(|| placed.json()["id"].as_str().unwrap().to_owned())
}

/// Backs the store up while three shoppers buy; answers how many orders were acknowledged before.
fn copy_while_it_sells(store: &Served, copy: &str, data: &str) -> u32 {
    let (stop, sold) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for n in 0..3 {
            let (stop, sold) = (&stop, &sold);
            scope.spawn(move || {
                let token = shopper(store, &format!("shopper{n}"));
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    if buy(store, &token, &format!("key-{n}-{round}")).is_some() {
                        sold.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        eventually("something is sold", || sold.load(Ordering::Relaxed) >= 10);
        let before = sold.load(Ordering::Relaxed);
        let (code, said, complaint) = run(&["backup", copy, "--data", data], "");
        assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
        let after = sold.load(Ordering::Relaxed);
        eventually("it goes on selling", || sold.load(Ordering::Relaxed) > after + 5);
        stop.store(true, Ordering::Relaxed);
        before
    })
}

#[test]
fn a_backup_taken_while_the_store_sells_is_restored_with_all_that_fits_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let goods = r#"{"title": "Tea", "sku": "TEA", "price": 450, "on_hand": 100000}"#;
    fs::write(path("goods.jsonl"), goods).unwrap();
    let data = path("data");
    assert_eq!(run(&["import", &path("goods.jsonl"), "--data", &data], "").0, 0);
    let admin = ["admin", "create", "me@example.com", "--password-stdin", "--data", &data];
    assert_eq!(run(&admin, "correct-horse-battery").0, 0);
    let store = Served::start(Path::new(&data));
    let before = copy_while_it_sells(&store, &path("copy"), &data);
    drop(store);

    let restored = path("restored");
    let (code, said, complaint) = run(&["restore", &path("copy"), "--data", &restored], "");
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    let store = Served::start(Path::new(&restored));
    let body = r#"{"email": "me@example.com", "password": "correct-horse-battery"}"#;
    let login = ask(store.address, "POST", "/v1/auth/login", "", body).json();
    let token = login["access_token"].as_str().unwrap().to_owned();
    let of = |path: &str| ask(store.address, "GET", path, &token, "").json();
    // What was on its way when the copy was taken comes to its end: a checkout that held its stock
    // and had placed no order yet is asked after.
    let asked = ASK_AFTER + PATIENCE;
    within(asked, "nothing is reserved", || of("/v1/inventory/TEA")["reserved"] == 0);
    eventually("no order is pending", || {
        of("/v1/staff/orders?status=pending&limit=1")["items"].as_array().unwrap().is_empty()
    });
    let (mut paid, mut cursor) = (0_u32, String::new());
    loop {
        let page = of(&format!("/v1/staff/orders?status=paid&limit=100{cursor}"));
        paid += u32::try_from(page["items"].as_array().unwrap().len()).unwrap();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(paid >= before, "{paid} of {before} orders that were acknowledged before the copy");
    let on_hand = of("/v1/inventory/TEA")["on_hand"].as_u64().unwrap();
    assert_eq!(on_hand + u64::from(paid), 100_000, "what is sold left the shelf");
    eventually("the index is made anew", || {
        get(store.address, "/v1/products?q=tea").json()["total"] == 1
    });
    eventually("the score is the sales", || of("/v1/products/tea")["score"] == paid);
    assert_eq!(store.terminate().0, 0);
}

#[test]
fn a_backup_is_never_put_over_a_store_and_never_taken_from_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, copy) = (path("data"), path("copy"));
    let refused = |arguments: &[&str], data: &str, word: &str| {
        let (code, said, complaint) = run(&[arguments, &["--data", data]].concat(), "");
        assert_eq!((code, said.as_str()), (2, ""), "{arguments:?}: {complaint}");
        assert!(complaint.contains(word) && complaint.lines().count() == 1, "{complaint}");
    };
    refused(&["backup", &copy], &data, "there is no store");
    refused(&["restore", &copy], &data, "holds no backup");
    assert_eq!(run(&["migrate", "--data", &data], "").0, 0);
    assert_eq!(run(&["backup", &copy, "--data", &data], "").0, 0);
    refused(&["backup", &copy], &data, "exists already");
    refused(&["restore", &copy], &data, "without databases");
    let store = Served::start(Path::new(&path("other")));
    refused(&["restore", &copy], &path("other"), "another feria serve runs");
    drop(store);
    let orders = format!("{copy}/orders.db");
    let mut bytes = fs::read(&orders).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&orders, bytes).unwrap();
    refused(&["restore", &copy], &path("new"), "orders.db");
}
