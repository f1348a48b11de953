//! Tests of the reader of tables; the rows are written for them.

use super::*;
use crate::annotation::Coverage;
use crate::annotations::tests::mutations;

fn read_all(text: &str) -> (AnnotationSet, Vec<String>) {
    let mut told = Vec::new();
    let mut guesses = Vec::new();
    let set = read(text.as_bytes(), "folder/a.csv", &mut |t| {
        if t.gravity == crate::input::Gravity::Guess { guesses.push(t.message) } else { told.push(t.to_string()) }
    });
    let set = set.expect("a table");
    let covers = if set.coverage == Coverage::Whole { "every image was read" } else { "only what was found is told" };
    assert!(guesses.len() == 1 && guesses[0].contains(covers), "{guesses:?}");
    (set, told)
}

/// Annotations as image:category:stance:reader:box.
fn lines(set: &AnnotationSet) -> Vec<String> {
    let line = |a: &Annotation| {
        let mut line = format!("{}:{}", set.images[a.image as usize].key.name, set.categories[a.category as usize]);
        line += match a.stance {
            Stance::Present => ":+",
            Stance::Absent => ":-",
            Stance::Uncertain => ":?",
        };
        line += &a.reader.as_deref().map_or_else(String::new, |r| format!(":{r}"));
        if let Shape::Box(sides) = a.shape {
            line += &format!(":{}", sides.map(|s| s.to_string()).join(","));
        }
        line
    };
    set.annotations.iter().map(line).collect()
}

#[test]
fn nih_boxes_with_their_odd_header() {
    let (set, told) =
        read_all("Image Index,Finding Label,Bbox [x,y,w,h],,,\n1_0.png,Nodule,1.5,2,30,40\n1_0.png,Mass,5,6,7,8\n");
    assert_eq!(lines(&set), ["1_0.png:Nodule:+:1.5,2,30,40", "1_0.png:Mass:+:5,6,7,8"]);
    assert_eq!((set.coverage, told.len(), &*set.annotations[1].id), (Coverage::Found, 0, "a.csv:3"));
    assert_eq!((set.images[0].size, set.images[0].row.columns), (Some([1024, 1024]), Some(1024)));
}

#[test]
fn nih_labels_bring_facts_of_the_scaled_images() {
    let (set, told) = read_all(
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n\
         a.png,Mass|Nodule,0,1,57,M,PA,2048,4096,0.2,0.1\nb.png,No Finding,1,1,58,F,AP,2048,2048,,0.1\n",
    );
    assert_eq!(lines(&set), ["a.png:Mass:+", "a.png:Nodule:+", "b.png:No Finding:+"]);
    assert_eq!((set.coverage, told.len()), (Coverage::Whole, 0));
    let row = &set.images[0].row;
    assert_eq!((row.column_spacing_mm, row.row_spacing_mm), (Some(0.4), Some(0.4)));
    assert_eq!((row.view.as_deref(), row.sex.as_deref(), row.age.as_deref()), (Some("PA"), Some("M"), Some("057Y")));
    assert_eq!(set.images[1].row.column_spacing_mm, None);
}

#[test]
fn rsna_targets_and_classes() {
    let (set, told) =
        read_all("patientId,x,y,width,height,Target\na,,,,,0\nb,1,2,3,4,1\nb,5,6,7,8,1\nc,1,2,3,4,0\nd,1,,,4,1\n");
    assert_eq!(lines(&set), ["a:Lung Opacity:-", "b:Lung Opacity:+:1,2,3,4", "b:Lung Opacity:+:5,6,7,8"]);
    assert_eq!(set.coverage, Coverage::Whole);
    let problems: Vec<bool> = set.images.iter().map(|i| !i.row.problems.is_empty()).collect();
    assert_eq!(problems, [false, false, true, true]);
    assert!(told[0].starts_with("problem: folder/a.csv:5: a box of what is told absent"), "{told:?}");
    assert!(told[1].starts_with("problem: folder/a.csv:6: 2 of the four"), "{told:?}");
    let (set, told) =
        read_all("patientId,class\na,Lung Opacity\na,Lung Opacity\nb,No Lung Opacity / Not Normal\nc,Normal\nd,Odd\n");
    assert_eq!(lines(&set), ["a:Lung Opacity:+", "b:Lung Opacity:-", "b:Normal:-", "c:Normal:+", "c:Lung Opacity:-"]);
    assert_eq!(told, ["problem: folder/a.csv:6: a label that this table does not have; left out"]);
}

#[test]
fn vinbigdata_has_several_readers() {
    let (set, told) = read_all(
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\na,No finding,14,R1,,,,\na,Cardiomegaly,3,R2,10.0,20,110,220.5\n\
         a,Cardiomegaly,3,R3,10.0,20,110,220.5\na,Cardiomegaly,3,R3,10.0,20,110,220.5\nb,ILD,5,R1,30,20,10,40\n",
    );
    assert_eq!(
        lines(&set),
        ["a:No finding:+:R1", "a:Cardiomegaly:+:R2:10,20,100,200.5", "a:Cardiomegaly:+:R3:10,20,100,200.5"]
    );
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("warning: folder/a.csv:5: the same row"), "{told:?}");
    assert!(told[1].contains("a.csv:6: a box of negative width"), "{told:?}");
}

#[test]
fn runs_go_on_from_the_run_before() {
    let (set, told) = read_all("ImageId, EncodedPixels\n1.2.3,-1\n1.2.4,2048 3 1021 2\n1.2.5,1048570 9\n1.2.6,5\n");
    assert_eq!((set.images[1].key.sop_uid.as_str(), set.annotations[0].stance), ("1.2.4", Stance::Absent));
    assert_eq!(crate::annotation::geometry::bounds(&set.annotations[1].shape), Some([2.0, 0.0, 4.0, 3.0]));
    assert_eq!(crate::annotation::geometry::area_px(&set.annotations[1].shape), 5.0);
    assert!(told[0].contains("a.csv:4: a mask that cannot be") && told[1].contains("a.csv:5: runs"), "{told:?}");
}

#[test]
fn wide_tables_have_a_column_for_each_label() {
    let (set, told) = read_all(
        "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Fracture\np/v1.jpg,Female,68,Frontal,AP,1.0,,\n\
         p/v2.jpg,Male,5,Lateral,,,-1.0,0.0\np/v3.jpg,Unknown,0,Frontal,PA,,,\n",
    );
    assert_eq!(lines(&set), ["p/v1.jpg:No Finding:+", "p/v2.jpg:Edema:?", "p/v2.jpg:Fracture:-"]);
    assert_eq!((set.images.len(), set.coverage, told.len()), (3, Coverage::Found, 0));
    let views: Vec<_> = set.images.iter().map(|i| i.row.view.as_deref()).collect();
    assert_eq!(views, [Some("AP"), Some("Lateral"), Some("PA")]);
    assert_eq!((set.images[1].row.age.as_deref(), set.images[2].row.sex.as_deref()), (Some("005Y"), Some("O")));
    let (set, _) = read_all("file;Nodule;Note;Mass\na;YES;well;NO\nb;;;1\n");
    assert_eq!(lines(&set), ["a:Nodule:+", "a:Mass:-", "b:Mass:+"]);
}

#[test]
fn other_tables_by_common_names() {
    let (set, told) = read_all(
        "\u{feff}sop_uid\tlabel\tx_min\ty_min\tx_max\ty_max\treader\tscore\tside\n1.2\tnodule\t1\t2\t4\t6\tR9\t0.25\tL\n\
         1.2\t\t1\t2\t4\t6\n\t nodule\t1\t2\t4\t6\n1.2\tnodule\tone\t2\t4\t6\n1.2\tnodule\tNaN\t2\t4\t6\n1.2\tx\t1\t2\t4\t6\t\t\t\t9\n\n",
    );
    assert_eq!(lines(&set), ["1.2:nodule:+:R9:1,2,3,4"]);
    let one = &set.annotations[0];
    assert_eq!((one.score, one.side), (Some(0.25), Some(crate::lexicon::Side::Left)));
    assert_eq!((set.images[0].key.sop_uid.as_str(), set.coverage), ("1.2", Coverage::Found));
    for (line, part) in [
        (3, "no label"),
        (4, "no image"),
        (5, "column \"x_min\" holds no number"),
        (6, "no number"),
        (7, "10 cells; the header has 9"),
    ] {
        assert!(
            told.iter().any(|t| t.starts_with(&format!("problem: folder/a.csv:{line}: ")) && t.contains(part)),
            "{part}: {told:?}"
        );
    }
    let (set, _) = read_all("image,label,value\na,x,1\na,y,0\nb,x,-1\n");
    assert_eq!(lines(&set), ["a:x:+", "a:y:-", "b:x:?"]);
}

#[test]
fn what_is_no_such_table_is_an_error() {
    for text in ["", "\n", "a,b\n1,2\n", "image,x\na,5\n"] {
        let error = read(text.as_bytes(), "a.csv", &mut |_| ()).expect_err(text).to_string();
        assert!(error.starts_with("a.csv: no column"), "{error}");
    }
}

#[test]
fn no_bytes_make_it_panic() {
    for text in [
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n1_0.png,\"No\"\"dule\",1.5,2,30,40\n1_0.png,Mass,5,6,7,8\n",
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\na,No finding,14,R1,,,,\na,ILD,3,R2,10.0,20,110,220.5\n",
        "ImageId, EncodedPixels\n1.2.3,-1\n1.2.4,2048 3 1021 2\n",
        "file;Nodule;Note;Mass\na;YES;well;NO\nb;;;1\n",
    ] {
        mutations(text.as_bytes(), |bytes| drop(read(bytes, "a.csv", &mut |_| ())));
    }
}
