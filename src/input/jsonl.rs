//! One JSON object a line -> the fields of a report.
//!
//! Only the keys that matter are unpacked; strings without escapes stay borrowed from the line. Faults are
//! told by column: serde's own messages may quote the value, which is report text.

use super::columns::{Fields, Role, Wanted};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Reads the fields of one line.
pub(crate) fn fields<'a>(line: &'a str, wanted: &Wanted) -> Result<Fields<'a>, String> {
    if !line.trim_start().starts_with('{') {
        return Err("no JSON object; expected one object a line: {\"id\": ..., \"text\": ...}".to_owned());
    }
    let mut reader = serde_json::Deserializer::from_str(line);
    let mut wrong = None;
    let seed = Object { wanted, wrong: &mut wrong };
    let fields = seed.deserialize(&mut reader).and_then(|fields| reader.end().map(|()| fields));
    let fields = fields.map_err(|error| fault(&error))?;
    match wrong {
        Some(Wrong::NoText(key)) => Err(format!("key \"{key}\" is no string; expected text")),
        Some(Wrong::Twice(key)) => Err(format!("key \"{key}\" stands twice in the object; expected each key once")),
        None if !wanted.keys_only && !fields.has_text() => Err(match wanted.texts.as_slice() {
            [] => "no text; expected a key text, report, findings or impression (or --text-column)".to_owned(),
            texts => format!("no text; expected a key {}", texts.join(" or ")),
        }),
        None => Ok(fields),
    }
}

/// What is wrong with a JSON line, without quoting it.
pub(crate) fn fault(error: &serde_json::Error) -> String {
    let place = match (error.line(), error.column()) {
        (0 | 1, column) => format!("column {column}"),
        (line, column) => format!("column {column} of its line {line}"),
    };
    match error.classify() {
        serde_json::error::Category::Eof => {
            format!("the JSON object ends too early ({place})")
        }
        _ => format!("not valid JSON at {place}"),
    }
}

/// The keys of a line, to say what was guessed.
pub(crate) fn keys(line: &str) -> Option<Vec<String>> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    Some(object.into_iter().map(|(key, _)| key).collect())
}

struct Object<'w> {
    wanted: &'w Wanted,
    /// What is wrong with a key.
    wrong: &'w mut Option<Wrong>,
}

/// A fault of a key that matters.
enum Wrong {
    /// It should hold text and holds none.
    NoText(String),
    /// It stands twice: which value is meant cannot be known.
    Twice(String),
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        let mut seen: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Scalar::Text(key)) = map.next_key::<Scalar<'de>>()? {
            let role = self.wanted.role(&key);
            if role.is_idle() {
                match &*key {
                    // As our own lines have it.
                    "study" => self.study(&map.next_value()?, &mut fields),
                    _ => drop(map.next_value::<IgnoredAny>()?),
                }
                continue;
            }
            if seen.contains(&key) {
                *self.wrong = Some(Wrong::Twice(key.clone().into_owned()));
            }
            seen.push(key.clone());
            match map.next_value::<Scalar<'de>>()? {
                Scalar::Text(text) => fields.put(role, text),
                Scalar::Number(number) if !role.has_text() => fields.put(role, number.into()),
                // A missing value is an empty report, as an empty cell is.
                Scalar::Null if role.has_text() => fields.put(role, "".into()),
                Scalar::Null => {}
                Scalar::Number(_) | Scalar::Other if role.has_text() => {
                    *self.wrong = Some(Wrong::NoText(key.into_owned()));
                }
                Scalar::Number(_) | Scalar::Other => {}
            }
        }
        Ok(fields)
    }
}

impl Object<'_> {
    /// Takes the fields of a study that stand in an object of their own.
    fn study(&self, study: &serde_json::Value, fields: &mut Fields<'_>) {
        for (key, value) in study.as_object().into_iter().flatten() {
            let role = Role { study: self.wanted.role(key).study, ..Role::default() };
            if let Some(value) = value.as_str() {
                fields.put(role, value.to_owned().into());
            }
        }
    }
}

/// A value as far as it is of use.
enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(String),
    Null,
    Other,
}

impl<'de> serde::Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(v.to_owned())))
            }
            fn visit_string<E>(self, v: String) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(v)))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Number(v.to_string()))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Number(v.to_string()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Number(v.to_string()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }
            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let read = |line: &str| {
            let wanted = Wanted::default();
            fields(line, &wanted).map(|f| {
                let report = f.into_reading(&wanted, || "row".to_owned()).report;
                (report.id, report.text, report.study.date)
            })
        };
        let text = |id: &str, text: &str| Ok((id.to_owned(), text.to_owned(), None));
        assert_eq!(read(r#"{"id": 7, "text": "a\nb", "x": [1, {"y": null}]}"#), text("7", "a\nb"));
        assert_eq!(read(r#"{"Report_Text": null}"#), text("row", ""));
        assert_eq!(
            read(r#"{"impression": "I", "findings": "F", "Study Date": "20200102", "uid": "u"}"#),
            Ok(("u".into(), "FINDINGS: F\nIMPRESSION: I".into(), Some("20200102".into())))
        );
        for bad in [
            "{\"text\": \"a\", \"text\": \"b\"}",
            "[1]",
            "{\"id\": 1}",
            "{\"text\": 5}",
            "{\"text\": \"cut",
            "{\"text\": \"a\"} x",
            "7",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let message = read("{\"text\": \"secret words").err().unwrap_or_default();
        assert!(message.contains("too early") && !message.contains("secret"), "{message}");
    }
}
