//! Authors by HTTP: browsing for everybody, changes for staff.
use super::shelves::{self, NameChange, NewName, NotThere, OnlyStaff, Refusals};
use crate::Catalog;
use axum::extract::State;
use axum::response::Response;
use contracts::AuthorId;
use contracts::catalog::{Shelf, ShelfEntry, ShelfEntryDetail, ShelfPage};
use http::StatusCode;
use kit::auth::Asker;
use kit::input::{Body, Json, Path, Query};
use kit::pages::PageQuery;
use kit::problem::{HttpResult, Problem};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Arc<Catalog>> {
    OpenApiRouter::new().routes(routes!(list_authors, create_author)).routes(routes!(
        get_author,
        update_author,
        delete_author
    ))
}

/// List the authors by name.
#[utoipa::path(get, path = "/v1/authors", tag = "catalog", params(PageQuery), responses(
    (status = 200, description = "One page.", body = ShelfPage),
    (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn list_authors(
    State(catalog): State<Arc<Catalog>>,
    Query(page): Query<PageQuery>,
) -> HttpResult<Json<ShelfPage>> {
    shelves::list(&catalog, Shelf::Authors, page).await
}

/// Show an author by id or slug.
///
/// An old slug leads to the new one.
#[utoipa::path(
    get,
    path = "/v1/authors/{author}",
    tag = "catalog",
    params(("author" = String, Path, description = "The author's id or slug.")),
    responses(
        (status = 200, description = "The author; `path` and `children` are empty.",
            body = ShelfEntryDetail, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
                "slug": "ada-lovelace", "name": "Ada Lovelace", "parent": null,
                "path": [], "children": []})),
        (status = 308, description = "The slug was changed.",
            headers(("location" = String, description = "The author's new path."))),
        NotThere,
    ),
)]
async fn get_author(
    State(catalog): State<Arc<Catalog>>,
    Path(id_or_slug): Path<String>,
) -> HttpResult<Response> {
    shelves::show(&catalog, Shelf::Authors, id_or_slug).await
}

/// Make an author (staff).
#[utoipa::path(
    post,
    path = "/v1/authors",
    tag = "catalog",
    request_body = NewName,
    responses(
        (status = 201, description = "Made.", body = ShelfEntry, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
            "slug": "ada-lovelace", "name": "Ada Lovelace", "parent": null})),
        OnlyStaff,
        Refusals,
    ),
    security(("bearer" = [])),
)]
async fn create_author(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    body: Body<NewName>,
) -> HttpResult<(StatusCode, Json<ShelfEntry>)> {
    let made = shelves::save(&catalog, &caller, Shelf::Authors, None, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change an author (staff).
///
/// What is not given stays as it is. An old slug leads to the new one for ever; a new name
/// leaves the slug as it is. The search follows within seconds.
#[utoipa::path(
    patch,
    path = "/v1/authors/{author}",
    tag = "catalog",
    params(("author" = String, Path, description = "The author's id.")),
    request_body = NameChange,
    responses(
        (status = 200, description = "As it is now.", body = ShelfEntry, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
            "slug": "ada-lovelace", "name": "Ada Lovelace", "parent": null})),
        OnlyStaff,
        NotThere,
        Refusals,
    ),
    security(("bearer" = [])),
)]
async fn update_author(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    author: HttpResult<Path<AuthorId>>,
    body: Body<NameChange>,
) -> HttpResult<Json<ShelfEntry>> {
    let author = Some(author.map(|Path(author)| author.0));
    shelves::save(&catalog, &caller, Shelf::Authors, author, body).await.map(Json)
}

/// Take an author away from all products (staff).
#[utoipa::path(
    delete,
    path = "/v1/authors/{author}",
    tag = "catalog",
    params(("author" = String, Path, description = "The author's id.")),
    responses((status = 204, description = "Deleted."), OnlyStaff, NotThere),
    security(("bearer" = [])),
)]
async fn delete_author(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    author: HttpResult<Path<AuthorId>>,
) -> HttpResult<StatusCode> {
    shelves::delete(&catalog, &caller, Shelf::Authors, author.map(|Path(author)| author.0)).await
}
