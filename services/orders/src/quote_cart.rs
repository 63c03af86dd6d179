//! What the caller's cart would cost, delivered to a country: an offer for each way of shipping.
use crate::checkout::{lines_of, merged, prices_of};
use crate::quote::{QuoteError, Way, quote};
use crate::{Orders, queries::fault, shop, terms};
use contracts::cart::CartContents;
use contracts::orders::{Offer, QuoteCart, QuoteRefused, ShippingMethod, ShippingRate, Shop};
use contracts::{CallError, Caller, Sku};
use kit::calls::Answer;

/// Every way of shipping, in the order in which they are offered.
pub const METHODS: [ShippingMethod; 3] =
    [ShippingMethod::Standard, ShippingMethod::Express, ShippingMethod::Pickup];

/// The offers for the caller's cart, with the prices of now. Nothing is held or kept.
pub async fn quote_cart(orders: &Orders, caller: &Caller, call: QuoteCart) -> Answer<QuoteCart> {
    let QuoteCart { of, country } = call;
    let refused = |refused| Err(CallError::Refused(refused));
    if let Some((field, reason)) = country_fault(&country) {
        return refused(QuoteRefused::Invalid { field, reason });
    }
    let contents = orders
        .calls
        .call(caller, CartContents { of, lately: false })
        .await
        .map_err(CallError::never_refused)?;
    if contents.lines.is_empty() {
        return refused(QuoteRefused::CartEmpty);
    }
    let total = |reason: String| CallError::Refused(QuoteRefused::Total { reason });
    let lines = merged(&contents.lines).map_err(total)?;
    let shop = shop::current(orders).await.map_err(fault)?;
    if !terms::serves(&shop.terms, &country) {
        return refused(QuoteRefused::NotDelivered { country });
    }
    let categories = terms::names_categories(&shop.terms);
    let priced = prices_of(orders, &lines, categories).await.map_err(CallError::never_refused)?;
    let missing = lines.iter().filter(|line| !priced.contains_key(&line.sku));
    let skus: Vec<Sku> = missing.map(|line| line.sku.clone()).collect();
    if !skus.is_empty() {
        return refused(QuoteRefused::NotSold { skus });
    }
    let lines = lines_of(&lines, &priced);
    let mut offers: Vec<Offer> = Vec::with_capacity(METHODS.len());
    for method in METHODS {
        let way = Way { country: &country, method };
        match quote(&shop.terms, way, &lines, shop.currency) {
            Ok(quote) => offers.push(quote.offer(method)),
            Err(QuoteError::NotDelivered) => {}
            Err(error) => return Err(total(error.to_string())),
        }
    }
    if offers.is_empty() {
        return refused(QuoteRefused::NotDelivered { country });
    }
    Ok(offers)
}

/// What is wrong with a country's code, if something is.
pub fn country_fault(country: &str) -> Option<(String, String)> {
    let reason = || terms::COUNTRY.to_owned();
    (!terms::is_country(country)).then(|| ("country".to_owned(), reason()))
}

/// The ways in which the shop delivers to `country`, and what stands for them.
pub fn ways<'a>(shop: &'a Shop, country: &str) -> Vec<&'a ShippingRate> {
    let rate = |method| terms::shipping_rate(&shop.terms, method, country);
    METHODS.into_iter().filter_map(rate).collect()
}
