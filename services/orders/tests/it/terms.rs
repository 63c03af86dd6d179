//! The shop's terms: who sees them, who changes them, and what is kept of them.
use crate::shop::*;
use crate::web::{Asked, get, send};
use contracts::orders::{GetShop, Shop as Terms, ShopChanged, ShopRefused, ShopTerms, UpdateShop};
use contracts::{CallError, Caller, Role};
use http::StatusCode;
use kit::testing::{admin, shopper};
use serde_json::{Value, json};
use std::time::Duration;

pub async fn put(shop: &Shop, caller: &Caller, body: &Value) -> Asked {
    let headers = [("content-type", "application/json")];
    send(shop, caller, "PUT", "/v1/shop", &headers, body.to_string()).await
}

pub fn body() -> Value {
    json!({
        "name": "Libros del Sol", "address": ["Calle Mayor 1", "28013 Madrid"],
        "vat_id": "ESX1234567X", "countries": ["GB", "ES"],
        "shipping": [{"method": "standard", "price": 500}],
    })
}

fn support() -> Caller {
    let Caller::Account { account, session, .. } = admin() else { panic!() };
    Caller::Account { account, session, role: Role::Support }
}

#[tokio::test]
async fn a_new_shop_is_what_its_configuration_says() {
    let shop = Shop::open().await;
    let asked = get(&shop, &Caller::Guest, "/v1/shop").await;
    assert_eq!(asked.status, StatusCode::OK, "everybody may see it");
    let terms = asked.json();
    assert_eq!(terms["name"], "Feria");
    assert_eq!((&terms["version"], &terms["changed_at"]), (&json!(0), &Value::Null));
    assert_eq!((&terms["currency"], &terms["tax"]), (&json!("USD"), &json!([])));
    assert_eq!(terms["shipping"][0]["price"], 499);
    shop.close().await;
}

#[tokio::test]
async fn an_admin_changes_the_terms_and_everybody_sees_it_at_once() {
    let shop = Shop::open().await;
    let told = shop.rig.listen::<ShopChanged>();
    let asked = put(&shop, &admin(), &body()).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let changed = asked.json();
    assert_eq!((&changed["name"], &changed["version"]), (&json!("Libros del Sol"), &json!(1)));
    assert!(changed["changed_at"].is_string());
    // Every replica answers in turn.
    for _ in 0..4 {
        let seen: Terms = shop.rig.call(&Caller::Guest, GetShop).await.unwrap();
        assert_eq!((seen.version, seen.terms.name.as_str()), (1, "Libros del Sol"));
    }
    // What was answered can be changed and sent back.
    let mut next = changed.clone();
    next["phone"] = json!("+34 910 000 000");
    let asked = put(&shop, &admin(), &next).await;
    assert_eq!(
        (asked.status.as_u16(), &asked.json()["version"]),
        (200, &json!(2)),
        "{}",
        asked.text
    );
    let told: Vec<i64> = told.lock().iter().map(|told| told.version).collect();
    assert_eq!(told, [1, 2]);
    assert_eq!(shop.count("shop_terms").await, 3, "each version is kept, and the first with it");
    shop.close().await;
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let shop = Shop::open().await;
    let with = |name: &str, version: i64| {
        let mut body = body();
        (body["name"], body["version"]) = (json!(name), json!(version));
        body
    };
    assert_eq!(put(&shop, &admin(), &with("One", 0)).await.status, StatusCode::OK);
    let refused = put(&shop, &admin(), &with("Two", 0)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "shop_changed"));
    assert_eq!(refused.json()["version"], 1);
    // The repetition of what was done finds it done.
    let again = put(&shop, &admin(), &with("One", 0)).await;
    assert_eq!((again.status.as_u16(), &again.json()["version"]), (200, &json!(1)));
    // Many at once, none of whom has seen anything: each one is kept, one after the other.
    let caller = admin();
    let updates = (0..8).map(|n| {
        let terms = ShopTerms { name: format!("Shop {n}"), ..ShopTerms::default() };
        shop.rig.call(&caller, UpdateShop { terms, version: None })
    });
    let mut versions: Vec<i64> = futures_util::future::join_all(updates)
        .await
        .into_iter()
        .map(|a| a.unwrap().version)
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..10).collect::<Vec<_>>());
    // And of those who have seen the same, one.
    let updates = (0..8).map(|n| {
        let terms = ShopTerms { name: format!("Other {n}"), ..ShopTerms::default() };
        shop.rig.call(&caller, UpdateShop { terms, version: Some(9) })
    });
    let ends = futures_util::future::join_all(updates).await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
    let refused = |end: &Result<Terms, CallError<ShopRefused>>| {
        matches!(end, Err(CallError::Refused(ShopRefused::ShopChanged { version: 10 })))
    };
    assert_eq!(ends.iter().filter(|end| refused(end)).count(), 7);
    shop.close().await;
}

#[tokio::test]
async fn only_an_admin_may_change_the_terms_and_that_is_said_first() {
    let shop = Shop::open().await;
    let wrong = json!({"name": 5});
    for (caller, status) in [(Caller::Guest, 401), (shopper(), 403), (support(), 403)] {
        assert_eq!(put(&shop, &caller, &wrong).await.status.as_u16(), status);
        let command = UpdateShop { terms: ShopTerms::default(), version: None };
        let refused = shop.rig.call(&caller, command).await.unwrap_err().refused();
        assert_eq!(refused, Some(ShopRefused::NotAllowed));
    }
    assert_eq!(shop.count("shop_terms").await, 0);
    shop.close().await;
}

#[tokio::test]
async fn wrong_terms_are_refused_with_every_field_named() {
    let shop = Shop::open().await;
    let change = |change: Value| {
        let (Value::Object(mut all), Value::Object(change)) = (body(), change) else { panic!() };
        all.extend(change);
        Value::Object(all)
    };
    for (changed, field) in [
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"countries": ["Spain"]}), "countries[0]"),
        (json!({"currency": "EUR"}), "currency"),
        (json!({"currency": "euro"}), "currency"),
        (json!({"colour": "red"}), "colour"),
        (json!({"prices_include_tax": "yes"}), "prices_include_tax"),
        (json!({"shipping": [{"method": "standard", "price": 4.99}]}), "shipping[0].price"),
        (json!({"shipping": [{"method": "drone", "price": 4}]}), "shipping[0].method"),
        (json!({"shipping": [{"method": "pickup", "price": -4}]}), "shipping[0].price"),
        (json!({"tax": [{"basis_points": 10_001}]}), "tax[0].basis_points"),
        (json!({"tax": [{"basis_points": -1}]}), "tax[0].basis_points"),
        (json!({"tax": [{"basis_points": 1, "rate": 2}]}), "tax[0].rate"),
        (json!({"version": -1}), "version"),
    ] {
        let asked = put(&shop, &admin(), &change(changed.clone())).await;
        let answer = (asked.status.as_u16(), asked.code());
        assert_eq!(answer, (400, "invalid_input".into()), "{changed}: {}", asked.text);
        assert_eq!(asked.field(), field, "{changed}");
    }
    let missing = put(&shop, &admin(), &json!({"name": "x"})).await;
    assert_eq!((missing.status.as_u16(), missing.field()), (400, "shipping".into()));
    let two = put(&shop, &admin(), &change(json!({"name": "", "vat_id": "x".repeat(31)}))).await;
    assert_eq!(two.json()["errors"].as_array().unwrap().len(), 2, "all at once");
    assert_eq!(shop.count("shop_terms").await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_change_by_another_process_is_noticed_within_a_second() {
    let shop = Shop::open().await;
    let seen = |version| {
        let shop = &shop;
        async move {
            for _ in 0..4 {
                let terms: Terms = shop.rig.call(&Caller::Store, GetShop).await.unwrap();
                assert_eq!(terms.version, version);
            }
        }
    };
    seen(0).await;
    // Nobody tells of it: news of an earlier change, still on its way, would make it seen at once.
    let terms = serde_json::to_string(&ShopTerms::default()).unwrap();
    shop.sql(&format!(
        "INSERT INTO shop_terms (version, terms, changed_at) VALUES (1, '{terms}', 1)"
    ))
    .await;
    seen(0).await;
    shop.rig.clock.forward(Duration::from_secs(1));
    seen(1).await;
    shop.close().await;
}
