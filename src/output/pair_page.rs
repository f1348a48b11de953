//! What `radlabel pair` found, as one page for a browser: counts, conflicts by kind, and a sample of conflicts with
//! what the report says beside what was drawn.
//!
//! As the page of `radlabel explain`: no script, no network, no font from elsewhere. Texts of reports, names of
//! categories and ids are anybody's, so the page's own policy allows no script even where an escape were forgotten.

mod drawing;

use crate::annotation::{Shape, side};
use crate::lexicon::Side;
use crate::pair::{Discord, Outcome, Pairing, SideBasis};
use crate::rules::Status;
use crate::study::StudyRow;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

const STYLE: &str = include_str!("pair_page.css");

/// Nothing but the page's own style and pictures; no script, no form, no frame.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Longest side of a picture in pixels: more than it takes on the page, for dense screens.
const LONGEST: u32 = 512;

/// All that stands on the page.
pub(crate) struct Page {
    /// Headline of the page.
    pub(crate) title: String,
    /// Headline counts in order: what is counted ("reports", "studies", "images", "annotations", ...), and how many.
    pub(crate) counts: Vec<(String, u64)>,
    /// What was run and with what: scheme, versions of rules and lexicon, sources; no clock.
    pub(crate) facts: Vec<(String, String)>,
    /// One row a label of the scheme, in its order.
    pub(crate) labels: Vec<LabelRow>,
    /// Conflicts in all, of which [`Page::conflicts`] are a sample.
    pub(crate) conflicts_in_all: u64,
    /// The sample, in order.
    pub(crate) conflicts: Vec<Card>,
}

/// The pairings of one label, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelRow {
    /// Its name.
    pub(crate) label: String,
    /// How many of each outcome, in the order of [`crate::pair::Outcome::NAMED`].
    pub(crate) outcomes: [u64; 8],
    /// How many contradict in side, count and size.
    pub(crate) discords: [u64; Discord::ALL.len()],
    /// How many are in conflict, by outcome or by a discord; each once.
    pub(crate) conflicts: u64,
}

/// One conflict.
pub(crate) struct Card {
    /// The label's name.
    pub(crate) label: String,
    /// Outcome, discords and what both sides say.
    pub(crate) pairing: Pairing,
    /// The report's id; blank where there is none.
    pub(crate) report_id: String,
    /// The study; blank where only names tie.
    pub(crate) study_uid: String,
    /// The sentence of the deciding mention; `None`: not mentioned, or text is left out.
    pub(crate) sentence: Option<String>,
    /// Where the finding stands in the sentence, in bytes.
    pub(crate) marked: Vec<Range<usize>>,
    /// The image that the shapes are drawn on.
    pub(crate) image: Option<ImageOf>,
    /// What is drawn on it.
    pub(crate) shapes: Vec<Drawn>,
    /// Ids of every annotation, those on other images among them.
    pub(crate) ids: Vec<String>,
}

/// An image to show.
pub(crate) struct ImageOf {
    /// Its name, for the caption.
    pub(crate) name: String,
    /// Where it lies; `None`: no file is known.
    pub(crate) path: Option<PathBuf>,
    /// Frame of a multi-frame image, from 1.
    pub(crate) frame: Option<u32>,
    /// Width and height in pixels, where known: the shapes are drawn on an empty field where the image cannot be shown.
    pub(crate) size: Option<[u32; 2]>,
    /// Where the patient's right lies, where known.
    pub(crate) patient_right: Option<Edge>,
}

/// An edge of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The viewer's left.
    Left,
    /// The viewer's right.
    Right,
}

impl Edge {
    /// Where the patient's right lies in an image, by its orientation or view.
    pub(crate) fn of_right(image: &StudyRow) -> Option<Edge> {
        let (width, height) = (f64::from(image.columns?), f64::from(image.rows?));
        // The side of a strip that lies well within the left half.
        let strip = Shape::Box([0.1 * width, 0.1 * height, 0.1 * width, 0.8 * height]);
        match side(&strip, image)? {
            (_, SideBasis::Told | SideBasis::Laterality) => None,
            (Side::Right, _) => Some(Edge::Left),
            (Side::Left, _) => Some(Edge::Right),
            (Side::Bilateral, _) => None,
        }
    }
}

/// A shape on the image.
pub(crate) struct Drawn {
    /// Its category, as the source names it.
    pub(crate) category: String,
    /// The annotation's id.
    pub(crate) id: String,
    /// Its form.
    pub(crate) shape: Shape,
    /// Of a volume: what bounds it on the image (lowest x and y, highest x and y), where the image runs through it.
    pub(crate) bounds: Option<[f64; 4]>,
}

/// An image as 8 bits a sample.
#[cfg(feature = "pixels")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Width and height.
    pub(crate) size: [u32; 2],
    /// 1: grey; 3: RGB.
    pub(crate) channels: usize,
    /// Pixel after pixel, row after row.
    pub(crate) bytes: Vec<u8>,
}

/// A small picture of an image.
#[cfg_attr(not(feature = "pixels"), allow(dead_code, reason = "made by `pixels` alone"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thumbnail {
    /// As PNG.
    pub(crate) png: Vec<u8>,
    /// Width and height of the picture.
    pub(crate) size: [u32; 2],
    /// Width and height of the image.
    pub(crate) image: [u32; 2],
}

/// Shows a file: path, frame (from 1), longest side of the picture; or says why it cannot be shown.
pub(crate) type Show<'a> = &'a mut dyn FnMut(&Path, Option<u32>, u32) -> Result<Thumbnail, String>;

/// A kind of conflict: an outcome or a discord.
struct Kind {
    /// Short, as a column's head.
    name: &'static str,
    /// In full.
    about: &'static str,
    count: fn(&LabelRow) -> u64,
}

/// Kinds of conflicts, in the order that they are told.
const KINDS: [Kind; 8] = [
    Kind { name: "Denied", about: "Drawn on the image, denied by the report", count: |l| l.of(Outcome::Denied) },
    Kind {
        name: "Image only",
        about: "Drawn on the image, not mentioned by the report",
        count: |l| l.of(Outcome::ImageOnly),
    },
    Kind {
        name: "Report only",
        about: "Reported, and nothing drawn on images read for it",
        count: |l| l.of(Outcome::ReportOnly),
    },
    Kind {
        name: "Uncertain",
        about: "Drawn on the image, uncertain in the report",
        count: |l| l.of(Outcome::UncertainDrawn),
    },
    Kind { name: "Side", about: "Reported and drawn, the sides differ", count: |l| l.discords[0] },
    Kind { name: "Count", about: "Reported and drawn, the numbers differ", count: |l| l.discords[1] },
    Kind { name: "Size", about: "Reported and drawn, the sizes differ", count: |l| l.discords[2] },
    Kind { name: "Attenuation", about: "Reported and measured, the HU differ", count: |l| l.discords[3] },
];

impl LabelRow {
    /// How many are of an outcome.
    fn of(&self, outcome: Outcome) -> u64 {
        Outcome::NAMED.iter().position(|n| n.1 == outcome).map_or(0, |place| self.outcomes[place])
    }

    /// How many have the finding: reported as present or drawn, where both were looked at.
    fn found(&self) -> u64 {
        self.of(Outcome::Both) + KINDS[..4].iter().map(|k| (k.count)(self)).sum::<u64>()
    }
}

/// What is to be said of an outcome, within a sentence.
const fn told(pairing: &Pairing) -> &'static str {
    match pairing.outcome {
        Outcome::Both => "reported and drawn",
        Outcome::Neither => "neither reported nor drawn",
        // A label that says that nothing is there is contradicted by what is drawn of others.
        Outcome::ReportOnly if pairing.image_count > 0 => "reported, other findings drawn",
        Outcome::ReportOnly => "reported, nothing drawn",
        Outcome::ImageOnly => "drawn, not mentioned",
        Outcome::Denied => "drawn, denied by the report",
        Outcome::UncertainDrawn => "drawn, uncertain in the report",
        Outcome::UncertainNotDrawn => "uncertain, nothing drawn",
        Outcome::NotRead => "reported, images not read for it",
    }
}

/// The whole page.
pub(crate) fn render(page: &Page, show: Show) -> String {
    let pictures: Vec<Option<Result<Thumbnail, String>>> =
        page.conflicts.iter().map(|c| picture(c, &mut *show)).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (page.title) " \u{2013} radlabel" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head(page))
                main {
                    (kinds(page))
                    (labels(page))
                    (sample(page, &pictures))
                    (about(page))
                }
                footer { "radlabel " (env!("CARGO_PKG_VERSION")) ". Read by rules, not by a physician: not for diagnosis." }
            }
        }
    };
    page.into_string()
}

/// The picture of a conflict's image, or why there is none; `None` where no image belongs to it.
fn picture(card: &Card, show: Show) -> Option<Result<Thumbnail, String>> {
    let image = card.image.as_ref()?;
    let path = image.path.as_deref().ok_or_else(|| "no file of it is known".to_owned());
    Some(path.and_then(|path| show(path, image.frame, LONGEST)))
}

fn head(page: &Page) -> Markup {
    let found: u64 = page.labels.iter().map(LabelRow::found).sum();
    let agreeing = found.saturating_sub(page.conflicts_in_all);
    html! {
        header {
            h1 { bdi { (page.title) } }
            p.lead {
                @if found == 0 { "No finding was reported or drawn where both could be held against each other." }
                @else {
                    strong { (share(agreeing, found)) } " agreement: of " (number(found)) " findings reported or drawn, "
                    (number(agreeing)) " agree and " strong { (number(page.conflicts_in_all)) } " conflict."
                }
            }
            dl.counts {
                @for (name, count) in &page.counts { div { dt { (name) } dd { (number(*count)) } } }
            }
        }
    }
}

/// A bar beside a number that says the same.
fn bar(part: u64, whole: u64) -> Markup {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    html! { span.bar aria-hidden="true" { span style=(format!("width:{percent:.1}%")) {} } }
}

fn share(part: u64, whole: u64) -> String {
    // Rounded towards doubt: 100 % only where nothing conflicts.
    format!("{} %", (part * 100).checked_div(whole).unwrap_or(0))
}

/// With thin spaces between thousands.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

fn kinds(page: &Page) -> Markup {
    let counts: Vec<u64> = KINDS.iter().map(|k| page.labels.iter().map(k.count).sum()).collect();
    let most = counts.iter().copied().max().unwrap_or(0);
    html! {
        section aria-labelledby="kinds" {
            h2 id="kinds" { "Conflicts by kind" }
            div.card {
                ul.kinds {
                    @for (kind, &count) in KINDS.iter().zip(&counts) {
                        li.none[count == 0] {
                            span.name { strong { (kind.name) } " " span.soft { (kind.about) } }
                            (bar(count, most))
                            span.count { (number(count)) }
                        }
                    }
                }
                @if counts.iter().sum::<u64>() > page.conflicts_in_all {
                    p.note { "A finding may be in conflict in more than one way." }
                }
            }
        }
    }
}

fn labels(page: &Page) -> Markup {
    let shown: Vec<&LabelRow> = page.labels.iter().filter(|l| l.found() > 0).collect();
    let rest: Vec<&str> = page.labels.iter().filter(|l| l.found() == 0).map(|l| l.label.as_str()).collect();
    let kinds: Vec<&Kind> = KINDS.iter().filter(|k| shown.iter().any(|l| (k.count)(l) > 0)).collect();
    html! {
        section aria-labelledby="labels" {
            h2 id="labels" { "Labels" }
            @if !shown.is_empty() {
                div.card.scroll tabindex="0" role="region" aria-label="Table of labels" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Label" }
                                th scope="col" { "Agreement" }
                                th.n scope="col" { "Agree" }
                                @for kind in &kinds { th.n scope="col" { (kind.name) } }
                            }
                        }
                        tbody { @for label in &shown { (label_row(label, &kinds)) } }
                    }
                }
                p.note {
                    "Agreement: the share of studies or images, among those where the finding is reported as present or drawn, in which neither presence nor side, number, size or attenuation conflict. "
                    "Where nobody says that images were read for a label, nothing is held against it."
                }
            }
            @if !rest.is_empty() { p.note { "Nothing to compare for " (rest.join(", ")) "." } }
        }
    }
}

fn label_row(label: &LabelRow, kinds: &[&Kind]) -> Markup {
    let found = label.found();
    let agreeing = found.saturating_sub(label.conflicts);
    html! {
        tr {
            th scope="row" { bdi { (label.label) } }
            td { div.rate { (bar(agreeing, found)) span { (share(agreeing, found)) } } }
            td.n { (number(agreeing)) }
            @for kind in kinds {
                @let count = (kind.count)(label);
                td.n.none[count == 0] { (number(count)) }
            }
        }
    }
}

fn sample(page: &Page, pictures: &[Option<Result<Thumbnail, String>>]) -> Markup {
    let mut hidden: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in pictures.iter().flatten().filter_map(|p| p.as_ref().err()) {
        *hidden.entry(reason).or_default() += 1;
    }
    let shown = page.conflicts.len() as u64;
    html! {
        section aria-labelledby="sample" {
            h2 id="sample" { "Conflicts" @if shown > 0 { ": " (number(shown)) " of " (number(page.conflicts_in_all)) } }
            @if shown == 0 { p.note { "None to show." } }
            @if !hidden.is_empty() {
                p.note {
                    "Images not shown: "
                    @for (place, (reason, count)) in hidden.iter().enumerate() {
                        @if place > 0 { "; " }
                        (reason) " (" (number(*count)) ")"
                    }
                    "."
                }
            }
            @for (place, (card, picture)) in page.conflicts.iter().zip(pictures).enumerate() { (conflict(place, card, picture.as_ref())) }
        }
    }
}

fn conflict(place: usize, card: &Card, picture: Option<&Result<Thumbnail, String>>) -> Markup {
    let pairing = &card.pairing;
    let id = format!("c{}", place + 1);
    html! {
        article.card.conflict aria-labelledby=(id) {
            (drawing::figure(card, picture))
            div.says {
                h3 id=(id) { bdi { (card.label) } " " span.pill.agree[pairing.outcome == Outcome::Both] { (told(pairing)) }
                    @for &discord in &pairing.discords { " " span.pill { (discord.name()) " differs" } }
                }
                table.sides {
                    caption.vh { "What the report says and what is drawn" }
                    thead { tr { td {} th scope="col" { "Report" } th scope="col" { "Image" } } }
                    tbody {
                        @for row in compared(pairing) {
                            tr.differs[row.discord.is_some_and(|d| pairing.discords.contains(&d))] {
                                th scope="row" { (row.name) }
                                td { (row.report.as_deref().unwrap_or("not told")) }
                                td { (row.image.as_deref().unwrap_or("not told")) @if let Some(note) = row.note { " " span.soft { (note) } } }
                            }
                        }
                    }
                }
                @if let Some(sentence) = &card.sentence { blockquote { p { (marked(sentence, &card.marked)) } } }
                p.ids {
                    @if !card.report_id.is_empty() { "Report " code { bdi { (card.report_id) } } }
                    @if !card.study_uid.is_empty() { br; "Study " code { bdi { (card.study_uid) } } }
                    @if !card.ids.is_empty() {
                        br; @if card.ids.len() == 1 { "Annotation " } @else { "Annotations " }
                        @for (place, id) in card.ids.iter().take(MOST_IDS).enumerate() { @if place > 0 { ", " } code { bdi { (id) } } }
                        @if card.ids.len() > MOST_IDS { " and " (number((card.ids.len() - MOST_IDS) as u64)) " more" }
                    }
                }
            }
        }
    }
}

/// What both tell of a finding.
struct Compared {
    name: &'static str,
    discord: Option<Discord>,
    report: Option<String>,
    image: Option<String>,
    /// From what the image tells it.
    note: Option<String>,
}

fn by_readers(drew: u32, all: u32) -> String {
    let readers = if all == 1 { "reader" } else { "readers" };
    if drew == 0 { format!("by any of {all} {readers}") } else { format!("by {drew} of {all} {readers}") }
}

/// What report and image tell; what neither tells is left out.
fn compared(pairing: &Pairing) -> Vec<Compared> {
    let drawn = is_drawn(pairing);
    let image = match (drawn, pairing.image_count) {
        (false, 0) => "nothing drawn",
        (false, _) => "other findings drawn",
        (true, 0) => "labelled, nothing drawn",
        (true, _) => "drawn",
    };
    // One is what goes without saying.
    let told = pairing.report_count.is_some() || pairing.image_count > 1;
    let count = (told && pairing.image_count > 0).then(|| pairing.image_count.to_string());
    let side = pairing.image_side;
    let rows = [
        Compared {
            name: "Finding",
            discord: None,
            report: Some(pairing.status.map_or("not mentioned", Status::name).to_owned()),
            image: Some(image.to_owned()),
            note: pairing.readers.map(|(drew, all)| by_readers(drew, all)),
        },
        Compared {
            name: "Side",
            discord: Some(Discord::Side),
            report: pairing.report_side.map(|s| side_word(s).to_owned()),
            image: side.map(|(s, _)| side_word(s).to_owned()),
            note: side.map(|(_, basis)| by(basis).to_owned()),
        },
        Compared {
            name: "Number",
            discord: Some(Discord::Count),
            report: pairing.report_count.clone(),
            image: count,
            note: None,
        },
        Compared {
            name: "Size",
            discord: Some(Discord::Size),
            report: pairing.report_size.map(mm),
            image: pairing.image_size.map(mm),
            note: None,
        },
        Compared {
            name: "Attenuation",
            discord: Some(Discord::Attenuation),
            report: pairing.report_attenuation.map(hounsfield),
            image: pairing.image_attenuation.map(hounsfield),
            note: None,
        },
    ];
    rows.into_iter().filter(|row| row.report.is_some() || row.image.is_some()).collect()
}

/// Something on the image says that the finding is there.
fn is_drawn(pairing: &Pairing) -> bool {
    matches!(pairing.outcome, Outcome::Both | Outcome::ImageOnly | Outcome::Denied | Outcome::UncertainDrawn)
}

/// Ids of annotations that a conflict lists.
const MOST_IDS: usize = 12;

const fn side_word(of: Side) -> &'static str {
    match of {
        Side::Left => "left",
        Side::Right => "right",
        Side::Bilateral => "both sides",
    }
}

/// From what a side was told.
const fn by(basis: SideBasis) -> &'static str {
    match basis {
        SideBasis::Told => "as its source tells",
        SideBasis::Laterality => "the study is of one side",
        SideBasis::Orientation => "by the image's orientation",
        SideBasis::View => "by the view",
    }
}

fn hounsfield(attenuation: f64) -> String {
    format!("{}\u{a0}HU", decimal(attenuation))
}

fn mm(length: f64) -> String {
    format!("{}\u{a0}mm", decimal(length))
}

/// To a tenth, without a zero behind the point.
fn decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The sentence with the finding marked. Ranges that do not fit the text are passed over.
fn marked(sentence: &str, ranges: &[Range<usize>]) -> Markup {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut at = 0;
    let mut parts: Vec<(&str, bool)> = Vec::new();
    for range in ranges {
        let (Some(before), Some(inside)) = (sentence.get(at..range.start), sentence.get(range.clone())) else {
            continue;
        };
        parts.extend([(before, false), (inside, true)]);
        at = range.end;
    }
    parts.push((sentence.get(at..).unwrap_or_default(), false));
    html! { @for (text, is_marked) in parts { @if is_marked { mark { (text) } } @else { (text) } } }
}

fn about(page: &Page) -> Markup {
    html! {
        section aria-labelledby="about" {
            h2 id="about" { "How this was made" }
            dl.facts.card {
                @for (name, value) in &page.facts { div { dt { (name) } dd { bdi { (value) } } } }
            }
        }
    }
}

#[cfg(test)]
#[path = "pair_page_tests.rs"]
mod tests;
