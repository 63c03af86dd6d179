//! The public routes: browsing for everybody, changes for staff.
mod authors;
mod categories;
mod genres;
mod reviews;
mod shelves;
pub(crate) mod wire;

use crate::{Catalog, queries};
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use contracts::caller::Permission;
use contracts::catalog::{
    BestSellers, FindProductsRefused, GetProduct, PricesOf, ProductRefused, UpdateProduct,
    WithdrawProduct,
};
use contracts::{Money, NoRefusal, ProductId};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use kit::auth::{Asker, require};
use kit::input::{Body, Json, Path, Query};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::{
    BestSellersList, FindQuery, LimitQuery, NewProduct, PriceList, PricesQuestion, Product,
    ProductChange, ProductPage,
};

pub(crate) fn routes(catalog: Arc<Catalog>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(find_products, create_product))
        .routes(routes!(best_sellers))
        .routes(routes!(prices_of))
        .routes(routes!(get_product, update_product, withdraw_product))
        .merge(authors::routes())
        .merge(genres::routes())
        .merge(categories::routes())
        .merge(reviews::routes())
        .with_state(catalog)
}

/// Search and filter the catalogue.
///
/// Every word of `q` must be in a product. `affordable=true` compares the cheapest variant's
/// price with the balance of the caller's wallet.
#[utoipa::path(
    get,
    path = "/v1/products",
    tag = "catalog",
    params(FindQuery),
    responses(
        (status = 200, description = "One page of what matches.", body = ProductPage),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "`login_required`: `affordable` needs a login.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security((), ("bearer" = [])),
)]
async fn find_products(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    Query(query): Query<FindQuery>,
) -> HttpResult<Response> {
    let page = queries::find_page(&catalog, &caller, query.call()?).await;
    let page = page.or_problem(|FindProductsRefused::NotLoggedIn| Problem::unauthorized())?;
    Ok(json(page.text(&catalog.shown)?))
}

/// List the products that sell best.
#[utoipa::path(
    get,
    path = "/v1/products/best-sellers",
    tag = "catalog",
    params(LimitQuery),
    responses(
        (status = 200, description = "Best first.", body = BestSellersList),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn best_sellers(
    State(catalog): State<Arc<Catalog>>,
    Query(query): Query<LimitQuery>,
) -> HttpResult<Response> {
    let best = queries::best_page(&catalog, BestSellers { limit: query.limit.get() }).await;
    Ok(json(best.or_problem(never)?.write_list()))
}

/// Show a product by id or slug.
///
/// An old slug leads to the new one.
#[utoipa::path(
    get,
    path = "/v1/products/{product}",
    tag = "catalog",
    params(("product" = String, Path, description = "The product's id or slug.")),
    responses(
        (status = 200, description = "The product.", body = Product),
        (status = 308, description = "The slug was changed.",
            headers(("location" = String, description = "The product's new path."))),
        (status = 404, description = "There is none, or no longer.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn get_product(
    State(catalog): State<Arc<Catalog>>,
    Path(id_or_slug): Path<String>,
) -> HttpResult<Response> {
    let found = queries::find(&catalog, &id_or_slug).await;
    let found = found.map_err(queries::not_done::<NoRefusal>).or_problem(never)?;
    let ready = found.ok_or_else(Problem::not_found)?;
    if ready.slug() != id_or_slug && uuid::Uuid::parse_str(&id_or_slug).is_err() {
        let now = format!("/v1/products/{}", ready.slug());
        return Ok(Redirect::permanent(&now).into_response());
    }
    let numbers = queries::numbers(&catalog, std::slice::from_ref(&ready)).await;
    let mut text = Vec::new();
    ready.write(&numbers, &mut text);
    Ok(json(text))
}

/// List a new product (staff).
///
/// Authors, genres and categories are given by name; new ones are made. Give `sku` and `price`
/// for a product of one variant, or `variants`.
#[utoipa::path(
    post,
    path = "/v1/products",
    tag = "catalog",
    request_body = NewProduct,
    responses(
        (status = 201, description = "Listed; the search finds it within a second.",
            body = Product),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may change the catalogue.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`sku_taken`: the SKU belongs to a product already.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn create_product(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    body: Body<NewProduct>,
) -> HttpResult<(StatusCode, Json<Product>)> {
    require(&caller, Permission::ManageCatalog)?;
    let new = body.parse()?;
    let is_bare = new.is_bare();
    let created =
        catalog.create(&caller, new.call()?).await.or_problem(|refused| match refused {
            ProductRefused::Invalid { field, reason } if is_bare => {
                let own = field.strip_prefix("variants[0].").unwrap_or(&field);
                Problem::invalid_field(own, reason)
            }
            other => problem(other),
        })?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// Change a product (staff).
///
/// What is not given stays as it is. New prices hold for every checkout from now on.
#[utoipa::path(
    patch,
    path = "/v1/products/{product}",
    tag = "catalog",
    params(("product" = String, Path, description = "The product's id.")),
    request_body = ProductChange,
    responses(
        (status = 200, description = "The product as it is now.", body = Product),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may change the catalogue.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is none, or no longer.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`slug_taken` or `sku_taken`: another product has it.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn update_product(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    product: HttpResult<Path<ProductId>>,
    body: Body<ProductChange>,
) -> HttpResult<Json<Product>> {
    require(&caller, Permission::ManageCatalog)?;
    let Path(product) = product?;
    let change = body.parse()?;
    let (price, mut call) = change_call(product, change);
    if let Some(price) = price {
        if call.variants.is_some() {
            return Err(Problem::invalid_field("price", "must not stand beside variants"));
        }
        let now = GetProduct { id_or_slug: product.to_string() };
        let now = queries::get_product(&catalog, now).await.or_problem(|_| Problem::not_found())?;
        if call.prices.insert(now.sku, price).is_some() {
            return Err(Problem::invalid_field("price", "is given in prices as well"));
        }
    }
    Ok(Json(catalog.update(&caller, call).await.or_problem(problem)?.into()))
}

fn change_call(product: ProductId, change: ProductChange) -> (Option<Money>, UpdateProduct) {
    let call = UpdateProduct {
        product,
        title: change.title,
        description: change.description,
        images: change.images,
        authors: change.authors,
        genres: change.genres,
        categories: change.categories,
        attributes: change.attributes,
        prices: change.prices,
        variants: change.variants,
        slug: change.slug,
    };
    (change.price, call)
}

/// Take a product off the shelves (staff).
///
/// It can no longer be found or ordered. Its SKUs stay its own.
#[utoipa::path(
    delete,
    path = "/v1/products/{product}",
    tag = "catalog",
    params(("product" = String, Path, description = "The product's id.")),
    responses(
        (status = 204, description = "Withdrawn."),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may change the catalogue.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is none, or no longer.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn withdraw_product(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    product: HttpResult<Path<ProductId>>,
) -> HttpResult<StatusCode> {
    require(&caller, Permission::ManageCatalog)?;
    let Path(product) = product?;
    catalog.withdraw(&caller, WithdrawProduct { product }).await.or_problem(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what SKUs cost right now.
#[utoipa::path(
    post,
    path = "/v1/products/prices",
    tag = "catalog",
    request_body = PricesQuestion,
    responses(
        (status = 200, description = "By SKU; unknown and withdrawn ones are left out.",
            body = PriceList),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn prices_of(
    State(catalog): State<Arc<Catalog>>,
    Json(question): Json<PricesQuestion>,
) -> HttpResult<Json<PriceList>> {
    if question.skus.is_empty() || question.skus.len() > 1_000 {
        return Err(Problem::invalid_field("skus", "must have 1 to 1000 entries"));
    }
    let items = queries::prices_of(
        &catalog,
        PricesOf { skus: question.skus, categories: question.categories },
    )
    .await;
    Ok(Json(PriceList { items: items.or_problem(never)? }))
}

/// An answer of JSON that is written already.
fn json(text: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(text.into());
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn never(refusal: NoRefusal) -> Problem {
    match refusal {}
}

fn problem(refused: ProductRefused) -> Problem {
    let detail = refused.to_string();
    match refused {
        ProductRefused::NotAllowed => Problem::forbidden(),
        ProductRefused::NotFound => Problem::not_found(),
        ProductRefused::SlugTaken => {
            Problem::conflict("slug_taken", detail).field("slug", "is taken")
        }
        ProductRefused::SkuTaken { sku } => Problem::conflict("sku_taken", detail).with("sku", sku),
        ProductRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    }
}
