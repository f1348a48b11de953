//! The studies that were annotated: annotation sets in memory, their images put to studies, and which study a report
//! is of.
//!
//! A volume is of a series and not of an image: the rows of its series tell where its slices lie.
//!
//! An image is known by its SOP Instance UID, else by its path, its file name, or the name without its ending. Where a
//! set has one file name in several folders, only the path tells its images apart. With a study table, the row that it
//! is known by tells its study; without one, the source's study UID does, else every image is a
//! study of its own by its name.

use super::links::{Link, Links};
use crate::annotation::slice::Slice;
use crate::annotation::{AnnotatedImage, Shape};
use crate::imaging::filter::Filter;
use crate::imaging::{self, Take};
use crate::input::Told;
use crate::output::pair_page::Edge;
use crate::pair::{Mapped, StudyImage};
use crate::study::{COLUMNS, Cell, StudyRow};
use crate::{Error, StudyKey};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A study that was annotated.
#[derive(Debug, Default)]
pub(super) struct Study {
    /// Its UID; blank where only names tie.
    pub(super) uid: String,
    /// Its annotated images.
    pub(super) images: Vec<StudyImage>,
    /// How each is named.
    pub(super) names: Vec<String>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Catalog {
    /// The sets, mapped to labels.
    pub(super) sets: Vec<Mapped>,
    /// In order of first appearance.
    pub(super) studies: Vec<Study>,
    /// Images that no study is known for: set, index, why.
    pub(super) unplaced: Vec<(u32, u32, &'static str)>,
    /// By study UID: path and view of every image of the study table; gathered where a manifest asks for them.
    pub(super) files: BTreeMap<String, Vec<(String, String)>>,
    /// By series: where its images lie, of series that volumes are of.
    pub(super) slices: BTreeMap<String, Vec<SliceFile>>,
    by_uid: HashMap<String, u32>,
    /// Of names that several studies have: nothing.
    by_name: HashMap<String, Option<u32>>,
    /// File names that stand in several folders of one set.
    shared: HashSet<String>,
}

/// Slices nearer than this are of one plane, in mm.
const SAME_PLANE: f64 = 1e-3;

/// An image of a series that a volume is of.
pub(super) struct SliceFile {
    /// Where it lies.
    pub(super) slice: Slice,
    /// Its file.
    pub(super) path: String,
    /// Width and height.
    pub(super) size: [u32; 2],
    /// Where the patient's right lies in it.
    pub(super) patient_right: Option<Edge>,
    /// Smallest distance of the slices of its series, in mm; 0 where there is but one.
    pub(super) gap: f64,
}

/// A series that volumes are of.
#[derive(Default)]
struct Series {
    /// What the first of its images tells of the series and the study.
    row: Option<StudyRow>,
    slices: Vec<SliceFile>,
}

/// Rows of the study table that annotated images are known by.
struct Rows<'t> {
    wanted: HashMap<String, Vec<u32>>,
    kept: Vec<StudyRow>,
    series: HashMap<String, Series>,
    files: Option<BTreeMap<String, Vec<(String, String)>>>,
    filter: Option<&'t Filter>,
    tell: &'t mut dyn FnMut(Told),
}

/// Where the study table comes from.
pub(super) struct Sources<'s> {
    pub(super) names: &'s [String],
    pub(super) options: imaging::Options,
    /// Of its rows, only those that this holds of.
    pub(super) filter: Option<Filter>,
}

/// The last part of a path, and that without its ending.
fn names(path: &str) -> (&str, &str) {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    (name, stem(name))
}

/// The file names that several of these images have, in different folders.
fn shared(images: &[AnnotatedImage]) -> HashSet<String> {
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut out = HashSet::new();
    for image in images.iter().filter(|i| i.key.sop_uid.is_empty()) {
        let path = &*image.key.name;
        let name = names(path).0;
        if *first.entry(name).or_insert(path) != path {
            out.insert(name.to_owned());
        }
    }
    out
}

/// A name without the endings of image files; `1.2.840.113` has none.
fn stem(name: &str) -> &str {
    const ENDINGS: [&str; 9] = [".gz", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".bmp"];
    let ends = |name: &&str| {
        ENDINGS.iter().find_map(|e| {
            let at = name.len().checked_sub(e.len())?;
            (at > 0 && name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(e)).then_some(at)
        })
    };
    let mut name = name;
    while let Some(at) = ends(&name) {
        name = &name[..at];
    }
    name
}

/// By what an image may be known, the surest first.
fn keys(image: &AnnotatedImage) -> impl Iterator<Item = &str> {
    let (name, stem) = names(&image.key.name);
    [&*image.key.sop_uid, &*image.key.name, name, stem].into_iter().filter(|k| !k.is_empty())
}

impl Take for Rows<'_> {
    fn row(&mut self, row: StudyRow) -> Result<(), Error> {
        if let Some(filter) = self.filter
            && !filter.holds(&row)?
        {
            return Ok(());
        }
        let path = row.path.clone().unwrap_or_default();
        let (name, stem) = names(&path);
        if let (Some(files), Some(uid)) = (&mut self.files, &row.study_uid) {
            files.entry(uid.clone()).or_default().push((path.clone(), row.view.clone().unwrap_or_default()));
        }
        self.slice(&row, &path);
        let mut known = [row.sop_uid.as_deref().unwrap_or(""), &*path, name, stem];
        for at in 2..known.len() {
            if known[..at].contains(&known[at]) {
                known[at] = "";
            }
        }
        let number = self.kept.len() as u32;
        let mut wanted = false;
        for key in known {
            if let Some(list) = self.wanted.get_mut(key) {
                list.push(number);
                wanted = true;
            }
        }
        if wanted {
            self.kept.push(row);
        }
        Ok(())
    }

    fn tell(&mut self, told: Told) {
        (self.tell)(told);
    }
}

impl Catalog {
    /// Puts the images of the sets to studies. `view`: taken for images of which no view is known.
    ///
    /// # Errors
    /// A source of studies that cannot be read.
    pub(super) fn build(
        sets: Vec<Mapped>,
        sources: &Sources<'_>,
        view: Option<&str>,
        files: bool,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Catalog, Error> {
        let images = || sets.iter().flat_map(|s| &s.set.images);
        let wanted = images().flat_map(keys).map(|k| (k.to_owned(), Vec::new())).collect();
        let (filter, told) = (sources.filter.as_ref(), !sources.names.is_empty());
        let volumes = images().filter(|i| i.key.sop_uid.is_empty() && !i.key.series_uid.is_empty());
        let series = volumes.map(|i| (i.key.series_uid.clone(), Series::default())).collect();
        let mut rows = Rows { wanted, kept: Vec::new(), series, files: files.then(BTreeMap::new), filter, tell };
        if told {
            imaging::read(sources.names, &sources.options, &mut rows)?;
        }
        let mut out = Catalog { files: rows.files.take().unwrap_or_default(), ..Catalog::default() };
        for mapped in &sets {
            let shared = shared(&mapped.set.images);
            if !shared.is_empty() {
                let message = format!(
                    "{} file names stand in several folders; their images are told apart by path",
                    shared.len()
                );
                (rows.tell)(Told::warning(&mapped.set.source, message));
            }
            out.shared.extend(shared);
        }
        let mut places: HashMap<(u32, String), usize> = HashMap::new();
        let mut sets = sets;
        for (set, mapped) in sets.iter_mut().enumerate() {
            for (number, image) in mapped.set.images.iter_mut().enumerate() {
                let at = (set as u32, number as u32);
                let row = match rows.of(image, told) {
                    Ok(row) => row,
                    Err(why) => {
                        out.unplaced.push((at.0, at.1, why));
                        continue;
                    }
                };
                complete(&mut image.row, row);
                if let Some([width, height]) = image.size {
                    image.row.columns.get_or_insert(width);
                    image.row.rows.get_or_insert(height);
                } else if let (Some(width), Some(height)) = (image.row.columns, image.row.rows) {
                    image.size = Some([width, height]);
                }
                if image.row.view.is_none() {
                    image.row.view = view.map(str::to_owned);
                }
                out.place(at, image, &mut places);
            }
            rows.middles(mapped);
        }
        out.slices = rows.series.into_iter().map(|(uid, s)| (uid, s.slices)).collect();
        // In their order in space, so that the middle one is shown, whatever order they were read in.
        for slices in out.slices.values_mut() {
            slices.sort_by(|a, b| a.slice.place().total_cmp(&b.slice.place()).then_with(|| a.path.cmp(&b.path)));
            let places: Vec<f64> = slices.iter().map(|s| s.slice.place()).collect();
            let gaps = places.windows(2).map(|p| p[1] - p[0]).filter(|gap| *gap > SAME_PLANE);
            let gap = gaps.min_by(f64::total_cmp).unwrap_or(0.0);
            slices.iter_mut().for_each(|s| s.gap = gap);
        }
        out.sets = sets;
        Ok(out)
    }

    fn place(&mut self, at: (u32, u32), image: &AnnotatedImage, places: &mut HashMap<(u32, String), usize>) {
        let (name, stem) = names(&image.key.name);
        let uid = match (image.row.study_uid.as_deref(), &*image.key.study_uid) {
            (Some(uid), _) if !uid.is_empty() => uid,
            (_, uid) => uid,
        };
        let own = match &*image.key.sop_uid {
            "" if self.shared.contains(name) => &*image.key.name,
            "" => name,
            uid => uid,
        };
        let known =
            if uid.is_empty() { self.by_name.get(own).copied().flatten() } else { self.by_uid.get(uid).copied() };
        let study = known.unwrap_or_else(|| {
            let number = self.studies.len() as u32;
            self.studies.push(Study { uid: uid.to_owned(), ..Study::default() });
            if !uid.is_empty() {
                self.by_uid.insert(uid.to_owned(), number);
            }
            number
        });
        for key in [own, &*image.key.name, name, stem, self::stem(own)].into_iter().filter(|k| !k.is_empty()) {
            let place = self.by_name.entry(key.to_owned()).or_insert(Some(study));
            if *place != Some(study) {
                *place = None;
            }
        }
        let ident = match (own, &*image.key.series_uid) {
            ("", series) => series,
            (own, _) => own,
        };
        let ident = (study, format!("{ident}\n{}", image.key.frame.unwrap_or(0)));
        let study = &mut self.studies[study as usize];
        match places.get(&ident) {
            Some(&place) => {
                study.images[place].parts.push(at);
                complete(&mut study.images[place].row, Some(&image.row));
            }
            None => {
                places.insert(ident, study.images.len());
                study.images.push(StudyImage { parts: vec![at], row: image.row.clone() });
                let shown = [&*image.key.name, &image.key.sop_uid, &image.key.series_uid];
                study.names.push(shown.into_iter().find(|n| !n.is_empty()).unwrap_or("").to_owned());
            }
        }
    }

    /// The studies that a report is of, each with the link that ties it. With a link table, that table alone says.
    pub(super) fn of(&self, id: &str, key: &StudyKey, links: Option<&Links>, ambiguous: bool) -> Vec<(u32, Link)> {
        if let Some(links) = links {
            let known = |uid: &str| self.by_uid.get(uid).copied().or_else(|| self.by_name.get(uid).copied().flatten());
            let list = links.of(id).unwrap_or_default().iter().filter(|l| ambiguous || !l.ambiguous);
            return list.filter_map(|l| Some((known(&l.study_uid)?, l.clone()))).collect();
        }
        let tie = |study: u32, method: &str| {
            let study_uid = self.studies[study as usize].uid.clone();
            vec![(study, Link { study_uid, method: method.to_owned(), ..Link::default() })]
        };
        if let Some(&study) = key.study_uid.as_deref().and_then(|uid| self.by_uid.get(uid)) {
            return tie(study, "study_uid");
        }
        match self.by_name.get(id).or_else(|| self.by_name.get(stem(id))) {
            Some(&Some(study)) => tie(study, "name"),
            _ => Vec::new(),
        }
    }
}

impl Rows<'_> {
    /// Keeps of an image what volumes of its series need.
    fn slice(&mut self, row: &StudyRow, path: &str) {
        let Some(series) = row.series_uid.as_deref().and_then(|uid| self.series.get_mut(uid)) else { return };
        if let (Some(slice), Some(width), Some(height)) = (Slice::of(row), row.columns, row.rows) {
            let (path, patient_right) = (path.to_owned(), Edge::of_right(row));
            series.slices.push(SliceFile { slice, path, size: [width, height], patient_right, gap: 0.0 });
        }
        // What is of the one image is not of the series.
        series.row.get_or_insert_with(|| StudyRow {
            sop_uid: None,
            instance_number: None,
            position_mm: None,
            path: None,
            pixel_sha256: None,
            duplicate_of: None,
            problems: Vec::new(),
            ..row.clone()
        });
    }

    /// The middle of the body of volumes whose source does not tell it, as the images of their series have it.
    fn middles(&self, mapped: &mut Mapped) {
        let images = &mapped.set.images;
        for annotation in &mut mapped.set.annotations {
            let Shape::Volume(extent) = &mut annotation.shape else { continue };
            let Some(image) = images.get(annotation.image as usize).filter(|_| extent.middle.is_none()) else {
                continue;
            };
            extent.middle = match self.series.get(&image.key.series_uid) {
                Some(series) => {
                    let middles: Option<Vec<f64>> = series.slices.iter().map(|s| s.slice.middle(s.size)).collect();
                    middles.filter(|m| !m.is_empty()).map(|m| m.iter().sum::<f64>() / m.len() as f64)
                }
                None => {
                    let size = image.row.columns.zip(image.row.rows);
                    Slice::of(&image.row).zip(size).and_then(|(slice, (w, h))| slice.middle([w, h]))
                }
            };
        }
    }

    /// The row that an image is known by.
    fn of(&self, image: &AnnotatedImage, table: bool) -> Result<Option<&StudyRow>, &'static str> {
        let found = keys(image).filter_map(|k| self.wanted.get(k)).find(|l| !l.is_empty());
        let series = || self.series.get(&image.key.series_uid)?.row.as_ref().filter(|_| image.key.sop_uid.is_empty());
        let uid = |row: &StudyRow| row.study_uid.clone().unwrap_or_default();
        let told = |row| match image.key.study_uid.is_empty() || uid(row).is_empty() || uid(row) == image.key.study_uid
        {
            true => Ok(Some(row)),
            false => Err("its source and the study table tell different studies"),
        };
        let Some(found) = found else {
            if let Some(row) = series() {
                return told(row);
            }
            return match table && image.key.study_uid.is_empty() {
                true => Err("no row of the study table has its UID or name"),
                false => Ok(None),
            };
        };
        let row = &self.kept[found[0] as usize];
        if found.iter().any(|&f| uid(&self.kept[f as usize]) != uid(row)) {
            return Err("rows of several studies have its UID or name");
        }
        told(row)
    }
}

/// Takes from another row what is missing.
fn complete(row: &mut StudyRow, other: Option<&StudyRow>) {
    let Some(other) = other else { return };
    for column in COLUMNS {
        let missing =
            matches!((column.get)(row), Cell::Text(None) | Cell::Number(None) | Cell::Real(None) | Cell::Texts([]));
        if !missing {
            continue;
        }
        let told = match (column.get)(other) {
            Cell::Text(Some(text)) => text.to_owned(),
            Cell::Number(Some(number)) => number.to_string(),
            Cell::Real(Some(number)) => number.to_string(),
            Cell::Texts(list) if !list.is_empty() => list.join("; "),
            _ => continue,
        };
        (column.set)(row, &told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{AnnotationSet, Coverage, ImageKey};

    fn set(images: &[(&str, &str)]) -> Mapped {
        let image = |&(name, uid): &(&str, &str)| AnnotatedImage {
            key: ImageKey { name: name.into(), study_uid: uid.into(), ..ImageKey::default() },
            ..AnnotatedImage::default()
        };
        let set = AnnotationSet {
            source: "a".into(),
            images: images.iter().map(image).collect(),
            categories: Vec::new(),
            annotations: Vec::new(),
            coverage: Coverage::Whole,
        };
        Mapped::new(set, Vec::new())
    }

    fn built(sets: Vec<Mapped>) -> Catalog {
        let sources = Sources { names: &[], options: imaging::Options::default(), filter: None };
        Catalog::build(sets, &sources, Some("PA"), false, &mut |_| {}).expect("a catalog")
    }

    fn studies(catalog: &Catalog, id: &str, uid: Option<&str>) -> Vec<u32> {
        let key = StudyKey { study_uid: uid.map(str::to_owned), ..StudyKey::default() };
        catalog.of(id, &key, None, false).iter().map(|l| l.0).collect()
    }

    #[test]
    fn without_a_table_names_and_uids_tie() {
        let catalog =
            built(vec![set(&[("x/one.png", ""), ("two.png", "1.2"), ("three.png", "1.2")]), set(&[("one.png", "")])]);
        assert_eq!(catalog.studies.len(), 2);
        assert_eq!(catalog.studies[0].images[0].parts, [(0, 0), (1, 0)]);
        assert_eq!(catalog.studies[1].images.len(), 2);
        assert_eq!(studies(&catalog, "one", None), [0]);
        assert_eq!(studies(&catalog, "one.png", None), [0]);
        assert_eq!(studies(&catalog, "three", None), [1]);
        assert_eq!(studies(&catalog, "other", Some("1.2")), [1]);
        assert_eq!(studies(&catalog, "other", None), Vec::<u32>::new());
        assert_eq!(catalog.studies[0].images[0].row.view.as_deref(), Some("PA"));
    }

    #[test]
    fn one_name_in_two_folders_is_two_images() {
        let both = || set(&[("a/i.png", ""), ("b/i.png", "")]);
        let catalog = built(vec![both(), both()]);
        assert_eq!(catalog.studies.len(), 2);
        assert_eq!(catalog.studies[1].images[0].parts, [(0, 1), (1, 1)], "by path, in each set");
        assert_eq!(studies(&catalog, "i", None), Vec::<u32>::new(), "which of them is not known");
        assert_eq!((studies(&catalog, "b/i.png", None), studies(&catalog, "b/i", None)), (vec![1], vec![1]));
        let series = built(vec![set(&[("1/i.png", "1.2"), ("2/i.png", "1.2")])]);
        assert_eq!((series.studies.len(), series.studies[0].images.len()), (1, 2), "two images of a study");
    }

    #[test]
    fn a_name_of_two_studies_ties_nothing() {
        let catalog = built(vec![set(&[("i.png", "1.2"), ("i.png", "1.3")])]);
        assert_eq!(catalog.studies.len(), 2);
        assert_eq!(studies(&catalog, "i", None), Vec::<u32>::new());
        assert_eq!(studies(&catalog, "i", Some("1.3")), [1]);
    }

    /// A volume is of a series: its slices tell study, middle and where it is shown.
    #[test]
    fn the_images_of_a_series_tell_where_its_volumes_lie() {
        let folder = tempfile::tempdir().expect("folder");
        let table = folder.path().join("studies.csv");
        let rows: String = (0..3)
            .map(|k| format!("1.{k}.dcm,1.2,1.3,1.3.{k},1\\0\\0\\0\\1\\0,-30\\-20\\{},50,100,2,2,C\n", 4 - k))
            .collect();
        let head = "path,study_uid,series_uid,sop_uid,patient_orientation,position_mm,rows,columns,row_spacing_mm,\
                    column_spacing_mm,body_part\n";
        std::fs::write(&table, format!("{head}{rows}")).expect("written");
        let extent = crate::annotation::Extent3 {
            low: [80.0, 0.0, 2.0],
            high: [90.0, 9.0, 4.0],
            centre: [85.0, 4.0, 3.0],
            volume: 1.0,
            longest: 9.0,
            components: 1,
            apart: [90.0, 80.0],
            middle: None,
            oriented: true,
        };
        let mut mapped = set(&[("", "")]);
        mapped.set.images[0].key.series_uid = "1.3".to_owned();
        mapped.set.annotations.push(crate::annotation::Annotation {
            id: String::new(),
            image: 0,
            category: 0,
            stance: crate::annotation::Stance::Present,
            reader: None,
            score: None,
            side: None,
            shape: Shape::Volume(extent),
            measures: Vec::new(),
        });
        let sources = Sources {
            names: &[table.display().to_string()],
            options: imaging::Options { threads: 1, ..imaging::Options::default() },
            filter: None,
        };
        let catalog = Catalog::build(vec![mapped], &sources, None, false, &mut |_| {}).expect("a catalog");
        assert_eq!((catalog.studies.len(), &*catalog.studies[0].uid, catalog.unplaced.len()), (1, "1.2", 0));
        let Shape::Volume(extent) = catalog.sets[0].set.annotations[0].shape else { panic!("a volume") };
        // The first pixel's centre is at -30, so 100 columns of 2 mm reach from -31 to 169.
        assert_eq!(extent.middle, Some(69.0));
        let row = &catalog.studies[0].images[0].row;
        assert_eq!((row.body_part.as_deref(), row.sop_uid.as_deref(), row.path.as_deref()), (Some("C"), None, None));
        let paths: Vec<&str> = catalog.slices["1.3"].iter().map(|s| &*s.path).collect();
        assert_eq!(paths, ["1.2.dcm", "1.1.dcm", "1.0.dcm"]);
    }

    #[test]
    fn uids_have_no_endings() {
        assert_eq!(stem("1.2.840.10008"), "1.2.840.10008");
        assert_eq!((stem("a.nii.gz"), stem("é.PNG"), stem(".png"), stem("")), ("a", "é", ".png", ""));
    }
}
