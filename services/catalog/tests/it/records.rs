//! Products that come in as records, and go out as such.
use crate::*;
use contracts::catalog::{
    ExportProducts, GetProduct, ImportProducts, ImportRefused, Imported, ModerateReview,
    ProductChanged, ProductRecord, ReviewStatus, UpdateProduct, WithdrawProduct,
};
use contracts::inventory::AvailabilityChanged;
use contracts::{ProductId, Timestamp};
use kit::testing::shopper;
use serde_json::json;
use std::time::Duration;

impl Shop {
    pub async fn import(&self, records: Vec<ProductRecord>) -> Vec<Imported> {
        // Ids of another millisecond stand behind those of this one.
        self.rig.clock.forward(Duration::from_millis(1));
        self.rig.call(&Caller::Store, ImportProducts { records }).await.unwrap()
    }
    pub async fn export(&self) -> Vec<ProductRecord> {
        self.export_by(500).await
    }
    pub async fn export_by(&self, limit: u32) -> Vec<ProductRecord> {
        let (mut records, mut after) = (Vec::new(), None);
        loop {
            let call = ExportProducts { after, limit };
            let page = self.rig.call(&Caller::Store, call).await.unwrap();
            after = page.records.last().map(|(id, _)| *id);
            records.extend(page.records.into_iter().map(|(_, record)| record));
            if page.last {
                return records;
            }
        }
    }
    async fn product(&self, slug: &str) -> Product {
        let call = GetProduct { id_or_slug: slug.into() };
        self.rig.call(&Caller::Guest, call).await.unwrap()
    }
}

/// A record of one variant, or of several with SKUs between commas.
fn record(title: &str, skus: &str, price: i64) -> ProductRecord {
    let variant =
        |text: &str| NewVariant { sku: sku(text), options: BTreeMap::new(), price: usd(price) };
    ProductRecord {
        title: title.into(),
        variants: skus.split(',').map(variant).collect(),
        ..Default::default()
    }
}

fn reason(outcome: &Imported) -> &str {
    match outcome {
        Imported::Rejected { reason } => reason,
        other => panic!("it must be rejected: {other:?}"),
    }
}

/// Everything that a record can say.
fn whole() -> ProductRecord {
    ProductRecord {
        slug: Some("sand".into()),
        title: "Dune".into(),
        description: "Spice.\nMore spice.".into(),
        images: vec!["/covers/dune.svg".into(), "https://example.com/back.png".into()],
        authors: vec!["Frank Herbert".into(), "Ada Lovelace".into()],
        genres: vec!["Science fiction".into()],
        categories: vec![
            vec!["Books".into(), "Novels".into()],
            vec!["Books".into()],
            vec!["Gifts".into(), "For him".into(), "Deserts".into()],
        ],
        attributes: BTreeMap::from([
            ("pages".into(), json!(604)),
            ("price_then".into(), json!(5.95)),
            ("more".into(), json!({"z": [1, null, "x"], "a": {"deep": true}})),
        ]),
        variants: vec![
            NewVariant {
                sku: sku("DUNE-H"),
                options: BTreeMap::from([("cover".into(), "hard".into())]),
                price: usd(2599),
            },
            NewVariant { sku: sku("DUNE-S"), options: BTreeMap::new(), price: usd(0) },
        ],
        stars: Some([1, 0, 0, 0, 2]),
        created_at: Some(Timestamp::from_micros(-140_000_000_123_456)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_comes_in_whole_and_goes_out_whole() {
    let shop = Shop::open().await;
    shop.rig.settled().await;
    let told = shop.rig.listen::<ProductChanged>();
    assert_eq!(shop.import(vec![whole()]).await, [Imported::Created]);
    assert_eq!(shop.export().await, [whole()]);
    let dune = shop.product("sand").await;
    assert_eq!((dune.rating, dune.rating_count), (Some(367), 3));
    assert_eq!((dune.sku.as_str(), dune.variants.len()), ("DUNE-H", 2));
    assert_eq!(dune.created_at, whole().created_at.unwrap());
    assert_eq!(shop.import(vec![whole(), whole()]).await, vec![Imported::Unchanged; 2]);
    assert_eq!(shop.export().await, [whole()]);
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1, "nothing is told of what stays as it is");
    shop.indexed().await;
    assert_eq!(shop.search("herbert spice").await, ["Dune"]);
    let found = FindProducts { category: Some("gifts".into()), ..Default::default() };
    assert_eq!(shop.find(found).await, ["Dune"], "a category has what stands below it");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_changes_what_differs_and_the_rest_stays() {
    let shop = Shop::open().await;
    shop.import(vec![whole(), record("Emma", "EMMA", 700)]).await;
    let (dune, emma) = (shop.product("sand").await, shop.product("emma").await);
    shop.rig.tell(AvailabilityChanged { sku: sku("DUNE-P"), in_stock: true }).await;
    shop.rig.settled().await;
    let told = shop.rig.listen::<ProductChanged>();
    type Edit = fn(&mut ProductRecord);
    let edits: [(&str, Edit); 13] = [
        ("title", |r| r.title = "Dune, annotated".into()),
        ("description", |r| r.description.clear()),
        ("images", |r| r.images.reverse()),
        ("authors", |r| r.authors.reverse()),
        ("genres", |r| r.genres.clear()),
        ("categories", |r| drop(r.categories.remove(0))),
        ("attributes", |r| drop(r.attributes.insert("pages".into(), json!(605)))),
        ("a price", |r| r.variants[0].price = usd(1)),
        ("options", |r| drop(r.variants[1].options.insert("cover".into(), "soft".into()))),
        ("the order of variants", |r| r.variants.reverse()),
        ("other variants", |r| r.variants[0].sku = sku("DUNE-P")),
        ("stars", |r| r.stars = Some([0, 0, 0, 0, 7])),
        ("created_at", |r| r.created_at = Some(Timestamp::from_micros(5))),
    ];
    let mut wanted = whole();
    for (what, edit) in edits {
        edit(&mut wanted);
        assert_eq!(shop.import(vec![wanted.clone()]).await, [Imported::Updated], "{what}");
        assert_eq!(shop.export().await[0], wanted, "{what}");
        assert_eq!(shop.import(vec![wanted.clone()]).await, [Imported::Unchanged], "{what}");
    }
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), edits.len());
    assert!(told.lock().iter().all(|told| told.product == dune.id));
    let now = shop.product("sand").await;
    assert_eq!((now.id, now.rating, now.rating_count), (dune.id, Some(500), 7));
    assert_eq!(shop.product("emma").await, emma);
    let find = FindProducts { in_stock: Some(true), ..Default::default() };
    assert_eq!(shop.find(find).await, ["Dune, annotated"], "of the variant that came");
    // What a record leaves out of these three stays as it is.
    let silent = ProductRecord { slug: None, stars: None, created_at: None, ..wanted.clone() };
    assert_eq!(shop.import(vec![silent]).await, [Imported::Unchanged]);
    wanted.stars = Some([0; 5]);
    assert_eq!(shop.import(vec![wanted.clone()]).await, [Imported::Updated]);
    assert_eq!(shop.product("sand").await.rating, None);
    assert_eq!(shop.import(vec![wanted]).await, [Imported::Unchanged]);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_record_is_decided_alone() {
    let shop = Shop::open().await;
    shop.import(vec![record("A", "A-1,A-2", 1), record("B", "B-1", 1)]).await;
    let gone = shop.list(book("Gone", "GONE", 1)).await;
    shop.rig.call(&admin(), WithdrawProduct { product: gone.id }).await.unwrap();
    let before = shop.export().await;
    let with = |change: fn(&mut ProductRecord)| {
        let mut record = record("New", "NEW", 1);
        change(&mut record);
        record
    };
    let bad: Vec<(ProductRecord, &str)> = vec![
        (record("Both", "A-2,B-1", 1), "SKUs A-2 and B-1 belong to two products"),
        (record("Back", "GONE", 1), "SKU GONE belongs to a product that was withdrawn"),
        (record("Back", "NEW,GONE", 1), "SKU GONE belongs to a product that was withdrawn"),
        (record("Twice", "NEW,NEW", 1), "variants[1].sku is given twice"),
        (record(" ", "NEW", 1), "title must not be empty"),
        (record("New", "NEW", -1), "variants[0].price.amount must be from 0 to"),
        (with(|r| r.variants.clear()), "variants must have 1 to 100 entries"),
        (with(|r| r.title = "a\0b".into()), "title must not contain a NUL character"),
        (with(|r| r.slug = Some("New!".into())), "slug must be"),
        (with(|r| r.images = vec!["x".into()]), "images[0] must be"),
        (with(|r| r.authors = vec![" ".into()]), "authors[0] must not be empty"),
        (with(|r| r.categories = vec![vec![]]), "categories[0] must have 1 to"),
        (
            with(|r| r.categories = vec![vec!["Ghost".into(), "a\0".into()]]),
            "categories[0][1] must not contain a NUL character",
        ),
        (with(|r| r.stars = Some([u64::MAX; 5])), "stars must be at most"),
        (with(|r| r.created_at = Some(Timestamp::from_micros(i64::MAX))), "created_at is no time"),
        (
            with(|r| r.variants[0].price = Money::new(1, Currency::EUR)),
            "variants[0].price.currency must be USD",
        ),
    ];
    // Good ones stand between them.
    let mut records = Vec::new();
    for (n, (bad, _)) in bad.iter().enumerate() {
        let ghost = vec![format!("Ghost {n}")];
        records
            .push(ProductRecord { authors: [bad.authors.clone(), ghost].concat(), ..bad.clone() });
        records.push(record(&format!("Good {n}"), &format!("GOOD-{n}"), 1));
    }
    let outcomes = shop.import(records).await;
    for (pair, (_, why)) in outcomes.chunks(2).zip(&bad) {
        assert!(reason(&pair[0]).starts_with(why), "{:?} is not {why:?}", pair[0]);
        assert_eq!(pair[1], Imported::Created, "{why}");
    }
    let after = shop.export().await;
    assert_eq!(after.len(), before.len() + bad.len());
    assert_eq!(after[..before.len()], before[..], "what was rejected left nothing");
    let authors = contracts::catalog::Shelf::Authors;
    let shelf = contracts::catalog::ListShelf { shelf: authors, page: 1, per_page: 9 };
    assert_eq!(shop.rig.call(&Caller::Guest, shelf).await.unwrap().total, 0, "and no author");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_record_of_a_call_sees_what_the_former_did() {
    let shop = Shop::open().await;
    shop.rig.settled().await;
    let told = shop.rig.listen::<ProductChanged>();
    let outcomes = shop
        .import(vec![
            record("One", "S-1", 1),
            record("One", "S-1", 1),
            record("One, again", "S-1,S-2", 2),
            record("Two", "S-2", 3),
            record("Three", "S-3,S-1", 4),
            record("Four", "S-4", 5),
            record("Both", "S-4,S-2", 6),
        ])
        .await;
    let [first, second, third, fourth, fifth, sixth, last] = &outcomes[..] else { panic!() };
    assert_eq!(
        (first, second, third),
        (&Imported::Created, &Imported::Unchanged, &Imported::Updated)
    );
    assert_eq!(
        (fourth, fifth, sixth),
        (&Imported::Updated, &Imported::Updated, &Imported::Created)
    );
    assert_eq!(reason(last), "SKUs S-4 and S-2 belong to two products");
    let titles: Vec<_> =
        shop.export().await.into_iter().map(|r| (r.title, r.variants.len())).collect();
    assert_eq!(titles, [("Three".to_owned(), 2), ("Four".to_owned(), 1)]);
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 2, "one for each product that is new");
    let there_and_back = vec![record("Fore", "S-4", 5), record("Four", "S-4", 5)];
    assert_eq!(shop.import(there_and_back).await, vec![Imported::Updated; 2]);
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 2, "in the end nothing had changed");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_is_kept_where_it_is_free_and_an_old_one_leads_on() {
    let shop = Shop::open().await;
    let named = |slug: &str, sku: &str| ProductRecord {
        slug: Some(slug.into()),
        ..record("Some title", sku, 1)
    };
    let records = vec![
        named("mine", "A"),
        named("mine", "B"),
        named("best-sellers", "C"),
        named("0190a2b4-0000-7000-8000-000000000000", "D"),
        record("Some title", "E", 1),
        record("Some title", "F", 1),
    ];
    assert_eq!(shop.import(records.clone()).await, vec![Imported::Created; 6]);
    let slugs: Vec<String> = shop.export().await.into_iter().filter_map(|r| r.slug).collect();
    assert_eq!((slugs[0].as_str(), slugs[4].as_str()), ("mine", "some-title"));
    assert!(slugs[1].starts_with("mine-") && slugs[2].starts_with("best-sellers-"), "{slugs:?}");
    assert!(slugs[3].starts_with("0190a2b4") && slugs[5].starts_with("some-title-"), "{slugs:?}");
    assert_eq!(shop.import(records).await, vec![Imported::Unchanged; 6]);
    // B cannot have what is A's; A can have another one, and its own again.
    let first = shop.product("mine").await.id;
    assert_eq!(shop.import(vec![named("other", "A")]).await, [Imported::Updated]);
    assert_eq!(shop.import(vec![named("mine", "B")]).await, [Imported::Unchanged]);
    assert_eq!((shop.product("mine").await.id, shop.product("other").await.id), (first, first));
    assert_eq!(shop.product("mine").await.slug, "other");
    assert_eq!(shop.import(vec![named("mine", "A")]).await, [Imported::Updated]);
    assert_eq!(
        (shop.product("other").await.id, shop.product("other").await.slug.as_str()),
        (first, "mine")
    );
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_stars_and_reviews_are_counted_together_and_exported_apart() {
    let shop = Shop::open().await;
    let bought = shop.orders();
    shop.import(vec![whole(), record("Emma", "EMMA", 1)]).await;
    for slug in ["sand", "emma"] {
        let product = shop.product(slug).await;
        let (_, review) = shop.reviewed(&bought, &product, 3).await;
        let publish = ModerateReview { review: review.id, status: ReviewStatus::Published };
        shop.rig.call(&admin(), publish).await.unwrap();
    }
    let rating = async |slug: &str| {
        shop.rig.settled().await;
        let product = shop.product(slug).await;
        (product.rating, product.rating_count)
    };
    assert_eq!(rating("sand").await, (Some(350), 4));
    assert_eq!(rating("emma").await, (Some(300), 1));
    assert_eq!(shop.import(vec![whole()]).await, [Imported::Unchanged]);
    let exported = shop.export().await;
    assert_eq!((exported[0].stars, exported[1].stars), (whole().stars, None));
    let emma = ProductRecord { stars: Some([0, 0, 0, 0, 3]), ..exported[1].clone() };
    let dune = ProductRecord { stars: Some([0, 0, 0, 1, 0]), ..whole() };
    assert_eq!(shop.import(vec![emma, dune]).await, vec![Imported::Updated; 2]);
    assert_eq!(rating("sand").await, (Some(350), 2));
    assert_eq!(rating("emma").await, (Some(450), 4));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_staff_import_and_no_more_than_500_at_once() {
    let shop = Shop::open().await;
    let call = ImportProducts { records: vec![record("A", "A", 1)] };
    for by in [Caller::Guest, shopper()] {
        let answer = shop.rig.call(&by, call.clone()).await;
        assert_eq!(refused(answer, &call), ImportRefused::NotAllowed);
    }
    assert_eq!(shop.rig.call(&admin(), call).await.unwrap(), [Imported::Created]);
    let many = |n: usize| ImportProducts {
        records: (0..n).map(|n| record("Many", &format!("M-{n}"), 1)).collect(),
    };
    let answer = shop.rig.call(&admin(), many(501)).await;
    assert_eq!(refused(answer, &many(501)), ImportRefused::TooMany);
    assert_eq!(shop.rig.call(&admin(), many(0)).await.unwrap(), []);
    assert_eq!(shop.rig.call(&admin(), many(500)).await.unwrap(), vec![Imported::Created; 500]);
    shop.rig.settled().await;
    assert_eq!(shop.export_by(7).await, shop.export().await, "pages join without a gap");
    assert_eq!(shop.export().await.len(), 501);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fattest_records_fit() {
    let shop = Shop::open().await;
    let texts = |what: &str, n: usize, of: usize| -> Vec<String> {
        (0..of).map(|i| format!("{what} {n} {i} {}", "x".repeat(20))).collect()
    };
    let fat = |n: usize| ProductRecord {
        authors: texts("author", n, 50),
        genres: texts("genre", n, 50),
        categories: texts("category", n, 50)
            .into_iter()
            .map(|c| vec![format!("top {n}"), c])
            .collect(),
        variants: (0..100)
            .map(|v| NewVariant {
                sku: sku(&format!("F-{n}-{v}")),
                options: BTreeMap::new(),
                price: usd(1),
            })
            .collect(),
        ..record("Fat", "F", 1)
    };
    // More values than one statement binds on any engine.
    let records: Vec<_> = (0..350).map(fat).collect();
    assert_eq!(shop.import(records.clone()).await, vec![Imported::Created; 350]);
    assert_eq!(shop.import(records).await, vec![Imported::Unchanged; 350]);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_beside_each_other_and_beside_staff_lose_nothing() {
    let shop = Shop::open().await;
    let call = |n: usize| {
        let records = (0..40).map(|i| {
            let mut record = record(&format!("Title {i}"), &format!("C-{}", (i * 7 + n) % 60), 1);
            record.authors = vec![format!("Author {}", (i + n) % 9)];
            record
        });
        ImportProducts { records: records.collect() }
    };
    let imports = (0..8).map(|n| shop.rig.calls.call(&Caller::Store, call(n)));
    let staff = (0..8).map(|n| shop.try_list(book("By hand", &format!("C-{}", n * 5), 1)));
    let (imported, _) = futures_util::future::join(
        futures_util::future::join_all(imports),
        futures_util::future::join_all(staff),
    )
    .await;
    for outcomes in imported {
        assert!(outcomes.unwrap().iter().all(|o| !matches!(o, Imported::Rejected { .. })));
    }
    shop.rig.settled().await;
    let exported = shop.export().await;
    let skus: std::collections::BTreeSet<_> =
        exported.iter().map(|r| r.variants[0].sku.clone()).collect();
    assert_eq!((exported.len(), skus.len()), (60, 60));
    shop.indexed().await;
    let found = shop.page(FindProducts { q: Some("title".into()), ..Default::default() }).await;
    let titled = exported.iter().filter(|r| r.title.starts_with("Title")).count();
    assert_eq!(found.total, titled as u64, "the index missed nothing");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_staff_changed_is_exported_and_comes_back() {
    let (shop, next) = (Shop::open().await, Shop::open().await);
    let mut new = book("Best Sellers", "S-1", 100);
    new.authors = vec!["Ada  LOVELACE".into()];
    new.categories = vec!["Books".into()];
    let product = shop.list(new).await;
    shop.list(book("Best Sellers", "S-2", 100)).await;
    let gone: ProductId = shop.list(book("Gone", "S-3", 100)).await.id;
    shop.rig.call(&admin(), WithdrawProduct { product: gone }).await.unwrap();
    let update = UpdateProduct {
        variants: Some(book("", "S-4", 7).variants),
        genres: Some(vec!["Novel".into()]),
        ..products::change(product.id)
    };
    shop.rig.call(&admin(), update).await.unwrap();
    let exported = shop.export().await;
    assert_eq!(exported.len(), 2);
    next.import(exported.clone()).await;
    assert_eq!(next.export().await, exported);
    assert_eq!(shop.import(exported).await, vec![Imported::Unchanged; 2]);
    shop.rig.stop().await;
    next.rig.stop().await;
}
