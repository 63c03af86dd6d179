//! Generated records: what comes out of a store is what went into it, and in whatever company.
use crate::*;
use contracts::Timestamp;
use contracts::catalog::{Imported, ProductRecord};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// A few names that are written in one way.
fn names() -> impl Strategy<Value = Vec<String>> {
    let all = ["Ada Lovelace", "Ænima", "李白", "O'Neill", "C++", "C", "J. R. R. Tolkien", "x"];
    subsequence(all.to_vec(), 0..=4)
        .prop_shuffle()
        .prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

/// Paths of one tree.
fn paths() -> impl Strategy<Value = Vec<Vec<String>>> {
    let all = ["Books", "Books/Novels", "Books/Novels/Space", "Music", "Music/Jazz", "Games/Go"];
    let path = |path: &str| path.split('/').map(str::to_owned).collect();
    subsequence(all.to_vec(), 0..=4)
        .prop_shuffle()
        .prop_map(move |paths| paths.into_iter().map(path).collect())
}

fn fact() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "-?[1-9][0-9]{0,8}\\.[0-9]{0,4}[1-9]".prop_map(|text| json!(text.parse::<f64>().unwrap())),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-z]{1,5}", inner, 0..3).prop_map(|o| json!(o)),
        ]
    })
}

fn variants() -> impl Strategy<Value = Vec<(BTreeMap<String, String>, i64)>> {
    vec((btree_map("\\PC{1,8}", "\\PC{1,8}", 0..3), 0..=Money::MAX_MINOR), 1..4)
}

fn one() -> impl Strategy<Value = ProductRecord> {
    let words = ("\\PC{0,30}[a-z!é]", "(\\PC|\n){0,60}", vec("/[a-z0-9][a-z0-9./]{0,11}", 0..3));
    let named = (names(), names(), paths());
    let facts = btree_map("\\PC{1,10}", fact(), 0..4);
    let stars = proptest::option::of(proptest::array::uniform5(0..5_u64));
    let at = -60_000_000_000_000_000..200_000_000_000_000_000_i64;
    (words, named, facts, variants(), stars, at).prop_map(
        |(
            (title, description, images),
            (authors, genres, categories),
            attributes,
            forms,
            stars,
            at,
        )| {
            let variant =
                |(options, price)| NewVariant { sku: sku("X"), options, price: usd(price) };
            ProductRecord {
                slug: None,
                title,
                description,
                images,
                authors,
                genres,
                categories,
                attributes,
                variants: forms.into_iter().map(variant).collect(),
                stars: stars.filter(|stars| stars.iter().any(|count| *count > 0)),
                created_at: Some(Timestamp::from_micros(at)),
            }
        },
    )
}

/// Different products, as an export would write them.
fn many() -> impl Strategy<Value = Vec<ProductRecord>> {
    vec((one(), "[a-z0-9]{1,90}"), 1..25).prop_map(|records| {
        let named = records.into_iter().enumerate().map(|(n, (mut record, slug))| {
            for (v, variant) in record.variants.iter_mut().enumerate() {
                variant.sku = sku(&format!("P{n}-{v}"));
            }
            record.slug = Some(format!("{slug}-{n}"));
            record
        });
        named.collect()
    })
}

/// Runs `property` on `cases` generated values, fewer on a server where each opens two schemas.
fn holds<S: Strategy>(strategy: S, property: impl AsyncFn(S::Value)) {
    let on_server = std::env::var("FERIA_TEST_POSTGRES").is_ok();
    let cases = if on_server { 6 } else { 24 };
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    let ran = runner.run(&strategy, |value| {
        runtime.block_on(property(value));
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn what_is_exported_is_what_was_imported_in_this_store_and_in_the_next() {
    holds(many(), async |records: Vec<ProductRecord>| {
        let (shop, next) = (Shop::open().await, Shop::open().await);
        let mut outcomes = Vec::new();
        for part in records.chunks(7) {
            outcomes.extend(shop.import(part.to_vec()).await);
        }
        assert_eq!(outcomes, vec![Imported::Created; records.len()]);
        let exported = shop.export_by(4).await;
        assert_eq!(exported, records);
        let again = shop.import(records.clone()).await;
        assert_eq!(again, vec![Imported::Unchanged; records.len()]);
        let through_a_file: Vec<ProductRecord> =
            serde_json::from_str(&serde_json::to_string(&exported).unwrap()).unwrap();
        next.import(through_a_file).await;
        assert_eq!(next.export().await, records);
        shop.rig.stop().await;
        next.rig.stop().await;
    });
}

/// Records that are in each other's way: few SKUs, few slugs.
fn crowd() -> impl Strategy<Value = Vec<ProductRecord>> {
    let slug = proptest::option::of(select(vec!["a", "b", "c", "best-sellers"]));
    let record = (one(), slug, vec(any::<Index>(), 3), any::<bool>(), any::<bool>());
    vec(record, 2..25).prop_map(|records| {
        let crowded = records.into_iter().map(|(mut record, slug, skus, whole, timed)| {
            for (variant, at) in record.variants.iter_mut().zip(skus) {
                variant.sku = sku(&format!("S{}", at.index(9)));
            }
            if !whole {
                // Often the same, so that there is something to leave unchanged.
                record = ProductRecord {
                    variants: record.variants.into_iter().take(1).collect(),
                    stars: record.stars.map(|_| [0, 0, 0, 0, 1]),
                    created_at: timed.then_some(Timestamp::from_micros(7)),
                    ..Default::default()
                };
                record.title = "Same".into();
                record.variants[0].options.clear();
                record.variants[0].price = usd(1);
            }
            record.slug = slug.map(str::to_owned);
            record
        });
        crowded.collect()
    })
}

/// A slug that was not free ends with the end of an id.
fn bare(records: Vec<ProductRecord>) -> Vec<ProductRecord> {
    let cut =
        |slug: String| slug.rsplit_once('-').map_or(slug.clone(), |(bare, _)| bare.to_owned());
    records
        .into_iter()
        .map(|record| ProductRecord {
            slug: record.slug.map(|slug| if slug.len() > 8 { cut(slug) } else { slug }),
            created_at: record.created_at.filter(|at| at.micros() == 7),
            ..record
        })
        .collect()
}

#[test]
fn records_of_one_call_do_what_they_do_one_by_one() {
    holds(crowd(), async |records: Vec<ProductRecord>| {
        let (shop, other) = (Shop::open().await, Shop::open().await);
        let together = shop.import(records.clone()).await;
        let mut alone = Vec::new();
        for record in records {
            alone.extend(other.import(vec![record]).await);
        }
        assert_eq!(together, alone);
        assert_eq!(bare(shop.export().await), bare(other.export().await));
        shop.rig.stop().await;
        other.rig.stop().await;
    });
}
