//! The analysis of one report -> a DICOM structured report: Measurement Report (TID 1500) as Comprehensive SR.
//!
//! Each mention that counts and speaks of this patient now is a Measurement Group (TID 1501): finding, site with
//! laterality, sizes, and whether it is present. The labels are qualitative evaluations. The report's own text stands
//! at the root, so that the file can be read back. The file depends on the report and the rules alone: its UIDs are
//! drawn from them, its dates are the study's. A program verifies nothing, so the document is UNVERIFIED.

use super::content::{Code, Item, Relation, sequence, text};
use super::{OWN_DEVICE, OWN_ID, OWN_SCHEME, OWN_TEXT};
use crate::finding::speaks_of_now;
use crate::lexicon::{Concept, Side};
use crate::measure::measured;
use crate::output::Line;
use crate::rules::AttributeName;
use crate::{Detail, Measurement, Metadata, Quantity, Status, StudyKey};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use sha2::{Digest, Sha256};

const FINDING: Code<'_> = Code::dcm("121071", "Finding");
const SITE: Code<'_> = Code::sct("363698007", "Finding Site");
const LATERALITY: Code<'_> = Code::sct("272741003", "Laterality");
const PRESENCE: Code<'_> = Code::dcm("121052", "Presence of property");
const MILLIMETRE: Code<'_> = Code::fixed("mm", "UCUM", "millimeter");
const HOUNSFIELD: Code<'_> = Code::fixed("[hnsf'U]", "UCUM", "Hounsfield unit");
const UPTAKE: Code<'_> = Code::fixed("g/ml", "UCUM", "gram per milliliter");
const DERIVATION: Code<'_> = Code::dcm("121401", "Derivation");
/// The document must have a date. Where neither report nor study has one, this stands for "not known".
const NO_DATE: &str = "19000101";

/// The DICOM file of one report.
///
/// # Errors
/// Where the encoder fails; it has no reason to.
pub(crate) fn write(line: &Line<'_>) -> Result<Vec<u8>, String> {
    let report = line.report;
    let key = [report.id.as_str(), report.text.as_str()];
    let mut document = InMemDicomObject::new_empty();
    head(&mut document, line, &key);
    root(line, &key).into_root(&mut document);
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .implementation_class_uid(uid(&[OWN_DEVICE]))
        .implementation_version_name(OWN_DEVICE.to_uppercase());
    let file = document.with_meta(meta).map_err(|e| format!("DICOM file meta information: {e}"))?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|e| format!("DICOM data set: {e}"))?;
    Ok(bytes)
}

/// A UID that the parts alone decide: a UUID (version 8, RFC 9562) of their hash.
fn uid(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut number = hash.finalize().iter().take(16).fold(0_u128, |n, &byte| n << 8 | u128::from(byte));
    number = number & !(0xF << 76) | 8 << 76;
    number = number & !(0x3 << 62) | 2 << 62;
    format!("2.25.{number}")
}

fn is_uid(value: &str) -> bool {
    let component =
        |c: &str| !c.is_empty() && c.bytes().all(|b| b.is_ascii_digit()) && (c == "0" || !c.starts_with('0'));
    value.len() <= 64 && value.contains('.') && value.split('.').all(component)
}

/// A value that fits its element; what does not is told in the content tree, which has no limits.
fn fitting(value: Option<&String>, most: usize) -> Option<&str> {
    let fits = |v: &&str| v.chars().count() <= most && !v.chars().any(|c| c.is_control() || c == '\\');
    value.map(|v| v.trim()).filter(|v| !v.is_empty()).filter(fits)
}

/// All modules but the content: patient, study, series, equipment, document.
fn head(document: &mut InMemDicomObject, line: &Line<'_>, key: &[&str; 2]) {
    let study = &line.report.study;
    let mut put = |tag, vr, value: &str| {
        document.put(text(tag, vr, value));
    };
    let accession = fitting(study.accession.as_ref(), 16).unwrap_or("");
    let series = uid(&["series", key[0], key[1]]);
    put(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    put(tags::SOP_CLASS_UID, VR::UI, uids::COMPREHENSIVE_SR_STORAGE);
    put(tags::SOP_INSTANCE_UID, VR::UI, &uid(&["document", key[0], key[1]]));
    let date = study.date.as_deref().and_then(when);
    let written = study.report_time.as_deref().and_then(when);
    put(tags::STUDY_DATE, VR::DA, date.as_ref().map_or("", |d| &d.date));
    put(tags::STUDY_TIME, VR::TM, "");
    let content = written.or(date);
    put(tags::CONTENT_DATE, VR::DA, content.as_ref().map_or(NO_DATE, |d| &d.date));
    put(tags::CONTENT_TIME, VR::TM, content.as_ref().and_then(|d| d.time.as_deref()).unwrap_or("000000"));
    if let Some(offset) = content.as_ref().and_then(|d| d.offset.as_deref()) {
        put(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, offset);
    }
    put(tags::ACCESSION_NUMBER, VR::SH, accession);
    put(tags::MODALITY, VR::CS, "SR");
    put(tags::MANUFACTURER, VR::LO, OWN_DEVICE);
    put(tags::MANUFACTURER_MODEL_NAME, VR::LO, OWN_DEVICE);
    put(tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"));
    put(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
    put(tags::PATIENT_NAME, VR::PN, "");
    put(tags::PATIENT_ID, VR::LO, fitting(study.patient_id.as_ref(), 64).unwrap_or(""));
    put(tags::PATIENT_BIRTH_DATE, VR::DA, "");
    put(tags::PATIENT_SEX, VR::CS, sex(study));
    if let Some(age) = age(study) {
        put(tags::PATIENT_AGE, VR::AS, &age);
    }
    put(tags::STUDY_INSTANCE_UID, VR::UI, &study_uid(study, key));
    put(tags::SERIES_INSTANCE_UID, VR::UI, &series);
    put(tags::STUDY_ID, VR::SH, "");
    put(tags::SERIES_NUMBER, VR::IS, "1");
    put(tags::INSTANCE_NUMBER, VR::IS, "1");
    let (completion, preliminary) = flags(study.report_status.as_deref());
    put(tags::COMPLETION_FLAG, VR::CS, completion);
    put(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED");
    if let Some(preliminary) = preliminary {
        put(tags::PRELIMINARY_FLAG, VR::CS, preliminary);
    }
    document.put(sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new()));
    document.put(sequence(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new()));
    document.put(sequence(tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE, vec![own_scheme()]));
}

fn own_scheme() -> InMemDicomObject {
    let mut scheme = InMemDicomObject::new_empty();
    scheme.put(text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, OWN_SCHEME));
    scheme.put(text(tags::CODING_SCHEME_NAME, VR::ST, "radlabel concepts and labels"));
    scheme.put(text(tags::CODING_SCHEME_VERSION, VR::SH, env!("CARGO_PKG_VERSION")));
    scheme
}

/// The study's own UID; without one, reports of one accession number still share a study.
fn study_uid(study: &StudyKey, key: &[&str; 2]) -> String {
    let given = study.study_uid.as_deref().map(str::trim).filter(|u| is_uid(u));
    given.map_or_else(
        || match &study.accession {
            Some(accession) => uid(&["study", accession, study.patient_id.as_deref().unwrap_or("")]),
            None => uid(&["study of a report", key[0], key[1]]),
        },
        str::to_owned,
    )
}

fn sex(study: &StudyKey) -> &'static str {
    match Metadata::of(study).sex {
        Some(crate::Sex::F) => "F",
        Some(crate::Sex::M) => "M",
        None if study.sex.as_deref().is_some_and(|s| s.trim().to_ascii_lowercase().starts_with('o')) => "O",
        None => "",
    }
}

/// `045Y`, as it came if it came so.
fn age(study: &StudyKey) -> Option<String> {
    let given = study.age.as_deref()?.trim();
    let (digits, unit) = given.split_at_checked(3)?;
    if digits.bytes().all(|b| b.is_ascii_digit()) && matches!(unit, "D" | "W" | "M" | "Y") {
        return Some(given.to_owned());
    }
    years(study)
}

fn years(study: &StudyKey) -> Option<String> {
    let years = Metadata::of(study).age?;
    Some(if years < 2.0 { format!("{:03.0}M", years * 12.0) } else { format!("{:03.0}Y", years.floor()) })
}

/// Completion and preliminary flag of a FHIR status.
fn flags(status: Option<&str>) -> (&'static str, Option<&'static str>) {
    match status {
        Some("final" | "amended" | "corrected" | "appended") => ("COMPLETE", Some("FINAL")),
        Some("preliminary") => ("COMPLETE", Some("PRELIMINARY")),
        Some("partial" | "registered") => ("PARTIAL", None),
        _ => ("COMPLETE", None),
    }
}

/// A point in time as DICOM writes it.
struct When {
    date: String,
    time: Option<String>,
    offset: Option<String>,
}

/// Reads `2024-01-31`, `20240131`, `2024-01-31T09:15:00+01:00` and `20240131091500`.
fn when(given: &str) -> Option<When> {
    let given = given.trim();
    let dashed = given.get(4..5) == Some("-");
    let (day, rest) = given.split_at_checked(if dashed { 10 } else { 8 })?;
    let date: String = day.chars().filter(|c| *c != '-').collect();
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let within = |range: std::ops::Range<usize>, most: u32| {
        date.get(range).and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| (1..=most).contains(&n))
    };
    if date.len() != 8 || !digits(&date) || !within(4..6, 12) || !within(6..8, 31) {
        return None;
    }
    let rest = rest.trim_start_matches(['T', ' ']);
    let (clock, offset) = rest.find(['+', '-', 'Z']).map_or((rest, ""), |at| rest.split_at(at));
    let clock: String = clock.split('.').next().unwrap_or("").chars().filter(|c| *c != ':').collect();
    let time = (matches!(clock.len(), 4 | 6) && digits(&clock)).then(|| format!("{clock:0<6}"));
    let offset = if offset == "Z" { "+0000".to_owned() } else { offset.chars().filter(|c| *c != ':').collect() };
    let offset = Some(offset).filter(|o| time.is_some() && o.len() == 5 && digits(&o[1..]));
    Some(When { date, time, offset })
}

/// The content tree.
fn root(line: &Line<'_>, key: &[&str; 2]) -> Item {
    let study = &line.report.study;
    let mut root =
        Item::container(Relation::Contains, &Code::dcm("126000", "Imaging Measurement Report")).template("1500");
    root.push(Item::code(
        Relation::Modifies,
        &Code::dcm("121049", "Language of Content Item and Descendants"),
        &Code::fixed("en", "RFC5646", "English"),
    ));
    observer(&mut root);
    let id = Code::fixed(OWN_ID, OWN_SCHEME, "Report id");
    if !line.report.id.trim().is_empty() {
        root.push(Item::text(Relation::ObservationContext, &id, &line.report.id));
    }
    if let Some(accession) = study.accession.as_ref().filter(|a| fitting(Some(a), 16).is_none() && !a.trim().is_empty())
    {
        root.push(Item::text(Relation::ObservationContext, &Code::dcm("121022", "Accession Number"), accession));
    }
    if let Some(patient) = study.patient_id.as_ref().filter(|p| fitting(Some(p), 64).is_none() && !p.trim().is_empty())
    {
        root.push(Item::text(Relation::ObservationContext, &Code::dcm("121030", "Subject ID"), patient));
    }
    let modality = fitting(study.modality.as_ref(), 16);
    if let Some(modality) = modality {
        let code = Code::new(modality, "DCM", modality_name(modality));
        root.push(Item::code(Relation::AcquisitionContext, &Code::dcm("121139", "Modality"), &code));
    }
    if let Some(part) = fitting(study.body_part.as_ref(), 64) {
        let code = Code::new(part, OWN_SCHEME, part);
        root.push(Item::code(Relation::AcquisitionContext, &Code::dcm("123014", "Target Region"), &code));
    }
    let procedure = procedure(modality.unwrap_or(""));
    root.push(Item::code(Relation::Modifies, &Code::dcm("121058", "Procedure reported"), &procedure));
    if !line.report.text.trim().is_empty() {
        let name = Code::fixed(OWN_TEXT, OWN_SCHEME, "Report text");
        root.push(Item::text(Relation::Contains, &name, &line.report.text));
    }
    let mut measurements = Item::container(Relation::Contains, &Code::dcm("126010", "Imaging Measurements"));
    for (number, (mention, assertion)) in line.analysis.mentions.iter().zip(&line.analysis.assertions).enumerate() {
        if mention.counts && speaks_of_now(assertion) {
            measurements.push(group(line, key, number));
        }
    }
    if !measurements.is_empty() {
        root.push(measurements);
    }
    let labels = evaluations(line);
    if !labels.is_empty() {
        root.push(labels);
    }
    root
}

/// The program as the observer (TID 1001, 1004).
fn observer(root: &mut Item) {
    let context = Relation::ObservationContext;
    root.push(Item::code(context, &Code::dcm("121005", "Observer Type"), &Code::dcm("121007", "Device")));
    root.push(Item::uid(context, &Code::dcm("121012", "Device Observer UID"), &uid(&[OWN_DEVICE])));
    root.push(Item::text(context, &Code::dcm("121013", "Device Observer Name"), OWN_DEVICE));
    root.push(Item::text(context, &Code::dcm("121014", "Device Observer Manufacturer"), OWN_DEVICE));
    root.push(Item::text(context, &Code::dcm("121015", "Device Observer Model Name"), OWN_DEVICE));
}

/// The kind of procedure, which the template asks for; a name of the very procedure no study key has.
fn procedure(modality: &str) -> Code<'static> {
    match modality {
        "CT" => Code::sct("77477000", "Computed tomography"),
        "MR" => Code::sct("113091000", "Magnetic resonance imaging"),
        "US" => Code::sct("16310003", "Diagnostic ultrasonography"),
        "MG" => Code::sct("71651007", "Mammography"),
        "CR" | "DX" => Code::sct("168537006", "Plain radiography"),
        _ => Code::sct("363679005", "Imaging procedure"),
    }
}

/// The meaning of a modality (CID 29), by the code itself where it is a rarer one.
fn modality_name(modality: &str) -> &str {
    match modality {
        "CR" => "Computed Radiography",
        "CT" => "Computed Tomography",
        "DX" => "Digital Radiography",
        "MG" => "Mammography",
        "MR" => "Magnetic Resonance",
        "NM" => "Nuclear Medicine",
        "PT" => "Positron emission tomography",
        "RF" => "Radiofluoroscopy",
        "US" => "Ultrasound",
        "XA" => "X-Ray Angiography",
        other => other,
    }
}

/// The code of a concept: of SNOMED CT or RadLex where the lexicon has one, else the program's own id.
fn coded(concept: &Concept) -> Code<'_> {
    let of = |system: &str| concept.codes.iter().find(|(s, _)| **s == *system).map(|(_, code)| &**code);
    match (of("snomed"), of("radlex")) {
        (Some(code), _) => Code::new(code, "SCT", &*concept.name),
        (None, Some(code)) => Code::new(code, "RADLEX", &*concept.name),
        (None, None) => Code::new(&*concept.id, OWN_SCHEME, &*concept.name),
    }
}

const fn presence(status: Status) -> Code<'static> {
    match status {
        Status::Present => Code::sct("52101004", "Present"),
        Status::Absent => Code::sct("272519000", "Absent"),
        Status::Uncertain => Code::sct("373068000", "Undetermined"),
    }
}

const fn side(side: Side) -> Code<'static> {
    match side {
        Side::Left => Code::sct("7771000", "Left"),
        Side::Right => Code::sct("24028007", "Right"),
        Side::Bilateral => Code::sct("51440002", "Bilateral"),
    }
}

/// One mention (TID 1501).
fn group(line: &Line<'_>, key: &[&str; 2], number: usize) -> Item {
    let (engine, report, analysis) = (line.engine, line.report, line.analysis);
    let mention = &analysis.mentions[number];
    let concept = engine.lexicon.concept(mention.concept);
    let at = |byte| line.offsets.code_point(&report.text, byte);
    let tracking = format!("{} {}-{}", concept.id, at(mention.span.start), at(mention.span.end));
    let mut group = Item::container(Relation::Contains, &Code::dcm("125007", "Measurement Group")).template("1501");
    let context = Relation::ObservationContext;
    group.push(Item::text(context, &Code::dcm("112039", "Tracking Identifier"), &tracking));
    let unique = uid(&["mention", key[0], key[1], &tracking, &number.to_string()]);
    group.push(Item::uid(context, &Code::dcm("112040", "Tracking Unique Identifier"), &unique));
    group.push(Item::code(Relation::Contains, &FINDING, &coded(concept)));
    let mut laterality = mention.side.map(side);
    let named = mention.location.iter().flatten().copied();
    let mut sites: Vec<_> = named.collect();
    if sites.is_empty() {
        sites.extend(concept.site);
    }
    for site in sites {
        let mut item = Item::code(Relation::Modifies, &SITE, &coded(engine.lexicon.concept(site)));
        if let Some(side) = laterality.take() {
            item.push(Item::code(Relation::Modifies, &LATERALITY, &side));
        }
        group.push(item);
    }
    for attribute in analysis.attributes_of(number as u32) {
        if let Detail::Size(m) | Detail::Attenuation(m) | Detail::Uptake(m) = &attribute.detail {
            measurement(&mut group, m);
        }
    }
    // What follows are qualitative evaluations.
    group.push(Item::code(Relation::Contains, &PRESENCE, &presence(analysis.assertions[number].status)));
    if let Some(side) = laterality {
        group.push(Item::code(Relation::Contains, &LATERALITY, &side));
    }
    for (attribute, name) in [
        (AttributeName::Severity, Code::sct("246112005", "Severity")),
        (AttributeName::Change, Code::fixed("change", OWN_SCHEME, "Change")),
        (AttributeName::Acuity, Code::fixed("acuity", OWN_SCHEME, "Acuity")),
        (AttributeName::Count, Code::fixed("count", OWN_SCHEME, "Count")),
        (AttributeName::Position, Code::fixed("position", OWN_SCHEME, "Position")),
        (AttributeName::Tip, Code::fixed("tip", OWN_SCHEME, "Position of tip")),
    ] {
        if let Some(value) = engine.attribute(analysis, &report.text, number, attribute) {
            group.push(Item::text(Relation::Contains, &name, &value));
        }
    }
    let sentence = analysis.sentences[mention.sentence as usize].span;
    let words = report.text[sentence.range()].split_whitespace().collect::<Vec<_>>().join(" ");
    group.push(Item::text(Relation::Contains, &Code::fixed("sentence", OWN_SCHEME, "Sentence"), &words));
    group
}

/// A measurement as one number a dimension (TID 300).
fn measurement(group: &mut Item, measurement: &Measurement) {
    let (least, most) = (Code::sct("255605001", "Minimum"), Code::sct("56851009", "Maximum"));
    let mut values: Vec<f64> = measurement.values().iter().map(|v| measured(*v)).collect();
    let range = measurement.relation == crate::Relation::Range;
    let lengths = match (values.len(), range) {
        (2, false) => {
            values.sort_by(|a, b| b.total_cmp(a));
            vec![Code::sct("103339001", "Long axis"), Code::sct("103340004", "Short axis")]
        }
        (3.., false) => {
            vec![Code::sct("410668003", "Length"), Code::sct("103355008", "Width"), Code::sct("131197000", "Depth")]
        }
        _ => vec![Code::sct("81827009", "Diameter"); 2],
    };
    for (place, value) in values.iter().enumerate() {
        let (name, unit) = match measurement.quantity {
            Quantity::Length => (lengths[place].clone(), MILLIMETRE),
            Quantity::Attenuation => (Code::dcm("112031", "Attenuation Coefficient"), HOUNSFIELD),
            Quantity::Uptake => (Code::dcm("126400", "Standardized Uptake Value"), UPTAKE),
        };
        let mut number = Item::number(Relation::Contains, &name, *value, &unit);
        if range {
            let end = if place == 0 { &least } else { &most };
            number.push(Item::code(Relation::Modifies, &DERIVATION, end));
        } else if measurement.relation != crate::Relation::Exact {
            let comment = Code::dcm("121106", "Comment");
            number.push(Item::text(Relation::Properties, &comment, measurement.relation.name()));
        }
        group.push(number);
    }
}

/// The labels, each by the name that its scheme gives it.
fn evaluations(line: &Line<'_>) -> Item {
    let name = Code::fixed("C0034375", "UMLS", "Qualitative Evaluations");
    let mut all = Item::container(Relation::Contains, &name);
    for one in line.labelled {
        for label in &one.labels {
            let Some(value) = line.policy.apply(label.value) else { continue };
            let name = &*one.scheme.labels[label.label as usize].name;
            let code = Code::new(format!("{}:{name}", one.scheme.id), OWN_SCHEME, name);
            all.push(Item::code(Relation::Contains, &code, &presence(value)));
        }
    }
    all
}
