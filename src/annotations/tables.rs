//! Which column of a table of annotations holds what: by the header of a published table (`tables.toml`), else by the
//! names that such columns commonly have.

use crate::annotation::Coverage;
use crate::study::{Column, StudyRow};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    Image,
    SopUid,
    SeriesUid,
    StudyUid,
    Label,
    Value,
    X,
    Y,
    Width,
    Height,
    XMin,
    YMin,
    XMax,
    YMax,
    Reader,
    Score,
    Side,
    Target,
    Runs,
}

/// The four columns of a box, by corner and size or by two corners.
pub(super) const BOXES: [[Role; 4]; 2] =
    [[Role::X, Role::Y, Role::Width, Role::Height], [Role::XMin, Role::YMin, Role::XMax, Role::YMax]];

/// What a row of a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// A box.
    Boxes,
    /// An image and its labels.
    Labels,
    /// An image, with a column for each label.
    Wide,
    /// A mask as runs.
    Runs,
}

/// What a label says of which categories.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Meaning {
    pub(super) present: Vec<String>,
    pub(super) absent: Vec<String>,
}

/// A published table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    id: String,
    form: Form,
    coverage: Covered,
    size: Option<[u32; 2]>,
    category: Option<String>,
    columns: BTreeMap<Role, String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    wide: Vec<String>,
    #[serde(default)]
    facts: BTreeMap<String, Vec<String>>,
    original: Option<[String; 4]>,
    #[serde(default)]
    means: BTreeMap<String, Meaning>,
    #[serde(default)]
    repeats: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Covered {
    Whole,
    Found,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    table: Vec<Known>,
    roles: BTreeMap<Role, Vec<String>>,
    nothing: Nothing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {
    names: Vec<String>,
}

/// A category of this name says that nothing was found.
pub(super) fn says_nothing_was_found(name: &str) -> bool {
    let name = name.to_lowercase();
    TABLES.as_ref().is_ok_and(|t| t.nothing.names.contains(&name))
}

/// The published tables, each with whether every category was looked for in its images.
#[cfg(test)]
pub(super) fn known() -> Vec<(&'static str, bool)> {
    let tables = TABLES.as_ref().expect("tables.toml");
    tables.table.iter().map(|t| (&*t.id, matches!(t.coverage, Covered::Whole))).collect()
}

static TABLES: LazyLock<Result<Tables, String>> =
    LazyLock::new(|| toml::from_str(include_str!("tables.toml")).map_err(|e| e.to_string()));

/// How to read a table.
pub(super) struct Plan {
    /// The published table, where it is one.
    pub(super) known: Option<String>,
    pub(super) form: Form,
    pub(super) coverage: Coverage,
    /// Width and height of every image.
    pub(super) size: Option<[u32; 2]>,
    /// Of tables without a column for it.
    pub(super) category: Option<String>,
    /// Column numbers.
    pub(super) columns: BTreeMap<Role, usize>,
    /// Columns that are labels.
    pub(super) wide: Vec<usize>,
    /// Columns of the study table, each from the first of these that is not blank.
    pub(super) facts: Vec<(&'static Column, Vec<usize>)>,
    /// Columns of the original width, height, and pixel spacing along x and y.
    pub(super) original: Option<[usize; 4]>,
    pub(super) means: BTreeMap<String, Meaning>,
    /// The same row stands several times by design.
    pub(super) repeats: bool,
}

impl Plan {
    /// The column numbers of a box.
    pub(super) fn corners(&self) -> Option<([usize; 4], bool)> {
        BOXES.iter().enumerate().find_map(|(at, roles)| {
            let found: Vec<usize> = roles.iter().filter_map(|r| self.columns.get(r)).copied().collect();
            <[usize; 4]>::try_from(found).ok().map(|columns| (columns, at == 1))
        })
    }
}

/// How to read a table with this header; `is_values` tells of a column that all its cells are values of a label.
pub(super) fn plan(header: &[&str], is_values: impl Fn(usize) -> bool) -> Result<Plan, String> {
    let tables = TABLES.as_ref().map_err(Clone::clone)?;
    let find = |name: &str| header.iter().position(|h| *h == name);
    let known = tables.table.iter().find_map(|table| {
        let columns =
            table.columns.iter().map(|(&role, name)| find(name).map(|at| (role, at))).collect::<Option<_>>()?;
        let wide: Vec<usize> = table.wide.iter().map(|n| find(n)).collect::<Option<_>>()?;
        table.needs.iter().all(|n| find(n).is_some()).then_some((table, columns, wide))
    });
    let Some((table, columns, wide)) = known else { return generic(header, &tables.roles, is_values) };
    let mut plan = Plan {
        known: Some(table.id.clone()),
        form: table.form,
        coverage: match table.coverage {
            Covered::Whole => Coverage::Whole,
            Covered::Found => Coverage::Found,
        },
        size: table.size,
        category: table.category.clone(),
        columns,
        wide,
        facts: Vec::new(),
        original: None,
        means: table.means.clone(),
        repeats: table.repeats,
    };
    for (name, headers) in &table.facts {
        if let Some(column) = StudyRow::column(name) {
            plan.facts.push((column, headers.iter().filter_map(|h| find(h)).collect()));
        }
    }
    if let Some(original) = &table.original {
        // The second of two columns may have the bare name of an axis: they stand side by side.
        let found: Vec<usize> = original.iter().filter_map(|h| find(h)).collect();
        plan.original = found.try_into().ok();
    }
    if plan.form == Form::Wide && plan.wide.is_empty() {
        plan.wide = labels(header, &plan, is_values);
    }
    Ok(plan)
}

/// By the names of columns.
fn generic(
    header: &[&str],
    roles: &BTreeMap<Role, Vec<String>>,
    is_values: impl Fn(usize) -> bool,
) -> Result<Plan, String> {
    let bare = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let names: Vec<String> = header.iter().map(|h| bare(h)).collect();
    let mut plan = Plan {
        known: None,
        form: Form::Boxes,
        coverage: Coverage::Found,
        size: None,
        category: None,
        columns: BTreeMap::new(),
        wide: Vec::new(),
        facts: Vec::new(),
        original: None,
        means: BTreeMap::new(),
        repeats: false,
    };
    for (&role, known) in roles {
        if let Some(at) = known.iter().find_map(|k| names.iter().position(|n| n == k)) {
            plan.columns.insert(role, at);
        }
    }
    let keys = [Role::Image, Role::SopUid, Role::SeriesUid, Role::StudyUid];
    if !keys.iter().any(|k| plan.columns.contains_key(k)) {
        return Err("no column that names the image; expected one called image, file_name, sop_uid, ...".to_owned());
    }
    let label = plan.columns.contains_key(&Role::Label);
    if plan.corners().is_some() && label {
        return Ok(plan);
    }
    if label {
        plan.form = Form::Labels;
        return Ok(plan);
    }
    plan.form = Form::Wide;
    plan.wide = labels(header, &plan, is_values);
    if plan.wide.is_empty() {
        return Err("no column of labels; expected one called label, or columns of 1, 0, -1 and blank".to_owned());
    }
    Ok(plan)
}

/// The columns that hold nothing but values of a label.
fn labels(header: &[&str], plan: &Plan, is_values: impl Fn(usize) -> bool) -> Vec<usize> {
    let taken = |at: usize| {
        plan.columns.values().any(|&c| c == at)
            || plan.facts.iter().any(|(_, columns)| columns.contains(&at))
            || plan.original.is_some_and(|o| o.contains(&at))
    };
    (0..header.len()).filter(|&at| !header[at].is_empty() && !taken(at) && is_values(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_table_is_known_by_its_header() {
        let tables = TABLES.as_ref().expect("tables.toml");
        for table in &tables.table {
            let mut header: Vec<&str> = table.columns.values().map(String::as_str).collect();
            header.extend(
                table.needs.iter().chain(&table.wide).chain(table.original.iter().flatten()).map(String::as_str),
            );
            header.extend(table.facts.values().flatten().map(String::as_str));
            let plan = plan(&header, |_| true).expect("a plan");
            assert_eq!(plan.known.as_deref(), Some(&*table.id));
            assert_eq!((plan.facts.len(), plan.original.is_some()), (table.facts.len(), table.original.is_some()));
            assert!(table.form != Form::Boxes || plan.corners().is_some(), "{}", table.id);
        }
    }

    #[test]
    fn other_tables_go_by_common_names() {
        let of = |header: &[&str]| plan(header, |at| header[at].starts_with('#')).map(|p| (p.form, p.wide.len()));
        assert_eq!(of(&["File Name", "label", "x", "y", "w", "h"]), Ok((Form::Boxes, 0)));
        assert_eq!(of(&["image_id", "Category", "x_min", "y_min", "x_max", "y_max", "score"]), Ok((Form::Boxes, 0)));
        assert_eq!(of(&["StudyInstanceUID", "labels"]), Ok((Form::Labels, 0)));
        assert_eq!(of(&["path", "#a", "other", "#b"]), Ok((Form::Wide, 2)));
        assert!(of(&["path", "other"]).is_err_and(|e| e.contains("no column of labels")));
        assert!(of(&["label", "x", "y", "w", "h"]).is_err_and(|e| e.contains("names the image")));
    }
}
