//! Calibration (`kind = "calibration"`): what confidence is computed from.

use super::Loader;
use crate::rules::calibration::{Bin, Calibration, CalibrationSet, Caught, Fitted, Matter, Model, Seen, Validation};
use crate::rules::schema::{BinText, CalibrationFile, FigureText, FittedText};

impl Loader<'_> {
    pub(super) fn calibration_file(&mut self, file: CalibrationFile) {
        if let Some(other) = &self.calibration {
            let message =
                format!("a second calibration; {} holds one (a file of the same name replaces it)", other.file);
            return self.fault(0, message);
        }
        let CalibrationFile { title, date, base, sets, validation, features, bins, mentions, .. } = file;
        let labels = FittedText { base, sets, validation, features, bins, caught: Vec::new() };
        self.calibration = Some(Calibration {
            file: self.lines.file.to_owned(),
            title,
            date,
            labels: self.fitted(labels, Matter::Labels),
            mentions: mentions.map(|text| self.fitted(text, Matter::Mentions)),
        });
    }

    fn fitted(&mut self, text: FittedText, matter: Matter) -> Fitted {
        let figures = |t: &FigureText| Validation { brier: t.brier, log_loss: t.log_loss, ece: t.ece, auc: t.auc };
        let names = matter.names();
        let mut out = Fitted {
            folds: text.validation.folds,
            validation: figures(&text.validation.model),
            baseline: figures(&text.validation.value_alone),
            model: Model { base: *text.base.get_ref(), weights: vec![0.0; names.len()] },
            seen: vec![Seen::default(); names.len()],
            ..Fitted::default()
        };
        if !out.model.base.is_finite() {
            self.fault(text.base.span().start, "base is no finite number; expected log odds");
        }
        let mut found = 0_u32;
        for text in text.features {
            let (at, name) = (text.name.span().start, text.name.get_ref());
            let Some(number) = names.iter().position(|n| n == name) else {
                self.fault(at, format!("unknown feature \"{name}\"; expected {}", names.join(", ")));
                continue;
            };
            if found & (1 << number) != 0 {
                self.fault(at, format!("feature \"{name}\" stands twice"));
            }
            if !text.weight.is_finite() || text.wrong > text.values {
                let message = format!(
                    "feature \"{name}\": weight {}, {} of {} wrong; expected a finite weight and no more wrong than values",
                    text.weight, text.wrong, text.values
                );
                self.fault(at, message);
            }
            found |= 1 << number;
            out.model.weights[number] = text.weight;
            out.seen[number] = Seen { values: text.values, wrong: text.wrong };
        }
        let missing: Vec<&str> =
            names.iter().enumerate().filter(|(i, _)| found & (1 << i) == 0).map(|(_, name)| *name).collect();
        if !missing.is_empty() {
            self.fault(
                text.base.span().start,
                format!("no weight of {}; expected one of each feature (0 where it tells nothing)", missing.join(", ")),
            );
        }
        for text in text.sets {
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
        for text in text.caught {
            let (at, share, wrong) = (text.share.span().start, text.share.into_inner(), text.wrong);
            if !(0.0..=1.0).contains(&share) || !(0.0..=1.0).contains(&wrong) {
                self.fault(at, format!("share {share} holds {wrong} of the wrong ones; expected both from 0 to 1"));
            }
            out.caught.push(Caught { share, wrong });
        }
        for text in text.bins {
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
        out
    }
}
