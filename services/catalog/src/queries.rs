//! Reads: one product, lists, prices. Each asks inventory once for the numbers of all it shows.
use crate::Catalog;
use crate::product::is_slug;
use crate::store::{self, Listed};
use contracts::catalog::{
    BestSellers, FindProducts, FindProductsRefused, GetProduct, ListShelf, NoSuchProduct, Priced,
    PricesOf, Product, ProductPage, Shelf, ShelfPage,
};
use contracts::inventory::AvailableOf;
use contracts::payments::GetWallet;
use contracts::{CallError, Caller, NoRefusal, ProductId, Sku};
use kit::problem::Unexpected;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// In which order products are listed.
pub use contracts::catalog::Sort as Order;

/// Which products are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// With all of these authors, genres and categories.
    pub names: Vec<Uuid>,
    /// The cheapest variant costs at least so many minor units.
    pub min_price: Option<i64>,
    /// The cheapest variant costs at most so many minor units.
    pub max_price: Option<i64>,
    /// Whether a variant can be ordered.
    pub in_stock: Option<bool>,
}

const MOST_ON_A_PAGE: u32 = 100;
const MOST_PRICES: usize = 1_000;
const LONGEST_NAME: usize = 1_000;

/// A read that failed by our fault: logged here, and nothing about it told.
fn not_done<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone("the catalogue could not be read".to_owned())
}

/// One product by id or slug.
pub async fn get_product(
    catalog: &Catalog,
    call: GetProduct,
) -> Result<Product, CallError<NoSuchProduct>> {
    let id = match Uuid::parse_str(&call.id_or_slug) {
        Ok(id) => Some(id),
        Err(_) if is_slug(&call.id_or_slug) => by_slug(catalog, call.id_or_slug).await?,
        Err(_) => None,
    };
    let listed = match id {
        Some(id) => listed(catalog, id).await.map_err(not_done)?,
        None => None,
    };
    let listed = listed.ok_or(CallError::Refused(NoSuchProduct))?;
    let shown = show(catalog, vec![(*listed).clone()]).await.pop();
    shown.ok_or(CallError::Refused(NoSuchProduct))
}

async fn by_slug(
    catalog: &Catalog,
    slug: String,
) -> Result<Option<Uuid>, CallError<NoSuchProduct>> {
    if let Some(id) = catalog.shown.id_of(&slug) {
        return Ok(Some(id));
    }
    let found = store::id_by_slug(catalog.db.reader(), &slug).await.map_err(not_done)?;
    if let Some(id) = found {
        catalog.shown.keep_slug(slug, id);
    }
    Ok(found)
}

/// A product as it is on the shelves, read at most a few seconds ago.
async fn listed(catalog: &Catalog, id: Uuid) -> Result<Option<Arc<Listed>>, Unexpected> {
    let now = catalog.sources.now();
    if let Some(listed) = catalog.shown.get(ProductId(id), now) {
        return Ok(Some(listed));
    }
    let before = catalog.shown.changes();
    let read = store::load(catalog.db.reader(), &[id]).await?.pop().map(Arc::new);
    let read = read.filter(|listed| !listed.withdrawn);
    if let Some(listed) = &read {
        catalog.shown.keep(Arc::clone(listed), now, before);
    }
    Ok(read)
}

/// Products with the numbers that inventory has now. If it is away, what it last said.
pub async fn show(catalog: &Catalog, listed: Vec<Listed>) -> Vec<Product> {
    let skus: Vec<Sku> =
        listed.iter().flat_map(|l| &l.product.variants).map(|v| v.sku.clone()).collect();
    if skus.is_empty() {
        return Vec::new();
    }
    let asked = catalog.calls.call(&Caller::Store, AvailableOf { skus }).await;
    let numbers: Option<BTreeMap<Sku, i64>> = match asked {
        Ok(numbers) => Some(numbers.into_iter().map(|n| (n.sku, n.available)).collect()),
        Err(error) => {
            tracing::warn!(%error, "inventory is away: showing what it last said");
            None
        }
    };
    let show = |mut listed: Listed| {
        for (variant, in_stock) in listed.product.variants.iter_mut().zip(&listed.in_stock) {
            variant.available = match &numbers {
                Some(numbers) => {
                    let number = numbers.get(&variant.sku).copied().unwrap_or(0).max(0);
                    catalog.shown.keep_number(&variant.sku, number);
                    number
                }
                None => catalog.shown.last_number(&variant.sku, *in_stock),
            };
        }
        listed.product.available = listed.product.variants.first().map_or(0, |v| v.available);
        listed.product
    };
    listed.into_iter().map(show).collect()
}

/// A page of the products that match, and how many do.
pub async fn find_products(
    catalog: &Catalog,
    caller: &Caller,
    call: FindProducts,
) -> Result<ProductPage, CallError<FindProductsRefused>> {
    let per_page = call.per_page.clamp(1, MOST_ON_A_PAGE);
    let page = call.page.max(1);
    let mut max_price = call.max_price;
    if call.affordable {
        let balance = balance(catalog, caller).await?;
        max_price = Some(max_price.map_or(balance, |most| most.min(balance)));
    }
    let empty = ProductPage { items: Vec::new(), page, per_page, total: 0 };
    let Some(names) = names(catalog, &call).await.map_err(not_done)? else { return Ok(empty) };
    let filter = Filter { names, min_price: call.min_price, max_price, in_stock: call.in_stock };
    let (offset, limit) = (u64::from(page - 1) * u64::from(per_page), u64::from(per_page));
    let (ids, total) = match call.q.filter(|q| !q.trim().is_empty()) {
        Some(q) => {
            let found = catalog.search.find(q, filter.clone(), call.sort, offset, limit).await;
            found.map_err(not_done)?
        }
        None => store::list(catalog.db.reader(), &filter, call.sort, offset, limit)
            .await
            .map_err(not_done)?,
    };
    let mut listed = store::load(catalog.db.reader(), &ids).await.map_err(not_done)?;
    // The index may be a moment behind the database.
    listed.retain(|listed| !listed.withdrawn && fits(&filter, &listed.product));
    Ok(ProductPage { items: show(catalog, listed).await, page, per_page, total })
}

fn fits(filter: &Filter, product: &Product) -> bool {
    let cheapest = product.variants.iter().map(|v| v.price.minor).min().unwrap_or(0);
    filter.min_price.is_none_or(|least| cheapest >= least)
        && filter.max_price.is_none_or(|most| cheapest <= most)
}

/// What the caller's wallet can pay, in minor units of the store's currency.
async fn balance(
    catalog: &Catalog,
    caller: &Caller,
) -> Result<i64, CallError<FindProductsRefused>> {
    if caller.account().is_none() {
        return Err(CallError::Refused(FindProductsRefused::NotLoggedIn));
    }
    match catalog.calls.call(caller, GetWallet).await {
        Ok(wallet) if wallet.balance.currency == catalog.currency => Ok(wallet.balance.minor),
        Ok(_) => Ok(0),
        Err(CallError::Refused(_)) => Err(CallError::Refused(FindProductsRefused::NotLoggedIn)),
        // A read: whatever became of it, it can be repeated.
        Err(CallError::NotDone(why) | CallError::Unknown(why)) => Err(CallError::NotDone(why)),
    }
}

/// The ids of what is filtered by; none when one of them does not exist.
async fn names(catalog: &Catalog, call: &FindProducts) -> Result<Option<Vec<Uuid>>, Unexpected> {
    let wanted = [
        (Shelf::Categories, &call.category),
        (Shelf::Authors, &call.author),
        (Shelf::Genres, &call.genre),
    ];
    let mut ids = Vec::new();
    for (shelf, text) in wanted {
        let Some(text) = text else { continue };
        if text.len() > LONGEST_NAME {
            return Ok(None);
        }
        match store::find_name(catalog.db.reader(), shelf, text).await? {
            Some(id) => ids.push(id),
            None => return Ok(None),
        }
    }
    Ok(Some(ids))
}

/// The products that sell best.
pub async fn best_sellers(
    catalog: &Catalog,
    call: BestSellers,
) -> Result<Vec<Product>, CallError<NoRefusal>> {
    let limit = u64::from(call.limit.clamp(1, MOST_ON_A_PAGE));
    let ids = store::best_sellers(catalog.db.reader(), limit).await.map_err(not_done)?;
    let listed = store::load(catalog.db.reader(), &ids).await.map_err(not_done)?;
    Ok(show(catalog, listed).await)
}

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

/// What SKUs cost now. Never from a cache: a checkout charges these.
pub async fn prices_of(
    catalog: &Catalog,
    mut call: PricesOf,
) -> Result<Vec<Priced>, CallError<NoRefusal>> {
    call.skus.sort();
    call.skus.dedup();
    if call.skus.len() > MOST_PRICES {
        return Err(CallError::NotDone(format!("at most {MOST_PRICES} SKUs at once")));
    }
    if call.skus.is_empty() {
        return Ok(Vec::new());
    }
    store::prices_of(catalog.db.reader(), &call.skus).await.map_err(not_done)
}
