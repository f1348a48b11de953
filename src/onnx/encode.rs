//! A question -> token ids: the mention between markers, in a window where the sentence is too long.

use super::manifest::Manifest;
use crate::refine::Question;
use tokenizers::Tokenizer;

/// Sentences longer than this are cut around the mention before they are tokenized: a token has this many bytes or
/// fewer in all but odd text, and a window holds `max_tokens` of them.
const BYTES_A_TOKEN: usize = 24;

/// Turns questions into ids.
pub(super) struct Encoder {
    tokenizer: Tokenizer,
    markers: [u32; 2],
    /// Special tokens before and after every text.
    frame: (Vec<u32>, Vec<u32>),
    max_tokens: usize,
    manifest: Manifest,
}

impl Encoder {
    /// Reads a tokenizer.json that fits the manifest.
    pub(super) fn new(bytes: &[u8], manifest: &Manifest) -> Result<Encoder, String> {
        let mut tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|_| "no tokenizer.json that can be read".to_owned())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        let id = |token: &String| {
            let known = tokenizer.token_to_id(token);
            known.ok_or_else(|| format!("the marker \"{token}\" is none of its {} tokens", tokenizer.get_vocab_size(true)))
        };
        let markers = [id(&manifest.markers[0])?, id(&manifest.markers[1])?];
        // Where the special tokens stand shows on a text of one word.
        let around = tokenizer.encode("the", true).map_err(|e| e.to_string())?;
        let special = around.get_special_tokens_mask();
        let first = special.iter().position(|s| *s == 0).unwrap_or(special.len());
        let last = special.iter().rposition(|s| *s == 0).map_or(first, |i| i + 1);
        let ids = around.get_ids();
        let frame = (ids[..first].to_vec(), ids[last..].to_vec());
        // Markers in a report's own text are text.
        tokenizer.set_encode_special_tokens(true);
        Ok(Encoder { tokenizer, markers, frame, max_tokens: manifest.max_tokens, manifest: manifest.clone() })
    }

    /// The ids of the markers.
    pub(super) const fn markers(&self) -> [u32; 2] {
        self.markers
    }

    /// The number of its tokens.
    pub(super) fn size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The ids of a question; `None` for one that cannot be asked.
    pub(super) fn encode(&self, question: &Question<'_>) -> Option<Vec<u32>> {
        let sentence = question.sentence;
        let mention = sentence.get(question.mention.range())?;
        let (before, after) = (&sentence[..question.mention.range().start], &sentence[question.mention.range().end..]);
        let room = self.max_tokens * BYTES_A_TOKEN;
        let template = &self.manifest.template;
        let head = match &template.section {
            Some((opens, closes)) => self.tokens(&format!("{opens}{}{closes}", question.section))?,
            None => self.tokens(&template.before)?,
        };
        let mut left = self.tokens(last(before, room))?;
        let mut inner = self.tokens(first(mention, room))?;
        let mut right = self.tokens(first(after, room))?;
        right.extend(self.tokens(&template.after)?);
        // Special tokens, head and markers always stay.
        let fixed = self.frame.0.len() + self.frame.1.len() + head.len() + 2;
        let free = self.max_tokens.checked_sub(fixed)?;
        if inner.len() > free {
            // Its first and last words tell most.
            let tail = inner.split_off(inner.len() - free / 2);
            inner.truncate(free - tail.len());
            inner.extend(tail);
        }
        let free = free - inner.len();
        if left.len() + right.len() > free {
            let half = free / 2;
            let of_left = if right.len() < half { free - right.len() } else { half.min(left.len()) };
            let of_left = of_left.min(left.len());
            left.drain(..left.len() - of_left);
            right.truncate(free - of_left);
        }
        let mut ids = self.frame.0.clone();
        ids.extend(head);
        ids.extend(left);
        ids.push(self.markers[0]);
        ids.extend(inner);
        ids.push(self.markers[1]);
        ids.extend(right);
        ids.extend(&self.frame.1);
        Some(ids)
    }

    fn tokens(&self, text: &str) -> Option<Vec<u32>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        Some(self.tokenizer.encode_fast(text, false).ok()?.get_ids().to_vec())
    }
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
