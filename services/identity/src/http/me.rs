//! One's own account: profile, password, sessions, export, erasure.
use super::{me_refused, unkept};
use crate::{
    Identity, change_password, end_sessions, erase_me, export_me, queries, update_me, verify_email,
};
use ::http::{HeaderValue, StatusCode, header};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use contracts::SessionId;
use contracts::identity::{
    AskToVerify, ChangePassword, EndSessions, EraseMe, Me, MeRefused, OpenSession, UpdateMe,
};
use kit::auth::LoggedIn;
use kit::input::{Body, Json, Path};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Identity>> {
    OpenApiRouter::new()
        .routes(routes!(get_me, patch_me, delete_me))
        .routes(routes!(put_password))
        .routes(routes!(ask_for_link))
        .routes(routes!(get_sessions, delete_sessions))
        .routes(routes!(delete_session))
        .routes(routes!(get_export))
}

/// Your account
#[utoipa::path(
    get, path = "/v1/me", tag = "identity",
    responses(
        (status = 200, description = "Your account", body = Me, example = json!({
            "id": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "email": "ada@example.com",
            "name": "Ada Lovelace", "email_verified": true, "role": "customer",
            "created_at": "2026-01-31T12:00:00.000000Z"
        })),
        (status = 401, description = "`login_required`, `token_expired`, `session_ended`",
         body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_me(State(service): State<Arc<Identity>>, who: LoggedIn) -> HttpResult<Json<Me>> {
    let me = queries::get_me(&service, &who.caller()).await;
    me.map(Json).or_problem(|_| Problem::unauthorized())
}

/// What changes of your account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Ada, Countess of Lovelace"})))]
struct MeBody {
    /// How to address you.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
}

/// Change your account
#[utoipa::path(
    patch, path = "/v1/me", tag = "identity", request_body = MeBody,
    responses(
        (status = 200, description = "Your account, changed", body = Me, example = json!({
            "id": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "email": "ada@example.com",
            "name": "Ada, Countess of Lovelace", "email_verified": true, "role": "customer",
            "created_at": "2026-01-31T12:00:00.000000Z"
        })),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn patch_me(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    body: Body<MeBody>,
) -> HttpResult<Json<Me>> {
    let MeBody { name } = body.parse()?;
    let me = update_me::update_me(&service, &who.caller(), UpdateMe { name }).await;
    me.map(Json).or_problem(me_refused)
}

/// Your password, to show that it is you.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"password": "a long pass phrase 1"})))]
struct EraseBody {
    /// The password of now.
    #[schema(format = Password)]
    password: String,
}

/// Erase your account
///
/// Your name, addresses and password are gone, your sessions end, and whatever the store kept
/// about you is forgotten. Orders stay, without a person. The address is free again.
#[utoipa::path(
    delete, path = "/v1/me", tag = "identity", request_body = EraseBody,
    responses(
        (status = 204, description = "Erased"),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`wrong_password`", body = Problem,
         content_type = "application/problem+json", example = json!({
            "type": "urn:feria:problem:wrong_password", "title": "Wrong password", "status": 403,
            "code": "wrong_password", "detail": "The present password is wrong."
        })),
        (status = 409, description = "`last_admin`: the store would have no admin left",
         body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn delete_me(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    body: Body<EraseBody>,
) -> HttpResult<StatusCode> {
    let EraseBody { password } = body.parse()?;
    let erased = erase_me::erase_me(&service, &who.caller(), EraseMe { password }).await;
    erased.map_err(|why| why.problem(me_refused))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "current_password": "a long pass phrase 1", "new_password": "another pass phrase 2"
})))]
struct PasswordBody {
    /// The password of now.
    #[schema(format = Password)]
    current_password: String,
    /// Any 8 to 128 characters.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    new_password: String,
}

/// Change your password
///
/// Ends your other sessions, at once.
#[utoipa::path(
    put, path = "/v1/me/password", tag = "identity", request_body = PasswordBody,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`wrong_password`", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn put_password(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    body: Body<PasswordBody>,
) -> HttpResult<StatusCode> {
    let PasswordBody { current_password: current, new_password: new } = body.parse()?;
    let call = ChangePassword { current, new };
    let changed = change_password::change_password(&service, &who.caller(), call).await;
    changed.map_err(|why| {
        why.problem(|refused| match refused {
            // The call names its own field.
            MeRefused::Invalid { reason, .. } => Problem::invalid_field("new_password", reason),
            refused => me_refused(refused),
        })
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Ask for a link that verifies your address
///
/// It works once, for 7 days, and replaces an older one. Nothing is sent where the address is
/// verified.
#[utoipa::path(
    post, path = "/v1/me/verify-email", tag = "identity", request_body = Option<Nothing>,
    responses(
        (status = 202, description = "A letter is on its way"),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn ask_for_link(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    body: Body<Nothing>,
) -> HttpResult<StatusCode> {
    let Nothing {} = body.or_empty().parse()?;
    let asked = verify_email::ask_to_verify(&service, &who.caller(), AskToVerify).await;
    asked.map_err(|why| why.problem(|_| Problem::unauthorized()))?;
    Ok(StatusCode::ACCEPTED)
}

/// Live sessions.
#[derive(Serialize, ToSchema)]
struct Sessions {
    /// Newest first.
    items: Vec<OpenSession>,
}

/// Your live sessions
#[utoipa::path(
    get, path = "/v1/me/sessions", tag = "identity",
    responses(
        (status = 200, description = "Newest first", body = Sessions, example = json!({"items": [{
            "id": "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70", "current": true,
            "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "created_at": "2026-01-31T12:00:00.000000Z",
            "used_at": "2026-01-31T14:30:00.000000Z"
        }]})),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_sessions(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
) -> HttpResult<Json<Sessions>> {
    let items = queries::list_sessions(&service, &who.caller()).await.or_problem(me_refused)?;
    Ok(Json(Sessions { items }))
}

/// End your other sessions
///
/// All but the one that asks, at once.
#[utoipa::path(
    delete, path = "/v1/me/sessions", tag = "identity",
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn delete_sessions(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
) -> HttpResult<StatusCode> {
    let call = EndSessions { session: None };
    end_sessions::end_sessions(&service, &who.caller(), call).await.or_problem(me_refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one of your sessions
///
/// At once. Repeating it changes nothing.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", tag = "identity",
    params(("id" = SessionId, Path, description = "Which session.",
        example = "01980c5e-7a52-7c3f-8a11-2b3c4d5e6f70")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: no session of yours", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn delete_session(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    Path(id): Path<SessionId>,
) -> HttpResult<StatusCode> {
    let call = EndSessions { session: Some(id) };
    end_sessions::end_sessions(&service, &who.caller(), call).await.or_problem(me_refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that the store keeps about you
///
/// One JSON object with a member for each service. It is whole, or not answered at all.
#[utoipa::path(
    get, path = "/v1/me/export", tag = "identity",
    responses(
        (status = 200, description = "All of it", body = serde_json::Value, example = json!({
            "identity": {
                "account": {
                    "id": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "email": "ada@example.com",
                    "name": "Ada Lovelace", "email_verified": true, "role": "customer",
                    "created_at": "2026-01-31T12:00:00.000000Z"
                },
                "addresses": [], "sessions": []
            },
            "orders": {"orders": []}, "payments": {"wallet_entries": []},
            "notifications": {"notifications": []}, "cart": {"cart": {}},
            "catalog": {"reviews": []}
        })),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: a service does not answer", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_export(State(service): State<Arc<Identity>>, who: LoggedIn) -> HttpResult<Response> {
    let exported = export_me::export_me(&service, &who.caller()).await.or_problem(me_refused)?;
    let name = HeaderValue::from_static("attachment; filename=\"my-data.json\"");
    let answer = unkept(StatusCode::OK, exported);
    Ok(([(header::CONTENT_DISPOSITION, name)], answer).into_response())
}
