//! Listing, changing and withdrawing products.
use crate::*;
use contracts::ProductId;
use contracts::catalog::{
    GetProduct, ListShelf, NoSuchProduct, ProductChanged, Shelf, UpdateProduct, WithdrawProduct,
};
use contracts::inventory::AvailabilityChanged;
use futures_util::future::join_all;
use kit::testing::shopper;
use serde_json::json;

pub fn change(product: ProductId) -> UpdateProduct {
    UpdateProduct {
        product,
        title: None,
        description: None,
        images: None,
        authors: None,
        genres: None,
        categories: None,
        attributes: None,
        prices: BTreeMap::new(),
        variants: None,
        slug: None,
    }
}

impl Shop {
    async fn get(&self, id_or_slug: &str) -> Result<Product, CallError<NoSuchProduct>> {
        let id_or_slug = id_or_slug.to_owned();
        self.rig.call(&Caller::Guest, GetProduct { id_or_slug }).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_shown_as_it_was_given_however_hostile() {
    let shop = Shop::open().await;
    let hostile =
        "<script>alert('1')</script> \"; DROP TABLE products; -- \u{202e} ' ünï 🎉 %s {{7*7}}";
    let mut new = book(hostile, "EVIL-1", 1);
    new.description = hostile.into();
    new.authors = vec![hostile.into()];
    new.attributes = BTreeMap::from([(hostile.into(), json!({"<b>": [1.5, null, hostile]}))]);
    new.images = vec!["/covers/1.svg".into()];
    let listed = shop.list(new.clone()).await;
    let shown = shop.get(&listed.id.to_string()).await.unwrap();
    assert_eq!(shown, listed);
    assert_eq!((&shown.title, &shown.description), (&new.title, &new.description));
    assert_eq!((&shown.attributes, &shown.images), (&new.attributes, &new.images));
    assert_eq!(shown.authors[0].name, hostile.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(shop.get(&shown.slug).await.unwrap().id, shown.id);
    shop.indexed().await;
    assert_eq!(shop.search("alert drop columns").await, Vec::<String>::new());
    assert_eq!(shop.search(hostile).await, [hostile]);
    for odd in ["", "\0", "A", "é", "no-such", "../x", &"a".repeat(10_000)] {
        let missing = shop.get(odd).await.unwrap_err();
        assert_eq!(missing, CallError::Refused(NoSuchProduct), "{odd:?}");
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_staff_change_the_catalogue() {
    let shop = Shop::open().await;
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    for caller in [Caller::Guest, shopper()] {
        let new = book("x", "X", 1);
        let answer = shop.rig.call(&caller, new.clone()).await;
        assert_eq!(refused(answer, &new), ProductRefused::NotAllowed);
        let update = change(dune.id);
        let answer = shop.rig.call(&caller, update.clone()).await;
        assert_eq!(refused(answer, &update), ProductRefused::NotAllowed);
        let withdraw = WithdrawProduct { product: dune.id };
        let answer = shop.rig.call(&caller, withdraw.clone()).await;
        assert_eq!(refused(answer, &withdraw), ProductRefused::NotAllowed);
    }
    assert_eq!(shop.get("dune").await.unwrap(), dune);
    assert_eq!(shop.prices(&["X"]).await, []);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_belongs_to_one_product_even_when_many_ask_at_once() {
    let shop = Shop::open().await;
    let answers =
        join_all((0..24).map(|n| shop.try_list(book(&format!("Book {n}"), "ONE", 100)))).await;
    let listed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(listed.len(), 1);
    for answer in &answers {
        if let Err(error) = answer {
            assert_eq!(*error, CallError::Refused(ProductRefused::SkuTaken { sku: sku("ONE") }));
        }
    }
    assert_eq!(shop.page(FindProducts::default()).await.total, 1, "the others left nothing");
    let priced = shop.prices(&["ONE"]).await;
    assert_eq!(priced[0].product, listed[0].id);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn products_of_one_title_have_slugs_of_their_own_and_authors_are_made_once() {
    let shop = Shop::open().await;
    let list = |n: usize| {
        let mut new = book("Best Sellers", &format!("S-{n}"), 100);
        let name = if n.is_multiple_of(2) { "Ada Lovelace" } else { "ADA  lovelace" };
        new.authors = vec![name.into(), "C++".into(), "C".into(), name.into()];
        new.genres = vec!["Ada Lovelace".into()];
        shop.list(new)
    };
    let listed = join_all((0..20).map(list)).await;
    let mut slugs: Vec<&str> = listed.iter().map(|product| product.slug.as_str()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), 20);
    assert!(!slugs.contains(&"best-sellers"), "that address lists the best sellers");
    for product in &listed {
        assert_eq!(product.authors.len(), 3);
        assert_eq!(product.authors, listed[0].authors);
        assert_eq!(product.genres, listed[0].genres);
    }
    let shelf = |shelf| shop.rig.call(&Caller::Guest, ListShelf { shelf, page: 1, per_page: 2 });
    let authors = shelf(Shelf::Authors).await.unwrap();
    assert_eq!((authors.total, authors.items.len()), (3, 2));
    assert_eq!(authors.items[0].name.to_lowercase(), "ada lovelace");
    assert_eq!(authors.items[0].slug, "ada-lovelace");
    let slugs: Vec<_> = listed[0].authors.iter().map(|author| &author.slug).collect();
    assert!(slugs[1] != slugs[2], "C and C++ are two: {slugs:?}");
    assert_eq!(shelf(Shelf::Genres).await.unwrap().total, 1);
    assert_eq!(shelf(Shelf::Categories).await.unwrap().total, 0);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_price_holds_at_once() {
    let shop = Shop::open().await;
    let told = shop.rig.listen::<ProductChanged>();
    let mut new = book("Shirt", "SHIRT-M", 1500);
    new.variants[0].options.insert("size".into(), "M".into());
    new.variants.push(NewVariant {
        sku: sku("SHIRT-L"),
        price: usd(1700),
        options: BTreeMap::new(),
    });
    let shirt = shop.list(new).await;
    assert_eq!((shirt.price, shirt.sku.as_str()), (usd(1500), "SHIRT-M"));
    assert_eq!(shop.get("shirt").await.unwrap().price, usd(1500));
    let priced = shop.prices(&["SHIRT-M", "shirt-l", "NONE", "SHIRT-M"]).await;
    let titles: Vec<_> = priced.iter().map(|p| (p.sku.as_str(), p.title.as_str())).collect();
    assert_eq!(titles, [("SHIRT-L", "Shirt"), ("SHIRT-M", "Shirt (M)")]);
    for price in [1600, 0, Money::MAX_MINOR] {
        let update = UpdateProduct {
            prices: BTreeMap::from([(sku("SHIRT-M"), usd(price))]),
            ..change(shirt.id)
        };
        let changed = shop.rig.call(&admin(), update).await.unwrap();
        assert_eq!(changed.price, usd(price));
        for _ in 0..4 {
            assert_eq!(shop.prices(&["SHIRT-M"]).await[0].price, usd(price), "in every replica");
        }
    }
    shop.rig.settled().await;
    assert_eq!(shop.get("shirt").await.unwrap().price, usd(Money::MAX_MINOR));
    let bad =
        UpdateProduct { prices: BTreeMap::from([(sku("OTHER"), usd(1))]), ..change(shirt.id) };
    let answer = shop.rig.call(&admin(), bad.clone()).await;
    assert!(
        matches!(refused(answer, &bad), ProductRefused::Invalid { field, .. } if field == "prices.OTHER")
    );
    let foreign = Money::new(1, Currency::EUR);
    let bad =
        UpdateProduct { prices: BTreeMap::from([(sku("SHIRT-M"), foreign)]), ..change(shirt.id) };
    let answer = shop.rig.call(&admin(), bad.clone()).await;
    assert!(matches!(refused(answer, &bad), ProductRefused::Invalid { .. }));
    shop.rig.settled().await;
    let told = told.lock().clone();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|told| told.product == shirt.id && told.skus.len() == 2));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_changes_what_is_given_and_leaves_the_rest() {
    let shop = Shop::open().await;
    let mut new = book("Emma", "EMMA", 700);
    new.authors = vec!["Jane Austen".into()];
    new.genres = vec!["Novel".into()];
    new.description = "A matchmaker.".into();
    let emma = shop.list(new).await;
    let update = UpdateProduct {
        title: Some("Emma, annotated".into()),
        genres: Some(vec!["Romance".into(), "Novel".into()]),
        attributes: Some(BTreeMap::from([("year".into(), json!(1815))])),
        ..change(emma.id)
    };
    let changed = shop.rig.call(&admin(), update).await.unwrap();
    assert_eq!((changed.title.as_str(), changed.slug.as_str()), ("Emma, annotated", "emma"));
    assert_eq!((&changed.authors, &changed.description), (&emma.authors, &emma.description));
    let genres: Vec<_> = changed.genres.iter().map(|genre| genre.name.as_str()).collect();
    assert_eq!(genres, ["Romance", "Novel"]);
    assert_eq!(changed.genres[1], emma.genres[0]);
    assert_eq!(shop.get("emma").await.unwrap(), changed);
    shop.indexed().await;
    assert_eq!(shop.search("annotated romance austen").await, ["Emma, annotated"]);
    let cleared = UpdateProduct { authors: Some(vec![]), ..change(emma.id) };
    assert_eq!(shop.rig.call(&admin(), cleared).await.unwrap().authors, []);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_withdrawn_is_neither_found_nor_priced_and_keeps_its_sku() {
    let shop = Shop::open().await;
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    shop.indexed().await;
    assert_eq!(shop.search("dune").await, ["Dune"]);
    shop.get("dune").await.unwrap();
    let withdraw = WithdrawProduct { product: dune.id };
    shop.rig.call(&admin(), withdraw.clone()).await.unwrap();
    shop.rig.settled().await;
    assert_eq!(shop.prices(&["DUNE"]).await, []);
    assert_eq!(shop.search("dune").await, Vec::<String>::new(), "though the index is behind");
    shop.indexed().await;
    let found = shop.page(FindProducts { q: Some("dune".into()), ..Default::default() }).await;
    assert_eq!((found.items.len(), found.total), (0, 0));
    assert_eq!(shop.page(FindProducts::default()).await.total, 0);
    assert_eq!(shop.get("dune").await.unwrap_err(), CallError::Refused(NoSuchProduct));
    let answer = shop.rig.call(&admin(), withdraw.clone()).await;
    assert_eq!(refused(answer, &withdraw), ProductRefused::NotFound);
    let update = change(dune.id);
    let answer = shop.rig.call(&admin(), update.clone()).await;
    assert_eq!(refused(answer, &update), ProductRefused::NotFound);
    let again = book("Dune", "DUNE", 900);
    let answer = shop.try_list(again.clone()).await;
    assert_eq!(refused(answer, &again), ProductRefused::SkuTaken { sku: sku("DUNE") });
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_are_those_of_inventory_and_without_it_what_it_last_said() {
    let shop = Shop::open().await;
    shop.list(book("Dune", "DUNE", 900)).await;
    let available = async || shop.get("dune").await.unwrap().available;
    assert_eq!(available().await, 0, "inventory knows no such SKU");
    for number in [7, 3, 0] {
        shop.stock.lock().as_mut().unwrap().insert(sku("DUNE"), number);
        for _ in 0..4 {
            assert_eq!(available().await, number, "asked anew each time, in every replica");
        }
    }
    shop.rig.tell(AvailabilityChanged { sku: sku("DUNE"), in_stock: true }).await;
    shop.rig.clock.forward(std::time::Duration::from_secs(6));
    *shop.stock.lock() = None;
    assert!(available().await >= 1, "the flag says that it can be ordered");
    shop.rig.tell(AvailabilityChanged { sku: sku("DUNE"), in_stock: false }).await;
    shop.rig.clock.forward(std::time::Duration::from_secs(6));
    assert_eq!(available().await, 0);
    let found = shop.page(FindProducts::default()).await;
    assert_eq!(found.items[0].available, 0);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_listed_at_once() {
    let shop = Shop::open().await;
    let list = |n: usize| {
        let mut new = book(&format!("Volume {n}"), &format!("V-{n}"), 100);
        new.authors = vec![format!("Author {}", n % 10)];
        new.categories = vec!["Books".into()];
        shop.list(new)
    };
    join_all((0..450).map(list)).await;
    shop.indexed().await;
    let found = shop.page(FindProducts { q: Some("volume".into()), ..Default::default() }).await;
    assert_eq!((found.items.len(), found.total), (100, 450));
    let by = FindProducts { author: Some("author 3".into()), ..Default::default() };
    assert_eq!(shop.page(by).await.total, 45);
    shop.rig.stop().await;
}
