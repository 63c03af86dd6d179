//! Checkouts: where to, what it costs there, and the ways to pay.
use crate::buying::{Sent, borrowed, filled, placed, selling, with};
use crate::town::{HOSTILE, Town, offers, saved_address, shop, usd};
use contracts::identity::{ListAddresses, SaveAddress};
use contracts::orders::{GetShop, QuoteCart, QuoteRefused, Shop, ShopTerms};
use contracts::payments::{GetWallet, PaymentMethod, PaymentMethods, Wallet};
use contracts::{CallError, Caller};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

#[tokio::test]
async fn an_order_is_placed_for_a_total_that_was_shown_and_no_other() {
    let price = Arc::new(Mutex::new(499));
    let now = Arc::clone(&price);
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let town = town.play::<QuoteCart>(move |_, _| {
        let mut offers = offers();
        offers[1].shipping = usd(*now.lock().unwrap());
        offers[1].total = usd(1998 + *now.lock().unwrap());
        Ok(offers)
    });
    let mut ada = town.open().logged_in("ada");
    let form = filled(&mut ada).await;
    let quoted = form[2].1.as_str();
    assert_eq!(quoted, "GB:standard=2497,express=2497,pickup=1998");
    // Nothing was shown yet: the first click shows it.
    let seen = ada.post("/checkout", &with(&form, "quoted", "")).await;
    seen.is(200).hides("role=\"alert\"").tells("Place order").tells("value=\"express\" checked");
    assert_eq!(seen.hidden("quoted"), quoted);
    // Another country, chosen without looking at its total.
    let seen = ada.post("/checkout", &with(&form, "country", "FR")).await;
    seen.is(409).tells("Delivered to France it is 24.97 USD").tells("value=\"FR\" selected");
    // The shop raised its price meanwhile.
    *price.lock().unwrap() = 999;
    let seen = ada.post("/checkout", &borrowed(&form)).await;
    seen.is(409).tells("Look at the total once more").tells("29.97 <small>USD");
    assert!(sent.lock().unwrap().is_empty());
    let quoted = seen.hidden("quoted");
    let key = seen.hidden("idempotency_key");
    let form = with(&form, "quoted", &quoted);
    let form: Vec<_> = form
        .into_iter()
        .map(|(name, value)| (name, if name == "idempotency_key" { key.as_str() } else { value }))
        .collect();
    ada.post("/checkout", &form).await.is(303);
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_click_finds_its_order_although_the_cart_is_empty_by_now() {
    let clicks = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&clicks);
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let town = town.play::<QuoteCart>(move |_, _| {
        let mut count = counted.lock().unwrap();
        *count += 1;
        match *count {
            1 | 2 => Ok(offers()),
            _ => Err(CallError::Refused(QuoteRefused::CartEmpty)),
        }
    });
    let mut ada = town.open().logged_in("ada");
    let form = filled(&mut ada).await;
    let form = with(&form, "payment_method", "bank_transfer");
    let first = ada.post("/checkout", &form).await;
    let second = ada.post("/checkout", &form).await;
    assert_eq!(first.is(303).to(), second.is(303).to());
    let sent = sent.lock().unwrap();
    assert_eq!(sent[0].1.idempotency, sent[1].1.idempotency);
}

#[tokio::test]
async fn only_countries_that_the_shop_delivers_to_can_be_chosen() {
    let mut browser = Town::new().open().keep("feria_cart", "guest-cart");
    let seen = browser.get("/checkout").await;
    seen.is(200).tells("<option value=\"FR\">France</option>").hides("Germany");
    let seen = browser.post("/checkout", &[("step", "quote"), ("country", "de")]).await;
    seen.is(200).tells("Is none that we deliver to").hides("Place order");
    seen.tells("<option value=\"de\" selected>Germany</option>");
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let mut ada = town.open().logged_in("ada");
    let form = filled(&mut ada).await;
    let seen = ada.post("/checkout", &with(&form, "country", "DE")).await;
    seen.is(422).tells("id=\"country-fault\"").tells("value=\"London\"");
    assert!(sent.lock().unwrap().is_empty());
    for strange in ["", "Utopia", HOSTILE, "£"] {
        let seen = ada.post("/checkout", &[("step", "quote"), ("country", strange)]).await;
        seen.is(200).hides("<script>").hides("Place order");
    }
    // One country only: it is chosen, and what it costs stands there at once.
    let one = Town::new().play::<GetShop>(|_, _| {
        let terms = ShopTerms { countries: vec!["GB".to_owned()], ..shop().terms };
        Ok(Shop { terms, ..shop() })
    });
    let seen = one.open().logged_in("ada").get("/checkout").await;
    seen.tells("<option value=\"GB\" selected>").tells("Place order").tells("24.97 <small>USD");
}

#[tokio::test]
async fn what_the_order_costs_is_shown_with_tax_for_each_way_of_shipping() {
    let town = Town::new().play::<QuoteCart>(|_, _| {
        let mut offers = offers();
        offers.truncate(2);
        offers[0].tax = usd(150);
        offers[0].total = usd(2647);
        Ok(offers)
    });
    let mut ada = town.open().logged_in("ada");
    let seen = ada
        .post("/checkout", &[("step", "quote"), ("country", "GB"), ("shipping_method", "pickup")])
        .await;
    seen.is(200).tells("class=\"totals of-standard\"").tells("class=\"totals of-express\"");
    seen.tells("<dt>Tax</dt><dd><span class=\"price\">1.50").tells("26.47 <small>USD");
    seen.tells("<dt>Of this, tax</dt><dd><span class=\"price\">1.31").hides("of-pickup");
    // What is not offered there is not chosen.
    seen.tells("value=\"standard\" checked");
    let town = Town::new().play::<QuoteCart>(|_, _| Err(CallError::NotDone("down".to_owned())));
    let mut ada = town.open().logged_in("ada");
    ada.get("/checkout").await.is(200).tells("Show shipping and total");
}

#[tokio::test]
async fn a_saved_address_is_chosen_or_another_one_typed_and_kept() {
    let kept: Sent<SaveAddress> = Arc::default();
    let heard = Arc::clone(&kept);
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let town = town
        .play::<ListAddresses>(|_, _| {
            Ok(vec![
                saved_address(1, "Somewhere 1", "DE"),
                saved_address(2, "2 Rue X", "FR"),
                saved_address(3, "3 Mill Lane", "GB"),
            ])
        })
        .play::<SaveAddress>(move |caller: Caller, save: SaveAddress| {
            heard.lock().unwrap().push((caller, save));
            Ok(saved_address(4, "12 St James's Square", "GB"))
        });
    let mut ada = town.open().logged_in("ada");
    let seen = ada.get("/checkout").await;
    let id = |at: u128| Uuid::from_u128(at).to_string();
    // The first one to which the shop delivers.
    seen.is(200).tells(&format!("value=\"{}\" checked", id(2))).tells("(we do not deliver there)");
    seen.tells("2 Rue X, SW1Y 4JH London, France")
        .tells("Place order")
        .hides("maxlength=\"200\" required");
    let hidden = ["idempotency_key", "cart_version", "quoted"].map(|name| seen.hidden(name));
    assert!(hidden[2].starts_with("FR:"), "{}", hidden[2]);
    let (second, third, gone) = (id(2), id(3), id(77));
    let form = |address| {
        vec![
            ("idempotency_key", hidden[0].as_str()),
            ("cart_version", hidden[1].as_str()),
            ("quoted", hidden[2].as_str()),
            ("address_id", address),
            ("shipping_method", "standard"),
            ("payment_method", "wallet"),
        ]
    };
    ada.post("/checkout", &form(&second)).await.is(303);
    assert_eq!(sent.lock().unwrap()[0].1.shipping_address.line1, "2 Rue X");
    ada.post("/checkout", &form(&third)).await.is(409).tells("Delivered to United Kingdom it is");
    ada.post("/checkout", &form(&gone)).await.is(422).tells("not among yours any more");
    let mut typed = filled(&mut ada).await;
    typed.push(("address_id", "new".to_owned()));
    typed.push(("keep", "true".to_owned()));
    for _ in 0..2 {
        ada.post("/checkout", &borrowed(&typed)).await.is(303);
    }
    let kept = kept.lock().unwrap();
    assert_eq!(kept[0].1.address.as_ref().unwrap().line1, "12 St James's Square");
    assert_eq!((kept[0].1.id, kept[0].1.is_default), (None, None));
}

#[tokio::test]
async fn an_address_that_is_kept_already_is_not_kept_twice_and_an_order_outlives_that_failing() {
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let town = town
        .play::<ListAddresses>(|_, _| Ok(vec![saved_address(1, "12 St James's Square", "GB")]))
        .play::<SaveAddress>(|_, _| panic!("it is kept already"));
    let mut ada = town.open().logged_in("ada");
    let mut form = filled(&mut ada).await;
    form.push(("keep", "true".to_owned()));
    ada.post("/checkout", &borrowed(&form)).await.is(303);
    let (town, _) = selling(|_, _| Ok(placed(None)));
    let town = town.play::<SaveAddress>(|_, _| Err(CallError::NotDone("down".to_owned())));
    let mut ada = town.open().logged_in("ada");
    let mut form = filled(&mut ada).await;
    form.push(("keep", "true".to_owned()));
    ada.post("/checkout", &borrowed(&form)).await.is(303);
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_saved_address_opens_it() {
    let (town, _) = selling(|_, _| {
        let (field, reason) = ("shipping_address.city".to_owned(), "is too far away".to_owned());
        Err(CallError::Refused(contracts::orders::CheckoutRefused::Invalid { field, reason }))
    });
    let town = town.play::<ListAddresses>(|_, _| Ok(vec![saved_address(1, "2 Rue X", "GB")]));
    let mut ada = town.open().logged_in("ada");
    let mut form = filled(&mut ada).await;
    form.push(("address_id", Uuid::from_u128(1).to_string()));
    let seen = ada.post("/checkout", &borrowed(&form)).await;
    seen.is(422).tells("value=\"new\" checked").tells("value=\"2 Rue X\"").tells("Is too far away");
}

#[tokio::test]
async fn the_ways_to_pay_are_explained_and_asked_for() {
    let (town, sent) = selling(|_, _| Ok(placed(None)));
    let town = town.configured(|config| config.payments.bank_transfer_days = 5);
    let mut browser = town.open().keep("feria_cart", "guest-cart");
    let form = filled(&mut browser).await;
    let seen = browser.get("/checkout").await;
    seen.tells("hold your order for 5 days").tells("You pay whoever brings it, in cash");
    for method in ["bank_transfer", "cash_on_delivery"] {
        browser.post("/checkout", &with(&form, "payment_method", method)).await.is(303);
    }
    let asked: Vec<_> = sent.lock().unwrap().iter().map(|(_, c)| c.payment.clone()).collect();
    assert_eq!(asked[0].method, PaymentMethod::BankTransfer);
    assert_eq!((asked[1].method, asked[1].token.as_ref()), (PaymentMethod::CashOnDelivery, None));
    // A shop that takes no cards, and a wallet that is not enough.
    let mut ada = Town::new()
        .play::<PaymentMethods>(|_, _| {
            let offered = |method, name: &str| contracts::payments::OfferedMethod {
                method,
                name: name.to_owned(),
                needs_account: method == PaymentMethod::Wallet,
                needs_token: false,
            };
            Ok(vec![
                offered(PaymentMethod::BankTransfer, "Transfer"),
                offered(PaymentMethod::Wallet, "Wallet"),
            ])
        })
        .play::<GetWallet>(|_, _| Ok(Wallet { balance: usd(2000) }))
        .open()
        .logged_in("ada");
    let seen = ada.post("/checkout", &[("step", "quote"), ("country", "GB")]).await;
    seen.tells("value=\"bank_transfer\" checked").tells("top up first").hides("tok_visa");
}
