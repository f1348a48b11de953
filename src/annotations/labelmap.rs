//! What the values of a label map mean: CSV or TSV (`value,name`), ITK-SNAP and 3D Slicer tables, JSON; and which
//! image a mask is of.
//!
//! The files lie beside the mask: `NAME.labels.csv` for one mask, `labels.csv` for all, or as BIDS has them
//! `NAME_dseg.tsv` and `dseg.tsv`; endings csv, tsv, txt, label, ctbl, json. Of images `images.csv` tells, with the columns `file` and one or more of
//! `name`, `sop_uid`, `series_uid`, `study_uid`. A message tells the line, never a name.

use crate::annotation::ImageKey;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Names by value.
pub(crate) type LabelMap = BTreeMap<i64, String>;

/// The largest such file.
const MOST_BYTES: u64 = 16 << 20;

/// The label map that lies beside a mask.
///
/// # Errors
/// One that is there and is none.
pub(crate) fn beside(mask: &Path, stem: &str) -> Result<Option<LabelMap>, String> {
    let folder = mask.parent().unwrap_or(Path::new(""));
    let mut names = Vec::new();
    for ending in ["csv", "tsv", "txt", "label", "ctbl", "json"] {
        names.push(format!("{stem}.labels.{ending}"));
    }
    if stem.ends_with("dseg") {
        names.extend([format!("{stem}.tsv"), "dseg.tsv".to_owned()]);
    }
    names.extend(["csv", "tsv", "txt", "label", "ctbl", "json"].map(|ending| format!("labels.{ending}")));
    for name in names {
        let path = folder.join(&name);
        if path.is_file() {
            return parse(&text(&path)?).map(Some).map_err(|message| format!("label map {name}: {message}"));
        }
    }
    Ok(None)
}

fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("over {} MiB", MOST_BYTES >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|e| format!("no UTF-8 at byte {}", e.utf8_error().valid_up_to()))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// Reads a label map of any of the formats; its lines tell which.
pub(crate) fn parse(text: &str) -> Result<LabelMap, String> {
    let map = match text.trim_start().chars().next() {
        Some('{') => json(text)?,
        _ => lines(text)?,
    };
    if map.is_empty() {
        return Err("no label; expected lines of value and name".to_owned());
    }
    Ok(map)
}

fn json(text: &str) -> Result<LabelMap, String> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|e| format!("no JSON object at line {}", e.line()))?;
    let mut map = LabelMap::new();
    for (number, (key, value)) in object.iter().enumerate() {
        // nnU-Net writes names to values.
        let (value, name) = match (key.trim().parse(), value) {
            (Ok(value), serde_json::Value::String(name)) => (value, name.as_str()),
            (Err(_), serde_json::Value::Number(value)) if value.as_i64().is_some() => {
                (value.as_i64().unwrap_or_default(), key.as_str())
            }
            _ => return Err(format!("entry {}; expected \"1\": \"name\" or \"name\": 1", number + 1)),
        };
        add(&mut map, value, name, number + 1)?;
    }
    Ok(map)
}

fn lines(text: &str) -> Result<LabelMap, String> {
    let mut map = LabelMap::new();
    let mut header: Option<(usize, usize)> = None;
    let mut first = true;
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let cells = cells(line);
        let numbers =
            |from: usize, to: usize| cells.len() > to && cells[from..=to].iter().all(|c| c.parse::<f64>().is_ok());
        let opening = std::mem::take(&mut first);
        if opening && cells[0].parse::<f64>().is_err() {
            let find = |names: &[&str]| cells.iter().position(|c| names.iter().any(|n| c.eq_ignore_ascii_case(n)));
            let value = find(&["value", "index", "label_id", "id", "label", "labelvalue"]);
            let name = find(&["name", "label_name", "structure", "segment", "category"]);
            header = value.zip(name).filter(|(value, name)| value != name);
            if header.is_none() {
                return Err(format!("line {number}: a header without the columns value and name"));
            }
            continue;
        }
        // ITK-SNAP: value, red, green, blue, opacity, visible, mesh, "name".
        let (value, name) = if let Some((value, name)) = header {
            (cells.get(value), cells.get(name).cloned())
        } else if cells.len() >= 8 && numbers(0, 6) {
            (cells.first(), Some(cells[7..].join(" ")))
        // 3D Slicer: value, name, red, green, blue, opacity.
        } else if cells.len() >= 6 && numbers(cells.len() - 4, cells.len() - 1) {
            (cells.first(), Some(cells[1..cells.len() - 4].join(" ").replace('_', " ")))
        } else {
            (cells.first(), Some(cells[1..].join(" ")))
        };
        let value = value.and_then(|v| v.parse().ok()).ok_or(format!("line {number}: no whole number as value"))?;
        let name = name.filter(|n| !n.is_empty()).ok_or(format!("line {number}: no name"))?;
        add(&mut map, value, &name, number)?;
    }
    Ok(map)
}

fn add(map: &mut LabelMap, value: i64, name: &str, line: usize) -> Result<(), String> {
    match map.insert(value, name.to_owned()) {
        Some(before) if before != name => Err(format!("line {line}: value {value} has two names")),
        _ => Ok(()),
    }
}

/// The cells of a line: parted by commas or tabs, or by spaces where it has neither; in quotes anything may stand.
fn cells(line: &str) -> Vec<String> {
    let mut quoted = false;
    let outside = |mark: char| {
        let mut quoted = false;
        line.chars().any(|c| {
            quoted ^= c == '"';
            c == mark && !quoted
        })
    };
    let mark = if outside(',') { Some(',') } else { outside('\t').then_some('\t') };
    let mut cells = vec![String::new()];
    for c in line.chars() {
        let parts = !quoted && mark.map_or(c.is_whitespace(), |m| c == m);
        match cells.last_mut() {
            _ if c == '"' => quoted = !quoted,
            Some(cell) if parts && (mark.is_some() || !cell.is_empty()) => cells.push(String::new()),
            _ if parts => {}
            Some(cell) => cell.push(c),
            None => {}
        }
    }
    cells.iter().map(|c| c.trim().to_owned()).collect()
}

/// What `images.csv` in the folder of a mask says of its image.
///
/// # Errors
/// One that is there and is none.
pub(crate) fn image_of(mask: &Path) -> Result<Option<ImageKey>, String> {
    let path = mask.with_file_name("images.csv");
    if !path.is_file() {
        return Ok(None);
    }
    let file = mask.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    image(&text(&path)?, &file).map_err(|message| format!("images.csv: {message}"))
}

fn image(text: &str, file: &str) -> Result<Option<ImageKey>, String> {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty());
    let header = cells(lines.next().unwrap_or_default());
    let column = |name: &str| header.iter().position(|c| c == name);
    let of = column("file").ok_or("no column file")?;
    let columns = ["name", "sop_uid", "series_uid", "study_uid"].map(column);
    if columns.iter().all(Option::is_none) {
        return Err("none of the columns name, sop_uid, series_uid, study_uid".to_owned());
    }
    let row = lines.map(cells).find(|row| row.get(of).is_some_and(|f| f == file));
    Ok(row.map(|row| {
        let cell = |column: Option<usize>| column.and_then(|c| row.get(c).cloned()).unwrap_or_default();
        let [name, sop_uid, series_uid, study_uid] = columns.map(cell);
        ImageKey { name, sop_uid, series_uid, study_uid, frame: None }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_says_the_same() {
        let expected = LabelMap::from([(1, "left kidney".to_owned()), (2, "cyst".to_owned())]);
        for text in [
            "value,name\n1,left kidney\n2,cyst\n",
            "1,left kidney\n2,cyst",
            "index\tname\tcolor\n1\tleft kidney\t#fff\n2\tcyst\t#000\n",
            "name,value\n\"left kidney\",1\ncyst,2\n",
            "# ITK-SnAP\n    1   255 0 0  1  1 1    \"left kidney\"\n    2   0 255 0  0.5 1 0 \"cyst\"\n",
            "# Color table\n1 left_kidney 255 0 0 255\n2 cyst 0 10 20 255\n",
            "{\"1\": \"left kidney\", \"2\": \"cyst\"}",
            "{\"left kidney\": 1, \"cyst\": 2}",
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn faults_are_told_by_line() {
        for (text, expected) in [
            ("", "no label; expected lines of value and name"),
            ("1,a\nx,b", "line 2: no whole number as value"),
            ("1,a\n1,b", "line 2: value 1 has two names"),
            ("1,a\n2,", "line 2: no name"),
            ("colour,shade\n1,a", "line 1: a header without the columns value and name"),
            ("{\"1\": 2}", "entry 1; expected \"1\": \"name\" or \"name\": 1"),
            ("{\"1\": ", "no JSON object at line 1"),
        ] {
            assert_eq!(parse(text).err().as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn images_are_found_by_file() {
        let text = "file,series_uid,study_uid\na.nii.gz,1.2,1\n";
        let found = image(text, "a.nii.gz").expect("read").expect("found");
        assert_eq!((found.series_uid.as_str(), found.study_uid.as_str(), found.name.as_str()), ("1.2", "1", ""));
        assert_eq!(image(text, "b.nii"), Ok(None));
        assert_eq!(
            image("file,x\n", "b.nii").err().as_deref(),
            Some("none of the columns name, sop_uid, series_uid, study_uid")
        );
    }
}
