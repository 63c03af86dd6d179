//! What categories, authors and genres have in common by HTTP.
use super::never;
use crate::{Catalog, delete_shelf_entry, queries, save_shelf_entry};
use axum::response::{IntoResponse as _, Redirect, Response};
use contracts::caller::Permission;
use contracts::catalog::{
    DeleteShelfEntry, GetShelfEntry, ListShelf, SaveShelfEntry, Shelf, ShelfEntry, ShelfPage,
    ShelfRefused,
};
use contracts::{Caller, CategoryId};
use http::StatusCode;
use kit::auth::require;
use kit::input::{Body, Json};
use kit::pages::{PageNumber, PageQuery, PageSize, default_page, default_size};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use uuid::Uuid;

/// Which page of the categories.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CategoriesQuery {
    /// Whether parents stand before their children; else all are listed by name.
    #[serde(default)]
    #[param(default = false)]
    tree: bool,
    /// Which page, from 1.
    #[serde(default = "default_page")]
    #[param(value_type = u32, minimum = 1, maximum = 100_000, default = 1)]
    page: PageNumber,
    /// How many categories to a page.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    per_page: PageSize,
}

/// A new author or genre.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Ada Lovelace"})))]
pub(super) struct NewName {
    /// Nobody else's of its kind, whatever the capitals.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Its name in addresses; else it is derived from the name.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]{1,100}$")]
    slug: Option<String>,
}

/// A new category.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Novels", "parent": "01936f2e-7c1a-7000-8000-000000000001"})))]
pub(super) struct NewCategory {
    /// No other category's, whatever the capitals.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Its name in addresses; else it is derived from the name.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]{1,100}$")]
    slug: Option<String>,
    /// The category that it is part of.
    parent: Option<CategoryId>,
}

/// What to change of an author or a genre.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Augusta Ada King", "slug": "ada-king"})))]
pub(super) struct NameChange {
    /// As when it was made.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// A new name in addresses; the old one leads to it.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]{1,100}$")]
    slug: Option<String>,
}

/// What to change of a category.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Fiction", "parent": null})))]
pub(super) struct CategoryChange {
    /// As when it was made.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// A new name in addresses; the old one leads to it.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]{1,100}$")]
    slug: Option<String>,
    /// The category that it is to be part of; null for none.
    #[serde(default, deserialize_with = "null_or_set")]
    #[schema(value_type = Option<CategoryId>)]
    parent: Option<Option<CategoryId>>,
}

/// Serde alone takes `null` for left out.
fn null_or_set<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<CategoryId>>, D::Error> {
    Option::<CategoryId>::deserialize(deserializer).map(Some)
}

/// Answers to who may not.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(super) enum OnlyStaff {
    /// Nobody is logged in.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Only staff may change the catalogue.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
}

/// The answer where nothing is.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(super) enum NotThere {
    /// There is none, or no longer.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// Answers to what cannot be saved.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its documentation is used")]
pub(super) enum Refusals {
    /// `invalid_input`, with the field named.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// `taken`: another one has the name or the slug; `errors` says which.
    #[response(status = 409, content_type = "application/problem+json")]
    Taken(Problem),
}

/// What a body says of an entry: name, slug and parent.
pub(super) trait Given {
    /// Takes it apart.
    fn given(self) -> (Option<String>, Option<String>, Option<Option<CategoryId>>);
}
impl Given for NewName {
    fn given(self) -> (Option<String>, Option<String>, Option<Option<CategoryId>>) {
        (Some(self.name), self.slug, None)
    }
}
impl Given for NewCategory {
    fn given(self) -> (Option<String>, Option<String>, Option<Option<CategoryId>>) {
        (Some(self.name), self.slug, Some(self.parent))
    }
}
impl Given for NameChange {
    fn given(self) -> (Option<String>, Option<String>, Option<Option<CategoryId>>) {
        (self.name, self.slug, None)
    }
}
impl Given for CategoryChange {
    fn given(self) -> (Option<String>, Option<String>, Option<Option<CategoryId>>) {
        (self.name, self.slug, self.parent)
    }
}

pub(super) async fn list(
    catalog: &Catalog,
    shelf: Shelf,
    page: PageQuery,
) -> HttpResult<Json<ShelfPage>> {
    let asked = ListShelf { shelf, page: page.page.get(), per_page: page.per_page.get() };
    queries::list_shelf(catalog, asked).await.or_problem(never).map(Json)
}

pub(super) async fn list_categories(
    catalog: &Catalog,
    query: CategoriesQuery,
) -> HttpResult<Json<ShelfPage>> {
    let page = PageQuery { page: query.page, per_page: query.per_page };
    if !query.tree {
        return list(catalog, Shelf::Categories, page).await;
    }
    let all = queries::category_tree(catalog).await.or_problem(never)?;
    let total = all.len() as u64;
    let within = (usize::try_from(page.offset()), usize::try_from(page.limit()));
    let (offset, limit) = (within.0.unwrap_or(usize::MAX), within.1.unwrap_or(0));
    let items = all.into_iter().skip(offset).take(limit).collect();
    Ok(Json(ShelfPage { items, page: page.page.get(), per_page: page.per_page.get(), total }))
}

pub(super) async fn show(
    catalog: &Catalog,
    shelf: Shelf,
    id_or_slug: String,
) -> HttpResult<Response> {
    let asked = GetShelfEntry { shelf, id_or_slug: id_or_slug.clone() };
    let found = queries::get_shelf_entry(catalog, asked).await.or_problem(problem)?;
    if found.entry.slug != id_or_slug && Uuid::parse_str(&id_or_slug).is_err() {
        let shelf = crate::product::shelf_key(shelf);
        let now = format!("/v1/{shelf}/{}", found.entry.slug);
        return Ok(Redirect::permanent(&now).into_response());
    }
    Ok(Json(found).into_response())
}

/// Saves what the body says of a new entry, or of the one that the path names.
pub(super) async fn save<B: Given + DeserializeOwned>(
    catalog: &Catalog,
    caller: &Caller,
    shelf: Shelf,
    named: Option<HttpResult<Uuid>>,
    body: Body<B>,
) -> HttpResult<ShelfEntry> {
    require(caller, Permission::ManageCatalog)?;
    let id = named.transpose()?;
    let (name, slug, parent) = body.parse()?.given();
    let parent = parent.map(|parent| parent.map(|parent| parent.0));
    let save = SaveShelfEntry { shelf, id, name, slug, parent };
    save_shelf_entry::answer(catalog, caller, save).await.or_problem(problem)
}

pub(super) async fn delete(
    catalog: &Catalog,
    caller: &Caller,
    shelf: Shelf,
    named: HttpResult<Uuid>,
) -> HttpResult<StatusCode> {
    require(caller, Permission::ManageCatalog)?;
    let delete = DeleteShelfEntry { shelf, id: named? };
    delete_shelf_entry::answer(catalog, caller, delete).await.or_problem(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

fn problem(refused: ShelfRefused) -> Problem {
    let detail = refused.to_string();
    match refused {
        ShelfRefused::NotAllowed => Problem::forbidden(),
        ShelfRefused::NotFound => Problem::not_found(),
        ShelfRefused::Taken { field } => {
            Problem::conflict("taken", detail).field(field, "is taken")
        }
        ShelfRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    }
}
