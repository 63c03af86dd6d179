//! The routes of identity: registration, login, refresh, logout, one's own account, and the keys.
use crate::account::Newcomer;
use crate::{Identity, log_in, log_out, queries, refresh, register};
use ::http::{HeaderValue, StatusCode, header};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::identity::{Jwks, LogIn, Me, Refresh, Register, RegisterRefused, Tokens};
use kit::auth::LoggedIn;
use kit::input::{Body, Json};
use kit::problem::{FieldError, HttpResult, OrProblem as _, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// All routes.
pub fn routes(service: Arc<Identity>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(post_register))
        .routes(routes!(post_login))
        .routes(routes!(post_refresh))
        .routes(routes!(post_logout))
        .routes(routes!(get_me))
        .routes(routes!(get_keys))
        .with_state(service)
}

/// An answer that nobody on the way may keep.
fn unkept(status: StatusCode, answer: impl Serialize) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, axum::Json(answer)).into_response()
}

/// Whoever registers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "email": "ada@example.com", "password": "a long pass phrase 1", "name": "Ada Lovelace"
})))]
struct RegisterBody {
    /// An e-mail address; small and capital letters are the same.
    #[schema(max_length = 254)]
    email: String,
    /// Any 8 to 128 characters.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
    /// How to address you.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// Open an account and log in
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "identity", request_body = RegisterBody,
    responses(
        (status = 201, description = "Registered, and logged in", body = Tokens, example = json!({
            "access_token": "eyJhbGciOiJFZERTQSIs…", "refresh_token": "01980c5e7a527c3f….x1…",
            "token_type": "Bearer", "expires_in": 900
        })),
        (status = 400, description = "`invalid_input`", body = Problem, example = json!({
            "type": "urn:feria:problem:invalid_input", "title": "Invalid input", "status": 400,
            "code": "invalid_input", "detail": "password must have 8 to 128 characters",
            "errors": [{"field": "password", "message": "must have 8 to 128 characters"}]
        })),
        (status = 409, description = "`email_taken`", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem),
    ),
    security(()),
)]
async fn post_register(
    State(service): State<Arc<Identity>>,
    body: Body<RegisterBody>,
) -> HttpResult<Response> {
    let RegisterBody { email, password, name } = body.parse()?;
    let call = Register { email, password, name };
    // The call refuses the first wrong field; a form wants to know of all.
    Newcomer::check(&call).map_err(|faults| {
        let named = faults.into_iter().map(|(field, reason)| FieldError::new(field, reason));
        Problem::invalid(named.collect())
    })?;
    let tokens = register::register(&service, call).await.or_problem(|refused| match refused {
        RegisterRefused::EmailTaken => Problem::conflict("email_taken", sentence(&refused)),
        RegisterRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    })?;
    Ok(unkept(StatusCode::CREATED, tokens))
}

/// A refusal in words, as a sentence.
fn sentence(refused: &impl std::fmt::Display) -> String {
    let words = refused.to_string();
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Whoever logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"email": "ada@example.com", "password": "a long pass phrase 1"})))]
struct LoginBody {
    /// The account's e-mail address.
    email: String,
    /// Its password.
    #[schema(format = Password)]
    password: String,
}

/// Log in
///
/// Whether the address or the password is wrong is not told.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "identity", request_body = LoginBody,
    responses(
        (status = 200, description = "Logged in", body = Tokens, example = json!({
            "access_token": "eyJhbGciOiJFZERTQSIs…", "refresh_token": "01980c5e7a527c3f….x1…",
            "token_type": "Bearer", "expires_in": 900
        })),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_failed`", body = Problem, example = json!({
            "type": "urn:feria:problem:login_failed", "title": "Login failed", "status": 401,
            "code": "login_failed", "detail": "The e-mail address or the password is wrong."
        })),
        (status = 429, description = "`rate_limited`", body = Problem),
    ),
    security(()),
)]
async fn post_login(
    State(service): State<Arc<Identity>>,
    body: Body<LoginBody>,
) -> HttpResult<Response> {
    let LoginBody { email, password } = body.parse()?;
    let tokens = log_in::log_in(&service, LogIn { email, password }).await;
    let tokens = tokens.or_problem(|refused| {
        Problem::new(StatusCode::UNAUTHORIZED, "login_failed", sentence(&refused))
    })?;
    Ok(unkept(StatusCode::OK, tokens))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"refresh_token": "01980c5e7a527c3f….x1…"})))]
struct RefreshBody {
    /// As the last answer had it.
    refresh_token: String,
}

/// Exchange a refresh token for a new pair
///
/// A refresh token works once. Using an old one again ends the session, for it was copied.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "identity", request_body = RefreshBody,
    responses(
        (status = 200, description = "The next pair", body = Tokens, example = json!({
            "access_token": "eyJhbGciOiJFZERTQSIs…", "refresh_token": "01980c5e7a527c3f….x1…",
            "token_type": "Bearer", "expires_in": 900
        })),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`refresh_failed`", body = Problem, example = json!({
            "type": "urn:feria:problem:refresh_failed", "title": "Refresh failed", "status": 401,
            "code": "refresh_failed", "detail": "The refresh token is not valid."
        })),
    ),
    security(()),
)]
async fn post_refresh(
    State(service): State<Arc<Identity>>,
    body: Body<RefreshBody>,
) -> HttpResult<Response> {
    let RefreshBody { refresh_token } = body.parse()?;
    let tokens = refresh::refresh(&service, Refresh { refresh_token }).await;
    let tokens = tokens.or_problem(|refused| {
        Problem::new(StatusCode::UNAUTHORIZED, "refresh_failed", sentence(&refused))
    })?;
    Ok(unkept(StatusCode::OK, tokens))
}

/// Nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Log out
///
/// Ends the session of the access token, at once: neither it nor its refresh token works again.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "identity", request_body = Option<Nothing>,
    responses(
        (status = 204, description = "Logged out"),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn post_logout(
    State(service): State<Arc<Identity>>,
    who: LoggedIn,
    body: Body<Nothing>,
) -> HttpResult<StatusCode> {
    let Nothing {} = body.or_empty().parse()?;
    log_out::log_out(&service, &who.caller()).await.or_problem(|never| match never {})?;
    Ok(StatusCode::NO_CONTENT)
}

/// Your account
#[utoipa::path(
    get, path = "/v1/me", tag = "identity",
    responses(
        (status = 200, description = "Your account", body = Me, example = json!({
            "id": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "email": "ada@example.com",
            "name": "Ada Lovelace", "role": "customer",
            "created_at": "2026-01-31T12:00:00.000000Z"
        })),
        (status = 401, description = "`login_required`, `token_expired`, `session_ended`",
         body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn get_me(State(service): State<Arc<Identity>>, who: LoggedIn) -> HttpResult<Json<Me>> {
    let me = queries::get_me(&service, &who.caller()).await;
    me.map(Json).or_problem(|_| Problem::unauthorized())
}

/// The keys that verify access tokens
///
/// A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037), newest first.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "identity",
    responses(
        (status = 200, description = "The keys", body = Jwks, example = json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "kid": "Vn0y1w8uJbk", "alg": "EdDSA", "use": "sig",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        }]})),
    ),
    security(()),
)]
async fn get_keys(State(service): State<Arc<Identity>>) -> HttpResult<Response> {
    let keys = queries::published_keys(&service).await.or_problem(|never| match never {})?;
    let kept = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))];
    Ok((kept, axum::Json(keys)).into_response())
}
