//! All integration tests, in one binary: the program is linked once.
#![allow(missing_docs, clippy::unwrap_used)]

mod archive;
mod command;
mod corpus;
mod data;
mod edges;
mod explain;
mod facts;
mod guard;
mod imaging;
#[cfg(feature = "dicom")]
mod imaging_bad;
mod labels;
mod link;
mod pair_page;
mod pairing;
mod program;
mod properties;
#[cfg(feature = "onnx")]
mod refine;
mod release;
mod score;
#[cfg(feature = "dicom")]
mod studies;
mod terms;
mod tidy;
