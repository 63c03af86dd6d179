//! `/admin/categories`: categories as a tree, authors and genres by name; made, renamed, moved
//! and taken away.
use super::{Tab, link, require, some, tabs};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::encoded;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::catalog::{
    CategoryTree, DeleteShelfEntry, GetShelfEntry, ListShelf, SaveShelfEntry, Shelf, ShelfEntry,
    ShelfRefused,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PER_PAGE: u32 = 50;

/// The kinds: in addresses, in words, and one of them.
const KINDS: [(Shelf, &str, &str, &str); 3] = [
    (Shelf::Categories, "categories", "Categories", "category"),
    (Shelf::Authors, "authors", "Authors", "author"),
    (Shelf::Genres, "genres", "Genres", "genre"),
];

type Kind = (Shelf, &'static str, &'static str, &'static str);

fn kind(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|(_, known, ..)| *known == name)
}

/// Which list, and which page of it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    shelf: String,
    page: String,
}

/// What is typed of an entry.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Form {
    shelf: String,
    name: String,
    slug: String,
    /// A category's id; empty for none.
    parent: String,
}

/// A category and how deep it lies.
struct Placed {
    id: String,
    slug: String,
    name: String,
    depth: usize,
    /// Dashes before the name, where there is no other way to show the depth.
    indent: String,
}

#[derive(Template)]
#[template(path = "staff/shelves.html")]
struct ShelvesPage {
    frame: Frame,
    tabs: Vec<Tab>,
    shelf: &'static str,
    one: &'static str,
    entries: Vec<Placed>,
    /// Where a new one can stand.
    places: Vec<Placed>,
    form: Form,
    faults: Faults,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/shelf_entry.html")]
struct EntryPage {
    frame: Frame,
    shelf: &'static str,
    kind: &'static str,
    one: &'static str,
    entry: ShelfEntry,
    places: Vec<Placed>,
    form: Form,
    faults: Faults,
}

/// Entries with their depth, as parents stand before their children.
fn placed(tree: Vec<ShelfEntry>) -> Vec<Placed> {
    let mut depths = BTreeMap::new();
    let place = |entry: ShelfEntry| {
        let above = entry.parent.and_then(|parent| depths.get(&parent).copied());
        let depth: usize = above.map_or(0, |above: usize| above + 1);
        depths.insert(entry.id, depth);
        let indent = "– ".repeat(depth);
        Placed { id: entry.id.to_string(), slug: entry.slug, name: entry.name, depth, indent }
    };
    tree.into_iter().map(place).collect()
}

async fn tree(shop: &Shop, visitor: &Visitor) -> Result<Vec<ShelfEntry>, Stop> {
    shop.ask(visitor, CategoryTree).await.or_stop(|never| match never {})
}

/// One of the three lists.
pub async fn list(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let name = if which.shelf.is_empty() { "categories" } else { which.shelf.as_str() };
    let kind = kind(name).ok_or(Stop::NotFound)?;
    let number = which.page.parse().unwrap_or(1).clamp(1, 100_000);
    let asked = (Form::default(), Faults::default());
    list_page(&shop, &visitor, kind, number, asked, StatusCode::OK).await
}

async fn list_page(
    shop: &Shop,
    visitor: &Visitor,
    (kind, shelf, _, one): Kind,
    number: u32,
    (form, faults): (Form, Faults),
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "staff").await;
    let (mut before, mut after) = (None, None);
    let (entries, places) = if kind == Shelf::Categories {
        let tree = tree(shop, visitor).await?;
        (placed(tree.clone()), placed(tree))
    } else {
        let list = ListShelf { shelf: kind, page: number, per_page: PER_PAGE };
        let listed = shop.ask(visitor, list).await.or_stop(|never| match never {})?;
        let to =
            |page: u32| link("/admin/categories", &[("shelf", shelf), ("page", &page.to_string())]);
        before = (number > 1).then(|| to(number - 1));
        let seen = u64::from(number) * u64::from(PER_PAGE);
        after = (seen < listed.total).then(|| to(number + 1));
        (placed(listed.items), Vec::new())
    };
    let tabs = tabs(visitor, "/admin/categories");
    let page =
        ShelvesPage { frame, tabs, shelf, one, entries, places, form, faults, before, after };
    private(status, &page)
}

/// Makes one.
pub async fn make(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Form>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let kind = kind(&form.shelf).ok_or_else(|| Stop::bad("There are no such shelves."))?;
    let parent = match (kind.0, parent(&form)?) {
        (Shelf::Categories, Some(parent)) => Some(Some(parent)),
        _ => None,
    };
    let name = Some(form.name.trim().to_owned());
    let save = SaveShelfEntry { shelf: kind.0, id: None, name, slug: some(&form.slug), parent };
    match shop.ask(&visitor, save).await.refusal()? {
        Ok(_) => saved(kind.1, "shelf_saved"),
        Err(refused) => {
            let (faults, status) = says(refused)?;
            list_page(&shop, &visitor, kind, 1, (form, faults), status).await
        }
    }
}

fn parent(form: &Form) -> Result<Option<uuid::Uuid>, Stop> {
    let none = |_| Stop::bad("There is no such category.");
    some(&form.parent).map(|id| id.parse().map_err(none)).transpose()
}

fn saved(shelf: &str, notice: &str) -> Shown {
    let to = link("/admin/categories", &[("shelf", shelf), ("notice", notice)]);
    Ok(Redirect::to(&to).into_response())
}

fn says(refused: ShelfRefused) -> Result<(Faults, StatusCode), Stop> {
    match refused {
        ShelfRefused::Taken { field } => {
            let reason = format!("another one has this {field}");
            Ok((Faults::one(field, reason), StatusCode::CONFLICT))
        }
        ShelfRefused::Invalid { field, reason } => {
            Ok((Faults::one(field, reason), StatusCode::UNPROCESSABLE_ENTITY))
        }
        ShelfRefused::NotFound => Err(Stop::NotFound),
        ShelfRefused::NotAllowed => Err(Stop::Forbidden),
    }
}

async fn find(shop: &Shop, visitor: &Visitor, kind: Shelf, id: &str) -> Result<ShelfEntry, Stop> {
    let id: uuid::Uuid = id.parse().map_err(|_| Stop::NotFound)?;
    let get = GetShelfEntry { shelf: kind, id_or_slug: id.to_string() };
    let got = shop.ask(visitor, get).await.or_stop(|_| Stop::NotFound)?;
    Ok(got.entry)
}

/// One of them.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path((shelf, id)): Path<(String, String)>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let kind = kind(&shelf).ok_or(Stop::NotFound)?;
    let entry = find(&shop, &visitor, kind.0, &id).await?;
    let form = Form {
        shelf: kind.1.to_owned(),
        name: entry.name.clone(),
        slug: entry.slug.clone(),
        parent: entry.parent.map(|parent| parent.to_string()).unwrap_or_default(),
    };
    entry_page(&shop, &visitor, kind, entry, (form, Faults::default()), StatusCode::OK).await
}

async fn entry_page(
    shop: &Shop,
    visitor: &Visitor,
    (shelf_kind, shelf, kind, one): Kind,
    entry: ShelfEntry,
    (form, faults): (Form, Faults),
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "staff").await;
    let places = if shelf_kind == Shelf::Categories {
        let tree = tree(shop, visitor).await?;
        // None is part of itself, nor of what is part of it.
        let mut inside = BTreeSet::from([entry.id]);
        let outside = tree.into_iter().filter(|other| {
            let is_inside = inside.contains(&other.id)
                || other.parent.is_some_and(|parent| inside.contains(&parent));
            if is_inside {
                inside.insert(other.id);
            }
            !is_inside
        });
        placed(outside.collect())
    } else {
        Vec::new()
    };
    private(status, &EntryPage { frame, shelf, kind, one, entry, places, form, faults })
}

/// Renames or moves it: what was not changed is left as it is.
pub async fn save(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path((shelf, id)): Path<(String, String)>,
    Sent(form): Sent<Form>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let kind = kind(&shelf).ok_or(Stop::NotFound)?;
    let entry = find(&shop, &visitor, kind.0, &id).await?;
    let parent = parent(&form)?;
    let (name, slug) = (form.name.trim(), form.slug.trim());
    let save = SaveShelfEntry {
        shelf: kind.0,
        id: Some(entry.id),
        name: (name != entry.name).then(|| name.to_owned()),
        slug: (slug != entry.slug).then(|| slug.to_owned()),
        parent: (kind.0 == Shelf::Categories && parent != entry.parent).then_some(parent),
    };
    match shop.ask(&visitor, save).await.refusal()? {
        Ok(_) => saved(kind.1, "shelf_saved"),
        Err(refused) => {
            let (faults, status) = says(refused)?;
            entry_page(&shop, &visitor, kind, entry, (form, faults), status).await
        }
    }
}

/// Takes it away.
pub async fn delete(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path((shelf, id)): Path<(String, String)>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let kind = kind(&shelf).ok_or(Stop::NotFound)?;
    let id: uuid::Uuid = id.parse().map_err(|_| Stop::NotFound)?;
    let gone = shop.ask(&visitor, DeleteShelfEntry { shelf: kind.0, id }).await;
    gone.or_stop(|refused| match refused {
        ShelfRefused::NotAllowed => Stop::Forbidden,
        _ => Stop::NotFound,
    })?;
    saved(kind.1, "shelf_removed")
}

/// Where a shopper finds what stands there.
fn shopfront(shelf: &str, slug: &str) -> String {
    match shelf {
        "categories" => format!("/c/{}", encoded(slug)),
        "authors" => format!("/search?author={}", encoded(slug)),
        _ => format!("/search?genre={}", encoded(slug)),
    }
}
