//! stub
use super::document::Document;
pub(crate) fn read(_: &str) -> Result<Vec<Document>, String> { Err("not yet".to_owned()) }
