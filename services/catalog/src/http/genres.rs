//! Genres by HTTP: browsing for everybody, changes for staff.
use super::shelves::{self, NameChange, NewName, NotThere, OnlyStaff, Refusals};
use crate::Catalog;
use axum::extract::State;
use axum::response::Response;
use contracts::GenreId;
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
    OpenApiRouter::new().routes(routes!(list_genres, create_genre)).routes(routes!(
        get_genre,
        update_genre,
        delete_genre
    ))
}

/// List the genres by name.
#[utoipa::path(get, path = "/v1/genres", tag = "catalog", params(PageQuery), responses(
    (status = 200, description = "One page.", body = ShelfPage),
    (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
        content_type = "application/problem+json"),
))]
async fn list_genres(
    State(catalog): State<Arc<Catalog>>,
    Query(page): Query<PageQuery>,
) -> HttpResult<Json<ShelfPage>> {
    shelves::list(&catalog, Shelf::Genres, page).await
}

/// Show a genre by id or slug.
///
/// An old slug leads to the new one.
#[utoipa::path(
    get,
    path = "/v1/genres/{genre}",
    tag = "catalog",
    params(("genre" = String, Path, description = "The genre's id or slug.")),
    responses(
        (status = 200, description = "The genre; `path` and `children` are empty.",
            body = ShelfEntryDetail, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
                "slug": "computing", "name": "Computing", "parent": null,
                "path": [], "children": []})),
        (status = 308, description = "The slug was changed.",
            headers(("location" = String, description = "The genre's new path."))),
        NotThere,
    ),
)]
async fn get_genre(
    State(catalog): State<Arc<Catalog>>,
    Path(id_or_slug): Path<String>,
) -> HttpResult<Response> {
    shelves::show(&catalog, Shelf::Genres, id_or_slug).await
}

/// Make a genre (staff).
#[utoipa::path(
    post,
    path = "/v1/genres",
    tag = "catalog",
    request_body = NewName,
    responses(
        (status = 201, description = "Made.", body = ShelfEntry, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
            "slug": "computing", "name": "Computing", "parent": null})),
        OnlyStaff,
        Refusals,
    ),
    security(("bearer" = [])),
)]
async fn create_genre(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    body: Body<NewName>,
) -> HttpResult<(StatusCode, Json<ShelfEntry>)> {
    let made = shelves::save(&catalog, &caller, Shelf::Genres, None, body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change a genre (staff).
///
/// What is not given stays as it is. An old slug leads to the new one for ever; a new name
/// leaves the slug as it is. The search follows within seconds.
#[utoipa::path(
    patch,
    path = "/v1/genres/{genre}",
    tag = "catalog",
    params(("genre" = String, Path, description = "The genre's id.")),
    request_body = NameChange,
    responses(
        (status = 200, description = "As it is now.", body = ShelfEntry, example = json!({"id": "01936f2e-7c1a-7000-8000-000000000002",
            "slug": "computing", "name": "Computing", "parent": null})),
        OnlyStaff,
        NotThere,
        Refusals,
    ),
    security(("bearer" = [])),
)]
async fn update_genre(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    genre: HttpResult<Path<GenreId>>,
    body: Body<NameChange>,
) -> HttpResult<Json<ShelfEntry>> {
    let genre = Some(genre.map(|Path(genre)| genre.0));
    shelves::save(&catalog, &caller, Shelf::Genres, genre, body).await.map(Json)
}

/// Take a genre away from all products (staff).
#[utoipa::path(
    delete,
    path = "/v1/genres/{genre}",
    tag = "catalog",
    params(("genre" = String, Path, description = "The genre's id.")),
    responses((status = 204, description = "Deleted."), OnlyStaff, NotThere),
    security(("bearer" = [])),
)]
async fn delete_genre(
    State(catalog): State<Arc<Catalog>>,
    Asker(caller): Asker,
    genre: HttpResult<Path<GenreId>>,
) -> HttpResult<StatusCode> {
    shelves::delete(&catalog, &caller, Shelf::Genres, genre.map(|Path(genre)| genre.0)).await
}
