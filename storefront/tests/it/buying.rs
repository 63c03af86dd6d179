//! Carts and the checkout.
use crate::browser::Browser;
use crate::town::{Town, cart, line, order, order_id, sku, usd};
use contracts::cart::{AddItem, CartRefused, ChangeItem, GetCart, RemoveItem};
use contracts::inventory::Shortage;
use contracts::orders::{
    CheckedOut, Checkout, CheckoutRefused, OrderStatus, PriceChange, ShippingMethod,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{CallError, Caller};
use std::sync::{Arc, Mutex};

pub type Sent<C> = Arc<Mutex<Vec<(Caller, C)>>>;

#[tokio::test]
async fn a_guest_puts_a_book_into_a_cart_that_a_cookie_names() {
    let sent: Sent<AddItem> = Arc::default();
    let heard = Arc::clone(&sent);
    let mut browser = Town::new()
        .play::<AddItem>(move |caller, add: AddItem| {
            heard.lock().unwrap().push((caller, add));
            let mut answer = cart(vec![line("Frankenstein")]);
            answer.token = Some("guest-cart".to_owned());
            Ok(answer)
        })
        .open();
    let seen = browser.post("/cart/add", &[("sku", "fr-pb"), ("quantity", "2")]).await;
    assert_eq!(seen.is(303).to(), "/p/frankenstein?notice=added");
    assert_eq!(browser.cookie("feria_cart").unwrap(), "guest-cart");
    browser.follow(&seen).await.is(200).tells("Added to your cart.").tells("class=\"count\">2<");
    browser.post("/cart/add", &[("sku", "FR-PB")]).await.is(303);
    let sent = sent.lock().unwrap();
    assert_eq!((sent[0].1.of.token.as_ref(), sent[0].1.quantity.get()), (None, 2));
    assert_eq!((sent[1].1.of.token.as_deref(), sent[1].1.quantity.get()), (Some("guest-cart"), 1));
}

#[tokio::test]
async fn a_wrong_number_of_copies_shows_the_book_again_with_what_is_wrong() {
    let mut browser = Town::new()
        .play::<AddItem>(|_, add: AddItem| match add.sku.as_str() {
            "FR-PB" => Err(CallError::Refused(CartRefused::TooMuch { what: "12000".to_owned() })),
            _ => Err(CallError::Refused(CartRefused::NotSold { sku: add.sku })),
        })
        .open();
    for quantity in ["0", "-1", "1.5", "abc", "", "10000", "99999999999999999999", "１"] {
        let seen = browser.post("/cart/add", &[("sku", "FR-PB"), ("quantity", quantity)]).await;
        seen.is(422).tells("must be a whole number from 1 to 9999").tells("<h1>Frankenstein</h1>");
    }
    let seen = browser.post("/cart/add", &[("sku", "FR-PB"), ("quantity", "9999")]).await;
    seen.is(422).tells("12000 would be more than a cart can hold");
    browser.post("/cart/add", &[("sku", "FR-XX")]).await.is(409).tells("FR-XX is not sold here");
    browser.post("/cart/add", &[("sku", "no sku")]).await.is(400).tells("error-code");
    browser.post("/cart/add", &[]).await.is(400);
    browser.post("/cart/add", &[("sku", "GONE"), ("quantity", "0")]).await.is(404);
}

#[tokio::test]
async fn a_cart_is_shown_changed_and_emptied() {
    let sent: Sent<ChangeItem> = Arc::default();
    let heard = Arc::clone(&sent);
    let mut browser = Town::new()
        .play::<ChangeItem>(move |caller, change: ChangeItem| {
            let quantity = change.quantity.get();
            heard.lock().unwrap().push((caller, change));
            match quantity {
                7 => Err(CallError::Refused(CartRefused::NotInCart { sku: sku("FR-PB") })),
                9 => Err(CallError::NotDone("down".to_owned())),
                _ => Ok(cart(vec![line("Frankenstein")])),
            }
        })
        .play::<RemoveItem>(|_, remove: RemoveItem| {
            Err(CallError::Refused(CartRefused::NotInCart { sku: remove.sku }))
        })
        .open()
        .keep("feria_cart", "guest-cart");
    let seen = browser.get("/cart").await;
    seen.is(200).tells("2 books").tells("19.98 <small>USD</small>").tells("Copies of Frankenstein");
    let change = |quantity| [("sku", "FR-PB"), ("quantity", quantity)];
    let seen = browser.post("/cart/update", &change("3")).await;
    assert_eq!(seen.is(303).to(), "/cart?notice=updated");
    assert_eq!(sent.lock().unwrap()[0].1.of.token.as_deref(), Some("guest-cart"));
    let seen = browser.post("/cart/update", &change("0")).await;
    assert_eq!(seen.is(303).to(), "/cart?notice=removed");
    let seen = browser.post("/cart/update", &change("lots\"><b>")).await;
    seen.is(422).tells("must be from 1 to 9999").tells("value=\"lots&#34;");
    browser.post("/cart/update", &change("7")).await.is(409).tells("is not in the cart");
    browser.post("/cart/update", &change("9")).await.is(503).tells("Nothing was changed");
    browser.post("/cart/remove", &[("sku", "FR-PB")]).await.is(303);
    browser.another().get("/cart").await.is(200).tells("Your cart is empty");
}

#[tokio::test]
async fn what_is_short_or_gone_is_told_in_the_cart() {
    let mut browser = Town::new()
        .play::<GetCart>(|_, _| {
            let mut answer = cart(vec![line("Frankenstein")]);
            answer.cart.unavailable = vec![sku("OLD-1")];
            Ok(answer)
        })
        .play::<contracts::inventory::AvailableOf>(|_, of| {
            let short = |sku| contracts::inventory::Available { sku, available: 1 };
            Ok(of.skus.into_iter().map(short).collect())
        })
        .open()
        .logged_in("ada");
    let seen = browser.get("/cart").await;
    seen.is(200).tells("No longer sold").tells("OLD-1").tells("Only 1 left");
}

const FORM: [(&str, &str); 10] = [
    ("email", "guest@example.com"),
    ("name", "Ada Lovelace"),
    ("line1", "12 St James's Square"),
    ("postal_code", "SW1Y 4JH"),
    ("city", "London"),
    ("country", "gb"),
    ("phone", ""),
    ("shipping_method", "express"),
    ("payment_method", "card"),
    ("card_token", "tok_visa"),
];

/// The form as it is shown with the totals for the country, filled in.
pub async fn filled(browser: &mut Browser) -> Vec<(&'static str, String)> {
    browser.get("/checkout").await.is(200);
    let seen = browser.post("/checkout", &[("step", "quote"), ("country", "gb")]).await;
    seen.is(200);
    let hidden = ["idempotency_key", "cart_version", "quoted"];
    let hidden = hidden.map(|name| (name, seen.hidden(name)));
    hidden.into_iter().chain(FORM.map(|(name, value)| (name, value.to_owned()))).collect()
}
pub fn borrowed<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
pub fn with<'a>(
    form: &'a [(&'static str, String)],
    field: &str,
    value: &'a str,
) -> Vec<(&'static str, &'a str)> {
    borrowed(form)
        .into_iter()
        .map(|(name, old)| (name, if name == field { value } else { old }))
        .collect()
}

pub fn placed(token: Option<&str>) -> CheckedOut {
    let order = order(OrderStatus::Pending, PaymentStatus::Pending);
    CheckedOut { order, order_token: token.map(str::to_owned) }
}

/// A store whose orders say what `say` says of each checkout, and what they were asked.
pub fn selling(
    say: impl Fn(usize, &Checkout) -> Result<CheckedOut, CallError<CheckoutRefused>>
    + Send
    + Sync
    + 'static,
) -> (Town, Sent<Checkout>) {
    let sent: Sent<Checkout> = Arc::default();
    let heard = Arc::clone(&sent);
    let town = Town::new().play::<Checkout>(move |caller, checkout: Checkout| {
        let mut heard = heard.lock().unwrap();
        let answer = say(heard.len(), &checkout);
        heard.push((caller, checkout));
        answer
    });
    (town, sent)
}

#[tokio::test]
async fn a_guest_orders_and_only_that_orders_pages_get_its_token() {
    let (town, sent) = selling(|_, _| Ok(placed(Some("order-token"))));
    let mut browser = town.open().keep("feria_cart", "guest-cart");
    let form = filled(&mut browser).await;
    let seen = browser.post("/checkout", &borrowed(&form)).await;
    assert_eq!(seen.is(303).to(), format!("/orders/{}?notice=placed", order_id()));
    let path = format!("Path=/orders/{}", order_id());
    assert!(
        seen.set_cookies().iter().any(|cookie| cookie.contains(&path)),
        "{:?}",
        seen.set_cookies()
    );
    assert!(!seen.to().contains("order-token"));
    browser.follow(&seen).await.is(200).tells("7Q4K-2M9D").tells("Thank you! It is yours.");
    browser.get(&format!("/orders/{}/receipt", order_id())).await.is(200);
    let (_, checkout) = sent.lock().unwrap()[0].clone();
    assert_eq!(checkout.of.token.as_deref(), Some("guest-cart"));
    assert_eq!(checkout.email.as_deref(), Some("guest@example.com"));
    assert_eq!(
        (checkout.shipping_address.country.as_str(), checkout.cart_version),
        ("GB", Some(7))
    );
    assert_eq!(checkout.shipping_method, ShippingMethod::Express);
    assert_eq!(checkout.payment.token.as_deref(), Some("tok_visa"));
    let stranger = browser.another().get(&format!("/orders/{}", order_id())).await;
    assert!(stranger.is(303).to().starts_with("/login?next=/orders/"));
}

#[tokio::test]
async fn a_double_click_is_one_attempt_and_waits_for_its_order() {
    let (town, sent) = selling(|count, _| match count {
        // The second click comes while the first is at work.
        1..=3 => Err(CallError::Refused(CheckoutRefused::InProgress)),
        _ => Ok(placed(None)),
    });
    let mut browser = town.open().logged_in("ada");
    let form = filled(&mut browser).await;
    let first = browser.post("/checkout", &borrowed(&form)).await;
    let second = browser.post("/checkout", &borrowed(&form)).await;
    assert_eq!(first.is(303).to(), second.is(303).to());
    let attempts: Vec<_> =
        sent.lock().unwrap().iter().map(|(_, c)| c.idempotency.clone()).collect();
    assert_eq!(attempts.len(), 5);
    assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
    let other = filled(&mut browser).await;
    browser.post("/checkout", &borrowed(&other)).await.is(303);
    browser.post("/checkout", &with(&form, "city", "Paris")).await.is(303);
    let sent = sent.lock().unwrap();
    assert_ne!(sent[5].1.idempotency.key, attempts[0].key);
    assert_eq!(sent[6].1.idempotency.key, attempts[0].key);
    assert_ne!(sent[6].1.idempotency.body, attempts[0].body);
    assert!(sent.iter().all(|(_, checkout)| checkout.email.is_none()));
}

#[tokio::test]
async fn faults_stand_beside_their_fields_and_what_was_typed_stays() {
    let (town, sent) = selling(|_, _| {
        let (field, reason) = ("shipping_address.city".to_owned(), "is too far away".to_owned());
        Err(CallError::Refused(CheckoutRefused::Invalid { field, reason }))
    });
    let mut browser = town.open().keep("feria_cart", "guest-cart");
    let form = filled(&mut browser).await;
    let long = "x".repeat(2000);
    for (field, value, told) in [
        ("email", "nobody", "E-mail"),
        ("email", "", "must be an e-mail address"),
        ("name", "", "Full name must be filled in"),
        ("name", long.as_str(), "must have 1 to 200 characters"),
        ("city", "a\tb", "must not contain control characters"),
        ("country", "Utopia", "two capital letters"),
        ("postal_code", " ", "id=\"postal_code-fault\""),
        ("shipping_method", "rocket", "Shipping must be chosen"),
        ("payment_method", "iou", "Payment must be chosen"),
        ("card_token", "", "The card must be chosen"),
        ("cart_version", "x", "was lost"),
    ] {
        let seen = browser.post("/checkout", &with(&form, field, value)).await;
        seen.is(422)
            .tells(told)
            .tells("value=\"12 St James&#39;s Square\"")
            .tells("Please look at");
        if field != "shipping_method" && field != "country" {
            seen.tells("value=\"express\" checked");
        }
        assert_eq!(seen.hidden("cart_version"), "7");
        assert_ne!(seen.hidden("idempotency_key"), form[0].1);
    }
    assert!(sent.lock().unwrap().is_empty());
    let seen = browser.post("/checkout", &borrowed(&form)).await;
    seen.is(422).tells("Is too far away").tells("id=\"city-fault\"");
    browser.post("/checkout", &[]).await.is(422).tells("Please look at these fields again");
}

#[tokio::test]
async fn why_an_order_is_not_placed_is_told_and_the_next_try_is_a_new_one() {
    let refusals = vec![
        (
            CheckoutRefused::PriceChanged {
                changes: vec![PriceChange { sku: sku("FR-PB"), shown: usd(999), now: usd(1099) }],
            },
            "Frankenstein now costs 10.99 USD (it was 9.99 USD).",
        ),
        (
            CheckoutRefused::OutOfStock {
                short: vec![
                    Shortage { sku: sku("FR-PB"), requested: 2, available: 1 },
                    Shortage { sku: sku("FR-HC"), requested: 1, available: 0 },
                ],
            },
            "You want 2 of Frankenstein, and 1 are left.",
        ),
        (CheckoutRefused::CartChanged { version: 8 }, "Your cart has changed"),
        (
            CheckoutRefused::NotDelivered { country: "FR".to_owned() },
            "To France, choose another way of shipping",
        ),
        (CheckoutRefused::CartAlreadyOrdered { order: order_id() }, "See that order"),
        (CheckoutRefused::NotSold { skus: vec![sku("FR-PB")] }, "Frankenstein was taken off"),
        (CheckoutRefused::KeyReused, "sent before with other details"),
        (
            CheckoutRefused::Total { reason: "too large".to_owned() },
            "cannot be reckoned: too large",
        ),
    ];
    for (refused, told) in refusals {
        let (town, _) = selling(move |_, _| Err(CallError::Refused(refused.clone())));
        let mut browser = town.open().logged_in("ada");
        let form = filled(&mut browser).await;
        let seen = browser.post("/checkout", &borrowed(&form)).await;
        seen.is(409).tells(told).tells("value=\"London\"");
        assert_ne!(seen.hidden("idempotency_key"), form[0].1);
    }
    let (town, _) = selling(|_, _| Err(CallError::Refused(CheckoutRefused::CartEmpty)));
    let mut browser = town.open().logged_in("ada");
    let form = filled(&mut browser).await;
    assert_eq!(browser.post("/checkout", &borrowed(&form)).await.is(303).to(), "/cart");
}

#[tokio::test]
async fn an_order_of_which_nothing_is_known_is_tried_again_under_its_name() {
    let (town, sent) = selling(|count, _| match count {
        0 => Err(CallError::Unknown("timeout".to_owned())),
        1 => Err(CallError::NotDone("full".to_owned())),
        _ => Ok(placed(None)),
    });
    let mut browser = town.open().logged_in("ada");
    let mut form = filled(&mut browser).await;
    for told in ["We do not know whether your order was placed", "The order was not placed"] {
        let seen = browser.post("/checkout", &borrowed(&form)).await;
        seen.is(503).tells(told);
        form[0].1 = seen.hidden("idempotency_key");
        form[1].1 = seen.hidden("cart_version");
        form[2].1 = seen.hidden("quoted");
    }
    browser.post("/checkout", &borrowed(&form)).await.is(303);
    let sent = sent.lock().unwrap();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|(_, checkout)| checkout.idempotency == sent[0].1.idempotency));
}

#[tokio::test]
async fn the_form_offers_what_whoever_looks_can_use() {
    let mut browser = Town::new().open().keep("feria_cart", "guest-cart");
    let seen = browser.get("/checkout").await;
    seen.hides("value=\"wallet\"").tells("value=\"card\" checked").tells("name=\"email\"");
    seen.tells("What it costs depends on the country.").hides("Place order");
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    let seen = browser.post("/checkout", &[("step", "quote"), ("country", "gb")]).await;
    seen.is(200).tells("14.99 <small>USD</small>").tells("<span class=\"price\">Free</span>");
    seen.tells("Place order").hides("role=\"alert\"");
    let seen = browser.another().logged_in("ada").get("/checkout").await;
    seen.tells("value=\"wallet\" checked").hides("name=\"email\"").tells("value=\"Ada Lovelace\"");
    seen.tells("Your balance covers this order");
    let mut empty =
        Town::new().play::<GetCart>(|_, _| Ok(cart(Vec::new()))).open().logged_in("ada");
    assert_eq!(empty.get("/checkout").await.is(303).to(), "/cart");
    assert_eq!(browser.another().get("/checkout").await.is(303).to(), "/cart");
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let mut browser = town.open().logged_in("ada");
    let form = filled(&mut browser).await;
    browser.post("/checkout", &with(&form, "payment_method", "wallet")).await.is(303);
    let with = sent.lock().unwrap()[0].1.payment.clone();
    assert_eq!((with.method, with.token), (PaymentMethod::Wallet, None));
}
