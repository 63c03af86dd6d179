//! The routes of the shop's terms and of what they say about a delivery.
use super::answers::{quote_refused, shop_refused};
use super::header_text;
use crate::{Orders, quote_cart, shop, terms, update_shop};
use axum::extract::State;
use contracts::caller::Permission;
use contracts::cart::CartToken;
use contracts::orders::{
    GetShop, LegalPage, Offer, QuoteCart, ShippingMethod, ShippingRate, Shop, ShopTerms, TaxRate,
    UpdateShop,
};
use contracts::{Currency, Money, Timestamp};
use http::HeaderMap;
use kit::auth::{Asker, require};
use kit::input::{Body, Json, Query};
use kit::problem::{FieldError, HttpResult, OrProblem as _, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What the shop's terms become, whole. What `GET` answers can be changed and sent back as it is:
/// `version` then refuses to overwrite what somebody else changed meanwhile, `currency` has to be
/// the shop's, and `changed_at` says nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "name": "Libros del Sol", "address": ["Calle Mayor 1", "28013 Madrid"], "vat_id": "ESX1234567X",
    "email": "hola@librosdelsol.example", "countries": ["ES", "PT"],
    "pages": [{"slug": "privacy", "title": "Privacy", "text": "We keep what we need."}],
    "shipping": [{"method": "standard", "price": 500, "free_above": 5000}],
    "prices_include_tax": true,
    "tax": [{"country": "ES", "basis_points": 2100},
            {"country": "ES", "category": "books", "basis_points": 400}],
    "version": 3
})))]
pub(super) struct ShopBody {
    /// What it is called: 1 to 100 characters.
    name: String,
    /// Who stands behind it and where, a line each: at most 8 of 200 characters.
    #[serde(default)]
    address: Vec<String>,
    /// Its VAT identification number, at most 30 characters.
    #[serde(default)]
    vat_id: Option<String>,
    /// Where shoppers write to.
    #[serde(default)]
    email: Option<String>,
    /// Where shoppers call; at most 30 characters.
    #[serde(default)]
    phone: Option<String>,
    /// The countries that it delivers to (ISO 3166-1 alpha-2); none: everywhere.
    #[serde(default)]
    countries: Vec<String>,
    /// At most 20 pages.
    #[serde(default)]
    pages: Vec<LegalPage>,
    /// What shipping costs; without any rate nothing can be ordered. At most 250.
    shipping: Vec<ShippingRate>,
    /// Whether prices include the tax.
    #[serde(default)]
    prices_include_tax: bool,
    /// Which tax is due; at most 250 rates.
    #[serde(default)]
    tax: Vec<TaxRate>,
    /// The version that was seen; without it, whatever is there is changed.
    #[serde(default)]
    version: Option<i64>,
    /// What prices are in: it never changes.
    #[serde(default)]
    currency: Option<Currency>,
    /// Not looked at.
    #[serde(default)]
    #[expect(dead_code, reason = "what GET answers can be sent back")]
    changed_at: Option<Timestamp>,
}

impl ShopBody {
    fn terms(self) -> ShopTerms {
        ShopTerms {
            name: self.name,
            address: self.address,
            vat_id: self.vat_id,
            email: self.email,
            phone: self.phone,
            countries: self.countries,
            pages: self.pages,
            shipping: self.shipping,
            prices_include_tax: self.prices_include_tax,
            tax: self.tax,
        }
    }
}

/// What the shop is called and the terms on which it sells
#[utoipa::path(
    get, path = "/v1/shop", tag = "orders",
    responses((status = 200, description = "the terms of now", body = Shop,
        example = json!({
            "name": "Libros del Sol", "address": ["Calle Mayor 1", "28013 Madrid"],
            "vat_id": "ESX1234567X", "email": "hola@librosdelsol.example", "phone": null,
            "countries": ["ES", "PT"], "pages": [],
            "shipping": [{"method": "standard", "country": null, "price": 500, "free_above": 5000}],
            "prices_include_tax": true,
            "tax": [{"country": "ES", "category": null, "basis_points": 2100}],
            "currency": "EUR", "version": 3, "changed_at": "2026-01-31T12:00:00.000000Z"
        }))),
    security((), ("bearer" = [])),
)]
pub(super) async fn get_shop(State(orders): State<Arc<Orders>>) -> HttpResult<Json<Shop>> {
    shop::get_shop(&orders, GetShop).await.or_problem(|never| match never {}).map(Json)
}

/// Change the shop's terms, whole (admins)
///
/// Every version is kept: receipts show what the shop was called when they were paid. Terms that
/// are so already stay as they are.
#[utoipa::path(
    put, path = "/v1/shop", tag = "orders", request_body = ShopBody,
    responses(
        (status = 200, description = "the terms of now", body = Shop),
        (status = 400, description = "`invalid_input`, naming the fields", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 409, description = "`shop_changed`: `version` is not the one of now", body = Problem,
            example = json!({
                "type": "urn:feria:problem:shop_changed", "title": "Shop changed", "status": 409,
                "code": "shop_changed", "detail": "The terms were changed meanwhile.", "version": 4
            })),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn put_shop(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    body: Body<ShopBody>,
) -> HttpResult<Json<Shop>> {
    require(&caller, Permission::ManageShop)?;
    let body = body.parse()?;
    let (version, currency) = (body.version, body.currency);
    let terms = body.terms();
    let mut faults = terms::faults(&terms);
    let other = |currency| currency != orders.config.currency;
    if currency.is_some_and(other) {
        let reason = format!("is {} and cannot be changed", orders.config.currency);
        faults.push(("currency".to_owned(), reason));
    }
    if !faults.is_empty() {
        let error = |(field, reason)| FieldError::new(field, reason);
        return Err(Problem::invalid(faults.into_iter().map(error).collect()));
    }
    let changed = update_shop::update_shop(&orders, &caller, UpdateShop { terms, version }).await;
    changed.or_problem(shop_refused).map(Json)
}

/// To where.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CountryQuery {
    /// ISO 3166-1 alpha-2, such as GB.
    country: String,
}

/// A way in which the shop delivers to a country.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OfferedShipping {
    /// Which way.
    method: ShippingMethod,
    /// What it costs.
    price: Money,
    /// From which subtotal on it costs nothing.
    free_above: Option<Money>,
}

/// The ways in which the shop delivers to a country
///
/// None where it does not.
#[utoipa::path(
    get, path = "/v1/shipping-methods", tag = "orders", params(CountryQuery),
    responses(
        (status = 200, description = "the ways, and what they cost", body = Vec<OfferedShipping>,
            example = json!([{
                "method": "standard", "price": {"amount": 499, "currency": "USD"},
                "free_above": {"amount": 5000, "currency": "USD"}
            }])),
        (status = 400, description = "`invalid_input`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
pub(super) async fn shipping_methods(
    State(orders): State<Arc<Orders>>,
    Query(query): Query<CountryQuery>,
) -> HttpResult<Json<Vec<OfferedShipping>>> {
    if let Some((field, reason)) = quote_cart::country_fault(&query.country) {
        return Err(Problem::invalid_field(field, reason));
    }
    let shop = shop::current(&orders).await?;
    let money = |minor| Money::new(minor, shop.currency);
    let offered = |rate: &ShippingRate| OfferedShipping {
        method: rate.method,
        price: money(rate.price),
        free_above: rate.free_above.map(money),
    };
    Ok(Json(quote_cart::ways(&shop, &query.country).into_iter().map(offered).collect()))
}

/// Where the cart would go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"country": "GB"})))]
pub(super) struct QuoteBody {
    /// ISO 3166-1 alpha-2, such as GB.
    country: String,
}

/// What the cart would cost, delivered to a country
///
/// An offer for each way of shipping, with the prices, the shipping and the tax of now. Nothing is
/// held: the checkout reckons again.
#[utoipa::path(
    post, path = "/v1/checkout/quote", tag = "orders", request_body = QuoteBody,
    params(("Cart-Token" = Option<String>, Header, description = "a guest's cart")),
    responses(
        (status = 200, description = "the offers, at least one", body = Vec<Offer>,
            example = json!([{
                "method": "standard",
                "subtotal": {"amount": 3998, "currency": "USD"},
                "shipping": {"amount": 499, "currency": "USD"},
                "tax": {"amount": 0, "currency": "USD"},
                "tax_included": {"amount": 718, "currency": "USD"},
                "discount": {"amount": 0, "currency": "USD"},
                "total": {"amount": 4497, "currency": "USD"}
            }])),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 409, description = "`cart_empty`, `not_delivered`, `not_sold`, `total`", body = Problem,
            example = json!({
                "type": "urn:feria:problem:not_delivered", "title": "Not delivered", "status": 409,
                "code": "not_delivered", "detail": "The shop does not deliver to AQ.", "country": "AQ"
            })),
        (status = 503, description = "`unavailable`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
pub(super) async fn quote(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    headers: HeaderMap,
    body: Body<QuoteBody>,
) -> HttpResult<Json<Vec<Offer>>> {
    let QuoteBody { country } = body.parse()?;
    let of = CartToken { token: header_text(&headers, "Cart-Token") };
    let offers = quote_cart::quote_cart(&orders, &caller, QuoteCart { of, country }).await;
    offers.or_problem(quote_refused).map(Json)
}
