//! Mentions as the rows of a profile's table, as CSV or as JSON lines.
//!
//! The profile says which mentions have a row and which columns; values come from the engine. Offsets
//! are code points. What is not said is blank in CSV and left out in JSON.

use super::json::{Line, comma, integer, string, word};
use super::offsets::Offsets;
use super::table::{Cells, ColumnSpec, Kind};
use crate::label::Policy;
use crate::rules::{AttributeName, BoundScheme, Column, Profile, Subject};
use crate::span::ConceptId;
use crate::{Analysis, Engine, Report, Status};

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

impl<'a> Rows<'a> {
    /// The rows of a report under a profile.
    pub(crate) fn of(line: &Line<'a>, profile: &'a Profile, bound: &'a BoundScheme) -> Rows<'a> {
        let Line { engine, policy, report, analysis, offsets, .. } = *line;
        Rows { engine, profile, bound, policy, report, analysis, offsets }
    }

    /// A column of a profile, as one of a table.
    pub(crate) fn column(column: Column) -> ColumnSpec {
        let kind = match column {
            Column::Start | Column::End | Column::SentenceStart | Column::SentenceEnd => Kind::Number,
            _ => Kind::Text,
        };
        ColumnSpec { name: column.name().to_owned(), kind, about: "" }
    }

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

    /// Gives the rows' cells.
    pub(crate) fn write_cells(&self, rows: &[Row], cells: &mut dyn Cells) {
        for row in rows {
            for &column in &self.profile.columns {
                match self.cell(row, column) {
                    Cell::Text(text) => cells.text(Some(&text)),
                    Cell::Number(number) => cells.number(Some(number)),
                    Cell::Blank if Self::column(column).kind == Kind::Number => cells.number(None),
                    Cell::Blank => cells.text(None),
                }
            }
            cells.end();
        }
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
        let ends = |byte: u32| Cell::Number(self.offsets.end(text, byte));
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
            Column::End => ends(mention.span.end),
            Column::SentenceStart => at(sentence.start),
            Column::SentenceEnd => ends(sentence.end),
            Column::Words => Cell::Text(text[mention.span.range()].split_whitespace().collect::<Vec<_>>().join(" ")),
            Column::Attribute(attribute) => self.attribute(attribute, row.mention).map_or(Cell::Blank, Cell::Text),
        }
    }
}
