//! Tables (CSV, TSV) -> annotations: a row a box, an image with its labels, or an image with a column for each label.
//!
//! The tables of NIH ChestX-ray14, RSNA, VinBigData, SIIM-ACR and CheXpert are known by their headers, others by the
//! names of their columns (`tables.toml` lists both, with what a missing row means in each). An annotation's id is the
//! file and line. Messages tell the line alone: names of images may hold patient ids.

use super::gather::Gather;
use super::tables::{self, Form, Plan, Role};
use crate::Error;
use crate::annotation::Coverage;
use crate::annotation::{Annotation, AnnotationSet, Shape, Stance, side_of_word};
use crate::input::Told;
use crate::study::StudyRow;
use std::collections::HashSet;

/// Reads a table.
///
/// # Errors
/// It has no header that tells the image and what is said of it.
pub(crate) fn read(bytes: &[u8], source: &str, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, Error> {
    let (text, encoding) = crate::input::decode_guessed(bytes);
    if encoding != "UTF-8" {
        tell(Told::guess(source, format!("read as {encoding}")));
    }
    let delimiter = delimiter(&text);
    let header: csv::StringRecord = records(&text, delimiter).next().and_then(Result::ok).unwrap_or_default();
    let header: Vec<&str> = header.iter().map(str::trim).collect();
    // Only asked where no column is called label: then the whole table is looked through once.
    let cache = std::cell::OnceCell::new();
    let is_values = |at: usize| cache.get_or_init(|| value_columns(&text, delimiter, header.len()))[at];
    let plan = tables::plan(&header, is_values).map_err(|why| Error::input(source, why))?;
    let covers = match plan.coverage {
        Coverage::Whole => "every image was read for all of its categories",
        Coverage::Found => "only what was found is told",
    };
    let kind = plan.known.as_deref().unwrap_or("a table by the names of its columns");
    tell(Told::guess(source, format!("read as {kind}: {covers} (say --coverage to change it)")));
    let name = source.rsplit(['/', '\\']).next().unwrap_or(source);
    let gather = Gather::new(source, plan.coverage, tell);
    let mut rows = Rows { plan, header: &header, name, gather, image: None, seen: HashSet::new() };
    for record in records(&text, delimiter).skip(1) {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                rows.row(&Cells(&record), line);
            }
            // The text is UTF-8 and rows may be of any length: nothing else can go wrong in memory.
            Err(_) => rows.gather.problem("row", source.to_owned(), "a row that cannot be read; left out".to_owned()),
        }
    }
    Ok(rows.gather.finish())
}

/// What parts cells: the mark that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default().as_bytes();
    let count = |mark: u8| memchr::memchr_iter(mark, first).count();
    // Of as many, the earlier.
    [b';', b'\t', b','].into_iter().max_by_key(|&m| count(m)).unwrap_or(b',')
}

fn records(text: &str, delimiter: u8) -> impl Iterator<Item = csv::Result<csv::StringRecord>> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records()
}

/// Which columns hold values of a label and nothing else.
fn value_columns(text: &str, delimiter: u8, columns: usize) -> Vec<bool> {
    let mut only = vec![true; columns];
    let mut some = vec![false; columns];
    for record in records(text, delimiter).skip(1).flatten() {
        for (at, cell) in record.iter().enumerate().take(columns).filter(|(_, c)| !c.trim().is_empty()) {
            some[at] = true;
            only[at] &= stance(cell).is_some();
        }
    }
    only.iter().zip(&some).map(|(&only, &some)| only && some).collect()
}

/// The value of a label, as such tables write it.
fn stance(cell: &str) -> Option<Stance> {
    match cell.trim().to_lowercase().as_str() {
        "1" | "1.0" | "yes" | "true" => Some(Stance::Present),
        "0" | "0.0" | "no" | "false" => Some(Stance::Absent),
        "-1" | "-1.0" | "u" => Some(Stance::Uncertain),
        _ => None,
    }
}

/// The cells of a row; those that it lacks are blank.
struct Cells<'r>(&'r csv::StringRecord);

impl Cells<'_> {
    fn at(&self, column: usize) -> &str {
        self.0.get(column).unwrap_or_default().trim()
    }

    fn of(&self, plan: &Plan, role: Role) -> &str {
        plan.columns.get(&role).map_or("", |&c| self.at(c))
    }
}

/// Reads one row after another.
struct Rows<'h, 't> {
    plan: Plan,
    header: &'h [&'h str],
    /// File name, for ids.
    name: &'h str,
    gather: Gather<'t>,
    /// The image of this row, once it is known.
    image: Option<u32>,
    /// Image, category, reader, stance and shape of the rows so far.
    seen: HashSet<(u32, u32, String, u8, [u64; 4])>,
}

impl Rows<'_, '_> {
    fn row(&mut self, cells: &Cells<'_>, line: u64) {
        self.image = None;
        if cells.0.iter().all(|c| c.trim().is_empty()) {
            return;
        }
        if cells.0.len() > self.header.len() {
            let message = format!("{} cells; the header has {}; left out", cells.0.len(), self.header.len());
            return self.wrong("cells", line, message);
        }
        let names = [Role::Image, Role::SopUid, Role::SeriesUid, Role::StudyUid].map(|r| cells.of(&self.plan, r));
        let Some(name) = names.iter().find(|n| !n.is_empty()).filter(|n| !n.contains('\n')) else {
            return self.wrong("image", line, "no image; left out".to_owned());
        };
        let known = self.gather.set.images.len();
        let image = self.gather.image(name);
        self.image = Some(image);
        if self.gather.set.images.len() > known {
            let key = &mut self.gather.set.images[image as usize].key;
            [key.sop_uid, key.series_uid, key.study_uid] = [names[1], names[2], names[3]].map(str::to_owned);
            self.facts(image, cells);
        }
        match self.plan.form {
            Form::Boxes => self.boxed(image, cells, line),
            Form::Labels => self.labels(image, cells, line),
            Form::Wide => self.wide(image, cells, line),
            Form::Runs => self.runs(image, cells, line),
        }
    }

    fn wrong(&mut self, kind: &'static str, line: u64, message: String) {
        let place = format!("{}:{line}", self.gather.set.source);
        match self.image {
            Some(image) => self.gather.left_out(image, kind, place, message),
            None => self.gather.problem(kind, place, message),
        }
    }

    /// What the table tells of an image.
    fn facts(&mut self, image: u32, cells: &Cells<'_>) {
        if let Some(size) = self.plan.size {
            self.gather.size(image, size);
        }
        let row = &mut self.gather.set.images[image as usize].row;
        for (column, from) in &self.plan.facts {
            if let Some(cell) = from.iter().map(|&c| cells.at(c)).find(|c| !c.is_empty()) {
                (column.set)(row, cell);
            }
        }
        tidy(row);
        // The images were scaled: a pixel is larger than at the detector by as much.
        if let (Some(size), Some(original)) = (self.plan.size, self.plan.original) {
            let numbers = original.map(|c| cells.at(c).parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0));
            if let [Some(width), Some(height), Some(x), Some(y)] = numbers {
                row.column_spacing_mm = Some(x * width / f64::from(size[0]));
                row.row_spacing_mm = Some(y * height / f64::from(size[1]));
                row.spacing_source = Some("imager".to_owned());
            }
        }
    }

    fn boxed(&mut self, image: u32, cells: &Cells<'_>, line: u64) {
        let Some((columns, two_corners)) = self.plan.corners() else { return };
        let corners = columns.map(|c| cells.at(c));
        let blank = corners.iter().filter(|c| c.is_empty()).count();
        let target = cells.of(&self.plan, Role::Target);
        let label = match (&self.plan.category, cells.of(&self.plan, Role::Label)) {
            (Some(category), "") => category.clone(),
            (_, label) => label.to_owned(),
        };
        if label.is_empty() {
            return self.wrong("label", line, "no label; left out".to_owned());
        }
        let mut stance = Stance::Present;
        if !target.is_empty() {
            match self::stance(target) {
                Some(told) => stance = told,
                None => return self.wrong("target", line, "the target is not 0 or 1; left out".to_owned()),
            }
        }
        let shape = match blank {
            4 if target.is_empty() && self.plan.columns.contains_key(&Role::Target) => {
                return self.wrong("target", line, "neither a target nor a box; left out".to_owned());
            }
            4 => Shape::Whole,
            0 if stance == Stance::Absent => {
                return self.wrong("target", line, "a box of what is told absent; left out".to_owned());
            }
            0 => {
                let mut numbers = [0.0; 4];
                for (at, cell) in corners.iter().enumerate() {
                    let Ok(number) = cell.parse() else {
                        let message = format!("column \"{}\" holds no number; left out", self.header[columns[at]]);
                        return self.wrong("number", line, message);
                    };
                    numbers[at] = number;
                }
                let [x, y, a, b] = numbers;
                Shape::Box(if two_corners { [x, y, a - x, b - y] } else { numbers })
            }
            _ => return self.wrong("box", line, format!("{blank} of the four numbers of a box are missing; left out")),
        };
        let category = self.gather.category(&label);
        self.add(image, category, stance, shape, cells, line);
    }

    fn labels(&mut self, image: u32, cells: &Cells<'_>, line: u64) {
        let text = cells.of(&self.plan, Role::Label);
        if text.is_empty() {
            return self.wrong("label", line, "no label; left out".to_owned());
        }
        if let Some(meaning) = self.plan.means.get(text).cloned() {
            for (names, stance) in [(meaning.present, Stance::Present), (meaning.absent, Stance::Absent)] {
                for name in names {
                    let category = self.gather.category(&name);
                    self.add(image, category, stance, Shape::Whole, cells, line);
                }
            }
            return;
        }
        if !self.plan.means.is_empty() {
            return self.wrong("label", line, "a label that this table does not have; left out".to_owned());
        }
        let value = cells.of(&self.plan, Role::Value);
        let Some(stance) = (if value.is_empty() { Some(Stance::Present) } else { self::stance(value) }) else {
            return self.wrong("value", line, "a value other than 1, 0 and -1; left out".to_owned());
        };
        let names: Vec<String> =
            text.split(['|', ';']).map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
        for name in names {
            let category = self.gather.category(&name);
            self.add(image, category, stance, Shape::Whole, cells, line);
        }
    }

    fn wide(&mut self, image: u32, cells: &Cells<'_>, line: u64) {
        for at in 0..self.plan.wide.len() {
            let column = self.plan.wide[at];
            // A column without any value is a category that was asked for too.
            let category = self.gather.category(self.header[column]);
            let cell = cells.at(column);
            if cell.is_empty() {
                continue;
            }
            match stance(cell) {
                Some(stance) => self.add(image, category, stance, Shape::Whole, cells, line),
                None => {
                    let message = format!("column \"{}\" holds no 1, 0, -1; left out", self.header[column]);
                    self.wrong("value", line, message);
                }
            }
        }
    }

    fn runs(&mut self, image: u32, cells: &Cells<'_>, line: u64) {
        let (Some(category), Some([width, height])) = (self.plan.category.clone(), self.plan.size) else { return };
        let category = self.gather.category(&category);
        let text = cells.of(&self.plan, Role::Runs);
        if text == "-1" {
            return self.add(image, category, Stance::Absent, Shape::Whole, cells, line);
        }
        let runs: Option<Vec<u32>> = text.split_ascii_whitespace().map(|r| r.parse().ok()).collect();
        let Some(mut runs) = runs.filter(|r| !r.is_empty() && r.len().is_multiple_of(2)) else {
            return self.wrong("runs", line, "runs that are no pairs of whole numbers; left out".to_owned());
        };
        let sum: u64 = runs.iter().map(|&r| u64::from(r)).sum();
        // What follows the last run is background; too many pixels are told with the shape.
        let rest = (u64::from(width) * u64::from(height)).saturating_sub(sum);
        runs.extend(u32::try_from(rest).ok().filter(|&r| r > 0));
        self.add(image, category, Stance::Present, Shape::Mask { size: [height, width], runs }, cells, line);
    }

    fn add(&mut self, image: u32, category: u32, stance: Stance, shape: Shape, cells: &Cells<'_>, line: u64) {
        let told = |role| Some(cells.of(&self.plan, role)).filter(|c| !c.is_empty());
        let reader = told(Role::Reader).map(str::to_owned);
        let sides = match shape {
            Shape::Box(sides) => Some(sides.map(f64::to_bits)),
            Shape::Whole => Some([0; 4]),
            _ => None,
        };
        if let Some(sides) = sides {
            let key = (image, category, reader.clone().unwrap_or_default(), stance as u8, sides);
            if !self.seen.insert(key) {
                if !self.plan.repeats {
                    let place = format!("{}:{line}", self.gather.set.source);
                    self.gather.warning("doubled row", place, "the same row stands twice; read once".to_owned());
                }
                return;
            }
        }
        let score = told(Role::Score).and_then(|s| s.parse().ok());
        let side = told(Role::Side).and_then(side_of_word);
        let plain = Annotation::present(format!("{}:{line}", self.name), image, category, shape);
        let source = self.gather.set.source.clone();
        self.gather.add(Annotation { stance, reader, score, side, ..plain }, || format!("{source}:{line}"));
    }
}

/// Sex and age as DICOM writes them.
fn tidy(row: &mut StudyRow) {
    if let Some(sex) = &mut row.sex {
        let first = sex.chars().next().map(|c| c.to_ascii_uppercase());
        *sex = first.filter(|c| matches!(c, 'M' | 'F')).unwrap_or('O').to_string();
    }
    if let Some(age) = &mut row.age
        && let Ok(years) = age.parse::<f64>()
        && (0.0..1000.0).contains(&years)
    {
        *age = format!("{:03}Y", years as u32);
    }
}

#[cfg(test)]
#[path = "boxes_tests.rs"]
mod tests;
