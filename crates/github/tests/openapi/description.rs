//! GitHub's OpenAPI description, as far as requests need it: which call is this, and is it well formed.

use serde_json::Value;
use std::{collections::HashSet, path::Path};

/// The description, parsed once.
pub(crate) struct Description(Value);

/// A request that the description knows.
pub(crate) struct Operation<'a> {
    /// GitHub's name for it.
    pub(crate) id: &'a str,
    /// Example of a good answer: status and body.
    pub(crate) answer: (u16, Value),
}

impl Description {
    /// Reads the description; `None` where the test tools are not installed.
    pub(crate) fn load(name: &str) -> Option<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../.tools/node_modules/@octokit/openapi/generated")
            .join(name);
        let Ok(text) = std::fs::read(&file) else {
            assert!(std::env::var_os("TRUNKLINE_REQUIRE_TOOLS").is_none(), "run `cargo xtask setup` first");
            eprintln!("skipped: GitHub's API description is not there; `cargo xtask setup` fetches it");
            return None;
        };
        Some(Self(serde_json::from_slice(&text).expect("the description is JSON")))
    }

    /// Checks a request: known path and method, known and well-typed parameters, a body that fits.
    pub(crate) fn check(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Result<Operation<'_>, String> {
        let (template, values) = self.path(path).ok_or_else(|| format!("unknown path {path}"))?;
        let item = &self.0["paths"][template];
        let operation = &item[method.to_ascii_lowercase()];
        if operation.is_null() {
            return Err(format!("{template} has no {method}"));
        }
        let both = [&item["parameters"], &operation["parameters"]];
        let parameters: Vec<&Value> =
            both.iter().filter_map(|list| list.as_array()).flatten().map(|p| self.resolve(p)).collect();
        let named = |place: &str, name: &str| {
            parameters.iter().find(|p| p["in"] == place && p["name"] == name).map(|p| &p["schema"])
        };
        for (name, value) in &values {
            let schema =
                named("path", name).ok_or_else(|| format!("{template}: `{name}` is not described"))?;
            self.text(schema, value).map_err(|why| format!("{template}: {name}: {why}"))?;
        }
        let mut given = HashSet::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let schema =
                named("query", &name).ok_or_else(|| format!("{template}: unknown query `{name}`"))?;
            self.text(schema, &value).map_err(|why| format!("{template}: query {name}: {why}"))?;
            if name == "per_page" && value.parse::<u32>().is_ok_and(|n| !(1..=100).contains(&n)) {
                return Err(format!("{template}: per_page {value} is not 1 to 100"));
            }
            if !given.insert(name.to_string()) {
                return Err(format!("{template}: query `{name}` is given twice"));
            }
        }
        for parameter in parameters.iter().filter(|p| p["in"] == "query" && p["required"] == true) {
            let name = parameter["name"].as_str().unwrap_or_default();
            if !given.contains(name) {
                return Err(format!("{template}: query `{name}` is required"));
            }
        }
        self.check_body(operation, body).map_err(|why| format!("{method} {template}: body: {why}"))?;
        Ok(Operation { id: operation["operationId"].as_str().unwrap_or("?"), answer: self.answer(operation) })
    }

    fn check_body(&self, operation: &Value, body: &[u8]) -> Result<(), String> {
        let described = self.resolve(&operation["requestBody"]);
        if body.is_empty() {
            return if described["required"] == true { Err("is required".into()) } else { Ok(()) };
        }
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Err("none is described".into());
        }
        let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        self.value(schema, &value)
    }

    /// The path's template with the most literal parts, and the values of its parameters.
    fn path<'a>(&self, path: &'a str) -> Option<(&str, Vec<(String, String)>)> {
        let parts: Vec<&'a str> = path.strip_prefix('/')?.split('/').collect();
        let paths = self.0["paths"].as_object()?;
        let fits = paths.keys().filter_map(|template| {
            let names: Vec<&str> = template.trim_start_matches('/').split('/').collect();
            let parameter = |name: &str| {
                name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).map(ToOwned::to_owned)
            };
            // A file's path is the one parameter that may hold slashes.
            let open = names.last() == Some(&"{path}");
            if parts.len() != names.len() && !(open && parts.len() > names.len()) {
                return None;
            }
            let mut values = vec![];
            for (at, name) in names.iter().enumerate() {
                let rest =
                    if open && at + 1 == names.len() { parts[at..].join("/") } else { parts[at].into() };
                match parameter(name) {
                    Some(name) if !rest.is_empty() => values.push((name, rest)),
                    None if *name == rest => {}
                    _ => return None,
                }
            }
            Some((template.as_str(), values))
        });
        fits.min_by_key(|(_, values)| values.len())
    }

    /// A parameter's text against its schema.
    fn text(&self, schema: &Value, text: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        let value = match schema["type"].as_str() {
            Some("integer") => {
                Value::from(text.parse::<i64>().map_err(|_| format!("`{text}` is no whole number"))?)
            }
            Some("boolean") => {
                Value::from(text.parse::<bool>().map_err(|_| format!("`{text}` is no truth value"))?)
            }
            _ => Value::from(text),
        };
        self.value(schema, &value)
    }

    /// A value against a schema. Stricter than the standard: a property that is not described is an error, GitHub
    /// would ignore it in silence.
    fn value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolve(schema);
        for several in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[several].as_array() {
                let tries: Vec<_> = choices.iter().map(|choice| self.value(choice, value)).collect();
                if tries.iter().all(Result::is_err) {
                    return Err(tries.into_iter().filter_map(Result::err).collect::<Vec<_>>().join(" or "));
                }
            }
        }
        if value.is_null() && schema["nullable"] == true {
            return Ok(());
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            return Err(format!("{value} is not of type {}", schema["type"]));
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            return Err(format!("{value} is none of {words:?}"));
        }
        let bound = |name: &str| schema[name].as_u64().and_then(|n| usize::try_from(n).ok());
        let outside = |length: usize, least: &str, most: &str| {
            bound(least).is_some_and(|n| length < n) || bound(most).is_some_and(|n| length > n)
        };
        match value {
            Value::String(text) if outside(text.chars().count(), "minLength", "maxLength") => {
                Err(format!("{value} is too short or too long"))
            }
            Value::Array(items) if outside(items.len(), "minItems", "maxItems") => {
                Err(format!("{} items are too few or too many", items.len()))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.value(&schema["items"], item)),
            Value::Object(fields) => {
                for name in schema["required"].as_array().into_iter().flatten() {
                    if !fields.contains_key(name.as_str().unwrap_or_default()) {
                        return Err(format!("{name} is required"));
                    }
                }
                let Some(known) = schema["properties"].as_object() else { return Ok(()) };
                fields.iter().try_for_each(|(name, value)| match known.get(name) {
                    Some(schema) => self.value(schema, value).map_err(|why| format!("{name}: {why}")),
                    None => Err(format!("unknown property `{name}`")),
                })
            }
            _ => Ok(()),
        }
    }

    /// GitHub's own example of a good answer.
    fn answer(&self, operation: &Value) -> (u16, Value) {
        let empty = serde_json::Map::new();
        let responses = operation["responses"].as_object().unwrap_or(&empty);
        let Some((status, response)) = responses.iter().find(|(status, _)| status.starts_with('2')) else {
            return (200, Value::Null);
        };
        let json = &self.resolve(response)["content"]["application/json"];
        let example = json["examples"].as_object().and_then(|examples| examples.values().next());
        let value = example.map_or(Value::Null, |example| self.resolve(example)["value"].clone());
        (status.parse().unwrap_or(200), value)
    }

    fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        while let Some(reference) = value["$ref"].as_str() {
            let target = reference.strip_prefix('#').and_then(|pointer| self.0.pointer(pointer));
            value = target.unwrap_or_else(|| panic!("{reference} leads nowhere"));
        }
        value
    }
}

#[test]
fn wrong_requests_are_found() {
    let Some(github) = Description::load("api.github.com.json") else { return };
    let jit = "/repos/o/r/actions/runners/generate-jitconfig";
    let good = br#"{"name":"n","runner_group_id":1,"labels":["a"]}"#;
    let ok = |method, path, query, body: &[u8]| github.check(method, path, query, body).map(|found| found.id);
    assert_eq!(ok("POST", jit, "", good), Ok("actions/generate-runner-jitconfig-for-repo"));
    assert_eq!(ok("GET", "/repos/o/r/contents/a/b/c.yml", "ref=main", b""), Ok("repos/get-content"));
    let wrong: [(&str, &str, &str, &[u8]); 12] = [
        ("GET", "/repos/o/r/actions/runnerz", "", b""),
        ("GET", "/repos/o/r/actions/runners/", "", b""),
        ("PATCH", "/repos/o/r/actions/runners", "", b""),
        ("GET", "/repos/o/r/actions/runners/seven", "", b""),
        ("GET", "/repos/o/r/actions/runners", "perpage=100", b""),
        ("GET", "/repos/o/r/actions/runners", "per_page=many", b""),
        ("GET", "/repos/o/r/actions/runners", "per_page=101", b""),
        ("GET", "/repos/o/r/actions/runs", "status=waitin", b""),
        ("POST", jit, "", b""),
        ("POST", jit, "", br#"{"name":"n","labels":["a"]}"#),
        ("POST", jit, "", br#"{"name":"n","runner_group_id":"1","labels":["a"]}"#),
        ("POST", jit, "", br#"{"name":"n","runner_group_id":1,"labels":[],"label":[]}"#),
    ];
    for (method, path, query, body) in wrong {
        assert!(ok(method, path, query, body).is_err(), "{method} {path}?{query}");
    }
}
