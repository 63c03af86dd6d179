//! Behind the counter.
use crate::town::{Town, product, sku, usd};
use contracts::catalog::{CreateProduct, ProductRefused, UpdateProduct, WithdrawProduct};
use contracts::inventory::{SetStock, StockLevel, StockRefused};
use contracts::orders::{ListOrders, OrderPage, OrderStatus};
use contracts::{CallError, ProductId};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const PAGES: [&str; 6] = [
    "/admin",
    "/admin/orders",
    "/admin/stock",
    "/admin/products",
    "/admin/products/new",
    "/admin/products/00000000-0000-0000-0000-000000000007",
];

#[tokio::test]
async fn only_staff_find_the_pages_behind_the_counter() {
    let browser = Town::new().open();
    for page in PAGES {
        browser.another().get(page).await.is(404);
        browser.another().logged_in("ada").get(page).await.is(404).hides("counter");
        browser.another().logged_in("boss").get(page).await.is(200);
        let helped = browser.another().logged_in("helper").get(page).await;
        helped.is(if page.ends_with("admin") || page.ends_with("orders") { 200 } else { 404 });
    }
    for form in ["/admin/stock", "/admin/products/new", PAGES[5]] {
        for who in ["ada", "helper"] {
            browser
                .another()
                .logged_in(who)
                .post(form, &[("sku", "A"), ("on_hand", "1")])
                .await
                .is(404);
        }
    }
    let mut helper = browser.another().logged_in("helper");
    helper.get("/admin").await.tells("/admin/orders\"").hides("/admin/stock\"");
    helper.get("/p/frankenstein").await.hides("Edit this product");
    browser.another().logged_in("boss").get("/p/frankenstein").await.tells("Edit this product");
    browser.another().logged_in("ada").get("/").await.hides("/admin");
}

#[tokio::test]
async fn everybodys_orders_are_listed_by_status() {
    let asked: Arc<Mutex<Vec<ListOrders>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let mut boss = Town::new()
        .play::<ListOrders>(move |_, list: ListOrders| {
            heard.lock().unwrap().push(list);
            Ok(OrderPage { items: Vec::new(), next_cursor: Some("a&b".to_owned()) })
        })
        .open()
        .logged_in("boss");
    boss.get("/admin/orders?status=paid&cursor=x").await.is(200).tells("value=\"paid\" selected");
    boss.get("/admin/orders?status=nonsense").await.is(200);
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|list| list.everybody));
    assert_eq!((asked[0].status, asked[0].cursor.as_deref()), (Some(OrderStatus::Paid), Some("x")));
    assert_eq!((asked[1].status, asked[1].cursor.as_deref()), (None, None));
}

#[tokio::test]
async fn stock_is_counted_by_a_form() {
    let mut boss = Town::new()
        .play::<SetStock>(|_, set: SetStock| match set.on_hand {
            ..=-1 => Err(CallError::Refused(StockRefused::Invalid {
                field: "on_hand".to_owned(),
                reason: "must be 0 to 1000000000".to_owned(),
            })),
            1 => Err(CallError::Refused(StockRefused::BelowReserved { reserved: 3 })),
            on_hand => {
                Ok(StockLevel { sku: set.sku, on_hand, reserved: 3, available: on_hand - 3 })
            }
        })
        .open()
        .logged_in("boss");
    boss.get("/admin/stock").await.is(200).tells("FR-HC").tells("value=\"10\"");
    let count = |on_hand| [("sku", "FR-PB"), ("on_hand", on_hand), ("q", "a&b"), ("page", "2")];
    let seen = boss.post("/admin/stock", &count("12")).await;
    assert_eq!(seen.is(303).to(), "/admin/stock?q=a%26b&page=2&notice=stock_set");
    boss.post("/admin/stock", &count("1")).await.is(409).tells("3 pieces are promised to orders");
    boss.post("/admin/stock", &count("-1"))
        .await
        .is(422)
        .tells("Must be 0 to")
        .tells("value=\"-1\"");
    for wrong in ["", "1.5", "many", "99999999999999999999"] {
        boss.post("/admin/stock", &count(wrong)).await.is(422).tells("ust be a whole number");
    }
    let other = [("sku", "ELSE"), ("on_hand", "x")];
    boss.post("/admin/stock", &other).await.is(422).tells("ELSE: must be a whole number");
    boss.post("/admin/stock", &[("sku", "?"), ("on_hand", "1")]).await.is(400);
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
                1 => Ok(StockLevel { sku: set.sku, on_hand: 4, reserved: 0, available: 4 }),
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
    assert_eq!((stocked.lock().unwrap()[0].on_hand, BOOK[6].1), (4, "emma-1"));
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
    let page = PAGES[5];
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
