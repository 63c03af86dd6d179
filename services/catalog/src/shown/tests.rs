use super::*;
use crate::store::Listed;
use contracts::catalog::{Product, Variant};
use contracts::{Currency, Money};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}
fn ready(id: u128, words: usize, read_at: Timestamp) -> Arc<Ready> {
    let sku: Sku = format!("S-{id}").parse().unwrap();
    let price = Money::new(5, Currency::USD);
    let variant = Variant { sku: sku.clone(), options: Default::default(), price, available: 0 };
    let product = Product {
        id: ProductId(Uuid::from_u128(id)),
        slug: format!("s-{id}"),
        title: "x".repeat(words),
        description: String::new(),
        images: vec![],
        authors: vec![],
        genres: vec![],
        categories: vec![],
        attributes: Default::default(),
        score: 0,
        rating: None,
        rating_count: 0,
        variants: vec![variant],
        sku,
        price,
        available: 0,
        created_at: read_at,
    };
    let listed = Listed { product, in_stock: vec![true], withdrawn: false, version: 1 };
    Arc::new(Ready::of(&listed, read_at).unwrap())
}
fn priced(id: u128, price: i64) -> Priced {
    Priced {
        sku: format!("S-{id}").parse().unwrap(),
        product: ProductId(Uuid::from_u128(id)),
        slug: format!("s-{id}"),
        title: "x".repeat(100),
        image: None,
        price: Money::new(price, Currency::USD),
        categories: vec![],
    }
}
fn page(shown: &Shown, ids: usize, now: Timestamp) -> Arc<Page> {
    let ids = vec![Uuid::nil(); ids].into();
    Arc::new(Page { ids, total: 9, looked_up: None, spread: None, at: now, lists: shown.lists() })
}
fn about(q: &str) -> Question {
    Question { q: Some(q.to_owned()), ..Default::default() }
}

#[test]
fn memory_is_bounded_by_weight() {
    let shown = Shown::of(1 << 20, 1 << 18, 1 << 18);
    for n in 0..20_000 {
        shown.keep(ready(n, 500, at(1)), shown.changes());
        shown.keep_page(about(&format!("{n} {}", "x".repeat(200))), page(&shown, 100, at(1)));
        shown.keep_price(priced(n, 5), shown.changes());
    }
    assert!(shown.products.weight() <= 1 << 20, "{}", shown.products.weight());
    assert!(shown.pages.weight() <= 1 << 18, "{}", shown.pages.weight());
    assert!(shown.prices.weight() <= 1 << 18, "{}", shown.prices.weight());
    assert!(shown.products.len() > 500 && shown.pages.len() > 50 && shown.prices.len() > 200);
    let heavy = ready(1, 10_000, at(1));
    assert!((10_000..11_000).contains(&heavy.weight()), "{}", heavy.weight());
}

#[test]
fn a_text_is_that_of_the_same_page_products_and_numbers() {
    let shown = Shown::default();
    let (found, other) = (page(&shown, 2, at(1)), page(&shown, 2, at(1)));
    let (one, two) = (ready(1, 1, at(1)), ready(2, 1, at(1)));
    let items = vec![Arc::clone(&one), two];
    let text = |page: &Arc<Page>, items: &[Arc<Ready>], numbers: &[i64]| {
        shown.text(page, items, numbers).map(|text| text.to_vec())
    };
    assert_eq!(text(&found, &items, &[3, 4]), None);
    let (page, numbers) = (Arc::clone(&found), vec![3, 4]);
    shown.keep_text(Written { page, items: items.clone(), numbers, text: "it".into() });
    assert_eq!(text(&found, &items, &[3, 4]), Some(b"it".to_vec()));
    assert_eq!(text(&found, &items, &[3, 5]), None, "one was sold");
    assert_eq!(text(&found, &items[..1], &[3]), None, "one was withdrawn");
    let read_again = [one, ready(2, 1, at(1))];
    assert_eq!(text(&found, &read_again, &[3, 4]), None, "one was changed");
    assert_eq!(text(&other, &items, &[3, 4]), None);
}

#[test]
fn what_changed_while_it_was_read_is_not_kept() {
    let shown = Shown::default();
    let product = ready(1, 1, at(1));
    let before = shown.changes();
    shown.drop_product(ProductId(Uuid::from_u128(2)));
    shown.keep(Arc::clone(&product), before);
    assert!(shown.get(product.id, at(1)).is_none());
    shown.keep(Arc::clone(&product), shown.changes());
    assert!(shown.get(product.id, at(1)).is_some());
    shown.drop_products();
    assert!(shown.get(product.id, at(1)).is_none());
}

#[test]
fn a_price_is_void_once_its_product_changed_whichever_was_first() {
    let shown = Shown::default();
    let (one, other) = (priced(1, 5), priced(2, 7));
    let price = |one: &Priced| shown.price(&one.sku);
    assert_eq!(price(&one), None);
    let before = shown.changes();
    for priced in [&one, &other] {
        shown.keep_price(priced.clone(), before);
    }
    assert_eq!((price(&one), price(&other)), (Some(one.clone()), Some(other.clone())));
    shown.drop_product(one.product);
    assert_eq!((price(&one), price(&other)), (None, Some(other.clone())));
    shown.keep_price(one.clone(), before);
    assert_eq!(price(&one), None, "it was read before the change and kept after it");
    assert_eq!(shown.owner(&one.sku), Some(one.product));
    let again = priced(1, 6);
    shown.keep_price(again.clone(), shown.changes());
    assert_eq!(price(&one), Some(again.clone()));
    shown.note_sale(one.product, at(1));
    assert_eq!(price(&one), Some(again), "a sale changes no price");
    shown.drop_products();
    assert_eq!((price(&one), price(&other)), (None, None));
}

#[test]
fn a_product_that_was_sold_is_read_again_a_second_later() {
    let shown = Shown::default();
    let product = ready(1, 1, at(100));
    shown.keep(Arc::clone(&product), shown.changes());
    assert!(shown.get(product.id, at(399)).is_some());
    assert!(shown.get(product.id, at(400)).is_none(), "at last");
    assert!(shown.get(product.id, at(99)).is_none(), "the clock was set back");
    shown.note_sale(product.id, at(100));
    assert!(shown.get(product.id, at(100)).is_some());
    assert!(shown.get(product.id, at(101)).is_none(), "the sale is committed since");
    shown.keep(ready(1, 1, at(102)), shown.changes());
    assert!(shown.get(product.id, at(300)).is_some());
}

#[test]
fn a_page_lasts_until_something_changes() {
    let shown = Shown::default();
    let best = |q| Question { order: Order::Best, ..about(q) };
    for question in [about("a"), best("a")] {
        shown.keep_page(question, page(&shown, 1, at(100)));
    }
    assert!(
        shown.page(&about("a"), at(900)).is_some() && shown.page(&best("a"), at(900)).is_some()
    );
    shown.note_sale(ProductId(Uuid::nil()), at(100));
    assert!(shown.page(&about("a"), at(900)).is_some());
    assert!(shown.page(&best("a"), at(100)).is_some());
    assert!(shown.page(&best("a"), at(101)).is_none());
    shown.drop_pages();
    assert!(shown.page(&about("a"), at(100)).is_none());
}

#[test]
fn no_page_is_shown_while_a_change_is_on_its_way() {
    let shown = Shown::default();
    shown.followed.store(4, Ordering::Release);
    shown.keep_page(about("a"), page(&shown, 1, at(100)));
    shown.expect(5, at(100));
    assert!(shown.page(&about("a"), at(100)).is_none());
    assert!(shown.page(&about("a"), at(101)).is_some(), "it was rolled back");
    shown.expect(6, at(200));
    shown.followed.store(6, Ordering::Release);
    assert!(shown.page(&about("a"), at(200)).is_some());
}
