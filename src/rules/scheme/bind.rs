//! Scheme text + lexicon -> bound scheme. Every fault of the file is told, with its line.

use super::text::{ConditionText, FamilyText, LabelText, LocatedText, Names, NoFindingText, SchemeText};
use super::{BoundScheme, Criterion, Hierarchy, LabelRule, LabelTarget, NoFinding, Scheme};
use crate::error::Fault;
use crate::lexicon::{Kind, Lexicon};
use crate::rules::Status;
use crate::rules::condition::Condition;
use crate::rules::lines::Lines;
use crate::span::ConceptId;
use std::collections::HashMap;
use toml::Spanned;

const COUNTED: [Kind; 2] = [Kind::Finding, Kind::Device];

struct Binder<'a> {
    lines: Lines<'a>,
    lexicon: &'a Lexicon,
    faults: Vec<Fault>,
    labels: Vec<LabelRule>,
    /// Where each label stands in the text.
    places: Vec<usize>,
    targets: Vec<Vec<LabelTarget>>,
    criteria: Vec<Criterion>,
}

pub(super) fn bind(file: &str, text: &str, lexicon: &Lexicon) -> Result<BoundScheme, Vec<Fault>> {
    let lines = Lines::new(file, text);
    let scheme: SchemeText = lines.parse().map_err(|fault| vec![fault])?;
    let mut binder = Binder {
        lines,
        lexicon,
        faults: Vec::new(),
        labels: Vec::new(),
        places: Vec::new(),
        targets: vec![Vec::new(); lexicon.concepts.len()],
        criteria: Vec::new(),
    };
    binder.scheme(&scheme).ok_or_else(|| {
        binder.faults.sort();
        binder.faults.dedup();
        binder.faults
    })
}

impl Binder<'_> {
    fn fault(&mut self, offset: usize, message: impl Into<String>) {
        self.faults.push(self.lines.fault(offset, message));
    }

    fn scheme(&mut self, text: &SchemeText) -> Option<BoundScheme> {
        let families: Vec<LabelText> = text.families.iter().flat_map(|f| self.family(f)).collect();
        let texts: Vec<&LabelText> = text.labels.iter().chain(&families).collect();
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for (number, label) in texts.iter().enumerate() {
            let name = label.name.get_ref().as_str();
            let at = label.name.span().start;
            if name.trim().is_empty() {
                self.fault(at, "a label without a name");
            }
            if let Some(&first) = numbers.get(name) {
                let line = self.lines.line(texts[first as usize].name.span().start);
                self.fault(at, format!("label \"{name}\" stands already in line {line}"));
            } else {
                numbers.insert(name, number as u32);
            }
        }
        if texts.is_empty() {
            self.fault(0, "a scheme without labels; expected at least one [[label]] or [[family]]");
        }
        for (number, label) in texts.iter().enumerate() {
            self.label(label, number as u32, &numbers);
        }
        let children = self.edges(|l| &l.parents);
        self.circles(&children, "lies under itself through its parent");
        let loses = self.edges(|l| &l.outranks);
        self.circles(&loses, "outranks itself through");
        let special = text.no_finding.as_ref().and_then(|n| numbers.get(n.label.get_ref().as_str()).copied());
        for (number, label) in texts.iter().enumerate() {
            let empty = !label.names_concepts() && children[number].is_empty();
            if empty && special != Some(number as u32) {
                let name = label.name.get_ref();
                self.fault(
                    label.name.span().start,
                    format!("label \"{name}\" is empty: it has no concept and no child"),
                );
            }
        }
        // What follows walks the hierarchy, which is sound only now.
        if !self.faults.is_empty() {
            // The names in [no-finding] are told too.
            if let Some(text) = &text.no_finding {
                self.no_finding(text, &vec![Vec::new(); children.len()]);
            }
            return None;
        }
        let no_finding = text.no_finding.as_ref().and_then(|n| self.no_finding(n, &children));
        if !self.faults.is_empty() {
            return None;
        }
        let outranked_by = (0..self.labels.len() as u32).map(|label| beneath(label, &loses)).collect();
        Some(BoundScheme {
            scheme: Scheme {
                id: text.id.as_str().into(),
                title: text.title.as_str().into(),
                about: text.about.as_str().into(),
                file: self.lines.file.into(),
                hierarchy: Hierarchy { up: text.hierarchy.up, down: text.hierarchy.down },
                labels: std::mem::take(&mut self.labels),
                no_finding,
            },
            targets: std::mem::take(&mut self.targets),
            criteria: std::mem::take(&mut self.criteria),
            children,
            outranked_by,
        })
    }

    /// One label a place and side, in the order given.
    fn family(&mut self, text: &FamilyText) -> Vec<LabelText> {
        let at = text.name.span();
        let name = text.name.get_ref();
        let told = |word: &str| name.contains(&format!("{{{word}}}"));
        if text.over.is_empty() {
            self.fault(at.start, format!("family \"{name}\" is over no place"));
        }
        if !told("location") && !told("Location") {
            self.fault(at.start, format!("family \"{name}\" does not name its place; expected {{location}} in it"));
        }
        if !text.sides.is_empty() && !told("side") && !told("Side") {
            self.fault(at.start, format!("family \"{name}\" does not name its side; expected {{side}} in it"));
        }
        if !text.names.is_empty() && text.names.len() != text.over.len() {
            let (names, places) = (text.names.len(), text.over.len());
            self.fault(at.start, format!("family \"{name}\" has {names} names for {places} places"));
        }
        let sides: Vec<Option<&str>> = match text.sides.is_empty() {
            true => vec![None],
            false => text.sides.iter().map(|s| Some(s.as_str())).collect(),
        };
        let mut out = Vec::new();
        for (number, place) in text.over.iter().enumerate() {
            let Some(concept) = self.concepts(std::slice::from_ref(place), &[Kind::Anatomy]).pop() else {
                continue;
            };
            for &side in &sides {
                let preferred = &*self.lexicon.concept(concept).name;
                let location = text.names.get(number).map_or(preferred, String::as_str);
                let fill = |template: &str| filled(template, location, side.unwrap_or_default());
                let names = |names: &Names| -> Names {
                    names.iter().map(|n| Spanned::new(n.span(), fill(n.get_ref()))).collect()
                };
                let mut conditions = text.conditions.clone();
                if let Some(side) = side {
                    let side = ConditionText::One(side.to_owned());
                    conditions.insert("side".to_owned(), Spanned::new(at.clone(), side));
                }
                let mut examples = text.examples.clone();
                for example in &mut examples {
                    example.text = fill(&example.text);
                }
                out.push(LabelText {
                    name: Spanned::new(at.clone(), fill(name)),
                    definition: fill(&text.definition),
                    includes: text.includes.iter().map(|t| fill(t)).collect(),
                    excludes: text.excludes.iter().map(|t| fill(t)).collect(),
                    parents: names(&text.parents),
                    outranks: names(&text.outranks),
                    codes: Vec::new(),
                    concepts: Vec::new(),
                    anywhere: Vec::new(),
                    except: text.except.clone(),
                    within: Vec::new(),
                    outside: Vec::new(),
                    located: vec![LocatedText { concepts: text.concepts.clone(), within: vec![place.clone()] }],
                    only: Vec::new(),
                    conditions,
                    grades: Vec::new(),
                    examples,
                });
            }
        }
        out
    }

    fn label(&mut self, text: &LabelText, label: u32, numbers: &HashMap<&str, u32>) {
        let name = text.name.get_ref();
        let parents = self.named(&text.parents, "parent", numbers);
        let outranks = self.named(&text.outranks, "label", numbers);
        let conditions = self.conditions(text);
        let except = self.concepts(&text.except, &COUNTED);
        let concepts = self.claims(text, label, &except, &conditions);
        let mut codes = Vec::new();
        for code in &text.codes {
            match code.get_ref().split_once(':').map(|(s, c)| (s.trim(), c.trim())) {
                Some((system, code)) if !system.is_empty() && !code.is_empty() => {
                    codes.push((system.into(), code.into()));
                }
                _ => {
                    let found = code.get_ref();
                    self.fault(code.span().start, format!("code \"{found}\"; expected such as \"radlex:RID1301\""));
                }
            }
        }
        if text.codes.is_empty()
            && let Some(&first) = concepts.first()
        {
            codes.clone_from(&self.lexicon.concept(first).codes);
        }
        let mut examples = Vec::new();
        for example in &text.examples {
            let told = example.value.get_ref().as_str();
            let value = Status::named(told);
            if value.is_none() && told != "none" {
                let message = format!(
                    "example value \"{told}\" of label \"{name}\"; expected present, absent, uncertain or none"
                );
                self.fault(example.value.span().start, message);
                continue;
            }
            examples.push((example.text.as_str().into(), value));
        }
        let boxed = |texts: &[String]| texts.iter().map(|t| t.as_str().into()).collect();
        let at = text.name.span().start;
        self.places.push(at);
        self.labels.push(LabelRule {
            name: name.as_str().into(),
            file: None,
            line: self.lines.line(at) as u32,
            definition: text.definition.as_str().into(),
            includes: boxed(&text.includes),
            excludes: boxed(&text.excludes),
            parents,
            outranks,
            codes,
            concepts,
            except,
            conditions,
            grades: text.grades.iter().map(|g| (g.system.get_ref().as_str().into(), boxed(&g.values))).collect(),
            examples,
        });
    }

    /// Puts the label's targets; gives the concepts that it names.
    fn claims(
        &mut self,
        text: &LabelText,
        label: u32,
        except: &[ConceptId],
        conditions: &[Condition],
    ) -> Vec<ConceptId> {
        let within = self.concepts(&text.within, &[Kind::Anatomy]);
        let outside = self.concepts(&text.outside, &[Kind::Anatomy]);
        let mut excepted = vec![false; self.lexicon.concepts.len()];
        for concept in except.iter().flat_map(|&e| self.lexicon.descendants(e)) {
            excepted[concept.index()] = true;
        }
        let conditions = conditions.to_vec();
        let plain = Criterion { within, outside, conditions: conditions.clone(), ..Criterion::default() };
        let anywhere = Criterion { conditions: conditions.clone(), ..Criterion::default() };
        let mut claims = vec![(&text.anywhere, anywhere), (&text.concepts, plain.clone())];
        for only in &text.only {
            claims.push((&only.concepts, Criterion { statuses: only.statuses.clone(), ..plain.clone() }));
        }
        for located in &text.located {
            let within = self.concepts(&located.within, &[Kind::Anatomy]);
            let conditions = conditions.clone();
            claims.push((&located.concepts, Criterion { within, located: true, conditions, ..Criterion::default() }));
        }
        let mut named = Vec::new();
        for (names, criterion) in claims {
            let roots = self.concepts(names, &COUNTED);
            if roots.is_empty() {
                continue;
            }
            let number = self.criteria.len() as u32;
            for concept in roots.iter().flat_map(|&root| self.lexicon.descendants(root)) {
                let list = &mut self.targets[concept.index()];
                // The first claim on a concept counts, except that a place said beside it is a claim of its own.
                let claimed = list.iter().filter(|t| t.label == label).any(|t| {
                    t.criterion == number
                        || !criterion.located
                            && self.criteria.get(t.criterion as usize).is_some_and(|c| c.statuses == criterion.statuses)
                });
                if !excepted[concept.index()] && !claimed {
                    list.push(LabelTarget { label, criterion: number });
                }
            }
            self.criteria.push(criterion);
            named.extend(roots.into_iter().filter(|r| !named.contains(r)).collect::<Vec<_>>());
        }
        // The order of `concepts` says which is first: it gives the codes.
        let first = self.lexicon_ids(&text.concepts);
        named.sort_by_key(|n| first.iter().position(|f| f == n).unwrap_or(usize::MAX));
        named
    }

    fn lexicon_ids(&self, names: &Names) -> Vec<ConceptId> {
        names.iter().filter_map(|n| self.lexicon.find(n.get_ref())).collect()
    }

    fn conditions(&mut self, text: &LabelText) -> Vec<Condition> {
        let mut out = Vec::new();
        for (attribute, values) in &text.conditions {
            match Condition::read(attribute, values.get_ref().values()) {
                Ok(conditions) => out.extend(conditions),
                Err(message) => self.fault(values.span().start, message),
            }
        }
        out
    }

    fn concepts(&mut self, names: &[Spanned<String>], kinds: &[Kind]) -> Vec<ConceptId> {
        let found = self.lines.concepts(names, kinds, self.lexicon);
        self.faults.extend(found.1);
        found.0
    }

    fn named(&mut self, names: &Names, what: &str, numbers: &HashMap<&str, u32>) -> Vec<u32> {
        let mut out = Vec::new();
        for name in names {
            match numbers.get(name.get_ref().as_str()) {
                Some(&number) => out.push(number),
                None => {
                    let message = format!("unknown {what} \"{}\"; expected a label of this scheme", name.get_ref());
                    self.fault(name.span().start, message);
                }
            }
        }
        out
    }

    /// For every label, those that name it.
    fn edges(&self, of: impl Fn(&LabelRule) -> &Vec<u32>) -> Vec<Vec<u32>> {
        let mut out = vec![Vec::new(); self.labels.len()];
        for (number, label) in self.labels.iter().enumerate() {
            for &other in of(label) {
                out[other as usize].push(number as u32);
            }
        }
        out
    }

    /// Tells every edge that closes a circle.
    fn circles(&mut self, edges: &[Vec<u32>], says: &str) {
        // 0 = not seen, 1 = on the path, 2 = done.
        fn visit(at: usize, edges: &[Vec<u32>], state: &mut [u8], closing: &mut Vec<(usize, usize)>) {
            state[at] = 1;
            for &next in &edges[at] {
                match state[next as usize] {
                    0 => visit(next as usize, edges, state, closing),
                    1 => closing.push((next as usize, at)),
                    _ => {}
                }
            }
            state[at] = 2;
        }
        let mut state = vec![0; edges.len()];
        let mut closing = Vec::new();
        for at in 0..edges.len() {
            if state[at] == 0 {
                visit(at, edges, &mut state, &mut closing);
            }
        }
        for (label, through) in closing {
            let (label, through, at) = (&self.labels[label].name, &self.labels[through].name, self.places[label]);
            let message = format!("label \"{label}\" {says} \"{through}\"");
            self.fault(at, message);
        }
    }

    fn no_finding(&mut self, text: &NoFindingText, children: &[Vec<u32>]) -> Option<NoFinding> {
        let numbers: HashMap<Box<str>, u32> =
            self.labels.iter().enumerate().map(|(i, l)| (l.name.clone(), i as u32)).collect();
        let numbers: HashMap<&str, u32> = numbers.iter().map(|(n, &i)| (&**n, i)).collect();
        let label = self.named(&vec![text.label.clone()], "label", &numbers).pop();
        let mut ignores: Vec<usize> = Vec::new();
        for label in self.named(&text.ignores, "label", &numbers) {
            ignores.push(label as usize);
            ignores.extend(beneath(label, children).into_iter().map(|l| l as usize));
        }
        let ignored = self.concepts(&text.ignores_concepts, &COUNTED);
        let mut free = vec![false; self.lexicon.concepts.len()];
        for concept in ignored.into_iter().flat_map(|root| self.lexicon.descendants(root)) {
            free[concept.index()] = true;
        }
        let blocks = !text.only_labels;
        let blocked_by = (0..self.lexicon.concepts.len())
            .map(|c| {
                blocks && COUNTED.contains(&self.lexicon.concepts[c].kind) && self.targets[c].is_empty() && !free[c]
            })
            .collect();
        let label = label? as usize;
        if !self.labels[label].parents.is_empty() || !children[label].is_empty() {
            let message = "the label of [no-finding] has parents or children; expected neither";
            self.fault(text.label.span().start, message);
        }
        Some(NoFinding { label, ignores, blocked_by })
    }
}

/// What lies beneath a label along edges that hold no circle, in order.
pub(super) fn beneath(label: u32, edges: &[Vec<u32>]) -> Vec<u32> {
    let mut out: Vec<u32> = Vec::new();
    let mut waiting = edges[label as usize].clone();
    while let Some(next) = waiting.pop() {
        if !out.contains(&next) {
            out.push(next);
            waiting.extend(&edges[next as usize]);
        }
    }
    out.sort_unstable();
    out
}

fn filled(template: &str, location: &str, side: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |l| l.to_uppercase().chain(letters).collect())
    };
    template
        .replace("{location}", location)
        .replace("{Location}", &capital(location))
        .replace("{side}", side)
        .replace("{Side}", &capital(side))
}
