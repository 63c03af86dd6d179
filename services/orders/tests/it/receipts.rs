//! Receipts: their numbers, and who sold.
use crate::shop::*;
use crate::terms::{body, put};
use crate::web::{get, send};
use contracts::Caller;
use contracts::orders::{GetReceipt, OrderForLetter, OrderRefused, OrdersForLetters, Receipt};
use contracts::payments::PaymentCaptured;
use http::StatusCode;
use kit::testing::{admin, shopper};
use serde_json::json;
use std::time::Duration;

async fn receipt(shop: &Shop, caller: &Caller, order: contracts::OrderId) -> Receipt {
    shop.rig.call(caller, GetReceipt { of: of(order) }).await.unwrap()
}

#[tokio::test]
async fn a_receipt_has_the_number_that_payments_gave_it() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let unpaid = shop.rig.call(&ada, GetReceipt { of: of(order.id) }).await.unwrap_err();
    assert_eq!(unpaid.refused(), Some(OrderRefused::WrongState { status: "pending".into() }));
    shop.rig.tell(PaymentCaptured { receipt: Some(123), ..captured(&order) }).await;
    assert_eq!(receipt(&shop, &ada, order.id).await.number, "R-000123");
    let letters = OrdersForLetters { orders: vec![order.id] };
    let letters: Vec<OrderForLetter> = shop.rig.call(&Caller::Store, letters).await.unwrap();
    assert_eq!(letters[0].receipt.as_deref(), Some("R-000123"));
    // What was written a moment ago is told from memory, and then from the database: the same.
    shop.rig.clock.forward(Duration::from_secs(11));
    let later = OrdersForLetters { orders: vec![order.id] };
    assert_eq!(shop.rig.call(&Caller::Store, later).await.unwrap(), letters);
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_was_paid_before_there_were_numbers_goes_by_its_own() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await;
    shop.sql("UPDATE orders SET placed_with = NULL, paid_at = NULL").await;
    // Nothing of it is remembered.
    shop.rig.clock.forward(Duration::from_secs(11));
    let number = format!("R-{}", order.number);
    assert_eq!(receipt(&shop, &ada, order.id).await.number, number);
    let letters = OrdersForLetters { orders: vec![order.id] };
    let letters = shop.rig.call(&Caller::Store, letters).await.unwrap();
    assert_eq!(letters[0].receipt, Some(number));
    shop.close().await;
}

#[tokio::test]
async fn a_receipt_shows_who_sold_when_it_was_paid() {
    let shop = Shop::open().await;
    let ada = shopper();
    let pay = async || {
        shop.rig.clock.forward(Duration::from_secs(60));
        let order = shop.paid_order(&ada).await.id;
        shop.rig.clock.forward(Duration::from_secs(60));
        order
    };
    let first = pay().await;
    assert_eq!(put(&shop, &admin(), &body()).await.status, StatusCode::OK);
    let second = pay().await;
    let mut moved = body();
    moved["name"] = json!("Libros de la Luna");
    moved["vat_id"] = json!(null);
    assert_eq!(put(&shop, &admin(), &moved).await.status, StatusCode::OK);
    let third = pay().await;
    for (order, name, lines, vat_id) in [
        (first, "Feria", 0, None),
        (second, "Libros del Sol", 2, Some("ESX1234567X")),
        (third, "Libros de la Luna", 2, None),
    ] {
        let seller = receipt(&shop, &ada, order).await.seller;
        assert_eq!((seller.name.as_str(), seller.address.len()), (name, lines));
        assert_eq!(seller.vat_id.as_deref(), vat_id);
    }
    shop.close().await;
}

#[tokio::test]
async fn a_receipt_is_a_page_too_with_its_tax_and_its_seller() {
    let shop = Shop::open().await;
    let ada = shopper();
    for (include, says) in [(true, "Includes tax 5.5 %"), (false, "Tax 5.5 %")] {
        let mut terms = body();
        terms["name"] = json!("<b>Libros</b>");
        terms["tax"] = json!([{"country": "GB", "basis_points": 550}]);
        terms["prices_include_tax"] = json!(include);
        assert_eq!(put(&shop, &admin(), &terms).await.status, StatusCode::OK);
        let order = shop.order(&ada).await;
        shop.rig.tell(PaymentCaptured { receipt: Some(7), ..captured(&order) }).await;
        let path = format!("/v1/orders/{}/receipt", order.id);
        let page = send(&shop, &ada, "GET", &path, &[("accept", "text/html")], "").await;
        assert_eq!(page.status, StatusCode::OK);
        for text in ["R-000007", "&#60;b&#62;Libros", "28013 Madrid", "ESX1234567X", says] {
            assert!(page.text.contains(text), "{text}: {}", page.text);
        }
        assert_eq!(page.text.contains("Includes tax"), include);
        let json = get(&shop, &ada, &path).await.json();
        assert_eq!(json["number"], "R-000007");
        assert_eq!(json["order"]["tax_lines"][0]["basis_points"], 550);
    }
    shop.close().await;
}
