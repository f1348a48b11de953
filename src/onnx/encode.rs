//! A question -> token ids: the mention between markers, in a window where the sentence is too long.
//!
//! The text is tokenized in the pieces between the markers, as tokenizers do that know the markers as special tokens.
//! What a report itself has of markers and special tokens is text.

use super::manifest::Manifest;
use crate::guard::guarded;
use crate::refine::Question;
use tokenizers::{AddedToken, Tokenizer};

/// Sentences longer than this are cut around the mention before they are tokenized: a token has this many bytes or
/// fewer in all but odd text, and a window holds `max_tokens` of them.
const BYTES_A_TOKEN: usize = 24;
/// Tokens that are left for mention and context when all that always stands has its place.
const LEAST: usize = 4;
/// A text that every tokenizer makes something of.
const PROBE: &str = "the lungs";

/// Turns questions into ids.
pub(super) struct Encoder {
    tokenizer: Tokenizer,
    markers: [u32; 2],
    /// Special tokens before and after every text.
    frame: (Vec<u32>, Vec<u32>),
    /// What the template has after the sentence.
    tail: Vec<u32>,
    /// The highest id of a token.
    highest: u32,
    manifest: Manifest,
}

impl Encoder {
    /// Reads a tokenizer.json that fits the manifest.
    pub(super) fn new(bytes: &[u8], manifest: &Manifest) -> Result<Encoder, String> {
        let mut tokenizer = guarded(|| Tokenizer::from_bytes(bytes).map_err(|e| e.to_string()))
            .map_err(|e| format!("no tokenizer.json that can be read: {e}"))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        let vocabulary = tokenizer.get_vocab(true);
        let id = |token: &String| {
            let known = vocabulary.get(token).copied();
            known.ok_or_else(|| format!("the marker {token:?} is none of its {} tokens", vocabulary.len()))
        };
        let markers = [id(&manifest.markers[0])?, id(&manifest.markers[1])?];
        let highest = vocabulary.values().copied().max().unwrap_or(0);
        let frame = frame(&tokenizer)?;
        // In a report's own text a marker, like any special token, is text.
        let special = manifest.markers.clone().map(|marker| AddedToken::from(marker, true));
        tokenizer.add_special_tokens(special).map_err(|e| e.to_string())?;
        tokenizer.set_encode_special_tokens(true);
        let mut encoder = Encoder { tokenizer, markers, frame, tail: Vec::new(), highest, manifest: manifest.clone() };
        encoder.tail = encoder.tokens(&manifest.template.after).ok_or("the template cannot be tokenized")?;
        let head = encoder.tokens(&encoder.head("findings")).ok_or("the template cannot be tokenized")?;
        let needed = encoder.fixed() + head.len() + LEAST;
        if needed > manifest.max_tokens {
            let found = manifest.max_tokens;
            return Err(format!("special tokens, markers and template need {needed} tokens; max_tokens is {found}"));
        }
        Ok(encoder)
    }

    /// The ids of the markers.
    pub(super) const fn markers(&self) -> [u32; 2] {
        self.markers
    }

    /// The highest id that it gives.
    pub(super) const fn highest(&self) -> u32 {
        self.highest
    }

    /// The ids of a question, `max_tokens` at most; `None` for one that cannot be asked.
    pub(super) fn encode(&self, question: &Question<'_>) -> Option<Box<[u32]>> {
        // A tokenizer's own fault on odd text must cost this question alone.
        guarded(|| self.window(question).ok_or_else(String::new)).ok()
    }

    fn window(&self, question: &Question<'_>) -> Option<Box<[u32]>> {
        let range = question.mention.range();
        let mention = question.sentence.get(range.clone())?;
        let (before, after) = (question.sentence.get(..range.start)?, question.sentence.get(range.end..)?);
        let room = self.manifest.max_tokens * BYTES_A_TOKEN;
        // What stands before the mention is one text for the tokenizer; how much of it is the template's shows alone.
        let head = self.head(question.section);
        let mut left = self.tokens(&format!("{head}{}", last(before, room)))?;
        let mut head = self.tokens(&head)?;
        if left.starts_with(&head) {
            left.drain(..head.len());
        } else {
            left = self.tokens(last(before, room))?;
        }
        let mut inner = if mention.len() <= 2 * room {
            self.tokens(mention)?
        } else {
            let mut ends = self.tokens(first(mention, room))?;
            ends.extend(self.tokens(last(mention, room))?);
            ends
        };
        let mut right = self.tokens(first(after, room))?;
        let free = self.manifest.max_tokens.checked_sub(self.fixed())?;
        // The section's name gives way before the mention does.
        head.truncate(free.saturating_sub(LEAST));
        let free = free - head.len();
        if inner.len() > free {
            // The first and the last words tell most.
            let tail = inner.split_off(inner.len() - free / 2);
            inner.truncate(free - tail.len());
            inner.extend(tail);
        }
        let free = free - inner.len();
        let of_left = if right.len() < free / 2 { free - right.len() } else { free - free / 2 }.min(left.len());
        right.truncate(free - of_left);
        left.drain(..left.len() - of_left);
        let [start, end] = self.markers.map(|marker| vec![marker]);
        let parts = [&self.frame.0, &head, &left, &start, &inner, &end, &right, &self.tail, &self.frame.1];
        Some(parts.map(Vec::as_slice).concat().into())
    }

    /// The tokens that every question has: special ones, markers, the template's end.
    fn fixed(&self) -> usize {
        self.frame.0.len() + self.frame.1.len() + self.markers.len() + self.tail.len()
    }

    /// What the template has before the sentence.
    fn head(&self, section: &str) -> String {
        let template = &self.manifest.template;
        match &template.section {
            Some((opens, closes)) => format!("{opens}{section}{closes}"),
            None => template.before.clone(),
        }
    }

    /// The tokens of a text; none of them is a marker, whatever the text holds.
    fn tokens(&self, text: &str) -> Option<Vec<u32>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let encoded = self.tokenizer.encode_fast(text, false).ok()?;
        Some(encoded.get_ids().iter().copied().filter(|id| !self.markers.contains(id)).collect())
    }
}

/// The special tokens that a tokenizer puts before and after a text.
fn frame(tokenizer: &Tokenizer) -> Result<(Vec<u32>, Vec<u32>), String> {
    let ids = |special: bool| tokenizer.encode(PROBE, special).map(|e| e.get_ids().to_vec()).map_err(|e| e.to_string());
    let (plain, framed) = (ids(false)?, ids(true)?);
    if plain.is_empty() {
        return Err("makes no tokens of plain words".to_owned());
    }
    let at = framed.windows(plain.len()).position(|window| window == plain);
    let at = at.ok_or("its post-processor changes the tokens of a text; expected special tokens around them")?;
    Ok((framed[..at].to_vec(), framed[at + plain.len()..].to_vec()))
}

/// The end of a text, at most so many bytes.
fn last(text: &str, room: usize) -> &str {
    let mut at = text.len().saturating_sub(room);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    &text[at..]
}

/// The beginning of a text, at most so many bytes.
fn first(text: &str, room: usize) -> &str {
    let mut at = text.len().min(room);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    &text[..at]
}
