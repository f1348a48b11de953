//! All integration tests, in one binary.

mod corpus;
mod data;
mod properties;
mod tidy;
