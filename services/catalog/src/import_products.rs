//! Bring the catalogue to what records say: many at once, in a handful of statements whatever
//! their number, and each decided by itself.
//!
//! A record is about the product that any of its SKUs belongs to, or about a new one. It says
//! how the product is as a whole; only a slug, stars and a time that it leaves out stay as they
//! are. A SKU stays with its product for ever, so that a record which names SKUs of two products
//! is rejected. So is one that names a SKU of a product that was withdrawn: what staff took off
//! the shelves is not put back by the next delivery of a supplier's file. A variant that was
//! withdrawn is sold again when a record lists it. Records of one call are decided in their
//! order, and a later one sees what the former did.
use crate::create_products::keyed;
use crate::product::{Shelf, check_new, check_paths, is_free_word, is_slug, slug_of, suffixed};
use crate::review::{MOST_STARS, Stars};
use crate::store::{self, ChangeLog, Kept, KeptVariant, Known, Owner, RecordChange};
use contracts::catalog::{CreateProduct, ImportProducts, Imported, ProductChanged, ProductRecord};
use contracts::{Currency, ProductId, Sku, Timestamp};
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The most records of one call.
pub const MOST_RECORDS: usize = 500;
/// The most names that one look-up takes.
const MOST_NAMES: usize = 5_000;

/// A record, and the product that it is about.
struct Accepted<'a> {
    record: &'a ProductRecord,
    stars: Option<Stars>,
    product: Uuid,
    is_new: bool,
}

/// Imports what each command brings; the store sells in `currency`. Who may do that is asked
/// before.
/// # Errors
/// When the database fails; then nothing is kept.
pub async fn import_products(
    wave: &mut Wave,
    currency: Currency,
    commands: &[ImportProducts],
) -> Result<Vec<Vec<Imported>>, Unexpected> {
    let mut answers = Vec::with_capacity(commands.len());
    for command in commands {
        answers.push(import(wave, currency, &command.records).await?);
    }
    Ok(answers)
}

async fn import(
    wave: &mut Wave,
    currency: Currency,
    records: &[ProductRecord],
) -> Result<Vec<Imported>, Unexpected> {
    let mut log = ChangeLog::lock(wave).await?;
    let accepted = accept(wave, currency, records).await?;
    let listed: BTreeSet<Uuid> = (accepted.iter().flatten())
        .filter(|accepted| !accepted.is_new)
        .map(|accepted| accepted.product)
        .collect();
    let known = store::known_products(wave, &listed).await?;
    let names = Names::of(wave, accepted.iter().flatten().map(|a| a.record)).await?;
    let mut slugs = Slugs::of(wave, accepted.iter().flatten(), &known).await?;
    let mut after: BTreeMap<Uuid, Kept> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(records.len());
    for accepted in accepted {
        outcomes.push(match accepted {
            Err(reason) => Imported::Rejected { reason },
            Ok(accepted) => {
                let before = after.get(&accepted.product);
                let before = before.or_else(|| known.get(&accepted.product).map(|k| &k.kept));
                let kept = kept(&accepted, before, &names, &mut slugs, wave.now())?;
                let outcome = match before {
                    None => Imported::Created,
                    Some(before) if *before == kept => Imported::Unchanged,
                    Some(_) => Imported::Updated,
                };
                after.insert(accepted.product, kept);
                outcome
            }
        });
    }
    write(wave, &mut log, &known, &after).await?;
    if log.has_changes() {
        log.close(wave).await?;
    }
    Ok(outcomes)
}

/// Writes what differs, and tells of it.
async fn write(
    wave: &mut Wave,
    log: &mut ChangeLog,
    known: &BTreeMap<Uuid, Known>,
    after: &BTreeMap<Uuid, Kept>,
) -> Result<(), Unexpected> {
    let (mut new, mut changes, mut news) = (Vec::new(), Vec::new(), Vec::new());
    for (&id, after) in after {
        let skus = |kept: &Kept| kept.variants.iter().map(|v| v.sku.clone()).collect();
        let mut told: BTreeSet<Sku> = skus(after);
        let version = match known.get(&id) {
            None => {
                new.push((id, after));
                1
            }
            Some(before) if before.kept == *after => continue,
            Some(before) => {
                // Whoever knows a SKU that is sold no more hears of it too.
                told.extend(skus(&before.kept));
                changes.push(RecordChange { id, before, after });
                before.version + 1
            }
        };
        let skus = told.into_iter().collect();
        news.push((version, ProductChanged { product: ProductId(id), skus }));
    }
    if !new.is_empty() {
        store::insert_kept(wave, log, new).await?;
    }
    if !changes.is_empty() {
        store::update_kept(wave, log, &changes).await?;
    }
    for (version, changed) in news {
        wave.tell(version, changed)?;
    }
    Ok(())
}

/// The stars that a sound record brings, or what is wrong with it.
type Checked = Result<Option<Stars>, String>;

/// Which records can be imported, and which products they are about.
async fn accept<'a>(
    wave: &Wave,
    currency: Currency,
    records: &'a [ProductRecord],
) -> Result<Vec<Result<Accepted<'a>, String>>, Unexpected> {
    let checked: Vec<Checked> = records.iter().map(|record| check(record, currency)).collect();
    let sound = records.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
    let skus: BTreeSet<&Sku> =
        sound.flat_map(|(record, _)| &record.variants).map(|variant| &variant.sku).collect();
    let mut owners = store::owners_of(wave, &skus).await?;
    // Ids in the order of the records: an export lists them as they came.
    let mut ids: Vec<Uuid> = records.iter().map(|_| wave.id()).collect();
    ids.sort_unstable();
    let accept_one = |((record, checked), id): ((&'a ProductRecord, Checked), Uuid)| {
        let stars = checked?;
        let owner = owner(record, &owners)?;
        let product = owner.map_or(id, |owner| owner.product);
        let owned = Owner { product, withdrawn: false };
        owners.extend(record.variants.iter().map(|variant| (variant.sku.clone(), owned)));
        Ok(Accepted { record, stars, product, is_new: owner.is_none() })
    };
    Ok(records.iter().zip(checked).zip(ids).map(accept_one).collect())
}

/// Looks at a record by itself.
fn check(record: &ProductRecord, currency: Currency) -> Checked {
    let as_new = CreateProduct {
        title: record.title.clone(),
        description: record.description.clone(),
        images: record.images.clone(),
        authors: record.authors.clone(),
        genres: record.genres.clone(),
        categories: Vec::new(),
        attributes: record.attributes.clone(),
        variants: record.variants.clone(),
    };
    check_new(&as_new, currency).map_err(|refused| refused.to_string())?;
    check_paths(&record.categories).map_err(|refused| refused.to_string())?;
    if record.slug.as_ref().is_some_and(|slug| !is_slug(slug)) {
        return Err("slug must be 1 to 109 of a-z, 0-9 and -".to_owned());
    }
    if record.created_at.is_some_and(|at| at.to_string().parse() != Ok(at)) {
        return Err("created_at is no time".to_owned());
    }
    match record.stars.map(Stars::imported) {
        Some(None) => Err(format!("stars must be at most {MOST_STARS} each")),
        stars => Ok(stars.flatten()),
    }
}

/// Whose the SKUs of a record are; none where they are nobody's.
fn owner(record: &ProductRecord, owners: &BTreeMap<Sku, Owner>) -> Result<Option<Owner>, String> {
    let mut found: Option<(&Sku, Owner)> = None;
    for sku in record.variants.iter().map(|variant| &variant.sku) {
        let Some(owner) = owners.get(sku) else { continue };
        if owner.withdrawn {
            return Err(format!("SKU {sku} belongs to a product that was withdrawn"));
        }
        match found {
            Some((other, first)) if first.product != owner.product => {
                return Err(format!("SKUs {other} and {sku} belong to two products"));
            }
            _ => found = Some((sku, *owner)),
        }
    }
    Ok(found.map(|(_, owner)| owner))
}

/// How a product is once the record was imported.
fn kept(
    accepted: &Accepted<'_>,
    before: Option<&Kept>,
    names: &Names,
    slugs: &mut Slugs,
    now: Timestamp,
) -> Result<Kept, Unexpected> {
    let Accepted { record, stars, product, .. } = accepted;
    let variants: Result<Vec<_>, _> = record.variants.iter().map(KeptVariant::of).collect();
    let listed_at = before.map_or(now.micros(), |before| before.created_at);
    Ok(Kept {
        slug: match before {
            None => slugs.take(record, *product),
            Some(before) => slugs.change(record, *product, &before.slug),
        },
        title: record.title.clone(),
        description: record.description.clone(),
        images: serde_json::to_string(&record.images)?,
        attributes: serde_json::to_string(&record.attributes)?,
        names: names.ids(record),
        variants: variants?,
        imported: stars.or(before.map(|before| before.imported)).unwrap_or_default(),
        created_at: record.created_at.map_or(listed_at, Timestamp::micros),
    })
}

/// The authors, genres and categories of all records of a call.
struct Names {
    by_key: BTreeMap<(&'static str, String), Uuid>,
    by_path: BTreeMap<Vec<String>, Uuid>,
}

impl Names {
    /// Finds them, and makes those that are missing.
    async fn of<'a>(
        wave: &Wave,
        records: impl Iterator<Item = &'a ProductRecord> + Clone,
    ) -> Result<Self, Unexpected> {
        let mut wanted: BTreeMap<_, _> = BTreeMap::new();
        // The first spelling of a name stays.
        for (key, written) in records.clone().flat_map(keys) {
            wanted.entry(key).or_insert(written);
        }
        let mut by_key = BTreeMap::new();
        while !wanted.is_empty() {
            let rest = wanted.keys().nth(MOST_NAMES).cloned();
            let rest = rest.map(|key| wanted.split_off(&key)).unwrap_or_default();
            by_key.extend(store::name_ids(wave, std::mem::replace(&mut wanted, rest)).await?);
        }
        let mut by_path = BTreeMap::new();
        let (mut paths, mut count) = (BTreeSet::new(), 0);
        for path in records.flat_map(|record| &record.categories) {
            if by_path.contains_key(path) || !paths.insert(path.clone()) {
                continue;
            }
            count += path.len();
            if count > MOST_NAMES {
                by_path.extend(store::category_paths(wave, &std::mem::take(&mut paths)).await?);
                count = 0;
            }
        }
        if !paths.is_empty() {
            by_path.extend(store::category_paths(wave, &paths).await?);
        }
        Ok(Self { by_key, by_path })
    }
    /// Those of a record, each once.
    fn ids(&self, record: &ProductRecord) -> Vec<Uuid> {
        let keys = keys(record).into_iter();
        let named = keys.filter_map(|(key, _)| self.by_key.get(&key).copied());
        let paths = record.categories.iter();
        let placed = paths.filter_map(|path| self.by_path.get(path).copied());
        let mut seen = BTreeSet::new();
        named.chain(placed).filter(|id| seen.insert(*id)).collect()
    }
}

fn keys(record: &ProductRecord) -> Vec<((&'static str, String), String)> {
    let mut keys = keyed(Shelf::Authors, &record.authors);
    keys.extend(keyed(Shelf::Genres, &record.genres));
    keys
}

/// Whose the slugs are that the records of a call could take.
struct Slugs {
    owners: BTreeMap<String, Uuid>,
}

impl Slugs {
    async fn of<'a>(
        wave: &Wave,
        accepted: impl Iterator<Item = &'a Accepted<'a>>,
        known: &BTreeMap<Uuid, Known>,
    ) -> Result<Self, Unexpected> {
        let mut asked = BTreeSet::new();
        for Accepted { record, product, .. } in accepted {
            match known.get(product) {
                None => asked.extend(candidates(record, *product)),
                Some(known) => {
                    asked.extend(record.slug.clone().filter(|slug| *slug != known.kept.slug));
                }
            }
        }
        Ok(Self { owners: store::slug_owners(wave, &asked).await? })
    }
    /// The slug of a new product: the one that the record asks for, or what comes nearest.
    fn take(&mut self, record: &ProductRecord, product: Uuid) -> String {
        let [first, second, last] = candidates(record, product);
        let free = |slug: &String| is_free_word(slug) && !self.owners.contains_key(slug);
        let slug = [first, second].into_iter().find(free).unwrap_or(last);
        self.owners.insert(slug.clone(), product);
        slug
    }
    /// The slug of a listed product: the one that the record asks for if nobody else has or had
    /// it, else its own.
    fn change(&mut self, record: &ProductRecord, product: Uuid, own: &str) -> String {
        let wanted = record.slug.as_ref().filter(|wanted| *wanted != own && is_free_word(wanted));
        match wanted {
            Some(wanted) if self.owners.get(wanted).is_none_or(|owner| *owner == product) => {
                self.owners.insert(wanted.clone(), product);
                wanted.clone()
            }
            _ => own.to_owned(),
        }
    }
}

/// What a new product may be called in addresses, the best first. Of a million books of one
/// title some share the end of their ids; nobody shares a whole one.
fn candidates(record: &ProductRecord, product: Uuid) -> [String; 3] {
    let wanted = record.slug.clone().unwrap_or_else(|| slug_of(&record.title));
    let base: String = wanted.chars().take(70).collect();
    let base = base.trim_end_matches('-');
    let (second, last) = (suffixed(base, product), format!("{base}-{}", product.simple()));
    [wanted, second, last]
}
