//! What a thread does with a report: its studies looked up, its labels paired, its rows written.

use super::catalog::{Catalog, SliceFile, Study};
use super::coco::Note;
use super::grounded::{self, Work};
use super::links::{Link, Links};
use super::reports::Read;
use super::rows::Row;
use crate::annotation::Shape;
use crate::annotation::slice::Slice;
use crate::cli::ids;
use crate::cli::rows::{Form, Piece, Rows};
use crate::link::Role;
use crate::output::pair_page::{Card, Drawn, Edge, ImageOf};
use crate::pair::{Discord, Looked, Outcome, Pairing, Said, StudyImage, look, pair};
use crate::rules::BoundScheme;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What every thread shares.
pub(super) struct Job<'a> {
    pub(super) bound: &'a BoundScheme,
    pub(super) catalog: &'a Catalog,
    pub(super) links: Option<&'a Links>,
    /// Candidates of ambiguous links are paired too.
    pub(super) ambiguous: bool,
    pub(super) by_image: bool,
    pub(super) only_conflicts: bool,
    /// Sentences are written.
    pub(super) text: bool,
    pub(super) form: &'a Form,
    pub(super) grounding: Option<&'a Form>,
    pub(super) manifest: Option<&'a Form>,
    pub(super) coco: bool,
    pub(super) lists: bool,
    /// Conflicts to keep for the page.
    pub(super) sample: usize,
    /// Folders that the paths of images may begin in.
    pub(super) images: Vec<PathBuf>,
}

/// How the pairings of one label came out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) outcomes: [u64; Outcome::NAMED.len()],
    pub(super) discords: [u64; Discord::ALL.len()],
    pub(super) conflicts: u64,
}

/// What is counted.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) labels: BTreeMap<u32, Count>,
    pub(super) reports: u64,
    pub(super) paired: u64,
    /// Reports with several candidates that were not paired.
    pub(super) ambiguous: u64,
    /// Reports that the link table does not tell of.
    pub(super) untold: u64,
    /// Reports in whose place another one stands, or that are void.
    pub(super) replaced: u64,
    /// Studies that a report is of.
    pub(super) hit: BTreeSet<u32>,
}

impl Counts {
    pub(super) fn add(&mut self, other: &mut Counts) {
        for (&label, count) in &other.labels {
            let sum = self.labels.entry(label).or_default();
            sum.outcomes.iter_mut().zip(count.outcomes).for_each(|(s, c)| *s += c);
            sum.discords.iter_mut().zip(count.discords).for_each(|(s, c)| *s += c);
            sum.conflicts += count.conflicts;
        }
        self.reports += other.reports;
        self.paired += other.paired;
        self.ambiguous += other.ambiguous;
        self.untold += other.untold;
        self.replaced += other.replaced;
        self.hit.append(&mut other.hit);
    }
}

/// What a batch of reports gave.
#[derive(Default)]
pub(super) struct Load {
    pub(super) rows: Option<Piece>,
    pub(super) grounding: Option<Piece>,
    pub(super) manifest: Option<Piece>,
    pub(super) notes: Vec<Note>,
    pub(super) work: Vec<Work>,
    /// Those of the batch with the lowest hashes, in order.
    pub(super) cards: Vec<(u64, Card)>,
    pub(super) counts: Counts,
    pub(super) fault: Option<String>,
}

/// Where the rows of a batch are gathered.
pub(super) struct Out {
    rows: Rows,
    grounding: Option<Rows>,
    manifest: Option<Rows>,
    load: Load,
}

impl Out {
    pub(super) fn begin(job: &Job<'_>) -> Out {
        Out {
            rows: job.form.rows(),
            grounding: job.grounding.map(Form::rows),
            manifest: job.manifest.map(Form::rows),
            load: Load::default(),
        }
    }

    pub(super) fn finish(self) -> Load {
        let mut load = self.load;
        let mut take = |rows: Rows| match rows.finish() {
            Ok(piece) => Some(piece),
            Err(message) => {
                load.fault = Some(message);
                None
            }
        };
        let rows = take(self.rows);
        let grounding = self.grounding.and_then(&mut take);
        let manifest = self.manifest.and_then(&mut take);
        Load { rows, grounding, manifest, ..load }
    }
}

/// Keeps the cards with the lowest hashes, in their order.
pub(super) fn keep(cards: &mut Vec<(u64, Card)>, most: usize) {
    while cards.len() > most {
        let highest = cards.iter().enumerate().max_by_key(|(at, c)| (c.0, *at)).map_or(0, |c| c.0);
        cards.remove(highest);
    }
}

impl Job<'_> {
    /// Pairs one report.
    pub(super) fn report(&self, read: &Read, out: &mut Out) {
        let counts = &mut out.load.counts;
        counts.reports += 1;
        let told = self.links.map(|l| l.of(&read.id));
        counts.untold += u64::from(told == Some(None));
        let ambiguous = told.flatten().is_some_and(|l| l.iter().any(|l| l.ambiguous));
        counts.ambiguous += u64::from(ambiguous && !self.ambiguous);
        let mut studies = self.catalog.of(&read.id, &read.study, self.links, self.ambiguous);
        let all = studies.len();
        studies.retain(|(_, link)| !link.is_replaced());
        counts.replaced += u64::from(studies.len() < all && studies.is_empty());
        counts.paired += u64::from(!studies.is_empty());
        for (number, link) in studies {
            out.load.counts.hit.insert(number);
            self.study(Some((read, &link)), &self.catalog.studies[number as usize], out);
        }
    }

    /// Pairs one study with a report, or shows what is drawn where no report is.
    pub(super) fn study(&self, report: Option<(&Read, &Link)>, study: &Study, out: &mut Out) {
        let read = report.map(|r| r.0);
        let said = read.map_or(&[][..], |r| &r.said);
        let all: Vec<&StudyImage> = study.images.iter().collect();
        let looked = look(&self.catalog.sets, &all, self.bound, false);
        let addendum = report.is_some_and(|r| r.1.role == Some(Role::Addendum));
        let paired = |said: &[Said], looked: &Looked| {
            let mut pairings = pair(said, looked, self.bound);
            // An addendum does not say again what the report says: nothing follows from its silence.
            let whole = self.bound.scheme.no_finding.as_ref().map(|n| n.label as u32);
            pairings.retain(|p| !addendum || p.status.is_some() && Some(p.label) != whole);
            pairings
        };
        let pairings = paired(said, &looked);
        let every: Vec<u32> = (0..study.images.len() as u32).collect();
        if let (Some(read), Some(rows)) = (read, &mut out.manifest)
            && let Ok(cells) = rows.cells()
        {
            grounded::manifest(read, study, &pairings, self.catalog, &self.bound.scheme, self.text, cells);
        }
        if !self.by_image {
            for pairing in &pairings {
                let images = self.images_of(pairing, study);
                self.pairing(report, study, if images.is_empty() { &every } else { &images }, pairing, out);
            }
            return;
        }
        for (number, image) in study.images.iter().enumerate() {
            let looked = look(&self.catalog.sets, &[image], self.bound, all.len() > 1);
            for own in &paired(said, &looked) {
                let whole = pairings.iter().find(|p| p.label == own.label);
                // What is drawn on other views only is no row of this one.
                if !own.annotations.is_empty() || whole.is_none_or(|w| w.annotations.is_empty()) {
                    self.pairing(report, study, &[number as u32], own, out);
                }
            }
        }
    }

    /// The images of a study that the annotations of a pairing stand on.
    fn images_of(&self, pairing: &Pairing, study: &Study) -> Vec<u32> {
        let image =
            |&(set, index): &(u32, u32)| (set, self.catalog.sets[set as usize].set.annotations[index as usize].image);
        let drawn: BTreeSet<(u32, u32)> = pairing.annotations.iter().map(image).collect();
        let on = |i: &StudyImage| i.parts.iter().any(|p| drawn.contains(p));
        study.images.iter().enumerate().filter(|(_, i)| on(i)).map(|(number, _)| number as u32).collect()
    }

    fn pairing(&self, report: Option<(&Read, &Link)>, study: &Study, images: &[u32], pairing: &Pairing, out: &mut Out) {
        // Without a report only what is drawn is a row.
        if report.is_none() && pairing.annotations.is_empty() {
            return;
        }
        let scheme = &self.bound.scheme;
        let (read, link) = (report.map(|r| r.0), report.map(|r| r.1));
        let row = Row { read, link, study, images, pairing, text: self.text };
        if let Some(read) = read {
            let count = out.load.counts.labels.entry(pairing.label).or_default();
            let at = Outcome::NAMED.iter().position(|n| n.1 == pairing.outcome).unwrap_or(0);
            count.outcomes[at] += 1;
            pairing.discords.iter().for_each(|d| count.discords[*d as usize] += 1);
            count.conflicts += u64::from(pairing.is_conflict());
            if row.is_conflict() && self.sample > 0 {
                let hash = ids::hash(&format!("{}\n{}\n{images:?}", read.id, pairing.label));
                let cards = &mut out.load.cards;
                if cards.len() < self.sample || cards.iter().any(|c| c.0 > hash) {
                    cards.push((hash, self.card(&row)));
                    keep(cards, self.sample);
                }
            }
        }
        if !self.only_conflicts || row.is_conflict() {
            match out.rows.cells() {
                Ok(cells) => row.write(self.catalog, scheme, cells),
                Err(bytes) => row.line(scheme, bytes),
            }
        }
        if let Some(rows) = &mut out.grounding
            && let Ok(cells) = rows.cells()
        {
            grounded::grounding(&row, self.catalog, scheme, cells);
        }
        if self.coco
            && let Some(read) = read
        {
            out.load.notes.extend(pairing.annotations.iter().map(|&at| Note {
                at,
                label: pairing.label,
                report_id: read.id.clone(),
                status: pairing.status.map(|s| s.name()),
                sentence: row.sentence().map(str::to_owned),
                outcome: row.outcome(),
                conflicts: pairing.discords.iter().map(|d| d.name()).collect(),
                report_side: pairing.report_side.map(|s| s.name()),
            }));
        }
        if self.lists {
            out.load.work.extend(grounded::work(&row, self.catalog, scheme));
        }
    }

    /// The slice that shows volumes best: of the first one's series that which is nearest to its centre. Of a series
    /// that nothing is drawn on the middle one.
    fn slice(&self, image: Option<&StudyImage>, at: &[(u32, u32)]) -> Option<&SliceFile> {
        let of = |&(set, image): &(u32, u32)| {
            self.catalog.slices.get(&self.catalog.sets[set as usize].set.images[image as usize].key.series_uid)
        };
        let drawn = at.iter().find_map(|&(set, index)| {
            let annotation = &self.catalog.sets[set as usize].set.annotations[index as usize];
            match &annotation.shape {
                Shape::Volume(extent) if extent.oriented => Some((of(&(set, annotation.image))?, extent.centre)),
                _ => None,
            }
        });
        if let Some((slices, centre)) = drawn {
            let away = |s: &SliceFile| s.slice.distance(centre);
            return slices.iter().min_by(|a, b| away(a).total_cmp(&away(b)));
        }
        let image = image.filter(|i| i.row.path.is_none())?;
        image.parts.iter().find_map(of).and_then(|slices| slices.get(slices.len() / 2))
    }

    /// The row as the page shows it: on the first of its images, volumes on a slice of their series.
    fn card(&self, row: &Row<'_>) -> Card {
        let place = row.images.first().copied().unwrap_or(0) as usize;
        let shown = row.study.images.get(place);
        let on = |at: &&(u32, u32)| {
            let image = self.catalog.sets[at.0 as usize].set.annotations[at.1 as usize].image;
            shown.is_some_and(|s| s.parts.contains(&(at.0, image)))
        };
        let on_it: Vec<(u32, u32)> = row.pairing.annotations.iter().filter(on).copied().collect();
        let file = self.slice(shown, &on_it);
        let plane = file.map(|f| f.slice).or_else(|| Slice::of(&shown?.row));
        let shapes = on_it.iter().map(|&(set, index)| {
            let set = &self.catalog.sets[set as usize].set;
            let annotation = &set.annotations[index as usize];
            let category = set.categories.get(annotation.category as usize).cloned().unwrap_or_default();
            let bounds = match (&annotation.shape, &plane) {
                (Shape::Volume(extent), Some(plane)) if plane.meets(extent, file.map_or(0.0, |f| f.gap)) => {
                    plane.bounds(extent)
                }
                _ => None,
            };
            Drawn { category, id: annotation.id.clone(), shape: annotation.shape.clone(), bounds }
        });
        let frame = shown.and_then(|s| {
            let &(set, image) = s.parts.first()?;
            self.catalog.sets[set as usize].set.images[image as usize].key.frame
        });
        let image = shown.map(|s| {
            let name = row.study.names.get(place).cloned().unwrap_or_default();
            let name = file.map_or(name, |f| f.path.clone());
            let below = file.map(|f| f.path.as_str()).or(s.row.path.as_deref()).unwrap_or(&name);
            let mut places = self.images.iter().map(|folder| folder.join(below)).chain([PathBuf::from(below)]);
            ImageOf {
                path: places.find(|p| p.is_file()),
                name,
                frame,
                size: file.map(|f| f.size).or(s.row.columns.zip(s.row.rows).map(|(w, h)| [w, h])),
                patient_right: file.map_or_else(|| Edge::of_right(&s.row), |f| f.patient_right),
            }
        });
        Card {
            label: self.bound.scheme.labels[row.pairing.label as usize].name.to_string(),
            pairing: row.pairing.clone(),
            report_id: row.read.map(|r| r.id.clone()).unwrap_or_default(),
            study_uid: row.study.uid.clone(),
            sentence: row.sentence().map(str::to_owned),
            marked: row.spot().map(|s| s.marked.clone()).into_iter().collect(),
            image,
            shapes: shapes.collect(),
            ids: row.ids(self.catalog).into_iter().map(str::to_owned).collect(),
        }
    }
}
