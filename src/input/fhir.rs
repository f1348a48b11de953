//! FHIR R4 -> reports: a DiagnosticReport, a Bundle's entry that holds one, or a whole Bundle.
//!
//! A report's text is, of what it holds, the first of:
//! 1. `presentedForm` with `data`: plain text, else HTML. Attachments of one report say the same in several
//!    formats, so one format is read; different texts of it are joined.
//! 2. `text.div` whose status is `additional` or `extensions`: somebody wrote it.
//! 3. `FINDINGS` from the text values of the Observations in `result`, and `conclusion` as `IMPRESSION`.
//! 4. `text.div` whose status is `generated`: a rendering of the fields, with the patient's name among them, so
//!    it is the last to be read.
//!
//! References are resolved within the text given: `contained` resources and, in a whole Bundle, its entries.

use super::document::Document;
use super::encoding::{Choice, decode_whole};
use super::{html, not_text};
use crate::{StudyKey, shown};
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde_json::Value;

/// Base64 as it is met: with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The reports of a resource, of a Bundle's entry or of a Bundle; none where it holds no DiagnosticReport. One
/// report that cannot be read fails all: [`read_each`] keeps the others.
#[cfg(test)]
pub(crate) fn read(json: &str) -> Result<Vec<Document>, String> {
    read_each(json)?.into_iter().collect()
}

/// The reports of a resource, of a Bundle's entry or of a Bundle, each as read or as what keeps it from being so.
pub(crate) fn read_each(json: &str) -> Result<Vec<Result<Document, String>>, String> {
    let value: Value = serde_json::from_str(json).map_err(|e| super::json_fault(&e))?;
    let mut resource = &value;
    if value["resourceType"].is_null() {
        if value["fullUrl"].is_null() && value["resource"].is_null() && value["request"].is_null() {
            return Err(
                "neither \"resourceType\" nor \"resource\"; expected a FHIR resource or a Bundle's entry".into()
            );
        }
        resource = &value["resource"];
    }
    match str(&resource["resourceType"]) {
        Some("DiagnosticReport") => Ok(vec![document(resource, &value["fullUrl"], &[])]),
        Some("Bundle") => {
            let entries = list(&resource["entry"]);
            let reports = entries.iter().filter(|e| str(&e["resource"]["resourceType"]) == Some("DiagnosticReport"));
            Ok(reports.map(|entry| document(&entry["resource"], &entry["fullUrl"], entries)).collect())
        }
        _ => Ok(Vec::new()),
    }
}

fn document(report: &Value, full_url: &Value, entries: &[Value]) -> Result<Document, String> {
    let context = Context { contained: list(&report["contained"]), entries };
    let study = context.study(report);
    let identifier = list(&report["identifier"]).iter().find(|i| !is_type(i, "ACSN")).and_then(|i| str(&i["value"]));
    // A report that has not yet been on a server is known by its URL in the Bundle.
    let url = str(full_url).map(|u| u.strip_prefix("urn:uuid:").or(parted(u).map(|p| p.1)).unwrap_or(u));
    let id = str(&report["id"]).or(identifier).or(study.accession.as_deref()).or(url).map(str::to_owned);
    let told = |message: String| match id.as_deref() {
        Some(id) => format!("DiagnosticReport {}: {message}", shown(id)),
        None => format!("DiagnosticReport: {message}"),
    };
    let Original { text, origin, .. } = context.text(report).map_err(told)?;
    let empty = text.trim().is_empty();
    Ok(Document { id, text, study, empty, origin })
}

/// A text and where it stands in what it was read from.
#[derive(Debug, Default, PartialEq)]
struct Original {
    text: String,
    origin: Vec<(u32, u32)>,
    /// The code points that it was read from.
    points: u32,
}

impl Original {
    fn plain(text: String) -> Original {
        Original { points: text.chars().count() as u32, text, origin: Vec::new() }
    }

    fn html(html: &str) -> Original {
        let (text, origin) = html::strip(html);
        Original { text, origin, points: html.chars().count() as u32 }
    }

    /// Adds another text, after an empty line in both the text and what it was read from.
    fn join(&mut self, other: Original) {
        if self.points == 0 {
            *self = other;
            return;
        }
        let stripped = !self.origin.is_empty() || !other.origin.is_empty();
        let shift = (self.text.len() as u32 + 2, self.points + 2);
        if stripped {
            // The empty line goes on from the end of the first, and the second from its own start.
            self.origin.extend([(shift.0 - 2, shift.1 - 2), (shift.0, shift.1)]);
        }
        self.text.push_str("\n\n");
        self.text.push_str(&other.text);
        self.origin.extend(other.origin.iter().map(|&(byte, point)| (byte + shift.0, point + shift.1)));
        self.points = shift.1 + other.points;
    }
}

/// Where references are looked up.
struct Context<'a> {
    contained: &'a [Value],
    entries: &'a [Value],
}

impl<'a> Context<'a> {
    fn text(&self, report: &Value) -> Result<Original, String> {
        let mut missed = Vec::new();
        if let Some(text) = presented(list(&report["presentedForm"]), &mut missed)? {
            return Ok(text);
        }
        let narrative = |statuses: &[&str]| {
            let status = str(&report["text"]["status"]).unwrap_or("generated");
            let div = str(&report["text"]["div"]).filter(|_| statuses.contains(&status))?;
            Some(Original::html(div)).filter(|o| !o.text.trim().is_empty())
        };
        let found = narrative(&["additional", "extensions"]).or_else(|| self.said(report));
        if let Some(text) = found.or_else(|| narrative(&["generated"])) {
            return Ok(text);
        }
        let missed = if missed.is_empty() { "no presentedForm".to_owned() } else { missed.join(", ") };
        Err(format!(
            "without text: {missed}; no narrative, no Observation with a text, no conclusion. Expected presentedForm \
             with data as text/plain or text/html, text.div or conclusion"
        ))
    }

    /// The text values of the results, and the conclusion.
    fn said(&self, report: &Value) -> Option<Original> {
        let mut findings: Vec<String> = Vec::new();
        for reference in list(&report["result"]) {
            let Some(observation) = self.resolve(reference) else { continue };
            for part in std::iter::once(observation).chain(list(&observation["component"])) {
                let Some(value) = str(&part["valueString"]).filter(|v| !v.trim().is_empty()) else { continue };
                findings.push(match concept_name(&part["code"]) {
                    Some(name) => format!("{name}: {value}"),
                    None => value.to_owned(),
                });
            }
        }
        let conclusion = str(&report["conclusion"]).filter(|c| !c.trim().is_empty());
        Some(Original::plain(match (findings.is_empty(), conclusion) {
            (true, conclusion) => conclusion?.to_owned(),
            (false, None) => format!("FINDINGS:\n{}", findings.join("\n")),
            (false, Some(conclusion)) => format!("FINDINGS:\n{}\n\nIMPRESSION:\n{conclusion}", findings.join("\n")),
        }))
    }

    /// The resource that a reference means, where it is here.
    fn resolve(&self, reference: &Value) -> Option<&'a Value> {
        let wanted = str(&reference["reference"])?;
        if let Some(id) = wanted.strip_prefix('#') {
            return self.contained.iter().find(|r| str(&r["id"]) == Some(id));
        }
        // A version may follow.
        let wanted = wanted.split("/_history/").next().unwrap_or(wanted);
        let entry = self.entries.iter().find(|e| str(&e["fullUrl"]) == Some(wanted)).or_else(|| {
            let (kind, id) = parted(wanted)?;
            self.entries.iter().find(|e| {
                let resource = &e["resource"];
                str(&resource["resourceType"]) == Some(kind) && str(&resource["id"]) == Some(id)
            })
        })?;
        Some(&entry["resource"])
    }

    fn study(&self, report: &Value) -> StudyKey {
        let studies: Vec<&Value> = list(&report["imagingStudy"]).iter().chain(list(&report["study"])).collect();
        let orders = list(&report["basedOn"]);
        let images: Vec<&Value> = studies.iter().filter_map(|s| self.resolve(s)).collect();
        let requests: Vec<&Value> = orders.iter().filter_map(|o| self.resolve(o)).collect();
        let identifiers: Vec<&Value> = list(&report["identifier"])
            .iter()
            .chain(orders.iter().map(|o| &o["identifier"]))
            .chain(studies.iter().map(|s| &s["identifier"]))
            .chain(images.iter().chain(&requests).flat_map(|r| list(&r["identifier"])))
            .collect();
        let accession = identifiers.iter().find(|i| is_type(i, "ACSN")).copied();
        // An order that is told by nothing but its number is told by the accession number.
        let accession = accession.or_else(|| orders.iter().map(|o| &o["identifier"]).find(|i| i["type"].is_null()));
        let uid = identifiers.iter().find(|i| str(&i["system"]) == Some("urn:dicom:uid"));
        let uid = uid.and_then(|i| str(&i["value"])).map(|u| u.strip_prefix("urn:oid:").unwrap_or(u).to_owned());

        let patient = self.resolve(&report["subject"]);
        let own = |v: Option<&str>| v.map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
        let date = str(&report["effectiveDateTime"])
            .or(str(&report["effectivePeriod"]["start"]))
            .or_else(|| images.iter().find_map(|i| str(&i["started"])));
        let series = || images.iter().flat_map(|i| list(&i["series"]));
        let sites = series().map(|s| &s["bodySite"]).filter_map(coding_name);
        let requested = requests.iter().flat_map(|r| list(&r["bodySite"])).filter_map(concept_name);
        StudyKey {
            accession: own(accession.and_then(|i| str(&i["value"]))),
            study_uid: own(uid.as_deref()),
            patient_id: own(patient_id(&report["subject"], patient)),
            date: own(date),
            modality: own(modality(report, &images)),
            body_part: own(sites.chain(requested).next()),
            sex: own(patient.and_then(|p| str(&p["gender"])).filter(|g| *g != "unknown")),
            age: patient.and_then(|p| age(str(&p["birthDate"])?, date?)),
            report_time: own(str(&report["issued"])),
            report_status: own(str(&report["status"])),
        }
    }
}

fn patient_id<'a>(subject: &'a Value, patient: Option<&'a Value>) -> Option<&'a str> {
    let identifiers = patient.map_or(&[][..], |p| list(&p["identifier"]));
    let record = identifiers.iter().find(|i| is_type(i, "MR")).or(identifiers.first());
    let reference = || {
        let reference = str(&subject["reference"])?;
        let reference = reference.split("/_history/").next().unwrap_or(reference);
        let typed = str(&subject["type"]).or(parted(reference).map(|p| p.0));
        // Groups, devices and places have reports too.
        if typed.is_some_and(|t| t != "Patient") || reference.starts_with('#') {
            return None;
        }
        parted(reference).map(|p| p.1).or(reference.strip_prefix("urn:uuid:"))
    };
    let own =
        || patient.and_then(|p| str(&p["id"])).filter(|_| !str(&subject["reference"]).unwrap_or("").starts_with('#'));
    str(&subject["identifier"]["value"]).or_else(|| str(&record?["value"])).or_else(own).or_else(reference)
}

/// A DICOM code: of the imaging study, or of the report's category.
fn modality<'a>(report: &'a Value, images: &[&'a Value]) -> Option<&'a str> {
    let coded = |v: &'a Value| str(&v["code"]).or_else(|| list(&v["coding"]).iter().find_map(|c| str(&c["code"])));
    let of_study = images
        .iter()
        .flat_map(|i| list(&i["modality"]).iter().chain(list(&i["series"]).iter().map(|s| &s["modality"])));
    let categories = || list(&report["category"]).iter().flat_map(|c| list(&c["coding"]));
    let system = |c: &Value, name: &str| str(&c["system"]).is_some_and(|s| s.ends_with(name));
    let dicom =
        || categories().find(|c| system(c, "dicom.nema.org/resources/ontology/DCM")).and_then(|c| str(&c["code"]));
    // HL7's table of diagnostic services has names of its own for some modalities.
    let hl7 = || {
        let code = categories().filter(|c| system(c, "0074")).find_map(|c| str(&c["code"]))?;
        match code {
            "CT" => Some("CT"),
            "NMR" => Some("MR"),
            "NMS" => Some("NM"),
            "RUS" | "VUS" | "OUS" | "CUS" => Some("US"),
            _ => None,
        }
    };
    of_study.into_iter().find_map(coded).or_else(dicom).or_else(hl7)
}

/// The age at a date, as DICOM writes it (`045Y`, `007M`).
fn age(born: &str, date: &str) -> Option<String> {
    let part = |date: &str, range: std::ops::Range<usize>| date.get(range).and_then(|p| p.parse::<i32>().ok());
    let months = |date: &str| Some(part(date, 0..4)? * 12 + part(date, 5..7).unwrap_or(1) - 1);
    let exact = born.len() >= 10 && date.len() >= 10;
    let early = i32::from(exact && part(date, 8..10) < part(born, 8..10));
    let age = months(date)? - months(born)? - early;
    match age {
        0..24 if born.len() >= 7 && date.len() >= 7 => Some(format!("{age:03}M")),
        0..1800 => Some(format!("{:03}Y", age / 12)),
        _ => None,
    }
}

/// What an attachment is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Html,
    Other,
}

/// The text of the attachments, or what each of them is that has none.
fn presented(attachments: &[Value], missed: &mut Vec<String>) -> Result<Option<Original>, String> {
    let mut texts: Vec<(Form, String)> = Vec::new();
    for (number, attachment) in attachments.iter().enumerate() {
        let place = format!("presentedForm[{number}]");
        let named = str(&attachment["contentType"]);
        let kind = named.map(|t| t.split(';').next().unwrap_or(t).trim().to_ascii_lowercase());
        let Some(data) = str(&attachment["data"]).filter(|d| !d.trim().is_empty()) else {
            let url = if attachment["url"].is_null() { "no data" } else { "only a url, and nothing is fetched" };
            missed.push(format!("{place} has {url}"));
            continue;
        };
        let form = match kind.as_deref() {
            None | Some("" | "text/plain" | "text/markdown" | "text") => Form::Plain,
            Some("text/html" | "application/xhtml+xml") => Form::Html,
            Some(_) => Form::Other,
        };
        if form == Form::Other {
            missed.push(format!("{place} is {}, which is not read", shown(kind.as_deref().unwrap_or_default())));
            continue;
        }
        let text = decoded(data, named).map_err(|message| format!("{place}: {message}"))?;
        // Without a type, what opens with a tag is HTML.
        let bare = kind.is_none() && ["<html", "<!doctype html", "<div", "<p>"].iter().any(|t| opens(&text, t));
        let form = if bare { Form::Html } else { form };
        if text.trim().is_empty() {
            missed.push(format!("{place} is empty"));
        } else if !texts.contains(&(form, text.clone())) {
            texts.push((form, text));
        }
    }
    let best = if texts.iter().any(|t| t.0 == Form::Plain) { Form::Plain } else { Form::Html };
    let mut joined: Option<Original> = None;
    for (_, text) in texts.into_iter().filter(|t| t.0 == best) {
        let original = if best == Form::Html { Original::html(&text) } else { Original::plain(text) };
        match &mut joined {
            Some(before) => before.join(original),
            None => joined = Some(original),
        }
    }
    Ok(joined.filter(|o| !o.text.trim().is_empty()))
}

fn opens(text: &str, tag: &str) -> bool {
    text.trim_start().get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
}

/// Base64 -> text, by the charset of the content type.
fn decoded(data: &str, content_type: Option<&str>) -> Result<String, String> {
    let clean: Vec<u8> = data.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(&clean).or_else(|_| general_purpose::URL_SAFE.decode(&clean));
    let bytes = bytes.map_err(|_| format!("data of {} characters is no base64", clean.len()))?;
    let charset = content_type.and_then(|t| {
        t.split(';').skip(1).find_map(|p| p.split_once('=').filter(|(k, _)| k.trim().eq_ignore_ascii_case("charset")))
    });
    let choice = match charset.map(|(_, name)| name.trim().trim_matches(['"', '\''])) {
        Some(name) => Choice::of(name).map_err(|_| format!("unknown charset {}", shown(name)))?,
        None => Choice::Auto,
    };
    if let Some(message) = not_text(&bytes) {
        return Err(message);
    }
    match decode_whole(&bytes, choice) {
        (text, _, _, 0) => Ok(text.into_owned()),
        (_, encoding, _, bad) => Err(format!("{bad} of {} bytes are not valid {}", bytes.len(), encoding.name())),
    }
}

/// The text of a JSON string.
pub(crate) fn str(value: &Value) -> Option<&str> {
    value.as_str()
}

/// The items of an array; one object stands for a list of itself.
pub(crate) fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Object(_) => std::slice::from_ref(value),
        _ => &[],
    }
}

/// `Patient/12` and `https://.../Patient/12` as type and id.
fn parted(reference: &str) -> Option<(&str, &str)> {
    let (rest, id) = reference.rsplit_once('/')?;
    Some((rest.rsplit('/').next().unwrap_or(rest), id))
}

fn is_type(identifier: &Value, code: &str) -> bool {
    list(&identifier["type"]["coding"]).iter().any(|c| str(&c["code"]) == Some(code))
}

fn coding_name(coding: &Value) -> Option<&str> {
    str(&coding["display"]).or(str(&coding["code"])).or_else(|| concept_name(&coding["concept"]))
}

fn concept_name(concept: &Value) -> Option<&str> {
    str(&concept["text"]).or_else(|| list(&concept["coding"]).iter().find_map(coding_name))
}

#[cfg(test)]
#[path = "fhir_tests.rs"]
mod tests;
