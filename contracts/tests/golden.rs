//! The JSON of messages that cross services, as it was first released: it must parse for ever.
//!
//! `GOLDEN=write cargo test -p contracts` writes files for messages that have none; it never
//! changes one that exists.
#![allow(clippy::unwrap_used, clippy::panic)]
use contracts::cart::{
    CartCleared, CartContents, CartExpired, CartToken, CartsMerged, Contents, ContentsLine,
    ItemAdded, ItemChanged, ItemRemoved,
};
use contracts::catalog::{Priced, PricesOf, ProductChanged, ReviewsBy, Shelf, ShelfChanged};
use contracts::identity::{
    AccountErased, Contact, ContactsOf, EmailVerified, LinkAsked, LinkPurpose, LinksFor,
    RevokedSessions, SecretLink, SessionEnded, StaffContacts, UserRegistered,
};
use contracts::inventory::{
    AvailabilityChanged, Available, AvailableOf, LowStock, ReleaseStock, ReserveRefused,
    ReserveStock, Reserved, ShortOf, Shortage, StockLine, StockMissing,
};
use contracts::orders::{
    Became, CancelReason, GetShop, HasBought, LegalPage, OrderCancelled, OrderDelivered,
    OrderFulfilled, OrderPaid, OrderPlaced, OrderRefunded, OrdersForLetters, PayWith,
    ShipmentDelivered, ShipmentSent, ShippingMethod, ShippingRate, Shop, ShopChanged, ShopTerms,
    TaxRate, WhatBecameOf,
};
use contracts::payments::{
    ClosePayment, Closing, ContinuePayment, ContinueRefused, GetWallet, NewPayment, NoWallet,
    PaymentActionRequired, PaymentCaptured, PaymentFailed, PaymentMethod, PaymentRefunded,
    PaymentStatus, Wallet, WalletToppedUp,
};
use contracts::{
    AccountId, Call, CartId, Currency, Event, LinkId, Money, OrderId, PaymentId, ProductId,
    Quantity, RefundId, SessionId, ShipmentId, Sku, Timestamp, TopUpId,
};
use serde::{Serialize, de::DeserializeOwned};
use std::path::PathBuf;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("{name}.json"))
}

/// Says what is wrong with `value` as the golden file has it.
fn check<T>(name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + std::fmt::Debug,
{
    let now = serde_json::to_value(value).unwrap();
    let path = file(name);
    if !path.exists() && std::env::var("GOLDEN").is_ok_and(|it| it == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("no golden file for {name}: GOLDEN=write makes one"));
    let mut golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let parsed: T = serde_json::from_value(golden.clone())
        .unwrap_or_else(|error| panic!("{name} does not parse any more: {error}"));
    assert_eq!(serde_json::to_value(&parsed).unwrap(), now, "{name} reads as something else");
    // A later version may add fields: this one passes them over.
    if let Some(object) = golden.as_object_mut() {
        object.insert("added_later".to_owned(), serde_json::json!({"x": [1]}));
        serde_json::from_value::<T>(golden)
            .unwrap_or_else(|error| panic!("{name} does not bear a new field: {error}"));
    }
}
fn event<E: Event>(value: E) {
    check(E::NAME, &value);
}
fn call<C: Call>(value: C, reply: C::Reply, refusals: Vec<C::Error>) {
    check(C::NAME, &value);
    check(&format!("{}.reply", C::NAME), &reply);
    check(&format!("{}.refusals", C::NAME), &refusals);
}

fn money(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
fn sku() -> Sku {
    "BOOK-0042".parse().unwrap()
}
fn line() -> StockLine {
    StockLine { sku: sku(), quantity: Quantity::new(2).unwrap() }
}
fn time() -> Timestamp {
    Timestamp::from_micros(1_767_225_600_123_456)
}
const ORDER: OrderId = OrderId(ID);
const PAYMENT: PaymentId = PaymentId(ID);
const ACCOUNT: AccountId = AccountId(ID);
const CART: CartId = CartId(ID);

#[test]
fn events_of_orders_parse_for_ever() {
    let (account, lines) = (Some(ACCOUNT), vec![line()]);
    event(OrderPlaced {
        order: ORDER,
        account,
        cart: CART,
        lines: lines.clone(),
        total: money(4497),
        payment: PAYMENT,
        method: PaymentMethod::Card,
        token: Some("tok_visa".into()),
        expires_at: Some(time()),
    });
    event(OrderPaid {
        order: ORDER,
        account,
        cart: CART,
        lines: lines.clone(),
        total: money(4497),
        placed_with: None,
    });
    let reason = CancelReason::PaymentFailed;
    event(OrderCancelled {
        order: ORDER,
        account,
        lines,
        was_paid: false,
        payment: PAYMENT,
        reason,
    });
}

#[test]
fn events_of_parcels_parse_for_ever() {
    let (order, account, lines) = (ORDER, Some(ACCOUNT), vec![line()]);
    let shipment = ShipmentId(ID);
    let (payment, method) = (PAYMENT, PaymentMethod::CashOnDelivery);
    event(ShipmentSent { shipment, order, account, lines: lines.clone() });
    event(ShipmentDelivered { shipment, order, account });
    let cart = CART;
    event(OrderFulfilled { order, account, cart, lines: lines.clone(), payment, method });
    event(OrderDelivered { order, account, payment, method, total: money(4497) });
    event(OrderRefunded { order, account, lines, restock: true });
    event(ShopChanged { shop: "shop".into(), version: 2 });
}

#[test]
fn events_of_carts_parse_for_ever() {
    let (cart, account) = (CART, Some(ACCOUNT));
    let quantity = Quantity::new(3).unwrap();
    event(ItemAdded { cart, account, sku: sku(), added: 2, quantity });
    event(ItemChanged { cart, account, sku: sku(), quantity });
    event(ItemRemoved { cart, account, sku: sku() });
    event(CartCleared { cart, account });
    event(CartsMerged { cart, account: ACCOUNT, guest: CartId(ID) });
    event(CartExpired { cart, account });
}

#[test]
fn events_of_payments_parse_for_ever() {
    let (payment, order) = (PAYMENT, ORDER);
    event(PaymentActionRequired { payment, order });
    event(PaymentCaptured { payment, order, amount: money(4497), receipt: None });
    event(PaymentFailed { payment, order, failure_code: "card_declined".into() });
    let (refund, whole) = (RefundId(ID), false);
    let (amount, refunded) = (money(1), money(2));
    event(PaymentRefunded { payment, order, refund, amount, refunded, whole, restock: false });
    event(WalletToppedUp { top_up: TopUpId(ID), account: ACCOUNT, amount: money(2500) });
}

#[test]
fn events_of_the_others_parse_for_ever() {
    event(UserRegistered { account: ACCOUNT });
    event(SessionEnded { session: SessionId(ID), tokens_expire_at: time() });
    let (link, account, purpose) = (LinkId(ID), ACCOUNT, LinkPurpose::ResetPassword);
    event(LinkAsked { link, account, purpose });
    event(EmailVerified { account });
    event(AccountErased { account });
    event(LowStock { sku: sku(), available: 3, threshold: 5 });
    event(ProductChanged { product: ProductId(ID), skus: vec![sku()] });
    event(ShelfChanged { shelf: Shelf::Categories, entry: ID });
    event(AvailabilityChanged { sku: sku(), in_stock: true });
    event(StockMissing { order: ORDER, lines: vec![line()] });
}

#[test]
fn calls_of_the_checkout_parse_for_ever() {
    let shortage = Shortage { sku: sku(), requested: 2, available: 1 };
    call(
        ReserveStock { order: ORDER, lines: vec![line()] },
        Reserved { order: ORDER },
        vec![
            ReserveRefused::OutOfStock { short: vec![shortage] },
            ReserveRefused::Released,
            ReserveRefused::OtherLines,
        ],
    );
    call(ReleaseStock { order: ORDER }, (), vec![]);
    call(WhatBecameOf { order: ORDER }, Became::NeverPlaced, vec![]);
    let closed = Closing::Captured { amount: money(4497) };
    call(ClosePayment { order: ORDER, payment: PAYMENT }, closed, vec![]);
    let with = PayWith { method: PaymentMethod::Wallet, token: None };
    call(
        ContinuePayment {
            order: ORDER,
            account: Some(ACCOUNT),
            payment: PAYMENT,
            amount: money(4497),
            instead: Some(NewPayment { payment: PaymentId(ID), with }),
        },
        PaymentStatus::RequiresAction,
        vec![
            ContinueRefused::NotFound,
            ContinueRefused::WrongState { status: PaymentStatus::Captured },
        ],
    );
    let shown_price = Some(money(1999));
    let lines = vec![ContentsLine { sku: sku(), quantity: Quantity::ONE, shown_price }];
    let of = CartToken { token: Some("secret".into()) };
    let contents = Contents { cart: Some(CART), version: 3, lines, lately: false };
    call(CartContents { of, lately: false }, contents, vec![]);
}

#[test]
fn calls_of_the_others_parse_for_ever() {
    let priced = Priced {
        sku: sku(),
        product: ProductId(ID),
        slug: "sketches".into(),
        title: "Sketches".into(),
        image: None,
        price: money(1999),
        categories: vec![],
    };
    call(PricesOf { skus: vec![sku()], categories: false }, vec![priced], vec![]);
    let available = vec![Available { sku: sku(), available: 8 }];
    call(AvailableOf { skus: vec![sku()] }, available, vec![]);
    let short = vec![Shortage { sku: sku(), requested: 2, available: 1 }];
    call(ShortOf { lines: vec![line()] }, short, vec![]);
    let contact = Contact { account: ACCOUNT, email: "ada@example.com".into(), name: "Ada".into() };
    call(ContactsOf { accounts: vec![ACCOUNT] }, vec![contact], vec![]);
    let ended = SessionEnded { session: SessionId(ID), tokens_expire_at: time() };
    call(RevokedSessions, vec![ended], vec![]);
    call(OrdersForLetters { orders: vec![ORDER] }, vec![], vec![]);
    call(GetWallet, Wallet { balance: money(2500) }, vec![NoWallet]);
}

#[test]
fn calls_about_people_and_the_shop_parse_for_ever() {
    let contact = Contact { account: ACCOUNT, email: "ada@example.com".into(), name: "Ada".into() };
    call(StaffContacts, vec![contact], vec![]);
    let (link, account, expires_at) = (LinkId(ID), ACCOUNT, time());
    let secret = SecretLink { link, account, token: "secret".into(), expires_at };
    call(LinksFor { links: vec![link] }, vec![secret], vec![]);
    call(HasBought { account, skus: vec![sku()] }, true, vec![]);
    call(ReviewsBy { account }, vec![], vec![]);
    let (method, country) = (ShippingMethod::Standard, Some("DE".to_owned()));
    let rate = ShippingRate { method, country: country.clone(), price: 499, free_above: None };
    let terms = ShopTerms {
        name: "Feria".into(),
        address: vec!["1 High Street".into()],
        countries: vec!["DE".into()],
        pages: vec![LegalPage { slug: "terms".into(), title: "Terms".into(), text: "…".into() }],
        shipping: vec![rate],
        prices_include_tax: true,
        tax: vec![TaxRate { country, category: Some("books".into()), basis_points: 700 }],
        ..ShopTerms::default()
    };
    let currency = Currency::USD;
    call(GetShop, Shop { terms, currency, version: 1, changed_at: Some(time()) }, vec![]);
}

#[test]
fn every_golden_file_has_a_name_that_is_checked() {
    let known = include_str!("../src/orders.rs").to_owned()
        + include_str!("../src/orders/shop.rs")
        + include_str!("../src/orders/shipments.rs")
        + include_str!("../src/catalog/reviews.rs")
        + include_str!("../src/payments.rs")
        + include_str!("../src/inventory.rs")
        + include_str!("../src/identity.rs")
        + include_str!("../src/catalog.rs")
        + include_str!("../src/cart.rs");
    for entry in std::fs::read_dir(file("x").parent().unwrap()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".json");
        let name = name.trim_end_matches(".reply").trim_end_matches(".refusals");
        assert!(known.contains(&format!("\"{name}\"")), "{name} is a message no more");
    }
}
