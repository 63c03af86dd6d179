//! What the shop is called and the terms on which it sells, on every page.
use crate::town::{HOSTILE, Town, shop};
use contracts::CallError;
use contracts::orders::{GetShop, LegalPage, Shop, ShopTerms};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn every_page_names_the_shop_and_who_stands_behind_it() {
    let mut boss = Town::new().open().logged_in("boss");
    for page in ["/", "/search", "/cart", "/account", "/orders", "/admin", "/nowhere", "/checkout"]
    {
        let seen = boss.get(page).await;
        seen.tells("· Old Paper</title>").tells("class=\"wordmark\" href=\"/\">Old Paper</a>");
        seen.tells("1 Mill Lane, Cambridge").tells("VAT id GB123456789");
        seen.tells("href=\"/legal/terms\">Terms of sale</a>").hides("Feria");
    }
}

#[tokio::test]
async fn legal_pages_are_shown_as_they_were_written() {
    let mut browser = Town::new().open();
    let seen = browser.get("/legal/terms").await;
    seen.is(200).tells("<h1>Terms of sale</h1>").tells("<p>We sell.</p>").tells("<p>You buy.</p>");
    seen.tells("href=\"/legal/terms\" aria-current=\"page\"");
    for none in ["/legal/nothing", "/legal/", "/legal/TERMS", "/legal/terms/x"] {
        browser.get(none).await.is(404).tells("error-code");
    }
}

#[tokio::test]
async fn a_shop_that_is_not_told_of_is_called_feria_and_then_the_last_known() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let town =
        Town::new().play::<GetShop>(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
            0 | 2 => Err(CallError::NotDone("down".to_owned())),
            1 => Ok(shop()),
            3 => Ok(Shop {
                terms: ShopTerms { name: "New Paper".to_owned(), ..shop().terms },
                ..shop()
            }),
            _ => Ok(Shop { terms: ShopTerms { name: " ".to_owned(), ..shop().terms }, ..shop() }),
        });
    let clock = town.clock.clone();
    let mut browser = town.open();
    for (name, count) in
        [("Feria", 1), ("Old Paper", 2), ("Old Paper", 3), ("New Paper", 4), ("Feria", 5)]
    {
        for page in ["/", "/search", "/cart"] {
            browser.get(page).await.is(200).tells(&format!("· {name}</title>"));
        }
        assert_eq!(asked.load(Ordering::SeqCst), count);
        clock.forward(Duration::from_millis(2_100));
    }
}

#[tokio::test]
async fn hostile_terms_are_shown_and_never_run() {
    let evil = || HOSTILE.to_owned();
    let town = Town::new().play::<GetShop>(move |_, _| {
        let pages = vec![LegalPage { slug: "imprint".to_owned(), title: evil(), text: evil() }];
        let terms = ShopTerms {
            name: evil(),
            address: vec![evil()],
            vat_id: Some(evil()),
            email: Some(evil()),
            phone: Some(evil()),
            pages,
            ..ShopTerms::default()
        };
        Ok(Shop { terms, ..shop() })
    });
    let mut browser = town.open().logged_in("ada");
    for page in ["/", "/legal/imprint", "/checkout", "/account", "/nowhere"] {
        browser.get(page).await.hides("<script>").tells("&#60;script&#62;").hides("<img src=x");
    }
}
