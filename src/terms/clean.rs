//! A source's wording -> a term as a report may hold it, or the reason why it can be none.
//!
//! Terminologies write for coders: "Pleural effusion, not elsewhere classified", "Other diseases of pleura",
//! "Pleurisy with effusion (exudative)". A report says none of that, and a term that is an ordinary word
//! would be found everywhere.

/// More words than this are never dictated in one go.
const MOST_WORDS: usize = 12;
/// The vocabulary knows no longer words.
const LONGEST_WORD: usize = 48;

/// Why a wording is no term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unfit {
    Short,
    Number,
    Ordinary,
    Other,
    Brackets,
    Long,
}

impl Unfit {
    pub(super) const fn why(self) -> &'static str {
        match self {
            Unfit::Short => "a single word of one or two letters",
            Unfit::Number => "without a word",
            Unfit::Ordinary => "an ordinary word",
            Unfit::Other => "a rest class (\"other\", \"elsewhere classified\")",
            Unfit::Brackets => "brackets inside a word, or left open",
            Unfit::Long => "longer than is ever dictated",
        }
    }
}

/// Single words that say too little to be found by: function words and the headings of terminologies.
const ORDINARY: &str = " a about above absent abnormal abnormality able acute after all also am an and any are as at \
    be because been before being below between both but by can cat chronic clear did disease disorder do does down \
    during each entity entire few female final finding findings first for from full further good grade great group had \
    has have he her here high him his history how if in index into is it its just left level light low male man many \
    map may me measure medical mild minimal moderate more most much must my name nature negative new no none nor normal \
    not note now of off old on once one only open or our out over own part past patient place plan point positive \
    possible present previous prior procedure process property quality range rate region result right said same scan \
    second see seen set severe she should show side sign simple since site size small so some stable stage state status \
    still structure such symptom syndrome system tab than that the their them then there these they this those through \
    time to too total two type under unknown up upper us use very view was we well were what when where which while \
    who will with without woman would year years yes you your ";

/// Endings that coders need and nobody dictates.
const TAILS: [&str; 12] = [
    ", not elsewhere classified",
    " not elsewhere classified",
    ", not otherwise specified",
    " not otherwise specified",
    ", so stated",
    ", unspecified",
    " unspecified",
    ", nec",
    " nec",
    ", nos",
    " nos",
    " - nos",
];

/// The term, lower-cased.
pub(super) fn clean(wording: &str) -> Result<String, Unfit> {
    let mut text = without_brackets(wording).ok_or(Unfit::Brackets)?.to_lowercase();
    let mut before = usize::MAX;
    while text.len() < before {
        before = text.len();
        for tail in TAILS {
            if let Some(stem) = text.strip_suffix(tail) {
                text.truncate(stem.len());
            }
        }
        // "..., unspecified side"
        if let Some((stem, last)) = text.rsplit_once(", ")
            && last.starts_with("unspecified ")
        {
            text.truncate(stem.len());
        }
        if let Some(stem) = text.strip_prefix("unspecified ") {
            text = stem.to_owned();
        }
        let trimmed = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '.' | '-' | '"'));
        text = trimmed.to_owned();
    }
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let lettered = words.iter().filter(|w| w.chars().any(char::is_alphabetic)).count();
    if lettered == 0 {
        return Err(Unfit::Number);
    }
    if words.iter().any(|w| matches!(*w, "other" | "others" | "nec" | "nos")) || text.contains("elsewhere classified") {
        return Err(Unfit::Other);
    }
    if text.contains("classified elsewhere") {
        return Err(Unfit::Other);
    }
    if let [word] = words[..] {
        if word.chars().count() <= 2 {
            return Err(Unfit::Short);
        }
        if ORDINARY.contains(&format!(" {word} ")) {
            return Err(Unfit::Ordinary);
        }
    }
    let odd = |word: &str| word.len() > LONGEST_WORD || (!word.is_ascii() && word.contains('\''));
    if words.len() > MOST_WORDS || text.split_whitespace().any(odd) {
        return Err(Unfit::Long);
    }
    Ok(text)
}

/// The wording without what stands in brackets. `None` where a bracket is part of a word (`vitamin B(12)`) or
/// is never closed.
fn without_brackets(wording: &str) -> Option<String> {
    let mut out = String::with_capacity(wording.len());
    let mut depth = 0_usize;
    let mut closed = false;
    for c in wording.chars() {
        let glued = closed && c.is_alphanumeric();
        closed = false;
        match c {
            '(' | '[' | '{' => {
                if depth == 0 && out.ends_with(char::is_alphanumeric) {
                    return None;
                }
                depth += 1;
            }
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                closed = depth == 0;
            }
            _ if depth > 0 => {}
            _ if glued => return None,
            '\u{2019}' | '\u{2018}' | '\u{b4}' => out.push('\''),
            // A bar parts terms in a cell.
            '|' | '"' | '\u{201c}' | '\u{201d}' => out.push(' '),
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    if depth > 0 {
        return None;
    }
    let mut text = super::one_line(&out);
    // What stood before the bracket and after it closes up: "pleurisy (dry), chronic".
    while let Some(at) = text.find(" ,") {
        text.remove(at);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wordings_of_coders() {
        for (wording, want) in [
            ("Pleural effusion, not elsewhere classified", Ok("pleural effusion")),
            ("Pleural effusion NOS", Ok("pleural effusion")),
            ("Pleurisy with effusion (exudative) (serous)", Ok("pleurisy with effusion")),
            ("Fracture of base of skull, unspecified side", Ok("fracture of base of skull")),
            ("Unspecified fracture of skull", Ok("fracture of skull")),
            ("Crohn\u{2019}s disease [regional enteritis], unspecified", Ok("crohn's disease")),
            ("Other diseases of pleura", Err(Unfit::Other)),
            ("Pleurisy in diseases classified elsewhere", Err(Unfit::Other)),
            ("B(12) deficiency", Err(Unfit::Brackets)),
            ("Effusion (left", Err(Unfit::Brackets)),
            ("PE", Err(Unfit::Short)),
            ("4711", Err(Unfit::Number)),
            ("Left", Err(Unfit::Ordinary)),
            ("a b c d e f g h i j k l m", Err(Unfit::Long)),
            ("Abscess | lung", Ok("abscess lung")),
        ] {
            assert_eq!(clean(wording), want.map(str::to_owned), "{wording}");
        }
    }
}
