//! The one integration binary: one module a command, so that the program is linked once.

mod explain;
mod program;
mod score;
