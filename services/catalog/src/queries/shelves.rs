//! Reads of categories, authors and genres.
use super::{MOST_ON_A_PAGE, not_done};
use crate::Catalog;
use crate::product::{Shelf, is_slug};
use crate::shelf::tree;
use crate::store::{self, SlugOf};
use contracts::catalog::{
    GetShelfEntry, ListShelf, ShelfEntry, ShelfEntryDetail, ShelfPage, ShelfRefused,
};
use contracts::{CallError, NoRefusal};
use kit::problem::Unexpected;
use uuid::Uuid;

/// A page of categories, authors or genres.
pub async fn list_shelf(
    catalog: &Catalog,
    call: ListShelf,
) -> Result<ShelfPage, CallError<NoRefusal>> {
    let per_page = call.per_page.clamp(1, MOST_ON_A_PAGE);
    let page = call.page.max(1);
    let (offset, limit) = (u64::from(page - 1) * u64::from(per_page), u64::from(per_page));
    let listed = store::list_names(catalog.db.reader(), call.shelf, offset, limit).await;
    let (items, total) = listed.map_err(not_done)?;
    Ok(ShelfPage { items, page, per_page, total })
}

/// All categories: parents before their children, siblings by name.
pub async fn category_tree(catalog: &Catalog) -> Result<Vec<ShelfEntry>, CallError<NoRefusal>> {
    Ok(tree(store::all_categories(catalog.db.reader()).await.map_err(not_done)?))
}

/// A category, an author or a genre, by id, slug or old slug.
pub async fn get_shelf_entry(
    catalog: &Catalog,
    call: GetShelfEntry,
) -> Result<ShelfEntryDetail, CallError<ShelfRefused>> {
    let found = detail(catalog, call.shelf, &call.id_or_slug).await.map_err(not_done)?;
    found.ok_or(CallError::Refused(ShelfRefused::NotFound))
}

async fn detail(
    catalog: &Catalog,
    shelf: Shelf,
    id_or_slug: &str,
) -> Result<Option<ShelfEntryDetail>, Unexpected> {
    let db = catalog.db.reader();
    let id = match Uuid::parse_str(id_or_slug) {
        Ok(id) => Some(id),
        Err(_) if is_slug(id_or_slug) => {
            store::slug_owner(db, SlugOf::Shelf(shelf), id_or_slug).await?
        }
        Err(_) => None,
    };
    let Some(id) = id else { return Ok(None) };
    let Some((entry, _)) = store::shelf_entry(db, shelf, id).await? else { return Ok(None) };
    let (mut path, mut children) = (Vec::new(), Vec::new());
    if shelf == Shelf::Categories {
        path = store::category_trails(db, [id]).await?.remove(&id).unwrap_or_default();
        path.retain(|above| above.id != id);
        children = store::children_of(db, id).await?;
    }
    Ok(Some(ShelfEntryDetail { entry, path, children }))
}
