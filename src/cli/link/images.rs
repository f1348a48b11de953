//! The series and images of linked studies, each with its report: the sources are read a second time, as no run could
//! keep the rows of millions of images.

use super::Options;
use crate::Error;
use crate::cli::rows::{Layout, RowWriter};
use crate::imaging::filter::Filter;
use crate::imaging::{self, Take};
use crate::input::Told;
use crate::link::Studies;
use crate::output::studies::{cells, specs};
use crate::output::table::{ColumnSpec, Kind};
use crate::study::{COLUMNS, Column, StudyRow};
use std::collections::BTreeMap;
use std::path::Path;

/// Writes the rows of linked studies in the order of the sources, each with the report that `ruling` names.
pub(super) fn write(
    path: &Path,
    options: &Options,
    reading: &imaging::Options,
    ruling: &BTreeMap<u32, &str>,
    studies: &Studies,
) -> anyhow::Result<()> {
    let columns: Vec<&'static Column> = COLUMNS.iter().collect();
    let about = "Id of the report that rules the study";
    let mut all = vec![ColumnSpec { name: "report_id".to_owned(), kind: Kind::Text, about }];
    all.extend(specs(&columns));
    let rows = RowWriter::open(Layout::chosen(None, Some(path))?, Some(path), all, "images")?;
    let filter = options.filter.as_deref().map(Filter::new).transpose()?;
    let mut images = Images { ruling, studies, columns, rows, filter, broken: None };
    let read = imaging::read(&options.studies, reading, &mut images);
    if let Some(error) = images.broken {
        return Err(error);
    }
    read?;
    images.rows.finish()
}

struct Images<'i> {
    ruling: &'i BTreeMap<u32, &'i str>,
    studies: &'i Studies,
    columns: Vec<&'static Column>,
    rows: RowWriter,
    filter: Option<Filter>,
    /// What kept the output from being written.
    broken: Option<anyhow::Error>,
}

impl Take for Images<'_> {
    fn row(&mut self, row: StudyRow) -> Result<(), Error> {
        if let Some(filter) = &self.filter
            && !filter.holds(&row)?
        {
            return Ok(());
        }
        let Some(report) = self.studies.of(&row).and_then(|study| self.ruling.get(&study)) else { return Ok(()) };
        let columns = &self.columns;
        let written = self.rows.row(|out| {
            out.text(Some(report));
            cells(columns, &row, out);
        });
        written.map_err(|error| {
            self.broken = Some(error);
            Error::output("the output", "cannot be written")
        })
    }

    // All was told when the sources were read for the first time.
    fn tell(&mut self, _: Told) {}
}
