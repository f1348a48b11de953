//! Messages of HL7 v2 -> reports: ORU^R01, and MDM with its document.
//!
//! A message has a report for each OBR; which OBX and NTE make its text tells [`observation`], which fields its study
//! key, [`study`]. An OBR without any text is another order of the same report: where it has the accession number of
//! one with text, it only adds to its study key, else it is told. Two OBR of one accession number and one procedure
//! (OBR-4) are one report in parts.
//!
//! What the order says (OBR-13 relevant clinical information, OBR-31 reason) is not part of the report's text.

mod escape;
mod frame;
mod observation;
mod study;
mod syntax;

pub(crate) use frame::{Frames, charset, looks_like, odd_end};

use super::document::Document;
use crate::StudyKey;
use study::Context;
use syntax::{Segment, Separators};

/// One report's segments.
struct Group<'a> {
    /// Its place in the message, from 1.
    number: usize,
    context: Context<'a>,
    /// OBX and NTE, in order.
    body: Vec<Segment<'a>>,
}

/// Reads a record as [`Frames`] cuts them, untrimmed: each report of the message. Parts of it that could not be read,
/// while others could, go to `notices`. An envelope without a message has no reports; a message that is no report, or
/// none that can be read, is an error. Neither holds a word of the message but its type.
pub(crate) fn read(message: &str, notices: &mut Vec<String>) -> Result<Vec<Document>, String> {
    let Some(parts) = syntax::segments(message) else {
        return match envelope_only(message) {
            true => Ok(Vec::new()),
            false => Err("no MSH segment; expected messages of HL7 v2, each beginning with MSH|^~\\&".to_owned()),
        };
    };
    let (separators, segments) = parts?;
    let msh = segments.first().ok_or("no MSH segment")?;
    let kind = message_type(msh, &separators)?;
    if let Some(cut) = cut_off(message, &segments) {
        return Err(cut);
    }
    for segment in segments.iter().filter(|s| s.name == "ADD" || (s.name == "DSC" && !s.field(1).is_empty())) {
        notices.push(format!(
            "segment {} ({}) parts a report over several segments or messages, which are not joined",
            segment.number, segment.name
        ));
    }
    let groups = match kind {
        Kind::Observations => groups(&segments),
        Kind::Document => vec![document(&segments)],
    };
    if groups.is_empty() || groups.iter().all(|g| g.context.obr.is_none() && g.body.is_empty()) {
        return Err("the message has neither OBR nor OBX; expected a report".to_owned());
    }
    let control = separators.first(msh.field(10));
    documents(groups, &separators, control.as_deref(), notices)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// ORU: a report for each OBR.
    Observations,
    /// MDM: one report.
    Document,
}

fn message_type(msh: &Segment<'_>, separators: &Separators) -> Result<Kind, String> {
    let field = msh.field(9).trim();
    let part = |number| separators.component(field, number).unwrap_or_default();
    let (code, event) = (part(1), part(2));
    match (code.as_str(), event.as_str()) {
        ("ORU", _) => return Ok(Kind::Observations),
        // The other events of MDM only notify of a document.
        ("MDM", "T02" | "T04" | "T06" | "T08" | "T10") => return Ok(Kind::Document),
        _ => {}
    }
    let expected = "expected ORU^R01 (or MDM^T02)";
    let shaped = |text: &str, size: usize| text.len() == size && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if field.is_empty() {
        return Err(format!("MSH-9 (the message type) is empty; {expected}"));
    }
    if code.starts_with("ORU") && code.len() > 3 {
        let (mark, said) = (code.as_bytes()[3], separators.component);
        if mark.is_ascii_punctuation() && mark != b'_' {
            let mark = char::from(mark);
            return Err(format!("MSH-9 (the message type) parts its components with {mark}, but MSH-2 says {said}"));
        }
    }
    match (shaped(&code, 3), shaped(&event, 3)) {
        (true, true) => Err(format!("the message is {code}^{event}; {expected}")),
        (true, false) if event.is_empty() => Err(format!("the message is {code}; {expected}")),
        _ => Err(format!("MSH-9 is no message type; {expected}")),
    }
}

/// The last segment is an OBX without the end of a segment and without OBX-11, where another has it: the file was cut.
fn cut_off(message: &str, segments: &[Segment<'_>]) -> Option<String> {
    const STATUS: usize = 11;
    let last = segments.last().filter(|s| s.name == "OBX" && s.width() < STATUS)?;
    let ended = message.ends_with(['\r', '\n', '\u{1c}']);
    let whole = segments.iter().any(|s| s.name == "OBX" && s.width() >= STATUS);
    (!ended && whole).then(|| {
        format!("the message is cut in segment {} (OBX), after {} fields of {STATUS}", last.number, last.width())
    })
}

fn envelope_only(text: &str) -> bool {
    let mark = |c: char| matches!(c, '\u{b}' | '\u{1c}' | '\u{feff}') || c.is_whitespace();
    text.split(['\r', '\n'])
        .map(|line| line.trim_matches(mark))
        .all(|line| line.is_empty() || ["FHS", "BHS", "BTS", "FTS"].iter().any(|name| line.starts_with(name)))
}

fn groups<'a>(segments: &[Segment<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut next = Context::default();
    let mut noted = false;
    for &segment in segments {
        let mut open = |groups: &mut Vec<Group<'a>>, obr| {
            let context = Context { obr, ..next };
            (next.orc, next.ipc, next.zds) = (None, None, None);
            groups.push(Group { number: groups.len() + 1, context, body: Vec::new() });
        };
        let was_noted = std::mem::replace(&mut noted, matches!(segment.name, "OBR" | "OBX" | "NTE"));
        match segment.name {
            "PID" => next = Context { pid: Some(segment), ..Context::default() },
            "ORC" => next.orc = Some(segment),
            "OBR" => open(&mut groups, Some(segment)),
            "OBX" => {
                if groups.is_empty() {
                    open(&mut groups, None);
                }
                groups.iter_mut().last().into_iter().for_each(|g| g.body.push(segment));
            }
            // A note on the patient or the order is no part of a report.
            "NTE" if !was_noted => noted = false,
            "NTE" => groups.iter_mut().last().into_iter().for_each(|g| g.body.push(segment)),
            "ZDS" | "IPC" => {
                // They follow their OBR; before an OBR they belong to the next one.
                let context = match groups.last_mut().filter(|_| next.orc.is_none()) {
                    Some(group) => &mut group.context,
                    None => &mut next,
                };
                let slot = if segment.name == "ZDS" { &mut context.zds } else { &mut context.ipc };
                slot.get_or_insert(segment);
            }
            _ => {}
        }
    }
    groups
}

/// MDM: several orders may share the one document.
fn document<'a>(segments: &[Segment<'a>]) -> Group<'a> {
    let first = |name| segments.iter().find(|s| s.name == name).copied();
    let context = Context {
        pid: first("PID"),
        orc: first("ORC"),
        obr: first("OBR"),
        ipc: first("IPC"),
        zds: first("ZDS"),
        txa: first("TXA"),
    };
    let start = segments.iter().position(|s| s.name == "OBX").unwrap_or(segments.len());
    let body = segments[start..].iter().filter(|s| matches!(s.name, "OBX" | "NTE")).copied().collect();
    Group { number: 1, context, body }
}

fn documents(
    mut groups: Vec<Group<'_>>,
    separators: &Separators,
    control: Option<&str>,
    notices: &mut Vec<String>,
) -> Result<Vec<Document>, String> {
    join_parts(&mut groups, separators);
    let mut read: Vec<(usize, Document)> = Vec::new();
    let (mut silent, mut unread) = (Vec::new(), Vec::new());
    for group in &groups {
        let (document, left_out) = one(group, separators);
        if !document.empty {
            read.push((group.number, document));
        } else if left_out.is_empty() {
            silent.push((group.number, document));
        } else {
            unread.extend(left_out);
        }
    }
    if read.is_empty() && !unread.is_empty() {
        return Err(format!("no text: {}", unread.join("; ")));
    }
    notices.extend(unread);
    if read.is_empty() {
        // A cancelled examination: what is known of it is its study.
        read = silent;
    } else {
        for (number, document) in silent {
            let accession = &document.study.accession;
            let same = read.iter_mut().find(|(_, d)| accession.is_some() && d.study.accession == *accession);
            match same {
                Some((_, with_text)) => fill(&mut with_text.study, document.study),
                None => notices.push(format!(
                    "order group {number} (OBR) has no text and no accession number of a \
                                              report of the same message; left out"
                )),
            }
        }
    }
    let several = read.len() > 1;
    let mut out: Vec<Document> = Vec::with_capacity(read.len());
    for (number, mut document) in read {
        let accession = document.study.accession.clone();
        let doubled = accession.is_some() && out.iter().any(|d| d.study.accession == accession);
        if doubled && out.iter().any(|d| d.study.accession == accession && d.text == document.text) {
            continue;
        }
        let numbered = doubled || (accession.is_none() && several);
        let name = accession.or_else(|| control.map(str::to_owned));
        document.id = name.map(|name| if numbered { format!("{name}.{number}") } else { name });
        out.push(document);
    }
    Ok(out)
}

/// Two OBR of one order and one procedure are one report in parts.
fn join_parts(groups: &mut Vec<Group<'_>>, separators: &Separators) {
    let key = |group: &Group<'_>| {
        let obr = group.context.obr?;
        Some((separators.first(obr.field(3))?, separators.first(obr.field(4))))
    };
    let mut at = 1;
    while at < groups.len() {
        let own = key(&groups[at]);
        match groups[..at].iter().position(|g| own.is_some() && key(g) == own) {
            Some(first) => {
                let part = groups.remove(at);
                groups[first].body.extend(part.body);
            }
            None => at += 1,
        }
    }
}

fn one(group: &Group<'_>, separators: &Separators) -> (Document, Vec<String>) {
    let mut text = observation::Text::default();
    for segment in &group.body {
        match segment.name {
            "OBX" => text.observation(segment, separators),
            _ => text.note(segment, separators),
        }
    }
    let codes = group.body.iter().filter(|s| s.name == "OBX").map(|s| s.field(11).trim());
    let mut study = study::key(&group.context, separators, study::observed_status(codes));
    let (text, uid, unread) = text.finish();
    study.study_uid = study.study_uid.or(uid);
    let empty = text.trim().is_empty();
    (Document { text, study, empty, ..Document::default() }, unread)
}

fn fill(study: &mut StudyKey, other: StudyKey) {
    let pairs = [
        (&mut study.study_uid, other.study_uid),
        (&mut study.patient_id, other.patient_id),
        (&mut study.date, other.date),
        (&mut study.modality, other.modality),
        (&mut study.body_part, other.body_part),
        (&mut study.report_time, other.report_time),
        (&mut study.report_status, other.report_status),
    ];
    for (own, other) in pairs {
        if own.is_none() {
            *own = other;
        }
    }
}

#[cfg(test)]
mod tests;
