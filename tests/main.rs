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
mod labels;
mod pair_page;
mod pairing;
mod program;
mod properties;
mod release;
mod score;
mod terms;
mod tidy;
