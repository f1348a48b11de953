//! `--where`: an SQL expression over the columns of the study table.
//!
//! SQLite evaluates it, row by row, through one prepared statement over no table at all. Text in double quotes would be
//! taken for a column; SQLite's leniency about that is off, so that a misspelt column is an error and never a text.
//! An expression may hold a query of its own, which need not end: the steps and the memory for a row are bounded.

use crate::Error;
use crate::study::{COLUMNS, Cell, StudyRow};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params_from_iter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Steps of SQLite's machine between two looks at how many there were.
const STEPS: i32 = 10_000;
/// So many looks for a row: about a second. An expression over columns takes a few hundred steps, none.
const LOOKS: u32 = 10_000;
/// Bytes of a value: more than any cell has.
const LONGEST: i32 = 256 << 20;

/// An expression that a row meets or not.
#[derive(Debug)]
pub(crate) struct Filter {
    connection: Connection,
    query: String,
    /// Looks at the row in hand.
    looks: Arc<AtomicU32>,
}

impl Filter {
    /// Reads an expression such as `modality = 'CT' and slice_thickness <= 2.5`.
    ///
    /// # Errors
    /// What SQLite says against it; the columns, where it asks for one that is not there.
    pub(crate) fn new(expression: &str) -> Result<Filter, Error> {
        let connection = Connection::open_in_memory().map_err(|e| told(&e))?;
        for lenient in [DbConfig::SQLITE_DBCONFIG_DQS_DML, DbConfig::SQLITE_DBCONFIG_DQS_DDL] {
            connection.set_db_config(lenient, false).map_err(|e| told(&e))?;
        }
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST).map_err(|e| told(&e))?;
        let looks = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&looks);
        let stop = move || seen.fetch_add(1, Ordering::Relaxed) >= LOOKS;
        connection.progress_handler(STEPS, Some(stop)).map_err(|e| told(&e))?;
        if expression.trim().is_empty() {
            return Err(Error::Usage("--where: an empty expression; expected one like \"modality = 'CT'\"".to_owned()));
        }
        // By itself it must be whole: a parenthesis too many would end the one around it.
        let columns: Vec<String> =
            COLUMNS.iter().enumerate().map(|(i, c)| format!("?{} AS \"{}\"", i + 1, c.name)).collect();
        let from = format!("FROM (SELECT {})", columns.join(", "));
        let alone = format!("SELECT 1 {from} WHERE {expression}");
        let query = format!("SELECT 1 {from} WHERE ({expression}\n)");
        for query in [&alone, &query] {
            connection.prepare(query).map_err(|e| told(&e))?;
        }
        let filter = Filter { connection, query, looks };
        // What only shows on values, as a wrong number of arguments does not.
        filter.holds(&StudyRow::default())?;
        Ok(filter)
    }

    /// Whether a row meets it; what is missing is NULL and meets nothing.
    ///
    /// # Errors
    /// What SQLite says of the values.
    pub(crate) fn holds(&self, row: &StudyRow) -> Result<bool, Error> {
        let cells = COLUMNS.iter().map(|column| match (column.get)(row) {
            Cell::Text(text) => text.map_or(Value::Null, |t| Value::Text(t.to_owned())),
            Cell::Number(number) => number.map_or(Value::Null, |n| Value::Integer(i64::from(n))),
            Cell::Real(real) => real.map_or(Value::Null, Value::Real),
            Cell::Texts([]) => Value::Null,
            Cell::Texts(texts) => Value::Text(texts.join("; ")),
        });
        self.looks.store(0, Ordering::Relaxed);
        let mut query = self.connection.prepare_cached(&self.query).map_err(|e| told(&e))?;
        query.exists(params_from_iter(cells)).map_err(|e| told(&e))
    }
}

/// SQLite's own words, without the query around the expression.
fn told(error: &rusqlite::Error) -> Error {
    let message = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(code, _) if code.code == ErrorCode::OperationInterrupted => {
            let steps = u64::from(LOOKS) * STEPS as u64;
            format!("not done with a row after {steps} steps; expected an expression over its columns")
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::MultipleStatement => "more than one statement; expected one expression".to_owned(),
        other => other.to_string(),
    };
    let known = if message.starts_with("no such column") {
        let names: Vec<&str> = COLUMNS.iter().map(|c| c.name).collect();
        format!("; expected one of {} (text stands in single quotes)", names.join(", "))
    } else {
        String::new()
    };
    Error::Usage(format!("--where: {message}{known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> StudyRow {
        StudyRow {
            modality: Some("CT".to_owned()),
            slice_thickness: Some(2.5),
            rows: Some(512),
            problems: vec!["truncated".to_owned(), "missing-PatientID".to_owned()],
            ..StudyRow::default()
        }
    }

    #[test]
    fn expressions() {
        for (expression, holds) in [
            ("modality = 'CT' and slice_thickness <= 2.5", true),
            ("modality = 'CT' and slice_thickness < 2.5", false),
            ("rows > 100", true),
            ("rows > 100 -- and more", true),
            ("problems like '%truncated%'", true),
            ("problems = 'truncated; missing-PatientID'", true),
            ("body_part = 'CHEST'", false),
            ("body_part is null", true),
            ("not (body_part = 'CHEST')", false),
            ("modality in ('CT', 'MR') or 0", true),
            ("\"modality\" = 'CT'", true),
        ] {
            let filter = Filter::new(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
            assert_eq!(filter.holds(&row()).expect("a value"), holds, "{expression}");
            assert_eq!(filter.holds(&row()).expect("a value"), holds, "again: {expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_told() {
        for (expression, told) in [
            ("", "--where: an empty expression; expected one like \"modality = 'CT'\""),
            ("modality = ", "--where: incomplete input"),
            ("modality == 'CT", "--where: unrecognized token: \"'CT"),
            ("1) or (1", "--where: near \")\": syntax error"),
            ("1); drop table x", "--where: near \")\": syntax error"),
            ("1; drop table x", "--where: "),
            ("modality = \"CT\"", "--where: no such column: \"CT\""),
            ("thickness < 2", "--where: no such column: thickness"),
            ("modal(1)", "--where: no such function: modal"),
            ("count(*) > 1", "--where: misuse of aggregate"),
            ("attach 'x' as y", "--where: near \"'x'\": syntax error"),
            ("pragma user_version", "--where: near"),
            ("load_extension('x')", "--where: not authorized"),
            (
                "exists(with recursive c(x) as (select 1 union all select x + 1 from c) select 1 from c where x < 0)",
                "--where: not done with a row after 100000000 steps",
            ),
            ("length(zeroblob(1000000000)) > 0", "--where: string or blob too big"),
        ] {
            let message = Filter::new(expression).err().unwrap_or_else(|| panic!("{expression}")).to_string();
            assert!(message.starts_with(told), "{expression}: {message}");
        }
        let message = Filter::new("thickness < 2").expect_err("refused").to_string();
        assert!(message.contains("slice_thickness, contrast"), "{message}");
    }
}
