//! The account as one page for a browser: no script, no network, no font from elsewhere.
//!
//! Pointing at a finding or a label lights up what belongs to it. A script could do that, but the text of a
//! report is untrusted, and a page whose policy allows no script at all is safe even where an escape were
//! forgotten. So the style sheet does it, with one set of `:has()` rules a mention and a label, written from
//! numbers only. Everything that lights up also stands in the table below, for readers and for paper.

use super::account::{Account, LabelAccount, MentionAccount, ModelAccount, Reason, Shade};
use crate::Span;
use crate::rules::Status;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// Nothing but the page's own style; no script, no image, no form, no frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Groups of labels, in the order that a reader asks for them.
const GROUPS: [(&str, Option<Status>); 4] = [
    ("Present", Some(Status::Present)),
    ("Uncertain", Some(Status::Uncertain)),
    ("Absent", Some(Status::Absent)),
    ("Not mentioned", None),
];

/// The whole page.
pub(super) fn render(account: &Account) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (account.id) " \u{2013} radlabel" }
                style { (PreEscaped(STYLE)) (PreEscaped(lights(account))) }
            }
            body {
                (head(account))
                div.columns {
                    main {
                        div.card { h2 { "Report" } p.text { (report(account)) } }
                        (table(account))
                        (whole(account))
                    }
                    aside {
                        section.why.card aria-label="Why" { (why(account)) }
                        section.labels.card aria-label="Labels" { h2 { "Labels" } (labels(account)) }
                    }
                }
                footer { "radlabel " (env!("CARGO_PKG_VERSION")) ". Read by rules, not by a physician: not for diagnosis." }
            }
        }
    };
    page.into_string()
}

const fn class(shade: Shade) -> &'static str {
    match shade {
        Shade::Present => "p",
        Shade::Uncertain => "u",
        Shade::Absent => "a",
        Shade::Aside => "s",
    }
}

/// A sign beside the colour, for eyes and printers that tell no colours apart.
const fn symbol(shade: Shade) -> &'static str {
    match shade {
        Shade::Present => "+",
        Shade::Uncertain => "?",
        Shade::Absent => "\u{2212}",
        Shade::Aside => "\u{b7}",
    }
}

const fn value_class(value: Option<Status>) -> &'static str {
    match value {
        Some(Status::Present) => "p",
        Some(Status::Uncertain) => "u",
        Some(Status::Absent) => "a",
        None => "n",
    }
}

fn head(account: &Account) -> Markup {
    let counted = [
        (account.count(Some(Status::Present)), "present"),
        (account.count(Some(Status::Uncertain)), "uncertain"),
        (account.count(Some(Status::Absent)), "absent"),
        (account.count(None), "not mentioned"),
    ];
    let counted: Vec<String> = counted.iter().map(|(n, word)| format!("{n} {word}")).collect();
    html! {
        header {
            h1 { (account.id) }
            p { (account.scheme) ": " (counted.join(" \u{b7} ")) }
            @for note in &account.notes { p { strong { "Note: " } (note) } }
            ul.legend aria-label="Legend" {
                @for (shade, word) in [(Shade::Present, "present"), (Shade::Uncertain, "uncertain"), (Shade::Absent, "absent"), (Shade::Aside, "past, asked or of somebody else")] {
                    li { mark class=(class(shade)) { (word) (sign(shade)) } }
                }
                li { span.cue { "cue" } " \u{2013} the words that decided" }
                li { "grey text \u{2013} a section that does not count" }
            }
        }
    }
}

fn sign(shade: Shade) -> Markup {
    html! { span.sym aria-hidden="true" { (symbol(shade)) } }
}

/// The text cut wherever a mention, a heading or a section begins or ends. A piece belongs to all that cover
/// it, so that mentions may overlap in any way; the shortest gives the colour.
fn report(account: &Account) -> Markup {
    let mentions = || account.mentions.iter().enumerate();
    let cues = |(i, m): (usize, &MentionAccount)| -> Vec<(Span, usize)> {
        m.reasons.iter().flat_map(|r| &r.cues).map(|&cue| (cue, i)).collect()
    };
    let marks = Marks {
        mentions: Spread::new(mentions().map(|(i, m)| (m.span, i)).collect()),
        cues: Spread::new(mentions().flat_map(cues).collect()),
    };
    let mentions = account.mentions.iter().map(|m| m.span);
    let spans = mentions.chain(account.headings.iter().copied()).chain(account.muted.iter().copied());
    let whole = Span::new(0, account.text.len() as u32);
    html! { @for span in pieces(whole, spans) { (piece(account, &marks, span)) } }
}

/// `whole`, cut where any of the spans begins or ends inside it.
fn pieces(whole: Span, spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut cuts: Vec<u32> =
        spans.flat_map(|s| [s.start, s.end]).filter(|&c| whole.start < c && c < whole.end).collect();
    cuts.extend([whole.start, whole.end]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|c| Span::new(c[0], c[1])).collect()
}

/// Where the mentions of a report and their cues stand.
struct Marks {
    mentions: Spread,
    cues: Spread,
}

/// Numbered spans in the order of the text, so that the work on a piece does not grow with the report.
struct Spread {
    spans: Vec<(Span, usize)>,
    longest: u32,
}

impl Spread {
    fn new(mut spans: Vec<(Span, usize)>) -> Spread {
        spans.sort_unstable_by_key(|&(span, number)| (span.start, span.end, number));
        spans.dedup();
        Spread { longest: spans.iter().map(|(s, _)| s.len()).max().unwrap_or(0), spans }
    }

    /// Every span that could touch a piece, and some that begin just before it.
    fn near(&self, piece: Span) -> impl Iterator<Item = (Span, usize)> {
        let first = self.spans.partition_point(|(s, _)| s.start < piece.start.saturating_sub(self.longest));
        let last = self.spans.partition_point(|(s, _)| s.start < piece.end);
        self.spans[first..last].iter().copied()
    }

    /// The numbers of the spans that cover a piece, in order, each once.
    fn over(&self, piece: Span) -> Vec<usize> {
        let mut over: Vec<usize> = self.near(piece).filter(|&(s, _)| covers(s, piece)).map(|(_, n)| n).collect();
        over.sort_unstable();
        over.dedup();
        over
    }
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn piece(account: &Account, marks: &Marks, span: Span) -> Markup {
    let mut classes: Vec<String> = Vec::new();
    classes.extend(account.headings.iter().any(|&h| covers(h, span)).then(|| "head".to_owned()));
    classes.extend(account.muted.iter().any(|&m| covers(m, span)).then(|| "muted".to_owned()));
    let inside = marks.mentions.over(span);
    let shortest = inside.iter().map(|&i| &account.mentions[i]).min_by_key(|m| m.span.len());
    let Some(shortest) = shortest else {
        return html! {
            @if classes.is_empty() { (cued(account, marks, span)) } @else { span class=(classes.join(" ")) { (cued(account, marks, span)) } }
        };
    };
    classes.extend(["hot".to_owned(), class(shortest.shade).to_owned()]);
    classes.extend((inside.len() > 1).then(|| "many".to_owned()));
    classes.extend(inside.iter().map(|i| format!("m{i}")));
    // Two concepts under the same words, alike in status, are told once.
    let mut ending: Vec<&MentionAccount> =
        inside.iter().map(|&i| &account.mentions[i]).filter(|m| m.span.end == span.end).collect();
    ending.dedup_by_key(|m| m.word);
    let told: Vec<String> = inside.iter().map(|i| format!("t{i}")).collect();
    html! {
        mark class=(classes.join(" ")) tabindex="0" aria-describedby=(told.join(" ")) {
            (cued(account, marks, span))
            @for mention in ending { (sign(mention.shade)) span.vh { " (" (mention.word) ") " } }
        }
    }
}

/// A piece of text with the cues in it.
fn cued(account: &Account, marks: &Marks, span: Span) -> Markup {
    html! {
        @for part in pieces(span, marks.cues.near(span).map(|(cue, _)| cue)) {
            @let of: Vec<String> = marks.cues.over(part).iter().map(|i| format!("c{i}")).collect();
            @let text = &account.text[part.range()];
            @if of.is_empty() { (text) } @else { span class=(format!("cue {}", of.join(" "))) { (text) } }
        }
    }
}

/// The panel that shows what is pointed at; all of it is in the page, and the style shows the right one.
fn why(account: &Account) -> Markup {
    html! {
        h2 { "Why" }
        p.hint { "Point at a finding or a label, or go to it with the Tab key, to see the words and the rule behind it." }
        @for (i, label) in account.labels.iter().enumerate() {
            div.told id=(format!("k{i}")) {
                h3 { (label.name) " " (pill(label)) }
                @if let Some(note) = &label.note { p { (sentence_case(note)) "." } }
                @else if label.decider.is_none() && label.aside.is_empty() { p.soft { "The report does not speak of it." } }
                @else if label.decider.is_none() { p.soft { "Nothing that speaks of it counts." } }
            }
        }
        @for (i, mention) in account.mentions.iter().enumerate() {
            div.told id=(format!("t{i}")) {
                h3 { "\u{201c}" (account.quote(mention.span)) "\u{201d} " (status_pill(mention)) }
                @if mention.plain() { p.soft { "Named plainly, with no cue: " (mention.word) "." } }
                @for reason in &mention.reasons { (reason_block(account, reason)) }
                @if let Some(model) = &mention.model { (model_block(model)) }
                @if let Some(aside) = &mention.aside { p { strong { "Does not count: " } (aside) "." } }
                p.soft {
                    (mention.name)
                    @for (name, value) in &mention.attributes { " \u{b7} " (name) " " (value) }
                    br; code { (mention.named_at) }
                }
            }
        }
    }
}

fn pill(label: &LabelAccount) -> Markup {
    html! { span class=(format!("pill {}", value_class(label.value))) { (label.word()) } }
}

fn status_pill(mention: &MentionAccount) -> Markup {
    html! { span class=(format!("pill {}", class(mention.shade))) { (mention.word) } }
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn reason_block(account: &Account, reason: &Reason) -> Markup {
    html! {
        div.reason.besides[!reason.decides] {
            b.words { (account.cue(reason)) }
            @if !reason.gives.is_empty() { " \u{2192} " (reason.gives.join(", ")) }
            br; span { (reason.why) }
            br; code { (reason.rule) " \u{b7} " (reason.place) }
        }
    }
}

fn model_block(model: &ModelAccount) -> Markup {
    html! {
        div.reason.besides[model.turned.is_none()] {
            (sentence_case(&model.said))
            @if let Some(word) = model.turned { " \u{2192} " (word) }
        }
    }
}

fn labels(account: &Account) -> Markup {
    html! {
        @for (title, value) in GROUPS {
            @if account.count(value) > 0 {
                h3 { (title) }
                @for (i, label) in account.labels.iter().enumerate().filter(|(_, l)| l.value == value) { (label_row(account, i, label)) }
            }
        }
    }
}

fn label_row(account: &Account, number: usize, label: &LabelAccount) -> Markup {
    let shown = |i: usize| {
        let mention = &account.mentions[i];
        html! {
            li {
                "\u{201c}" (account.quote(mention.span)) "\u{201d} " (mention.word)
                @if let Some(aside) = &mention.aside { span.soft { " \u{2013} left out: " (aside) } }
            }
        }
    };
    html! {
        details class=(format!("hot l{number} {}", value_class(label.value))) {
            summary { span.name { (label.name) } (pill(label)) }
            @if let Some(decider) = label.decider { p { (account.quote(account.mentions[decider].sentence)) } }
            @if let Some(note) = &label.note { p { (sentence_case(note)) "." } }
            @if !label.others.is_empty() || !label.aside.is_empty() {
                @if label.note.is_none() { p.soft { "Also speak of it:" } }
                ul { @for &i in label.others.iter().chain(&label.aside) { (shown(i)) } }
            }
            p.soft { (label.definition) br; code { (label.place) } }
        }
    }
}

/// Every finding in the order of the text.
fn table(account: &Account) -> Markup {
    html! {
        section.all aria-label="All findings" {
            h2 { "All findings, in the order of the text" }
            @if account.mentions.is_empty() { p.soft { "None." } } @else {
                div.card.scroll {
                    table {
                        thead { tr { th { "Finding" } th { "Status" } th { "Words and rule" } th { "Labels" } } }
                        tbody { @for mention in &account.mentions { (row(account, mention)) } }
                    }
                }
            }
        }
    }
}

/// Facts, grades and alerts, where asked for.
fn whole(account: &Account) -> Markup {
    html! {
        @for group in &account.whole {
            section.all aria-label=(group.title) {
                h2 { (group.title) }
                @if group.rows.is_empty() { p.soft { "None." } } @else {
                    div.card.scroll {
                        table {
                            thead { tr { th { "What" } th { "Value" } th { "Words and rule" } } }
                            tbody {
                                @for row in &group.rows {
                                    tr {
                                        td { strong { (row.name) } }
                                        td { (row.value) }
                                        td { (super::text::quotes(account, &row.words)) " " code { (row.by) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn row(account: &Account, mention: &MentionAccount) -> Markup {
    let deciding: Vec<&Reason> = mention.reasons.iter().filter(|r| r.decides).collect();
    let names: Vec<&str> = mention.labels.iter().map(|&l| account.labels[l].name).collect();
    html! {
        tr {
            td { strong { (account.quote(mention.span)) } br; span.soft { (mention.name) } }
            td { (status_pill(mention)) }
            td {
                @if mention.plain() { span.soft { "named plainly" } }
                @for reason in deciding { div { (account.cue(reason)) " " code { (reason.rule) " \u{b7} " (reason.place) } } }
                @if let Some(model) = &mention.model { div { (sentence_case(&model.said)) } }
                @if let Some(aside) = &mention.aside { div.soft { "Does not count: " (aside) "." } }
            }
            td { @if names.is_empty() { span.soft { "none" } } @else { (names.join(", ")) } }
        }
    }
}

/// Style rules that light up what belongs together. What is pointed at comes before what has the focus.
fn lights(account: &Account) -> String {
    let mut css = String::new();
    for (i, mention) in account.mentions.iter().enumerate() {
        let labels: Vec<String> = mention.labels.iter().map(|l| format!(".l{l}")).collect();
        light(&mut css, &format!(".m{i}"), &[format!(".m{i}")], &[format!(".c{i}")], &labels, &[format!("#t{i}")]);
    }
    for (i, label) in account.labels.iter().enumerate() {
        let mentions: Vec<usize> =
            label.decider.into_iter().chain(label.others.iter().copied()).chain(label.aside.iter().copied()).collect();
        let marks: Vec<String> = mentions.iter().map(|m| format!(".m{m}")).collect();
        let cues: Vec<String> = label.decider.iter().map(|m| format!(".c{m}")).collect();
        let mut told = vec![format!("#k{i}")];
        // The panel tells of the mention that decided, or else of those that did not count.
        let shown = match label.decider {
            Some(decider) => vec![decider],
            None if label.note.is_some() => Vec::new(),
            None => mentions.clone(),
        };
        told.extend(shown.iter().map(|m| format!("#t{m}")));
        light(&mut css, &format!(".l{i}"), &marks, &cues, &[format!(".l{i}")], &told);
    }
    css.push_str("body:has(.hot:hover, .hot:focus-within) .hint { display: none; }\n");
    css
}

fn light(css: &mut String, source: &str, marks: &[String], cues: &[String], labels: &[String], told: &[String]) {
    let active = format!("body:is(:has({source}:hover), :not(:has(.hot:hover)):has({source}:focus-within))");
    let groups = [
        (marks, "box-shadow: 0 0 0 2px var(--c); filter: saturate(1.25);"),
        (cues, "background: var(--blue-soft); box-shadow: 0 0 0 2px var(--blue); border-radius: 4px;"),
        (labels, "background: var(--blue-soft); border-color: var(--blue);"),
        (told, "display: block;"),
    ];
    for (targets, style) in groups {
        if !targets.is_empty() {
            let _ = writeln!(css, "{active} :is({}) {{ {style} }}", targets.join(", "));
        }
    }
}
