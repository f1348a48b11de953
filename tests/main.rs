//! All integration tests, in one binary: the program is linked once.
#![allow(missing_docs, clippy::unwrap_used)]

mod command;
mod corpus;
mod data;
mod edges;
mod explain;
mod facts;
mod program;
mod properties;
mod score;
mod tidy;
