//! The table of pairings: its columns, the cells of a row, and a row for eyes.

use super::catalog::{Catalog, Study};
use super::links::Link;
use super::reports::Read;
use crate::output::table::{Cells, ColumnSpec, Kind};
use crate::pair::Pairing;
use crate::rules::Scheme;

/// The columns; `src/annotations/FORMATS.md` tells of the same.
const COLUMNS: [(&str, Kind, &str); 26] = [
    ("report_id", Kind::Text, "The report's id; missing where no report is of the study"),
    ("study_uid", Kind::Text, "Study Instance UID; missing where only names tie"),
    ("image", Kind::Texts, "Images that it is drawn on; where nothing is drawn, all that were annotated"),
    ("label", Kind::Text, "The label"),
    ("outcome", Kind::Text, "both, neither, report-only, image-only, denied, uncertain-drawn, ..., no-report"),
    ("conflicts", Kind::Texts, "What contradicts where both have it: side, count, size, attenuation"),
    ("report_status", Kind::Text, "present, absent, uncertain; missing: not mentioned"),
    ("report_side", Kind::Text, "left, right, bilateral"),
    ("report_size_mm", Kind::Real, "The largest size told"),
    ("report_hu", Kind::Real, "The largest attenuation told"),
    ("report_count", Kind::Text, "A number, or multiple, several, few, numerous"),
    ("sentence", Kind::Text, "The sentence of the mention that decided: patient text"),
    ("start", Kind::Number, "Where that mention begins, in code points"),
    ("end", Kind::Number, "Where it ends"),
    ("annotations", Kind::Texts, "Ids of the annotations"),
    ("annotation_source", Kind::Texts, "The files that they stand in"),
    ("image_side", Kind::Text, "left, right, bilateral"),
    ("side_basis", Kind::Text, "told, laterality, orientation, view: the least trustworthy"),
    ("image_size_mm", Kind::Real, "The largest size drawn or measured"),
    ("image_hu", Kind::Real, "The largest attenuation measured"),
    ("image_count", Kind::Number, "How many are drawn; missing where only a label of the whole image says so"),
    ("readers", Kind::Text, "Readers who drew it, of all who read the images: 2/3"),
    ("link_method", Kind::Text, "study_uid, name, or as the link table says"),
    ("link_confidence", Kind::Real, "As the link table says"),
    ("link_ambiguous", Kind::Flag, "One of several candidates"),
    ("conflict", Kind::Flag, "The outcome is a conflict, or something contradicts"),
];

pub(super) fn columns() -> Vec<ColumnSpec> {
    COLUMNS.map(|(name, kind, about)| ColumnSpec { name: name.to_owned(), kind, about }).to_vec()
}

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) read: Option<&'a Read>,
    pub(super) link: Option<&'a Link>,
    pub(super) study: &'a Study,
    /// Where the images of the pairing stand among those of the study.
    pub(super) images: &'a [u32],
    pub(super) pairing: &'a Pairing,
    /// Sentences are shown.
    pub(super) text: bool,
}

impl<'a> Row<'a> {
    /// The outcome's name; without a report there is none but that.
    pub(super) fn outcome(&self) -> &'static str {
        if self.read.is_some() { self.pairing.outcome.name() } else { "no-report" }
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.read.is_some() && self.pairing.is_conflict()
    }

    /// The mention that decided.
    pub(super) fn spot(&self) -> Option<&'a super::reports::Spot> {
        self.read?.spots.get(&self.pairing.mention?)
    }

    pub(super) fn sentence(&self) -> Option<&'a str> {
        self.spot()?.sentence.as_deref().filter(|_| self.text)
    }

    pub(super) fn image_names(&self) -> Vec<&'a str> {
        self.images.iter().filter_map(|&i| self.study.names.get(i as usize)).map(String::as_str).collect()
    }

    pub(super) fn ids<'c>(&self, catalog: &'c Catalog) -> Vec<&'c str> {
        let id = |&(set, index): &(u32, u32)| &*catalog.sets[set as usize].set.annotations[index as usize].id;
        self.pairing.annotations.iter().map(id).collect()
    }

    pub(super) fn uid(&self) -> Option<&'a str> {
        Some(&*self.study.uid).filter(|u| !u.is_empty())
    }

    pub(super) fn readers(&self) -> Option<String> {
        self.pairing.readers.map(|(drew, all)| format!("{drew}/{all}"))
    }

    /// Gives the cells, in the order of the columns.
    pub(super) fn write(&self, catalog: &Catalog, scheme: &Scheme, cells: &mut dyn Cells) {
        let pairing = self.pairing;
        cells.text(self.read.map(|r| &*r.id));
        cells.text(self.uid());
        cells.texts(&self.image_names());
        cells.text(Some(&scheme.labels[pairing.label as usize].name));
        cells.text(Some(self.outcome()));
        cells.texts(&pairing.discords.iter().map(|d| d.name()).collect::<Vec<_>>());
        cells.text(pairing.status.map(|s| s.name()));
        cells.text(pairing.report_side.map(|s| s.name()));
        cells.real(pairing.report_size.map(|v| v as f32));
        cells.real(pairing.report_attenuation.map(|v| v as f32));
        cells.text(pairing.report_count.as_deref());
        cells.text(self.sentence());
        cells.number(self.spot().map(|s| s.place.0));
        cells.number(self.spot().map(|s| s.place.1));
        cells.texts(&self.ids(catalog));
        let mut sources: Vec<u32> = pairing.annotations.iter().map(|a| a.0).collect();
        sources.dedup();
        cells.texts(&sources.iter().map(|&s| &*catalog.sets[s as usize].set.source).collect::<Vec<_>>());
        cells.text(pairing.image_side.map(|s| s.0.name()));
        cells.text(pairing.image_side.map(|s| s.1.name()));
        cells.real(pairing.image_size.map(|v| v as f32));
        cells.real(pairing.image_attenuation.map(|v| v as f32));
        cells.number(Some(pairing.image_count).filter(|&c| c > 0));
        cells.text(self.readers().as_deref());
        cells.text(self.link.map(|l| &*l.method).filter(|m| !m.is_empty()));
        cells.real(self.link.and_then(|l| l.confidence));
        cells.flag(self.link.is_some_and(|l| l.ambiguous));
        cells.flag(self.is_conflict());
        cells.end();
    }

    /// The row for eyes.
    pub(super) fn line(&self, scheme: &Scheme, out: &mut Vec<u8>) {
        let pairing = self.pairing;
        let join = |parts: [Option<String>; 5]| parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let says = join([
            Some(pairing.status.map_or("not mentioned", |s| s.name()).to_owned()),
            pairing.report_side.map(|s| s.name().to_owned()),
            pairing.report_count.clone(),
            pairing.report_size.map(|v| format!("{v} mm")),
            pairing.report_attenuation.map(|v| format!("{v} HU")),
        ]);
        let drawn = join([
            (pairing.annotations.is_empty()).then(|| "nothing drawn".to_owned()),
            pairing.image_side.map(|s| s.0.name().to_owned()),
            Some(pairing.image_count).filter(|&c| c > 0).map(|c| format!("{c} drawn")),
            pairing.image_size.map(|v| format!("{v:.0} mm")),
            pairing.image_attenuation.map(|v| format!("{v:.0} HU")),
        ]);
        let mut outcome = self.outcome().to_owned();
        for discord in &pairing.discords {
            outcome = format!("{outcome} {}!", discord.name());
        }
        let id = self.read.map_or("-", |r| &*r.id);
        let label = &*scheme.labels[pairing.label as usize].name;
        let mark = if self.is_conflict() { "!" } else { " " };
        out.extend_from_slice(format!("{mark} {id:<24} {label:<24} {outcome:<24} {says:<28} {drawn}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::pages::{hold, part};
    use crate::pair::{Discord, Outcome};

    const PAGE: &str = include_str!("../../annotations/FORMATS.md");

    #[test]
    fn every_column_stands_in_the_page() {
        hold(part(PAGE, "## The table of pairings"), &columns());
    }

    #[test]
    fn every_outcome_stands_in_the_page() {
        let outcomes = part(PAGE, "## Outcomes");
        for (name, _, conflict) in Outcome::NAMED {
            let row = outcomes.lines().find(|l| l.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("no row {name}"));
            assert_eq!(row.ends_with("| yes |"), conflict, "{row}");
        }
        let discords = part(PAGE, "## Side, number and size");
        for discord in Discord::ALL {
            assert!(discords.contains(&format!("**`{}`**", discord.name())), "{discord:?}");
        }
    }
}
