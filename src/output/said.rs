//! What is said of one mention as pairs of name and value, for formats that hold such pairs: BioC, brat, FHIR.

use super::Line;
use crate::rules::AttributeName;

/// Status, time and subject, the attributes that are said, and the rules behind them.
pub(super) fn pairs(line: &Line<'_>, number: usize) -> Vec<(&'static str, String)> {
    let (engine, analysis) = (line.engine, line.analysis);
    let assertion = &analysis.assertions[number];
    let mut pairs = vec![
        ("status", assertion.status.name().to_owned()),
        ("time", assertion.time.name().to_owned()),
        ("subject", assertion.subject.name().to_owned()),
    ];
    for (name, attribute) in AttributeName::NAMED {
        let value = engine.attribute(analysis, &line.report.text, number, attribute);
        pairs.extend(value.map(|value| (name, value)));
    }
    pairs.push(("counted", if analysis.mentions[number].counts { "true" } else { "false" }.to_owned()));
    let evidence = analysis.evidence_of(assertion).iter();
    let mut rules: Vec<&str> = evidence
        .chain(analysis.attributes_of(number as u32).iter().map(|a| &a.evidence))
        .map(|e| &*engine.rules.info(e.rule).id)
        .collect();
    rules.dedup();
    if !rules.is_empty() {
        pairs.push(("rules", rules.join(" ")));
    }
    pairs.extend(model(line, number).map(|said| ("model", said)));
    pairs
}

/// What a model said of a mention, where one was asked: its name, its likeliest verdict and how likely that is.
pub(super) fn model(line: &Line<'_>, number: usize) -> Option<String> {
    let (name, refined) = line.model.zip(line.analysis.refined_of(number as u32))?;
    Some(match refined.opinion.map(|o| o.verdict()) {
        Some((verdict, probability)) => format!("{name} {} {probability:.4}", verdict.name()),
        None => format!("{name} no-answer"),
    })
}

/// The labels to write, each by its name, which says the scheme where there are several.
pub(super) fn labels<'l>(
    line: &'l Line<'_>,
) -> impl Iterator<Item = (std::borrow::Cow<'l, str>, &'l super::Labelled<'l>, &'l crate::Label, crate::Status)> {
    let several = line.labelled.len() > 1;
    line.labelled.iter().flat_map(move |one| {
        one.labels.iter().filter_map(move |label| {
            let name = super::label_name(one.scheme, label.label as usize, several);
            Some((name, one, label, line.policy.apply(label.value)?))
        })
    })
}

/// The study key as pairs, those that are given.
pub(super) fn study(study: &crate::StudyKey) -> impl Iterator<Item = (&'static str, &str)> {
    study_fields(study).into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// Every field of the study key, by the name that outputs give it and in their order.
pub(super) fn study_fields(study: &crate::StudyKey) -> [(&'static str, Option<&str>); 10] {
    [
        ("accession", &study.accession),
        ("study_uid", &study.study_uid),
        ("patient_id", &study.patient_id),
        ("date", &study.date),
        ("modality", &study.modality),
        ("body_part", &study.body_part),
        ("sex", &study.sex),
        ("age", &study.age),
        ("report_time", &study.report_time),
        ("report_status", &study.report_status),
    ]
    .map(|(name, value)| (name, value.as_deref()))
}

#[cfg(test)]
pub(super) mod tests {
    use crate::output::{Labelled, Line, Offsets};
    use crate::{Engine, Policy, Report, StudyKey};
    use std::sync::LazyLock;

    pub(in crate::output) static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::embedded);

    /// Texts with what formats stumble over: mark-up, quotes, characters of many bytes, tabs, line ends of all
    /// kinds, mentions across lines, nothing at all.
    pub(in crate::output) const TEXTS: [&str; 6] = [
        "INDICATION: Cough & fever, r/o <pneumonia>.\nFINDINGS: No pleural\neffusion. 8 mm nodule in the right upper \
         lobe. Mild \u{f6}dema \u{1f600}, pulmonary edema is unchanged.\n\nIMPRESSION: Possible pneumonia. Large left \
         pneumothorax.",
        "No pleural\r\n\teffusion;\r\nETT tip 3 cm above the carina. \"Stable\" cardiomegaly.\r\n",
        "  \nFINDINGS:\nMultiple nodules, the largest 5-7 mm. Lungs\u{a0}clear. ]]> &amp; <b>",
        "Heart size is normal.",
        "History of stroke. Mother has breast cancer.\n \n",
        "",
    ];

    /// Hands the line of a text to a function.
    pub(in crate::output) fn with(text: &str, study: StudyKey, each: impl FnOnce(&Line<'_>)) {
        let mut report = Report::new("r<1>/\u{e9} \"x\"", text);
        report.study = study;
        let analysis = ENGINE.analyze(&report);
        let bound = ENGINE.scheme("chexpert").expect("a scheme");
        let labelled =
            [Labelled { scheme: &bound.scheme, labels: ENGINE.labels(&analysis, bound), confidence: Vec::new() }];
        let mut offsets = Offsets::default();
        // The places of an original must not reach formats that hold the text.
        offsets.set_with_origin(text, &[(0, 1000)]);
        each(&Line {
            engine: &ENGINE,
            policy: Policy::Keep,
            report: &report,
            analysis: &analysis,
            labelled: &labelled,
            notes: &["a note".into()],
            offsets: &offsets,
            more: b"",
            text: false,
            confidence: false,
            model: None,
        });
    }

    /// With the environment variable `RADLABEL_KEEP`, writes a file to that folder, for `tests/measure`.
    pub(in crate::output) fn keep(name: &str, bytes: &[u8]) {
        if let Some(folder) = std::env::var_os("RADLABEL_KEEP") {
            std::fs::write(std::path::Path::new(&folder).join(name), bytes).expect("written");
        }
    }

    pub(in crate::output) fn a_study() -> StudyKey {
        let some = |s: &str| Some(s.to_owned());
        StudyKey {
            accession: some("A<1>"),
            study_uid: some("1.2.3"),
            patient_id: some("P&1"),
            date: some("2024-03-01"),
            modality: some("CT"),
            body_part: some("CHEST"),
            sex: some("female"),
            age: some("063Y"),
            report_time: some("2024-03-01T10:00:00+01:00"),
            report_status: some("final"),
        }
    }
}
