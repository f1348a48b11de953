//! All integration tests, in one binary.

mod corpus;
mod data;
mod explain;
mod program;
mod properties;
mod score;
mod tidy;
