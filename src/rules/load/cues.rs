//! Cues (`kind = "cues"`) and sections (`kind = "sections"`): rules whose phrases are patterns over the vocabulary.

use super::Loader;
use super::patterns::Sets;
use crate::rules::schema::{CueFile, SectionFile};
use crate::rules::{Cue, Direction, NONE, Named, RuleKind, SectionRule, Status, ValueId, class};

impl Loader<'_> {
    pub(super) fn cue_file(&mut self, file: CueFile) {
        for text in file.cues {
            let at = text.id.span().start;
            let id = text.id.get_ref().clone();
            let rule = self.rule(&text.id, RuleKind::Cue, text.why, text.hits, text.misses);
            let judges = text.status.is_some() || text.time.is_some() || text.subject.is_some();
            // A side, a severity and a choice are read from the mention's own phrase, so they look nowhere.
            let looks = judges || text.change.is_some();
            if looks == (text.direction == Direction::None) {
                let message = if looks {
                    format!("cue \"{id}\" gives a status, time, subject or change but has direction \"none\"")
                } else {
                    format!("cue \"{id}\" gives no status, time, subject or change; expected direction \"none\"")
                };
                self.fault(at, message);
            }
            let cue = self.cues.len() as u32;
            let named = [(Named::Acuity, text.acuity), (Named::Count, text.count), (Named::Position, text.position)];
            let mut named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let names = named.next();
            if named.next().is_some() {
                self.fault(at, format!("cue \"{id}\" names two of acuity, count and position; expected one"));
            }
            let names = names.map(|(name, value)| (name, self.value(&value)));
            self.cues.push(Cue {
                rule,
                status: text.status,
                time: text.time,
                subject: text.subject,
                change: text.change,
                side: text.side,
                severity: text.severity,
                names,
                tip: text.tip,
                alternative: text.alternative,
                direction: text.direction,
                reach: text.reach,
                overrides: text.overrides,
                opens: text.opens,
                existence: text.existence,
                asked: text.asked,
                commas: text.commas.unwrap_or(text.status != Some(Status::Uncertain)),
            });
            let mut bits = class::CUE;
            if judges {
                bits |= class::JUDGES;
            }
            if text.opens {
                bits |= class::OPENS;
            }
            if text.tip {
                bits |= class::TIP;
            }
            for phrase in &text.phrases {
                let offset = phrase.span().start;
                for words in self.expand(phrase, &file.sets) {
                    if words.is_empty() {
                        self.fault(offset, format!("a phrase of cue \"{id}\" holds no word"));
                        continue;
                    }
                    let meaning = self.meaning(&words);
                    meaning.bits |= bits;
                    let first = meaning.cue;
                    if first == NONE {
                        meaning.cue = cue;
                    } else if first != cue {
                        let plain = self.spelled(&words);
                        let other = &self.infos[self.cues[first as usize].rule.index()];
                        let message = format!(
                            "phrase \"{plain}\" of cue \"{id}\" already belongs to cue \"{}\" ({}:{})",
                            other.id, other.file, other.line
                        );
                        self.fault(offset, message);
                    }
                }
            }
        }
    }

    fn value(&mut self, value: &str) -> ValueId {
        let known = self.values.iter().position(|v| **v == *value);
        ValueId(known.unwrap_or_else(|| {
            self.values.push(value.into());
            self.values.len() - 1
        }) as u32)
    }

    pub(super) fn section_file(&mut self, file: SectionFile) {
        for text in file.sections {
            let rule = self.rule(&text.id, RuleKind::Section, text.why, text.hits, text.misses);
            let section = self.sections.len() as u32;
            self.sections.push(SectionRule {
                rule,
                id: text.id.get_ref().as_str().into(),
                labels: text.labels,
                body: text.body,
                time: text.time,
                subject: text.subject,
                asks: text.asks,
                line: text.line,
            });
            for heading in &text.headings {
                let offset = heading.span().start;
                for words in self.expand(heading, &Sets::new()) {
                    let id = self.headings.add(&words).0 as usize;
                    if id == self.heading_sections.len() {
                        self.heading_sections.push(section);
                    } else if self.heading_sections[id] != section {
                        let plain = self.spelled(&words);
                        let other = self.sections[self.heading_sections[id] as usize].id.clone();
                        self.fault(offset, format!("heading \"{plain}\" already opens section \"{other}\""));
                    }
                }
            }
        }
    }
}
