//! The one integration binary; each module runs one side of the program.
#![allow(missing_docs, clippy::unwrap_used)]

mod command;
