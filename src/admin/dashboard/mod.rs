//! The dashboard: a page that is part of the program, at `GET /`, with its scripts and styles below `/assets`.
//!
//! It holds nothing secret and is answered without a token; whatever it shows it asks of the API, with the token. The policy
//! that goes with it lets a browser load from here alone, run no script that stands in the page, make no markup of text, and
//! show it in nobody's frame: a table may be called whatever it likes.

use axum::{
    Router,
    extract::Path,
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Window, routes};

/// What a browser may do with the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// A file that is part of the program.
#[derive(Debug)]
struct Part {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const fn part(name: &'static str, media_type: &'static str, text: &'static str) -> Part {
    Part { name, media_type, text }
}

static PAGE: Part = part("index.html", HTML, include_str!("index.html"));

/// What the page is made of.
static PARTS: [Part; 22] = [
    part("api.js", SCRIPT, include_str!("api.js")),
    part("base.css", STYLE, include_str!("base.css")),
    part("chart.js", SCRIPT, include_str!("chart.js")),
    part("dom.js", SCRIPT, include_str!("dom.js")),
    part("entries.js", SCRIPT, include_str!("entries.js")),
    part("figures.js", SCRIPT, include_str!("figures.js")),
    part("format.js", SCRIPT, include_str!("format.js")),
    part("gate.js", SCRIPT, include_str!("gate.js")),
    part("history.js", SCRIPT, include_str!("history.js")),
    part("leaf.svg", PICTURE, include_str!("leaf.svg")),
    part("lists.css", STYLE, include_str!("lists.css")),
    part("main.js", SCRIPT, include_str!("main.js")),
    part("notices.js", SCRIPT, include_str!("notices.js")),
    part("parts.css", STYLE, include_str!("parts.css")),
    part("rounds.js", SCRIPT, include_str!("rounds.js")),
    part("rows.js", SCRIPT, include_str!("rows.js")),
    part("sides.js", SCRIPT, include_str!("sides.js")),
    part("state.js", SCRIPT, include_str!("state.js")),
    part("steering.js", SCRIPT, include_str!("steering.js")),
    part("tables.js", SCRIPT, include_str!("tables.js")),
    part("tabs.js", SCRIPT, include_str!("tabs.js")),
    part("theme.js", SCRIPT, include_str!("theme.js")),
];

/// The routes.
pub(super) fn router() -> Router<Window> {
    Router::new().route("/", get(page)).route("/assets/{name}", get(asset))
}

async fn page(headers: HeaderMap) -> Response {
    answer(&PAGE, &headers)
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match PARTS.iter().find(|part| part.name == name) {
        Some(part) => answer(part, &headers),
        None => routes::unknown().await,
    }
}

/// A browser keeps what it was given and asks whether that is still so: another version shows at once, whole.
fn answer(part: &Part, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", blake3::hash(part.text.as_bytes()).to_hex());
    let guards: [(HeaderName, &str); 6] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CACHE_CONTROL, "no-cache"),
        (ETAG, &tag),
    ];
    if has(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, guards).into_response();
    }
    (guards, [(CONTENT_TYPE, part.media_type)], part.text).into_response()
}

/// Whether a browser has what goes by this tag (RFC 9110, 13.1.2: compared weakly).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let told = |value: &str| HeaderMap::from_iter([(IF_NONE_MATCH, value.parse().unwrap())]);
        for known in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(has(&told(known), "\"a\""), "{known}");
        }
        for other in ["\"b\"", "a", ""] {
            assert!(!has(&told(other), "\"a\""), "{other}");
        }
        assert!(!has(&HeaderMap::new(), "\"a\""));
    }
}
