//! HTML -> text, each character with its place in the original.
//!
//! Reads HTML as browsers show it: white space is layout except in `pre`, block elements open lines, cells are
//! parted by tabs, scripts, styles, titles and comments are no text, a `<` that opens no tag is itself
//! ("<5 mm"). Time is linear in the text. Knows nothing of reports.

use std::borrow::Cow;

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 33] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];
/// Elements whose content is no text of the page.
const DROPPED: [&str; 6] = ["script", "style", "title", "template", "textarea", "noscript"];
/// Entities that HTML reads without a semicolon too.
const BARE: [&str; 5] = ["amp", "lt", "gt", "quot", "nbsp"];

/// The text of HTML, and where it stands there: (byte of the text, code point of the HTML), ascending. Between two
/// places both advance alike. Where what stands between two characters was left out, two places share the byte:
/// the end of what stands before, then the start of what follows.
pub(crate) fn strip(html: &str) -> (String, Vec<(u32, u32)>) {
    let mut stripper = Stripper::default();
    stripper.run(html);
    stripper.finish()
}

#[derive(Default)]
struct Stripper {
    text: String,
    origin: Vec<(u32, u32)>,
    /// The code points of the original that were passed.
    at: u32,
    /// The end of the last character put out, in the original.
    last: u32,
    /// Where the next character of the text stands, if it goes on as the last place says.
    predicted: u32,
    /// White space that was passed and not yet put out, by its code points.
    space: Option<(u32, u32)>,
    /// A tab or a line break that was passed and not yet put out, and where.
    pending: Option<(char, u32)>,
    preformatted: u32,
}

impl Stripper {
    fn run(&mut self, html: &str) {
        let mut rest = html;
        // Behind the last `>` nothing is a tag, which needs no search at each `<`.
        let last = memchr::memrchr(b'>', html.as_bytes());
        while let Some(first) = rest.chars().next() {
            let tag = if first == '<' && Some(html.len() - rest.len()) < last { tag(rest) } else { None };
            if let Some(length) = tag {
                let whole = &rest[..length];
                let name = name(whole);
                self.tag(whole, &name);
                self.skip(whole);
                rest = &rest[length..];
                if DROPPED.contains(&&*name) && !whole.starts_with("</") && !whole.ends_with("/>") {
                    let end = closing(rest, &name);
                    self.skip(&rest[..end]);
                    rest = &rest[end..];
                }
                continue;
            }
            let (shown, length) = if first == '&' { entity(rest) } else { (Cow::Borrowed(""), 0) };
            if length > 0 {
                let points = rest[..length].chars().count() as u32;
                self.flush();
                for (i, char) in shown.chars().enumerate() {
                    // A second character of an entity stands where the entity ends.
                    let from = if i == 0 { self.at } else { self.at + points };
                    self.put(char, from, self.at + points);
                }
                self.at += points;
                rest = &rest[length..];
                continue;
            }
            self.char(first);
            rest = &rest[first.len_utf8()..];
        }
    }

    fn skip(&mut self, passed: &str) {
        self.at += passed.chars().count() as u32;
    }

    fn tag(&mut self, whole: &str, name: &str) {
        let closes = whole.starts_with("</");
        match name {
            "br" => {
                self.space = None;
                self.flush();
                self.put('\n', self.at, self.at);
            }
            "td" | "th" if !closes && self.pending.is_none() && !self.text.is_empty() && !self.text.ends_with('\n') => {
                self.space = None;
                self.pending = Some(('\t', self.at));
            }
            _ if BLOCKS.contains(&name) => {
                if name == "pre" && !whole.ends_with("/>") {
                    self.preformatted =
                        if closes { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
                }
                self.space = None;
                let opened = self.text.is_empty() || self.text.ends_with('\n');
                if !opened && self.pending.is_none_or(|(c, _)| c != '\n') {
                    self.pending = Some(('\n', self.at));
                }
            }
            _ => {}
        }
    }

    fn char(&mut self, char: char) {
        let white = matches!(char, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        if white && self.preformatted == 0 {
            if self.pending.is_none() {
                self.space.get_or_insert((self.at, self.at + 1));
            }
        } else {
            self.flush();
            self.put(char, self.at, self.at + 1);
        }
        self.at += 1;
    }

    /// Puts out what was kept back before a character.
    fn flush(&mut self) {
        if let Some((char, at)) = self.pending.take() {
            self.put(char, at, at);
            self.space = None;
        }
        if let Some((from, to)) = self.space.take()
            && !self.text.is_empty()
            && !self.text.ends_with(['\n', '\t'])
        {
            self.put(' ', from, to);
        }
    }

    /// Puts out a character that stands at `from..to` of the original.
    fn put(&mut self, char: char, from: u32, to: u32) {
        let byte = self.text.len() as u32;
        if from != self.last {
            self.origin.extend([(byte, self.last), (byte, from)]);
        } else if from != self.predicted {
            self.origin.push((byte, from));
        }
        self.text.push(if char == '\u{a0}' { ' ' } else { char });
        self.last = to;
        self.predicted = from + 1;
    }

    fn finish(mut self) -> (String, Vec<(u32, u32)>) {
        if self.last != self.predicted {
            self.origin.push((self.text.len() as u32, self.last));
        }
        (self.text, self.origin)
    }
}

/// The length of the tag, comment or declaration that opens here, if one does.
fn tag(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    if rest.starts_with("<!--") {
        return Some(rest.find("-->").map_or(rest.len(), |end| end + 3));
    }
    let named = bytes.get(if bytes.get(1) == Some(&b'/') { 2 } else { 1 }).is_some_and(u8::is_ascii_alphabetic);
    if !named && !matches!(bytes.get(1), Some(b'!' | b'?')) {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', &bytes[at..])?;
        match bytes[at] {
            b'>' => return Some(at + 1),
            // A value in quotes may hold a `>`; an apostrophe elsewhere opens nothing.
            quote if bytes[..at].trim_ascii_end().ends_with(b"=") => match memchr::memchr(quote, &bytes[at + 1..]) {
                Some(length) => at += length + 2,
                None => at += 1,
            },
            _ => at += 1,
        }
    }
}

/// The lower-case name of a tag.
fn name(tag: &str) -> String {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
    name[..end].to_ascii_lowercase()
}

/// Where the closing tag of an element begins; the end of the text where it has none.
fn closing(rest: &str, name: &str) -> usize {
    memchr::memmem::find_iter(rest.as_bytes(), "</")
        .find(|&at| {
            let after = rest.as_bytes().get(at + 2..at + 2 + name.len());
            after.is_some_and(|a| a.eq_ignore_ascii_case(name.as_bytes()))
        })
        .unwrap_or(rest.len())
}

/// What an entity stands for and its length; length 0 where `&` is itself.
fn entity(rest: &str) -> (Cow<'static, str>, usize) {
    let none = (Cow::Borrowed(""), 0);
    let body = &rest[1..];
    // The longest name of HTML has 31 letters.
    let end = body.bytes().take(32).position(|b| !b.is_ascii_alphanumeric() && b != b'#').unwrap_or(body.len().min(32));
    let closed = usize::from(body.as_bytes().get(end) == Some(&b';'));
    let Some(name) = body.get(..end) else { return none };
    if let Some(digits) = name.strip_prefix('#') {
        let number = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        return number.map_or(none, |n| (Cow::Owned(numbered(n).to_string()), 1 + end + closed));
    }
    if closed == 1 {
        return quick_xml::escape::resolve_html5_entity(name).map_or(none, |text| (Cow::Borrowed(text), end + 2));
    }
    let bare = BARE.iter().find(|bare| **bare == name).and_then(|bare| quick_xml::escape::resolve_html5_entity(bare));
    bare.map_or(none, |text| (Cow::Borrowed(text), end + 1))
}

/// The character of a number; those of 128 to 159 are windows-1252, as browsers read them.
fn numbered(number: u32) -> char {
    if let 128..=159 = number {
        let byte = [number as u8];
        let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte).0;
        return text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(number).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips() {
        let cases = [
            ("plain", "plain"),
            ("<p>Heart  is\n normal.</p><p>No effusion.</p>", "Heart is normal.\nNo effusion."),
            ("a<br>b<br/><br />c", "a\nb\n\nc"),
            ("<b>FIND</b>INGS: <i>x</i> y", "FINDINGS: x y"),
            (
                "<table><tr><th>Lung</th><td>clear</td></tr><tr><td>Heart</td><td>large</td></tr></table>",
                "Lung\tclear\nHeart\tlarge",
            ),
            ("size <5 mm & > 3 &lt; 4 &amp;amp; x &amp y &unknown; &", "size <5 mm & > 3 < 4 &amp; x & y &unknown; &"),
            ("<head><title>Smith</title><style>p{}</style></head><script>if (a<b) {}</SCRIPT>x", "x"),
            ("a<!-- no effusion -->b<?xml x?>c<!DOCTYPE html>d", "abcd"),
            ("<pre>FINDINGS:\n  No  edema</pre>x", "FINDINGS:\n  No  edema\nx"),
            ("5&nbsp;mm &#181;&#xB5;&eacute;&#150;&#0;", "5 mm \u{b5}\u{b5}\u{e9}\u{2013}\u{fffd}"),
            ("<p title='a>b'>x</p>it's <i>a</i>", "x\nit's a"),
            ("<div", "<div"),
            ("a < b", "a < b"),
            ("  <p> </p> ", ""),
        ];
        for (html, text) in cases {
            assert_eq!(strip(html).0, text, "{html}");
        }
    }

    /// Every character of the text that is none of ours stands in the original where the places say.
    #[test]
    fn keeps_places() {
        let html =
            "<div>H&eacute;art &amp; <b>lung</b>s\n\n clear.<br>No &quot;eff\u{fc}sion&quot;</div><p>\u{1f600}end";
        let (text, origin) = strip(html);
        let points: Vec<char> = html.chars().collect();
        assert!(origin.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 <= w[1].1), "{origin:?}");
        for (byte, char) in text.char_indices() {
            let &(from, place) = origin.iter().rev().find(|o| o.0 as usize <= byte).unwrap_or(&(0, 0));
            let original = points[place as usize + text[from as usize..byte].chars().count()];
            let expected = match char {
                '\u{e9}' | '&' | '"' => '&',
                '\n' => '<',
                ' ' => {
                    if original == '\n' {
                        '\n'
                    } else {
                        ' '
                    }
                }
                other => other,
            };
            assert_eq!(original, expected, "{byte} of {text:?}");
        }
    }

    #[test]
    fn never_panics_and_takes_linear_time() {
        let html = "<div a=\"b>c\">x &eacute;&#x1F600;&bad; <!-- c --><script>s</script><td>\u{e9}<br></pre>'\"</p";
        for from in html.char_indices().map(|c| c.0) {
            for to in html.char_indices().map(|c| c.0).filter(|&to| to >= from) {
                strip(&html[from..to]);
            }
        }
        for unit in ["<a ", "<a x=\"", "<!--", "<script>", "&#", "</", "<a x='>\"", "<pre> "] {
            strip(&unit.repeat(200_000));
        }
    }
}
