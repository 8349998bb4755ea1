//! `GET /openapi.json`: the API as OpenAPI 3.1, from the very routes that answer.

use std::sync::Arc;

use axum::{Router, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, Info, License, OpenApi, PathItem, Ref, RefOr, Response,
        ResponseBuilder, Tag,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{Window, refusal::ErrorBody};

/// The name of the one security scheme.
const TOKEN: &str = "token";

/// What needs no token.
const OPEN: [&str; 2] = ["/health/live", "/health/ready"];

/// What stands above the routes.
pub(super) fn head() -> OpenApi {
    let mut info = Info::new("binleaf", env!("CARGO_PKG_VERSION"));
    info.description = Some(env!("CARGO_PKG_DESCRIPTION").to_owned());
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    info.license = Some(license);
    let tag = |name, about: &str| {
        let mut tag = Tag::new(name);
        tag.description = Some(about.to_owned());
        tag
    };
    let mut api = OpenApi::default();
    api.info = info;
    api.tags = Some(vec![
        tag(
            "looking",
            "How it is and what it knows. Everything below /api/sync answers below /sync too.",
        ),
        tag("runs", "Runs by hand, and what became of them."),
        tag("steering", "What changes how it works. Every call is kept in `_sync_audit`."),
        tag("machines", "For probes and scrapers."),
    ]);
    let mut components = Components::new();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(scheme));
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    let mut schemas = Vec::new();
    ErrorBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    api.components = Some(components);
    api
}

/// The document as a route of its own. With a token set, every route but the probes asks for it.
pub(super) fn router(mut api: OpenApi, has_token: bool) -> Router<Window> {
    for (path, item) in &mut api.paths.paths {
        let is_open = OPEN.contains(&path.as_str());
        for operation in operations(item) {
            tell_of_guard(operation, is_open, has_token);
        }
    }
    let text: Arc<str> = serde_json::to_string(&api).unwrap_or_default().into();
    let answer = move || {
        let text = Arc::clone(&text);
        async move { ([(CONTENT_TYPE, "application/json")], text.to_string()).into_response() }
    };
    Router::new().route("/openapi.json", get(answer))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post].into_iter().flatten()
}

/// What the guard in front of the routes may answer.
fn tell_of_guard(operation: &mut Operation, is_open: bool, has_token: bool) {
    let answers = &mut operation.responses.responses;
    for (code, answer) in answers.iter_mut() {
        if let RefOr::T(answer) = answer
            && answer.description.is_empty()
        {
            meaning(code).clone_into(&mut answer.description);
        }
    }
    if !is_open {
        let refused =
            "The query or the body cannot be read or is over 64 KiB, or another site asks";
        answers.entry("400".to_owned()).or_insert_with(|| refusal(refused).into());
    }
    if has_token && !is_open {
        answers.insert("401".to_owned(), refusal("The token is missing or wrong").into());
        operation.security =
            Some(vec![SecurityRequirement::new(TOKEN, std::iter::empty::<String>())]);
    }
}

/// What a status code means where the route says no more of it.
fn meaning(code: &str) -> &'static str {
    match code {
        "200" => "As asked for",
        "404" => "There is no such thing",
        "422" => "A value makes no sense",
        "503" => "The side that knows it does not answer",
        _ => "See the error's code",
    }
}

fn refusal(description: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    ResponseBuilder::new().description(description).content("application/json", body).build()
}
