//! A structured report -> its document: the text of the content tree in order, and the study that it belongs to.
//!
//! Containers become headings, items become lines. What tells of the context (observers, subjects, acquisition) is
//! no statement of the report and is left out, and so are persons' names. Values by reference stand elsewhere in the
//! tree and are not repeated.

use super::charset::Charset;
use super::node::{Code, Node, line};
use super::parse::{Value, open};
use super::{OWN_DEVICE, OWN_ID, OWN_SCHEME, OWN_TEXT, expect_report};
use crate::StudyKey;
use crate::input::Document;
use dicom_core::dictionary::{UidDictionary, UidDictionaryEntry};
use dicom_dictionary_std::{StandardSopClassDictionary, tags};

/// Headings of the standard (CID 7001) whose words are no heading of radiologists.
const HEADINGS: [(&str, &str, &str); 12] = [
    ("DCM", "121064", "Technique"),
    ("DCM", "121066", "Comparison"),
    ("DCM", "121068", "Comparison"),
    ("DCM", "121109", "Indication"),
    ("DCM", "121110", "Presenting complaint"),
    ("LN", "18785-6", "Indication"),
    ("LN", "18834-2", "Comparison"),
    ("LN", "55108-5", "Presenting complaint"),
    ("LN", "55111-9", "Technique"),
    ("LN", "55114-3", "Comparison"),
    ("LN", "59776-5", "Findings"),
    ("LN", "73568-8", "Communication"),
];
/// Names of statements (CID 7002), which say no more than the heading above them: History, Request, Procedure
/// Description, Previous Finding, Finding, Impression, Recommendation, Conclusion.
const STATEMENTS: [&str; 9] =
    ["121061", "121063", "121065", "121067", "121069", "121071", "121073", "121075", "121077"];
/// The language and country of a report, which stand at its root.
const LANGUAGE: [&str; 2] = ["121046", "121049"];
const MEASUREMENT_GROUP: &str = "125007";
const FINDING: &str = "121071";
/// As SNOMED CT codes it, and as older files do.
const FINDING_SITE: [(&str, &str); 2] = [("SCT", "363698007"), ("SRT", "G-C0E3")];
const PRESENCE: &str = "121052";
/// Undetermined and indeterminate.
const UNDETERMINED: [&str; 2] = ["373068000", "82334004"];
const MODALITY: &str = "121139";
const TARGET_REGION: &str = "123014";
const ACCESSION: &str = "121022";
const SUBJECT_ID: &str = "121030";

/// The report of a DICOM file.
///
/// # Errors
/// No DICOM, no structured report, or damaged: told by class, tag and byte, never by text.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Document>, String> {
    let opened = open(bytes, expect_report)?;
    let data_set = opened.data_set(expect_report)?;
    let root = Node::new(&data_set, Charset::of("")?)?;
    if !matches!(root.value(tags::CONTENT_SEQUENCE), Some(Value::Items(_))) {
        return Err("a DICOM SR without its content (0040,A730): empty, or it breaks off before it".to_owned());
    }
    // A file of this program holds the report's text as it was, and what was found beside it.
    let text = match own(&root, OWN_TEXT)? {
        Some(text) => text,
        None if root.plain(tags::MANUFACTURER_MODEL_NAME).as_deref() == Some(OWN_DEVICE) => String::new(),
        None => composed(&root)?,
    };
    Ok(vec![document(&root, text)?])
}

impl<'a> Node<'a> {
    fn name(&self) -> Option<Code> {
        self.code(tags::CONCEPT_NAME_CODE_SEQUENCE)
    }

    fn children(&self) -> Result<Vec<Node<'a>>, String> {
        self.items(tags::CONTENT_SEQUENCE)
    }

    /// Whether it tells of the context of the report, and not of what was seen.
    fn is_context(&self) -> bool {
        let relation = self.plain(tags::RELATIONSHIP_TYPE);
        matches!(relation.as_deref(), Some("HAS OBS CONTEXT" | "HAS ACQ CONTEXT"))
            || self.name().is_some_and(|name| LANGUAGE.iter().any(|l| name.is("DCM", l)))
    }

    /// What the item says, in words.
    fn words(&self) -> Option<String> {
        match self.plain(tags::VALUE_TYPE)?.as_str() {
            "TEXT" => self.text(tags::TEXT_VALUE),
            "CODE" => self.code(tags::CONCEPT_CODE_SEQUENCE).map(|c| c.meaning),
            "NUM" => self.number(),
            "DATE" => iso_date(&self.plain(tags::DATE)?),
            "DATETIME" => iso_time(&self.plain(tags::DATE_TIME)?),
            _ => None,
        }
    }

    /// `12 mm`; where there is no number, why.
    fn number(&self) -> Option<String> {
        let Some(measured) = self.items(tags::MEASURED_VALUE_SEQUENCE).ok()?.into_iter().next() else {
            return self.code(tags::NUMERIC_VALUE_QUALIFIER_CODE_SEQUENCE).map(|c| c.meaning);
        };
        let value = measured.plain(tags::NUMERIC_VALUE)?;
        Some(match measured.code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE) {
            // Numbers without a unit have the unit 1, counts one in braces.
            Some(unit) if unit.scheme == "UCUM" && (unit.value == "1" || unit.value.starts_with('{')) => value,
            Some(unit) if unit.scheme == "UCUM" && unit.value == "[hnsf'U]" => format!("{value} HU"),
            Some(unit) if unit.scheme == "UCUM" => format!("{value} {}", unit.value),
            Some(unit) => format!("{value} {}", unit.meaning),
            None => value,
        })
    }
}

/// The text of an item at the root that this program wrote.
fn own(root: &Node<'_>, code: &str) -> Result<Option<String>, String> {
    let items = root.children()?;
    Ok(items.iter().find(|i| i.name().is_some_and(|n| n.is(OWN_SCHEME, code))).and_then(|i| i.text(tags::TEXT_VALUE)))
}

/// The content tree as text: its title, then headings and lines.
fn composed(root: &Node<'_>) -> Result<String, String> {
    let mut text = String::new();
    for child in root.children()? {
        write(&child, Place::Root, &mut text)?;
    }
    let body = text.trim_matches('\n');
    match root.name() {
        Some(title) if !body.is_empty() => Ok(format!("{}\n\n{body}", title.meaning)),
        _ => Ok(body.to_owned()),
    }
}

/// Where an item stands, which decides how much of its name must be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Root,
    /// Under this heading.
    Section(&'a str),
    /// In a container whose items flow on as one text.
    Flow,
}

/// Appends an item and what is below it.
fn write(item: &Node<'_>, place: Place<'_>, text: &mut String) -> Result<(), String> {
    if item.is_context() {
        return Ok(());
    }
    if item.plain(tags::VALUE_TYPE).as_deref() == Some("CONTAINER") {
        if text.ends_with(' ') {
            text.pop();
            text.push('\n');
        }
        let children = item.children()?;
        if item.name().is_some_and(|name| name.is("DCM", MEASUREMENT_GROUP)) && group(&children, text)? {
            return Ok(());
        }
        let before = text.len();
        let heading = item.name().map(|name| heading(&name));
        if let Some(heading) = &heading {
            text.push_str(&format!("\n{heading}:\n"));
        }
        let filled = text.len();
        // Many call a list of codes and numbers continuous; only a text flows on.
        let is_text = |c: &Node<'_>| c.plain(tags::VALUE_TYPE).as_deref() == Some("TEXT") && !c.is_context();
        let continuous = item.plain(tags::CONTINUITY_OF_CONTENT).as_deref() == Some("CONTINUOUS");
        let flows = continuous && children.iter().any(is_text);
        let inner = match (&heading, place) {
            _ if flows => Place::Flow,
            (Some(heading), _) => Place::Section(heading),
            (None, Place::Flow) => Place::Section(""),
            (None, place) => place,
        };
        for child in &children {
            write(child, inner, text)?;
        }
        if flows && text.ends_with(' ') {
            text.pop();
            text.push('\n');
        }
        // A heading over nothing would only name what is not told.
        if text.len() == filled {
            text.truncate(before);
        }
        return Ok(());
    }
    let before = text.len();
    if let Some(words) = item.words() {
        text.push_str(&named(item, place).unwrap_or_default());
        text.push_str(&words);
    }
    // What qualifies a piece of a flowing text would tear it apart.
    let children = if place == Place::Flow { Vec::new() } else { item.children()? };
    for child in children {
        properties(&child, before, text)?;
    }
    if text.len() > before {
        text.push(if place == Place::Flow { ' ' } else { '\n' });
    }
    Ok(())
}

/// Appends a measurement group (TID 1501) as one line, or the parts of what it says would be told apart:
/// `Left Lung Nodule: Present, Diameter: 7.5 mm`. Not without a finding.
fn group(children: &[Node<'_>], text: &mut String) -> Result<bool, String> {
    let (mut sites, mut finding, mut presence, mut others) = (Vec::new(), None, None, Vec::new());
    for child in children {
        let name = child.name();
        let is = |codes: &[(&str, &str)]| name.as_ref().is_some_and(|n| codes.iter().any(|(s, v)| n.is(s, v)));
        if finding.is_none() && is(&[("DCM", FINDING)]) {
            finding = child.words();
        } else if is(&FINDING_SITE) {
            let laterality = |c: &&Node<'_>| c.name().is_some_and(|n| n.meaning == "Laterality");
            let side = child.children()?.iter().find(laterality).and_then(Node::words);
            let site = child.words().unwrap_or_default();
            let side = side.filter(|s| !site.to_lowercase().contains(&s.to_lowercase()));
            sites.push([side, Some(site)].into_iter().flatten().collect::<Vec<_>>().join(" "));
        } else if presence.is_none() && is(&[("DCM", PRESENCE)]) {
            let value = child.code(tags::CONCEPT_CODE_SEQUENCE);
            // The standard's word for doubt is none of radiologists.
            let doubt = value.as_ref().is_some_and(|v| UNDETERMINED.contains(&v.value.as_str()));
            presence = value.map(|v| if doubt { "Possible".to_owned() } else { v.meaning });
        } else {
            others.push(child);
        }
    }
    let Some(finding) = finding else { return Ok(false) };
    let before = text.len();
    for site in sites.iter().filter(|s| !s.is_empty()) {
        text.push_str(&format!("{site} "));
    }
    text.push_str(&finding);
    if let Some(presence) = presence {
        text.push_str(&format!(": {presence}"));
    }
    for other in others {
        properties(other, before, text)?;
    }
    text.push('\n');
    Ok(true)
}

/// Appends what qualifies an item to its line.
fn properties(item: &Node<'_>, start: usize, text: &mut String) -> Result<(), String> {
    if item.is_context() {
        return Ok(());
    }
    if let Some(words) = item.words() {
        if text.len() > start {
            text.push_str(", ");
        }
        text.push_str(&named(item, Place::Section("")).unwrap_or_default());
        text.push_str(&words);
    }
    for child in item.children()? {
        properties(&child, start, text)?;
    }
    Ok(())
}

/// The name of an item before its value, unless the heading above says as much.
fn named(item: &Node<'_>, place: Place<'_>) -> Option<String> {
    let name = item.name()?;
    let statement = name.scheme == "DCM" && STATEMENTS.contains(&name.value.as_str());
    let words = heading(&name);
    let told = match place {
        Place::Root => true,
        Place::Section(above) => !statement && !words.eq_ignore_ascii_case(above),
        Place::Flow => false,
    };
    told.then(|| format!("{words}: "))
}

fn heading(name: &Code) -> String {
    let known = HEADINGS.iter().find(|(scheme, value, _)| name.is(scheme, value));
    known.map_or_else(|| name.meaning.trim_end_matches(':').to_owned(), |known| known.2.to_owned())
}

fn document(root: &Node<'_>, text: String) -> Result<Document, String> {
    let mut found = Context::default();
    context(root, &mut found)?;
    let request = root.items(tags::REFERENCED_REQUEST_SEQUENCE)?.into_iter().next();
    let accession = root.text(tags::ACCESSION_NUMBER);
    let accession = accession.or_else(|| request.and_then(|r| r.text(tags::ACCESSION_NUMBER)));
    // What stands for a date that nobody knows is none.
    let date = root.plain(tags::CONTENT_DATE).filter(|date| date != "19000101").and_then(|date| {
        let whole = format!("{date}{}", root.plain(tags::CONTENT_TIME).unwrap_or_default());
        let offset = root.plain(tags::TIMEZONE_OFFSET_FROM_UTC).unwrap_or_default();
        iso_time(&format!("{whole}{offset}"))
    });
    let study = StudyKey {
        accession: accession.or(found.accession).map(|a| line(&a)),
        study_uid: root.plain(tags::STUDY_INSTANCE_UID),
        patient_id: root.text(tags::PATIENT_ID).or(found.subject).map(|p| line(&p)),
        date: root.plain(tags::STUDY_DATE).and_then(|d| iso_date(&d)),
        modality: found.modality.or(referenced(root)?),
        body_part: found.region.or_else(|| root.text(tags::BODY_PART_EXAMINED)).map(|b| line(&b)),
        sex: root.plain(tags::PATIENT_SEX),
        age: root.plain(tags::PATIENT_AGE),
        report_time: date,
        report_status: status(root),
    };
    let id = own(root, OWN_ID)?.or_else(|| root.plain(tags::SOP_INSTANCE_UID));
    let empty = text.trim().is_empty();
    Ok(Document { id, text, study, empty, origin: Vec::new() })
}

/// What the content tree tells of the study.
#[derive(Default)]
struct Context {
    modality: Option<String>,
    region: Option<String>,
    accession: Option<String>,
    subject: Option<String>,
}

/// The first of each, in the order of the tree.
fn context(node: &Node<'_>, found: &mut Context) -> Result<(), String> {
    for child in node.children()? {
        if let Some(name) = child.name().filter(|n| n.scheme == "DCM") {
            let code = || child.code(tags::CONCEPT_CODE_SEQUENCE);
            let text = || child.text(tags::TEXT_VALUE);
            match name.value.as_str() {
                MODALITY => found.modality = found.modality.take().or_else(|| code().map(|c| c.value)),
                TARGET_REGION => found.region = found.region.take().or_else(|| code().map(|c| c.meaning)),
                ACCESSION => found.accession = found.accession.take().or_else(text),
                SUBJECT_ID => found.subject = found.subject.take().or_else(text),
                _ => {}
            }
        }
        context(&child, found)?;
    }
    Ok(())
}

/// The modality of the images that the report rests on, where all are of one.
fn referenced(root: &Node<'_>) -> Result<Option<String>, String> {
    let mut known: Option<&'static str> = None;
    for study in root.items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE)? {
        for series in study.items(tags::REFERENCED_SERIES_SEQUENCE)? {
            for object in series.items(tags::REFERENCED_SOP_SEQUENCE)? {
                let class = object.plain(tags::REFERENCED_SOP_CLASS_UID).unwrap_or_default();
                let Some(modality) = modality(&class) else { continue };
                if known.is_some_and(|k| k != modality) {
                    return Ok(None);
                }
                known = Some(modality);
            }
        }
    }
    Ok(known.map(str::to_owned))
}

/// The modality of a class of images, by the words of its name.
fn modality(class: &str) -> Option<&'static str> {
    let entry = StandardSopClassDictionary.by_uid(class)?;
    let name = entry.name();
    let known = [
        ("Mammography", "MG"),
        ("Breast Tomosynthesis", "MG"),
        ("Computed Radiography", "CR"),
        ("Digital X-Ray", "DX"),
        ("X-Ray Radiofluoroscopic", "RF"),
        ("X-Ray Angiographic", "XA"),
        ("CT Image", "CT"),
        ("MR Image", "MR"),
        ("Ultrasound", "US"),
        ("Nuclear Medicine", "NM"),
        ("Positron Emission", "PT"),
        ("PET Image", "PT"),
    ];
    known.iter().find(|(words, _)| name.contains(words)).map(|(_, modality)| *modality)
}

/// The report's status as FHIR codes it: nothing is final before someone has verified it or says so.
fn status(root: &Node<'_>) -> Option<String> {
    let flag = |tag| root.plain(tag);
    let (completion, preliminary) = (flag(tags::COMPLETION_FLAG), flag(tags::PRELIMINARY_FLAG));
    let verified = flag(tags::VERIFICATION_FLAG).as_deref() == Some("VERIFIED");
    let status = match (completion.as_deref(), preliminary.as_deref()) {
        (Some("PARTIAL"), _) => "partial",
        (_, Some("PRELIMINARY")) => "preliminary",
        (_, Some("FINAL")) => "final",
        (Some("COMPLETE"), _) if verified => "final",
        (Some("COMPLETE"), _) => "preliminary",
        _ => return None,
    };
    Some(status.to_owned())
}

/// `20240131` (or, in old files, `2024.01.31`) as `2024-01-31`.
fn iso_date(date: &str) -> Option<String> {
    let digits: String = date.chars().filter(|c| *c != '.').collect();
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let valid = digits.len() == 8
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (1..=12).contains(&number(4..6)?)
        && (1..=31).contains(&number(6..8)?);
    valid.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))
}

/// `20240131091500.25+0100` as `2024-01-31T09:15:00+01:00`; only as much of the time as is given.
fn iso_time(time: &str) -> Option<String> {
    let (time, offset) = time.find(['+', '-']).map_or((time, ""), |at| time.split_at(at));
    let time: String = time.split('.').next().unwrap_or("").chars().filter(|c| *c != ':').collect();
    let mut out = iso_date(time.get(..8)?)?;
    let clock = &time[8..];
    if clock.len() < 4 || !clock.bytes().all(|b| b.is_ascii_digit()) {
        return Some(out);
    }
    out.push_str(&format!("T{}:{}:{}", &clock[..2], &clock[2..4], clock.get(4..6).unwrap_or("00")));
    if offset.len() == 5 && offset[1..].bytes().all(|b| b.is_ascii_digit()) {
        out.push_str(&format!("{}:{}", &offset[..3], &offset[3..]));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times() {
        assert_eq!(iso_date("20240131").as_deref(), Some("2024-01-31"));
        assert_eq!(iso_date("2024.01.31").as_deref(), Some("2024-01-31"));
        for wrong in ["20241331", "2024013", "2024é31", "", "20240100"] {
            assert_eq!(iso_date(wrong), None, "{wrong}");
        }
        for (given, expected) in [
            ("20240131091500.25+0100", "2024-01-31T09:15:00+01:00"),
            ("202401310915", "2024-01-31T09:15:00"),
            ("20240131", "2024-01-31"),
            ("20240131-0500", "2024-01-31"),
            ("2024013109:15:00", "2024-01-31T09:15:00"),
        ] {
            assert_eq!(iso_time(given).as_deref(), Some(expected), "{given}");
        }
        assert_eq!(iso_time("é"), None);
    }
}
