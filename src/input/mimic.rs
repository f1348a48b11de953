//! The folder layout of MIMIC-CXR: `p10/p10000032/s50414267.txt` names patient and study.

use crate::StudyKey;
use std::path::Path;

/// The study that a path tells, where it has the layout.
pub(crate) fn study(path: &Path) -> Option<StudyKey> {
    let mut parts = path.iter().rev().map(|p| p.to_str());
    let file = parts.next()??;
    let study = digits(file.split('.').next()?, 's', 8)?;
    let patient = digits(parts.next()??, 'p', 8)?;
    let group = digits(parts.next()??, 'p', 2)?;
    patient.starts_with(group).then(|| StudyKey {
        patient_id: Some(patient.to_owned()),
        accession: Some(study.to_owned()),
        ..StudyKey::default()
    })
}

fn digits(name: &str, letter: char, count: usize) -> Option<&str> {
    let digits = name.strip_prefix(letter)?;
    (digits.len() == count && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_layout() {
        let told = |path: &str| study(Path::new(path)).map(|s| (s.patient_id, s.accession));
        let found = Some((Some("10000032".to_owned()), Some("50414267".to_owned())));
        assert_eq!(told("files/p10/p10000032/s50414267.txt.gz"), found);
        assert_eq!(told("files/p11/p10000032/s50414267.txt"), None);
        assert_eq!(told("p10000032/s50414267.txt"), None);
        assert_eq!(told("files/p10/p10000032/report.txt"), None);
    }
}
