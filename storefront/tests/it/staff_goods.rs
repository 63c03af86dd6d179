//! Goods behind the counter: stock, shelves and the forms of a product.
use crate::counter::{Heard, level};
use crate::town::{HOSTILE, Town, entry, hostile_product, product, sku, usd};
use contracts::CallError;
use contracts::catalog::{
    CategoryTree, DeleteShelfEntry, FindProducts, GetProduct, NewVariant, ProductPage,
    ProductRefused, SaveShelfEntry, Shelf, ShelfRefused, UpdateProduct,
};
use contracts::inventory::{
    AdjustStock, ListStock, SetStock, StockHistory, StockOf, StockPage, StockRefused,
};
use serde_json::json;
use uuid::Uuid;

const PRODUCT: &str = "/admin/products/00000000-0000-0000-0000-000000000007";

#[tokio::test]
async fn stock_is_listed_whole_where_it_runs_out_or_by_what_is_searched_for() {
    let asked: Heard<ListStock> = Heard::default();
    let of: Heard<StockOf> = Heard::default();
    let mut boss = Town::new()
        .hear(&asked, |list| {
            if list.cursor.as_deref() == Some("bad") {
                return Err(CallError::Refused(StockRefused::Cursor));
            }
            let mut few = level(sku("FR-HC"), 5);
            few.low_stock_at = Some(4);
            Ok(StockPage {
                items: vec![few, level(sku("GONE-1"), 4)],
                next_cursor: Some("a&b".to_owned()),
            })
        })
        .hear(&of, |_| Ok(vec![level(sku("FR-PB"), 77)]))
        .play::<FindProducts>(|_, find| {
            Ok(ProductPage {
                items: vec![product()],
                page: find.page,
                per_page: find.per_page,
                total: 60,
                facets: None,
            })
        })
        .configured(|config| config.low_stock_at = 6)
        .open()
        .logged_in("boss");
    let seen = boss.get("/admin/stock").await;
    seen.is(200)
        .tells("Frankenstein")
        .tells("Not in the catalogue")
        .tells("name=\"low_stock_at\" type=\"number\" min=\"0\" max=\"1000000000\" value=\"4\"");
    seen.tells("placeholder=\"6\"")
        .tells("when 6 are left")
        .tells("href=\"/admin/stock?cursor=a%26b\"");
    seen.tells("/admin/stock/history?sku=FR-HC");
    boss.get("/admin/stock?low=true&cursor=x")
        .await
        .is(200)
        .tells("href=\"/admin/stock?low=true&#38;cursor=a%26b\"");
    let listed = std::mem::take(&mut *asked.lock().unwrap());
    assert_eq!(
        listed.iter().map(|list| (list.low, list.cursor.as_deref())).collect::<Vec<_>>(),
        [(false, None), (true, Some("x"))]
    );
    boss.get("/admin/stock?cursor=bad").await.is(400);
    let seen = boss.get("/admin/stock?q=frank&page=2").await;
    seen.is(200)
        .tells("value=\"77\"")
        .tells("name=\"was_on_hand\" value=\"0\"")
        .tells("q=frank&#38;page=3");
    assert_eq!(of.lock().unwrap()[0].skus, [sku("FR-HC"), sku("FR-PB")]);
}

#[tokio::test]
async fn stock_is_counted_by_a_form_that_leaves_alone_what_was_not_typed() {
    let heard: Heard<SetStock> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |set| match set.on_hand.unwrap_or_default() {
            ..=-1 => Err(CallError::Refused(StockRefused::Invalid {
                field: "on_hand".to_owned(),
                reason: "must be 0 to 1000000000".to_owned(),
            })),
            1 => Err(CallError::Refused(StockRefused::BelowReserved { reserved: 3 })),
            on_hand => Ok(level(set.sku.clone(), on_hand)),
        })
        .open()
        .logged_in("boss");
    let form = |on_hand, few| {
        [
            ("sku", "FR-HC"),
            ("on_hand", on_hand),
            ("was_on_hand", "10"),
            ("low_stock_at", few),
            ("was_low_stock_at", ""),
            ("low", "true"),
            ("cursor", "a&b"),
        ]
    };
    let seen = boss.post("/admin/stock", &form("12", "")).await;
    assert_eq!(seen.is(303).to(), "/admin/stock?low=true&cursor=a%26b&notice=stock_set");
    boss.post("/admin/stock", &form("10", "4")).await.is(303);
    boss.post("/admin/stock", &form(" 10 ", "")).await.is(303);
    let set = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(
        set.iter().map(|set| (set.on_hand, set.low_stock_at)).collect::<Vec<_>>(),
        [(Some(12), None), (None, Some(Some(4)))]
    );
    let back = [
        ("sku", "FR-HC"),
        ("on_hand", "10"),
        ("was_on_hand", "10"),
        ("low_stock_at", ""),
        ("was_low_stock_at", "4"),
    ];
    boss.post("/admin/stock", &back).await.is(303);
    assert_eq!(heard.lock().unwrap().pop().unwrap().low_stock_at, Some(None), "the default again");
    boss.post("/admin/stock", &form("1", ""))
        .await
        .is(409)
        .tells("3 pieces are promised to orders");
    boss.post("/admin/stock", &form("-1", ""))
        .await
        .is(422)
        .tells("Must be 0 to")
        .tells("value=\"-1\"");
    for wrong in ["", "1.5", "many", "99999999999999999999"] {
        boss.post("/admin/stock", &form(wrong, "")).await.is(422).tells("ust be a whole number");
    }
    let seen = boss.post("/admin/stock", &form("10", "few")).await;
    seen.is(422).tells("The threshold must be a whole number").tells("value=\"few\"");
    let other = [("sku", "ELSE"), ("on_hand", "x")];
    boss.post("/admin/stock", &other).await.is(422).tells("ELSE: must be a whole number");
    boss.post("/admin/stock", &[("sku", "?"), ("on_hand", "1")]).await.is(400);
}

#[tokio::test]
async fn stock_is_changed_by_some_with_a_reason_that_its_history_keeps() {
    let heard: Heard<AdjustStock> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |call| match call.delta {
            -99 => Err(CallError::Refused(StockRefused::BelowReserved { reserved: 3 })),
            99 => Err(CallError::Refused(StockRefused::Invalid {
                field: "delta".to_owned(),
                reason: "is too large".to_owned(),
            })),
            delta => Ok(level(call.sku.clone(), 10 + delta)),
        })
        .open()
        .logged_in("boss");
    let page = boss.get("/admin/stock/history?sku=fr-hc").await;
    page.is(200).tells("Stock of FR-HC").tells(">−2</td>").tells(">+12</td>").tells("sold");
    page.tells("/admin/orders/01980c5e").hides("<script");
    let key = page.hidden("idempotency_key");
    let form = |delta: &'static str, reason: &'static str| {
        [("idempotency_key", key.as_str()), ("sku", "FR-HC"), ("delta", delta), ("reason", reason)]
    };
    let seen = boss.post("/admin/stock/history", &form("-2", " damaged ")).await;
    assert_eq!(seen.is(303).to(), "/admin/stock/history?sku=FR-HC&notice=stock_set");
    boss.post("/admin/stock/history", &form("+5", "found")).await.is(303);
    let calls = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(
        calls
            .iter()
            .map(|call| (call.delta, call.reason.as_str(), call.idempotency_key == key))
            .collect::<Vec<_>>(),
        [(-2, "damaged", true), (5, "found", true)]
    );
    boss.post("/admin/stock/history", &form("-99", "theft"))
        .await
        .is(409)
        .tells("promised to orders")
        .tells("value=\"theft\"");
    boss.post("/admin/stock/history", &form("99", "found"))
        .await
        .is(422)
        .tells("Is too large")
        .tells("value=\"99\"");
    heard.lock().unwrap().clear();
    for (delta, reason) in [("0", "x"), ("two", "x"), ("", "x"), ("+-1", "x"), ("1", " ")] {
        boss.post("/admin/stock/history", &form(delta, reason)).await.is(422).tells("-fault\"");
    }
    assert!(heard.lock().unwrap().is_empty());
    boss.get("/admin/stock/history").await.is(404);
    boss.get("/admin/stock/history?sku=a%20b").await.is(404);
    let mut none = Town::new()
        .play::<StockHistory>(|_, _| Err(CallError::Refused(StockRefused::NotFound)))
        .open()
        .logged_in("boss");
    none.get("/admin/stock/history?sku=NEW").await.is(404);
}

#[tokio::test]
async fn categories_authors_and_genres_are_made() {
    let heard: Heard<SaveShelfEntry> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |save| match save.name.as_deref() {
            Some("Drama") => {
                Err(CallError::Refused(ShelfRefused::Taken { field: "name".to_owned() }))
            }
            Some("") => Err(CallError::Refused(ShelfRefused::Invalid {
                field: "name".to_owned(),
                reason: "must not be empty".to_owned(),
            })),
            _ => Ok(entry(9, "new", "New")),
        })
        .open()
        .logged_in("boss");
    let seen = boss.get("/admin/categories").await;
    seen.is(200).tells("<li class=\"is-2-deep\"><a href=\"/admin/categories/categories/00000000-0000-0000-0000-000000000004\">Ghost stories");
    seen.tells("– – Ghost stories</option>");
    boss.get("/admin/categories?shelf=authors")
        .await
        .is(200)
        .tells("Mary Shelley")
        .tells("page=2")
        .hides("Part of");
    boss.get("/admin/categories?shelf=nonsense").await.is(404);
    let parent = Uuid::from_u128(2).to_string();
    let form = |shelf: &'static str, name: &'static str| {
        [("shelf", shelf), ("name", name), ("slug", ""), ("parent", parent.as_str())]
    };
    let seen = boss.post("/admin/categories", &form("categories", " Sagas ")).await;
    assert_eq!(seen.is(303).to(), "/admin/categories?shelf=categories&notice=shelf_saved");
    boss.post("/admin/categories", &form("genres", "Sagas")).await.is(303);
    let saved = std::mem::take(&mut *heard.lock().unwrap());
    assert_eq!(
        (saved[0].shelf, saved[0].id, saved[0].name.as_deref()),
        (Shelf::Categories, None, Some("Sagas"))
    );
    assert_eq!((saved[0].slug.as_deref(), saved[0].parent), (None, Some(Some(Uuid::from_u128(2)))));
    assert_eq!((saved[1].shelf, saved[1].parent), (Shelf::Genres, None));
    let seen = boss.post("/admin/categories", &form("categories", "Drama")).await;
    seen.is(409)
        .tells("Another one has this name")
        .tells("value=\"Drama\"")
        .tells(&format!("value=\"{parent}\" selected"));
    boss.post("/admin/categories", &form("authors", " ")).await.is(422).tells("Must not be empty");
    boss.post("/admin/categories", &form("nonsense", "A")).await.is(400);
    boss.post("/admin/categories", &[("shelf", "categories"), ("name", "A"), ("parent", "x")])
        .await
        .is(400);
}

#[tokio::test]
async fn a_category_is_renamed_moved_and_deleted() {
    let heard: Heard<SaveShelfEntry> = Heard::default();
    let gone: Heard<DeleteShelfEntry> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |save| match save.slug.as_deref() {
            Some("drama") => {
                Err(CallError::Refused(ShelfRefused::Taken { field: "slug".to_owned() }))
            }
            _ => Ok(entry(3, "novels", "Novels")),
        })
        .hear(&gone, |delete| match delete.id == Uuid::nil() {
            true => Err(CallError::Refused(ShelfRefused::NotFound)),
            false => Ok(()),
        })
        .play::<contracts::catalog::GetShelfEntry>(|_, get| {
            match get.id_or_slug == Uuid::from_u128(3).to_string() {
                true => {
                    let entry = contracts::catalog::ShelfEntry {
                        parent: Some(Uuid::from_u128(2)),
                        ..entry(3, "novels", "Novels")
                    };
                    Ok(contracts::catalog::ShelfEntryDetail {
                        entry,
                        path: Vec::new(),
                        children: Vec::new(),
                    })
                }
                false => Err(CallError::Refused(ShelfRefused::NotFound)),
            }
        })
        .open()
        .logged_in("boss");
    let path = format!("/admin/categories/categories/{}", Uuid::from_u128(3));
    let seen = boss.get(&path).await;
    seen.is(200)
        .tells("value=\"Novels\"")
        .tells(&format!("value=\"{}\" selected", Uuid::from_u128(2)));
    seen.hides(&format!("<option value=\"{}\"", Uuid::from_u128(3))).hides("Ghost stories");
    let outer = Uuid::from_u128(2).to_string();
    for ((name, slug, parent), expected) in [
        (("Romances", "novels", outer.as_str()), (Some("Romances"), None, None)),
        (("Novels", "romances", outer.as_str()), (None, Some("romances"), None)),
        (("Novels", "novels", ""), (None, None, Some(None))),
    ] {
        let typed = [("name", name), ("slug", slug), ("parent", parent)];
        boss.post(&path, &typed).await.is(303);
        let save = heard.lock().unwrap().pop().unwrap();
        assert_eq!(save.id, Some(Uuid::from_u128(3)));
        assert_eq!((save.name.as_deref(), save.slug.as_deref(), save.parent), expected);
    }
    let seen = boss.post(&path, &[("name", "Plays"), ("slug", "drama"), ("parent", "")]).await;
    seen.is(409)
        .tells("Another one has this slug")
        .tells("value=\"Plays\"")
        .tells("value=\"drama\"");
    let seen = boss.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(seen.is(303).to(), "/admin/categories?shelf=categories&notice=shelf_removed");
    assert_eq!(
        gone.lock().unwrap().iter().map(|gone| (gone.shelf, gone.id)).collect::<Vec<_>>(),
        [(Shelf::Categories, Uuid::from_u128(3))]
    );
    for none in [
        format!("/admin/categories/authors/{}", Uuid::nil()),
        "/admin/categories/categories/x".to_owned(),
        format!("/admin/categories/toys/{}", Uuid::nil()),
    ] {
        boss.get(&none).await.is(404);
        boss.post(&format!("{none}/delete"), &[]).await.is(404);
    }
}

#[tokio::test]
async fn all_of_a_product_is_changed_where_it_was_changed() {
    let heard: Heard<UpdateProduct> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |update| {
            let invalid = |field: &str| {
                Err(CallError::Refused(ProductRefused::Invalid {
                    field: field.to_owned(),
                    reason: "is odd".to_owned(),
                }))
            };
            match update.slug.as_deref() {
                Some("taken") => Err(CallError::Refused(ProductRefused::SlugTaken)),
                Some("images") => invalid("images[1]"),
                Some("attributes") => invalid("attributes.a"),
                Some("price") => invalid("prices.FR-PB.amount"),
                Some("options") => invalid("variants[1].options"),
                Some("else") => invalid("heavens"),
                _ => Ok(product()),
            }
        })
        .open()
        .logged_in("boss");
    let seen = boss.get(PRODUCT).await;
    seen.is(200)
        .tells("Mary Shelley</textarea>")
        .tells("/covers/FR-HC.svg</textarea>")
        .tells("language: en\nyear: 1818");
    seen.tells("name=\"options.FR-PB\"").tells("format: Paperback</textarea>");
    let as_it_is = [
        ("title", "Frankenstein"),
        ("slug", "frankenstein"),
        ("authors", "Mary Shelley\r\n"),
        ("genres", "Gothic"),
        ("categories", "Fiction"),
        ("images", "/covers/FR-HC.svg\r\n"),
        ("facts", "format: Hardcover or paperback\r\nlanguage: en\r\nyear: 1818"),
        ("price.FR-HC", "24.99"),
        ("options.FR-HC", "format: Hardcover\r\n"),
        ("price.FR-PB", "9.99"),
        ("options.FR-PB", "format: Paperback"),
    ];
    let with = |changes: &[(&'static str, &'static str)]| {
        as_it_is.map(|(name, old)| {
            (name, changes.iter().find(|(field, _)| *field == name).map_or(old, |(_, new)| new))
        })
    };
    boss.post(PRODUCT, &as_it_is).await.is(303);
    let update = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        (update.slug, update.authors, update.genres, update.categories),
        (None, None, None, None)
    );
    assert_eq!(
        (update.images, update.attributes, update.prices.len(), update.variants),
        (None, None, 0, None)
    );
    boss.post(
        PRODUCT,
        &with(&[
            ("slug", "prometheus"),
            ("authors", "Mary Shelley\r\n\r\nPercy, the poet"),
            ("images", ""),
            ("facts", "year: 1831\r\nPages: 288"),
        ]),
    )
    .await
    .is(303);
    let update = heard.lock().unwrap().pop().unwrap();
    assert_eq!(update.slug.as_deref(), Some("prometheus"));
    assert_eq!(update.authors.unwrap(), ["Mary Shelley", "Percy, the poet"]);
    assert_eq!((update.images.unwrap().len(), update.genres), (0, None));
    assert_eq!(json!(update.attributes.unwrap()), json!({"pages": 288, "year": 1831}));
    boss.post(
        PRODUCT,
        &with(&[("options.FR-PB", "format: Paperback\r\nsize: A5"), ("price.FR-PB", "8")]),
    )
    .await
    .is(303);
    let update = heard.lock().unwrap().pop().unwrap();
    let variants = update.variants.unwrap();
    assert_eq!((update.prices.len(), variants.len()), (0, 2));
    assert_eq!((variants[1].price, variants[1].options["size"].as_str()), (usd(800), "A5"));
    assert_eq!((variants[0].sku.clone(), variants[0].price), (sku("FR-HC"), usd(2499)));
    for (slug, status, told) in [
        ("taken", 409, "id=\"slug-fault\""),
        ("images", 422, "id=\"images-fault\""),
        ("attributes", 422, "id=\"facts-fault\""),
        ("price", 422, "id=\"price.FR-PB-fault\""),
        ("options", 422, "id=\"options.FR-PB-fault\""),
        ("else", 422, "Heavens is odd"),
    ] {
        boss.post(PRODUCT, &with(&[("slug", slug), ("genres", "As typed")]))
            .await
            .is(status)
            .tells(told)
            .tells("As typed</textarea>");
    }
    heard.lock().unwrap().clear();
    for (field, wrong) in [
        ("slug", " "),
        ("facts", "no colon"),
        ("options.FR-HC", "no colon"),
        ("price.FR-HC", "ten"),
    ] {
        let seen = boss.post(PRODUCT, &with(&[(field, wrong)])).await;
        seen.is(422).tells(&format!("id=\"{field}-fault\"")).tells(wrong.trim());
    }
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_variant_is_added_with_its_stock_and_withdrawn() {
    let heard: Heard<UpdateProduct> = Heard::default();
    let counted: Heard<SetStock> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |update| {
            let new: Option<&NewVariant> = update.variants.as_ref().and_then(|all| all.get(2));
            match new.map(|new| new.sku.as_str()) {
                Some("TAKEN") => {
                    Err(CallError::Refused(ProductRefused::SkuTaken { sku: sku("TAKEN") }))
                }
                Some("DEAR") => Err(CallError::Refused(ProductRefused::Invalid {
                    field: "variants[2].price.amount".to_owned(),
                    reason: "is too large".to_owned(),
                })),
                _ => Ok(product()),
            }
        })
        .hear(&counted, |set| match set.on_hand {
            Some(13) => Err(CallError::NotDone("down".to_owned())),
            on_hand => Ok(level(set.sku.clone(), on_hand.unwrap_or_default())),
        })
        .open()
        .logged_in("boss");
    let path = format!("{PRODUCT}/variants");
    let form = |code: &'static str, on_hand: &'static str| {
        [("sku", code), ("price", "4.50"), ("options", "format: E-book"), ("on_hand", on_hand)]
    };
    assert_eq!(
        boss.post(&path, &form("fr-eb", "7")).await.is(303).to(),
        format!("{PRODUCT}?notice=product_saved")
    );
    let update = heard.lock().unwrap().pop().unwrap();
    let variants = update.variants.unwrap();
    assert_eq!(
        variants.iter().map(|variant| variant.sku.as_str()).collect::<Vec<_>>(),
        ["FR-HC", "FR-PB", "FR-EB"]
    );
    assert_eq!((variants[2].price, variants[2].options["format"].as_str()), (usd(450), "E-book"));
    assert_eq!((variants[1].price, update.title), (usd(999), None));
    assert_eq!(counted.lock().unwrap().pop().unwrap(), SetStock::counted(sku("FR-EB"), 7));
    boss.post(&path, &form("FR-EB", "")).await.is(303);
    assert!(counted.lock().unwrap().is_empty());
    assert_eq!(
        boss.post(&path, &form("FR-EB", "13")).await.is(303).to(),
        "/admin/stock?q=FR-EB&notice=no_stock_set"
    );
    boss.post(&path, &form("TAKEN", ""))
        .await
        .is(409)
        .tells("id=\"new-sku-fault\"")
        .tells("value=\"TAKEN\"")
        .tells("E-book</textarea>");
    boss.post(&path, &form("DEAR", "")).await.is(422).tells("id=\"new-price-fault\"");
    heard.lock().unwrap().clear();
    boss.post(&path, &form("FR-PB", "")).await.is(422).tells("Is there already");
    boss.post(&path, &form("a b", "")).await.is(422).tells("id=\"new-sku-fault\"");
    boss.post(&path, &form("FR-EB", "-1")).await.is(422).tells("id=\"new-on_hand-fault\"");
    boss.post(&path, &[("sku", "X"), ("price", "free"), ("options", "x")])
        .await
        .is(422)
        .tells("id=\"new-price-fault\"")
        .tells("id=\"new-options-fault\"");
    assert!(heard.lock().unwrap().is_empty());
    let off = format!("{path}/withdraw");
    boss.post(&off, &[("sku", "FR-HC")]).await.is(303);
    let left = heard.lock().unwrap().pop().unwrap().variants.unwrap();
    assert_eq!(left.iter().map(|variant| variant.sku.as_str()).collect::<Vec<_>>(), ["FR-PB"]);
    boss.post(&off, &[("sku", "GONE")]).await.is(303);
    assert!(heard.lock().unwrap().is_empty(), "what is gone is not withdrawn again");
    boss.post(&off, &[]).await.is(400);
    let mut one = Town::new()
        .play::<GetProduct>(|_, _| {
            let mut one = product();
            one.variants.truncate(1);
            Ok(one)
        })
        .open()
        .logged_in("boss");
    one.get(PRODUCT).await.hides("variants/withdraw");
    one.post(&off, &[("sku", "FR-HC")]).await.is(409).tells("It is the last one");
}

#[tokio::test]
async fn a_hostile_product_or_shelf_is_edited_as_text() {
    let heard: Heard<UpdateProduct> = Heard::default();
    let mut boss = Town::new()
        .hear(&heard, |_| Ok(product()))
        .play::<GetProduct>(|_, _| Ok(hostile_product()))
        .play::<CategoryTree>(|_, _| Ok(vec![entry(3, HOSTILE, HOSTILE)]))
        .open()
        .logged_in("boss");
    for page in [
        PRODUCT,
        "/admin/categories",
        "/admin/shop",
        &format!("/admin/categories/categories/{}", Uuid::from_u128(3)),
    ] {
        boss.get(page).await.hides("<script").hides("<img src=x");
    }
    let path = format!("{PRODUCT}/variants");
    let evil = [("sku", HOSTILE), ("price", HOSTILE), ("options", HOSTILE)];
    boss.post(&path, &evil).await.is(422).hides("<script").hides("<img src=x");
    let evil = [
        ("title", ""),
        ("slug", HOSTILE),
        ("images", HOSTILE),
        ("facts", HOSTILE),
        ("price.FR-PB", HOSTILE),
    ];
    boss.post(PRODUCT, &evil).await.is(422).hides("<script").hides("<img src=x");
    assert!(heard.lock().unwrap().is_empty());
}
