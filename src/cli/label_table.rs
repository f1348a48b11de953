//! What the readers of label tables share: a whole file as text, and what a cell says of a label.

use crate::Error;
use crate::rules::Status;
use std::io::Read;
use std::path::Path;

/// The file, or standard input for `-`, as text.
pub(super) fn read_text(path: &Path) -> Result<String, Error> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    if name == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(|e| Error::input("standard input", e))?;
    } else {
        bytes = std::fs::read(path).map_err(|e| Error::input(&name, e))?;
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let packed = std::mem::take(&mut bytes);
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes).map_err(|e| Error::input(&name, e))?;
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        Error::input(
            &name,
            format!("byte {} is not UTF-8; expected JSON lines or CSV in UTF-8", e.utf8_error().valid_up_to()),
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// `Some(None)` = not mentioned; `None` = no label value.
pub(super) fn label_value(field: &str) -> Option<Option<Status>> {
    let field = field.trim();
    if field.is_empty() || field.eq_ignore_ascii_case("nan") {
        return Some(None);
    }
    match field.parse::<f64>() {
        Ok(1.0) => Some(Some(Status::Present)),
        Ok(0.0) => Some(Some(Status::Absent)),
        Ok(-1.0) => Some(Some(Status::Uncertain)),
        _ => None,
    }
}
