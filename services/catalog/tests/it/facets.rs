//! How matches spread.
use crate::*;
use contracts::catalog::{
    DeleteShelfEntry, FacetCount, Facets, PriceCount, SaveShelfEntry, Shelf, ShelfEntry, Sort,
};
use contracts::inventory::AvailabilityChanged;

fn counts(of: &[FacetCount]) -> Vec<(&str, u64)> {
    of.iter().map(|facet| (facet.slug.as_str(), facet.count)).collect()
}

impl Shop {
    pub async fn facets(&self, find: FindProducts) -> Facets {
        let page = self.page(FindProducts { facets: true, ..find }).await;
        page.facets.unwrap()
    }
    pub async fn category(&self, name: &str, parent: Option<uuid::Uuid>) -> ShelfEntry {
        let save = SaveShelfEntry {
            shelf: Shelf::Categories,
            id: None,
            name: Some(name.into()),
            slug: None,
            parent: Some(parent),
        };
        self.rig.call(&admin(), save).await.unwrap()
    }
}

fn novel(title: &str, n: usize, author: &str, category: &str) -> CreateProduct {
    let mut new = book(title, &format!("N-{n}"), i64::try_from(n).unwrap() * 400);
    new.authors = vec![author.into()];
    new.genres = vec!["Novel".into()];
    new.categories = vec![category.into()];
    new
}

async fn shop_of_novels() -> Shop {
    let shop = Shop::open().await;
    let books = shop.category("Books", None).await;
    let fiction = shop.category("Fiction", Some(books.id)).await;
    shop.category("Crime", Some(fiction.id)).await;
    for new in [
        novel("Emma", 1, "Jane Austen", "Fiction"),
        novel("Persuasion", 2, "Jane Austen", "Fiction"),
        novel("The Moonstone", 3, "Wilkie Collins", "Crime"),
        novel("Atlas of the moon", 4, "Johannes Hevelius", "Books"),
    ] {
        shop.list(new).await;
    }
    shop.indexed().await;
    shop
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facets_count_all_matches_of_the_words_and_the_filters() {
    let shop = shop_of_novels().await;
    shop.rig.tell(AvailabilityChanged { sku: sku("N-2"), in_stock: true }).await;
    shop.indexed().await;
    let all = shop.facets(FindProducts { per_page: 100, ..Default::default() }).await;
    assert_eq!(counts(&all.categories), [("books", 4), ("fiction", 3), ("crime", 1)]);
    assert_eq!(
        counts(&all.authors),
        [("jane-austen", 2), ("johannes-hevelius", 1), ("wilkie-collins", 1)]
    );
    assert_eq!((counts(&all.genres), all.in_stock), (vec![("novel", 4)], 1));
    let range = |from, to, count| PriceCount { from, to: Some(to), count };
    assert_eq!(
        all.prices,
        [range(300, 500, 1), range(700, 1000, 1), range(1000, 1500, 1), range(1500, 2000, 1)]
    );
    let moon = shop.facets(FindProducts { q: Some("moon".into()), ..Default::default() }).await;
    assert_eq!(counts(&moon.categories), [("books", 2), ("crime", 1), ("fiction", 1)]);
    assert_eq!(moon.in_stock, 0);
    let by = FindProducts {
        author: Some("jane-austen".into()),
        min_price: Some(500),
        sort: Sort::Price,
        ..Default::default()
    };
    let page = shop.page(FindProducts { facets: true, ..by.clone() }).await;
    assert_eq!((titles(&page), page.total), (vec!["Persuasion".to_owned()], 1));
    assert_eq!(counts(&page.facets.unwrap().authors), [("jane-austen", 1)]);
    assert_eq!(shop.page(by).await.facets, None, "only where they are asked for");
    for nothing in [
        FindProducts { category: Some("no-such".into()), ..Default::default() },
        FindProducts { q: Some("!!!".into()), ..Default::default() },
        FindProducts { q: Some("zzz".into()), ..Default::default() },
    ] {
        assert_eq!(shop.facets(nothing).await, Facets::default());
    }
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facets_are_over_all_pages_and_follow_changes() {
    let shop = shop_of_novels().await;
    let first = FindProducts { page: 1, per_page: 1, facets: true, ..Default::default() };
    let page = shop.rig.call(&Caller::Guest, first.clone()).await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, 4));
    assert_eq!(counts(&page.facets.unwrap().genres), [("novel", 4)]);
    let far = FindProducts { page: 90_000, per_page: 100, ..first };
    let page = shop.rig.call(&Caller::Guest, far).await.unwrap();
    assert_eq!((page.items.len(), page.total), (0, 4));
    assert_eq!(counts(&page.facets.unwrap().genres), [("novel", 4)]);
    shop.list(novel("Sanditon", 5, "Jane Austen", "Fiction")).await;
    shop.indexed().await;
    let all = shop.facets(FindProducts::default()).await;
    assert_eq!(counts(&all.authors)[0], ("jane-austen", 3), "what was remembered is forgotten");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_twenty_of_a_kind_the_most_frequent_first() {
    let shop = Shop::open().await;
    for n in 0..30_usize {
        let mut new = novel(&format!("Volume {n}"), n, "Everybody", "Books");
        new.authors = (0..=n).map(|n| format!("Author {n:02}")).collect();
        shop.list(new).await;
    }
    shop.indexed().await;
    let all = shop.facets(FindProducts::default()).await;
    let found = counts(&all.authors);
    assert_eq!((found.len(), found[0], found[19]), (20, ("author-00", 30), ("author-19", 11)));
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_and_counts_follow_a_category_that_moves_is_renamed_or_goes() {
    let shop = shop_of_novels().await;
    let tree: Vec<ShelfEntry> =
        shop.rig.call(&Caller::Guest, contracts::catalog::CategoryTree).await.unwrap();
    let id = |slug: &str| tree.iter().find(|entry| entry.slug == slug).unwrap().id;
    let of =
        |category: &str| FindProducts { category: Some(category.into()), ..Default::default() };
    let with_words = |category: &str| FindProducts { q: Some("moonstone".into()), ..of(category) };
    assert_eq!(shop.page(of("books")).await.total, 4, "with all below");
    assert_eq!(shop.page(of("fiction")).await.total, 3);
    assert_eq!(shop.page(with_words("books")).await.total, 1);
    assert_eq!(shop.page(with_words("fiction")).await.total, 1);
    assert_eq!(shop.search("books moonstone").await, ["The Moonstone"], "words of those above");

    let change = |slug: &str| SaveShelfEntry {
        shelf: Shelf::Categories,
        id: Some(id(slug)),
        name: None,
        slug: None,
        parent: None,
    };
    // Out of fiction, right below books.
    let moved = SaveShelfEntry { parent: Some(Some(id("books"))), ..change("crime") };
    shop.rig.call(&admin(), moved).await.unwrap();
    assert_eq!(shop.page(of("fiction")).await.total, 2, "at once in the database");
    shop.rig.work("catalog", "shelves").await;
    shop.indexed().await;
    assert_eq!(shop.page(with_words("fiction")).await.total, 0);
    assert_eq!(shop.page(with_words("books")).await.total, 1);
    let all = shop.facets(FindProducts::default()).await;
    assert_eq!(counts(&all.categories), [("books", 4), ("fiction", 2), ("crime", 1)]);

    let renamed = SaveShelfEntry {
        name: Some("Mysteries".into()),
        slug: Some("mysteries".into()),
        ..change("crime")
    };
    shop.rig.call(&admin(), renamed).await.unwrap();
    shop.rig.work("catalog", "shelves").await;
    shop.indexed().await;
    assert_eq!(shop.search("mysteries").await, ["The Moonstone"]);
    assert_eq!(shop.search("crime").await, Vec::<String>::new());
    assert_eq!(shop.page(with_words("crime")).await.total, 1, "an old slug filters too");
    assert_eq!(shop.page(with_words("mysteries")).await.total, 1);

    let delete = DeleteShelfEntry { shelf: Shelf::Categories, id: id("books") };
    shop.rig.call(&admin(), delete).await.unwrap();
    assert_eq!(shop.page(of("books")).await.total, 0);
    shop.rig.work("catalog", "shelves").await;
    shop.indexed().await;
    let all = shop.facets(FindProducts::default()).await;
    assert_eq!(counts(&all.categories), [("fiction", 2), ("mysteries", 1)]);
    assert_eq!(shop.search("books").await, Vec::<String>::new());
    let atlas = shop.page(FindProducts { q: Some("atlas".into()), ..Default::default() }).await;
    assert_eq!(atlas.items[0].categories, []);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_an_older_release_made_are_counted_too() {
    use sea_orm::ConnectionTrait as _;
    let shop = Shop::open().await;
    shop.list(novel("Emma", 1, "Jane Austen", "Books")).await;
    // As the first migration left them.
    let db = shop.rig.nodes[0].service("catalog").unwrap().db.reader();
    db.execute_unprepared("UPDATE names SET number = NULL").await.unwrap();
    shop.list(novel("Persuasion", 2, "Jane Austen", "Books")).await;
    shop.indexed().await;
    let with_words = FindProducts {
        q: Some("austen".into()),
        author: Some("jane-austen".into()),
        category: Some("books".into()),
        ..Default::default()
    };
    let found = shop.facets(with_words).await;
    // The index may have had the first one with its old number.
    assert!(counts(&found.authors).iter().all(|(slug, _)| *slug == "jane-austen"), "{found:?}");
    shop.list(novel("Sanditon", 3, "Jane Austen", "Books")).await;
    shop.indexed().await;
    let by = FindProducts { author: Some("jane-austen".into()), ..Default::default() };
    let newest = shop.page(FindProducts { q: Some("sanditon".into()), ..by }).await;
    assert_eq!(titles(&newest), ["Sanditon"]);
    shop.rig.stop().await;
}
