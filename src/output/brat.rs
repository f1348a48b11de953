//! Analyses as brat standoff: for each report its text (`.txt`) and its annotations (`.ann`).
//!
//! `T` lines are mentions, typed by what their concept is; `A` lines what is said of them in words that
//! [`ANNOTATION_CONF`] lists, `N` lines their codes, `#` lines the concept, what else is said and the rules.
//! Offsets are code points of the text. A mention that runs over a line end or a tab is written in fragments, as
//! brat asks.

use super::{Line, said};
use crate::Span;
use std::io::Write;

/// `annotation.conf` of the folder, without which brat does not open it.
pub(crate) const ANNOTATION_CONF: &str = "\
# Written by radlabel.
[entities]
Finding
Device

[relations]
<OVERLAP> Arg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>

[events]

[attributes]
Status Arg:<ENTITY>, Value:present|absent|uncertain
Time Arg:<ENTITY>, Value:current|historical|hypothetical
Subject Arg:<ENTITY>, Value:patient|family|other
Side Arg:<ENTITY>, Value:left|right|bilateral
Change Arg:<ENTITY>, Value:new|increased|decreased|unchanged|resolved
Uncounted Arg:<ENTITY>
";

/// `visual.conf` of the folder: colours and signs.
pub(crate) const VISUAL_CONF: &str = "\
# Written by radlabel.
[labels]
Finding | Finding
Device | Device

[drawing]
SPAN_DEFAULT fgColor:black, bgColor:lightgreen, borderColor:darken
Finding bgColor:#ffccaa
Device bgColor:#aaddff
Status position:left, glyph:+|-|?
Uncounted box:crossed
";

/// The names of attributes that are `A` lines, by their names in other outputs.
const ATTRIBUTES: [(&str, &str); 5] =
    [("status", "Status"), ("time", "Time"), ("subject", "Subject"), ("side", "Side"), ("change", "Change")];
/// The systems of codes that are `N` lines.
const SYSTEMS: [(&str, &str); 3] = [("radlex", "RadLex"), ("snomed", "SNOMED_CT"), ("icd10", "ICD-10-CM")];

/// Appends the annotations of a report; its text is the `.txt` as it is.
pub(crate) fn ann(line: &Line<'_>, out: &mut Vec<u8>) {
    let mut lines = Lines { out, attributes: 0, codes: 0, notes: 0 };
    for (number, mention) in line.analysis.mentions.iter().enumerate() {
        lines.mention(line, number, mention.span);
    }
}

struct Lines<'o> {
    out: &'o mut Vec<u8>,
    attributes: usize,
    codes: usize,
    notes: usize,
}

impl Lines<'_> {
    // Writing to memory does not fail, so what `writeln` gives is let go.
    fn mention(&mut self, line: &Line<'_>, number: usize, span: Span) {
        let text = &line.report.text;
        let concept = line.engine.lexicon.concept(line.analysis.mentions[number].concept);
        let fragments = fragments(text, span);
        let at = |byte: u32| line.offsets.in_text(text, byte);
        let places: Vec<String> = fragments.iter().map(|f| format!("{} {}", at(f.start), at(f.end))).collect();
        let words: Vec<&str> = fragments.iter().map(|f| &text[f.range()]).collect();
        let (t, kind) = (number + 1, capital(concept.kind.name()));
        let _ = writeln!(self.out, "T{t}\t{kind} {}\t{}", places.join(";"), words.join(" "));
        let mut note = vec![concept.id.to_string()];
        for (name, value) in said::pairs(line, number) {
            if let Some((_, attribute)) = ATTRIBUTES.iter().find(|a| a.0 == name) {
                self.attributes += 1;
                let _ = writeln!(self.out, "A{}\t{attribute} T{t} {value}", self.attributes);
            } else if name == "counted" {
                if value == "false" {
                    self.attributes += 1;
                    let _ = writeln!(self.out, "A{}\tUncounted T{t}", self.attributes);
                }
            } else {
                note.push(format!("{name}: {value}"));
            }
        }
        for (system, code) in &concept.codes {
            if let Some((_, database)) = SYSTEMS.iter().find(|s| *s.0 == **system) {
                self.codes += 1;
                let _ = writeln!(self.out, "N{}\tReference T{t} {database}:{code}\t{}", self.codes, concept.name);
            }
        }
        self.notes += 1;
        let _ = writeln!(self.out, "#{}\tAnnotatorNotes T{t}\t{}", self.notes, note.join("; "));
    }
}

/// A span without the line ends and tabs in it, nor the blanks beside those.
fn fragments(text: &str, span: Span) -> Vec<Span> {
    let mut out = Vec::new();
    let mut from = span.start;
    for piece in text[span.range()].split_inclusive(['\n', '\r', '\t']) {
        let words = piece.trim();
        if !words.is_empty() {
            let start = from + (piece.len() - piece.trim_start().len()) as u32;
            out.push(Span::new(start, start + words.len() as u32));
        }
        from += piece.len() as u32;
    }
    out
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::said::tests::{TEXTS, a_study, keep, with};
    use super::*;
    use std::collections::HashSet;

    /// A reader of brat's own: every line is of a known form, every place gives the words that it says, and every
    /// value is one that `annotation.conf` lists.
    #[test]
    fn comes_back() {
        let mut split = 0;
        for (number, text) in TEXTS.iter().enumerate() {
            with(text, a_study(), |line| {
                let mut out = Vec::new();
                ann(line, &mut out);
                keep(&format!("kept-{number}.txt"), text.as_bytes());
                keep(&format!("kept-{number}.ann"), &out);
                let points: Vec<char> = text.chars().collect();
                let mut ids = HashSet::new();
                let mut spans = Vec::new();
                for written in String::from_utf8(out).expect("UTF-8").lines() {
                    let cells: Vec<&str> = written.split('\t').collect();
                    assert!(ids.insert(cells[0].to_owned()), "{written}");
                    let words: Vec<&str> = cells[1].split(' ').collect();
                    match cells[0].as_bytes()[0] {
                        b'T' => {
                            assert!(ANNOTATION_CONF.contains(&format!("\n{}\n", words[0])), "{written}");
                            let places = cells[1].split_once(' ').expect("places").1;
                            let fragments: Vec<(usize, usize)> = places
                                .split(';')
                                .map(|p| p.split_once(' ').expect("two"))
                                .map(|(from, to)| (from.parse().expect("from"), to.parse().expect("to")))
                                .collect();
                            let said: Vec<String> =
                                fragments.iter().map(|&(from, to)| points[from..to].iter().collect()).collect();
                            assert_eq!(said.join(" "), cells[2]);
                            split += usize::from(said.len() > 1);
                            spans.push((fragments[0].0, fragments[fragments.len() - 1].1));
                        }
                        b'A' => {
                            assert!(ids.contains(words[1]), "{written}");
                            let rule = ANNOTATION_CONF.lines().find(|l| l.starts_with(words[0])).expect("a known name");
                            let values = rule.split_once("Value:").map_or("", |v| v.1);
                            assert!(words.len() == 2 || values.split('|').any(|v| v == words[2]), "{written}");
                        }
                        b'N' => assert!(words[0] == "Reference" && ids.contains(words[1]) && words[2].contains(':')),
                        b'#' => assert!(words[0] == "AnnotatorNotes" && ids.contains(words[1])),
                        _ => panic!("{written}"),
                    }
                }
                let expected: Vec<(usize, usize)> = line
                    .analysis
                    .mentions
                    .iter()
                    .map(|m| {
                        (text[..m.span.start as usize].chars().count(), text[..m.span.end as usize].chars().count())
                    })
                    .collect();
                assert_eq!(spans, expected);
            });
        }
        assert!(split > 1, "{split} mentions over line ends");
    }

    #[test]
    fn names_files() {
        assert_eq!(crate::output::file_name("s50414267"), "s50414267");
        assert_eq!(crate::output::file_name("../a b\u{e9}"), "%2E.%2Fa%20b%C3%A9");
    }
}
