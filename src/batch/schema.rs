//! JSON Schema of batch files, from the tables that also feed their reader.

use h2k_config::batch::keys::{BESIDE_DEFAULTS, FILE, Form as OwnForm, NOT_OF_A_VM, OwnKey};
use h2k_config::keys::Form;
use h2k_config::{KEYS, Key, Kind};
use serde_json::{Map, Value, json};

/// The schema, JSON Schema 2020-12. It is as strict as a schema can be; `h2k batch check` knows more.
pub fn schema() -> Value {
    let mut root = mapping(FILE, &[]);
    let beside = BESIDE_DEFAULTS.iter().filter_map(|name| Key::find(name));
    if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(beside.map(|key| (key.name.to_owned(), setting(key))));
    }
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "h2k batch file",
        "description": "Many VMs with their settings, in waves: h2k plan -f, h2k migrate -f",
        "$defs": { "settings": settings(), "vm": vm(), "network": network() },
    });
    let mut out = Map::new();
    for part in [head, root] {
        if let Value::Object(part) = part {
            out.extend(part);
        }
    }
    Value::Object(out)
}

/// A mapping with these keys and no others.
fn mapping(keys: &[OwnKey], more: &[(String, Value)]) -> Value {
    let own = keys.iter().map(|key| (key.name.to_owned(), described(own(key.form), key.summary)));
    let properties: Map<String, Value> = own.chain(more.iter().cloned()).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn described(mut schema: Value, summary: &str) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), summary.into());
    }
    schema
}

fn text() -> Value {
    // A number or a flag is a text, too, where a text is wanted.
    json!({ "type": ["string", "number", "boolean"] })
}

fn own(form: OwnForm) -> Value {
    match form {
        OwnForm::Text => text(),
        OwnForm::Texts => json!({ "anyOf": [text(), { "type": "array", "items": text() }] }),
        OwnForm::Choice(words) => json!({ "enum": words }),
        OwnForm::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        OwnForm::Time => json!({ "type": "string", "format": "date-time" }),
        OwnForm::Duration => json!({ "type": ["string", "integer"], "pattern": "^[0-9]+[smh]?$" }),
        OwnForm::Bytes => json!({ "type": ["string", "integer"], "pattern": "^[0-9]+([KMGTkmgt](iB)?)?$" }),
        OwnForm::Settings => json!({ "$ref": "#/$defs/settings" }),
        OwnForm::Networks => networks(),
        OwnForm::List(keys) => {
            json!({ "anyOf": [mapping(keys, &[]), { "type": "array", "items": mapping(keys, &[]) }] })
        }
        OwnForm::Named(keys) => {
            json!({ "type": "array", "items": { "anyOf": [{ "type": "string" }, mapping(keys, &[])] } })
        }
        OwnForm::Vms(_) => json!({
            "anyOf": [
                { "$ref": "#/$defs/vm" },
                { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/vm" } },
            ],
        }),
        OwnForm::Section(keys) => mapping(keys, &[]),
    }
}

fn settings() -> Value {
    let keys: Map<String, Value> = KEYS.iter().map(|key| (key.name.to_owned(), setting(key))).collect();
    json!({ "type": ["object", "null"], "properties": keys, "additionalProperties": false })
}

fn vm() -> Value {
    let keys = KEYS.iter().filter(|key| !NOT_OF_A_VM.contains(&key.name));
    let settings: Vec<(String, Value)> = keys.map(|key| (key.name.to_owned(), setting(key))).collect();
    let mut vm = mapping(h2k_config::batch::keys::VM, &settings);
    if let Some(map) = vm.as_object_mut() {
        map.insert("oneOf".to_owned(), json!([{ "required": ["source"] }, { "required": ["from"] }]));
    }
    vm
}

/// A key of a configuration file.
fn setting(key: &Key) -> Value {
    let one = match key.form {
        Form::Path | Form::Text => text(),
        Form::Flag => json!({ "enum": [true, false, "yes", "no", "on", "off"] }),
        Form::Choice(names) => json!({ "enum": names() }),
        Form::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Form::Bytes => json!({ "type": ["string", "integer"], "pattern": "^[0-9]+[KMGTkmgt]?$" }),
        Form::Own => json!({ "type": ["object", "array"] }),
    };
    let value = match key.kind {
        Kind::Scalar | Kind::Section => one,
        Kind::List => json!({ "anyOf": [one.clone(), { "type": "array", "items": one }] }),
        Kind::Map => json!({
            "anyOf": [
                { "type": "object", "additionalProperties": one.clone() },
                one.clone(),
                { "type": "array", "items": one },
            ],
        }),
        Kind::Networks => networks(),
    };
    described(value, key.summary)
}

fn networks() -> Value {
    json!({
        "anyOf": [
            { "type": "object", "additionalProperties": { "$ref": "#/$defs/network" } },
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ],
    })
}

fn network() -> Value {
    let vlan = json!({ "type": "integer", "minimum": 1, "maximum": 4094 });
    let target = "^(bridge|network):[^;]+(;vlan=[0-9]+)*$";
    json!({
        "anyOf": [
            { "type": "string", "pattern": target },
            {
                "type": "object",
                "properties": {
                    "bridge": { "type": "string" },
                    "network": { "type": "string" },
                    "vlan": { "anyOf": [vlan.clone(), { "type": "array", "items": vlan }] },
                },
                "oneOf": [{ "required": ["bridge"] }, { "required": ["network"] }],
                "additionalProperties": false,
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use h2k_config::batch::keys::STAGES;

    use super::*;
    use crate::stage::Stage;

    /// The schema that is committed is the one that this h2k prints.
    #[test]
    fn the_committed_schema_is_current() {
        let path = format!("{}/config/batch.schema.json", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let now = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        assert!(
            committed == now,
            "config/batch.schema.json is not current; regenerate it: cargo run -- batch schema > config/batch.schema.json"
        );
    }

    #[test]
    fn hooks_know_every_stage() {
        let stages: Vec<&str> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        assert_eq!(STAGES, stages);
    }
}
