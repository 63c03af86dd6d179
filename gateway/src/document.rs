//! The document of the API: what all services say of their routes, as one OpenAPI 3.1 file.
use crate::place::Place;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
    PathItem, Ref, RefOr, ResponseBuilder, Server, Tag,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

const PROBLEM: &str = "application/problem+json";
/// What the door, and whatever reads a body, answer by themselves: the name of the answer in the
/// document, its status, and what it means.
const BY_ITSELF: [(&str, &str, &str); 7] = [
    ("NoSession", "401", "`token_invalid`, `token_expired`, `session_ended`: log in again"),
    ("TooLong", "413", "`body_too_large`"),
    ("NotJson", "415", "`unsupported_media_type`: send JSON"),
    ("TooMany", "429", "`rate_limited`: `Retry-After` says when to come back"),
    ("OurFault", "500", "`internal`: quote the `X-Request-Id`"),
    (
        "NotNow",
        "503",
        "`busy`, `unavailable`: nothing was done; `outcome_unknown`: look, or repeat it",
    ),
    ("TooLate", "504", "`timeout`: look whether it was done, or repeat it"),
];

const ABOUT: &str = include_str!("about_the_api.md");

/// All of `parts` as one document of a store at `public_url`.
pub fn document(parts: impl IntoIterator<Item = OpenApi>, public_url: &str) -> OpenApi {
    let license = LicenseBuilder::new()
        .name("MIT OR Apache-2.0")
        .identifier(Some("MIT OR Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("Feria")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `access_token` that register, login and refresh answer."))
        .build();
    let mut components = Components::new();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for (name, _, meaning) in BY_ITSELF {
        let response = ResponseBuilder::new().description(meaning).content(PROBLEM, problem());
        components.responses.insert(name.to_owned(), response.build().into());
    }
    let mut whole = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new(public_url)]))
        .components(Some(components))
        .build();
    for part in parts {
        whole.merge(part);
    }
    for (path, item) in &mut whole.paths.paths {
        for operation in operations_mut(item) {
            call_failures_problems(operation);
            tell_of_the_door(Place::of(path), operation);
        }
    }
    whole.components.iter_mut().for_each(open_parts);
    whole.tags = Some(tags(&whole));
    whole
}

fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .flatten()
}

/// The door sees to it that whatever fails is a problem; here it says so, once for all routes.
fn call_failures_problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let (RefOr::T(response), Some('4' | '5')) = (response, status.chars().next()) {
            let content = response.content.swap_remove("application/json");
            let content = content.unwrap_or_else(|| RefOr::T(problem()));
            response.content.entry(PROBLEM.to_owned()).or_insert(content);
        }
    }
}

fn problem() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build()
}

/// Every route may answer what the door does; a route that says more of such an answer is heard.
fn tell_of_the_door(place: Place, operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    for (name, status, _) in BY_ITSELF {
        let may = match status {
            // Whoever logs in need not throw an old token away first.
            "401" => !matches!(place, Place::Ops | Place::Login { .. }),
            "413" | "415" => has_body,
            "429" => place != Place::Ops,
            _ => true,
        };
        if may {
            let responses = &mut operation.responses.responses;
            let answer = || Ref::from_response_name(name).into();
            responses.entry(status.to_owned()).or_insert_with(answer);
        }
    }
}

/// A struct that is flattened into another shows as a part of its `allOf`. One that refuses unknown
/// fields would refuse those of the other parts: as a part, it is open.
fn open_parts(components: &mut Components) {
    let known = components.schemas.clone();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::AllOf(whole)) = schema else { continue };
        for part in &mut whole.items {
            let RefOr::Ref(named) = &*part else { continue };
            let name = named.ref_location.rsplit('/').next().unwrap_or_default();
            let Some(RefOr::T(Schema::Object(object))) = known.get(name) else { continue };
            let closed = AdditionalProperties::FreeForm(false);
            if object.additional_properties.as_deref() == Some(&closed) {
                let mut open = object.clone();
                open.additional_properties = None;
                *part = RefOr::T(Schema::Object(open));
            }
        }
    }
}

/// The tags that operations carry, each once.
fn tags(document: &OpenApi) -> Vec<Tag> {
    let items = document.paths.paths.values();
    let operations = items.flat_map(|item| {
        [&item.get, &item.post, &item.put, &item.patch, &item.delete].into_iter().flatten()
    });
    let names: BTreeSet<&String> = operations.filter_map(|op| op.tags.as_ref()).flatten().collect();
    names.into_iter().map(Tag::new).collect()
}

/// The document, and its bytes once somebody has asked for them.
struct Served {
    document: OpenApi,
    written: OnceLock<Written>,
}

struct Written {
    json: Bytes,
    etag: HeaderValue,
}

/// `/openapi.json`, and `/docs` to try it.
pub(crate) fn routes(document: OpenApi) -> Router {
    let served = Arc::new(Served { document, written: OnceLock::new() });
    let shown =
        Config::from("/openapi.json").persist_authorization(true).display_request_duration(true);
    let page: Router = SwaggerUi::new("/docs").config(shown).into();
    page.merge(Router::new().route("/openapi.json", get(openapi)).with_state(served))
}

async fn openapi(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let Written { json, etag } = served.written.get_or_init(|| write(&served.document));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let etag = (header::ETAG, etag.clone());
    if known.is_some_and(|known| known.split(',').any(|known| etag.1 == known.trim())) {
        return (StatusCode::NOT_MODIFIED, [etag]).into_response();
    }
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let keep = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    ([etag, kind, keep], json.clone()).into_response()
}

fn write(document: &OpenApi) -> Written {
    let json = document.to_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the document of the API cannot be written");
        String::new()
    });
    // Weak: the same document may also go out compressed.
    let name: String = hex::encode(Sha256::digest(json.as_bytes())).chars().take(24).collect();
    let etag = HeaderValue::try_from(format!("W/\"{name}\""));
    Written { json: json.into(), etag: etag.unwrap_or(HeaderValue::from_static("W/\"\"")) }
}
