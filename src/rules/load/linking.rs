//! Linking (`kind = "linking"`): how reports are tied to studies.

use super::Loader;
use crate::rules::linking::{Another, Field, Linking, Pairs, Weighed};
use crate::rules::schema::{LinkingFile, PairsText};

impl Loader<'_> {
    pub(super) fn linking_file(&mut self, file: LinkingFile) {
        if let Some(other) = &self.linking {
            let message = format!("a second linking; {} holds one (a file of the same name replaces it)", other.file);
            return self.fault(0, message);
        }
        let mut fields = [None; Field::ALL.len()];
        for text in &file.fields {
            let at = text.name.span().start;
            let known = || Field::ALL.map(Field::name).join(", ");
            let Some(field) = Field::named(text.name.get_ref()) else {
                self.fault(at, format!("unknown field \"{}\"; expected {}", text.name.get_ref(), known()));
                continue;
            };
            let is_identifier = matches!(field, Field::StudyUid | Field::Accession | Field::PatientId);
            let (given, other) = if is_identifier { (text.mixup, text.chance) } else { (text.chance, text.mixup) };
            let wanted = if is_identifier { "mixup" } else { "chance" };
            let Some(chance) = given.filter(|_| other.is_none()) else {
                self.fault(at, format!("field \"{}\" must have {wanted}, and nothing beside wrong", field.name()));
                continue;
            };
            if !is_share(text.wrong) || !is_share(chance) {
                self.fault(at, format!("field \"{}\": wrong and {wanted} must lie between 0 and 1", field.name()));
            }
            if fields[field as usize].replace(Weighed { wrong: text.wrong, chance }).is_some() {
                self.fault(at, format!("field \"{}\" stands twice", field.name()));
            }
        }
        let missing: Vec<&str> =
            Field::ALL.iter().filter(|f| fields[**f as usize].is_none()).map(|f| f.name()).collect();
        if !missing.is_empty() {
            self.fault(0, format!("no [[field]] for {}", missing.join(", ")));
        }
        let another = Another { day: file.another.day, near: file.another.near, ever: file.another.ever };
        if ![another.day, another.near, another.ever].into_iter().all(is_share) {
            self.fault(0, "another: day, near and ever must lie between 0 and 1");
        }
        let pairs = |same: PairsText, apart: PairsText| Pairs { same, apart };
        self.linking = Some(Linking {
            file: self.lines.file.to_owned(),
            fields: fields.map(|f| f.unwrap_or(Weighed { wrong: 0.5, chance: 0.5 })),
            another,
            ignored: file.accession.ignored,
            accessions: pairs(file.accession.same, file.accession.apart),
            silent: file.modality.silent,
            modalities: file.modality.codes,
            modality_pairs: pairs(file.modality.same, file.modality.apart),
            parts: file.part.codes,
            holds: file.part.holds,
            part_pairs: pairs(file.part.same, file.part.apart),
        });
    }
}

/// A share that is neither never nor always.
fn is_share(value: f64) -> bool {
    value > 0.0 && value < 1.0
}
