//! Facts, grades and alerts of a report: members of its JSON line, and rows of their own.
//!
//! Offsets are code points. An alert's row shows its first evidence; the JSON has all.

use super::json::{comma, integer, span, string, word};
use super::offsets::Offsets;
use crate::{Alert, Engine, Facts, Grade};
use std::io;

/// What both members and rows need.
#[derive(Clone, Copy)]
pub(crate) struct Whole<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) text: &'a str,
    pub(crate) offsets: &'a Offsets,
}

/// The columns of an alert's row.
const COLUMNS: [&str; 9] = ["id", "kind", "level", "what", "when", "section", "start", "end", "rule"];

impl Whole<'_> {
    /// Appends the members `facts` and `grades`, each after a comma.
    pub(crate) fn facts(self, out: &mut Vec<u8>, facts: &Facts, grades: &[Grade]) {
        out.extend_from_slice(b",\"facts\":[");
        let mut first = true;
        for fact in &facts.list {
            comma(out, &mut first);
            out.extend_from_slice(b"{\"fact\":");
            word(out, fact.kind.name());
            if let Some(value) = &fact.value {
                out.extend_from_slice(b",\"value\":");
                string(out, value);
            }
            out.extend_from_slice(b",\"source\":");
            word(out, fact.source.name());
            if let Some(rule) = fact.rule {
                out.extend_from_slice(b",\"rule\":");
                string(out, &self.engine.rules.info(rule).id);
            }
            if let Some(at) = fact.span {
                out.push(b',');
                span(out, at, self.text, self.offsets);
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"grades\":[");
        let mut first = true;
        for grade in grades {
            comma(out, &mut first);
            out.extend_from_slice(b"{\"system\":");
            string(out, &grade.system);
            if let Some(value) = &grade.value {
                out.extend_from_slice(b",\"value\":");
                string(out, value);
            }
            out.extend_from_slice(b",\"status\":");
            word(out, grade.status.name());
            out.extend_from_slice(b",\"rule\":");
            string(out, &self.engine.rules.info(grade.rule).id);
            out.push(b',');
            span(out, grade.span, self.text, self.offsets);
            out.push(b'}');
        }
        out.push(b']');
    }

    /// Appends the member `alerts`, after a comma.
    pub(crate) fn alerts(self, out: &mut Vec<u8>, alerts: &[Alert]) {
        out.extend_from_slice(b",\"alerts\":[");
        let mut first = true;
        for alert in alerts {
            comma(out, &mut first);
            out.push(b'{');
            self.alert(out, alert);
            out.push(b'}');
        }
        out.push(b']');
    }

    /// The members of one alert.
    fn alert(self, out: &mut Vec<u8>, alert: &Alert) {
        out.extend_from_slice(b"\"kind\":");
        word(out, alert.kind.name());
        out.extend_from_slice(b",\"level\":");
        word(out, alert.level.name());
        if let Some(what) = &alert.what {
            out.extend_from_slice(b",\"what\":");
            string(out, what);
        }
        if let Some(when) = &alert.when {
            out.extend_from_slice(b",\"when\":{");
            if let (Some(from), Some(to)) = (when.from, when.to) {
                out.extend_from_slice(b"\"from\":");
                integer(out, from);
                out.extend_from_slice(b",\"to\":");
                integer(out, to);
                out.extend_from_slice(b",\"unit\":");
                word(out, when.unit.name());
                out.push(b',');
            }
            span(out, when.span, self.text, self.offsets);
            out.push(b'}');
        }
        if alert.conditional {
            out.extend_from_slice(b",\"conditional\":true");
        }
        out.extend_from_slice(b",\"message\":");
        string(out, &alert.message);
        out.extend_from_slice(b",\"section\":");
        string(out, &alert.section);
        out.extend_from_slice(b",\"rule\":");
        string(out, &self.engine.rules.info(alert.rule).id);
        out.extend_from_slice(b",\"evidence\":[");
        let mut first = true;
        for at in &alert.evidence {
            comma(out, &mut first);
            out.push(b'{');
            span(out, *at, self.text, self.offsets);
            out.push(b'}');
        }
        out.push(b']');
    }

    /// Appends one alert as a JSON line of its own.
    pub(crate) fn alert_line(self, out: &mut Vec<u8>, id: &str, alert: &Alert) {
        out.extend_from_slice(b"{\"id\":");
        string(out, id);
        out.push(b',');
        self.alert(out, alert);
        out.extend_from_slice(b"}\n");
    }

    /// Writes one alert as a row.
    pub(crate) fn alert_row(self, rows: &mut csv::Writer<Vec<u8>>, id: &str, alert: &Alert) -> io::Result<()> {
        let at = alert.evidence.first().copied();
        let start = at.map(|s| self.offsets.code_point(self.text, s.start).to_string()).unwrap_or_default();
        let end = at.map(|s| self.offsets.end(self.text, s.end).to_string()).unwrap_or_default();
        let mut when = alert.when.as_ref().map(|w| w.written()).unwrap_or_default();
        if alert.conditional {
            when.push_str(if when.is_empty() { "conditional" } else { ", conditional" });
        }
        rows.write_record([
            id,
            alert.kind.name(),
            alert.level.name(),
            alert.what.as_deref().unwrap_or_default(),
            &when,
            &alert.section,
            &start,
            &end,
            &self.engine.rules.info(alert.rule).id,
        ])?;
        Ok(())
    }
}

/// The header line of alerts' rows.
pub(crate) fn alerts_header() -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    writer.into_inner().map_err(|e| e.into_error())
}
