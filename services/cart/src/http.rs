//! The public routes. A guest's cart is named by the `Cart-Token` header.
use crate::add_item::add_item;
use crate::cart::Change;
use crate::{Carts, queries};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::cart::{AddItem, Cart, CartAnswer, CartRefused, CartToken};
use contracts::{NoRefusal, Quantity, Sku};
use http::{HeaderMap, HeaderValue, StatusCode};
use kit::auth::Asker;
use kit::input::{Json, Path};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const CART_TOKEN: &str = "Cart-Token";

pub(crate) fn routes(carts: Arc<Carts>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(get_cart, clear_cart))
        .routes(routes!(add))
        .routes(routes!(change_item, remove_item))
        .with_state(carts)
}

/// What to put into the cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"sku": "BOOK-0042", "quantity": 2})))]
pub struct NewItem {
    /// Which SKU.
    sku: Sku,
    /// How many more.
    quantity: Quantity,
}

/// How many there are to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"quantity": 3})))]
pub struct ItemChange {
    /// How many in all.
    quantity: Quantity,
}

/// A token that is no text names no cart.
fn token(headers: &HeaderMap) -> CartToken {
    let token = headers.get(CART_TOKEN).and_then(|value| value.to_str().ok());
    CartToken { token: token.map(|token| token.trim().to_owned()) }
}

/// The cart, with the token of a guest's new one in the header.
fn answer(status: StatusCode, answer: CartAnswer) -> Response {
    let mut response = (status, Json(answer.cart)).into_response();
    let token = answer.token.and_then(|token| HeaderValue::from_str(&token).ok());
    if let Some(token) = token {
        response.headers_mut().insert(CART_TOKEN, token);
    }
    response
}

/// Show the cart, with the prices of now.
///
/// A guest's cart is named by `Cart-Token`. With a login and a live token, the guest's cart is
/// merged into the account's, once, and the token is void. What is no longer sold leaves the
/// cart and is named in `unavailable`, once.
#[utoipa::path(
    get,
    path = "/v1/cart",
    tag = "cart",
    params(("Cart-Token" = Option<String>, Header, description = "As it was answered.")),
    responses(
        (status = 200, description = "The cart; an empty one for whoever has none.", body = Cart,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "items": [{"sku": "BOOK-0042", "title": "The Analytical Engine",
                    "slug": "the-analytical-engine", "image": "/covers/the-analytical-engine.svg",
                    "quantity": 2, "unit_price": {"amount": 1999, "currency": "USD"},
                    "line_total": {"amount": 3998, "currency": "USD"}}],
                "subtotal": {"amount": 3998, "currency": "USD"},
                "total": {"amount": 3998, "currency": "USD"},
                "version": 1, "unavailable": []
            })),
    ),
    security((), ("bearer" = [])),
)]
async fn get_cart(
    State(carts): State<Arc<Carts>>,
    Asker(caller): Asker,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let cart = queries::get_cart::<NoRefusal>(&carts, &caller, &token(&headers)).await;
    Ok(answer(StatusCode::OK, cart.or_problem(|never| match never {})?))
}

/// Empty the cart.
#[utoipa::path(
    delete,
    path = "/v1/cart",
    tag = "cart",
    params(("Cart-Token" = Option<String>, Header, description = "As it was answered.")),
    responses((status = 204, description = "It is empty, whether or not it was before.")),
    security((), ("bearer" = [])),
)]
async fn clear_cart(
    State(carts): State<Arc<Carts>>,
    Asker(caller): Asker,
    headers: HeaderMap,
) -> HttpResult<StatusCode> {
    carts.change(&caller, &token(&headers), Change::Clear).await.or_problem(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put more of a SKU into the cart.
///
/// Lines of one SKU are one. A guest without a cart gets one, and its `Cart-Token`.
#[utoipa::path(
    post,
    path = "/v1/cart/items",
    tag = "cart",
    params(("Cart-Token" = Option<String>, Header, description = "As it was answered.")),
    request_body = NewItem,
    responses(
        (status = 200, description = "More of what was in it.", body = Cart),
        (status = 201, description = "A new line.", body = Cart,
            headers(("Cart-Token" = String, description = "Names a guest's new cart."))),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_sold`: the store does not sell it; `too_much`: more \
            than a cart can hold.", body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("bearer" = [])),
)]
async fn add(
    State(carts): State<Arc<Carts>>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Json(item): Json<NewItem>,
) -> HttpResult<Response> {
    let call = AddItem { of: token(&headers), sku: item.sku, quantity: item.quantity };
    let added = add_item(&carts, &caller, call).await.or_problem(problem)?;
    let status = if added.new_line { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer(status, added.answer))
}

/// Say how many of a SKU are in the cart.
#[utoipa::path(
    patch,
    path = "/v1/cart/items/{sku}",
    tag = "cart",
    params(
        ("sku" = Sku, Path, description = "The SKU; `/` in it is written `%2F`."),
        ("Cart-Token" = Option<String>, Header, description = "As it was answered."),
    ),
    request_body = ItemChange,
    responses(
        (status = 200, description = "The cart as it is now.", body = Cart),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_in_cart`: it has no such line.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security((), ("bearer" = [])),
)]
async fn change_item(
    State(carts): State<Arc<Carts>>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Path(sku): Path<Sku>,
    Json(item): Json<ItemChange>,
) -> HttpResult<Response> {
    let changed = carts.change(&caller, &token(&headers), Change::Set(sku, item.quantity)).await;
    Ok(answer(StatusCode::OK, changed.or_problem(problem)?))
}

/// Take a SKU out of the cart.
///
/// Taking out what is not in it changes nothing.
#[utoipa::path(
    delete,
    path = "/v1/cart/items/{sku}",
    tag = "cart",
    params(
        ("sku" = Sku, Path, description = "The SKU; `/` in it is written `%2F`."),
        ("Cart-Token" = Option<String>, Header, description = "As it was answered."),
    ),
    responses(
        (status = 200, description = "The cart as it is now.", body = Cart),
        (status = 404, description = "That is no SKU.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security((), ("bearer" = [])),
)]
async fn remove_item(
    State(carts): State<Arc<Carts>>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Path(sku): Path<Sku>,
) -> HttpResult<Response> {
    let changed = carts.change(&caller, &token(&headers), Change::Remove(sku)).await;
    Ok(answer(StatusCode::OK, changed.or_problem(problem)?))
}

fn problem(refused: CartRefused) -> Problem {
    let detail = refused.to_string();
    match refused {
        CartRefused::NotSold { sku } => Problem::conflict("not_sold", detail).with("sku", sku),
        CartRefused::NotInCart { sku } => {
            Problem::new(StatusCode::NOT_FOUND, "not_in_cart", detail).with("sku", sku)
        }
        CartRefused::TooMuch { .. } => Problem::conflict("too_much", detail),
    }
}
