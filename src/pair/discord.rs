//! Side, number and size: what contradicts where both report and image have the finding.
//!
//! Each is judged reader by reader (a source without readers is one): a reader contradicts, agrees, or cannot be told.
//! It is a discord when one contradicts and none agrees.
//!
//! **Side.** Left against right is one; so is what is drawn on both sides while the report names one. A bilateral
//! finding that is drawn on one side only is one where the images were read for everything, and not where only what
//! was found is told. Where the side of some annotation is not known, left against right is none: the rest may be left.
//!
//! **Number.** The highest number that a reader drew on one image, as several views show the same findings; of volumes,
//! each is one; a mask or volume in several pieces may be as many. Slices of one series show each its own: there shapes
//! of different slices are one finding only where they overlap as seen across the slices and lie no farther apart than
//! the larger of them is long. Boxes of different categories that cover one another by half or more are one. "Two
//! nodules" against three drawn is a discord, as is "multiple" against one. Fewer drawn than told is one only where the
//! images were read for everything.
//!
//! **Size.** The largest told against the largest drawn, where they differ by more than half of the smaller and by more
//! than 5 mm. What the source measured outranks what is drawn, outlines outrank boxes. A box is longer than the finding
//! where that lies slanted or was drawn with a margin: it contradicts when it is smaller by that much, or more than 2.5
//! times as long. "Under 10 mm" is contradicted by more only, "over 10 mm" by less only. Where only what was found is
//! told, what is drawn must contradict every size that the report tells.
//!
//! **Attenuation.** In HU, where report and source both tell it: every value told against every value measured, which lie
//! more than 20 HU apart. A mean, a minimum and a maximum of one region are all values of it.

use super::look::{Drawn, Looked, SizeKind};
use super::said::{Length, Said, joined};
use super::{Discord, SideBasis};
use crate::annotation::Shape;
use crate::annotation::slice::Slice;
use crate::annotation::{geometry, rle};
use crate::lexicon::Side;

/// Sizes differ when the larger is more than so many times the smaller ...
const RATIO: f64 = 1.5;
/// ... and by more than this, in mm.
const DIFFERENCE: f64 = 5.0;
/// A box may be so many times as long as what the report tells.
const BOX_RATIO: f64 = 2.5;
/// Attenuations differ by more than this, in HU: noise and the place of the region move a mean by as much.
const HOUNSFIELD: f64 = 20.0;
/// Boxes of two categories that share so much of their union are of one thing.
const SAME: f64 = 0.5;
/// Shapes of a label, over all slices, that are held against each other; of more, one slice alone tells the number.
const MOST_COMPARED: usize = 5_000;

/// Side, size, number and readers of annotations, over all readers.
pub(super) struct Summary {
    pub(super) side: Option<(Side, SideBasis)>,
    pub(super) size: Option<f64>,
    pub(super) attenuation: Option<f64>,
    pub(super) count: u32,
    pub(super) readers: Option<(u32, u32)>,
}

pub(super) fn summary(places: &[u32], looked: &Looked<'_>) -> Summary {
    let drawn: Vec<&Drawn> = places.iter().map(|&p| &looked.drawn[p as usize]).collect();
    let side = joined(drawn.iter().filter_map(|d| Some(d.side?.0)));
    // The least trustworthy basis is told.
    let basis = drawn.iter().filter_map(|d| Some(d.side?.1)).max();
    let mut counts: Vec<u32> = by_reader(&drawn).iter().map(|r| number(r, looked).0).filter(|&n| n > 0).collect();
    counts.sort_unstable();
    // The number of most readers; of several such, the largest.
    let votes = |n: u32| counts.iter().filter(|&&c| c == n).count();
    let count = counts.iter().copied().max_by_key(|&n| (votes(n), n)).unwrap_or(0);
    let mut who: Vec<(u32, &str)> =
        drawn.iter().filter_map(|d| Some((d.at.0, d.annotation.reader.as_deref()?))).collect();
    who.sort_unstable();
    who.dedup();
    let readers = (!looked.readers.is_empty()).then_some((who.len() as u32, looked.readers.len() as u32));
    let attenuation = drawn.iter().flat_map(|d| &d.attenuation).copied().reduce(f64::max);
    Summary { side: side.zip(basis), attenuation, size: largest(&drawn).map(|s| s.0), count, readers }
}

/// What contradicts.
pub(super) fn discords(said: &Said, places: &[u32], looked: &Looked<'_>) -> Vec<Discord> {
    let drawn: Vec<&Drawn> = places.iter().map(|&p| &looked.drawn[p as usize]).collect();
    let readers = by_reader(&drawn);
    let contradicts = |judge: &dyn Fn(&[&Drawn], bool) -> Option<bool>| {
        let verdicts: Vec<bool> =
            readers.iter().filter_map(|r| judge(r, r.iter().all(|d| looked.whole[d.at.0 as usize]))).collect();
        verdicts.contains(&true) && !verdicts.contains(&false)
    };
    let mut out = Vec::new();
    if contradicts(&|drawn, whole| side(said.side?, drawn, whole)) {
        out.push(Discord::Side);
    }
    if contradicts(&|drawn, whole| {
        let (amount, (least, most)) = (said.amount.as_ref()?, number(drawn, looked));
        let more = amount.most.is_some_and(|told| least > told);
        (least > 0).then_some(more || most < amount.least && whole)
    }) {
        out.push(Discord::Count);
    }
    if contradicts(&|drawn, whole| size(&said.sizes, drawn, whole)) {
        out.push(Discord::Size);
    }
    if contradicts(&|drawn, _| attenuation(&said.attenuations, drawn)) {
        out.push(Discord::Attenuation);
    }
    out
}

/// The annotations of each reader, in order of first appearance.
fn by_reader<'d, 'a>(drawn: &[&'d Drawn<'a>]) -> Vec<Vec<&'d Drawn<'a>>> {
    let key = |d: &Drawn<'a>| (d.at.0, d.annotation.reader.as_deref());
    let mut out: Vec<Vec<&'d Drawn<'a>>> = Vec::new();
    for &one in drawn {
        match out.iter_mut().find(|list| key(list[0]) == key(one)) {
            Some(list) => list.push(one),
            None => out.push(vec![one]),
        }
    }
    out
}

/// Whether a reader's annotations contradict the side told; `None`: cannot be told.
fn side(told: Side, drawn: &[&Drawn], whole: bool) -> Option<bool> {
    // Beside shapes, a label of the whole image tells no side more.
    let shaped = drawn.iter().any(|d| d.annotation.shape != Shape::Whole);
    let counted = || drawn.iter().filter(|d| !shaped || d.annotation.shape != Shape::Whole);
    let known = joined(counted().filter_map(|d| Some(d.side?.0)))?;
    let all = counted().all(|d| d.side.is_some());
    match (told, known) {
        (Side::Bilateral, Side::Bilateral) => Some(false),
        (Side::Bilateral, _) => (all && whole).then_some(true),
        (_, Side::Bilateral) => Some(true),
        (told, known) if told == known => Some(false),
        _ => all.then_some(true),
    }
}

/// How many a reader drew: the highest number of one image, or of the slices of one series; and how many there may be, as
/// one mask may hold several findings in pieces.
fn number(drawn: &[&Drawn], looked: &Looked<'_>) -> (u32, u32) {
    let marks = |d: &Drawn| matches!(d.annotation.shape, Shape::Points(_) | Shape::Line(_));
    // A line beside a box measures what the box holds.
    let only_marks = drawn.iter().all(|d| marks(d) || d.annotation.shape == Shape::Whole);
    let counted: Vec<&&Drawn> =
        drawn.iter().filter(|d| d.annotation.shape != Shape::Whole && (only_marks || !marks(d))).collect();
    let mut images: Vec<u32> = counted.iter().map(|d| d.image).collect();
    images.sort_unstable();
    images.dedup();
    let on = |image: u32| {
        let mut kept: Vec<&Drawn> = Vec::new();
        for one in counted.iter().filter(|d| d.image == image) {
            let same = |k: &&Drawn| k.annotation.category != one.annotation.category && overlap(k, one) >= SAME;
            if !kept.iter().any(same) {
                kept.push(one);
            }
        }
        kept
    };
    let kept: Vec<Vec<&Drawn>> = images.into_iter().map(on).collect();
    let most = kept.iter().map(Vec::len).max().unwrap_or(0);
    let placed: Vec<Solid<'_>> = kept.iter().flatten().filter_map(|d| Solid::of(d, looked)).collect();
    let least = (most as u32).max(if placed.len() > MOST_COMPARED { 0 } else { pieces(placed) });
    let parted = kept.iter().map(|of| of.iter().map(|d| parts(&d.annotation.shape)).fold(0, u32::saturating_add)).max();
    (least, parted.unwrap_or(0).max(least))
}

/// In how many pieces a shape lies.
fn parts(shape: &Shape) -> u32 {
    let parts = match shape {
        Shape::Mask { size, runs } => rle::components(*size, runs),
        Shape::Volume(extent) => extent.components,
        Shape::Polygon(outlines) => u32::try_from(outlines.len()).unwrap_or(u32::MAX),
        _ => 1,
    };
    parts.max(1)
}

/// A shape of a slice in the patient, in mm.
struct Solid<'a> {
    series: &'a str,
    slice: Slice,
    centre: [f64; 3],
    /// Half of its width and height.
    half: [f64; 2],
}

impl<'a> Solid<'a> {
    /// Of shapes that have a width and a height.
    fn of(drawn: &Drawn, looked: &Looked<'a>) -> Option<Solid<'a>> {
        let (slice, series) = looked.slices.get(drawn.image as usize).copied()??;
        let [x0, y0, x1, y1] = geometry::bounds(&drawn.annotation.shape)?;
        let [across, down] = slice.spacing();
        let half = [(x1 - x0) / 2.0 * across, (y1 - y0) / 2.0 * down];
        let centre = slice.at([(x0 + x1) / 2.0, (y0 + y1) / 2.0]);
        (half[0] > 0.0 && half[1] > 0.0).then_some(Solid { series, slice, centre, half })
    }

    /// Both may be of one finding: a finding is about as deep as it is long.
    fn meets(&self, other: &Solid<'_>) -> bool {
        let [across, down, deep] = self.slice.offset(self.centre, other.centre).map(f64::abs);
        let longest = self.half.iter().chain(&other.half).fold(0.0, |l: f64, h| l.max(2.0 * h));
        let near = across <= self.half[0] + other.half[0] && down <= self.half[1] + other.half[1];
        self.series == other.series && near && deep <= longest
    }
}

/// The most findings of a series: shapes that meet, one through another, are one.
fn pieces(mut left: Vec<Solid<'_>>) -> u32 {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    while let Some(first) = left.pop() {
        match counts.iter_mut().find(|c| c.0 == first.series) {
            Some(count) => count.1 += 1,
            None => counts.push((first.series, 1)),
        }
        let mut reached = vec![first];
        while let Some(one) = reached.pop() {
            let (met, rest) = left.into_iter().partition(|other| one.meets(other));
            left = rest;
            reached.extend::<Vec<Solid<'_>>>(met);
        }
    }
    counts.into_iter().map(|c| c.1).max().unwrap_or(0)
}

/// Shared area over united area of what bounds two shapes.
fn overlap(a: &Drawn, b: &Drawn) -> f64 {
    let (Some(a), Some(b)) = (geometry::bounds(&a.annotation.shape), geometry::bounds(&b.annotation.shape)) else {
        return 0.0;
    };
    let area = |r: [f64; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let united = area(a) + area(b) - shared;
    if united > 0.0 { shared / united } else { 0.0 }
}

/// The largest size, of the most trustworthy kind that is there.
fn largest(drawn: &[&Drawn]) -> Option<(f64, SizeKind)> {
    let kind = drawn.iter().filter_map(|d| Some(d.size?.1)).max()?;
    let sizes = drawn.iter().filter_map(|d| d.size).filter(|s| s.1 == kind).map(|s| s.0);
    Some((sizes.fold(0.0, f64::max), kind))
}

fn size(told: &[Length], drawn: &[&Drawn], whole: bool) -> Option<bool> {
    let (drawn, kind) = largest(drawn)?;
    let most = told.iter().copied().max_by(|a, b| a.told().total_cmp(&b.told()))?;
    Some(match whole {
        true => differs(most, drawn, kind),
        false => told.iter().all(|&t| differs(t, drawn, kind)),
    })
}

fn attenuation(told: &[Length], drawn: &[&Drawn]) -> Option<bool> {
    let measured: Vec<f64> = drawn.iter().flat_map(|d| &d.attenuation).copied().collect();
    let apart = |t: &Length| measured.iter().all(|m| *m < t.least - HOUNSFIELD || *m > t.most + HOUNSFIELD);
    (!measured.is_empty() && !told.is_empty()).then(|| told.iter().all(apart))
}

fn differs(told: Length, drawn: f64, kind: SizeKind) -> bool {
    let apart = |small: f64, large: f64, ratio: f64| large > small * ratio && large - small > DIFFERENCE;
    let ratio = if kind == SizeKind::Box { BOX_RATIO } else { RATIO };
    apart(drawn, told.least, RATIO) || apart(told.most, drawn, ratio)
}
