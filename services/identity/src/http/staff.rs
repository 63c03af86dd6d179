//! Accounts, for those who run the shop.
use super::sentence;
use crate::{Identity, queries, set_account};
use axum::extract::State;
use contracts::caller::Permission;
use contracts::identity::{AccountForStaff, AccountPage, AccountRefused, ListAccounts, SetAccount};
use contracts::{AccountId, Role};
use kit::auth::{Asker, require};
use kit::input::{Body, Json, Path, Query};
use kit::pages::{PageSize, default_size};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Identity>> {
    OpenApiRouter::new().routes(routes!(get_accounts)).routes(routes!(patch_account))
}

/// Which accounts to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AccountsQuery {
    /// Only the ones whose address starts with this, in any spelling.
    q: Option<String>,
    /// Only these.
    #[param(inline)]
    role: Option<Role>,
    /// How many items at most.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    limit: PageSize,
    /// The `next_cursor` of the answer before.
    cursor: Option<String>,
}

fn refused(refused: AccountRefused) -> Problem {
    match refused {
        AccountRefused::NotAllowed => Problem::forbidden(),
        AccountRefused::NotFound => Problem::not_found(),
        AccountRefused::LastAdmin => Problem::conflict("last_admin", sentence(&refused)),
        AccountRefused::Cursor => Problem::invalid_field("cursor", "is none that this list gave"),
    }
}

/// List accounts
///
/// Newest first. For admins.
#[utoipa::path(
    get, path = "/v1/staff/accounts", tag = "identity", params(AccountsQuery),
    responses(
        (status = 200, description = "One page of accounts", body = AccountPage, example = json!({
            "items": [{
                "id": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "email": "ada@example.com",
                "name": "Ada Lovelace", "email_verified": true, "role": "customer",
                "created_at": "2026-01-31T12:00:00.000000Z", "disabled": false
            }],
            "next_cursor": null
        })),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`not_allowed`: not an admin", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_accounts(
    State(service): State<Arc<Identity>>,
    Asker(caller): Asker,
    query: HttpResult<Query<AccountsQuery>>,
) -> HttpResult<Json<AccountPage>> {
    require(&caller, Permission::ManageAccounts)?;
    let Query(AccountsQuery { q, role, limit, cursor }) = query?;
    let call = ListAccounts { q, role, limit: limit.get(), cursor };
    queries::list_accounts(&service, &caller, call).await.map(Json).or_problem(refused)
}

/// What an account may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"role": "support"}), json!({"disabled": true})))]
struct AccountBody {
    /// Its role; left out, it stays.
    role: Option<Role>,
    /// Whether nobody may log in to it; left out, it stays.
    disabled: Option<bool>,
}

/// Change what an account may do
///
/// What is new ends its sessions, at once. The last admin stays one. For admins.
#[utoipa::path(
    patch, path = "/v1/staff/accounts/{id}", tag = "identity", request_body = AccountBody,
    params(("id" = AccountId, Path, description = "Which account.",
        example = "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02")),
    responses(
        (status = 200, description = "The account, changed", body = AccountForStaff,
         example = json!({
            "id": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "email": "ada@example.com",
            "name": "Ada Lovelace", "email_verified": true, "role": "support",
            "created_at": "2026-01-31T12:00:00.000000Z", "disabled": false
        })),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`not_allowed`: not an admin", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "`last_admin`: the store would have no admin left",
         body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn patch_account(
    State(service): State<Arc<Identity>>,
    Asker(caller): Asker,
    path: HttpResult<Path<AccountId>>,
    body: Body<AccountBody>,
) -> HttpResult<Json<AccountForStaff>> {
    require(&caller, Permission::ManageAccounts)?;
    let Path(account) = path?;
    let AccountBody { role, disabled } = body.parse()?;
    let call = SetAccount { account, role, disabled };
    set_account::set_account(&service, &caller, call).await.map(Json).or_problem(refused)
}
