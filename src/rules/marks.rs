//! Sentences with gold written inside: `No [effusion](absent) but [edema](present side=left).`
//!
//! The same notation serves the `hits` and `misses` of rules and the reports of `corpora/`.

/// The statuses that a mark may carry.
pub const MARK_STATUSES: [&str; 7] =
    ["present", "absent", "uncertain", "historical", "hypothetical", "family", "other"];

/// One marked span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// First byte in the plain text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// The concept, where the mark names one.
    pub concept: Option<String>,
    /// One of [`MARK_STATUSES`].
    pub status: String,
    /// `key=value` pairs, in order.
    pub attributes: Vec<(String, String)>,
}

/// Takes the marks out of a text: the plain text and its marks in order. A bracket pair whose
/// parenthesis holds no status is text, so that `[x]` and citations pass.
pub fn strip_marks(marked: &str) -> (String, Vec<Mark>) {
    let mut plain = String::with_capacity(marked.len());
    let mut marks = Vec::new();
    let mut rest = marked;
    while let Some(open) = rest.find('[') {
        plain.push_str(&rest[..open]);
        let tail = &rest[open..];
        match one(tail) {
            Some((quote, mut mark, used)) => {
                mark.start = plain.len();
                plain.push_str(quote);
                mark.end = plain.len();
                marks.push(mark);
                rest = &tail[used..];
            }
            None => {
                plain.push('[');
                rest = &tail[1..];
            }
        }
    }
    plain.push_str(rest);
    (plain, marks)
}

fn one(tail: &str) -> Option<(&str, Mark, usize)> {
    let close = tail.find("](")?;
    let quote = &tail[1..close];
    if quote.contains(['[', ']']) {
        return None;
    }
    let end = close + 2 + tail[close + 2..].find(')')?;
    let mut mark = Mark { start: 0, end: 0, concept: None, status: String::new(), attributes: Vec::new() };
    for word in tail[close + 2..end].split_whitespace() {
        if MARK_STATUSES.contains(&word) {
            mark.status = word.to_owned();
        } else if let Some((key, value)) = word.split_once('=') {
            mark.attributes.push((key.to_owned(), value.to_owned()));
        } else if let Some((_, value)) = mark.attributes.last_mut().filter(|_| !mark.status.is_empty()) {
            // A value of several words: `severity=mild to moderate`.
            value.push(' ');
            value.push_str(word);
        } else if mark.concept.is_none() && mark.status.is_empty() {
            mark.concept = Some(word.to_owned());
        } else {
            return None;
        }
    }
    (!mark.status.is_empty()).then_some((quote, mark, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_leave_the_plain_text() {
        let (text, marks) = strip_marks(
            "[x] [Small effusion](pleural-effusion present side=left severity=mild to moderate), see [1](2).",
        );
        assert_eq!(text, "[x] Small effusion, see [1](2).");
        assert_eq!(marks.len(), 1);
        assert_eq!(&text[marks[0].start..marks[0].end], "Small effusion");
        assert_eq!(marks[0].concept.as_deref(), Some("pleural-effusion"));
        assert_eq!(marks[0].attributes[1].1, "mild to moderate");
    }
}
