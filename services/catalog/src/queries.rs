//! Reads: one product, lists, prices. Each asks inventory once for the numbers of all it shows.
mod shelves;

pub use shelves::{category_tree, get_shelf_entry, list_shelf};

use crate::Catalog;
use crate::product::is_slug;
use crate::search::{Asked, Found, Spread};
use crate::store::{self, FoundName, Listed, SlugOf};
use contracts::catalog::{
    BestSellers, FacetCount, Facets, FindProducts, FindProductsRefused, GetProduct, NoSuchProduct,
    Priced, PricesOf, Product, ProductPage, Shelf,
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
    pub names: Vec<FoundName>,
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
pub fn not_done<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone("the catalogue could not be read".to_owned())
}

/// One product by id or slug.
pub async fn get_product(
    catalog: &Catalog,
    call: GetProduct,
) -> Result<Product, CallError<NoSuchProduct>> {
    let listed = find(catalog, &call.id_or_slug).await.map_err(not_done)?;
    let listed = listed.ok_or(CallError::Refused(NoSuchProduct))?;
    let shown = show(catalog, vec![(*listed).clone()]).await.pop();
    shown.ok_or(CallError::Refused(NoSuchProduct))
}

/// The product on the shelves that an id or a slug names.
pub async fn find(catalog: &Catalog, id_or_slug: &str) -> Result<Option<Arc<Listed>>, Unexpected> {
    let id = match Uuid::parse_str(id_or_slug) {
        Ok(id) => Some(id),
        Err(_) if is_slug(id_or_slug) => by_slug(catalog, id_or_slug).await?,
        Err(_) => None,
    };
    match id {
        Some(id) => listed(catalog, id).await,
        None => Ok(None),
    }
}

async fn by_slug(catalog: &Catalog, slug: &str) -> Result<Option<Uuid>, Unexpected> {
    if let Some(id) = catalog.shown.id_of(slug) {
        return Ok(Some(id));
    }
    let found = store::slug_owner(catalog.db.reader(), SlugOf::Products, slug).await?;
    if let Some(id) = found {
        catalog.shown.keep_slug(slug.to_owned(), id);
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
    let names = names(catalog, &call).await.map_err(not_done)?;
    let facets = call.facets.then(Facets::default);
    let Some(names) = names else {
        return Ok(ProductPage { items: Vec::new(), page, per_page, total: 0, facets });
    };
    let asked = Asked {
        q: call.q.filter(|q| !q.trim().is_empty()),
        filter: Filter { names, min_price: call.min_price, max_price, in_stock: call.in_stock },
        order: call.sort,
        offset: u64::from(page - 1) * u64::from(per_page),
        limit: u64::from(per_page),
        spread: call.facets,
    };
    let filter = asked.filter.clone();
    let found = found(catalog, asked).await.map_err(not_done)?;
    let mut listed = store::load(catalog.db.reader(), &found.ids).await.map_err(not_done)?;
    // The index may be a moment behind the database.
    listed.retain(|listed| !listed.withdrawn && fits(&filter, listed));
    let facets = match found.spread {
        Some(spread) => Some(facets_of(catalog, &spread).await.map_err(not_done)?),
        None => None,
    };
    let items = show(catalog, listed).await;
    Ok(ProductPage { items, page, per_page, total: found.total, facets })
}

/// Words and counts are looked up in the index. A plain list comes from the database, and has a
/// new product at once.
async fn found(catalog: &Catalog, asked: Asked) -> Result<Found, Unexpected> {
    if asked.q.is_some() || asked.spread {
        return catalog.search.find(asked).await;
    }
    let Asked { filter, order, offset, limit, .. } = asked;
    let (ids, total) = store::list(catalog.db.reader(), &filter, order, offset, limit).await?;
    Ok(Found { ids, total, spread: None })
}

/// Counts with the names that people know.
async fn facets_of(catalog: &Catalog, spread: &Spread) -> Result<Facets, Unexpected> {
    let counted = [&spread.categories, &spread.authors, &spread.genres];
    let numbers = counted.into_iter().flatten().map(|(number, _)| *number);
    let names = store::numbered(catalog.db.reader(), numbers).await?;
    let named = |counts: &Vec<(i64, u64)>| -> Vec<FacetCount> {
        let named = counts.iter().filter_map(|(number, count)| {
            let entry = names.get(number)?;
            Some(FacetCount { slug: entry.slug.clone(), name: entry.name.clone(), count: *count })
        });
        let mut named: Vec<FacetCount> = named.collect();
        named.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        named
    };
    let [categories, authors, genres] = counted.map(named);
    let (prices, in_stock) = (spread.prices.clone(), spread.in_stock);
    Ok(Facets { categories, authors, genres, prices, in_stock })
}

fn fits(filter: &Filter, listed: &Listed) -> bool {
    let cheapest = listed.product.variants.iter().map(|v| v.price.minor).min().unwrap_or(0);
    let in_stock = listed.in_stock.iter().any(|flag| *flag);
    filter.min_price.is_none_or(|least| cheapest >= least)
        && filter.max_price.is_none_or(|most| cheapest <= most)
        && filter.in_stock.is_none_or(|flag| flag == in_stock)
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
async fn names(
    catalog: &Catalog,
    call: &FindProducts,
) -> Result<Option<Vec<FoundName>>, Unexpected> {
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
            Some(found) => ids.push(found),
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
    priced(catalog, &call).await.map_err(not_done)
}

async fn priced(catalog: &Catalog, call: &PricesOf) -> Result<Vec<Priced>, Unexpected> {
    let db = catalog.db.reader();
    let mut priced = store::prices_of(db, &call.skus).await?;
    if call.categories && !priced.is_empty() {
        let products = priced.iter().map(|priced| priced.product.0).collect();
        let slugs = store::category_slugs(db, products).await?;
        for priced in &mut priced {
            let slugs = slugs.get(&priced.product.0).into_iter().flatten();
            priced.categories = slugs.cloned().collect();
        }
    }
    Ok(priced)
}
