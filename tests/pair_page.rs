//! The page of `radlabel pair`: what stands on it, what never does.

use crate::command::{Folder, SECRET};
use serde_json::json;

/// Grey, 4 x 2 pixels.
const PNG: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x04\x00\x00\x00\x02\x08\x00\x00\x00\x00\
\x5a\xc3\x22\xbf\x00\x00\x00\x12\x49\x44\x41\x54\x78\xda\x63\x64\xb0\xb1\xb1\x61\xd2\x10\xd1\xf0\x06\x00\x06\x81\x01\x67\xa5\x38\
\xac\xbe\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

fn folder() -> Folder {
    let folder = Folder::new();
    let evil = format!("No pleural effusion </style><script>alert('{SECRET}')</script>.");
    let rows = format!("id,text\na,\"{evil}\"\nb,Large right pneumothorax.\n");
    folder.put("reports.csv", rows);
    folder.put("images/a.png", PNG);
    folder.put("images/b.png", b"no picture");
    let coco = json!({
        "images": [
            {"id": 1, "file_name": "a.png", "width": 4, "height": 2},
            {"id": 2, "file_name": "b.png", "width": 4, "height": 2},
        ],
        "categories": [{"id": 1, "name": "Pleural Effusion"}, {"id": 2, "name": "Pneumothorax"}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 0, 2, 2], "area": 4, "iscrowd": 0}],
    });
    folder.put("boxes.json", coco.to_string());
    folder
}

const PAIR: [&str; 10] = [
    "pair",
    "reports.csv",
    "--annotations",
    "boxes.json",
    "--coverage",
    "whole",
    "--images",
    "images",
    "--report",
    "page.html",
];

#[test]
fn conflicts_stand_beside_their_images() {
    let folder = folder();
    folder.run(&PAIR).ends(0, &[]);
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    assert!(page.contains("drawn, denied by the report") && page.contains("reported, nothing drawn"));
    assert!(page.contains("<mark>pleural effusion</mark> &lt;/style&gt;&lt;script&gt;"));
    assert!(!page.contains("<script") && page.matches("</style>").count() == 1);
    assert!(page.contains("viewBox=\"0 0 4 2\"") && page.contains("d=\"M1 0L3 0L3 2L1 2Z\""));
    assert_eq!(page.contains("data:image/png;base64,"), cfg!(feature = "pixels"));
    let reason = if cfg!(feature = "pixels") { "no DICOM file: no DICM at byte 128" } else { "built without pixels" };
    assert!(page.contains(reason), "{reason}");
}

#[test]
fn the_page_is_the_same_for_any_number_of_threads() {
    let folder = folder();
    folder.run(&[&PAIR[..], &["--threads", "1"]].concat()).ends(0, &[]);
    let one = folder.read("page.html");
    folder.run(&[&PAIR[..], &["--threads", "3"]].concat()).ends(0, &[]);
    assert_eq!(folder.read("page.html"), one);
}

#[test]
fn without_text_no_sentence_stands_on_the_page() {
    let folder = folder();
    folder.run(&[&PAIR[..], &["--no-text", "--sample-size", "9"]].concat()).ends(0, &[]);
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    assert!(page.contains("drawn, denied by the report"));
    assert!(!page.contains(SECRET) && !page.contains("<blockquote"));
}
