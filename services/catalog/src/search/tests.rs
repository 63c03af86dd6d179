use super::*;
use crate::store::Listed;
use contracts::catalog::{Product, Variant};
use contracts::{Currency, Money, ProductId, Timestamp};
use std::collections::BTreeMap;
use tantivy::schema::{STORED, STRING, Schema, TEXT};

pub(super) fn entry(n: u128, title: &str) -> Entry {
    let price = Money::new(100, Currency::USD);
    let sku: contracts::Sku = format!("S-{n}").parse().unwrap();
    let variant = Variant { sku: sku.clone(), options: BTreeMap::new(), price, available: 0 };
    let product = Product {
        id: ProductId(Uuid::from_u128(n)),
        slug: title.to_lowercase(),
        title: title.to_owned(),
        description: String::new(),
        images: vec![],
        authors: vec![],
        genres: vec![],
        categories: vec![],
        attributes: BTreeMap::new(),
        score: 0,
        rating: None,
        rating_count: 0,
        variants: vec![variant],
        sku,
        price,
        available: 0,
        created_at: Timestamp::from_micros(0),
    };
    let listed = Listed { product, in_stock: vec![true], withdrawn: false, version: 1 };
    Entry { listed, authors: vec![1], genres: vec![], categories: vec![2, 3], above: vec![] }
}

pub(super) fn asked(q: Option<&str>) -> Asked {
    Asked {
        q: q.map(str::to_owned),
        filter: Filter::default(),
        order: Order::Relevance,
        offset: 0,
        limit: 10,
        spread: true,
    }
}
fn found(open: &Open, q: Option<&str>) -> u64 {
    open.find(&asked(q)).unwrap().total
}

#[test]
fn an_index_of_an_older_shape_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut schema = Schema::builder();
    let id = schema.add_text_field("id", STRING | STORED);
    let title = schema.add_text_field("title", TEXT);
    let old = Index::create_in_dir(folder.path(), schema.build()).unwrap();
    let mut writer: IndexWriter = old.writer_with_num_threads(1, WRITER_BYTES).unwrap();
    writer.add_document(tantivy::doc!(id => "x", title => "pride")).unwrap();
    let mut prepared = writer.prepare_commit().unwrap();
    prepared.set_payload(r#"{"shape":3,"epoch":"this database","last":7}"#);
    prepared.commit().unwrap();
    drop(writer);

    let open = Open::at(folder.path()).unwrap();
    assert_eq!(*open.position.lock(), Position::default(), "it has followed nothing");
    assert_eq!(found(&open, Some("pride")), 0);
    let position = Position::new("this database".into(), 1);
    open.write(&[entry(1, "Pride")], position.clone(), true).unwrap();
    assert_eq!(found(&open, Some("pride")), 1);
    drop(open);
    let open = Open::at(folder.path()).unwrap();
    assert_eq!(*open.position.lock(), position, "kept from one start to the next");
    assert_eq!(found(&open, Some("pride")), 1);
}

#[test]
fn the_same_fields_under_another_number_are_another_shape() {
    let folder = tempfile::tempdir().unwrap();
    let open = Open::at(folder.path()).unwrap();
    let other = Position { shape: SHAPE + 1, epoch: "this".into(), last: 9 };
    open.write(&[entry(1, "Pride")], other, true).unwrap();
    drop(open);
    let open = Open::at(folder.path()).unwrap();
    assert_eq!((found(&open, None), open.position.lock().last), (0, 0));
}

#[test]
fn a_damaged_index_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let open = Open::at(folder.path()).unwrap();
    open.write(&[entry(1, "Pride")], Position::new("this".into(), 1), true).unwrap();
    drop(open);
    std::fs::write(folder.path().join("meta.json"), "{").unwrap();
    assert_eq!(found(&Open::at(folder.path()).unwrap(), None), 0);
}

#[test]
fn a_writer_that_rests_is_let_go_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let open = Open::at(folder.path()).unwrap();
    let beside = Open::at(folder.path()).unwrap();
    for n in 1..=12 {
        open.write(&[entry(n, "Pride")], Position::new("this".into(), 1), n == 1).unwrap();
    }
    assert!(!open.is_tired());
    while !open.is_tired() {}
    open.let_go().unwrap();
    assert!(open.writing.lock().writer.is_none());
    assert_eq!(found(&open, None), 12);
    let alone = Open::at(folder.path()).unwrap();
    assert!(alone._ours.is_none() && beside._ours.is_none(), "the folder stays ours meanwhile");
    open.write(&[entry(1, "Prejudice")], Position::new("this".into(), 2), false).unwrap();
    assert_eq!((found(&open, Some("pride")), found(&open, Some("prejudice"))), (11, 1));
    assert_eq!(found(&beside, None), 0, "an index of its own");
}

#[test]
fn what_was_counted_is_remembered_until_the_index_changes() {
    let folder = tempfile::tempdir().unwrap();
    let open = Open::at(folder.path()).unwrap();
    open.write(&[entry(1, "Pride")], Position::new("this".into(), 1), true).unwrap();
    let first = open.find(&asked(None)).unwrap().spread.unwrap();
    assert_eq!((&first.authors[..], first.categories.len()), (&[(1, 1)][..], 2));
    assert!(Arc::ptr_eq(&first, &open.find(&asked(None)).unwrap().spread.unwrap()));
    let other = open.find(&asked(Some("pride"))).unwrap().spread.unwrap();
    assert!(!Arc::ptr_eq(&first, &other), "of another question");
    open.write(&[entry(2, "Pride")], Position::new("this".into(), 2), false).unwrap();
    assert_eq!(open.find(&asked(None)).unwrap().spread.unwrap().authors, [(1, 2)]);
    for n in 0..200 {
        open.find(&asked(Some(&format!("word{n}")))).unwrap();
    }
    assert_eq!(open.remembered.lock().len(), MOST_REMEMBERED);
}
