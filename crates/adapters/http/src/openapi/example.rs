//! Examples put together from the fields' own.

use serde_json::{Map, Value, json};

/// Gives the body and the success answer an example.
pub(super) fn add(operation: &mut Value, schemas: &Value, updates: &Map<String, Value>) {
    let find = |name: &str| updates.get(name).or_else(|| schemas.get(name)).cloned();
    if let Some(media) = operation.pointer_mut("/requestBody/content/application~1json") {
        set(media, &find);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if let Some(media) = response.pointer_mut("/content/application~1json") {
            set(media, &find);
        }
    }
}

fn set(media: &mut Value, find: &impl Fn(&str) -> Option<Value>) {
    if media.get("example").is_none() {
        media["example"] = of(&media["schema"], find, 0);
    }
}

/// How deep schemas may refer to others before an example stops following.
const DEPTH: usize = 10;

fn of(schema: &Value, find: &impl Fn(&str) -> Option<Value>, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/")) {
        return find(name).map_or(Value::Null, |target| of(&target, find, depth + 1));
    }
    if let Some(example) = schema["examples"].get(0).or_else(|| schema.get("example")) {
        return example.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let examples = parts.iter().map(|part| of(part, find, depth + 1));
        let members = examples.filter_map(|example| example.as_object().cloned()).flatten();
        return Value::Object(members.collect());
    }
    for several in ["oneOf", "anyOf"] {
        let mut choices = schema[several].as_array().into_iter().flatten();
        if let Some(choice) = choices.rfind(|choice| choice["type"] != "null") {
            return of(choice, find, depth + 1);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
    match (kind, schema["format"].as_str()) {
        ("string", Some("uuid")) => json!("01989f5e-3f8a-7c52-9f3b-5a1f0c2d4e6f"),
        ("string", Some("date-time")) => json!("2026-01-16T10:00:00Z"),
        ("string", Some("date")) => json!("2026-01-16"),
        ("string", _) => json!("text"),
        ("integer" | "number", _) => {
            schema.get("minimum").filter(|least| least.as_f64() > Some(0.0)).cloned().unwrap_or(json!(1))
        }
        ("boolean", _) => json!(true),
        ("array", _) => json!([of(&schema["items"], find, depth + 1)]),
        _ => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            Value::Object(properties.map(|(name, property)| (name.clone(), of(property, find, depth + 1))).collect())
        }
    }
}
