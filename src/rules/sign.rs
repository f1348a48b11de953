//! What speaks for or against the verdict on a mention: the features of the model of its confidence.
//!
//! `crate::doubt` sets them where a mention is judged, `rules/calibration.toml` weighs them. None knows a finding.

/// A sign by which a mention's verdict is more or less sure. The first four tell the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The verdict is present (absent is what the others are measured against).
    Present,
    /// The verdict is uncertain.
    Uncertain,
    /// The verdict is historical.
    Historical,
    /// The verdict is hypothetical.
    Hypothetical,
    /// No cue and no composition decided: the finding is just named.
    Plain,
    /// A part of the body and what is said of it make the finding.
    Composed,
    /// Side, severity or change is said of it.
    Described,
    /// A cue that joins alternatives decided.
    Alternative,
    /// The kind of section decided on past or question.
    Default,
    /// It is called present in a section that asks, where much is told as history.
    Told,
    /// It stands in another section that does not count for labels.
    Uncounted,
    /// It stands before any heading.
    Unheaded,
    /// The cue that decided stands over 40 bytes away.
    Far,
    /// Two or more other mentions stand between that cue and the mention.
    Listed,
    /// That cue stands after the mention.
    Behind,
    /// A comma, colon or dash parts that cue, which is no denial, from the mention.
    Parted,
    /// A word of no known meaning stands between that cue and the mention.
    Unread,
    /// No cue decided, and the word before the mention has no known meaning.
    Strange,
    /// Three or more words of no known meaning stand in the sentence.
    Opaque,
    /// A hedge of the mention's clause does not reach it.
    Hedged,
    /// A denial of the mention's clause does not reach it.
    Denied,
    /// A hedge or a denial of another clause of the sentence does not reach it.
    Apart,
    /// A cue of past, question or condition stands in the sentence and does not reach it.
    Timed,
    /// A cue that says otherwise reaches it, too, and was outranked.
    Torn,
    /// A slash stands beside it, or an "or" or "versus" that did not decide.
    Joined,
    /// The sentence holds a question mark.
    Questioned,
    /// A removed word stands beside it.
    Masked,
    /// The sentence has no verb.
    Verbless,
    /// The sentence is longer than 120 bytes.
    Long,
}

impl Sign {
    /// All of them.
    pub const ALL: [Sign; 29] = [
        Sign::Present,
        Sign::Uncertain,
        Sign::Historical,
        Sign::Hypothetical,
        Sign::Plain,
        Sign::Composed,
        Sign::Described,
        Sign::Alternative,
        Sign::Default,
        Sign::Told,
        Sign::Uncounted,
        Sign::Unheaded,
        Sign::Far,
        Sign::Listed,
        Sign::Behind,
        Sign::Parted,
        Sign::Unread,
        Sign::Strange,
        Sign::Opaque,
        Sign::Hedged,
        Sign::Denied,
        Sign::Apart,
        Sign::Timed,
        Sign::Torn,
        Sign::Joined,
        Sign::Questioned,
        Sign::Masked,
        Sign::Verbless,
        Sign::Long,
    ];

    /// Its name in rules and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Sign::Present => "present",
            Sign::Uncertain => "uncertain",
            Sign::Historical => "historical",
            Sign::Hypothetical => "hypothetical",
            Sign::Plain => "plain",
            Sign::Composed => "composed",
            Sign::Described => "described",
            Sign::Alternative => "alternative",
            Sign::Default => "default",
            Sign::Told => "told",
            Sign::Uncounted => "uncounted",
            Sign::Unheaded => "unheaded",
            Sign::Far => "far",
            Sign::Listed => "listed",
            Sign::Behind => "behind",
            Sign::Parted => "parted",
            Sign::Unread => "unread",
            Sign::Strange => "strange",
            Sign::Opaque => "opaque",
            Sign::Hedged => "hedged",
            Sign::Denied => "denied",
            Sign::Apart => "apart",
            Sign::Timed => "timed",
            Sign::Torn => "torn",
            Sign::Joined => "joined",
            Sign::Questioned => "questioned",
            Sign::Masked => "masked",
            Sign::Verbless => "verbless",
            Sign::Long => "long",
        }
    }

    /// The sign of a name.
    pub fn named(name: &str) -> Option<Sign> {
        Sign::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Its bit in a set.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}
