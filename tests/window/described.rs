//! Every route of `/openapi.json` is called, and every answer is held against what the document says of it.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Binleaf, Launch, Pair, http, sakila};

/// The document, and what of it was tried.
struct Api {
    document: Value,
    tried: BTreeSet<(String, String)>,
}

impl Api {
    async fn of(binleaf: &Binleaf) -> Self {
        let (code, document) = binleaf.call("GET", "/openapi.json").await;
        assert_eq!(code, 200);
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        Self { document, tried: BTreeSet::new() }
    }

    /// Calls a route as the document names it, and fails unless the answer is one that it describes.
    async fn call(
        &mut self,
        binleaf: &Binleaf,
        (method, route): (&str, &str),
        path: &str,
        body: &str,
    ) -> (u16, Value) {
        let (code, text) = raw(binleaf, method, path, body).await;
        self.tried.insert((method.to_lowercase(), route.to_owned()));
        let answer =
            &self.document["paths"][route][method.to_lowercase()]["responses"][code.to_string()];
        assert!(
            answer.is_object(),
            "{method} {path} answers {code}, which is not described: {text}"
        );
        let Some(mut schema) = answer.pointer("/content/application~1json/schema").cloned() else {
            assert!(answer["content"]["text/plain"].is_object(), "{answer}");
            return (code, Value::String(text));
        };
        let value: Value = serde_json::from_str(&text).expect("JSON");
        schema["components"] = self.document["components"].clone();
        let validator: Validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{method} {path}: {}\n{value:#}", wrong.join("\n"));
        assert_closed(&value, &schema, &self.document, path);
        (code, value)
    }

    fn routes(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().expect("paths");
        let methods = |(path, item): (&String, &Value)| {
            let methods = item.as_object().expect("methods").keys().cloned();
            methods.map(|method| (method, path.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(methods).collect()
    }
}

/// Every field of an answer is described: a schema lets others pass.
fn assert_closed(value: &Value, schema: &Value, document: &Value, path: &str) {
    let schema = resolved(schema, document);
    if let Some(fields) = value.as_object() {
        let known = schema["properties"].as_object();
        for (name, field) in fields {
            match (known.and_then(|known| known.get(name)), &schema["additionalProperties"]) {
                (Some(of), _) => assert_closed(field, of, document, path),
                (None, of) if of.is_object() => assert_closed(field, of, document, path),
                _ if known.is_none() => {}
                _ => panic!("{path}: the field {name} is not described in {schema:#}"),
            }
        }
    }
    for one in value.as_array().into_iter().flatten() {
        assert_closed(one, &schema["items"], document, path);
    }
}

/// What a reference, a nullable one or a sum of several stands for.
fn resolved(schema: &Value, document: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document.pointer(reference.trim_start_matches('#')).expect("a schema");
        return resolved(found, document);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let one = choices.iter().find(|choice| choice["type"] != "null").expect("a choice");
        return resolved(one, document);
    }
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let mut properties = serde_json::Map::new();
    for part in parts {
        let part = resolved(part, document);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
    }
    json!({ "properties": properties })
}

async fn raw(binleaf: &Binleaf, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = format!("http://{}{path}", binleaf.launch.http.socket());
    let request =
        http::client().build().expect("a client").request(method.parse().expect("a method"), url);
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

async fn look(api: &mut Api, binleaf: &Binleaf) {
    for route in [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/api/sync/status",
        "/api/sync/health",
        "/api/sync/test-connection",
        "/api/sync/tables",
        "/api/sync/dead-letters",
        "/api/sync/schema-changes",
        "/api/sync/runs",
        "/api/sync/log-level",
    ] {
        let (code, body) = api.call(binleaf, ("GET", route), route, "").await;
        assert_eq!(code, 200, "{route}: {body:#}");
    }
    let one = "/api/sync/tables/{name}";
    assert_eq!(api.call(binleaf, ("GET", one), "/api/sync/tables/actor", "").await.0, 200);
    assert_eq!(api.call(binleaf, ("GET", one), "/api/sync/tables/nobody", "").await.0, 404);
}

async fn steer(api: &mut Api, binleaf: &Binleaf, schedule: u16) {
    let trigger = "/api/sync/trigger";
    let (code, run) = api.call(binleaf, ("POST", trigger), trigger, "").await;
    assert_eq!((code, &run["status"]), (200, &json!("success")), "{run:#}");
    for (path, expected) in [
        ("?tables=nobody", 404),
        ("?sync_type=half", 422),
        ("?tables=,", 422),
        ("?wait=perhaps", 400),
    ] {
        let (code, _) = api.call(binleaf, ("POST", trigger), &format!("{trigger}{path}"), "").await;
        assert_eq!(code, expected, "{path}");
    }
    let path = format!("{trigger}?wait=false");
    let (code, begun) = api.call(binleaf, ("POST", trigger), &path, "").await;
    assert_eq!(code, 202);
    let one = "/api/sync/runs/{run_id}";
    let path = format!("/api/sync/runs/{}", begun["run_id"].as_str().expect("a name"));
    assert_eq!(api.call(binleaf, ("GET", one), &path, "").await.0, 200);
    assert_eq!(api.call(binleaf, ("GET", one), "/api/sync/runs/none", "").await.0, 404);
    for route in ["/api/sync/pause", "/api/sync/resume"] {
        assert_eq!(api.call(binleaf, ("POST", route), route, "").await.0, 200);
    }
    let replay = "/api/sync/dead-letters/replay";
    for (path, expected) in [("", 202), ("?table=actor", 202), ("?table=nobody", 404)] {
        let path = format!("{replay}{path}");
        assert_eq!(api.call(binleaf, ("POST", replay), &path, "").await.0, expected, "{path}");
    }
    let interval = "/api/sync/interval";
    for (body, expected) in [
        (r#"{"interval_minutes": 15}"#, 200),
        (r#"{"interval_seconds": 0}"#, 422),
        ("{", 400),
        ("[1]", 400),
        ("[null, null]", 400),
        (r#"{"interval_seconds": "soon"}"#, 400),
    ] {
        let (code, _) = api.call(binleaf, ("PUT", interval), interval, body).await;
        assert_eq!(code, expected, "{body}");
    }
    let level = "/api/sync/log-level";
    for (body, expected) in [
        (r#"{"level": "debug", "component": "sink"}"#, 200),
        (r#"{"level": "loud"}"#, 422),
        (r#"{"level": "debug", "component": "kitchen"}"#, 422),
        ("{}", 200),
    ] {
        assert_eq!(api.call(binleaf, ("PUT", level), level, body).await.0, expected, "{body}");
    }
    for route in ["/api/sync/scheduler/start", "/api/sync/scheduler/stop"] {
        assert_eq!(api.call(binleaf, ("POST", route), route, "").await.0, schedule, "{route}");
    }
}

async fn everything_is_as_described(
    launch: Launch,
    schedule: u16,
    rest: impl AsyncFn(&mut Binleaf),
) {
    let mut binleaf = launch.run();
    rest(&mut binleaf).await;
    let mut api = Api::of(&binleaf).await;
    look(&mut api, &binleaf).await;
    steer(&mut api, &binleaf, schedule).await;
    look(&mut api, &binleaf).await;
    assert_eq!(api.tried, api.routes(), "all routes are tried");
    binleaf.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_answers_are_as_described_while_the_binlog_is_followed() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    // A change that cannot be written and one of the schema, so that these lists are not empty.
    let launch = Launch::of(&pair);
    let mut first = launch.run();
    first.streams().await;
    pair.source
        .run_all(&[
            "ALTER TABLE language ADD COLUMN note VARBINARY(10)",
            "CREATE TABLE days (id INT PRIMARY KEY, day DATE)",
        ])
        .await;
    first.catches_up().await;
    first.stops().await;
    everything_is_as_described(launch, 409, async |binleaf| {
        binleaf.streams().await;
        binleaf.catches_up().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_answers_are_as_described_while_tables_are_polled() {
    let pair = Pair::new().await;
    sakila::load(&pair.source).await;
    let launch = Launch::of(&pair).set("poll", "interval", "\"1h\"").set("", "mode", "\"poll\"");
    everything_is_as_described(launch, 200, async |binleaf| {
        binleaf.rests().await;
        while binleaf.get("/health/ready").await.is_none_or(|(code, _)| code != 200) {
            binleaf.assert_alive("getting ready");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_well_is_described_too() {
    let pair = Pair::new().await;
    pair.source
        .run_all(&[
            "CREATE TABLE d (id INT PRIMARY KEY, day DATE)",
            "SET sql_mode = ''",
            "INSERT INTO d VALUES (1, '2026-01-00')",
        ])
        .await;
    let launch = Launch::of(&pair).set("types", "zero_date", "\"dead-letter\"");
    let mut binleaf = launch.run();
    binleaf.streams().await;
    binleaf.until("a letter", |status| status["dead_letters"] == 1).await;
    let mut api = Api::of(&binleaf).await;
    for values in ["", "?values=true"] {
        let path = format!("/api/sync/dead-letters{values}");
        let (_, list) = api.call(&binleaf, ("GET", "/api/sync/dead-letters"), &path, "").await;
        assert_eq!(
            (&list["total"], list["dead_letters"].as_array().map(Vec::len)),
            (&json!(1), Some(1))
        );
    }
    let health = "/api/sync/health";
    let (_, body) = api.call(&binleaf, ("GET", health), health, "").await;
    assert_eq!(body["status"], "degraded");
    let pause = "/api/sync/pause";
    api.call(&binleaf, ("POST", pause), pause, "").await;
    let trigger = "/api/sync/trigger";
    assert_eq!(api.call(&binleaf, ("POST", trigger), trigger, "").await.0, 409);
}
