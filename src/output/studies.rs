//! Rows of the study table as the columns and cells of a table.

use super::table::{Cells, ColumnSpec, Kind};
use crate::Error;
use crate::study::{COLUMNS, Cell, Column, ColumnKind, StudyRow};

/// The columns of these names, in their order.
///
/// # Errors
/// A name that no column has; the message lists those that there are.
pub(crate) fn columns(names: &[String]) -> Result<Vec<&'static Column>, Error> {
    let find = |name: &String| {
        StudyRow::column(name.trim()).ok_or_else(|| {
            let known: Vec<&str> = COLUMNS.iter().map(|c| c.name).collect();
            let shown = crate::shown(name);
            Error::Usage(format!("--columns: no column {shown}; expected some of {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// Columns as a table has them.
pub(crate) fn specs(columns: &[&'static Column]) -> Vec<ColumnSpec> {
    let kind = |kind| match kind {
        ColumnKind::Text => Kind::Text,
        ColumnKind::Number => Kind::Number,
        ColumnKind::Real => Kind::Measure,
        ColumnKind::Texts => Kind::Texts,
    };
    columns.iter().map(|c| ColumnSpec { name: c.name.to_owned(), kind: kind(c.kind), about: c.about }).collect()
}

/// The cells of a row; the caller ends it.
pub(crate) fn cells(columns: &[&'static Column], row: &StudyRow, cells: &mut dyn Cells) {
    for column in columns {
        match (column.get)(row) {
            Cell::Text(text) => cells.text(text),
            Cell::Number(number) => cells.number(number),
            Cell::Real(real) => cells.measure(real),
            Cell::Texts(texts) => cells.texts(&texts.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_stands_in_the_page() {
        let page = include_str!("../imaging/FORMATS.md");
        let all: Vec<&'static Column> = COLUMNS.iter().collect();
        crate::output::pages::hold(crate::output::pages::part(page, "## The study table"), &specs(&all));
    }
}
