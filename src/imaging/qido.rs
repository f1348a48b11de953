//! A DICOMweb server, asked by QIDO-RS (PS3.18 10.6) page by page -> rows of the study table.
//!
//! A page may hold fewer results than were asked for, as servers have limits of their own; so the next page begins
//! after the results that came, and the page without any is the last. No message holds the values of a query.

use super::http::{Address, Client};
use super::pages::{Asked, Pages};
use super::server::{Level, Server};
use super::{Take, dicom_json};
use crate::Error;
use crate::input::Told;
use serde_json::Value;
use std::collections::HashSet;

/// What servers give at each level without being asked is little: these fields are asked for too.
const STUDY: &str = "00080020,00080030,00080050,00080051,00080061,00080080,00081030,00100020,00100021,00100030,\
                     00100040,00101010,00201206,00201208";
const SERIES: &str = "00080060,00080070,0008103E,00081090,00180015,00200011,00200060,00201209";
const INSTANCE: &str = "00080016,00180010,00180050,00181164,00185101,00200013,00200020,00200032,00200037,00200062,\
                        00280004,00280008,00280010,00280011,00280030";

impl Level {
    /// The resource, the key of a result, and what a result is called.
    const fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Level::Study => ("studies", "0020000D", "studies"),
            Level::Series => ("series", "0020000E", "series"),
            Level::Instance => ("instances", "00080018", "instances"),
        }
    }

    fn fields(self) -> String {
        match self {
            Level::Study => STUDY.to_owned(),
            Level::Series => format!("{STUDY},{SERIES}"),
            Level::Instance => format!("{STUDY},{SERIES},{INSTANCE}"),
        }
    }
}

/// Reads all that a server has of what is asked for.
///
/// # Errors
/// A server that cannot be asked or does not answer as it should, with how far the reading came; whatever the taker
/// says.
pub(crate) fn read(source: &str, options: &Server, take: &mut dyn Take) -> Result<(), Error> {
    let address = Address::of(source)?;
    let (resource, _, _) = options.level.parts();
    let asked = Asked {
        version: 1,
        address: address.below(resource),
        query: options.query.clone(),
        fields: options.level.fields(),
        page: options.page,
    };
    let pages = Pages::open(options.cache.as_deref(), &asked)?;
    if address.is_open() && options.credentials != super::server::Credentials::None {
        let message = "the credentials go over the network as open text; expected https";
        take.tell(Told::warning(address.to_string(), message));
    }
    let client = Client::new(&address, options);
    let mut reading =
        Reading { asked, options, client, pages, seen: HashSet::new(), first: None, offset: 0, stale: false };
    while reading.page(take)? {}
    Ok(())
}

/// Where the reading of a query stands.
struct Reading<'a> {
    asked: Asked,
    options: &'a Server,
    client: Client,
    pages: Pages,
    /// The keys of all results.
    seen: HashSet<String>,
    /// The key of the first.
    first: Option<String>,
    /// Results that came.
    offset: u64,
    /// The page before held nothing new.
    stale: bool,
}

impl Reading<'_> {
    /// Reads a page; false where there was none left.
    fn page(&mut self, take: &mut dyn Take) -> Result<bool, Error> {
        let (place, body, kept) = match self.pages.kept(self.options.most_bytes)? {
            Some((place, body)) => (place, body, true),
            None => {
                let (url, shown) = self.url();
                let tell = |message| take.tell(Told::warning(&shown, message));
                let body = self.client.json(&url, tell).map_err(|m| self.stopped(&shown, &m))?;
                (shown, body, false)
            }
        };
        let results = results(&body).map_err(|m| self.stopped(&place, &m))?;
        let keys: Vec<String> = results.iter().map(|r| self.key(r)).collect();
        let fresh = keys.iter().filter(|k| !self.seen.contains(*k)).count();
        // The server that was asked for a page and gave more knows no pages: it has given all that it has.
        let unpaged = self.offset > u64::from(self.options.page) && self.offset == self.seen.len() as u64;
        if fresh == 0 && !results.is_empty() {
            let again = self.first.as_ref() == keys.first();
            if again && unpaged && results.len() as u64 == self.offset {
                take.tell(Told::warning(&place, "the server knows no pages; its one answer was taken as all it has"));
                self.pages.keep(b"[]")?;
                return Ok(false);
            }
            if again || self.stale {
                let message = format!(
                    "the server gives the same {} results again, as if it did not know \"offset\"; expected the next \
                     ones, or [] at the end",
                    results.len()
                );
                return Err(self.stopped(&place, &message));
            }
        }
        self.stale = fresh == 0;
        if !kept {
            self.pages.keep(if body.is_empty() { b"[]" } else { &body })?;
        }
        let mut doubled = 0;
        for (number, (result, key)) in results.iter().zip(keys).enumerate() {
            self.first.get_or_insert_with(|| key.clone());
            if !self.seen.insert(key) {
                doubled += 1;
                continue;
            }
            match result {
                Value::Object(set) => take.row(dicom_json::row(set))?,
                _ => take.tell(Told::problem(&place, format!("result {} is no object; left out", number + 1))),
            }
        }
        if doubled > 0 {
            let message = format!("{doubled} results came before (the server changed meanwhile?); taken once");
            take.tell(Told::warning(&place, message));
        }
        self.offset += results.len() as u64;
        Ok(!results.is_empty())
    }

    /// What tells a result from others: its UID, or all of it.
    fn key(&self, result: &Value) -> String {
        let (_, tag, _) = self.options.level.parts();
        let uid = result.get(tag).and_then(|e| e["Value"][0].as_str()).filter(|u| !u.trim().is_empty());
        uid.map_or_else(|| result.to_string(), |u| u.trim().to_owned())
    }

    /// The address of the next page, and as it is shown: without the values that are asked for.
    fn url(&self) -> (String, String) {
        let Asked { address, query, fields, page, .. } = &self.asked;
        let mut url = format!("{address}?limit={page}&offset={}", self.offset);
        let mut shown = url.clone();
        for (attribute, value) in query {
            url.push_str(&format!("&{attribute}={}", encoded(value)));
            shown.push_str(&format!("&{attribute}=..."));
        }
        url.push_str(&format!("&includefield={fields}"));
        (url, shown)
    }

    /// An error that says how far the reading came.
    fn stopped(&self, place: &str, message: &str) -> Error {
        let (_, _, name) = self.options.level.parts();
        let rest = match self.pages.place() {
            Some(folder) => format!("they are kept in {folder}, and the same command goes on after them"),
            None => "with --cache DIR the same command goes on from where it stopped".to_owned(),
        };
        let came = self.seen.len();
        Error::input(place, format!("{message}; {came} {name} came before; {rest}"))
    }
}

/// The results of a page: none where it is empty.
fn results(body: &[u8]) -> Result<Vec<Value>, String> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Array(results)) => Ok(results),
        Ok(other) => Err(format!("JSON of {} bytes that is {}; expected an array", body.len(), kind(&other))),
        Err(error) => {
            let lines = body.split_inclusive(|&b| b == b'\n').take(error.line().saturating_sub(1));
            let at = lines.map(<[u8]>::len).sum::<usize>() + error.column();
            let hint = if body.trim_ascii_start().starts_with(b"<") { ", but a web page" } else { "" };
            Err(format!("not valid JSON{hint}: at byte {at} of {}", body.len()))
        }
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) | Value::Null => "true, false or null",
    }
}

/// A value as a query holds it.
fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'*' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
#[path = "qido_tests.rs"]
mod tests;
