//! Where a record ends: a line, a row of a table, an HL7 message, an element of a JSON array or of an XML document.
//!
//! The scan looks at every byte once, whatever the pieces that the bytes arrive in. What stands between records (the
//! head of a bundle, commas, a message's envelope) belongs to none.

use super::delimited::Rows;
use super::hl7::Frames;
use memchr::memchr;
use memchr::memmem;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The whole source.
    Whole,
    /// A line.
    Line,
    /// A row of a table; the byte between cells.
    Row(u8),
    /// An object in the array under this key of the document.
    Element(&'static str),
    /// A JSON object, alone or in an array, over however many lines.
    Object,
    /// An XML element of this name.
    Tag(&'static str),
    /// An HL7 v2 message.
    Message,
}

/// Looks for the end of a record in bytes that arrive in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    frame: Frame,
    /// Up to here the bytes were looked at.
    pub(crate) at: usize,
    /// Where the record proper begins, where that is later than the end of the one before.
    begin: Option<usize>,
    rows: Rows,
    json: Json,
    messages: Frames,
}

/// The state of a walk through a JSON document.
#[derive(Clone, Debug, Default)]
struct Json {
    depth: u32,
    text: bool,
    escaped: bool,
    /// The last string at depth 1, cut off where it is longer than any key that is asked for.
    key: Vec<u8>,
    /// Inside the array asked for.
    inside: bool,
}

impl Json {
    /// Walks on inside a string; false where the byte stands in none. The string is kept as a key up to `longest` bytes
    /// at depth 1.
    fn in_text(&mut self, byte: u8, longest: usize) -> bool {
        if !self.text {
            return false;
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.text = false,
            _ if self.depth == 1 && self.key.len() < longest => self.key.push(byte),
            _ => {}
        }
        true
    }
}

impl Scan {
    /// A scan that begins at `at`.
    pub(crate) fn new(frame: Frame, at: usize) -> Scan {
        Scan { frame, at, begin: None, rows: Rows::default(), json: Json::default(), messages: Frames::default() }
    }

    /// Forgets a record that was given up; a walk through a document goes on in its state.
    pub(crate) fn restart(&mut self, at: usize) {
        self.at = at;
        self.begin = None;
        self.rows = Rows::default();
    }

    /// Every place in the bytes moves forward by so many.
    pub(crate) fn moved(&mut self, by: usize) {
        self.at -= by;
        self.messages.at = self.at;
        self.begin = self.begin.map(|b| b.saturating_sub(by));
    }

    /// What was looked at was taken out of the bytes: the next of them stand at `at`.
    pub(crate) fn back(&mut self, at: usize) {
        self.at = at;
        self.messages.at = at;
    }

    /// Where the record proper begins: at `start` or later.
    pub(crate) fn begin(&mut self, start: usize) -> usize {
        self.begin.take().unwrap_or(start).max(start)
    }

    /// Nothing of a record was seen since `start`: bytes up to [`Scan::at`] belong to none.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self.frame, Frame::Element(_) | Frame::Object | Frame::Tag(_)) && self.begin.is_none()
    }

    /// At the end of the bytes, `rest` standing after the last record: the document that held the records goes on.
    pub(crate) fn is_cut(&self, rest: &[u8]) -> bool {
        match self.frame {
            Frame::Element(_) | Frame::Object => self.json.depth > 0,
            Frame::Tag(_) => memmem::find(rest, b"</").is_none(),
            _ => false,
        }
    }

    /// One past the record that begins at or after `start`. `before` is the byte that stood before `start` where the
    /// record's own beginning was dropped; `ended` says that no more bytes will come.
    pub(crate) fn end(&mut self, bytes: &[u8], start: usize, before: Option<u8>, ended: bool) -> Option<usize> {
        match self.frame {
            Frame::Whole => None,
            Frame::Line => {
                let found = memchr(b'\n', &bytes[self.at..]).map(|p| self.at + p + 1);
                self.at = found.unwrap_or(bytes.len());
                found
            }
            Frame::Row(delimiter) => self.rows.end(delimiter, &mut self.at, bytes, start, before),
            Frame::Element(key) => self.element(key, bytes),
            Frame::Object => self.object(bytes),
            Frame::Tag(name) => self.tag(name, bytes),
            Frame::Message => {
                let end = self.messages.end(bytes, start, ended);
                self.at = self.messages.at;
                end
            }
        }
    }

    /// At the end of the bytes: a quoted cell was never closed.
    pub(crate) fn is_open(&self, bytes: &[u8]) -> bool {
        matches!(self.frame, Frame::Row(_)) && self.rows.is_open(self.at, bytes)
    }

    fn element(&mut self, key: &str, bytes: &[u8]) -> Option<usize> {
        let json = &mut self.json;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            // One byte more than the key has tells a longer one from it.
            if json.in_text(byte, key.len() + 1) {
                continue;
            }
            match byte {
                b'"' => {
                    json.text = true;
                    if json.depth == 1 {
                        json.key.clear();
                    }
                }
                b'{' | b'[' => {
                    if json.depth == 1 && byte == b'[' {
                        json.inside = json.key == key.as_bytes();
                    } else if json.depth == 2 && json.inside && self.begin.is_none() {
                        self.begin = Some(self.at - 1);
                    }
                    json.depth += 1;
                }
                b'}' | b']' => {
                    json.depth = json.depth.saturating_sub(1);
                    json.inside &= json.depth > 1;
                    if json.depth == 2 && json.inside {
                        return Some(self.at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn object(&mut self, bytes: &[u8]) -> Option<usize> {
        let json = &mut self.json;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            if json.in_text(byte, 0) {
                continue;
            }
            // Between objects: at depth 0, or 1 in an array.
            let outside = json.depth == u32::from(json.inside);
            match byte {
                b'[' if outside && !json.inside && self.begin.is_none() => json.inside = true,
                b' ' | b'\t' | b'\r' | b',' | b']' if outside => {}
                // What is no object ends with its line.
                b'\n' if outside && self.begin.is_some() => return Some(self.at),
                b'\n' => {}
                _ if outside && self.begin.is_none() => self.begin = Some(self.at - 1),
                _ => {}
            }
            match byte {
                b'"' => json.text = true,
                b'{' | b'[' => json.depth += 1,
                b'}' | b']' => {
                    json.depth = json.depth.saturating_sub(1);
                    json.inside &= json.depth > 0;
                    if json.depth == u32::from(json.inside) && self.begin.is_some() {
                        return Some(self.at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn tag(&mut self, name: &str, bytes: &[u8]) -> Option<usize> {
        loop {
            let needle = if self.begin.is_none() { format!("<{name}") } else { format!("</{name}>") };
            let Some(p) = memmem::find(&bytes[self.at..], needle.as_bytes()).map(|p| self.at + p) else {
                // The needle may be cut by the end of the bytes.
                self.at = bytes.len().saturating_sub(needle.len()).max(self.at);
                return None;
            };
            if self.begin.is_some() {
                self.at = p + needle.len();
                return Some(self.at);
            }
            match bytes.get(p + needle.len()) {
                Some(b'>' | b' ' | b'\t' | b'\r' | b'\n') => {
                    self.begin = Some(p);
                    self.at = p + needle.len();
                }
                Some(_) => self.at = p + needle.len(),
                None => {
                    self.at = p;
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records, however the bytes are cut into pieces.
    fn records(frame: Frame, bytes: &[u8], piece: usize) -> Vec<String> {
        let mut scan = Scan::new(frame, 0);
        let (mut out, mut start, mut have) = (Vec::new(), 0, 0);
        loop {
            while let Some(end) = scan.end(&bytes[..have], start, None, have == bytes.len()) {
                out.push(String::from_utf8_lossy(&bytes[scan.begin(start)..end]).into_owned());
                start = end;
            }
            if have == bytes.len() {
                return out;
            }
            have = (have + piece).min(bytes.len());
        }
    }

    #[test]
    fn cuts_documents_whatever_the_pieces() {
        let json = br#"{"resourceType": "Bundle", "x": [{"entry": [1]}], "entry": [ {"a": "}]\"{"}, {"b": {"c": [{}]}}
            ], "more": [{"d": 1}]}"#;
        let xml = b"<collection><documents/><document><id>1</id></document>\n<document x='1'>2</document></collection>";
        for piece in 1..40 {
            let found = records(Frame::Element("entry"), json, piece);
            assert_eq!(found, [r#"{"a": "}]\"{"}"#, r#"{"b": {"c": [{}]}}"#], "{piece}");
            let found = records(Frame::Tag("document"), xml, piece);
            assert_eq!(found, ["<document><id>1</id></document>", "<document x='1'>2</document>"], "{piece}");
            assert_eq!(records(Frame::Line, b"a\nb\n", piece), ["a\n", "b\n"]);
            let objects = br#"[{"a": "}]\"{"}, {"b": [{}]} ,x 1
 [{}], {"c":{"d":1}}] {"e":
1}{}"#;
            let found = records(Frame::Object, objects, piece);
            let expected =
                [r#"{"a": "}]\"{"}"#, r#"{"b": [{}]}"#, "x 1\n", "[{}]", r#"{"c":{"d":1}}"#, "{\"e\":\n1}", "{}"];
            assert_eq!(found, expected, "{piece}");
        }
    }

    #[test]
    fn cuts_rows_whatever_the_pieces() {
        let text = "id,text\n1,\"a \"\"b\"\"\nc, d\"\n2,5\" tube\r\n\n3,\"\"\n";
        for piece in 1..text.len() {
            assert_eq!(
                records(Frame::Row(b','), text.as_bytes(), piece),
                ["id,text\n", "1,\"a \"\"b\"\"\nc, d\"\n", "2,5\" tube\r\n", "\n", "3,\"\"\n"]
            );
        }
    }
}
