//! The export of all that the store keeps about a person.
use crate::http::send;
use crate::{registered, started};
use contracts::cart::{Cart, CartAnswer, GetCart};
use contracts::catalog::ReviewsBy;
use contracts::identity::{ExportMe, MeRefused};
use contracts::notifications::{ListNotifications, Notification, NotificationPage};
use contracts::orders::{ListOrders, OrderPage};
use contracts::payments::{WalletEntries, WalletEntryPage};
use contracts::{CallError, Caller, Currency, Money, Timestamp};
use http::{Method, StatusCode, header};
use kit::testing::Rig;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Plays the neighbours, for `of` alone. While `away` the wallet does not answer.
fn neighbours(rig: &Rig, of: &Caller, away: &Arc<AtomicBool>) {
    let who = of.clone();
    rig.play::<ListOrders>(move |caller, call| {
        assert_eq!((&caller, call.everybody, call.limit), (&who, false, 100));
        Ok(OrderPage { items: vec![], next_cursor: None })
    });
    let away = Arc::clone(away);
    rig.play::<WalletEntries>(move |_, _| match away.load(Ordering::Relaxed) {
        true => Err(CallError::NotDone("payments is away".into())),
        false => Ok(WalletEntryPage { items: vec![], next_cursor: None }),
    });
    let id = rig.id();
    rig.play::<ListNotifications>(move |_, call| {
        let told = |title: &str| Notification {
            id,
            kind: "welcome".into(),
            title: title.into(),
            body: String::new(),
            order: None,
            at: Timestamp::from_micros(0),
        };
        Ok(match call.cursor.as_deref() {
            None => NotificationPage { items: vec![told("2")], next_cursor: Some("more".into()) },
            Some("more") => NotificationPage { items: vec![told("1")], next_cursor: None },
            Some(other) => panic!("{other} was never given"),
        })
    });
    rig.play::<GetCart>(|_, call| {
        assert_eq!(call.of.token, None);
        let nothing = Money::new(0, Currency::USD);
        let cart = Cart {
            id: None,
            items: vec![],
            subtotal: nothing,
            total: nothing,
            version: 0,
            unavailable: vec![],
        };
        Ok(CartAnswer { cart, token: None })
    });
    rig.play::<ReviewsBy>(|caller, call| {
        assert_eq!(caller.account(), Some(call.account));
        Ok(vec![])
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_along_all_that_the_store_keeps() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    neighbours(&rig, &ada, &Arc::default());
    let export = send(&rig, Method::GET, "/v1/me/export", &ada, &Value::Null).await;
    assert_eq!(export.status(), StatusCode::OK);
    assert_eq!(export.headers()[header::CACHE_CONTROL], "no-store");
    let body = export.body();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let services = ["cart", "catalog", "identity", "notifications", "orders", "payments"];
    assert_eq!(members, services);
    assert_eq!(body["identity"]["account"]["email"], "ada@example.com");
    assert_eq!(body["identity"]["sessions"].as_array().unwrap().len(), 1);
    let told = body["notifications"]["notifications"].as_array().unwrap();
    let titles: Vec<_> = told.iter().map(|told| told["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["2", "1"], "all pages");
    assert!(!body.to_string().contains("argon2"));
    assert_eq!(
        rig.call(&Caller::Guest, ExportMe).await,
        Err(CallError::Refused(MeRefused::NotLoggedIn))
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_whole_or_not_answered() {
    let rig = started().await;
    let ada = registered(&rig, "ada@example.com").await;
    let away = Arc::new(AtomicBool::new(true));
    neighbours(&rig, &ada, &away);
    let export = send(&rig, Method::GET, "/v1/me/export", &ada, &Value::Null).await;
    assert_eq!(export.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(export.body()["code"], "unavailable");
    assert!(matches!(rig.call(&ada, ExportMe).await, Err(CallError::NotDone(_))));
    away.store(false, Ordering::Relaxed);
    assert!(rig.call(&ada, ExportMe).await.is_ok());
    rig.stop().await;
}
