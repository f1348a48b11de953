//! The shape of a scheme file, for serde. Unknown keys are faults. What each key means stands in `scheme.rs`.

use crate::rules::Status;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

pub(super) type Names = Vec<Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchemeText {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    pub(super) id: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) about: String,
    #[serde(default)]
    pub(super) hierarchy: HierarchyText,
    #[serde(default, rename = "label")]
    pub(super) labels: Vec<LabelText>,
    #[serde(default, rename = "family")]
    pub(super) families: Vec<FamilyText>,
    #[serde(rename = "no-finding")]
    pub(super) no_finding: Option<NoFindingText>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct HierarchyText {
    #[serde(default)]
    pub(super) up: bool,
    #[serde(default)]
    pub(super) down: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelText {
    pub(super) name: Spanned<String>,
    pub(super) definition: String,
    #[serde(default)]
    pub(super) includes: Vec<String>,
    #[serde(default)]
    pub(super) excludes: Vec<String>,
    #[serde(default)]
    pub(super) parents: Names,
    #[serde(default)]
    pub(super) outranks: Names,
    #[serde(default)]
    pub(super) codes: Names,
    #[serde(default)]
    pub(super) concepts: Names,
    #[serde(default)]
    pub(super) anywhere: Names,
    #[serde(default)]
    pub(super) except: Names,
    #[serde(default)]
    pub(super) within: Names,
    #[serde(default)]
    pub(super) outside: Names,
    #[serde(default)]
    pub(super) located: Vec<LocatedText>,
    #[serde(default)]
    pub(super) only: Vec<OnlyText>,
    #[serde(default, rename = "where")]
    pub(super) conditions: BTreeMap<String, Spanned<ConditionText>>,
    #[serde(default)]
    pub(super) grades: Vec<GradeText>,
    #[serde(default)]
    pub(super) examples: Vec<ExampleText>,
}

/// A grade that the report gives makes the label present.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GradeText {
    pub(super) system: Spanned<String>,
    pub(super) values: Vec<String>,
}

impl LabelText {
    /// Something is to count for it, whether or not the lexicon has it.
    pub(super) fn names_concepts(&self) -> bool {
        let located = self.located.iter().any(|l| !l.concepts.is_empty());
        let only = self.only.iter().any(|o| !o.concepts.is_empty());
        !self.concepts.is_empty() || !self.anywhere.is_empty() || !self.grades.is_empty() || located || only
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FamilyText {
    pub(super) name: Spanned<String>,
    pub(super) over: Names,
    #[serde(default)]
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) sides: Vec<String>,
    pub(super) definition: String,
    #[serde(default)]
    pub(super) includes: Vec<String>,
    #[serde(default)]
    pub(super) excludes: Vec<String>,
    #[serde(default)]
    pub(super) parents: Names,
    #[serde(default)]
    pub(super) outranks: Names,
    pub(super) concepts: Names,
    #[serde(default)]
    pub(super) except: Names,
    #[serde(default, rename = "where")]
    pub(super) conditions: BTreeMap<String, Spanned<ConditionText>>,
    #[serde(default)]
    pub(super) examples: Vec<ExampleText>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub(super) enum ConditionText {
    One(String),
    Many(Vec<String>),
}

impl ConditionText {
    pub(super) fn values(&self) -> &[String] {
        match self {
            ConditionText::One(value) => std::slice::from_ref(value),
            ConditionText::Many(values) => values,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocatedText {
    pub(super) concepts: Names,
    pub(super) within: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnlyText {
    pub(super) concepts: Names,
    pub(super) statuses: Vec<Status>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct ExampleText {
    pub(super) text: String,
    /// `present`, `absent`, `uncertain` or `none`.
    pub(super) value: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFindingText {
    pub(super) label: Spanned<String>,
    #[serde(default)]
    pub(super) ignores: Names,
    #[serde(default, rename = "ignores-concepts")]
    pub(super) ignores_concepts: Names,
    #[serde(default, rename = "only-labels")]
    pub(super) only_labels: bool,
}
