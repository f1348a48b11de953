//! Reads the rule files of whole reports: `kind = "facts"`, `"grades"` and `"safety"`.
//!
//! A rule's phrases are patterns as everywhere (`{a|b}`, `{@set}`). The sentences of its `hits` may say what
//! value they give: `EXAM: CT of the chest => CT`.

use super::Loader;
use super::patterns::Sets;
use crate::lexicon::{Kind, Lexicon};
use crate::rules::report::{
    AlertKind, AlertRule, Class, FactKind, FactRule, Form, GradeRule, Level, Look, Sense, Sex, Source,
};
use crate::rules::{Change, RuleKind};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// Any of the three kinds; a part that a kind does not have is empty.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportFile {
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "language")]
    _language: String,
    #[serde(default)]
    sets: Sets,
    /// Ids of sections, by the place that they are.
    #[serde(default)]
    places: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default, rename = "class")]
    classes: Vec<ClassText>,
    #[serde(default, rename = "fact")]
    facts: Vec<FactText>,
    #[serde(default, rename = "grade")]
    grades: Vec<GradeText>,
    #[serde(default, rename = "alert")]
    alerts: Vec<AlertText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassText {
    name: Class,
    why: Spanned<String>,
    #[serde(default)]
    phrases: Vec<Spanned<String>>,
    #[serde(default)]
    values: BTreeMap<String, Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactText {
    id: Spanned<String>,
    fact: FactKind,
    places: Vec<Source>,
    #[serde(default)]
    signs: bool,
    #[serde(default)]
    only: Vec<String>,
    why: String,
    #[serde(default)]
    values: BTreeMap<String, Vec<Spanned<String>>>,
    hits: Vec<String>,
    misses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GradeText {
    id: Spanned<String>,
    system: String,
    why: String,
    /// `@` stands for the value.
    #[serde(default)]
    forms: Vec<Spanned<String>>,
    /// Forms that count only where one of `near` stands in the sentence.
    #[serde(default)]
    loose: Vec<Spanned<String>>,
    #[serde(default)]
    near: Vec<Spanned<String>>,
    #[serde(default)]
    values: BTreeMap<String, Vec<Spanned<String>>>,
    /// Any number is a value.
    #[serde(default)]
    number: bool,
    /// Components of a composed grade, in order; values as they are shown.
    #[serde(default)]
    components: Vec<Vec<Spanned<String>>>,
    /// The letters must be written as the values are.
    #[serde(default)]
    exact: bool,
    /// How many components make the grade where none of `near` stands in the sentence.
    #[serde(default)]
    enough: usize,
    hits: Vec<String>,
    misses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AlertText {
    id: Spanned<String>,
    kind: AlertKind,
    level: Level,
    look: Look,
    message: String,
    why: String,
    #[serde(default)]
    concepts: Vec<Spanned<String>>,
    #[serde(default)]
    except: Vec<Spanned<String>>,
    #[serde(default)]
    phrases: Vec<Spanned<String>>,
    #[serde(default)]
    unless: Vec<Change>,
    #[serde(default)]
    acute: bool,
    sex: Option<Sex>,
    from_age: Option<f32>,
    to_age: Option<f32>,
    #[serde(default)]
    has: String,
    #[serde(default)]
    lacks: String,
    #[serde(default)]
    between: Vec<String>,
    hits: Vec<String>,
    misses: Vec<String>,
}

impl Loader<'_> {
    pub(super) fn report_file(&mut self, kind: &str, lexicon: &Lexicon) {
        let Some(file) = self.parse::<ReportFile>() else { return };
        let odd = match kind {
            "facts" => !file.grades.is_empty() || !file.alerts.is_empty(),
            "grades" => !file.facts.is_empty() || !file.alerts.is_empty(),
            _ => !file.facts.is_empty() || !file.grades.is_empty(),
        };
        if odd {
            self.fault(0, format!("kind \"{kind}\" holds rules of another kind; expected only its own"));
        }
        self.report_places(file.places);
        for class in file.classes {
            self.report_class(class, &file.sets);
        }
        for fact in file.facts {
            self.fact(fact, &file.sets);
        }
        for grade in file.grades {
            self.grade(grade, &file.sets);
        }
        for alert in file.alerts {
            self.alert(alert, &file.sets, lexicon);
        }
    }

    fn report_places(&mut self, places: BTreeMap<String, Vec<Spanned<String>>>) {
        for (place, sections) in places {
            let named = Source::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(&place));
            for section in sections {
                match named {
                    Ok(source) => self.report.places.push((section.get_ref().as_str().into(), source)),
                    Err(ref e) => self.fault(section.span().start, e.to_string()),
                }
            }
        }
    }

    /// Adds a sense to all that a pattern stands for.
    fn sense(&mut self, pattern: &Spanned<String>, sets: &Sets, sense: Sense) {
        for phrase in self.texts(pattern, sets) {
            self.phrase_sense(pattern.span().start, &phrase, sense);
        }
    }

    fn phrase_sense(&mut self, at: usize, phrase: &str, sense: Sense) {
        if let Err(message) = self.report.phrases.add(phrase, sense) {
            self.fault(at, message);
        }
    }

    /// Adds the phrases of every value of a rule, in order, each with the sense of its value's number.
    fn values(&mut self, values: &BTreeMap<String, Vec<Spanned<String>>>, sets: &Sets, sense: impl Fn(u32) -> Sense) {
        for (value, phrases) in values.values().enumerate() {
            for phrase in phrases {
                self.sense(phrase, sets, sense(value as u32));
            }
        }
    }

    fn report_class(&mut self, text: ClassText, sets: &Sets) {
        if text.why.get_ref().trim().is_empty() {
            self.fault(text.why.span().start, "the class does not say why it stands");
        }
        let plain = (!text.phrases.is_empty()).then(|| (String::new(), text.phrases));
        for (value, phrases) in text.values.into_iter().chain(plain) {
            let number = self.report.class_values.len() as u32;
            self.report.class_values.push(value.into());
            for phrase in &phrases {
                self.sense(phrase, sets, Sense::Class(text.name, number));
            }
        }
    }

    /// Every value of a rule must be shown by one of its hits.
    fn shown<'v>(&mut self, at: usize, values: impl Iterator<Item = &'v String>, hits: &[String]) {
        for value in values {
            let shown = |hit: &String| hit.rsplit_once("=>").is_some_and(|h| h.1.split(';').any(|v| v.trim() == value));
            if !hits.iter().any(shown) {
                self.fault(at, format!("no hit gives the value \"{value}\"; expected one that ends in => {value}"));
            }
        }
    }

    fn fact(&mut self, text: FactText, sets: &Sets) {
        self.shown(text.id.span().start, text.values.keys(), &text.hits);
        let rule = self.rule(&text.id, RuleKind::Fact, text.why, text.hits, text.misses);
        let number = self.report.facts.len() as u32;
        self.values(&text.values, sets, |value| Sense::Fact(number, value));
        self.report.facts.push(FactRule {
            rule,
            fact: text.fact,
            places: text.places,
            signs: text.signs,
            only: text.only.into_iter().map(Into::into).collect(),
            values: text.values.into_keys().map(Into::into).collect(),
        });
    }

    fn grade(&mut self, text: GradeText, sets: &Sets) {
        let at = text.id.span().start;
        let number = self.report.grades.len() as u32;
        self.shown(at, text.values.keys(), &text.hits);
        let rule = self.rule(&text.id, RuleKind::Grade, text.why, text.hits, text.misses);
        self.values(&text.values, sets, |value| Sense::Value(number, value));
        for phrase in &text.near {
            self.sense(phrase, sets, Sense::Near(number));
        }
        let forms = text.forms.iter().map(|f| (f, false)).chain(text.loose.iter().map(|f| (f, true)));
        for (pattern, near) in forms {
            for form in self.texts(pattern, sets) {
                self.form(pattern.span().start, number, &form, near);
            }
        }
        let mut components = Vec::new();
        for (place, patterns) in text.components.iter().enumerate() {
            let mut values: Vec<Box<str>> = Vec::new();
            for pattern in patterns {
                for value in self.texts(pattern, sets) {
                    let sense = Sense::Part(number, place as u32, values.len() as u32);
                    self.phrase_sense(pattern.span().start, &value, sense);
                    values.push(value.into());
                }
            }
            components.push(values);
        }
        self.report.grades.push(GradeRule {
            rule,
            system: text.system.into(),
            values: text.values.into_keys().map(Into::into).collect(),
            components,
            exact: text.exact,
            enough: text.enough,
            open: self
                .report
                .forms
                .iter()
                .enumerate()
                .filter(|(_, f)| f.grade == number && f.open)
                .map(|(i, _)| i as u32)
                .collect(),
            number: text.number,
        });
    }

    fn form(&mut self, at: usize, grade: u32, form: &str, near: bool) {
        let Some((before, after)) = form.split_once('@') else {
            return self.fault(at, format!("\"{form}\" has no \"@\" where the value stands"));
        };
        let (before, after) = (before.trim(), after.trim());
        if before.is_empty() && after.is_empty() {
            return self.fault(at, "a form that is nothing but \"@\"; expected words before or after it");
        }
        let number = self.report.forms.len() as u32;
        self.report.forms.push(Form { grade, open: before.is_empty(), after: !after.is_empty(), near });
        if !before.is_empty() {
            self.phrase_sense(at, before, Sense::Before(number));
        }
        if !after.is_empty() {
            self.phrase_sense(at, after, Sense::After(number));
        }
    }

    fn alert(&mut self, text: AlertText, sets: &Sets, lexicon: &Lexicon) {
        let at = text.id.span().start;
        let rule = self.rule(&text.id, RuleKind::Alert, text.why, text.hits, text.misses);
        let number = self.report.alerts.len() as u32;
        let kinds = [Kind::Finding, Kind::Device, Kind::Anatomy];
        let except = self.concepts(&text.except, &kinds, lexicon);
        let roots = self.concepts(&text.concepts, &kinds, lexicon);
        let mut concepts: Vec<_> = roots.into_iter().flat_map(|root| lexicon.descendants(root)).collect();
        concepts.retain(|&c| !except.iter().any(|&e| lexicon.is_a(c, e)));
        concepts.sort_unstable();
        concepts.dedup();
        for phrase in &text.phrases {
            self.sense(phrase, sets, Sense::Alert(number));
        }
        let needs = match text.look {
            Look::Concepts if concepts.is_empty() && text.phrases.is_empty() => Some("concepts or phrases"),
            Look::OtherSex if text.sex.is_none() => Some("sex"),
            Look::Age if text.from_age.is_none() && text.to_age.is_none() => Some("from-age or to-age"),
            Look::Sections if text.has.is_empty() || text.lacks.is_empty() => Some("has and lacks"),
            Look::Sides if text.between.len() != 2 => Some("between, with two sections"),
            _ => None,
        };
        if let Some(needs) = needs {
            self.fault(at, format!("alert \"{}\" looks for {:?}; expected {needs}", text.id.get_ref(), text.look));
        }
        let mut between = text.between.into_iter().map(Box::from);
        self.report.alerts.push(AlertRule {
            rule,
            kind: text.kind,
            level: text.level,
            look: text.look,
            message: text.message.into(),
            concepts,
            unless: text.unless,
            acute: text.acute,
            sex: text.sex,
            from_age: text.from_age,
            to_age: text.to_age,
            has: text.has.into(),
            lacks: text.lacks.into(),
            between: (between.next().unwrap_or_default(), between.next().unwrap_or_default()),
        });
    }
}
