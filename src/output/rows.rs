//! Mentions as the rows of a profile's table, as CSV or as JSON lines.
//!
//! The profile says which mentions have a row and which columns; values come from the engine. Offsets
//! are code points. What is not said is blank in CSV and left out in JSON.

use super::json::{comma, integer, string, word};
use super::offsets::Offsets;
use crate::label::Policy;
use crate::rules::{AttributeName, BoundScheme, Column, Profile, Subject};
use crate::span::ConceptId;
use crate::{Analysis, Engine, Report, Status};
use std::io;

/// One report under a profile.
pub(crate) struct Rows<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) profile: &'a Profile,
    pub(crate) bound: &'a BoundScheme,
    pub(crate) policy: Policy,
    pub(crate) report: &'a Report,
    pub(crate) analysis: &'a Analysis,
    pub(crate) offsets: &'a Offsets,
}

/// What one row holds beside its mention.
pub(crate) struct Row {
    mention: usize,
    labels: Vec<u32>,
    /// The status to write.
    pub(crate) status: Status,
}

enum Cell {
    Text(String),
    Number(u32),
    Blank,
}

/// The header line of a table of rows.
pub(crate) fn rows_header(profile: &Profile) -> io::Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(profile.columns.iter().map(|c| c.name()))?;
    writer.into_inner().map_err(|e| e.into_error())
}

impl Rows<'_> {
    /// The mentions that the profile keeps, in order.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let filter = &self.profile.filter;
        let mut out = Vec::new();
        for (number, (mention, assertion)) in self.analysis.mentions.iter().zip(&self.analysis.assertions).enumerate() {
            let kept = (mention.counts || !filter.counted)
                && assertion.subject == Subject::Patient
                && filter.times.contains(&assertion.time)
                && (filter.statuses.is_empty() || filter.statuses.contains(&assertion.status))
                && (filter.kinds.is_empty()
                    || filter.kinds.contains(&self.engine.lexicon.concept(mention.concept).kind))
                && filter.concepts.as_ref().is_none_or(|c| c[mention.concept.index()])
                && (filter.within.is_empty() || mention.location[0].is_some_and(|p| self.lies_in(p, &filter.within)))
                && filter.said.iter().all(|&a| self.attribute(a, number).is_some());
            let Some(status) = self.policy.apply(assertion.status).filter(|_| kept) else {
                continue;
            };
            let mut labels = self.engine.claims(self.analysis, number, self.bound);
            labels.retain(|l| self.profile.labels.is_empty() || self.profile.labels.contains(l));
            if !labels.is_empty() {
                out.push(Row { mention: number, labels, status });
            }
        }
        out
    }

    fn lies_in(&self, part: ConceptId, roots: &[ConceptId]) -> bool {
        roots.iter().any(|&root| self.engine.lexicon.is_a(part, root))
    }

    fn attribute(&self, attribute: AttributeName, mention: usize) -> Option<String> {
        self.engine.attribute(self.analysis, &self.report.text, mention, attribute)
    }

    /// Appends the rows to a table.
    pub(crate) fn write_csv(&self, rows: &[Row], writer: &mut ::csv::Writer<Vec<u8>>) -> io::Result<()> {
        for row in rows {
            for &column in &self.profile.columns {
                match self.cell(row, column) {
                    Cell::Text(text) => writer.write_field(text)?,
                    Cell::Number(number) => writer.write_field(number.to_string())?,
                    Cell::Blank => writer.write_field("")?,
                }
            }
            writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    /// Appends the rows as JSON lines.
    pub(crate) fn write_jsonl(&self, rows: &[Row], out: &mut Vec<u8>) {
        for row in rows {
            out.push(b'{');
            let mut first = true;
            for &column in &self.profile.columns {
                let cell = self.cell(row, column);
                if matches!(cell, Cell::Blank) {
                    continue;
                }
                comma(out, &mut first);
                word(out, column.name());
                out.push(b':');
                match cell {
                    Cell::Text(text) => string(out, &text),
                    Cell::Number(number) => integer(out, number),
                    Cell::Blank => {}
                }
            }
            out.extend_from_slice(b"}\n");
        }
    }

    fn cell(&self, row: &Row, column: Column) -> Cell {
        let text = &self.report.text;
        let mention = &self.analysis.mentions[row.mention];
        let assertion = &self.analysis.assertions[row.mention];
        let concept = self.engine.lexicon.concept(mention.concept);
        let sentence = self.analysis.sentences[mention.sentence as usize].span;
        let at = |byte: u32| Cell::Number(self.offsets.code_point(text, byte));
        match column {
            Column::Id => Cell::Text(self.report.id.clone()),
            Column::Label => {
                let names: Vec<&str> =
                    row.labels.iter().map(|&l| &*self.bound.scheme.labels[l as usize].name).collect();
                Cell::Text(names.join("; "))
            }
            Column::Concept => Cell::Text(concept.id.to_string()),
            Column::Name => Cell::Text(concept.name.to_string()),
            Column::Codes if concept.codes.is_empty() => Cell::Blank,
            Column::Codes => {
                let codes: Vec<String> =
                    concept.codes.iter().map(|(system, code)| format!("{system}:{code}")).collect();
                Cell::Text(codes.join("; "))
            }
            Column::Status => Cell::Text(row.status.name().to_owned()),
            Column::Time => Cell::Text(assertion.time.name().to_owned()),
            Column::Start => at(mention.span.start),
            Column::End => at(mention.span.end),
            Column::SentenceStart => at(sentence.start),
            Column::SentenceEnd => at(sentence.end),
            Column::Words => Cell::Text(text[mention.span.range()].split_whitespace().collect::<Vec<_>>().join(" ")),
            Column::Attribute(attribute) => self.attribute(attribute, row.mention).map_or(Cell::Blank, Cell::Text),
        }
    }
}
