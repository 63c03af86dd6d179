use crate::shop::*;
use contracts::cart::{CartToken, Contents};
use contracts::orders::{
    CancelReason, Checkout, CheckoutRefused, GetOrder, Idempotency, OrderPlaced, OrderRef,
    OrderStatus, PayWith, PriceChange, ShippingMethod,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{CallError, Caller, Currency, Money, OrderId};
use kit::clock::{Chance, Sources};
use kit::plug::{Node, Setup};
use kit::testing::shopper;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[tokio::test]
async fn an_order_is_placed_with_its_stock_held_and_told() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-2", 1), ("BOOK-1", 3)]);
    let order = shop.check_out(&ada, checkout(any_key())).await.unwrap();

    assert_eq!(order.status, OrderStatus::Pending);
    let lines: Vec<_> = order.items.iter().map(|i| (i.sku.as_str(), i.quantity.get())).collect();
    assert_eq!(lines, [("BOOK-2", 1), ("BOOK-1", 3)]);
    assert_eq!(order.items[1].line_total, usd(1500));
    assert_eq!(order.items[1].title, "Title of BOOK-1");
    assert_eq!((order.subtotal, order.shipping, order.total), (usd(3499), usd(499), usd(3998)));
    assert_eq!((order.tax, order.discount), (usd(0), usd(0)));
    assert_eq!(order.payment.status, PaymentStatus::Pending);
    assert_eq!(order.expires_at, Some(order.created_at.after(Duration::from_secs(900))));
    let groups: Vec<usize> = order.number.split('-').map(str::len).collect();
    assert_eq!(groups, [4, 4, 2], "{}", order.number);

    assert!(shop.held(order.id));
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].order, told[0].account), (order.id, ada.account()));
    assert_eq!((told[0].total, told[0].payment), (order.total, order.payment.id));
    assert_eq!((told[0].method, told[0].token.as_deref()), (PaymentMethod::Card, Some("tok_visa")));
    assert_eq!(told[0].expires_at, order.expires_at);
    assert_eq!(shop.get(&ada, order.id).await, order);
    shop.close().await;
}

#[tokio::test]
async fn two_lines_of_one_sku_count_together() {
    let shop = Shop::open().await;
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-1", 1), ("BOOK-2", 1), ("BOOK-1", 2)]);
    let order = shop.check_out(&ada, checkout(any_key())).await.unwrap();
    assert_eq!(order.items.len(), 2);
    assert_eq!((order.items[0].quantity, order.items[0].line_total), (pieces(3), usd(1500)));
    shop.rig.settled().await;
    assert_eq!(told.lock()[0].lines, shop.others.lock().holds[&order.id]);
    assert_eq!(told.lock()[0].lines.len(), 2);

    shop.sell("FEW", 100, 3);
    shop.fill(&ada, &[("FEW", 2), ("FEW", 2)]);
    let CheckoutRefused::OutOfStock { short } = shop.refused(&ada, checkout(any_key())).await
    else {
        panic!("three are fewer than two and two");
    };
    assert_eq!((short[0].requested, short[0].available), (4, 3));
    shop.close().await;
}

#[tokio::test]
async fn a_total_of_five_lines_is_right() {
    let shop = Shop::open().await;
    let (ada, mut lines) = (shopper(), Vec::new());
    let names: Vec<String> = (1..=5).map(|n| format!("L{n}")).collect();
    for (name, n) in names.iter().zip(1_u32..) {
        shop.sell(name, i64::from(n) * 1111, 100);
        lines.push((name.as_str(), n));
    }
    shop.fill(&ada, &lines);
    let command = Checkout { shipping_method: ShippingMethod::Express, ..checkout(any_key()) };
    let order = shop.check_out(&ada, command).await.unwrap();
    assert_eq!(order.subtotal, usd(1111 * (1 + 4 + 9 + 16 + 25)));
    assert_eq!(order.total, usd(1111 * 55 + 1499));
    let sum: i64 = order.items.iter().map(|item| item.line_total.minor).sum();
    assert_eq!(sum, order.subtotal.minor);
    shop.close().await;
}

#[tokio::test]
async fn picking_up_costs_nothing() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let command = Checkout {
        shipping_method: ShippingMethod::Pickup,
        payment: wallet(),
        ..checkout(any_key())
    };
    let order = shop.check_out(&ada, command).await.unwrap();
    assert_eq!((order.shipping, order.total), (usd(0), usd(500)));
    assert_eq!(order.payment.method, PaymentMethod::Wallet);
    shop.close().await;
}

#[tokio::test]
async fn an_empty_cart_is_refused() {
    let shop = Shop::open().await;
    let ada = shopper();
    assert_eq!(shop.refused(&ada, checkout(any_key())).await, CheckoutRefused::CartEmpty);
    shop.fill(&ada, &[]);
    assert_eq!(shop.refused(&ada, checkout(any_key())).await, CheckoutRefused::CartEmpty);
    let nobody = Checkout { of: CartToken { token: None }, ..guest_checkout("", any_key()) };
    assert_eq!(shop.refused(&Caller::Guest, nobody).await, CheckoutRefused::CartEmpty);
    assert_eq!(shop.count("orders").await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_cart_that_was_changed_since_it_was_seen_is_refused() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    shop.fill(&ada, &[("BOOK-1", 2)]);
    let seen = Checkout { cart_version: Some(1), ..checkout(any_key()) };
    assert_eq!(shop.refused(&ada, seen).await, CheckoutRefused::CartChanged { version: 2 });
    let seen = Checkout { cart_version: Some(2), ..checkout(any_key()) };
    assert!(shop.check_out(&ada, seen).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn a_price_that_changed_is_refused_with_both_prices_and_holds_nothing() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1), ("BOOK-2", 1)]);
    shop.sell("BOOK-2", 2499, 5);
    let change = PriceChange { sku: sku("BOOK-2"), shown: usd(1999), now: usd(2499) };
    let refused = shop.refused(&ada, checkout(any_key())).await;
    assert_eq!(refused, CheckoutRefused::PriceChanged { changes: vec![change] });
    assert_eq!(shop.holds(), 0);
    shop.fill(&ada, &[("BOOK-1", 1), ("BOOK-2", 1)]);
    assert!(shop.check_out(&ada, checkout(any_key())).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn what_is_not_sold_any_more_is_named() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("GONE-1", 1), ("BOOK-1", 1), ("GONE-2", 1)]);
    let refused = shop.refused(&ada, checkout(any_key())).await;
    assert_eq!(refused, CheckoutRefused::NotSold { skus: vec![sku("GONE-1"), sku("GONE-2")] });
    shop.close().await;
}

#[tokio::test]
async fn too_little_stock_names_the_skus_and_places_no_order() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1), ("LAST", 2)]);
    let CheckoutRefused::OutOfStock { short } = shop.refused(&ada, checkout(any_key())).await
    else {
        panic!("there is one");
    };
    assert_eq!(short.len(), 1);
    assert_eq!((&short[0].sku, short[0].available), (&sku("LAST"), 1));
    assert_eq!((shop.holds(), shop.count("orders").await), (0, 0));
    shop.fill(&ada, &[("LAST", 1)]);
    assert!(shop.check_out(&ada, checkout(any_key())).await.is_ok(), "the last one is sold");
    shop.close().await;
}

#[tokio::test]
async fn who_comes_after_it_is_known_to_be_sold_out_is_told_so_and_the_key_keeps_it() {
    let shop = Shop::open().await;
    let (ada, late) = (shopper(), shopper());
    let (first, key) = (any_key(), any_key());
    shop.fill(&ada, &[("LAST", 1)]);
    let order = shop.check_out(&ada, checkout(first.clone())).await.unwrap();
    shop.others.lock().known_short.insert(sku("LAST"));
    let again = shop.check_out(&ada, checkout(first)).await.unwrap();
    assert_eq!(again.id, order.id, "what was answered before is answered again");

    shop.fill(&late, &[("BOOK-1", 1), ("LAST", 1)]);
    let seen = Some(shop.others.lock().carts[&late.account().unwrap().to_string()].version);
    let stale = Checkout { cart_version: seen.map(|seen| seen + 1), ..checkout(any_key()) };
    assert!(matches!(shop.refused(&late, stale).await, CheckoutRefused::CartChanged { .. }));
    let asked = shop.times("reserve");
    let CheckoutRefused::OutOfStock { short } = shop.refused(&late, checkout(key.clone())).await
    else {
        panic!("it is sold out");
    };
    assert_eq!((short.len(), &short[0].sku), (1, &sku("LAST")));
    assert_eq!(shop.times("reserve"), asked, "inventory need not decide");

    shop.others.lock().known_short.clear();
    shop.sell("LAST", 700, 1);
    let kept = shop.refused(&late, checkout(key)).await;
    assert!(matches!(kept, CheckoutRefused::OutOfStock { .. }), "the key keeps it");
    assert!(shop.check_out(&late, checkout(any_key())).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn what_was_in_the_cart_lately_may_be_sold_out_but_is_not_ordered() {
    let shop = Shop::open().await;
    let (ada, bob) = (shopper(), shopper());
    for (who, now) in [(&ada, "BOOK-2"), (&bob, "BOOK-1")] {
        shop.fill(who, &[("LAST", 1)]);
        let mut others = shop.others.lock();
        let name = who.account().unwrap().to_string();
        let lately = Contents { lately: true, ..others.carts[&name].clone() };
        others.lately.insert(name, lately);
        drop(others);
        shop.fill(who, &[(now, 1)]);
    }
    let order = shop.check_out(&ada, checkout(any_key())).await.unwrap();
    assert_eq!(order.items[0].sku, sku("BOOK-2"), "it is what is in the cart");
    shop.others.lock().known_short.insert(sku("LAST"));
    let asked = shop.times("cart");
    let refused = shop.refused(&bob, checkout(any_key())).await;
    assert!(matches!(refused, CheckoutRefused::OutOfStock { .. }));
    assert_eq!(shop.times("cart"), asked + 1, "cart need not read it");
    shop.close().await;
}

#[tokio::test]
async fn a_total_beyond_reckoning_is_refused() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.sell("MOON", Money::MAX_MINOR, 10);
    for lines in [vec![("MOON", 2)], vec![("MOON", 1)], vec![("BOOK-1", 9999), ("BOOK-1", 1)]] {
        shop.fill(&ada, &lines);
        let refused = shop.refused(&ada, checkout(any_key())).await;
        assert!(matches!(refused, CheckoutRefused::Total { .. }), "{refused:?}");
    }
    shop.others.lock().prices.insert(sku("BOOK-1"), Money::new(500, Currency::EUR));
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let refused = shop.refused(&ada, checkout(any_key())).await;
    assert!(matches!(refused, CheckoutRefused::Total { .. }), "{refused:?}");
    assert_eq!(shop.holds(), 0);
    shop.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_input_is_named_and_not_kept() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let mut bad_address = address();
    bad_address.name = "a\0b".into();
    let with = |payment| Checkout { payment, ..checkout(key("same")) };
    let long = "t".repeat(201);
    for (command, wrong) in [
        (
            Checkout { shipping_address: bad_address, ..checkout(key("same")) },
            "shipping_address.name",
        ),
        (with(PayWith { method: PaymentMethod::Card, token: None }), "payment.token"),
        (with(PayWith { method: PaymentMethod::Card, token: Some("".into()) }), "payment.token"),
        (with(PayWith { method: PaymentMethod::Card, token: Some("a b".into()) }), "payment.token"),
        (with(PayWith { method: PaymentMethod::Card, token: Some(long) }), "payment.token"),
        (with(PayWith { method: PaymentMethod::Wallet, token: Some("x".into()) }), "payment.token"),
        (Checkout { email: Some("nonsense".into()), ..checkout(key("same")) }, "email"),
        (Checkout { cart_version: Some(-1), ..checkout(key("same")) }, "cart_version"),
    ] {
        match shop.refused(&ada, command).await {
            CheckoutRefused::Invalid { field, .. } => assert_eq!(field, wrong),
            other => panic!("{wrong}: {other:?}"),
        }
    }
    let mended = Checkout {
        idempotency: Idempotency { key: "same".into(), body: [9; 32] },
        ..checkout(any_key())
    };
    assert!(shop.check_out(&ada, mended).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn guests_give_an_address_to_write_to_and_have_no_wallet() {
    let shop = Shop::open().await;
    shop.fill_named("cart-1".into(), &[("BOOK-1", 1)]);
    for (command, wrong) in [
        (Checkout { email: None, ..guest_checkout("cart-1", any_key()) }, "email"),
        (Checkout { email: Some("a@b".into()), ..guest_checkout("cart-1", any_key()) }, "email"),
        (
            Checkout { email: Some("a\0@b.com".into()), ..guest_checkout("cart-1", any_key()) },
            "email",
        ),
        (Checkout { payment: wallet(), ..guest_checkout("cart-1", any_key()) }, "payment.method"),
    ] {
        match shop.refused(&Caller::Guest, command).await {
            CheckoutRefused::Invalid { field, .. } => assert_eq!(field, wrong),
            other => panic!("{wrong}: {other:?}"),
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_guest_opens_the_order_by_its_token_which_a_replay_answers_again() {
    let shop = Shop::open().await;
    shop.fill_named("cart-1".into(), &[("BOOK-1", 1)]);
    let command = guest_checkout("cart-1", any_key());
    let first = shop.rig.call(&Caller::Guest, command.clone()).await.unwrap();
    shop.fill_named("cart-1".into(), &[]);
    assert_eq!(shop.rig.call(&Caller::Guest, command).await.unwrap(), first);

    let order = first.order.id;
    let opened = GetOrder { of: OrderRef { order, token: first.order_token.clone() } };
    assert_eq!(shop.rig.call(&Caller::Guest, opened.clone()).await.unwrap().id, order);
    assert_eq!(shop.rig.call(&shopper(), opened).await.unwrap().id, order);
    let token = first.order_token.unwrap();
    assert_eq!(token.len(), 43);
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let hers = shop.rig.call(&ada, checkout(any_key())).await.unwrap();
    assert_eq!(hers.order_token, None);
    shop.close().await;
}

#[tokio::test]
async fn one_version_of_a_cart_has_at_most_one_live_order() {
    let shop = Shop::open().await;
    let ada = shopper();
    let first = shop.order(&ada).await;
    let before = shop.available("BOOK-1");
    let again = key("again");
    let refused = shop.refused(&ada, checkout(again.clone())).await;
    assert_eq!(refused, CheckoutRefused::CartAlreadyOrdered { order: first.id });
    assert_eq!((shop.available("BOOK-1"), shop.holds()), (before, 1), "its own hold is let go");
    assert_eq!(shop.refused(&ada, checkout(again)).await, refused, "kept");

    let cancelled = shop.cancel(&ada, first.id).await.unwrap();
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::ByShopper));
    let second = shop.check_out(&ada, checkout(any_key())).await.unwrap();
    assert_ne!(second.id, first.id);
    shop.close().await;
}

#[tokio::test]
async fn twenty_tabs_order_one_cart_once() {
    let shop = Arc::new(Shop::open().await);
    let (ada, told) = (shopper(), shop.rig.listen::<OrderPlaced>());
    shop.fill(&ada, &[("BOOK-1", 2)]);
    let before = shop.available("BOOK-1");
    let tabs: Vec<_> = (0..20)
        .map(|_| {
            let (shop, ada) = (Arc::clone(&shop), ada.clone());
            tokio::spawn(async move { shop.check_out(&ada, checkout(any_key())).await })
        })
        .collect();
    let mut placed = Vec::<OrderId>::new();
    for tab in tabs {
        match tab.await.unwrap() {
            Ok(order) => placed.push(order.id),
            Err(CallError::Refused(CheckoutRefused::CartAlreadyOrdered { .. })) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(placed.len(), 1);
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    assert_eq!((shop.holds(), shop.available("BOOK-1")), (1, before - 2));
    shop.close().await;
}

#[tokio::test]
async fn many_checkouts_at_once_each_get_their_own_order() {
    let shop = Arc::new(Shop::open().await);
    let told = shop.rig.listen::<OrderPlaced>();
    let all: Vec<_> = (0..300)
        .map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move {
                let somebody = shopper();
                (shop.order(&somebody).await, somebody)
            })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    let mut numbers = std::collections::BTreeSet::new();
    for one in all {
        let (order, somebody) = one.await.unwrap();
        assert_eq!(shop.get(&somebody, order.id).await, order);
        ids.insert(order.id);
        numbers.insert(order.number);
    }
    assert_eq!((ids.len(), numbers.len()), (300, 300));
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 300);
    shop.close().await;
}

/// Draws the same number twice, and then others.
struct Stuck(AtomicU32);

impl Chance for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() == 7 && self.0.fetch_add(1, Ordering::Relaxed) < 2 {
            return bytes.fill(7);
        }
        let more = uuid::Uuid::new_v4().into_bytes();
        bytes.iter_mut().zip(more.iter().cycle()).for_each(|(byte, chance)| *byte = *chance);
    }
}

#[tokio::test]
async fn a_number_that_is_taken_is_drawn_again() {
    let shop = Shop::without_orders().await;
    let chance = Arc::new(Stuck(AtomicU32::new(0)));
    let sources = Sources::new(Arc::new(shop.rig.clock.clone()), chance);
    let setup = Setup { sources, stop: Default::default(), ..shop.rig.setup.clone() };
    let node = Node::start(&[Box::new(orders::plug())], &setup).await.unwrap();
    let (ada, bob) = (shopper(), shopper());
    let (first, second) = (shop.order(&ada).await, shop.order(&bob).await);
    assert_ne!(first.number, second.number);
    assert_eq!(first.number, orders::order::number([7; 7]));
    node.stop().await;
    shop.close().await;
}
