//! Several reports of one study: which one rules, which add to it, which are superseded, and the labels of all together.

use crate::rules::Status;

/// What a report is among those of its study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It says what holds.
    Ruling,
    /// An addendum: where it speaks, it outranks the ruling report.
    Addendum,
    /// Another one outranks it.
    Superseded,
    /// Cancelled or entered in error.
    Void,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Ruling, Role::Addendum, Role::Superseded, Role::Void];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Ruling => "ruling",
            Role::Addendum => "addendum",
            Role::Superseded => "superseded",
            Role::Void => "void",
        }
    }
}

/// What decides between the reports of a study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruled {
    /// Status, as FHIR's DiagnosticReport has it.
    pub status: Option<String>,
    /// When it was written, as given.
    pub time: Option<String>,
    /// The text is an addendum and nothing else.
    pub is_addendum: bool,
}

/// How a status ranks; `None` where such a report never holds.
fn rank(status: Option<&str>) -> Option<u8> {
    match status.map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        Some("cancelled" | "entered-in-error") => None,
        Some("corrected" | "amended") => Some(5),
        Some("final" | "appended") => Some(4),
        None | Some("" | "unknown") => Some(3),
        Some("preliminary" | "partial") => Some(2),
        Some("registered") => Some(1),
        Some(_) => Some(3),
    }
}

/// The digits of a time, so that `2011-03-28T09:06` and `20110328090650` compare.
fn moment(time: Option<&str>) -> String {
    let digits = time.unwrap_or_default().chars().take_while(|c| !matches!(c, '+' | 'Z')).filter(char::is_ascii_digit);
    digits.take(14).collect()
}

/// Whether the first report outranks the second: by status, then by time. Where both are alike, the later one in the
/// input.
pub fn rules_over(a: &Ruled, b: &Ruled) -> bool {
    (rank(a.status.as_deref()), moment(a.time.as_deref())) > (rank(b.status.as_deref()), moment(b.time.as_deref()))
}

/// The roles of a study's reports, given in the order of the input.
pub fn roles(reports: &[Ruled]) -> Vec<Role> {
    let is_void = |r: &Ruled| rank(r.status.as_deref()).is_none();
    let adds =
        |r: &Ruled| r.is_addendum || r.status.as_deref().is_some_and(|s| s.trim().eq_ignore_ascii_case("appended"));
    let mut ruling: Option<usize> = None;
    // An addendum rules only where there is nothing that it adds to.
    for addenda in [false, true] {
        for (i, report) in reports.iter().enumerate().filter(|(_, r)| !is_void(r) && adds(r) == addenda) {
            if ruling.is_none_or(|best| !rules_over(&reports[best], report)) {
                ruling = Some(i);
            }
        }
        if ruling.is_some() {
            break;
        }
    }
    let role = |(i, report): (usize, &Ruled)| match () {
        () if is_void(report) => Role::Void,
        () if ruling == Some(i) => Role::Ruling,
        () if adds(report) => Role::Addendum,
        () => Role::Superseded,
    };
    reports.iter().enumerate().map(role).collect()
}

impl Ruled {
    /// The labels of a study: those of its ruling report, and over them what its addenda mention, the later the higher.
    /// Each report is given with its role, when it was written, and its labels.
    pub fn merged(reports: &[(Role, &Ruled, &[Option<Status>])]) -> Vec<Option<Status>> {
        let mut out = Vec::new();
        for (_, _, labels) in reports.iter().filter(|r| r.0 == Role::Ruling) {
            out = labels.to_vec();
        }
        let mut addenda: Vec<_> = reports.iter().filter(|r| r.0 == Role::Addendum).collect();
        addenda.sort_by_key(|r| moment(r.1.time.as_deref()));
        for (_, _, labels) in addenda {
            out.resize(out.len().max(labels.len()), None);
            for (slot, label) in out.iter_mut().zip(*labels) {
                *slot = label.or(*slot);
            }
        }
        out
    }
}
