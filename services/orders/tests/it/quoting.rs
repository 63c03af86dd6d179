//! What an order costs: shipping by country, tax by country and category.
use crate::shop::*;
use crate::terms::put;
use crate::web::{Asked, get, send};
use contracts::cart::CartToken;
use contracts::orders::{CheckoutRefused, QuoteCart, QuoteRefused, ShippingMethod};
use contracts::{Caller, Money};
use http::StatusCode;
use kit::testing::{admin, shopper};
use serde_json::{Value, json};

async fn quote(shop: &Shop, caller: &Caller, headers: &[(&str, &str)], country: &str) -> Asked {
    let headers = [&[("content-type", "application/json")], headers].concat();
    let body = json!({"country": country}).to_string();
    send(shop, caller, "POST", "/v1/checkout/quote", &headers, body).await
}

async fn sells_under(shop: &Shop, terms: Value) {
    let mut whole = json!({"name": "Libros", "shipping": [
        {"method": "standard", "price": 500, "free_above": 5000},
        {"method": "express", "price": 1500},
        {"method": "express", "country": "GB", "price": 900},
    ]});
    whole.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    let asked = put(shop, &admin(), &whole).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
}

#[tokio::test]
async fn a_cart_is_offered_with_every_way_of_shipping_to_its_country() {
    let shop = Shop::open().await;
    sells_under(&shop, json!({"countries": ["GB", "FR"]})).await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 2), ("BOOK-2", 1)]);
    let offers = |country: &'static str| {
        let (shop, ada) = (&shop, &ada);
        async move {
            let offers = quote(shop, ada, &[], country).await.json();
            let offers = offers.as_array().unwrap().iter();
            let pair = |offer: &Value| {
                assert_eq!(offer["subtotal"], json!(usd(2999)));
                let amount = |part: &str| offer[part]["amount"].as_i64().unwrap();
                (offer["method"].as_str().unwrap().to_owned(), amount("shipping"), amount("total"))
            };
            offers.map(pair).collect::<Vec<_>>()
        }
    };
    assert_eq!(offers("GB").await, [("standard".into(), 500, 3499), ("express".into(), 900, 3899)]);
    assert_eq!(
        offers("FR").await,
        [("standard".into(), 500, 3499), ("express".into(), 1500, 4499)]
    );
    shop.fill(&ada, &[("BOOK-1", 10)]);
    let free = quote(&shop, &ada, &[], "GB").await.json();
    assert_eq!(free[0]["shipping"], json!(usd(0)), "from 50.00 on it is free");

    let refused = quote(&shop, &ada, &[], "NZ").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "not_delivered"));
    assert_eq!(refused.json()["country"], "NZ");
    let wrong = quote(&shop, &ada, &[], "England").await;
    assert_eq!((wrong.status.as_u16(), wrong.field().as_str()), (400, "country"));
    assert_eq!(shop.holds(), 0, "nothing is held for it");
    shop.close().await;
}

#[tokio::test]
async fn a_guest_is_quoted_by_the_token_of_the_cart() {
    let shop = Shop::open().await;
    shop.fill_named("guests-cart".into(), &[("BOOK-1", 1)]);
    let offers = quote(&shop, &Caller::Guest, &[("cart-token", "guests-cart")], "GB").await.json();
    assert_eq!(offers.as_array().unwrap().len(), 3);
    let empty = quote(&shop, &Caller::Guest, &[], "GB").await;
    assert_eq!((empty.status.as_u16(), empty.code().as_str()), (409, "cart_empty"));
    shop.others.lock().prices.remove(&sku("BOOK-1"));
    let gone = quote(&shop, &Caller::Guest, &[("cart-token", "guests-cart")], "GB").await;
    assert_eq!((gone.status.as_u16(), gone.code().as_str()), (409, "not_sold"));
    shop.close().await;
}

#[tokio::test]
async fn ways_of_shipping_are_listed_by_country() {
    let shop = Shop::open().await;
    sells_under(&shop, json!({"countries": ["GB"]})).await;
    let ways = get(&shop, &Caller::Guest, "/v1/shipping-methods?country=GB").await.json();
    assert_eq!(
        ways,
        json!([
            {"method": "standard", "price": usd(500), "free_above": usd(5000)},
            {"method": "express", "price": usd(900), "free_above": null},
        ])
    );
    let none = get(&shop, &Caller::Guest, "/v1/shipping-methods?country=FR").await;
    assert_eq!((none.status, none.json()), (StatusCode::OK, json!([])));
    for query in ["", "?country=gb", "?country=", "?country=G%00"] {
        let wrong = get(&shop, &Caller::Guest, &format!("/v1/shipping-methods{query}")).await;
        assert_eq!((wrong.status.as_u16(), wrong.field().as_str()), (400, "country"), "{query}");
    }
    shop.close().await;
}

#[tokio::test]
async fn what_is_not_delivered_is_not_ordered() {
    let shop = Shop::open().await;
    sells_under(&shop, json!({"countries": ["FR"]})).await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let refused = shop.refused(&ada, checkout(key("k"))).await;
    assert_eq!(refused, CheckoutRefused::NotDelivered { country: "GB".into() });
    assert_eq!(shop.holds(), 0);
    // The shop opens to the country, and the key keeps its answer; another may try.
    sells_under(&shop, json!({"countries": ["FR", "GB"]})).await;
    assert_eq!(shop.refused(&ada, checkout(key("k"))).await, refused);
    let mut pickup = checkout(key("pickup"));
    pickup.shipping_method = ShippingMethod::Pickup;
    assert_eq!(shop.refused(&ada, pickup).await, refused, "in this way it is not");
    assert_eq!(shop.check_out(&ada, checkout(key("l"))).await.unwrap().shipping, usd(500));
    shop.close().await;
}

#[tokio::test]
async fn a_checkout_costs_what_was_quoted_and_keeps_its_tax() {
    let shop = Shop::open().await;
    let taxes = json!([
        {"country": "GB", "basis_points": 2000},
        {"country": "GB", "category": "books", "basis_points": 500},
    ]);
    for include in [false, true] {
        sells_under(&shop, json!({"tax": taxes, "prices_include_tax": include})).await;
        shop.others.lock().categories.insert(sku("BOOK-1"), vec!["novels".into(), "books".into()]);
        let ada = shopper();
        shop.fill(&ada, &[("BOOK-1", 3), ("BOOK-2", 1)]);
        let of = CartToken { token: None };
        let offers = shop.rig.call(&ada, QuoteCart { of, country: "GB".into() }).await.unwrap();
        let offer = offers.into_iter().find(|o| o.method == ShippingMethod::Standard).unwrap();
        let placed = shop.check_out(&ada, checkout(any_key())).await.unwrap();
        let order = shop.get(&ada, placed.id).await;
        assert_eq!(order, placed, "what was placed is what is kept");
        assert_eq!(
            (order.subtotal, order.shipping, order.tax, order.tax_included, order.total),
            (offer.subtotal, offer.shipping, offer.tax, offer.tax_included, offer.total)
        );
        let lines: Vec<_> = order
            .tax_lines
            .iter()
            .map(|line| (line.basis_points, line.base.minor, line.tax.minor))
            .collect();
        if include {
            // 24.99 with a sixth of it, and 15.00 with a twenty-first.
            assert_eq!(lines, [(2000, 2082, 417), (500, 1429, 71)]);
            assert_eq!((order.tax, order.tax_included), (usd(0), usd(488)));
            assert_eq!(order.total, usd(3499 + 500));
        } else {
            assert_eq!(lines, [(2000, 2499, 500), (500, 1500, 75)]);
            assert_eq!((order.tax, order.tax_included), (usd(575), usd(0)));
            assert_eq!(order.total, usd(3499 + 500 + 575));
        }
        // It is the sum that has to be paid.
        shop.capture(&order).await;
        assert!(
            shop.get(&ada, order.id).await.payment.status
                == contracts::payments::PaymentStatus::Captured
        );
    }
    shop.close().await;
}

#[tokio::test]
async fn categories_are_asked_for_only_where_a_rate_names_one() {
    let shop = Shop::open().await;
    let asked = || shop.others.lock().asked_for_categories;
    sells_under(&shop, json!({"tax": [{"basis_points": 2000}]})).await;
    shop.order(&shopper()).await;
    assert_eq!(asked(), 0);
    sells_under(&shop, json!({"tax": [{"category": "books", "basis_points": 500}]})).await;
    shop.order(&shopper()).await;
    assert_eq!(asked(), 1);
    shop.close().await;
}

#[tokio::test]
async fn an_order_keeps_the_price_of_the_terms_it_was_placed_under() {
    let shop = Shop::open().await;
    let ada = shopper();
    let before = shop.order(&ada).await;
    sells_under(&shop, json!({"tax": [{"basis_points": 1000}]})).await;
    let after = shop.order(&ada).await;
    assert_eq!((before.shipping, before.tax), (usd(499), usd(0)));
    assert_eq!(
        (after.shipping, after.tax),
        (usd(500), usd(150)),
        "the next checkout has the new ones"
    );
    assert_eq!(shop.get(&ada, before.id).await, before);
    shop.close().await;
}

#[tokio::test]
async fn a_cart_that_costs_too_much_is_refused_as_such() {
    let shop = Shop::open().await;
    shop.sell("DEAR", Money::MAX_MINOR, 10);
    let ada = shopper();
    shop.fill(&ada, &[("DEAR", 2)]);
    let of = CartToken { token: None };
    let refused = shop.rig.call(&ada, QuoteCart { of, country: "GB".into() }).await.unwrap_err();
    assert!(matches!(refused.refused(), Some(QuoteRefused::Total { .. })));
    shop.close().await;
}
