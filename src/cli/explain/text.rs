//! The account for a terminal: the report with its findings in colour or in brackets, then the labels.

use super::account::{Account, LabelAccount, MentionAccount, Shade};
use crate::rules::Status;
use std::fmt::Write;

/// Columns that prose is wrapped to where no terminal says how many it has.
const WIDTH: usize = 96;

const RESET: &str = "\x1b[0m";

/// Colours of the terminal's own palette, so that they fit dark and light.
const fn ansi(shade: Shade) -> &'static str {
    match shade {
        Shade::Present => "\x1b[1;31m",
        Shade::Uncertain => "\x1b[1;33m",
        Shade::Absent => "\x1b[32m",
        Shade::Aside => "\x1b[2;4m",
    }
}

/// The whole account as text.
///
/// `width` is that of the terminal; without one the lines of the report stay as they are.
pub(super) fn render(account: &Account, colours: bool, width: Option<usize>) -> String {
    let mut page = Page { account, colours, width, out: String::new() };
    page.report();
    page.labels();
    page.asides();
    page.whole();
    page.out
}

struct Page<'a> {
    account: &'a Account<'a>,
    colours: bool,
    width: Option<usize>,
    out: String,
}

impl Page<'_> {
    fn paint(&self, shade: Shade, text: &str) -> String {
        if self.colours { format!("{}{text}{RESET}", ansi(shade)) } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        if self.colours { format!("\x1b[1m{text}{RESET}") } else { text.to_owned() }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn report(&mut self) {
        let title = self.bold(&plain(self.account.id));
        self.line(&title);
        for note in &self.account.notes {
            let _ = writeln!(self.out, "note: {note}");
        }
        self.out.push('\n');
        let marked = if self.colours { self.coloured() } else { self.bracketed() };
        for line in marked.lines() {
            match self.width {
                Some(_) => self.wrapped("  ", 2, line),
                None => self.line(format!("  {line}").trim_end()),
            }
        }
        self.out.push('\n');
        if self.colours {
            let legend = [
                (Shade::Present, "present"),
                (Shade::Uncertain, "uncertain"),
                (Shade::Absent, "absent"),
                (Shade::Aside, "past, asked or other"),
            ];
            let legend: Vec<String> = legend.iter().map(|(s, w)| self.paint(*s, w)).collect();
            let _ = writeln!(self.out, "  {}\n", legend.join("  "));
        }
    }

    /// `[effusion|absent]`; what overlaps is bracketed inside one another.
    fn bracketed(&self) -> String {
        let mentions = &self.account.mentions;
        let mut out = String::new();
        let mut from = 0;
        for at in boundaries(mentions) {
            out.push_str(&plain(&self.account.text[from..at]));
            from = at;
            // Inner mentions close first, outer mentions open first.
            let mut closing: Vec<&MentionAccount> = mentions.iter().filter(|m| m.span.end as usize == at).collect();
            closing.sort_by_key(|m| std::cmp::Reverse(m.span.start));
            for mention in closing {
                let _ = write!(out, "|{}]", mention.word);
            }
            out.extend(mentions.iter().filter(|m| m.span.start as usize == at).map(|_| '['));
        }
        out.push_str(&plain(&self.account.text[from..]));
        out
    }

    /// Each piece in the colour of the shortest mention over it. Colour ends at a line's end, so that
    /// `less -R` shows every line right.
    fn coloured(&self) -> String {
        let mentions = &self.account.mentions;
        let mut out = String::new();
        let mut from = 0;
        for to in boundaries(mentions).into_iter().chain([self.account.text.len()]) {
            let piece = plain(&self.account.text[from..to]);
            let over = mentions.iter().filter(|m| m.span.start as usize <= from && to <= m.span.end as usize);
            match over.min_by_key(|m| m.span.len()) {
                Some(m) => {
                    let lines: Vec<String> = piece.split('\n').map(|l| self.paint(m.shade, l)).collect();
                    out.push_str(&lines.join("\n"));
                }
                None => out.push_str(&piece),
            }
            from = to;
        }
        out
    }

    fn labels(&mut self) {
        let title = self.bold(self.account.scheme);
        self.line(&title);
        let mut silent: Vec<&str> = Vec::new();
        for label in &self.account.labels {
            if label.value.is_none() && label.note.is_none() && label.aside.is_empty() {
                silent.push(label.name);
            } else {
                self.label(label);
            }
        }
        if !silent.is_empty() {
            self.out.push('\n');
            self.wrapped("not mentioned: ", 15, &silent.join(", "));
        }
    }

    fn label(&mut self, label: &LabelAccount) {
        let value = match label.value {
            Some(Status::Present) => self.paint(Shade::Present, "present"),
            Some(Status::Uncertain) => self.paint(Shade::Uncertain, "uncertain"),
            Some(Status::Absent) => self.paint(Shade::Absent, "absent"),
            None => label.word().to_owned(),
        };
        let name = self.bold(label.name);
        let _ = writeln!(self.out, "\n{name}: {value}");
        if let Some(decider) = label.decider {
            let mention = &self.account.mentions[decider];
            let sentence = plain(&self.account.quote(mention.sentence));
            self.wrapped("  sentence  ", 12, &sentence);
            self.reasons(mention);
        }
        if let Some(note) = &label.note {
            self.wrapped("  ", 2, note);
            self.wrapped("  ", 2, &format!("{} ({})", label.definition, label.place));
        }
        for (i, &other) in label.others.iter().enumerate() {
            let lead = if i > 0 || label.note.is_some() { "            " } else { "  also      " };
            self.mention(lead, other, false);
        }
        for (i, &other) in label.aside.iter().enumerate() {
            self.mention(if i > 0 { "            " } else { "  left out  " }, other, true);
        }
    }

    fn reasons(&mut self, mention: &MentionAccount) {
        let finding = format!("\u{201c}{}\u{201d} names {}", plain(&self.account.quote(mention.span)), mention.name);
        self.wrapped("  finding   ", 12, &format!("{finding} ({})", mention.named_at));
        if mention.plain() {
            self.wrapped("  cue       ", 12, &format!("none: named plainly, so {}", mention.word));
        }
        for reason in &mention.reasons {
            let lead = if reason.decides { "  cue       " } else { "  besides   " };
            let gives =
                if reason.gives.is_empty() { String::new() } else { format!(" -> {}", reason.gives.join(", ")) };
            self.wrapped(lead, 12, &format!("{}{gives}", plain(&self.account.cue(reason))));
            self.wrapped("            ", 12, &format!("rule {} ({}): {}", reason.rule, reason.place, reason.why));
        }
        if let Some(model) = &mention.model {
            let gives = model.turned.map_or_else(String::new, |word| format!(" -> {word}"));
            self.wrapped("  refined   ", 12, &format!("{}{gives}", plain(&model.said)));
        }
        if !mention.attributes.is_empty() {
            let said = mention.attributes.iter().map(|(name, value)| format!("{name} {value}"));
            self.wrapped("  said      ", 12, &said.collect::<Vec<_>>().join(", "));
        }
    }

    fn mention(&mut self, lead: &str, at: usize, why: bool) {
        let mention = &self.account.mentions[at];
        let word = self.paint(mention.shade, mention.word);
        let cues: Vec<String> = mention
            .reasons
            .iter()
            .filter(|r| r.decides)
            .map(|r| format!("{} {}", plain(&self.account.cue(r)), r.place))
            .collect();
        let turned = mention.model.as_ref().filter(|m| m.turned.is_some()).map(|m| plain(&m.said));
        let cues: Vec<String> = cues.into_iter().chain(turned).collect();
        let by = if cues.is_empty() { String::new() } else { format!(" by {}", cues.join(", ")) };
        let because = mention.aside.as_ref().filter(|_| why).map_or_else(String::new, |a| format!(": {a}"));
        let text = format!("\u{201c}{}\u{201d} {word}{by}{because}", plain(&self.account.quote(mention.span)));
        self.wrapped(lead, 12, &text);
    }

    /// Mentions that no label of the scheme holds.
    fn asides(&mut self) {
        let outside: Vec<usize> =
            (0..self.account.mentions.len()).filter(|&i| self.account.mentions[i].labels.is_empty()).collect();
        if outside.is_empty() {
            return;
        }
        let title = self.bold("Findings that no label of this scheme holds");
        let _ = writeln!(self.out, "\n{title}");
        for at in outside {
            self.mention("  ", at, true);
        }
    }

    /// Facts, grades and alerts.
    fn whole(&mut self) {
        for group in &self.account.whole {
            let title = self.bold(group.title);
            let _ = writeln!(self.out, "\n{title}");
            if group.rows.is_empty() {
                self.line("  none");
            }
            for row in &group.rows {
                let words = quotes(self.account, &row.words);
                let words = if words.is_empty() { String::new() } else { format!(" {}", plain(&words)) };
                let text = format!("{}{words}", plain(&row.value));
                self.wrapped(&format!("  {:<20}", row.name), 22, &text);
                self.wrapped(&" ".repeat(22), 22, &row.by);
            }
        }
    }

    /// Prose after a lead, its further lines set in.
    fn wrapped(&mut self, lead: &str, indent: usize, text: &str) {
        let mut line = lead.to_owned();
        let mut width = lead.chars().count();
        let most = self.width.unwrap_or(WIDTH);
        // The first word of a line needs no space before it.
        let mut first = true;
        for word in text.split(' ') {
            let len = seen(word);
            if !first && width + len + 1 > most {
                self.line(line.trim_end());
                line = " ".repeat(indent);
                width = indent;
            } else if !first {
                line.push(' ');
                width += 1;
            }
            first = false;
            line.push_str(word);
            width += len;
        }
        self.line(line.trim_end());
    }
}

/// The words of some spans, quoted.
pub(super) fn quotes(account: &Account, spans: &[crate::Span]) -> String {
    let words: Vec<String> = spans.iter().map(|&s| format!("\u{201c}{}\u{201d}", account.quote(s))).collect();
    words.join(" ")
}

/// Columns of a word, its colours left out.
fn seen(word: &str) -> usize {
    let mut hidden = false;
    word.chars()
        .filter(|&c| {
            let shown = !hidden && c != '\x1b';
            hidden = (hidden || c == '\x1b') && c != 'm';
            shown
        })
        .count()
}

/// Where mentions start and end, in order.
fn boundaries(mentions: &[MentionAccount]) -> Vec<usize> {
    let mut out: Vec<usize> = mentions.iter().flat_map(|m| [m.span.start as usize, m.span.end as usize]).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Report text without the control characters that could steer a terminal.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect()
}
