//! Products as files carry them, a page at a time: imported into an empty store they come out
//! of it the same.
use crate::store::Listed;
use crate::{Catalog, queries, store};
use contracts::catalog::{
    ExportProducts, ExportedPage, NewVariant, ProductRecord, ShelfEntry, Variant,
};
use contracts::{CallError, NoRefusal, ProductId};
use kit::problem::Unexpected;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most products on a page.
const MOST_ON_A_PAGE: u32 = 500;

/// A page of all products that are listed.
pub async fn export_products(
    catalog: &Catalog,
    call: ExportProducts,
) -> Result<ExportedPage, CallError<NoRefusal>> {
    page(catalog, call).await.map_err(queries::not_done)
}

async fn page(catalog: &Catalog, call: ExportProducts) -> Result<ExportedPage, Unexpected> {
    let (db, limit) = (catalog.db.reader(), call.limit.clamp(1, MOST_ON_A_PAGE));
    let mut ids = store::listed_page(db, call.after, u64::from(limit) + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let last = ids.len() <= most;
    ids.truncate(most);
    let mut stars = store::imported_stars(db, &ids).await?;
    let listed = store::load(db, &ids).await?;
    let categories = listed.iter().flat_map(|l| &l.product.categories).map(|named| named.id.0);
    let trails = store::category_trails(db, categories).await?;
    let record = |listed: Listed| {
        let id = listed.product.id;
        (id, record(listed, stars.remove(&id).flatten(), &trails))
    };
    let records: Vec<(ProductId, ProductRecord)> = listed.into_iter().map(record).collect();
    Ok(ExportedPage { records, last })
}

fn record(
    listed: Listed,
    stars: Option<[u64; 5]>,
    trails: &BTreeMap<Uuid, Vec<ShelfEntry>>,
) -> ProductRecord {
    let product = listed.product;
    let path = |id: Uuid| -> Option<Vec<String>> {
        Some(trails.get(&id)?.iter().map(|entry| entry.name.clone()).collect())
    };
    let variant = |variant: Variant| NewVariant {
        sku: variant.sku,
        options: variant.options,
        price: variant.price,
    };
    ProductRecord {
        slug: Some(product.slug),
        title: product.title,
        description: product.description,
        images: product.images,
        authors: product.authors.into_iter().map(|named| named.name).collect(),
        genres: product.genres.into_iter().map(|named| named.name).collect(),
        categories: product.categories.iter().filter_map(|named| path(named.id.0)).collect(),
        attributes: product.attributes,
        variants: product.variants.into_iter().map(variant).collect(),
        stars,
        created_at: Some(product.created_at),
    }
}
