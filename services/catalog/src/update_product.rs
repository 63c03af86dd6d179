//! Change what is given of a product.
use crate::create_products::keyed;
use crate::product::{Shelf, check_change};
use crate::store::{self, ChangeLog, Listed, SlugOf};
use contracts::caller::Permission;
use contracts::catalog::{ProductChanged, ProductRefused, UpdateProduct};
use contracts::{Caller, Currency, Sku};
use kit::problem::Unexpected;
use kit::wave::Wave;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Changes the product. A price is the new one for whoever asks next.
/// # Errors
/// When the database fails.
pub async fn update_product(
    wave: &mut Wave,
    caller: &Caller,
    currency: Currency,
    command: &UpdateProduct,
) -> Result<Result<Listed, ProductRefused>, Unexpected> {
    if !caller.may(Permission::ManageCatalog) {
        return Ok(Err(ProductRefused::NotAllowed));
    }
    if let Err(refused) = check_change(command, currency) {
        return Ok(Err(refused));
    }
    let mut log = ChangeLog::lock(wave).await?;
    let id = command.product.0;
    let Some((version, mut prices)) = store::locked_product(wave, id).await? else {
        return Ok(Err(ProductRefused::NotFound));
    };
    if let Some(slug) = &command.slug {
        let owner = store::slug_owner(wave.tx(), SlugOf::Products, slug).await?;
        if owner.is_some_and(|owner| owner != id) {
            return Ok(Err(ProductRefused::SlugTaken));
        }
    }
    for (sku, price) in &command.prices {
        match prices.get_mut(sku) {
            Some(minor) => *minor = price.minor,
            None => return Ok(Err(not_of_it(sku))),
        }
    }
    let mut told: BTreeSet<Sku> = prices.keys().cloned().collect();
    if let Some(variants) = &command.variants {
        if let Some(sku) = store::sku_of_another(wave, id, variants).await? {
            return Ok(Err(ProductRefused::SkuTaken { sku }));
        }
        prices = variants.iter().map(|new| (new.sku.clone(), new.price.minor)).collect();
        told.extend(prices.keys().cloned());
    }
    let min_price = prices.values().copied().min().unwrap_or(0);
    if let Some(names) = names_after(wave, command).await? {
        store::replace_names(wave, id, names).await?;
    }
    if let Some(variants) = &command.variants {
        store::replace_variants(wave, &mut log, id, variants).await?;
    }
    if let Some(slug) = &command.slug {
        store::rename_product(wave, id, slug).await?;
    }
    store::update_product(wave, &mut log, id, version + 1, Some((command, min_price))).await?;
    log.close(wave).await?;
    let listed = store::load(wave.tx(), &[id]).await?.pop();
    let listed = listed.ok_or_else(|| Unexpected::new("a changed product is not there"))?;
    // Whoever knows a SKU that is sold no more hears of it too.
    let skus = told.into_iter().collect();
    wave.tell(listed.version, ProductChanged { product: command.product, skus })?;
    Ok(Ok(listed))
}

fn not_of_it(sku: &Sku) -> ProductRefused {
    let reason = "is no SKU of this product".to_owned();
    ProductRefused::Invalid { field: format!("prices.{sku}"), reason }
}

/// All names of the product after the change; none when it leaves them as they are.
async fn names_after(
    wave: &Wave,
    command: &UpdateProduct,
) -> Result<Option<Vec<Uuid>>, Unexpected> {
    let given = [
        (Shelf::Authors, &command.authors),
        (Shelf::Genres, &command.genres),
        (Shelf::Categories, &command.categories),
    ];
    if given.iter().all(|(_, names)| names.is_none()) {
        return Ok(None);
    }
    let before = store::load(wave.tx(), &[command.product.0]).await?.pop();
    let before = before.ok_or_else(|| Unexpected::new("a locked product is not there"))?.product;
    let kept = |shelf| -> Vec<Uuid> {
        match shelf {
            Shelf::Authors => before.authors.iter().map(|named| named.id.0).collect(),
            Shelf::Genres => before.genres.iter().map(|named| named.id.0).collect(),
            Shelf::Categories => before.categories.iter().map(|named| named.id.0).collect(),
        }
    };
    let wanted: Vec<_> = given
        .iter()
        .map(|(shelf, names)| (*shelf, names.as_ref().map(|names| keyed(*shelf, names))))
        .collect();
    let new: BTreeMap<_, _> =
        wanted.iter().filter_map(|(_, names)| names.clone()).flatten().collect();
    let ids = store::name_ids(wave, new).await?;
    let mut after = Vec::new();
    for (shelf, names) in wanted {
        match names {
            None => after.extend(kept(shelf)),
            Some(names) => after.extend(names.iter().filter_map(|(key, _)| ids.get(key).copied())),
        }
    }
    Ok(Some(after))
}
