//! Categories as a tree, authors and genres: made, changed, moved, deleted, and found by old
//! names in addresses.
use crate::*;
use contracts::ProductId;
use contracts::catalog::{
    CategoryTree, DeleteShelfEntry, GetProduct, GetShelfEntry, ListShelf, SaveShelfEntry, Shelf,
    ShelfChanged, ShelfEntry, ShelfEntryDetail, ShelfRefused, UpdateProduct,
};
use futures_util::future::join_all;
use kit::testing::shopper;
use uuid::Uuid;

fn save(shelf: Shelf, name: &str) -> SaveShelfEntry {
    SaveShelfEntry { shelf, id: None, name: Some(name.into()), slug: None, parent: None }
}
fn change(entry: &ShelfEntry) -> SaveShelfEntry {
    SaveShelfEntry {
        shelf: Shelf::Categories,
        id: Some(entry.id),
        name: None,
        slug: None,
        parent: None,
    }
}
fn change_product(product: ProductId) -> UpdateProduct {
    products::change(product)
}
fn invalid(answer: Result<ShelfEntry, CallError<ShelfRefused>>) -> String {
    match answer {
        Err(CallError::Refused(ShelfRefused::Invalid { field, .. })) => field,
        Err(CallError::Refused(ShelfRefused::Taken { field })) => format!("taken {field}"),
        other => panic!("{other:?}"),
    }
}

impl Shop {
    async fn save(&self, save: SaveShelfEntry) -> ShelfEntry {
        self.rig.call(&admin(), save).await.unwrap()
    }
    async fn try_save(&self, save: SaveShelfEntry) -> Result<ShelfEntry, CallError<ShelfRefused>> {
        self.rig.call(&admin(), save).await
    }
    async fn tree(&self) -> Vec<String> {
        let tree = self.rig.call(&Caller::Guest, CategoryTree).await.unwrap();
        let depth = |entry: &ShelfEntry| {
            let mut depth = 0;
            let mut parent = entry.parent;
            while let Some(id) = parent {
                parent = tree.iter().find(|entry| entry.id == id).unwrap().parent;
                depth += 1;
            }
            depth
        };
        tree.iter().map(|entry| format!("{}{}", "-".repeat(depth(entry)), entry.name)).collect()
    }
    async fn shelf(&self, shelf: Shelf, id_or_slug: &str) -> Option<ShelfEntryDetail> {
        let get = GetShelfEntry { shelf, id_or_slug: id_or_slug.into() };
        match self.rig.call(&Caller::Guest, get).await {
            Ok(detail) => Some(detail),
            Err(CallError::Refused(ShelfRefused::NotFound)) => None,
            other => panic!("{other:?}"),
        }
    }
    async fn retouched(&self) {
        self.rig.work("catalog", "shelves").await;
        self.indexed().await;
    }
}

fn names(entries: &[ShelfEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn categories_are_a_tree_that_is_shown_with_paths_and_children() {
    let shop = Shop::open().await;
    let told = shop.rig.listen::<ShelfChanged>();
    let books = shop.save(save(Shelf::Categories, " Books ")).await;
    assert_eq!((books.name.as_str(), books.slug.as_str(), books.parent), ("Books", "books", None));
    let fiction = shop.category("Fiction", Some(books.id)).await;
    let crime = shop.category("Crime", Some(fiction.id)).await;
    shop.category("Art", Some(books.id)).await;
    shop.category("Toys", None).await;
    assert_eq!(shop.tree().await, ["Books", "-Art", "-Fiction", "--Crime", "Toys"]);
    let found = shop.shelf(Shelf::Categories, "fiction").await.unwrap();
    assert_eq!(found.entry, fiction);
    assert_eq!((names(&found.path), names(&found.children)), (vec!["Books"], vec!["Crime"]));
    let found = shop.shelf(Shelf::Categories, &crime.id.to_string()).await.unwrap();
    assert_eq!((names(&found.path), found.children.len()), (vec!["Books", "Fiction"], 0));
    for nothing in ["no-such", "", "\0", "Fiction", &shop.rig.id::<Uuid>().to_string()] {
        assert!(shop.shelf(Shelf::Categories, nothing).await.is_none(), "{nothing:?}");
    }
    assert!(shop.shelf(Shelf::Genres, &crime.id.to_string()).await.is_none());
    let listed = ListShelf { shelf: Shelf::Categories, page: 1, per_page: 100 };
    let listed = shop.rig.call(&Caller::Guest, listed).await.unwrap();
    assert_eq!(names(&listed.items), ["Art", "Books", "Crime", "Fiction", "Toys"]);
    assert_eq!(listed.items[2].parent, Some(fiction.id));
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 5);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_staff_changes_shelves_and_bad_input_is_named() {
    let shop = Shop::open().await;
    let books = shop.category("Books", None).await;
    let novels = shop.save(save(Shelf::Genres, "Novels")).await;
    for caller in [Caller::Guest, shopper()] {
        for save in [save(Shelf::Authors, "Eve"), change(&books)] {
            let answer = shop.rig.call(&caller, save.clone()).await;
            assert_eq!(refused(answer, &save), ShelfRefused::NotAllowed);
        }
        let delete = DeleteShelfEntry { shelf: Shelf::Categories, id: books.id };
        let answer = shop.rig.call(&caller, delete.clone()).await;
        assert_eq!(refused(answer, &delete), ShelfRefused::NotAllowed);
    }
    let under = |parent: Uuid| SaveShelfEntry {
        parent: Some(Some(parent)),
        ..save(Shelf::Categories, "New")
    };
    for (save, field) in [
        (SaveShelfEntry { name: None, ..save(Shelf::Genres, "x") }, "name"),
        (save(Shelf::Genres, " "), "name"),
        (save(Shelf::Genres, "a\0"), "name"),
        (save(Shelf::Genres, "novels"), "taken name"),
        (SaveShelfEntry { slug: Some("A b".into()), ..save(Shelf::Genres, "x") }, "slug"),
        (SaveShelfEntry { slug: Some("novels".into()), ..save(Shelf::Genres, "x") }, "taken slug"),
        (SaveShelfEntry { parent: Some(Some(books.id)), ..save(Shelf::Genres, "x") }, "parent"),
        (under(novels.id), "parent"),
        (under(shop.rig.id()), "parent"),
        (SaveShelfEntry { parent: Some(Some(books.id)), ..change(&books) }, "parent"),
    ] {
        assert_eq!(invalid(shop.try_save(save.clone()).await), field, "{save:?}");
    }
    // One kind's names are nothing to another's.
    shop.save(save(Shelf::Authors, "Novels")).await;
    let unknown = SaveShelfEntry { id: Some(shop.rig.id()), ..save(Shelf::Genres, "x") };
    let answer = shop.try_save(unknown.clone()).await;
    assert_eq!(refused(answer, &unknown), ShelfRefused::NotFound);
    let other_kind = SaveShelfEntry { shelf: Shelf::Authors, ..change(&books) };
    let answer = shop.try_save(other_kind.clone()).await;
    assert_eq!(refused(answer, &other_kind), ShelfRefused::NotFound);
    let delete = DeleteShelfEntry { shelf: Shelf::Genres, id: books.id };
    let answer = shop.rig.call(&admin(), delete.clone()).await;
    assert_eq!(refused(answer, &delete), ShelfRefused::NotFound);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_moves_with_all_below_it_and_never_into_itself() {
    let shop = Shop::open().await;
    let a = shop.category("A", None).await;
    let b = shop.category("B", Some(a.id)).await;
    let c = shop.category("C", Some(b.id)).await;
    let d = shop.category("D", None).await;
    let to = |entry: &ShelfEntry, parent| SaveShelfEntry { parent: Some(parent), ..change(entry) };
    for parent in [&a, &b, &c] {
        assert_eq!(invalid(shop.try_save(to(&a, Some(parent.id))).await), "parent");
    }
    assert_eq!(shop.tree().await, ["A", "-B", "--C", "D"]);
    shop.save(to(&b, Some(d.id))).await;
    assert_eq!(shop.tree().await, ["A", "D", "-B", "--C"]);
    shop.save(to(&a, Some(c.id))).await;
    assert_eq!(shop.tree().await, ["D", "-B", "--C", "---A"], "now that it is no longer above");
    assert_eq!(invalid(shop.try_save(to(&d, Some(a.id))).await), "parent");
    shop.save(to(&b, None)).await;
    assert_eq!(shop.tree().await, ["B", "-C", "--A", "D"]);
    // Ten levels and no more, however they come about.
    let mut last = a;
    for n in 3..10 {
        last = shop.category(&format!("Level {n}"), Some(last.id)).await;
    }
    let deep = SaveShelfEntry { parent: Some(Some(last.id)), ..save(Shelf::Categories, "Deep") };
    assert_eq!(invalid(shop.try_save(deep).await), "parent");
    assert_eq!(invalid(shop.try_save(to(&b, Some(d.id))).await), "parent");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moves_at_once_never_make_a_ring() {
    let shop = Shop::open().await;
    for round in 0..4 {
        let a = shop.category(&format!("A{round}"), None).await;
        let b = shop.category(&format!("B{round}"), None).await;
        let under = |it: &ShelfEntry, parent: &ShelfEntry| SaveShelfEntry {
            parent: Some(Some(parent.id)),
            ..change(it)
        };
        let answers = join_all([shop.try_save(under(&a, &b)), shop.try_save(under(&b, &a))]).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    }
    assert_eq!(shop.tree().await.len(), 8);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_category_leaves_its_children_to_its_parent_and_no_trace_at_products() {
    let shop = Shop::open().await;
    let books = shop.category("Books", None).await;
    let fiction = shop.category("Fiction", Some(books.id)).await;
    shop.category("Crime", Some(fiction.id)).await;
    let mut new = book("Emma", "EMMA", 1);
    new.categories = vec!["Fiction".into(), "Books".into()];
    new.authors = vec!["Jane Austen".into()];
    let emma = shop.list(new.clone()).await;
    shop.indexed().await;
    shop.rig.call(&Caller::Guest, GetProduct { id_or_slug: "emma".into() }).await.unwrap();
    let delete = DeleteShelfEntry { shelf: Shelf::Categories, id: fiction.id };
    shop.rig.call(&admin(), delete.clone()).await.unwrap();
    assert_eq!(shop.tree().await, ["Books", "-Crime"]);
    shop.rig.settled().await;
    let shown = async || {
        let get = GetProduct { id_or_slug: "emma".into() };
        let mut seen = Vec::new();
        for _ in &shop.rig.nodes {
            seen.push(shop.rig.call(&Caller::Guest, get.clone()).await.unwrap());
        }
        seen
    };
    for product in shown().await {
        assert_eq!(product.categories.len(), 1, "not shown from the next moment on");
    }
    assert!(shop.shelf(Shelf::Categories, "fiction").await.is_none());
    let answer = shop.rig.call(&admin(), delete.clone()).await;
    assert_eq!(refused(answer, &delete), ShelfRefused::NotFound);
    shop.retouched().await;
    assert_eq!(shop.search("fiction").await, Vec::<String>::new());
    // Another of that name is another one, and gets the address.
    let again = shop.category("Fiction", None).await;
    assert_eq!(again.slug, "fiction");
    assert_ne!(again.id, fiction.id);
    shop.retouched().await;
    for product in shown().await {
        assert_eq!(product.categories, [emma.categories[1].clone()]);
        assert_eq!(product.authors, emma.authors);
    }
    let of = FindProducts { category: Some("fiction".into()), ..Default::default() };
    assert_eq!(shop.page(of).await.total, 0);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_with_very_many_products_changes_for_all_of_them() {
    let shop = Shop::open().await;
    let list = |n: usize| {
        let mut new = book(&format!("Volume {n}"), &format!("V-{n}"), 100);
        new.authors = vec!["Jane Austen".into()];
        shop.list(new)
    };
    join_all((0..1_020).map(list)).await;
    shop.indexed().await;
    let jane = shop.shelf(Shelf::Authors, "jane-austen").await.unwrap().entry;
    let renamed =
        SaveShelfEntry { shelf: Shelf::Authors, name: Some("A Lady".into()), ..change(&jane) };
    shop.save(renamed).await;
    shop.retouched().await;
    let total = async |q: &str| {
        shop.page(FindProducts { q: Some(q.into()), ..Default::default() }).await.total
    };
    assert_eq!((total("lady").await, total("austen").await), (1_020, 0));
    let delete = DeleteShelfEntry { shelf: Shelf::Authors, id: jane.id };
    shop.rig.call(&admin(), delete).await.unwrap();
    shop.retouched().await;
    assert_eq!(total("lady").await, 0);
    let all = shop.facets(FindProducts::default()).await;
    assert_eq!(all.authors, []);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_names_in_addresses_lead_to_their_owner_and_are_nobody_elses() {
    let shop = Shop::open().await;
    let jane = shop.save(save(Shelf::Authors, "Jane Austen")).await;
    let to = |slug: &str| SaveShelfEntry {
        shelf: Shelf::Authors,
        slug: Some(slug.into()),
        ..change(&jane)
    };
    assert_eq!(shop.save(to("austen")).await.slug, "austen");
    let found = shop.shelf(Shelf::Authors, "jane-austen").await.unwrap().entry;
    assert_eq!((found.id, found.slug.as_str()), (jane.id, "austen"));
    let other = SaveShelfEntry { slug: Some("jane-austen".into()), ..save(Shelf::Authors, "Eve") };
    assert_eq!(invalid(shop.try_save(other).await), "taken slug");
    // A name that would get the slug by itself gets another.
    let twin = shop.save(save(Shelf::Authors, "Jané Austen")).await;
    assert!(twin.slug.starts_with("jane-austen-"), "{}", twin.slug);
    let mut new = book("Emma", "EMMA", 1);
    new.authors = vec!["Jane  AUSTEN".into(), "Jane-Austen".into()];
    let emma = shop.list(new).await;
    assert_eq!(emma.authors[0].id.0, jane.id, "by name");
    assert!(emma.authors[1].slug.starts_with("jane-austen-"));
    // Back, and forth again.
    assert_eq!(shop.save(to("jane-austen")).await.slug, "jane-austen");
    assert_eq!(shop.save(to("austen")).await.slug, "austen");
    assert_eq!(shop.shelf(Shelf::Authors, "jane-austen").await.unwrap().entry.id, jane.id);
    assert!(shop.shelf(Shelf::Genres, "jane-austen").await.is_none());
    // What is deleted leads nowhere, and its addresses are free.
    let delete = DeleteShelfEntry { shelf: Shelf::Authors, id: jane.id };
    shop.rig.call(&admin(), delete).await.unwrap();
    assert!(shop.shelf(Shelf::Authors, "jane-austen").await.is_none());
    let eve = SaveShelfEntry { slug: Some("jane-austen".into()), ..save(Shelf::Authors, "Eve") };
    assert_eq!(shop.save(eve).await.slug, "jane-austen");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_products_old_slugs_lead_to_it_and_are_nobody_elses() {
    let shop = Shop::open().await;
    let dune = shop.list(book("Dune", "DUNE", 900)).await;
    let other = shop.list(book("Other", "OTHER", 900)).await;
    let get = async |slug: &str| {
        let mut seen = Vec::new();
        for _ in &shop.rig.nodes {
            seen.push(shop.rig.call(&Caller::Guest, GetProduct { id_or_slug: slug.into() }).await);
        }
        assert!(seen.iter().all(|one| one.is_ok() == seen[0].is_ok()), "{seen:?}");
        seen.remove(0).ok()
    };
    get("dune").await.unwrap();
    let to = |slug: &str| UpdateProduct { slug: Some(slug.into()), ..change_product(dune.id) };
    let changed = shop.rig.call(&admin(), to("dune-1965")).await.unwrap();
    assert_eq!((changed.slug.as_str(), changed.title.as_str()), ("dune-1965", "Dune"));
    shop.rig.settled().await;
    for slug in ["dune", "dune-1965"] {
        let found = get(slug).await.unwrap();
        assert_eq!((found.id, found.slug.as_str()), (dune.id, "dune-1965"), "{slug}");
    }
    let take = |slug: &str| UpdateProduct { slug: Some(slug.into()), ..change_product(other.id) };
    for taken in ["dune", "dune-1965"] {
        let answer = shop.rig.call(&admin(), take(taken)).await;
        assert_eq!(refused(answer, &take(taken)), ProductRefused::SlugTaken);
    }
    let twin = shop.list(book("Dune", "DUNE-2", 900)).await;
    assert!(twin.slug.starts_with("dune-") && twin.slug != "dune-1965", "{}", twin.slug);
    for bad in ["", "A", "best-sellers", "prices", "a b", "-a", &dune.id.to_string()] {
        let answer = shop.rig.call(&admin(), to(bad)).await;
        let refusal = refused(answer, &to(bad));
        assert!(matches!(refusal, ProductRefused::Invalid { ref field, .. } if field == "slug"));
    }
    // Another title keeps the address; the product may take an old one back.
    let titled = UpdateProduct { title: Some("Dune Messiah".into()), ..change_product(dune.id) };
    assert_eq!(shop.rig.call(&admin(), titled).await.unwrap().slug, "dune-1965");
    assert_eq!(shop.rig.call(&admin(), to("dune")).await.unwrap().slug, "dune");
    assert_eq!(get("dune-1965").await.unwrap().slug, "dune");
    assert_eq!(shop.rig.call(&admin(), to("dune")).await.unwrap().slug, "dune", "its own");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_name_the_categories_and_all_above_them_where_asked() {
    let shop = Shop::open().await;
    let books = shop.category("Books", None).await;
    let fiction = shop.category("Fiction", Some(books.id)).await;
    shop.category("Crime", Some(fiction.id)).await;
    let mut moonstone = book("The Moonstone", "MOON", 1);
    moonstone.categories = vec!["Crime".into(), "Gifts".into()];
    moonstone.authors = vec!["Wilkie Collins".into()];
    shop.list(moonstone).await;
    shop.list(book("Mug", "MUG", 1)).await;
    let priced = async |categories| {
        let call = PricesOf { skus: vec![sku("MOON"), sku("MUG"), sku("NONE")], categories };
        let priced = shop.rig.call(&Caller::Store, call).await.unwrap();
        priced.into_iter().map(|priced| priced.categories).collect::<Vec<_>>()
    };
    assert_eq!(priced(false).await, [Vec::<String>::new(), vec![]]);
    assert_eq!(priced(true).await, [vec!["books", "crime", "fiction", "gifts"], vec![]]);
    let moved = SaveShelfEntry { parent: Some(None), ..change(&fiction) };
    shop.save(moved).await;
    assert_eq!(priced(true).await[0], ["crime", "fiction", "gifts"], "at once");
    shop.rig.stop().await;
}
