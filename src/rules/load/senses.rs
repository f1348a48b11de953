//! Senses (`kind = "senses"`): short forms that mean one finding or another by the words near them.

use super::Loader;
use crate::lexicon::{Kind, Lexicon};
use crate::rules::schema::SenseFile;
use crate::rules::{NONE, RuleKind, Sense, class};

impl Loader<'_> {
    pub(super) fn sense_file(&mut self, file: SenseFile, lexicon: &Lexicon) {
        let kinds = [Kind::Finding, Kind::Device];
        for text in file.senses {
            let rule = self.rule(&text.id, RuleKind::Sense, text.why, text.hits, text.misses);
            let default = self.concepts(text.default.as_slice(), &kinds, lexicon).first().copied();
            let mut choices = Vec::new();
            for choice in &text.choices {
                let concept = self.concepts(std::slice::from_ref(&choice.concept), &kinds, lexicon);
                for word in &choice.context {
                    match (self.phrase(word).as_slice(), concept.first()) {
                        ([word], Some(&concept)) => choices.push((*word, concept)),
                        ([_], None) => {}
                        _ => {
                            let message =
                                format!("context \"{word}\" of sense \"{}\"; expected one word", text.id.get_ref());
                            self.fault(choice.concept.span().start, message);
                        }
                    }
                }
            }
            choices.sort_unstable();
            let sense = self.senses.len() as u32;
            self.senses.push(Sense { rule, default, choices });
            for term in &text.terms {
                let words = self.phrase(term.get_ref());
                let meaning = self.meaning(&words);
                meaning.bits |= class::FINDING;
                if meaning.sense != NONE {
                    self.fault(term.span().start, format!("term \"{}\" has two senses", term.get_ref()));
                } else {
                    meaning.sense = sense;
                }
            }
        }
    }
}
