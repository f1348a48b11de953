//! Calibration (`kind = "calibration"`): what a label's confidence is computed from.

use super::Loader;
use crate::rules::calibration::{Bin, Calibration, CalibrationSet, Feature, Seen, Validation};
use crate::rules::schema::{BinText, CalibrationFile, FigureText};

impl Loader<'_> {
    pub(super) fn calibration_file(&mut self, file: CalibrationFile) {
        if let Some(other) = &self.calibration {
            let message =
                format!("a second calibration; {} holds one (a file of the same name replaces it)", other.file);
            return self.fault(0, message);
        }
        let figures = |t: &FigureText| Validation { brier: t.brier, log_loss: t.log_loss, ece: t.ece, auc: t.auc };
        let mut out = Calibration {
            file: self.lines.file.to_owned(),
            title: file.title,
            date: file.date,
            folds: file.validation.folds,
            validation: figures(&file.validation.model),
            baseline: figures(&file.validation.value_alone),
            ..Calibration::default()
        };
        out.model.base = file.base.into_inner();
        if !out.model.base.is_finite() {
            self.fault(0, "base is no finite number; expected log odds");
        }
        let mut found = 0_u32;
        for text in file.features {
            let at = text.name.span().start;
            let Some(feature) = Feature::named(text.name.get_ref()) else {
                let known: Vec<&str> = Feature::ALL.iter().map(|f| f.name()).collect();
                let message = format!("unknown feature \"{}\"; expected {}", text.name.get_ref(), known.join(", "));
                self.fault(at, message);
                continue;
            };
            if found & feature.bit() != 0 {
                self.fault(at, format!("feature \"{}\" stands twice", feature.name()));
            }
            if !text.weight.is_finite() || text.wrong > text.values {
                let message = format!(
                    "feature \"{}\": weight {}, {} of {} wrong; expected a finite weight and no more wrong than values",
                    feature.name(),
                    text.weight,
                    text.wrong,
                    text.values
                );
                self.fault(at, message);
            }
            found |= feature.bit();
            out.model.weights[feature as usize] = text.weight;
            out.seen[feature as usize] = Seen { values: text.values, wrong: text.wrong };
        }
        let missing: Vec<&str> = Feature::ALL.iter().filter(|f| found & f.bit() == 0).map(|f| f.name()).collect();
        if !missing.is_empty() {
            self.fault(
                0,
                format!("no weight of {}; expected one of each feature (0 where it tells nothing)", missing.join(", ")),
            );
        }
        for text in file.sets {
            if text.wrong > text.values {
                self.fault(text.name.span().start, format!("{} of {} values wrong", text.wrong, text.values));
            }
            out.sets.push(CalibrationSet {
                name: text.name.into_inner(),
                unit: text.unit,
                reports: text.reports,
                seen: Seen { values: text.values, wrong: text.wrong },
            });
        }
        for text in file.bins {
            let BinText { value, from, to, mean, values, right } = text;
            let at = from.span().start;
            let from = from.into_inner();
            if !(0.0 <= from && from < to && to <= 1.0 && from <= mean && mean <= to) || right > values || values == 0 {
                let message = format!(
                    "bin from {from} to {to} with mean {mean} and {right} of {values} right; expected 0 <= from <= \
                     mean <= to <= 1, from < to, and right <= values, values > 0"
                );
                self.fault(at, message);
            }
            out.bins.push(Bin { value, from, to, mean, values, right });
        }
        self.calibration = Some(out);
    }
}
