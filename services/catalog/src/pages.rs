//! Which products a question finds: from memory, or from the index and the database.
use crate::Catalog;
use crate::queries::{Filter, Order};
use crate::search::{Asked, Found};
use crate::shown::{NAMED, Page, Question};
use crate::store::{self, FoundName};
use contracts::Timestamp;
use kit::problem::Unexpected;
use std::sync::Arc;

const LONGEST_NAME: usize = 1_000;

/// What the question finds. Who asks the same at the same time waits for one answer.
/// # Errors
/// When the database or the index cannot be read.
pub async fn find(
    catalog: &Catalog,
    question: Question,
    now: Timestamp,
) -> Result<Arc<Page>, Unexpected> {
    if let Some(page) = catalog.shown.page(&question, now) {
        return Ok(page);
    }
    let _one_at_a_time = catalog.shown.queue(&question).lock().await;
    if let Some(page) = catalog.shown.page(&question, now) {
        return Ok(page);
    }
    let page = Arc::new(read(catalog, &question, now).await?);
    catalog.shown.keep_page(question, Arc::clone(&page));
    Ok(page)
}

async fn read(catalog: &Catalog, question: &Question, now: Timestamp) -> Result<Page, Unexpected> {
    let lists = catalog.shown.lists();
    let Some(names) = names(catalog, question).await? else {
        let spread = question.spread.then(Arc::default);
        return Ok(Page { ids: Box::default(), total: 0, looked_up: None, spread, at: now, lists });
    };
    let (min_price, max_price) = (question.min_price, question.max_price);
    let filter = Filter { names, min_price, max_price, in_stock: question.in_stock };
    let from_index = question.q.is_some() || question.spread;
    let Found { ids, total, spread } = if from_index {
        look_up(catalog, question, filter.clone()).await?
    } else {
        list(catalog, question, &filter, now, lists).await?
    };
    let looked_up = from_index.then_some(filter);
    Ok(Page { ids: ids.into(), total, looked_up, spread, at: now, lists })
}

/// Words and counts are looked up in the index.
async fn look_up(
    catalog: &Catalog,
    question: &Question,
    filter: Filter,
) -> Result<Found, Unexpected> {
    let asked = Asked {
        q: question.q.clone(),
        filter,
        order: question.order,
        offset: question.offset,
        limit: question.limit,
        spread: question.spread,
    };
    catalog.search.find(asked).await
}

/// A plain list comes from the database, and has a new product at once. How many match is
/// counted once for all pages and orders.
async fn list(
    catalog: &Catalog,
    question: &Question,
    filter: &Filter,
    now: Timestamp,
    lists: u64,
) -> Result<Found, Unexpected> {
    let db = catalog.db.reader();
    let (order, offset, limit) = (Order::Newest, 0, 0);
    let counting = Question { order, offset, limit, ..question.clone() };
    let total = match catalog.shown.page(&counting, now) {
        Some(counted) => counted.total,
        None => {
            let total = store::count(db, filter).await?;
            let ids = Box::default();
            let page = Page { ids, total, looked_up: None, spread: None, at: now, lists };
            catalog.shown.keep_page(counting, Arc::new(page));
            total
        }
    };
    let (order, offset, limit) = (question.order, question.offset, question.limit);
    let ids = match offset < total {
        true => store::list(db, filter, order, offset, limit).await?,
        false => Vec::new(),
    };
    Ok(Found { ids, total, spread: None })
}

/// The ids of what is filtered by; none when one of them does not exist.
async fn names(
    catalog: &Catalog,
    question: &Question,
) -> Result<Option<Vec<FoundName>>, Unexpected> {
    let mut found = Vec::new();
    for (shelf, text) in NAMED.into_iter().zip(&question.names) {
        let Some(text) = text else { continue };
        if text.len() > LONGEST_NAME {
            return Ok(None);
        }
        match store::find_name(catalog.db.reader(), shelf, text).await? {
            Some(name) => found.push(name),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}
