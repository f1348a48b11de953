//! What must hold for any input: no panic, spans on character boundaries and in order, every report the same
//! by itself and after others. `PROPTEST_CASES=1000000 cargo test properties` fuzzes for longer.

use proptest::prelude::*;
use radlabel::{Analysis, Engine, Scratch, Span};
use std::sync::LazyLock;

static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::embedded);

/// Pieces that reports are made of, so that random texts reach every rule.
const PIECES: [&str; 64] = [
    "No ",
    "no evidence of ",
    "effusion",
    "pneumothorax",
    " or ",
    " and ",
    ", ",
    ". ",
    "\n",
    "\n\n",
    ": ",
    "; ",
    "FINDINGS:",
    "IMPRESSION:",
    "heart",
    " is ",
    "enlarged",
    "normal",
    "lungs",
    "clear",
    "cannot be excluded",
    " may represent ",
    "possible ",
    "if ",
    "history of ",
    "?",
    "(",
    ")",
    "[ ] ",
    "[x] ",
    "/",
    "versus ",
    "not ",
    "has resolved",
    "unchanged",
    "left ",
    "right ",
    "bilateral ",
    "small ",
    "mild to moderate ",
    "opacity",
    "atelectasis",
    "ADDENDUM\n",
    "INDICATION: ",
    "mother had ",
    "1. ",
    "2) ",
    "1.5 cm ",
    "Dr. ",
    "___",
    "XXXX ",
    "[**Name**]",
    "-",
    " - ",
    "\u{e9}\u{301}",
    "\u{2019}s",
    "\u{1f600}",
    "\u{200b}",
    "\r\n",
    "\t",
    "\u{0}",
    "but ",
    "there is ",
    "with ",
];

fn report() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::collection::vec(any::<u8>(), 0..400).prop_map(|b| String::from_utf8_lossy(&b).into_owned()),
        prop::collection::vec(prop::sample::select(&PIECES[..]), 0..80).prop_map(|p| p.concat()),
        prop::collection::vec(prop_oneof![4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)], 0..60)
            .prop_map(|p| p.concat()),
    ]
}

fn sound(text: &str, analysis: &Analysis) {
    let within = |span: Span| {
        assert!(span.start <= span.end && text.get(span.range()).is_some(), "{span:?} in {text:?}");
    };
    assert!(!analysis.sections.is_empty());
    for section in &analysis.sections {
        within(section.heading);
        within(section.body);
    }
    for sentence in &analysis.sentences {
        within(sentence.span);
        assert!((sentence.section as usize) < analysis.sections.len());
    }
    assert!(analysis.sentences.windows(2).all(|w| w[0].span.end <= w[1].span.start), "sentences overlap in {text:?}");
    assert_eq!(analysis.mentions.len(), analysis.assertions.len());
    assert!(analysis.mentions.is_sorted_by_key(|m| (m.sentence, m.span)));
    for (mention, assertion) in analysis.mentions.iter().zip(&analysis.assertions) {
        within(mention.span);
        assert!(!mention.span.is_empty());
        let sentence = analysis.sentences[mention.sentence as usize].span;
        assert!(sentence.start <= mention.span.start && mention.span.end <= sentence.end);
        for evidence in analysis.evidence_of(assertion) {
            within(evidence.span);
        }
        if let Some(severity) = mention.severity {
            within(severity);
        }
    }
    for finding in &analysis.findings {
        assert!(finding.mentions.iter().all(|&m| analysis.mentions[m as usize].concept == finding.concept));
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in report()) {
        let analysis = ENGINE.analyze_with(&mut Scratch::default(), &text);
        sound(&text, &analysis);
        let scheme = ENGINE.scheme("chexpert").expect("chexpert");
        let labels = ENGINE.labels(&analysis, scheme);
        prop_assert!(labels.windows(2).all(|w| w[0].label < w[1].label));
    }

    #[test]
    fn a_report_reads_the_same_after_others(texts in prop::collection::vec(report(), 1..4)) {
        let mut shared = Scratch::default();
        for text in &texts {
            prop_assert_eq!(ENGINE.analyze_with(&mut shared, text), ENGINE.analyze_with(&mut Scratch::default(), text));
        }
    }

    #[test]
    fn any_span_is_answered(text in report(), picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6)) {
        let bounds: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let spans: Vec<Span> = picks
            .iter()
            .map(|(a, b)| (bounds[a.index(bounds.len())], bounds[b.index(bounds.len())]))
            .map(|(a, b)| Span::new(a.min(b) as u32, a.max(b) as u32))
            .collect();
        let answers = ENGINE.assert_spans(&text, &spans);
        prop_assert_eq!(answers.len(), spans.len());
        for (answer, span) in answers.iter().zip(&spans) {
            prop_assert_eq!(answer.span, *span);
            for evidence in &answer.evidence {
                prop_assert!(text.get(evidence.span.range()).is_some());
            }
        }
    }
}
