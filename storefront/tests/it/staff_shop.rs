//! The shop's own terms behind the counter.
use crate::counter::Heard;
use crate::town::{HOSTILE, Town, shop};
use contracts::CallError;
use contracts::orders::{
    GetShop, LegalPage, ShippingMethod, ShippingRate, Shop, ShopRefused, TaxRate, UpdateShop,
};

const FORM: [(&str, &str); 19] = [
    ("version", "1"),
    ("name", " Old Paper "),
    ("address", "Ada Books Ltd\r\n\r\n1 Mill Lane, Cambridge\r\n"),
    ("vat_id", "GB123456789"),
    ("email", "ada@example.com"),
    ("phone", ""),
    ("countries", "gb, FR"),
    ("prices_include_tax", "true"),
    ("pages[0].slug", "terms"),
    ("pages[0].title", "Terms of sale"),
    ("pages[0].text", "We sell.\r\n\r\nYou buy."),
    ("shipping[0].method", "express"),
    ("shipping[0].country", "gb"),
    ("shipping[0].price", "14.99"),
    ("shipping[0].free_above", "100"),
    ("tax[0].country", ""),
    ("tax[0].category", "books"),
    ("tax[0].basis_points", "5.5"),
    ("tax[1].basis_points", ""),
];

fn with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut form = FORM.to_vec();
    for (name, value) in changes {
        match form.iter_mut().find(|(field, _)| field == name) {
            Some(field) => field.1 = value,
            None => form.push((name, value)),
        }
    }
    form
}

#[tokio::test]
async fn the_terms_are_shown_and_saved_whole() {
    let heard: Heard<UpdateShop> = Heard::default();
    let mut boss = Town::new().hear(&heard, |_| Ok(shop())).open().logged_in("boss");
    let seen = boss.get("/admin/shop").await;
    seen.is(200)
        .tells("value=\"Old Paper\"")
        .tells("name=\"version\" value=\"1\"")
        .tells("GB FR</textarea>");
    seen.tells("value=\"Terms of sale\"")
        .tells("We sell.\n\nYou buy.</textarea>")
        .tells("1 Mill Lane, Cambridge</textarea>");
    let seen = boss.post("/admin/shop", &FORM).await;
    assert_eq!(seen.is(303).to(), "/admin/shop?notice=shop_saved");
    let UpdateShop { terms, version } = heard.lock().unwrap().pop().unwrap();
    assert_eq!((version, terms.name.as_str()), (Some(1), "Old Paper"));
    assert_eq!(terms.address, ["Ada Books Ltd", "1 Mill Lane, Cambridge"]);
    assert_eq!(
        (terms.vat_id.as_deref(), terms.email.as_deref(), terms.phone),
        (Some("GB123456789"), Some("ada@example.com"), None)
    );
    assert_eq!(
        (terms.countries, terms.prices_include_tax),
        (vec!["GB".to_owned(), "FR".to_owned()], true)
    );
    let page = LegalPage {
        slug: "terms".to_owned(),
        title: "Terms of sale".to_owned(),
        text: "We sell.\n\nYou buy.".to_owned(),
    };
    assert_eq!(terms.pages, [page]);
    let rate = ShippingRate {
        method: ShippingMethod::Express,
        country: Some("GB".to_owned()),
        price: 1499,
        free_above: Some(10_000),
    };
    assert_eq!(terms.shipping, [rate]);
    let rate = TaxRate { country: None, category: Some("books".to_owned()), basis_points: 550 };
    assert_eq!(terms.tax, [rate]);
}

#[tokio::test]
async fn rows_are_added_and_removed_without_a_script() {
    let heard: Heard<UpdateShop> = Heard::default();
    let mut boss = Town::new().hear(&heard, |_| Ok(shop())).open().logged_in("boss");
    for (more, field, typed) in [
        ("shipping", "shipping[1].price", "value=\"14.99\""),
        ("tax", "tax[2].basis_points", "value=\"5.5\""),
        ("pages", "pages[1].text", "value=\"Terms of sale\""),
    ] {
        let seen = boss.post("/admin/shop", &with(&[("more", more)])).await;
        seen.is(200)
            .tells(&format!("name=\"{field}\""))
            .tells(typed)
            .tells("value=\" Old Paper \"");
    }
    boss.post("/admin/shop", &with(&[("more", "nonsense")])).await.is(200);
    assert!(heard.lock().unwrap().is_empty(), "one more row saves nothing");
    boss.post(
        "/admin/shop",
        &with(&[
            ("pages[0].remove", "true"),
            ("shipping[0].remove", "true"),
            ("shipping[0].price", "?"),
        ]),
    )
    .await
    .is(303);
    let terms = heard.lock().unwrap().pop().unwrap().terms;
    assert_eq!((terms.pages.len(), terms.shipping.len(), terms.tax.len()), (0, 0, 1));
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_the_field_and_nothing_typed_is_lost() {
    let heard: Heard<UpdateShop> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |update| {
            let field = match update.terms.name.as_str() {
                "pages" => "pages[0].slug",
                "tax" => "tax[0].category",
                "address" => "address[1]",
                "countries" => "countries[0]",
                "whole" => "shipping",
                "changed" => {
                    return Err(CallError::Refused(ShopRefused::ShopChanged { version: 7 }));
                }
                "no" => return Err(CallError::Refused(ShopRefused::NotAllowed)),
                _ => return Ok(shop()),
            };
            Err(CallError::Refused(ShopRefused::Invalid {
                field: field.to_owned(),
                reason: "is odd".to_owned(),
            }))
        })
        .open()
        .logged_in("boss");
    for (name, told) in [
        ("pages", "id=\"pages[0].slug-fault\""),
        ("address", "id=\"address-fault\""),
        ("countries", "id=\"countries-fault\""),
        ("whole", "Shipping is odd"),
    ] {
        let seen = boss.post("/admin/shop", &with(&[("name", name)])).await;
        seen.is(422)
            .tells(told)
            .tells("value=\"14.99\"")
            .tells("We sell.")
            .tells("gb, FR</textarea>");
    }
    let moved = with(&[
        ("name", "tax"),
        ("tax[0].basis_points", "7"),
        ("tax[0].remove", "true"),
        ("tax[1].basis_points", "19"),
    ]);
    boss.post("/admin/shop", &moved).await.is(422).tells("id=\"tax[1].category-fault\"");
    let seen = boss.post("/admin/shop", &with(&[("name", "changed")])).await;
    seen.is(409)
        .tells("Somebody else has changed")
        .tells("name=\"version\" value=\"7\"")
        .tells("value=\"changed\"");
    boss.post("/admin/shop", &with(&[("name", "no")])).await.is(403);
    heard.lock().unwrap().clear();
    for (field, wrong) in [
        ("shipping[0].price", "dear"),
        ("shipping[0].price", ""),
        ("shipping[0].free_above", "-1"),
        ("shipping[0].method", "pigeon"),
        ("tax[0].basis_points", "1.234"),
        ("tax[0].basis_points", "a lot"),
    ] {
        let seen = boss.post("/admin/shop", &with(&[(field, wrong)])).await;
        seen.is(422)
            .tells(&format!("id=\"{field}-fault\""))
            .tells("Nothing was saved yet")
            .tells("value=\"GB123456789\"");
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn long_legal_pages_fit_the_form_and_hostile_ones_are_text() {
    let heard: Heard<UpdateShop> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |_| Ok(shop()))
        .play::<GetShop>(|_, _| {
            let mut evil: Shop = shop();
            let text = || HOSTILE.to_owned();
            evil.terms.pages = vec![LegalPage { slug: text(), title: text(), text: text() }];
            (evil.terms.name, evil.terms.phone) = (text(), Some(text()));
            evil.terms.tax =
                vec![TaxRate { country: Some(text()), category: Some(text()), basis_points: 1 }];
            Ok(evil)
        })
        .open()
        .logged_in("boss");
    boss.get("/admin/shop").await.is(200).hides("<script").hides("<img src=x");
    let long = "é".repeat(50_000);
    let mut form: Vec<(&str, &str)> = FORM.to_vec();
    form.iter_mut().filter(|(name, _)| *name == "pages[0].text").for_each(|field| field.1 = &long);
    boss.post("/admin/shop", &form).await.is(303);
    assert_eq!(heard.lock().unwrap()[0].terms.pages[0].text.chars().count(), 50_000);
    let evil = FORM.map(|(name, _)| (name, HOSTILE));
    boss.post("/admin/shop", &evil).await.is(422).hides("<script").hides("<img src=x");
}
