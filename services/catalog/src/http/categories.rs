//! Categories by HTTP: browsing for everybody, changes for staff.
use super::shelves::{
    self, CategoriesQuery, CategoryChange, NewCategory, NotThere, OnlyStaff, Refusals,
};
use crate::Catalog;
use axum::extract::State;
use axum::response::Response;
use contracts::CategoryId;
use contracts::catalog::{Shelf, ShelfEntry, ShelfEntryDetail, ShelfPage};
use http::StatusCode;
use kit::auth::Asker;
use kit::input::{Body, Json, Path, Query};
use kit::problem::{HttpResult, Problem};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(list_categories, create_category)).routes(routes!(
        get_category,
        update_category,
        delete_category
    ))
}

/// List the categories, by name or as a tree.
///
/// With `tree=true` a category stands before those that are part of it, and each names its
/// `parent`.
#[utoipa::path(get, path = "/v1/categories", tag = "catalog", params(CategoriesQuery), responses(
    (status = 200, description = "One page.", body = ShelfPage),
    (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn list_categories(
    State(catalog): State<Arc<Catalog>>,
    Query(query): Query<CategoriesQuery>,
) -> HttpResult<Json<ShelfPage>> {
    shelves::list_categories(&catalog, query).await
}

/// Show a category by id or slug.
///
/// An old slug leads to the new one.
#[utoipa::path(
    get,
    path = "/v1/categories/{category}",
    tag = "catalog",
    params(("category" = String, Path, description = "The category's id or slug.")),
    responses(
        (status = 200, description = "The category, its path (the outermost first), and those below it.",
            body = ShelfEntryDetail, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
                "slug": "novels", "name": "Novels", "parent": "01936f2e-7c1a-7000-8000-000000000001",
                "path": [{"id": "01936f2e-7c1a-7000-8000-000000000001", "slug": "books",
                    "name": "Books", "parent": null}], "children": []})),
        (status = 308, description = "The slug was changed.",
            headers(("location" = String, description = "The category's new path."))),
        NotThere,
    ),
)]
async fn get_category(
    State(catalog): State<Arc<Catalog>>,
    Path(id_or_slug): Path<String>,
) -> HttpResult<Response> {
    shelves::show(&catalog, Shelf::Categories, id_or_slug).await
}

/// Make a category (staff).
#[utoipa::path(
    post,
    path = "/v1/categories",
    tag = "catalog",
    request_body = NewCategory,
    responses(
        (status = 201, description = "Made.", body = ShelfEntry, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
            "slug": "novels", "name": "Novels", "parent": "01936f2e-7c1a-7000-8000-000000000001"})),
        OnlyStaff,
        Refusals,
    ),
    security(("bearer" = [])),
)]
async fn create_category(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    body: Body<NewCategory>,
) -> HttpResult<(StatusCode, Json<ShelfEntry>)> {
    let made = shelves::save(&catalog, &caller, Shelf::Categories, None, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change a category (staff).
///
/// What is not given stays as it is. An old slug leads to the new one for ever; a new name
/// leaves the slug as it is. The search follows within seconds.
#[utoipa::path(
    patch,
    path = "/v1/categories/{category}",
    tag = "catalog",
    params(("category" = String, Path, description = "The category's id.")),
    request_body = CategoryChange,
    responses(
        (status = 200, description = "As it is now.", body = ShelfEntry, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
            "slug": "novels", "name": "Novels", "parent": "01936f2e-7c1a-7000-8000-000000000001"})),
        OnlyStaff,
        NotThere,
        Refusals,
    ),
    security(("bearer" = [])),
)]
async fn update_category(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    category: HttpResult<Path<CategoryId>>,
    body: Body<CategoryChange>,
) -> HttpResult<Json<ShelfEntry>> {
    let category = Some(category.map(|Path(category)| category.0));
    shelves::save(&catalog, &caller, Shelf::Categories, category, body).await.map(Json)
}

/// Take a category away from all products (staff).
///
/// Those that are part of it become part of what it was part of.
#[utoipa::path(
    delete,
    path = "/v1/categories/{category}",
    tag = "catalog",
    params(("category" = String, Path, description = "The category's id.")),
    responses((status = 204, description = "Deleted."), OnlyStaff, NotThere),
    security(("bearer" = [])),
)]
async fn delete_category(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    category: HttpResult<Path<CategoryId>>,
) -> HttpResult<StatusCode> {
    shelves::delete(&catalog, &caller, Shelf::Categories, category.map(|Path(category)| category.0))
        .await
}
