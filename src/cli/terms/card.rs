//! What there is to say of a concept: gathered here, told by `show`.

use crate::lexicon::{Concept, Kind, Lexicon, PhraseId};
use crate::rules::{NONE, RuleKind, strip_marks};
use crate::span::{ConceptId, RuleId};
use crate::{Engine, Report};

/// So many sentences are shown.
const SENTENCES: usize = 6;

/// Concepts with this code: `RID1301`, `HP:0002202`, `snomed:60046008`.
pub(super) fn by_code(lexicon: &Lexicon, code: &str) -> Vec<ConceptId> {
    let code = code.trim();
    let parted = code.split_once(':');
    let is = |(system, own): &(Box<str>, Box<str>)| {
        own.eq_ignore_ascii_case(code)
            || parted.is_some_and(|(s, c)| s.trim().eq_ignore_ascii_case(system) && c.trim().eq_ignore_ascii_case(own))
    };
    let concepts = lexicon.concepts.iter().enumerate().filter(|(_, c)| c.codes.iter().any(is));
    concepts.map(|(i, _)| ConceptId(i as u32)).collect()
}

/// What the user may mean: an id, else a code, else a term.
pub(super) fn find(engine: &Engine, asked: &str) -> Vec<ConceptId> {
    let lexicon = &engine.lexicon;
    if let Some(id) = lexicon.find(asked.trim()) {
        return vec![id];
    }
    let coded = by_code(lexicon, asked);
    if !coded.is_empty() {
        return coded;
    }
    let mut tokens = Vec::new();
    crate::token::tokenize(asked, engine.rules.vocabulary(), &mut tokens);
    let found = engine.rules.matcher.longest(tokens.iter().map(|t| t.word)).filter(|f| f.0 == tokens.len());
    let Some((_, PhraseId(phrase))) = found else {
        let named = lexicon.concepts.iter().position(|c| c.name.eq_ignore_ascii_case(asked.trim()));
        return named.map(|i| ConceptId(i as u32)).into_iter().collect();
    };
    let meaning = engine.rules.meanings[phrase as usize];
    let ids = [meaning.finding, meaning.anatomy, meaning.descriptor];
    ids.into_iter().filter(|&i| i != NONE).map(ConceptId).collect()
}

/// Codes as the command line understands them: `radlex RID1301`.
pub(super) fn codes_text(concept: &Concept) -> String {
    let codes = concept.codes.iter().map(|(system, code)| match crate::lexicon::parted(code) {
        Some((named, _)) if named == &**system => code.to_string(),
        _ if crate::lexicon::SYSTEMS.contains(&&**system) => format!("{system} {code}"),
        _ => format!("{system}:{code}"),
    });
    codes.collect::<Vec<_>>().join(", ")
}

/// Codes by system.
pub(super) fn codes_json(concept: &Concept) -> serde_json::Value {
    let codes = concept.codes.iter().map(|(system, code)| serde_json::json!({"system": system, "code": code}));
    serde_json::Value::Array(codes.collect())
}

/// A sentence that speaks of a concept, and where it stands.
pub(super) struct Example {
    pub(super) sentence: String,
    pub(super) place: String,
}

/// A concept with all that is known of it.
pub(super) struct Card<'e> {
    pub(super) lexicon: &'e Lexicon,
    pub(super) concept: &'e Concept,
    pub(super) terms: Vec<&'e str>,
    pub(super) parents: &'e [ConceptId],
    pub(super) children: &'e [ConceptId],
    /// From the concept itself to a root, along the shortest way.
    pub(super) path: Vec<ConceptId>,
    /// Scheme, label, and on what the label depends.
    pub(super) labels: Vec<(&'e str, &'e str, String)>,
    pub(super) examples: Vec<Example>,
}

impl<'e> Card<'e> {
    pub(super) fn new(engine: &'e Engine, id: ConceptId) -> Card<'e> {
        let lexicon = &engine.lexicon;
        let concept = lexicon.concept(id);
        Card {
            lexicon,
            concept,
            terms: lexicon.terms.iter().filter(|t| t.concept == id).map(|t| &*t.text).collect(),
            parents: &concept.parents,
            children: lexicon.children(id),
            path: path(lexicon, id),
            labels: labels(engine, id),
            examples: examples(engine, id),
        }
    }

    pub(super) fn id_of(&self, concept: ConceptId) -> &'e str {
        &self.lexicon.concept(concept).id
    }

    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.lexicon.files[self.concept.file as usize].name, self.concept.line)
    }
}

fn path(lexicon: &Lexicon, from: ConceptId) -> Vec<ConceptId> {
    // Level by level upwards, so that the first root is the nearest; each remembers whence it was reached.
    let mut seen = vec![(from, 0)];
    let mut next = 0;
    while let Some(&(at, _)) = seen.get(next) {
        if lexicon.concept(at).parents.is_empty() {
            break;
        }
        for &parent in &lexicon.concept(at).parents {
            if !seen.iter().any(|s| s.0 == parent) {
                seen.push((parent, next));
            }
        }
        next += 1;
    }
    let mut path = Vec::new();
    while let Some(&(at, whence)) = seen.get(next) {
        path.push(at);
        if next == 0 {
            break;
        }
        next = whence;
    }
    path.reverse();
    path
}

/// The schemes of files, bound; that of the lexicon itself says nothing new of a concept.
fn schemes(engine: &Engine) -> impl Iterator<Item = &crate::rules::BoundScheme> {
    engine.rules.schemes.iter().filter(|s| !s.is_lexicon()).filter_map(|s| s.bind(&engine.lexicon).ok())
}

fn labels(engine: &Engine, id: ConceptId) -> Vec<(&str, &str, String)> {
    let mut out = Vec::new();
    let names = |ids: &[ConceptId]| ids.iter().map(|&i| &*engine.lexicon.concept(i).id).collect::<Vec<_>>().join(", ");
    for bound in schemes(engine) {
        for counts in &bound.targets[id.index()] {
            let target = &bound.criteria[counts.criterion as usize];
            let mut limits = Vec::new();
            if !target.within.is_empty() {
                let must = if target.located { "only within" } else { "within" };
                limits.push(format!("{must} {}", names(&target.within)));
            }
            if !target.outside.is_empty() {
                limits.push(format!("not in {}", names(&target.outside)));
            }
            if !target.statuses.is_empty() {
                let statuses: Vec<&str> = target.statuses.iter().map(|s| s.name()).collect();
                limits.push(format!("only {}", statuses.join(", ")));
            }
            out.push((&*bound.scheme.id, &*bound.scheme.labels[counts.label as usize].name, limits.join("; ")));
        }
    }
    out
}

/// Sentences of the rules and schemes in which the engine finds the concept; for a descriptor those of the
/// compositions that use it.
fn examples(engine: &Engine, id: ConceptId) -> Vec<Example> {
    let mut out: Vec<Example> = Vec::new();
    let kind = engine.lexicon.concept(id).kind;
    let rules = &engine.rules;
    let composed = |rule: RuleId| {
        let makes = |c: &crate::rules::Composition| c.rule == rule && c.finding == id;
        let of_pair = rules.pairs.iter().any(|(pair, range)| {
            (pair.0 == id || pair.1 == id)
                && rules.compositions[range.0 as usize..range.1 as usize].iter().any(|c| c.rule == rule)
        });
        of_pair
            || rules.compositions.iter().any(makes)
            || rules.alone.iter().any(|(descriptor, c)| c.rule == rule && (*descriptor == id || c.finding == id))
            || rules.predicates.iter().any(|(descriptor, r)| *r == rule && *descriptor == id)
    };
    let mut push = |sentence: &str, place: String| {
        let marked = marked(engine, id, sentence);
        if out.len() < SENTENCES && !out.iter().any(|e| e.sentence == marked) {
            out.push(Example { sentence: marked, place });
        }
    };
    let speaks = |text: &str| {
        let analysis = engine.analyze(&Report::new("", text));
        analysis.mentions.iter().any(|m| m.concept == id || m.location.contains(&Some(id)))
    };
    // Compositions that name it come first: they say the most.
    for number in (0..rules.infos.len() as u32).map(RuleId).filter(|&r| rules.kind(r) == RuleKind::Composition) {
        if composed(number) {
            let info = rules.info(number);
            for sentence in info.hits.iter().filter(|s| kind == Kind::Descriptor || speaks(&strip_marks(s).0)).take(2) {
                push(&strip_marks(sentence).0, format!("{} ({}:{})", info.id, info.file, info.line));
            }
        }
    }
    for bound in schemes(engine) {
        for label in &bound.scheme.labels {
            for (sentence, _) in label.examples.iter().filter(|(s, _)| speaks(s)) {
                push(sentence, format!("{} ({}:{})", label.name, bound.scheme.file, label.line));
            }
        }
    }
    for info in &rules.infos {
        for sentence in info.hits.iter().map(|s| strip_marks(s).0).filter(|s| speaks(s)) {
            push(&sentence, format!("{} ({}:{})", info.id, info.file, info.line));
        }
    }
    out
}

/// The sentence with the concept's mentions in brackets, as `explain` shows them.
fn marked(engine: &Engine, id: ConceptId, sentence: &str) -> String {
    let analysis = engine.analyze(&Report::new("", sentence));
    let mut out = String::new();
    let mut from = 0;
    for (mention, a) in analysis.mentions.iter().zip(&analysis.assertions).filter(|(m, _)| m.concept == id) {
        if mention.span.start as usize >= from {
            out.push_str(&sentence[from..mention.span.start as usize]);
            let told = crate::check::told(a.status, a.time, a.subject);
            out.push_str(&format!("[{}|{told}]", &sentence[mention.span.range()]));
            from = mention.span.end as usize;
        }
    }
    out.push_str(&sentence[from..]);
    out
}
