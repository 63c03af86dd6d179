//! Pages that are looked at: what they tell, and what they never run.
use crate::town::{HOSTILE, Town, cart, hostile_product, line, now, order, order_id, receipt, usd};
use axum::http::Method;
use contracts::cart::GetCart;
use contracts::catalog::{
    BestSellers, FindProducts, FindProductsRefused, GetProduct, ProductPage, Sort,
};
use contracts::notifications::{ListNotifications, Notification, NotificationPage};
use contracts::orders::{GetOrder, GetReceipt, ListOrders, OrderPage, OrderStatus};
use contracts::payments::PaymentStatus;
use contracts::{CallError, NotificationId};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

#[tokio::test]
async fn the_shop_front_shows_best_sellers_new_books_and_shelves() {
    let seen = Town::new().open().get("/").await;
    seen.is(200).tells("<h1>Old books, in the best of company.</h1>");
    seen.tells("href=\"/p/frankenstein\"").tells("Best sellers").tells("Just arrived");
    seen.tells("href=\"/c/drama\"").tells("<small>from</small> 9.99 <small>USD</small>");
    seen.tells("/assets/style.css?v=").hides("class=\"count\"");
    assert_eq!(seen.headers["cache-control"], "private, no-cache");
}

#[tokio::test]
async fn a_shop_front_without_a_catalogue_is_still_a_page() {
    let down = || Err(CallError::NotDone("down".to_owned()));
    let mut browser = Town::new()
        .play::<BestSellers>(move |_, _| down())
        .play::<FindProducts>(|_, _| Err(CallError::Unknown("down".to_owned())))
        .open();
    browser.get("/").await.is(200).tells("The shelves are still empty");
    browser.get("/search").await.is(503).tells("We do not know whether it was done");
}

#[tokio::test]
async fn a_product_shows_its_editions_and_facts() {
    let seen = Town::new().open().get("/p/frankenstein").await;
    seen.is(200).tells("<h1>Frankenstein</h1>").tells("href=\"/search?author=mary-shelley\"");
    seen.tells("value=\"FR-HC\" disabled").tells("value=\"FR-PB\" checked");
    seen.tells("First published</th><td>1818").tells("Original language</th><td>English");
    seen.tells("max=\"155\"").hides("Edit this product");
    for gone in ["/p/nothing", "/p/%00", "/p/a%0Ab", "/p/%ff", "/p/a/b", "/p/"] {
        let seen = Town::new().open().get(gone).await;
        assert!(matches!(seen.status.as_u16(), 404 | 400), "{gone}");
        seen.tells("class=\"error-code\"");
    }
    let long = format!("/p/{}", "x".repeat(5000));
    Town::new().open().get(&long).await.is(404);
}

#[tokio::test]
async fn a_search_asks_for_what_stands_in_the_address() {
    let asked: Arc<Mutex<Vec<FindProducts>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let mut browser = Town::new()
        .play::<FindProducts>(move |_, find: FindProducts| {
            let (page, per_page) = (find.page, find.per_page);
            heard.lock().unwrap().push(find);
            let (items, facets) = (vec![crate::town::product()], Some(crate::town::facets()));
            Ok(ProductPage { items, page, per_page, total: 200, facets })
        })
        .open();
    let seen = browser
        .get("/search?q=big+book&category=fiction&genre=gothic&min=1&max=10.50&in_stock=true&sort=-price&page=3")
        .await;
    let find = asked.lock().unwrap().pop().unwrap();
    assert_eq!(find.q.as_deref(), Some("big book"));
    assert_eq!(
        (find.category.as_deref(), find.genre.as_deref()),
        (Some("fiction"), Some("gothic"))
    );
    assert_eq!((find.min_price, find.max_price), (Some(100), Some(1050)));
    assert_eq!((find.in_stock, find.sort, find.page), (Some(true), Sort::PriceDescending, 3));
    seen.is(200).tells("“big book”").tells("200 books, dearest first").tells("Up to 10.50 USD");
    seen.tells("rel=\"next\"").tells("page=4").tells("value=\"big book\"");
    let seen = browser.get("/search?min=1e9&max=-5&page=zero&sort=x&in_stock=maybe").await;
    seen.is(422).tells("The lowest price must be an amount such as 19.99");
    let find = asked.lock().unwrap().pop().unwrap();
    assert_eq!((find.min_price, find.max_price, find.page), (None, None, 1));
    browser.get("/search?q=a&q=b").await.is(400).tells("error-code");
    browser.get(&format!("/search?q={}", "%F0%9F%92%A9".repeat(3000))).await.is(200);
    browser.get("/search?q=%00").await.is(400).tells("error-code");
}

#[tokio::test]
async fn nothing_found_says_so_and_what_one_can_afford_needs_a_login() {
    let mut browser = Town::new()
        .play::<FindProducts>(|_, find: FindProducts| match find.affordable {
            true => Err(CallError::Refused(FindProductsRefused::NotLoggedIn)),
            false => {
                let items = Vec::new();
                Ok(ProductPage { items, page: 1, per_page: 24, total: 0, facets: None })
            }
        })
        .open();
    browser.get("/search?q=xylofone").await.is(200).tells("Nothing on our shelves for “xylofone”");
    browser.get("/search?q=x&max=1").await.is(200).tells("Take a filter away");
    let seen = browser.get("/search?affordable=true").await;
    assert_eq!(seen.is(303).to(), "/login?next=/search%3Faffordable%3Dtrue");
}

fn hostile_facets() -> contracts::catalog::Facets {
    let evil = || contracts::catalog::FacetCount {
        slug: HOSTILE.to_owned(),
        name: HOSTILE.to_owned(),
        count: 1,
    };
    contracts::catalog::Facets {
        categories: vec![evil()],
        authors: vec![evil()],
        genres: vec![evil()],
        ..Default::default()
    }
}

#[tokio::test]
async fn hostile_words_are_shown_on_every_page_and_never_run() {
    let evil_order = |status, payment| {
        let mut order = order(status, payment);
        order.number = HOSTILE.to_owned();
        order.items = vec![line(HOSTILE)];
        order.items[0].slug = HOSTILE.to_owned();
        order.items[0].image = Some("javascript:alert(1)".to_owned());
        order.shipping_address = crate::town::address(HOSTILE);
        order.tracking = Some(HOSTILE.to_owned());
        order.payment.failure_code = Some(HOSTILE.to_owned());
        order
    };
    let town = Town::new()
        .play::<BestSellers>(|_, _| Ok(vec![hostile_product()]))
        .play::<FindProducts>(|_, _| {
            let items = vec![hostile_product()];
            let facets = Some(hostile_facets());
            Ok(ProductPage { items, page: 1, per_page: 24, total: 1, facets })
        })
        .play::<GetProduct>(|_, _| Ok(hostile_product()))
        .play::<GetCart>(|_, _| Ok(cart(vec![line(HOSTILE)])))
        .play::<GetOrder>(move |_, _| {
            Ok(evil_order(OrderStatus::Pending, PaymentStatus::RequiresAction))
        })
        .play::<GetReceipt>(move |_, _| {
            let order = evil_order(OrderStatus::Paid, PaymentStatus::Captured);
            let mut receipt = receipt(order);
            receipt.refunded = usd(1);
            receipt.number = HOSTILE.to_owned();
            receipt.seller.name = HOSTILE.to_owned();
            receipt.seller.address = vec![HOSTILE.to_owned()];
            Ok(receipt)
        })
        .play::<ListOrders>(move |_, _| {
            let items = vec![evil_order(OrderStatus::Paid, PaymentStatus::Captured)];
            Ok(OrderPage { items, next_cursor: Some(HOSTILE.to_owned()) })
        })
        .play::<ListNotifications>(|_, _| {
            let evil = || HOSTILE.to_owned();
            let note = Notification {
                id: NotificationId(Uuid::nil()),
                kind: evil(),
                title: evil(),
                body: evil(),
                order: None,
                at: now(),
            };
            Ok(NotificationPage { items: vec![note], next_cursor: Some(evil()) })
        });
    let mut browser = town.open().logged_in("boss");
    let (order, query) = (order_id(), crate::browser::encoded(HOSTILE));
    for path in [
        "/",
        &format!("/p/{}", crate::browser::encoded(HOSTILE)),
        "/cart",
        "/checkout",
        "/orders",
        &format!("/orders/{order}"),
        &format!("/orders/{order}/receipt"),
        "/notifications",
        &format!("/search?q={query}&category={query}&genre={query}&author={query}&sort={query}"),
        "/admin/orders",
        &format!("/admin/orders/{order}"),
        "/admin/products",
        &format!("/admin/products/{}", Uuid::nil()),
        &format!("/admin/stock?q={query}&page={query}"),
    ] {
        // The browser looks for scripts and for elements that do not end.
        let seen = browser.get(path).await;
        seen.is(200).hides("<script>").hides("<img src=x").tells("&#60;script&#62;");
    }
    let mut guest = browser.another();
    guest.get(&format!("/login?next={query}")).await.is(200).hides("script");
    let wrong = [("email", HOSTILE), ("password", HOSTILE), ("next", HOSTILE), ("name", HOSTILE)];
    guest.post("/login", &wrong).await.is(422).tells("&#60;script&#62;").hides("<script");
    guest.get(&format!("/x/{query}?notice={query}")).await.is(404).hides("<script");
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let mut browser = Town::new().open().saying("x-request-id", "req-1");
    let seen = browser.get("/nowhere").await;
    seen.is(404).tells("like the end of Edwin Drood").tells("<code>req-1</code>");
    assert!(seen.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let seen = browser.ask(Method::DELETE, "/cart", String::new()).await;
    seen.is(405).tells("error-code");
    assert!(seen.headers["allow"].to_str().unwrap().contains("GET"));
    browser.get("/cart/add").await.is(405).tells("error-code");
    browser.get("/orders/no-id").await.is(404).tells("error-code");
}

#[tokio::test]
async fn only_fixed_notices_are_told() {
    let mut browser = Town::new().open();
    browser
        .get("/p/frankenstein?notice=added")
        .await
        .tells("Added to your cart.")
        .tells("/checkout");
    browser.get("/p/frankenstein?notice=hello").await.hides("role=\"status\"");
}

#[tokio::test]
async fn the_style_sheet_is_kept_for_ever_under_its_own_address() {
    let mut browser = Town::new().open();
    let page = browser.get("/").await.body;
    let from = page.find("/assets/style.css?v=").unwrap();
    let address = page[from..].split('"').next().unwrap();
    let seen = browser.get(address).await;
    seen.is(200).tells(".product-grid");
    assert!(seen.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(seen.headers["content-type"], "text/css; charset=utf-8");
    let other = browser.get("/assets/style.css?v=old").await;
    assert_eq!(other.is(200).headers["cache-control"], "no-cache");
    let etag = other.headers["etag"].to_str().unwrap().to_owned();
    browser.another().saying("if-none-match", &etag).get("/assets/style.css").await.is(304);
    browser.get("/favicon.svg").await.is(200).tells("<svg");
}

#[tokio::test]
async fn a_cover_is_drawn_for_a_sku_and_known_again() {
    let mut browser = Town::new().open();
    let seen = browser.get("/covers/FR-PB.svg").await;
    seen.is(200).tells("<svg");
    assert!(seen.body.to_lowercase().contains("frankenstein"), "{}", seen.body);
    assert_eq!(seen.headers["content-type"], "image/svg+xml");
    assert!(seen.headers["cache-control"].to_str().unwrap().contains("max-age=86400"));
    let etag = seen.headers["etag"].to_str().unwrap().to_owned();
    let mut again = browser.another().saying("if-none-match", &etag);
    assert_eq!(again.get("/covers/fr-hc.svg").await.is(304).body, "");
    browser.get("/covers/GONE.svg").await.is(404).tells("<svg");
    browser.get("/covers/GO/NE.svg").await.is(404).tells("<svg");
    for none in ["/covers/a%20b.svg", "/covers/FR-PB", "/covers/%00.svg", "/covers/"] {
        browser.get(none).await.is(404);
    }
}
