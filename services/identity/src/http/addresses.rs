//! The postal addresses that one keeps.
use super::me_refused;
use crate::address_book::AddressChange;
use crate::save_address::{Keep, TOO_MANY, keep_address};
use crate::{Identity, queries, remove_address};
use ::http::StatusCode;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use contracts::identity::{MeRefused, RemoveAddress, SavedAddress};
use contracts::{Address, AddressId};
use kit::auth::LoggedIn;
use kit::input::{Body, Json, Path};
use kit::problem::{FieldError, HttpResult, OrProblem as _, Problem};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Identity>> {
    OpenApiRouter::new()
        .routes(routes!(get_addresses, post_address))
        .routes(routes!(patch_address, delete_address))
}

/// Addresses that are kept.
#[derive(Serialize, ToSchema)]
struct Addresses {
    /// The one that is used by itself first, then the newest first.
    items: Vec<SavedAddress>,
}

/// Your addresses
#[utoipa::path(
    get, path = "/v1/me/addresses", tag = "identity",
    responses(
        (status = 200, description = "The one that is used by itself first", body = Addresses,
         example = json!({"items": [{
            "id": "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70", "is_default": true,
            "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
            "postal_code": "SW1Y 4JH", "country": "GB", "phone": "+442079460000"
        }]})),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_addresses(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
) -> HttpResult<Json<Addresses>> {
    let items = queries::list_addresses(&service, &who.caller()).await.or_problem(me_refused)?;
    Ok(Json(Addresses { items }))
}

/// A new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
    "postal_code": "SW1Y 4JH", "country": "GB", "phone": "+442079460000", "is_default": true
})))]
struct NewAddress {
    /// Who receives it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    line1: String,
    /// Flat, floor, company.
    #[schema(max_length = 200)]
    line2: Option<String>,
    /// City.
    #[schema(min_length = 1, max_length = 100)]
    city: String,
    /// Postal code.
    #[schema(min_length = 1, max_length = 20)]
    postal_code: String,
    /// ISO 3166-1 alpha-2: two capital letters.
    #[schema(min_length = 2, max_length = 2)]
    country: String,
    /// Telephone.
    #[schema(max_length = 30)]
    phone: Option<String>,
    /// Whether it is used where none is chosen. The first address is, whatever this says.
    is_default: Option<bool>,
}

/// Keep an address
///
/// At most 50.
#[utoipa::path(
    post, path = "/v1/me/addresses", tag = "identity", request_body = NewAddress,
    responses(
        (status = 201, description = "Kept", body = SavedAddress, example = json!({
            "id": "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70", "is_default": true,
            "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
            "postal_code": "SW1Y 4JH", "country": "GB", "phone": "+442079460000"
        })),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "`too_many_addresses`: remove one first", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn post_address(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    body: Body<NewAddress>,
) -> HttpResult<Response> {
    let NewAddress { name, line1, line2, city, postal_code, country, phone, is_default } =
        body.parse()?;
    let address = Address { name, line1, line2, city, postal_code, country, phone };
    // The call refuses the first wrong field; a form wants to know of all.
    let faults = address.faults();
    if !faults.is_empty() {
        let named = faults.into_iter().map(|(field, reason)| FieldError::new(field, reason));
        return Err(Problem::invalid(named.collect()));
    }
    let kept = keep_address(&service, &who.caller(), Keep::New(address, is_default)).await;
    let kept = kept.or_problem(|refused| match refused {
        MeRefused::Invalid { field, .. } if field == TOO_MANY => {
            let detail = "The account keeps as many addresses as it may; remove one first.";
            Problem::conflict("too_many_addresses", detail)
        }
        refused => me_refused(refused),
    })?;
    Ok((StatusCode::CREATED, axum::Json(kept)).into_response())
}

/// What changes of an address; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"line2": null, "city": "Paris", "is_default": true})))]
struct ChangedAddress {
    /// Who receives it.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    line1: Option<String>,
    /// Flat, floor, company; null takes it away.
    #[serde(default, deserialize_with = "null_or_set")]
    #[schema(value_type = Option<String>, max_length = 200)]
    line2: Option<Option<String>>,
    /// City.
    #[schema(min_length = 1, max_length = 100)]
    city: Option<String>,
    /// Postal code.
    #[schema(min_length = 1, max_length = 20)]
    postal_code: Option<String>,
    /// ISO 3166-1 alpha-2: two capital letters.
    #[schema(min_length = 2, max_length = 2)]
    country: Option<String>,
    /// Telephone; null takes it away.
    #[serde(default, deserialize_with = "null_or_set")]
    #[schema(value_type = Option<String>, max_length = 30)]
    phone: Option<Option<String>>,
    /// Whether it is used where none is chosen; true takes that from another one.
    is_default: Option<bool>,
}

/// Tells `null` from a field that is left out, which serde alone does not.
fn null_or_set<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Change an address
#[utoipa::path(
    patch, path = "/v1/me/addresses/{id}", tag = "identity", request_body = ChangedAddress,
    params(("id" = AddressId, Path, description = "Which address.",
        example = "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70")),
    responses(
        (status = 200, description = "Changed", body = SavedAddress, example = json!({
            "id": "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70", "is_default": true,
            "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "Paris",
            "postal_code": "75001", "country": "FR"
        })),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: no address of yours", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn patch_address(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    Path(id): Path<AddressId>,
    body: Body<ChangedAddress>,
) -> HttpResult<Json<SavedAddress>> {
    let ChangedAddress { name, line1, line2, city, postal_code, country, phone, is_default } =
        body.parse()?;
    let change = AddressChange { name, line1, line2, city, postal_code, country, phone };
    let keep = Keep::Changed(id, change, is_default);
    let kept = keep_address(&service, &who.caller(), keep).await;
    kept.map(Json).or_problem(me_refused)
}

/// Forget an address
///
/// Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/v1/me/addresses/{id}", tag = "identity",
    params(("id" = AddressId, Path, description = "Which address.",
        example = "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70")),
    responses(
        (status = 204, description = "Forgotten"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: that is no id", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn delete_address(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    Path(id): Path<AddressId>,
) -> HttpResult<StatusCode> {
    let call = RemoveAddress { id };
    remove_address::remove_address(&service, &who.caller(), call).await.or_problem(me_refused)?;
    Ok(StatusCode::NO_CONTENT)
}
