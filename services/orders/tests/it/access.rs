//! Nobody sees, pays or cancels another's order.
use crate::shop::*;
use crate::web::{Asked, get, post, send};
use contracts::orders::{
    CancelOrder, GetOrder, GetReceipt, GetTracking, ListOrders, ListOrdersRefused, OrderRef,
    OrderRefused, OrdersForLetters, PayOrder,
};
use contracts::{CallError, Caller, OrderId};
use http::StatusCode;
use kit::testing::{admin, shopper};

const ROUTES: [(&str, &str); 5] =
    [("GET", ""), ("GET", "/tracking"), ("GET", "/receipt"), ("POST", "/pay"), ("POST", "/cancel")];

/// Every route of one order, with a body and a key that nobody may look at before the owner.
async fn every_route(shop: &Shop, caller: &Caller, order: &str, token: Option<&str>) -> Vec<Asked> {
    let mut asked = Vec::new();
    for (method, route) in ROUTES {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(token.map(|token| ("order-token", token)));
        let path = format!("/v1/orders/{order}{route}");
        asked.push(send(shop, caller, method, &path, &headers, "{ nonsense").await);
    }
    asked
}

#[tokio::test]
async fn a_strangers_order_is_not_there_on_any_route_before_the_body_is_looked_at() {
    let shop = Shop::open().await;
    let (ada, stranger) = (shopper(), shopper());
    let hers = shop.paid_order(&ada).await.id.to_string();
    shop.fill_named("cart-1".into(), &[("BOOK-1", 1)]);
    let guests = shop.rig.call(&Caller::Guest, guest_checkout("cart-1", any_key())).await.unwrap();
    let token = guests.order_token.unwrap();
    let guests = guests.order.id.to_string();
    let nowhere = shop.rig.id::<OrderId>().to_string();
    for (caller, order, shown) in [
        (&stranger, hers.as_str(), None),
        (&stranger, hers.as_str(), Some(token.as_str())),
        (&Caller::Guest, hers.as_str(), Some(token.as_str())),
        (&Caller::Guest, guests.as_str(), Some("wrong")),
        (&Caller::Guest, guests.as_str(), Some("")),
        (&ada, guests.as_str(), None),
        (&ada, nowhere.as_str(), None),
        (&ada, "nonsense", None),
    ] {
        for asked in every_route(&shop, caller, order, shown).await {
            assert_eq!(asked.status, StatusCode::NOT_FOUND, "{}", asked.text);
            assert_eq!(asked.code(), "not_found");
        }
    }
    for order in [hers.as_str(), guests.as_str(), nowhere.as_str(), "nonsense"] {
        for asked in every_route(&shop, &Caller::Guest, order, None).await {
            assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{}", asked.text);
            assert!(asked.headers.contains_key("www-authenticate"));
        }
    }
    // Their owners get as far as the key and the body.
    for (caller, order, shown) in
        [(&ada, hers.as_str(), None), (&Caller::Guest, guests.as_str(), Some(token.as_str()))]
    {
        let asked = every_route(&shop, caller, order, shown).await;
        assert_eq!(asked[0].status, StatusCode::OK);
        assert_eq!(asked[3].code(), "idempotency_key_required");
        assert_eq!(asked[4].code(), "idempotency_key_required");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_strangers_order_is_not_there_by_any_call_either() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await.id;
    for (caller, token, refused) in [
        (shopper(), None, OrderRefused::NotFound),
        (Caller::Guest, Some("x".to_owned()), OrderRefused::NotFound),
        (Caller::Guest, None, OrderRefused::NotLoggedIn),
    ] {
        let of = OrderRef { order, token };
        let (calls, refused) = (&shop.rig, Some(refused));
        let seen = calls.call(&caller, GetOrder { of: of.clone() }).await;
        assert_eq!(seen.unwrap_err().refused(), refused);
        let seen = calls.call(&caller, GetReceipt { of: of.clone() }).await;
        assert_eq!(seen.unwrap_err().refused(), refused);
        let seen = calls.call(&caller, GetTracking { of: of.clone() }).await;
        assert_eq!(seen.unwrap_err().refused(), refused);
        let cancel = CancelOrder { of: of.clone(), idempotency: any_key() };
        assert_eq!(calls.call(&caller, cancel).await.unwrap_err().refused(), refused);
        let pay = PayOrder { of, idempotency: any_key(), payment: None };
        assert_eq!(calls.call(&caller, pay).await.unwrap_err().refused(), refused);
    }
    assert_eq!(shop.get(&ada, order).await.version, 2, "nothing was changed");
    shop.close().await;
}

#[tokio::test]
async fn staff_see_every_order() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await;
    assert_eq!(shop.get(&admin(), order.id).await, order);
    let path = format!("/v1/orders/{}/receipt", order.id);
    assert_eq!(get(&shop, &admin(), &path).await.status, StatusCode::OK);
    let path = format!("/v1/orders/{}/cancel", order.id);
    assert_eq!(post(&shop, &admin(), &path, "k", "").await.status, StatusCode::OK);
    shop.close().await;
}

#[tokio::test]
async fn the_list_of_everybodys_orders_is_for_staff() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.order(&ada).await;
    for (caller, status) in [
        (Caller::Guest, StatusCode::UNAUTHORIZED),
        (shopper(), StatusCode::FORBIDDEN),
        (admin(), StatusCode::OK),
    ] {
        // 401 and 403 come before validation.
        let query = if status == StatusCode::OK { "" } else { "?limit=nonsense" };
        let asked = get(&shop, &caller, &format!("/v1/staff/orders{query}")).await;
        assert_eq!(asked.status, status, "{}", asked.text);
    }
    let asked = get(&shop, &Caller::Guest, "/v1/orders?limit=nonsense").await;
    assert_eq!(asked.status, StatusCode::UNAUTHORIZED);

    let list = |everybody| ListOrders {
        limit: 10,
        cursor: None,
        status: None,
        everybody,
        q: None,
        from: None,
        to: None,
        method: None,
    };
    let refused = |caller: Caller, everybody| {
        let (rig, list) = (&shop.rig, list(everybody));
        async move { rig.call(&caller, list).await.unwrap_err().refused() }
    };
    assert_eq!(refused(Caller::Guest, true).await, Some(ListOrdersRefused::NotLoggedIn));
    assert_eq!(refused(Caller::Guest, false).await, Some(ListOrdersRefused::NotLoggedIn));
    assert_eq!(refused(shopper(), true).await, Some(ListOrdersRefused::NotAllowed));
    assert_eq!(shop.rig.call(&admin(), list(false)).await.unwrap().items, []);
    assert_eq!(shop.rig.call(&admin(), list(true)).await.unwrap().items.len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn what_letters_say_is_told_to_the_store_itself_only() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    // Ids of another millisecond sort behind.
    shop.rig.clock.forward(std::time::Duration::from_millis(1));
    shop.fill_named("cart-1".into(), &[("BOOK-1", 1)]);
    let guests = shop.rig.call(&Caller::Guest, guest_checkout("cart-1", any_key())).await.unwrap();
    let orders = vec![order.id, shop.rig.id(), guests.order.id];
    let ask = OrdersForLetters { orders };
    for caller in [admin(), ada.clone(), Caller::Guest] {
        let refused = shop.rig.call(&caller, ask.clone()).await;
        assert!(matches!(refused, Err(CallError::NotDone(_))));
    }
    let letters = shop.rig.call(&Caller::Store, ask).await.unwrap();
    let to: Vec<_> = letters.iter().map(|l| (l.order.id, l.account, l.email.as_deref())).collect();
    let guest = (guests.order.id, None, Some("guest@example.com"));
    assert_eq!(to, [(order.id, ada.account(), None), guest]);
    let many = OrdersForLetters { orders: vec![order.id; 1001] };
    assert!(shop.rig.call(&Caller::Store, many).await.is_err());
    shop.close().await;
}
