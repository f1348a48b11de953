//! The words that outputs use for the enums of the core: the same as in the rules and the gold.

pub(crate) use crate::said::{change_name as change, side_name as side};
use crate::{Relation, Status, Subject, Time};

pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::Present => "present",
        Status::Absent => "absent",
        Status::Uncertain => "uncertain",
    }
}

pub(crate) const fn time(time: Time) -> &'static str {
    match time {
        Time::Current => "current",
        Time::Historical => "historical",
        Time::Hypothetical => "hypothetical",
    }
}

pub(crate) const fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Patient => "patient",
        Subject::Family => "family",
        Subject::Other => "other",
    }
}

pub(crate) const fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Exact => "exact",
        Relation::About => "about",
        Relation::Below => "below",
        Relation::AtMost => "at-most",
        Relation::Above => "above",
        Relation::Range => "range",
    }
}
