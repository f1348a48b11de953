//! What `radlabel pair` found, as one page for a browser: counts, conflicts by kind, and a sample of conflicts with
//! what the report says beside what was drawn.

use crate::annotation::Shape;
use crate::pair::Pairing;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
    pub(crate) discords: [u64; 3],
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

/// A shape on the image.
pub(crate) struct Drawn {
    /// Its category, as the source names it.
    pub(crate) category: String,
    /// The annotation's id.
    pub(crate) id: String,
    /// Its form.
    pub(crate) shape: Shape,
}

/// An image as 8 bits a sample.
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

/// The whole page.
pub(crate) fn render(page: &Page, show: Show) -> String {
    let _ = (&page.title, show);
    String::new()
}
