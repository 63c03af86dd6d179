//! Behind the counter.
use crate::counter::Heard;
use crate::town::{Town, entry, order, product, sku, usd};
use contracts::catalog::{
    CreateProduct, GetShelfEntry, ProductRefused, ReviewsToModerate, ShelfEntryDetail,
    UpdateProduct, WithdrawProduct,
};
use contracts::inventory::{SetStock, StockLevel};
use contracts::orders::{ListOrders, OrderPage, OrderStatus};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{CallError, ProductId};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// The pages of everybody who works here, and those of admins only.
const HELPERS: [&str; 4] = [
    "/admin",
    "/admin/orders",
    "/admin/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02",
    "/admin/reviews",
];
const ADMINS: [&str; 14] = [
    "/admin/stock",
    "/admin/stock?low=true",
    "/admin/stock/history?sku=FR-HC",
    "/admin/products",
    "/admin/products/new",
    PRODUCT,
    "/admin/categories",
    "/admin/categories?shelf=authors",
    "/admin/categories/categories/00000000-0000-0000-0000-000000000003",
    "/admin/shop",
    "/admin/mails",
    "/admin/mails/00000000-0000-0000-0000-000000000008",
    "/admin/accounts",
    "/admin/transactions",
];
const PRODUCT: &str = "/admin/products/00000000-0000-0000-0000-000000000007";
const ORDER: &str = "/admin/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02";

/// Forms with the path behind `/admin`, and whether support may send them.
const FORMS: [(&str, bool); 18] = [
    ("/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02/parcels", true),
    ("/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02/cancel", true),
    ("/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02/confirm", false),
    ("/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02/refund", false),
    ("/orders/x/refunds/00000000-0000-0000-0000-000000000006", false),
    ("/reviews/00000000-0000-0000-0000-000000000003", true),
    ("/stock", false),
    ("/stock/history", false),
    ("/products/new", false),
    ("/products/00000000-0000-0000-0000-000000000007", false),
    ("/products/00000000-0000-0000-0000-000000000007/variants", false),
    ("/products/00000000-0000-0000-0000-000000000007/variants/withdraw", false),
    ("/products/00000000-0000-0000-0000-000000000007/withdraw", false),
    ("/categories", false),
    ("/categories/genres/00000000-0000-0000-0000-000000000003/delete", false),
    ("/shop", false),
    ("/mails/00000000-0000-0000-0000-000000000008/send", false),
    ("/accounts/00000000-0000-0000-0000-000000000009", false),
];

#[tokio::test]
async fn each_finds_behind_the_counter_what_their_role_may() {
    let mut browser = Town::new()
        .play::<GetShelfEntry>(|_, _| {
            let (entry, path, children) = (entry(3, "novels", "Novels"), Vec::new(), Vec::new());
            Ok(ShelfEntryDetail { entry, path, children })
        })
        .open();
    for (page, helps) in
        HELPERS.map(|page| (page, true)).into_iter().chain(ADMINS.map(|page| (page, false)))
    {
        let seen = browser.get(page).await;
        assert!(seen.is(303).to().starts_with("/login?next=/admin"), "{page}");
        browser.another().logged_in("ada").get(page).await.is(403).hides("counter</h1>");
        browser.another().logged_in("boss").get(page).await.is(200);
        let helped = browser.another().logged_in("helper").get(page).await;
        helped.is(if helps { 200 } else { 403 });
    }
    for (form, helps) in FORMS {
        let form = format!("/admin{form}");
        assert_eq!(browser.post(&form, &[]).await.is(303).to(), "/login?next=/admin", "{form}");
        browser
            .another()
            .logged_in("ada")
            .post(&form, &[("sku", "A")])
            .await
            .is(403)
            .tells("no key");
        let helped = browser.another().logged_in("helper").post(&form, &[("sku", "A")]).await;
        assert_eq!(helped.status != 403, helps, "{form}: {}", helped.status);
    }
}

#[tokio::test]
async fn support_is_shown_no_door_that_is_shut_to_it() {
    let browser = Town::new().open();
    let mut helper = browser.another().logged_in("helper");
    let seen = helper.get("/admin").await;
    seen.tells("/admin/orders\"")
        .tells("/admin/reviews\"")
        .tells("orders to send")
        .tells("to read");
    for shut in ["stock", "products", "categories", "shop", "mails", "accounts", "transactions"] {
        seen.hides(&format!("/admin/{shut}"));
    }
    seen.hides("at the bank").hides("run out").hides("that failed");
    let seen = helper.get(ORDER).await;
    seen.tells("Send all of it")
        .tells("Cancel this order")
        .hides("Give it back")
        .hides("Transactions");
    helper.get("/p/frankenstein").await.hides("Edit this product");
    browser.another().logged_in("boss").get("/p/frankenstein").await.tells("Edit this product");
    browser.another().logged_in("ada").get("/").await.hides("/admin");
}

#[tokio::test]
async fn the_overview_counts_what_waits_and_does_without_a_service_that_is_down() {
    let orders: Heard<ListOrders> = Heard::default();
    let mut boss = Town::new()
        .hear(&orders, |list| {
            let more = list.method.is_none().then(|| "more".to_owned());
            let paid = order(OrderStatus::Paid, PaymentStatus::Captured);
            Ok(OrderPage { items: vec![paid; 2], next_cursor: more })
        })
        .play::<ReviewsToModerate>(|_, _| Err(CallError::NotDone("down".to_owned())))
        .open()
        .logged_in("boss");
    let seen = boss.get("/admin").await;
    seen.is(200).tells("<strong>2+</strong> paid orders to send");
    seen.tells("<strong>2</strong> orders to send, paid on delivery");
    seen.tells("<strong>2</strong> transfers to look for")
        .tells("<strong>–</strong> reviews to read");
    seen.tells("<strong>2+</strong> SKUs that run out")
        .tells("<strong>2</strong> letters that failed");
    let asked = orders.lock().unwrap().clone();
    assert!(asked.iter().all(|list| list.everybody && list.limit == 100));
    let mut which: Vec<_> = asked.iter().map(|list| (list.status, list.method)).collect();
    which.sort_by_key(|(status, method)| {
        (*status != Some(OrderStatus::Paid), method.map(PaymentMethod::as_str))
    });
    let pending = Some(OrderStatus::Pending);
    assert_eq!(
        which,
        [
            (Some(OrderStatus::Paid), None),
            (pending, Some(PaymentMethod::BankTransfer)),
            (pending, Some(PaymentMethod::CashOnDelivery)),
        ]
    );
}

const BOOK: [(&str, &str); 9] = [
    ("title", " Emma "),
    ("description", "A matchmaker\r\nerrs."),
    ("authors", "Jane Austen, "),
    ("genres", "Novel,Comedy"),
    ("categories", "Fiction"),
    ("facts", "Year: 1815\r\nSize of page: A5\r\n"),
    ("sku", "emma-1"),
    ("price", "12.50"),
    ("on_hand", "4"),
];

#[tokio::test]
async fn a_product_is_listed_and_stocked_by_a_form() {
    let listed: Arc<Mutex<Vec<CreateProduct>>> = Arc::default();
    let heard = Arc::clone(&listed);
    let stocked: Arc<Mutex<Vec<SetStock>>> = Arc::default();
    let counted = Arc::clone(&stocked);
    let mut boss = Town::new()
        .play::<CreateProduct>(move |_, create: CreateProduct| {
            let refused = match create.variants[0].sku.as_str() {
                "TAKEN" => ProductRefused::SkuTaken { sku: sku("TAKEN") },
                "LONG" => ProductRefused::Invalid {
                    field: "authors[0]".to_owned(),
                    reason: "is too long".to_owned(),
                },
                _ => {
                    heard.lock().unwrap().push(create);
                    return Ok(product());
                }
            };
            Err(CallError::Refused(refused))
        })
        .play::<SetStock>(move |_, set: SetStock| {
            let mut counted = counted.lock().unwrap();
            counted.push(set.clone());
            match counted.len() {
                1 => Ok(StockLevel {
                    sku: set.sku,
                    on_hand: 4,
                    reserved: 0,
                    available: 4,
                    low_stock_at: None,
                }),
                _ => Err(CallError::NotDone("down".to_owned())),
            }
        })
        .open()
        .logged_in("boss");
    let seen = boss.post("/admin/products/new", &BOOK).await;
    assert!(seen.is(303).to().ends_with("?notice=product_saved"));
    let create = listed.lock().unwrap()[0].clone();
    assert_eq!((create.title.as_str(), create.authors.len()), ("Emma", 1));
    assert_eq!(create.genres, ["Novel", "Comedy"]);
    assert_eq!(create.description, "A matchmaker\nerrs.");
    assert_eq!(create.images, ["/covers/EMMA-1.svg"]);
    assert_eq!(create.variants[0].price, usd(1250));
    let facts: Vec<_> = create.attributes.into_iter().collect();
    assert_eq!(facts, [("size_of_page".to_owned(), "A5".into()), ("year".to_owned(), 1815.into())]);
    assert_eq!((stocked.lock().unwrap()[0].on_hand, BOOK[6].1), (Some(4), "emma-1"));
    let seen = boss.post("/admin/products/new", &BOOK).await;
    assert_eq!(seen.is(303).to(), "/admin/stock?q=EMMA-1&notice=no_stock_set");
    let with = |field: &str, value: &'static str| {
        BOOK.map(|(name, old)| (name, if name == field { value } else { old }))
    };
    for (field, value, status, told) in [
        ("sku", "taken", 409, "Belongs to a product already"),
        ("sku", "long", 422, "id=\"authors-fault\""),
        ("sku", "a b", 422, "id=\"sku-fault\""),
        ("title", " ", 422, "id=\"title-fault\""),
        ("price", "12.505", 422, "id=\"price-fault\""),
        ("price", "free", 422, "id=\"price-fault\""),
        ("on_hand", "-1", 422, "id=\"on_hand-fault\""),
        ("facts", "no colon", 422, "id=\"facts-fault\""),
    ] {
        let seen = boss.post("/admin/products/new", &with(field, value)).await;
        seen.is(status).tells(told).tells("value=\"Jane Austen, \"");
    }
    boss.post("/admin/products/new", &[]).await.is(422);
    assert_eq!(listed.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn words_and_prices_are_changed_and_products_withdrawn() {
    let sent: Arc<Mutex<Vec<UpdateProduct>>> = Arc::default();
    let heard = Arc::clone(&sent);
    let gone: Arc<Mutex<Vec<ProductId>>> = Arc::default();
    let withdrawn = Arc::clone(&gone);
    let mut boss = Town::new()
        .play::<UpdateProduct>(move |_, update: UpdateProduct| {
            let long = update.title.as_ref().is_some_and(|title| title.len() > 500);
            heard.lock().unwrap().push(update);
            if !long {
                return Ok(product());
            }
            let (field, reason) = ("title".to_owned(), "must have 1 to 500 characters".to_owned());
            Err(CallError::Refused(ProductRefused::Invalid { field, reason }))
        })
        .play::<WithdrawProduct>(move |_, withdraw: WithdrawProduct| {
            withdrawn.lock().unwrap().push(withdraw.product);
            Ok(())
        })
        .open()
        .logged_in("boss");
    let page = PRODUCT;
    boss.get(page).await.is(200).tells("name=\"price.FR-PB\"").tells("value=\"9.99\"");
    let form = |title, price| [("title", title), ("price.FR-PB", price), ("price.FR-HC", "24.99")];
    let seen = boss.post(page, &form("Frankenstein", "10.49")).await;
    assert_eq!(seen.is(303).to(), format!("{page}?notice=product_saved"));
    let update = sent.lock().unwrap().pop().unwrap();
    assert_eq!(update.prices.into_iter().collect::<Vec<_>>(), [(sku("FR-PB"), usd(1049))]);
    assert_eq!((update.title.as_deref(), update.description), (Some("Frankenstein"), None));
    let seen = boss.post(page, &form("", "ten")).await;
    seen.is(422)
        .tells("id=\"title-fault\"")
        .tells("id=\"price.FR-PB-fault\"")
        .tells("value=\"ten\"");
    let long = "x".repeat(501);
    boss.post(page, &form(&long, "9.99")).await.is(422).tells("1 to 500 characters");
    assert_eq!(sent.lock().unwrap().len(), 1);
    let seen = boss.post(&format!("{page}/withdraw"), &[]).await;
    assert_eq!(seen.is(303).to(), "/admin/products?notice=product_withdrawn");
    assert_eq!(*gone.lock().unwrap(), [ProductId(Uuid::from_u128(7))]);
    boss.get("/admin/products/x").await.is(404);
    boss.post(&format!("/admin/products/{}", Uuid::nil()), &form("a", "1")).await.is(404);
}
