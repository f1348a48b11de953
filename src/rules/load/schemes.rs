//! Schemes and profiles: only their tops are read with the rules; what the user gave is bound at once.

use super::Loader;
use crate::lexicon::Lexicon;
use crate::rules::profile::ProfileSource;
use crate::rules::schema::Head;
use crate::rules::scheme::{ALL, SchemeSource};

impl<'a> Loader<'a> {
    /// The id and title at the top of a scheme or profile.
    fn named<'h>(&mut self, head: &'h Head) -> Option<(&'h str, &'h str)> {
        if !crate::embedded::rules().contains(&(self.lines.file, self.lines.text)) {
            self.own.push(self.lines.file);
        }
        if head.id.is_none() || head.title.is_none() {
            let message =
                format!("no id or no title at the top; expected both, before the first table of the {}", head.kind);
            self.fault(0, message);
        }
        Some((head.id.as_deref()?, head.title.as_deref()?))
    }

    /// Only the top of a scheme is read here: `scheme` binds the rest when it is asked for.
    pub(super) fn scheme(&mut self, head: &Head) {
        let Some((id, title)) = self.named(head) else { return };
        if id == ALL {
            self.fault(0, format!("scheme \"{id}\" is made of the lexicon; expected another id"));
        }
        if let Some(other) = self.schemes.iter().find(|s| *s.id == *id) {
            let message = format!("scheme \"{id}\" stands already in {}", other.file);
            self.fault(0, message);
        }
        self.schemes.push(SchemeSource::file(id, title, self.lines.file, self.lines.text));
    }

    pub(super) fn profile(&mut self, head: &Head) {
        let Some((id, title)) = self.named(head) else { return };
        if let Some(other) = self.profiles.iter().find(|p| *p.id == *id) {
            let message = format!("profile \"{id}\" stands already in {}", other.file);
            self.fault(0, message);
        }
        self.profiles.push(ProfileSource::new(id, title, self.lines.file, self.lines.text));
    }

    /// What the user gave is sound, or every fault of it is told.
    pub(super) fn bind(&mut self, lexicon: &Lexicon) {
        self.schemes.push(SchemeSource::lexicon());
        for scheme in self.schemes.iter().filter(|s| self.own.contains(&&*s.file)) {
            if let Err(faults) = scheme.bind(lexicon) {
                self.faults.extend_from_slice(faults);
            }
        }
        for profile in self.profiles.iter().filter(|p| self.own.contains(&&*p.file)) {
            if let Err(faults) = profile.bind(&self.schemes, lexicon) {
                self.faults.extend(faults);
            }
        }
    }
}
