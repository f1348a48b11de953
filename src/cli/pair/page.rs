//! The page of the command: counts and sample as `output::pair_page` wants them.

use super::Options;
use super::catalog::Catalog;
use super::job::{Count, Counts};
use crate::output::Sink;
use crate::output::pair_page::{Card, LabelRow, Page, Thumbnail, render};
use crate::rules::BoundScheme;
use std::path::Path;

/// Writes the page.
pub(super) fn write(
    path: &Path,
    options: &Options,
    catalog: &Catalog,
    bound: &BoundScheme,
    counts: &Counts,
    cards: Vec<(u64, Card)>,
) -> anyhow::Result<()> {
    let versions = options.data.versions()?;
    let images: usize = catalog.studies.iter().map(|s| s.images.len()).sum();
    let annotations: usize = catalog.sets.iter().map(|s| s.set.annotations.len()).sum();
    let sources: Vec<&str> = catalog.sets.iter().map(|s| &*s.set.source).collect();
    let label = |number: usize| {
        let count = counts.labels.get(&(number as u32)).copied().unwrap_or_default();
        let Count { outcomes, discords, conflicts } = count;
        LabelRow { label: bound.scheme.labels[number].name.to_string(), outcomes, discords, conflicts }
    };
    let told = |pairs: [(&str, String); 6]| pairs.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let page = Page {
        title: format!("Reports and annotations: {}", bound.scheme.title),
        counts: [
            ("reports", counts.reports),
            ("paired reports", counts.paired),
            ("annotated studies", catalog.studies.len() as u64),
            ("images", images as u64),
            ("annotations", annotations as u64),
            ("studies without report", (catalog.studies.len() - counts.hit.len()) as u64),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .to_vec(),
        facts: told([
            ("software", format!("radlabel {}", env!("CARGO_PKG_VERSION"))),
            ("scheme", bound.scheme.id.to_string()),
            ("lexicons", versions.lexicons),
            ("rules", versions.rules),
            ("annotations", sources.join(", ")),
            ("a row is of", if options.by == super::Unit::Image { "an image" } else { "a study" }.to_owned()),
        ]),
        labels: (0..bound.scheme.labels.len()).map(label).collect(),
        conflicts_in_all: counts.labels.values().map(|c| c.conflicts).sum(),
        conflicts: cards.into_iter().map(|c| c.1).collect(),
    };
    let html = render(&page, &mut show);
    Ok(Sink::open(Some(path))?.put(html.as_bytes())?)
}

#[cfg(feature = "pixels")]
fn show(path: &Path, frame: Option<u32>, longest: u32) -> Result<Thumbnail, String> {
    crate::pixels::thumbnail(path, frame, longest)
}

#[cfg(not(feature = "pixels"))]
fn show(_: &Path, _: Option<u32>, _: u32) -> Result<Thumbnail, String> {
    Err("this radlabel was built without pixels: build with --features full".to_owned())
}
