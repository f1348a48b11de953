//! radlabel reads radiology reports and says, for every finding, whether the report calls it **present,
//! absent or uncertain**, shows why, and maps the findings to the labels of a scheme.
#![doc = include_str!("DESIGN.md")]

pub mod annotation;
mod assertion;
mod attribute;
pub mod check;
pub mod confidence;
pub mod crosswalk;
mod detail;
mod doubt;
mod embedded;
mod engine;
mod error;
mod facts;
mod finding;
mod grade;
mod label;
mod lexeme;
pub mod lexicon;
pub mod link;
mod measure;
mod mention;
mod overview;
pub mod pair;
mod reach;
pub mod refine;
mod report;
pub mod rules;
mod safety;
mod said;
pub mod score;
mod section;
mod sentence;
mod span;
pub mod study;
mod token;

#[cfg(feature = "cli")]
pub(crate) mod annotations;
#[cfg(feature = "arrow")]
pub(crate) mod arrow;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "dicom")]
pub(crate) mod dicom;
#[cfg(any(feature = "arrow", feature = "onnx", feature = "pixels"))]
mod guard;
#[cfg(feature = "cli")]
#[cfg_attr(
    not(all(feature = "dicom", feature = "dicomweb")),
    allow(dead_code, reason = "folders and servers have settings of their own")
)]
pub(crate) mod imaging;
#[cfg(feature = "cli")]
pub mod input;
#[cfg(feature = "onnx")]
pub(crate) mod onnx;
#[cfg(feature = "cli")]
pub mod output;
#[cfg(feature = "pixels")]
pub(crate) mod pixels;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "cli")]
pub mod terms;

pub use assertion::{Assertion, Evidence};
pub use detail::{Attribute, Detail};
pub use engine::{Analysis, Engine, Mention, Note, Scratch, SpanAssertion};
pub use error::{Error, Fault, shown};
pub use facts::{DateOrder, Fact, Facts, Metadata};
pub use finding::Finding;
pub use grade::{Grade, GradeStatus};
pub use label::{Label, Policy};
pub use measure::Measurement;
pub use report::{Report, StudyKey};
pub use rules::{AlertKind, Change, FactKind, Level, Quantity, Relation, Sex, Source, Status, Subject, Time};
pub use safety::{Alert, Interval, IntervalUnit};
pub use section::Section;
pub use sentence::Sentence;
pub use span::{ConceptId, RuleId, Span, WordId};
pub use token::{Token, TokenKind};
