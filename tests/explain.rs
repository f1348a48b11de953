//! `radlabel explain` as a user runs it: marks, labels with their rules, and a page that no report can break.

use super::program::{Folder, radlabel};

const REPORT: &str = "INDICATION: Rule out pneumonia.\n\nFINDINGS: The heart is enlarged. No pleural effusion. Possible nodule in the right upper lobe.\n";

fn explain(text: &str, more: &[&str]) -> super::program::Run {
    let folder = Folder::new(&[("case-7.txt", text)]);
    let path = folder.path("case-7.txt");
    radlabel(&[&["explain", &path], more].concat())
}

#[test]
fn text_marks_findings_and_names_the_rules() {
    let run = explain(REPORT, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    for part in [
        "case-7",
        "[pneumonia|hypothetical]",
        "No [pleural effusion|absent].",
        "Possible [nodule|uncertain]",
        "Cardiomegaly: present",
        "Pleural Effusion: absent",
        "sentence  No pleural effusion.",
        "(rules/en/absent.toml:",
        "No Finding: not given",
        "the section \"indication\" does not count for labels",
        "not mentioned: ",
    ] {
        assert!(run.out.contains(part), "{part:?} is not in\n{}", run.out);
    }
    assert!(!run.out.contains('\x1b'), "colours without a terminal");
}

#[test]
fn colours_only_when_asked_for() {
    let coloured = explain(REPORT, &["--color", "always"]).out;
    assert!(coloured.contains("\x1b[32mpleural effusion\x1b[0m"), "{coloured}");
    // Taken out again, the report is whole.
    let mut plain = coloured.clone();
    for code in ["\x1b[1;31m", "\x1b[1;33m", "\x1b[32m", "\x1b[2;4m", "\x1b[1m", "\x1b[0m"] {
        plain = plain.replace(code, "");
    }
    assert!(plain.contains("  FINDINGS: The heart is enlarged. No pleural effusion. Possible nodule"), "{plain}");
    assert!(!explain(REPORT, &["--color", "never"]).out.contains('\x1b'));
}

#[test]
fn no_finding_says_why() {
    let run = explain("The lungs are clear. Heart size is normal.", &[]);
    assert!(run.out.contains("No Finding: present\n  nothing that the report says stands against it"), "{}", run.out);
    let run = explain("INDICATION: Cough.", &[]);
    assert!(run.out.contains("no section reports anything"), "{}", run.out);
    let run = explain("", &[]);
    assert!(run.code == 0 && run.out.contains("empty report"), "{}", run.out);
}

#[test]
fn a_report_cannot_steer_the_terminal() {
    let run = explain("FINDINGS: No \x1b[2Jeffusion.\x07 \u{9b}31m Edema.\r\n", &[]);
    assert!(!run.out.contains(['\x1b', '\x07', '\u{9b}', '\r']), "{:?}", run.out);
}

#[test]
fn html_escapes_everything_and_asks_for_nothing() {
    let id = r#"</title><script>alert(1)</script>"'&"#;
    let text = "FINDINGS: </p><script>alert(2)</script> \"No\" effusion <img src=x onerror=alert(3)> & edema' versus pneumonia.";
    let record = serde_json::json!({"id": id, "text": text}).to_string();
    let folder = Folder::new(&[("one.jsonl", &record)]);
    let run = radlabel(&["explain", &folder.path("one.jsonl"), "--format", "html"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for bad in [
        "<script",
        "<img",
        "</title><script",
        "javascript:",
        "http://",
        "https://",
        "@import",
        "url(",
        "<link",
        "<iframe",
    ] {
        assert!(!run.out.contains(bad), "{bad:?} is in the page");
    }
    for part in ["&lt;script&gt;alert(2)", "default-src 'none'", "Pleural Effusion", "rules/en/absent.toml:"] {
        assert!(run.out.contains(part), "{part:?} is not in the page");
    }
    // Every attribute is closed: the only quotes inside tags are those of the page itself.
    assert!(run.out.contains("&quot;"));
}

/// The text of the page, tags and additions taken out, is the text of the report, however mentions overlap.
#[test]
fn html_keeps_the_text() {
    let text = "FINDINGS: Heart size is normal, lungs are clear. Bibasilar atelectasis or pneumonia; no Ödem, no effusion or rib fracture.";
    let page = explain(text, &["--format", "html"]).out;
    let start = page.find("<p class=\"text\">").expect("a report") + 16;
    let report = &page[start..start + page[start..].find("</p>").expect("its end")];
    let mut plain = String::new();
    let mut rest = report;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        // Signs and words for screen readers are the page's own.
        let own = rest[at..].starts_with("<span class=\"sym\"") || rest[at..].starts_with("<span class=\"vh\"");
        let end = if own { "</span>" } else { ">" };
        rest = &rest[at + rest[at..].find(end).expect("a closed tag") + end.len()..];
    }
    plain.push_str(rest);
    assert_eq!(plain, text);
}

#[test]
fn confidence_is_told_where_it_is_asked_for() {
    for format in ["text", "html"] {
        let told = |more: &[&str]| explain(REPORT, &[&["--format", format], more].concat()).out;
        assert!(!told(&[]).contains("confidence"), "{format}");
        let (sure, named) = (told(&["--confidence"]), if format == "text" { "confidence 0." } else { "confidence" });
        assert!(sure.contains(named), "{format}: {sure}");
    }
}

#[test]
fn one_record_of_many_and_output_to_a_file() {
    let lines = "{\"id\":\"a\",\"text\":\"Edema.\"}\n{\"id\":7,\"text\":\"No edema.\"}\n";
    let folder = Folder::new(&[("many.jsonl", lines), ("bad.jsonl", "{\"id\":\"a\"}\n"), ("page.html", "old")]);
    let many = folder.path("many.jsonl");
    assert!(radlabel(&["explain", &many, "--id", "7"]).out.contains("No [edema|absent]."));
    let page = folder.path("page.html");
    assert_eq!(radlabel(&["explain", &many, "--id", "a", "--format", "html", "-o", &page]).code, 0);
    assert!(std::fs::read_to_string(&page).is_ok_and(|p| p.starts_with("<!DOCTYPE html>")));
    for (arguments, message) in [
        (vec!["explain", &many], "more than one report; say which with --id"),
        (vec!["explain", &many, "--id", "b"], "holds no report with the id \"b\""),
        (vec!["explain", &folder.path("bad.jsonl")], "bad.jsonl:1: no text"),
        (vec!["explain", &folder.path("none.txt")], "none.txt: "),
        (vec!["explain", &many, "--id", "a", "--scheme", "nihh"], "unknown scheme \"nihh\"; expected chexpert"),
    ] {
        let run = radlabel(&arguments);
        assert!(run.code == 2 && run.err.contains(message), "{arguments:?} gave {}: {}", run.code, run.err);
    }
}
