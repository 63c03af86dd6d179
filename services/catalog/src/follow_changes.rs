//! The search index follows the change log: what changed is read and handed to it, in the order
//! of the changes.
use crate::search::{Entry, Position};
use crate::store::{self, ChangeLog, Listed};
use crate::{Catalog, freshness};
use contracts::ProductId;
use contracts::catalog::ShelfEntry;
use kit::problem::Unexpected;
use kit::worker::Worked;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many products one commit of the index takes.
const MOST_INDEXED: u64 = 500;

/// Has the index follow the change log a step further.
pub async fn turn(catalog: &Catalog) -> Result<Worked, Unexpected> {
    let db = catalog.db.reader();
    let (epoch, last) = store::last_change(db).await?;
    freshness::follow(catalog, last).await?;
    let mut position = catalog.search.position().await?;
    let anew = position.epoch != epoch || position.last > last;
    if anew {
        position = Position::new(epoch.clone(), 0);
    }
    if position.last >= last && !anew {
        catalog.search.rest().await?;
        return Ok(Worked::Idle);
    }
    let changed = store::changed_after(db, position.last, MOST_INDEXED).await?;
    let ids: Vec<Uuid> = changed.iter().map(|(id, _)| *id).collect();
    // Before they are in the index: what it finds must not be shown as it was.
    ids.iter().for_each(|id| catalog.shown.drop_product(ProductId(*id)));
    let followed = changed.last().map_or(last, |(_, number)| *number);
    let entries = entries(catalog, store::load(db, &ids).await?).await?;
    catalog.search.follow(entries, Position::new(epoch, followed), anew).await?;
    catalog.shown.drop_pages();
    Ok(if followed < last { Worked::More } else { Worked::Idle })
}

/// Products with the numbers of their names and the categories above theirs.
async fn entries(catalog: &Catalog, listed: Vec<Listed>) -> Result<Vec<Entry>, Unexpected> {
    let products = || listed.iter().map(|listed| &listed.product);
    let stands: BTreeSet<Uuid> = products().flat_map(|p| &p.categories).map(|c| c.id.0).collect();
    let trails = store::category_trails(catalog.db.reader(), stands).await?;
    let mut named: BTreeSet<Uuid> = trails.values().flatten().map(|entry| entry.id).collect();
    named.extend(products().flat_map(|p| &p.authors).map(|author| author.id.0));
    named.extend(products().flat_map(|p| &p.genres).map(|genre| genre.id.0));
    let numbers = numbers(catalog, named).await?;
    Ok(listed.into_iter().map(|listed| entry(listed, &trails, &numbers)).collect())
}

/// The numbers of names; those that an older release made get theirs now.
async fn numbers(
    catalog: &Catalog,
    named: BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, u64>, Unexpected> {
    let numbers = store::numbers_of(catalog.db.reader(), &named).await?;
    if numbers.len() == named.len() {
        return Ok(numbers);
    }
    let numbered = catalog.waves.write((), |wave, ()| {
        Box::pin(async move {
            let _log = ChangeLog::lock(wave).await?;
            store::number_names(wave).await
        })
    });
    numbered.await.map_err(Unexpected::from_error)?;
    store::numbers_of(catalog.db.reader(), &named).await
}

fn entry(
    listed: Listed,
    trails: &BTreeMap<Uuid, Vec<ShelfEntry>>,
    numbers: &BTreeMap<Uuid, u64>,
) -> Entry {
    let number = |id: Uuid| numbers.get(&id).copied();
    let product = &listed.product;
    let trail = || product.categories.iter().filter_map(|c| trails.get(&c.id.0)).flatten();
    let own: BTreeSet<Uuid> = product.categories.iter().map(|category| category.id.0).collect();
    let above: BTreeMap<Uuid, &String> = trail()
        .filter(|entry| !own.contains(&entry.id))
        .map(|entry| (entry.id, &entry.name))
        .collect();
    let categories: BTreeSet<u64> = trail().filter_map(|entry| number(entry.id)).collect();
    Entry {
        authors: product.authors.iter().filter_map(|author| number(author.id.0)).collect(),
        genres: product.genres.iter().filter_map(|genre| number(genre.id.0)).collect(),
        categories: categories.into_iter().collect(),
        above: above.into_values().cloned().collect(),
        listed,
    }
}
