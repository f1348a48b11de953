//! What the command says on standard error, and the small tables about what could not be paired.

use super::Options;
use super::catalog::Catalog;
use super::job::Counts;
use super::links::Links;
use crate::annotation::{AnnotationSet, Stance};
use crate::annotations::categories;
use crate::cli::say;
use crate::input::{Gravity, Told};
use crate::output::Sink;
use crate::pair::{Discord, Outcome, Targets};
use crate::rules::BoundScheme;
use crate::{Engine, Error};
use std::path::Path;
use std::process::ExitCode;

/// Categories that map to no label: what is drawn of them is not paired.
/// `suggest`: nobody has written a crosswalk yet.
pub(super) fn unmapped(
    set: &AnnotationSet,
    targets: &Targets,
    rows: &[categories::Row],
    bound: &BoundScheme,
    suggest: bool,
) -> Vec<Told> {
    let mut out = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    let mut lost = 0;
    let mut drawn_of = vec![0_usize; set.categories.len()];
    for annotation in set.annotations.iter().filter(|a| a.stance != Stance::Absent) {
        if let Some(count) = drawn_of.get_mut(annotation.category as usize) {
            *count += 1;
        }
    }
    for (number, category) in set.categories.iter().enumerate() {
        // A person may have said that it counts for none.
        let confirmed = rows.iter().any(|r| r.category == category.trim() && r.confirmed && r.label.is_none());
        if targets.get(number).is_none_or(Vec::is_empty) && !confirmed {
            let drawn = drawn_of[number];
            lost += drawn;
            missing.push(format!("{category} ({drawn})"));
        }
    }
    if !missing.is_empty() {
        let shown = missing.iter().take(12).cloned().collect::<Vec<_>>().join(", ");
        let more = if missing.len() > 12 { format!(" and {} more", missing.len() - 12) } else { String::new() };
        let hint = if suggest { "; --suggest-categories writes a crosswalk" } else { "" };
        let message = format!(
            "{} of {} categories are no label of \"{}\" ({lost} annotations are not paired): {shown}{more}{hint}",
            missing.len(),
            set.categories.len(),
            bound.scheme.id
        );
        out.push(Told::warning(&set.source, message));
    }
    out
}

/// Images that no study is known for.
pub(super) fn unplaced(catalog: &Catalog, options: &Options) -> Vec<Told> {
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    for (_, _, why) in &catalog.unplaced {
        match reasons.iter_mut().find(|r| r.0 == *why) {
            Some(reason) => reason.1 += 1,
            None => reasons.push((why, 1)),
        }
    }
    let hint = if options.beside.unplaced.is_some() { "" } else { "; --unplaced OUT lists them" };
    let told =
        |(why, count): (&str, u64)| Told::warning("annotations", format!("{count} images left out: {why}{hint}"));
    reasons.into_iter().map(told).collect()
}

pub(super) fn unplaced_table(catalog: &Catalog) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["annotation_source", "image", "sop_uid", "study_uid", "annotations", "reason"])?;
    for &(set, image, why) in &catalog.unplaced {
        let mapped = &catalog.sets[set as usize];
        let key = &mapped.set.images[image as usize].key;
        let count = mapped.by_image[image as usize].len().to_string();
        writer.write_record([&*mapped.set.source, &key.name, &key.sop_uid, &key.study_uid, &count, why])?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

/// Nothing was paired.
pub(super) fn no_overlap(options: &Options, catalog: &Catalog, counts: &Counts, links: Option<&Links>) -> Error {
    let images: usize = catalog.studies.iter().map(|s| s.images.len()).sum();
    let tried = match links {
        Some(links) => format!(
            "the link table tells of {} reports, {} of these are not among them and {} are ambiguous",
            links.len(),
            counts.untold,
            counts.ambiguous
        ),
        None if options.studies.is_empty() => {
            "the report's study UID, and its id as the name of an image, were tried; expected --links or --studies to \
             tie them"
                .to_owned()
        }
        None => "the report's study UID, and its id as the name of an image, were tried; expected --links to tie them"
            .to_owned(),
    };
    let place = options.inputs.iter().take(3).map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let message = format!(
        "none of {} reports is of one of the {} studies ({images} images) that were annotated: {tried}",
        counts.reports,
        catalog.studies.len()
    );
    Error::input(place, message)
}

/// The counts at the end.
pub(super) fn summary(catalog: &Catalog, counts: &Counts, links: Option<&Links>) {
    let line = |name: &str, value: &dyn std::fmt::Display| say(format_args!("{name:<20}{value}"));
    let images: usize = catalog.studies.iter().map(|s| s.images.len()).sum();
    let annotations: usize = catalog.sets.iter().map(|s| s.set.annotations.len()).sum();
    line("annotated", &format_args!("{} studies, {images} images, {annotations} annotations", catalog.studies.len()));
    let alone = catalog.studies.len() - counts.hit.len();
    line("paired", &format_args!("{} of {} reports, {} studies", counts.paired, counts.reports, counts.hit.len()));
    if alone > 0 {
        line("no-report", &format_args!("{alone} studies"));
    }
    if links.is_some() {
        let Counts { untold, ambiguous, replaced, .. } = counts;
        line(
            "links",
            &format_args!(
                "{untold} reports not told of, {ambiguous} ambiguous and left, {replaced} superseded or void"
            ),
        );
    }
    if !catalog.unplaced.is_empty() {
        line("unplaced", &format_args!("{} images", catalog.unplaced.len()));
    }
    for (at, (name, _, conflict)) in Outcome::NAMED.iter().enumerate() {
        let count: u64 = counts.labels.values().map(|c| c.outcomes[at]).sum();
        if count > 0 {
            line(name, &format_args!("{count}{}", if *conflict { "  conflict" } else { "" }));
        }
    }
    for (at, name) in Discord::ALL.map(Discord::name).into_iter().enumerate() {
        let count: u64 = counts.labels.values().map(|c| c.discords[at]).sum();
        if count > 0 {
            line(&format!("{name} contradicts"), &format_args!("{count}  conflict"));
        }
    }
}

/// Writes a suggested crosswalk.
pub(super) fn suggest(
    output: &Path,
    sets: &[AnnotationSet],
    engine: &Engine,
    bound: &BoundScheme,
    told: &[Told],
) -> anyhow::Result<ExitCode> {
    told.iter().for_each(|t| say(format_args!("radlabel: {t}")));
    let rows = categories::suggest(&super::category_names(sets), engine, bound);
    let without = rows.iter().filter(|r| r.label.is_none()).count();
    Sink::open(Some(output))?.put(&categories::write(&rows))?;
    say(format_args!(
        "radlabel: {}: {} rows, {without} without a label; look at each, set confirmed to yes, and give the file to \
         --categories",
        output.display(),
        rows.len()
    ));
    Ok(ExitCode::from(u8::from(told.iter().any(|t| t.gravity == Gravity::Problem))))
}
