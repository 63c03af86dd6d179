//! Registration, login, refresh, logout, links that came by mail, and the keys.
use super::{link_refused, sentence, unkept};
use crate::account::{Email, Newcomer};
use crate::{
    Identity, forgot_password, log_in, log_out, queries, refresh, register, reset_password,
    verify_email,
};
use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::identity::{
    ForgotPassword, Jwks, LogIn, Refresh, Register, RegisterRefused, ResetPassword, Tokens,
    VerifyEmail,
};
use kit::auth::LoggedIn;
use kit::input::Body;
use kit::problem::{FieldError, HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<Identity>> {
    OpenApiRouter::new()
        .routes(routes!(post_register))
        .routes(routes!(post_login))
        .routes(routes!(post_refresh))
        .routes(routes!(post_logout))
        .routes(routes!(post_forgot))
        .routes(routes!(post_reset))
        .routes(routes!(post_verify))
        .routes(routes!(get_keys))
}

/// What is used to ask, as it says itself; the use case keeps what is fit to be kept.
fn device(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(header::USER_AGENT)?;
    Some(String::from_utf8_lossy(said.as_bytes()).into_owned())
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
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json", example = json!({
            "type": "urn:feria:problem:invalid_input", "title": "Invalid input", "status": 400,
            "code": "invalid_input", "detail": "password must have 8 to 128 characters",
            "errors": [{"field": "password", "message": "must have 8 to 128 characters"}]
        })),
        (status = 409, description = "`email_taken`", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn post_register(
    State(service): State<Arc<Identity>>,
    headers: HeaderMap,
    body: Body<RegisterBody>,
) -> HttpResult<Response> {
    let RegisterBody { email, password, name } = body.parse()?;
    let call = Register { email, password, name, device: device(&headers) };
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
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_failed`", body = Problem,
         content_type = "application/problem+json", example = json!({
            "type": "urn:feria:problem:login_failed", "title": "Login failed", "status": 401,
            "code": "login_failed", "detail": "The e-mail address or the password is wrong."
        })),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn post_login(
    State(service): State<Arc<Identity>>,
    headers: HeaderMap,
    body: Body<LoginBody>,
) -> HttpResult<Response> {
    let LoginBody { email, password } = body.parse()?;
    let tokens =
        log_in::log_in(&service, LogIn { email, password, device: device(&headers) }).await;
    let tokens = tokens.map_err(|why| {
        why.problem(|refused| {
            Problem::new(StatusCode::UNAUTHORIZED, "login_failed", sentence(&refused))
        })
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
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`refresh_failed`", body = Problem,
         content_type = "application/problem+json", example = json!({
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
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem,
         content_type = "application/problem+json"),
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

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"email": "ada@example.com"})))]
struct ForgotBody {
    /// The account's e-mail address.
    #[schema(max_length = 254)]
    email: String,
}

/// Ask for a link to choose a new password
///
/// The link is sent to the address, should an account have it; the answer is the same for any
/// address. It works once, for 60 minutes, and replaces an older one.
#[utoipa::path(
    post, path = "/v1/auth/password/forgot", tag = "identity", request_body = ForgotBody,
    responses(
        (status = 202, description = "Should an account have the address, a letter is on its way"),
        (status = 400, description = "`invalid_input`", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`: too many requests, or letters to one address",
         body = Problem, content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn post_forgot(
    State(service): State<Arc<Identity>>,
    body: Body<ForgotBody>,
) -> HttpResult<StatusCode> {
    let ForgotBody { email } = body.parse()?;
    Email::parse(&email).map_err(|reason| Problem::invalid_field("email", reason))?;
    let asked = forgot_password::forgot_password(&service, ForgotPassword { email }).await;
    asked.map_err(|why| why.problem(|never| match never {}))?;
    Ok(StatusCode::ACCEPTED)
}

/// A new password, and the link that allows it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "token": "01980c5e7a527c3f9a435b8e7c6d1f02.mF1x…", "password": "another pass phrase 2"
})))]
struct ResetBody {
    /// As the link has it.
    token: String,
    /// Any 8 to 128 characters.
    #[schema(min_length = 8, max_length = 128, format = Password)]
    password: String,
}

/// Choose a new password by a link
///
/// Ends every session of the account: log in with the new password.
#[utoipa::path(
    post, path = "/v1/auth/password/reset", tag = "identity", request_body = ResetBody,
    responses(
        (status = 204, description = "The password is changed"),
        (status = 400, description = "`invalid_input`, or `invalid_link`: unknown, used, replaced \
         or expired", body = Problem, content_type = "application/problem+json", example = json!({
            "type": "urn:feria:problem:invalid_link", "title": "Invalid link", "status": 400,
            "code": "invalid_link", "detail": "The link is not valid any more."
        })),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn post_reset(
    State(service): State<Arc<Identity>>,
    body: Body<ResetBody>,
) -> HttpResult<StatusCode> {
    let ResetBody { token, password } = body.parse()?;
    let reset = reset_password::reset_password(&service, ResetPassword { token, password }).await;
    reset.map_err(|why| why.problem(link_refused))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link that was sent to an address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"token": "01980c5e7a527c3f9a435b8e7c6d1f02.mF1x…"})))]
struct VerifyBody {
    /// As the link has it.
    token: String,
}

/// Show by a link that an address is yours
#[utoipa::path(
    post, path = "/v1/auth/verify-email", tag = "identity", request_body = VerifyBody,
    responses(
        (status = 204, description = "The address is verified"),
        (status = 400, description = "`invalid_input`, or `invalid_link`: unknown, used, replaced \
         or expired", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = Problem,
         content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn post_verify(
    State(service): State<Arc<Identity>>,
    body: Body<VerifyBody>,
) -> HttpResult<StatusCode> {
    let VerifyBody { token } = body.parse()?;
    let verified = verify_email::verify_email(&service, VerifyEmail { token }).await;
    verified.map_err(|why| why.problem(link_refused))?;
    Ok(StatusCode::NO_CONTENT)
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
