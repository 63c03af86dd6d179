//! Reads: one product, lists, prices. Each asks inventory once for the numbers of all it shows.
mod shelves;

pub use shelves::{category_tree, get_shelf_entry, list_shelf};

use crate::product::is_slug;
use crate::ready::Ready;
use crate::search::Spread;
use crate::shown::{FacetName, Page, Question, Shown, Written};
use crate::store::{self, FoundName, Listed, SlugOf};
use crate::{Catalog, freshness, pages};
use bytes::Bytes;
use contracts::catalog::{
    BestSellers, FacetCount, Facets, FindProducts, FindProductsRefused, GetProduct, NoSuchProduct,
    Priced, PricesOf, Product, ProductPage,
};
use contracts::inventory::AvailableOf;
use contracts::payments::GetWallet;
use contracts::{CallError, Caller, NoRefusal, ProductId, Sku, Timestamp};
use kit::problem::Unexpected;
use std::collections::BTreeMap;
use std::io::Write as _;
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
    let found = find(catalog, &call.id_or_slug).await.map_err(not_done)?;
    let ready = found.ok_or(CallError::Refused(NoSuchProduct))?;
    let numbers = numbers(catalog, std::slice::from_ref(&ready)).await;
    ready.product(&numbers).map_err(not_done)
}

/// The product on the shelves that an id or a slug names.
pub async fn find(catalog: &Catalog, id_or_slug: &str) -> Result<Option<Arc<Ready>>, Unexpected> {
    let now = catalog.sources.now();
    freshness::look(catalog, now).await;
    let id = match Uuid::parse_str(id_or_slug) {
        Ok(id) => Some(id),
        Err(_) if is_slug(id_or_slug) => by_slug(catalog, id_or_slug).await?,
        Err(_) => None,
    };
    let Some(id) = id else { return Ok(None) };
    Ok(ready(catalog, &[id], now).await?.pop())
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

/// The products `ids` that are on the shelves, in that order. Those that are not in memory are
/// read together.
async fn ready(
    catalog: &Catalog,
    ids: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Arc<Ready>>, Unexpected> {
    let shown = &catalog.shown;
    let mut found: Vec<Option<Arc<Ready>>> =
        ids.iter().map(|id| shown.get(ProductId(*id), now)).collect();
    let lacking = ids.iter().zip(&found).filter(|(_, found)| found.is_none());
    let lacking: Vec<Uuid> = lacking.map(|(id, _)| *id).collect();
    if !lacking.is_empty() {
        let before = shown.changes();
        let mut read: BTreeMap<Uuid, Arc<Ready>> = BTreeMap::new();
        for listed in store::load(catalog.db.reader(), &lacking).await? {
            if !listed.withdrawn {
                let ready = Arc::new(Ready::of(&listed, now)?);
                shown.keep(Arc::clone(&ready), before);
                read.insert(ready.id.0, ready);
            }
        }
        for (place, id) in found.iter_mut().zip(ids) {
            if place.is_none() {
                *place = read.get(id).cloned();
            }
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// How many can be ordered of each variant of each of `items`, one after the other, as inventory
/// says. If it is away, what it last said.
pub async fn numbers(catalog: &Catalog, items: &[Arc<Ready>]) -> Vec<i64> {
    let skus: Vec<Sku> = items.iter().flat_map(|ready| ready.skus.iter().cloned()).collect();
    if skus.is_empty() {
        return Vec::new();
    }
    let known = match catalog.calls.call(&Caller::Store, AvailableOf { skus }).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, "inventory is away: showing what it last said");
            return last_numbers(catalog, items).await;
        }
    };
    // In the order in which they were asked for, but for those that are unknown there.
    let mut known = known.into_iter().peekable();
    let mut numbers = Vec::with_capacity(known.len());
    for ready in items {
        for (variant, sku) in ready.skus.iter().enumerate() {
            let said = known.next_if(|said| said.sku == *sku);
            let number = said.map_or(0, |said| said.available.max(0));
            if ready.tell(variant, number) {
                catalog.shown.keep_number(sku, number);
            }
            numbers.push(number);
        }
    }
    numbers
}

/// What inventory last said. Whether a variant can be ordered is read from the database, as what
/// is ready may be older than that.
async fn last_numbers(catalog: &Catalog, items: &[Arc<Ready>]) -> Vec<i64> {
    let skus = || items.iter().flat_map(|ready| ready.skus.iter());
    let flags = store::flags(catalog.db.reader(), skus()).await.unwrap_or_else(|error| {
        error.log();
        BTreeMap::new()
    });
    let flag = |sku: &Sku| flags.get(sku.as_str()).copied().unwrap_or(false);
    skus().map(|sku| catalog.shown.last_number(sku, flag(sku))).collect()
}

/// A product that was changed a moment ago, with the numbers of inventory.
pub async fn show(catalog: &Catalog, listed: &Listed) -> Result<Product, Unexpected> {
    let ready = Arc::new(Ready::of(listed, catalog.sources.now())?);
    let numbers = numbers(catalog, std::slice::from_ref(&ready)).await;
    ready.product(&numbers)
}

/// A page of products that are ready, with what has to be written around them.
pub struct ReadyPage {
    found: Arc<Page>,
    items: Vec<Arc<Ready>>,
    numbers: Vec<i64>,
    page: u32,
    per_page: u32,
    total: u64,
    facets: Option<Facets>,
}

impl ReadyPage {
    /// Each product with the numbers of its variants.
    fn each(&self) -> impl Iterator<Item = (&Ready, &[i64])> {
        let mut rest = &self.numbers[..];
        self.items.iter().map(move |ready| {
            let (own, behind) = rest.split_at_checked(ready.skus.len()).unwrap_or((rest, &[]));
            rest = behind;
            (&**ready, own)
        })
    }
    /// The members `items`, as the public API writes them.
    fn write_items(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"items\":[");
        for (place, (ready, numbers)) in self.each().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            ready.write(numbers, out);
        }
        out.push(b']');
    }
    /// The page as the public API writes it: as it was last written, where it shows the same.
    /// # Errors
    /// Never: all of it is JSON.
    pub fn text(self, shown: &Shown) -> Result<Bytes, Unexpected> {
        if let Some(text) = shown.text(&self.found, &self.items, &self.numbers) {
            return Ok(text);
        }
        let text = Bytes::from(self.write()?);
        let Self { found: page, items, numbers, .. } = self;
        shown.keep_text(Written { page, items, numbers, text: text.clone() });
        Ok(text)
    }
    fn write(&self) -> Result<Vec<u8>, Unexpected> {
        let mut out = Vec::with_capacity(64 + self.items.len() * 1_500);
        self.write_items(&mut out);
        let Self { page, per_page, total, .. } = self;
        // Writing to memory cannot fail.
        let _ = write!(out, ",\"page\":{page},\"per_page\":{per_page},\"total\":{total}");
        if let Some(facets) = &self.facets {
            out.extend_from_slice(b",\"facets\":");
            serde_json::to_writer(&mut out, facets)?;
        }
        out.push(b'}');
        Ok(out)
    }
    /// The products alone, as the public API writes a list without pages.
    pub fn write_list(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.items.len() * 1_500);
        self.write_items(&mut out);
        out.push(b'}');
        out
    }
    fn products(&self) -> Result<Vec<Product>, Unexpected> {
        self.each().map(|(ready, numbers)| ready.product(numbers)).collect()
    }
}

/// A page of the products that match, and how many do.
pub async fn find_products(
    catalog: &Catalog,
    caller: &Caller,
    call: FindProducts,
) -> Result<ProductPage, CallError<FindProductsRefused>> {
    let found = find_page(catalog, caller, call).await?;
    let items = found.products().map_err(not_done)?;
    let ReadyPage { page, per_page, total, facets, .. } = found;
    Ok(ProductPage { items, page, per_page, total, facets })
}

/// A page of the products that match, ready to be written.
pub async fn find_page(
    catalog: &Catalog,
    caller: &Caller,
    call: FindProducts,
) -> Result<ReadyPage, CallError<FindProductsRefused>> {
    let per_page = call.per_page.clamp(1, MOST_ON_A_PAGE);
    let page = call.page.max(1);
    let mut max_price = call.max_price;
    if call.affordable {
        let balance = balance(catalog, caller).await?;
        max_price = Some(max_price.map_or(balance, |most| most.min(balance)));
    }
    let q = call.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
    let question = Question {
        // Where nothing is searched for, what matches best is what is newest.
        order: if q.is_none() && call.sort == Order::Relevance { Order::Newest } else { call.sort },
        q,
        names: [call.category, call.author, call.genre],
        min_price: call.min_price,
        max_price,
        in_stock: call.in_stock,
        offset: u64::from(page - 1) * u64::from(per_page),
        limit: u64::from(per_page),
        spread: call.facets,
    };
    let found = fill_page(catalog, question).await.map_err(not_done)?;
    Ok(ReadyPage { page, per_page, ..found })
}

async fn fill_page(catalog: &Catalog, question: Question) -> Result<ReadyPage, Unexpected> {
    let now = catalog.sources.now();
    freshness::look(catalog, now).await;
    let found = pages::find(catalog, question, now).await?;
    let mut items = ready(catalog, &found.ids, now).await?;
    if let Some(filter) = &found.looked_up {
        // The index may be a moment behind the database.
        items.retain(|ready| fits(filter, ready));
    }
    let facets = match &found.spread {
        Some(spread) => Some(facets_of(catalog, spread).await?),
        None => None,
    };
    let numbers = numbers(catalog, &items).await;
    let total = found.total;
    Ok(ReadyPage { found, items, numbers, page: 1, per_page: 0, total, facets })
}

/// Counts with the names that people know.
async fn facets_of(catalog: &Catalog, spread: &Spread) -> Result<Facets, Unexpected> {
    let counted = [&spread.categories, &spread.authors, &spread.genres];
    let names = names(catalog, counted.into_iter().flatten().map(|(number, _)| *number)).await?;
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

/// What numbers of the index are called.
async fn names(
    catalog: &Catalog,
    numbers: impl Iterator<Item = i64>,
) -> Result<BTreeMap<i64, Arc<FacetName>>, Unexpected> {
    let (mut names, mut lacking) = (BTreeMap::new(), Vec::new());
    for number in numbers {
        match catalog.shown.name(number) {
            Some(name) => drop(names.insert(number, name)),
            None => lacking.push(number),
        }
    }
    if !lacking.is_empty() {
        let lists = catalog.shown.lists();
        for (number, entry) in store::numbered(catalog.db.reader(), lacking).await? {
            let name = Arc::new(FacetName { slug: entry.slug, name: entry.name });
            catalog.shown.keep_name(number, Arc::clone(&name), lists);
            names.insert(number, name);
        }
    }
    Ok(names)
}

fn fits(filter: &Filter, ready: &Ready) -> bool {
    filter.min_price.is_none_or(|least| ready.cheapest >= least)
        && filter.max_price.is_none_or(|most| ready.cheapest <= most)
        && filter.in_stock.is_none_or(|flag| flag == ready.in_stock)
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

/// The products that sell best.
pub async fn best_sellers(
    catalog: &Catalog,
    call: BestSellers,
) -> Result<Vec<Product>, CallError<NoRefusal>> {
    best_page(catalog, call).await?.products().map_err(not_done)
}

/// The products that sell best, ready to be written: the first page of the list in that order.
pub async fn best_page(
    catalog: &Catalog,
    call: BestSellers,
) -> Result<ReadyPage, CallError<NoRefusal>> {
    let limit = u64::from(call.limit.clamp(1, MOST_ON_A_PAGE));
    let question = Question { order: Order::Best, limit, ..Default::default() };
    fill_page(catalog, question).await.map_err(not_done)
}

/// What SKUs cost now: a checkout charges these. Memory answers only after it has followed all
/// that was committed before the question, so that it says what the database says.
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
    freshness::catch_up(catalog).await?;
    let (db, shown) = (catalog.db.reader(), &catalog.shown);
    let mut priced: Vec<Priced> = call.skus.iter().filter_map(|sku| shown.price(sku)).collect();
    if priced.len() < call.skus.len() {
        let known = |sku: &Sku| priced.binary_search_by(|priced| priced.sku.cmp(sku)).is_ok();
        let lacking: Vec<Sku> = call.skus.iter().filter(|sku| !known(sku)).cloned().collect();
        let before = shown.changes();
        for read in store::prices_of(db, &lacking).await? {
            shown.keep_price(read.clone(), before);
            priced.push(read);
        }
        priced.sort_unstable_by(|a, b| a.sku.cmp(&b.sku));
    }
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
