//! List new products. Hot for imports: many at once, in a handful of statements.
use crate::product::{Shelf, check_new, distinct, is_free_word, shelf_key, slug_of, suffixed};
use crate::store::{self, ChangeLog, Listed, Row};
use contracts::catalog::{CreateProduct, ProductChanged, ProductRefused};
use contracts::{Currency, Sku};
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The most products that one wave takes: each may have 150 names and 100 variants, and a
/// statement binds no more than 30,000 values.
pub const MOST_AT_ONCE: usize = 100;

/// Lists `commands` (at most [`MOST_AT_ONCE`]), whose prices are in `currency`. Each is answered
/// by itself; a SKU goes to the first that asks for it. Who may do that is asked before.
/// # Errors
/// When the database fails; then nothing is kept.
pub async fn create_products(
    wave: &mut Wave,
    currency: Currency,
    commands: &[CreateProduct],
) -> Result<Vec<Result<Listed, ProductRefused>>, Unexpected> {
    let mut log = ChangeLog::lock(wave).await?;
    let verdicts = judge(wave, currency, commands).await?;
    let accepted: Vec<&CreateProduct> = (commands.iter().zip(&verdicts))
        .filter_map(|(command, verdict)| verdict.is_ok().then_some(command))
        .collect();
    let rows = rows(wave, accepted).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    store::insert_products(wave, &mut log, rows).await?;
    log.close(wave).await?;
    let mut listed = store::load(wave.tx(), &ids).await?.into_iter();
    let mut answers = Vec::with_capacity(commands.len());
    for verdict in verdicts {
        answers.push(match verdict {
            Err(refused) => Err(refused),
            Ok(()) => {
                let listed = listed.next();
                let listed = listed.ok_or_else(|| Unexpected::new("a new product is not there"))?;
                tell(wave, &listed)?;
                Ok(listed)
            }
        });
    }
    Ok(answers)
}

/// Tells that the product is as it is now.
pub fn tell(wave: &mut Wave, listed: &Listed) -> Result<(), Unexpected> {
    let skus = listed.product.variants.iter().map(|variant| variant.sku.clone()).collect();
    wave.tell(listed.version, ProductChanged { product: listed.product.id, skus })
}

async fn judge(
    wave: &Wave,
    currency: Currency,
    commands: &[CreateProduct],
) -> Result<Vec<Result<(), ProductRefused>>, Unexpected> {
    let asked: BTreeSet<&Sku> =
        commands.iter().flat_map(|c| &c.variants).map(|variant| &variant.sku).collect();
    let mut taken = store::taken_skus(wave, asked).await?;
    let mut judge_one = |command: &CreateProduct| {
        check_new(command, currency)?;
        let skus = || command.variants.iter().map(|variant| &variant.sku);
        if let Some(sku) = skus().find(|sku| taken.contains(sku)) {
            return Err(ProductRefused::SkuTaken { sku: sku.clone() });
        }
        taken.extend(skus().cloned());
        Ok(())
    };
    Ok(commands.iter().map(&mut judge_one).collect())
}

async fn rows<'a>(
    wave: &Wave,
    accepted: Vec<&'a CreateProduct>,
) -> Result<Vec<Row<'a>>, Unexpected> {
    let slugs = accepted.iter().map(|new| slug_of(&new.title)).collect();
    let mut taken = store::taken_slugs(wave, slugs).await?;
    let wanted: BTreeMap<_, _> = accepted.iter().flat_map(|new| names_of(new)).collect();
    let ids = store::name_ids(wave, wanted).await?;
    let row = |new: &'a CreateProduct| {
        let (id, slug) = (wave.id::<Uuid>(), slug_of(&new.title));
        let free = is_free_word(&slug) && taken.insert(slug.clone());
        let slug = if free { slug } else { suffixed(&slug, id) };
        let names = names_of(new).into_iter().filter_map(|(key, _)| ids.get(&key).copied());
        Row { id, slug, new, names: names.collect() }
    };
    Ok(accepted.into_iter().map(row).collect())
}

type KeyedName = ((&'static str, String), String);

fn names_of(new: &CreateProduct) -> Vec<KeyedName> {
    let mut names = keyed(Shelf::Authors, &new.authors);
    names.extend(keyed(Shelf::Genres, &new.genres));
    names.extend(keyed(Shelf::Categories, &new.categories));
    names
}

/// The names of a shelf as they are looked up, with how they are written.
pub fn keyed(shelf: Shelf, names: &[String]) -> Vec<KeyedName> {
    let keyed = distinct(names).into_iter();
    keyed.map(|(key, name)| ((shelf_key(shelf), key), name)).collect()
}
