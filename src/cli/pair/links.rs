//! The link table that `radlabel link` writes: which report is of which study.
//!
//! Columns `report_id`, `study_uid`, `outcome` (linked, ambiguous, unlinked), and where there, `method`, `confidence` and
//! `role`; others are passed over. A report with several rows is of several studies.

use crate::cli::label_table::read_text;
use crate::link::Role;
use crate::{Error, Fault};
use std::collections::BTreeMap;
use std::path::Path;

/// A tie of a report to a study.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Link {
    /// Of the study.
    pub(super) study_uid: String,
    /// By what they are tied.
    pub(super) method: String,
    /// How sure, 0 to 1; blank where nobody said.
    pub(super) confidence: Option<f32>,
    /// One of several candidates.
    pub(super) ambiguous: bool,
    /// Its place among the reports of the study; `None`: nobody said.
    pub(super) role: Option<Role>,
}

impl Link {
    /// Another report of the study stands in its place, or it was never valid: what it says holds no longer.
    pub(super) fn is_replaced(&self) -> bool {
        matches!(self.role, Some(Role::Superseded | Role::Void))
    }
}

/// Links by report.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_report: BTreeMap<String, Vec<Link>>,
}

impl Links {
    /// The links of a report; `None`: the table does not tell of it.
    pub(super) fn of(&self, report: &str) -> Option<&[Link]> {
        self.by_report.get(report).map(Vec::as_slice)
    }

    /// Reports that the table tells of.
    pub(super) fn len(&self) -> usize {
        self.by_report.len()
    }

    /// Reads the table.
    ///
    /// # Errors
    /// Every faulty row.
    pub(super) fn read(path: &Path) -> Result<Links, Error> {
        Links::parse(&path.display().to_string(), &read_text(path)?)
    }

    fn parse(name: &str, text: &str) -> Result<Links, Error> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| Error::input(format!("{name}:1"), e.to_string()))?.clone();
        let column = |wanted: &str| header.iter().position(|h| h.trim() == wanted);
        let (Some(report), Some(study), Some(outcome)) = (column("report_id"), column("study_uid"), column("outcome"))
        else {
            let message = "no columns report_id, study_uid and outcome; expected a table of radlabel link";
            return Err(Error::input(format!("{name}:1"), message));
        };
        for used in ["report_id", "study_uid", "outcome", "method", "confidence", "role"] {
            if header.iter().filter(|h| h.trim() == used).count() > 1 {
                return Err(Error::input(format!("{name}:1"), format!("the column \"{used}\" is there twice")));
            }
        }
        let (method, confidence, role) = (column("method"), column("confidence"), column("role"));
        let mut links = Links::default();
        let mut faults = Vec::new();
        for record in reader.records() {
            // The crate's message may quote the row.
            let record = match record {
                Ok(record) => record,
                Err(e) => {
                    let line = e.position().map_or(0, csv::Position::line) as usize;
                    faults.push(Fault::new(name, line, "a row that is no CSV in UTF-8"));
                    break;
                }
            };
            let line = record.position().map_or(0, csv::Position::line) as usize;
            let cell = |at: usize| record.get(at).unwrap_or_default().trim();
            if record.len() != header.len() {
                let message = format!("{} cells in a table of {} columns", record.len(), header.len());
                faults.push(Fault::new(name, line, message));
                continue;
            }
            let told = cell(outcome);
            let list = links.by_report.entry(cell(report).to_owned()).or_default();
            let ambiguous = match told {
                "linked" => false,
                "ambiguous" => true,
                "unlinked" => continue,
                other => {
                    // In a row whose cells have moved it may be an identifier.
                    let length = other.chars().count();
                    let message = format!("an outcome of {length} characters; expected linked, ambiguous or unlinked");
                    faults.push(Fault::new(name, line, message));
                    continue;
                }
            };
            if cell(study).is_empty() {
                faults.push(Fault::new(name, line, format!("{told} without a study_uid")));
                continue;
            }
            let sure = confidence.map(cell).filter(|c| !c.is_empty());
            let confidence = sure.and_then(|c| c.parse::<f32>().ok()).filter(|c| (0.0..=1.0).contains(c));
            if sure.is_some() && confidence.is_none() {
                faults.push(Fault::new(name, line, "a confidence that is no number from 0 to 1"));
                continue;
            }
            let told = role.map_or("", cell);
            let role = Role::ALL.into_iter().find(|r| r.name() == told);
            if role.is_none() && !told.is_empty() {
                let names = Role::ALL.map(Role::name).join(", ");
                faults.push(Fault::new(
                    name,
                    line,
                    format!("a role of {} characters; expected {names}", told.chars().count()),
                ));
                continue;
            }
            let method = method.map_or("", cell).to_owned();
            list.push(Link { study_uid: cell(study).to_owned(), method, confidence, ambiguous, role });
        }
        if faults.is_empty() {
            return Ok(links);
        }
        let more = faults.len().saturating_sub(20);
        faults.truncate(20);
        if more > 0 {
            faults.push(Fault::new(name, 0, format!("... and {more} more faults like these")));
        }
        Err(Error::Data(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_links_and_faults_are_told_without_ids() {
        let text = "report_id,study_uid,outcome,method,confidence\nr1,1.2,linked,study-uid,1\nr2,1.3,ambiguous,date,0.5\n\
                    r2,1.4,ambiguous,date,0.5\nr3,,unlinked,,\n";
        let links = Links::parse("l.csv", text).expect("links");
        assert_eq!(links.of("r1").map(|l| (l.len(), l[0].ambiguous, l[0].confidence)), Some((1, false, Some(1.0))));
        assert_eq!(links.of("r2").map(|l| (l.len(), l[0].ambiguous)), Some((2, true)));
        assert_eq!((links.of("r3").map(<[Link]>::len), links.of("r4"), links.len()), (Some(0), None, 3));
        let bad = "report_id,study_uid,outcome,confidence,role\nSECRET,1.2,sure,,\nSECRET,,linked,,\nSECRET,1.2,linked,7,\n\
                   SECRET,1.2,linked,1,chief\n";
        let told = Links::parse("l.csv", bad).expect_err("faults").to_string();
        assert!((2..=5).all(|line| told.contains(&format!("l.csv:{line}"))), "{told}");
        assert!(!told.contains("SECRET"), "{told}");
        assert!(Links::parse("l.csv", "a,b\n1,2\n").is_err());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let text =
            "report_id,study_uid,outcome,method,confidence\n\"r1\",1.2,linked,uid,1\nr2,1.3,ambiguous,date,0.5\n";
        crate::annotations::tests::mutations(text.as_bytes(), |bytes| {
            let _ = Links::parse("l.csv", &String::from_utf8_lossy(bytes));
        });
    }
}
