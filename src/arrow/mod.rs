//! Arrow and Parquet: tables in, tables out.
//!
//! Reading gives batches of bounded size ([`read::Rows`]) whose cells become text one at a time, by the threads
//! that analyse ([`text::text`]). Writing takes the cells of `output::table` ([`cells::ArrowCells`]) and encodes
//! them on any thread; only the putting in order is serial. Nothing here knows reports, columns' roles or the
//! command line, and no message holds a cell's text.

pub(crate) mod cells;
#[cfg(feature = "parquet")]
mod groups;
mod ipc;
#[cfg(feature = "parquet")]
pub(crate) mod parquet_file;
pub(crate) mod read;
pub(crate) mod stream;
pub(crate) mod text;

#[cfg(all(test, feature = "parquet"))]
mod exchange;
#[cfg(all(test, feature = "parquet"))]
mod tests;
