//! Bytes <-> code points of one text, as JSON and Python count.
//!
//! ASCII needs no table. Otherwise the code points before every 64th byte are counted once, and a
//! conversion counts on from there. A text that was stripped of its mark-up is told by the code points of the
//! original: `origin` says where the text stands there (see `input::document`).

const BLOCK: usize = 64;

/// The conversion for one text; keep it from text to text to keep its table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offsets {
    ascii: bool,
    before: Vec<u32>,
    /// Empty for a text that is the original.
    origin: Vec<(u32, u32)>,
}

impl Offsets {
    /// Prepares for a text.
    pub(crate) fn set(&mut self, text: &str) {
        self.origin.clear();
        self.ascii = text.is_ascii();
        self.before.clear();
        if self.ascii {
            return;
        }
        let mut count = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            self.before.push(count);
            count += starts(block);
        }
        self.before.push(count);
    }

    /// Prepares for a text that was stripped: code points are those of the original from now on.
    pub(crate) fn set_with_origin(&mut self, text: &str, origin: &[(u32, u32)]) {
        self.set(text);
        self.origin.extend_from_slice(origin);
    }

    /// The code point where a byte of the text stands, as the start of something.
    pub(crate) fn code_point(&self, text: &str, byte: u32) -> u32 {
        if self.origin.is_empty() {
            return self.in_text(text, byte);
        }
        self.placed(self.origin.partition_point(|o| o.0 <= byte), text, byte)
    }

    /// The code point where something ends that ends before a byte of the text: mark-up that follows is no part.
    pub(crate) fn end(&self, text: &str, byte: u32) -> u32 {
        if self.origin.is_empty() {
            return self.in_text(text, byte);
        }
        let before = self.origin.partition_point(|o| o.0 < byte);
        let at = self.origin.get(before).is_some_and(|o| o.0 == byte);
        self.placed(before + usize::from(at), text, byte)
    }

    /// The code point of a byte, counted from the last of the first `places` of the origin.
    fn placed(&self, places: usize, text: &str, byte: u32) -> u32 {
        let (from, point) = places.checked_sub(1).map_or((0, 0), |last| self.origin[last]);
        point + self.in_text(text, byte).saturating_sub(self.in_text(text, from))
    }

    /// The code points of the text itself before a byte, whatever its origin.
    pub(crate) fn in_text(&self, text: &str, byte: u32) -> u32 {
        if self.ascii {
            return byte;
        }
        let byte = (byte as usize).min(text.len());
        let block = byte / BLOCK;
        self.before[block.min(self.before.len() - 1)] + starts(&text.as_bytes()[(block * BLOCK).min(byte)..byte])
    }

    /// The byte where a code point begins; the length of the text for the one after the last, `None` past it.
    /// Of what was stripped, the byte that follows.
    pub(crate) fn byte(&self, text: &str, code_point: u64) -> Option<u32> {
        if self.origin.is_empty() {
            return self.byte_in_text(text, code_point);
        }
        let places = self.origin.partition_point(|o| u64::from(o.1) <= code_point);
        let (from, point) = places.checked_sub(1).map_or((0, 0), |last| self.origin[last]);
        let wanted = u64::from(self.in_text(text, from)) + code_point - u64::from(point);
        match (self.byte_in_text(text, wanted), self.origin.get(places)) {
            (byte, Some(&(next, _))) => Some(byte.unwrap_or(next).min(next)),
            (byte, None) => byte,
        }
    }

    fn byte_in_text(&self, text: &str, code_point: u64) -> Option<u32> {
        if self.ascii {
            return (code_point <= text.len() as u64).then_some(code_point as u32);
        }
        let wanted = u32::try_from(code_point).ok()?;
        let block = self.before.partition_point(|&b| b <= wanted).checked_sub(1)?;
        let mut count = self.before[block];
        for (i, &byte) in text.as_bytes().iter().enumerate().skip(block * BLOCK) {
            if is_start(byte) {
                if count == wanted {
                    return Some(i as u32);
                }
                count += 1;
            }
        }
        (count == wanted).then_some(text.len() as u32)
    }
}

const fn is_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

fn starts(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&b| u32::from(is_start(b))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_places_of_the_original() {
        for html in ["<p>No &eacute;dema</p> &amp; <b>eff</b>usion<br>x", "plain", "<i>\u{1f600}</i>\u{e9}<hr>a"] {
            let (text, origin) = crate::input::html::strip(html);
            let mut offsets = Offsets::default();
            offsets.set_with_origin(&text, &origin);
            let points: Vec<char> = html.chars().collect();
            for (byte, char) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
                let end = byte as u32 + char.len_utf8() as u32;
                let (from, to) = (offsets.code_point(&text, byte as u32), offsets.end(&text, end));
                let original: String = points[from as usize..to as usize].iter().collect();
                assert!(original == char.to_string() || original == "&eacute;", "{original} at {byte} of {html}");
                assert_eq!(offsets.byte(&text, u64::from(from)), Some(byte as u32), "{html}");
            }
        }
    }

    #[test]
    fn agrees_with_chars() {
        for text in [
            "",
            "plain",
            "é",
            &"aé漢😀 ".repeat(100),
            &"x".repeat(64),
            &format!("{}é", "x".repeat(63)),
            &"😀".repeat(32),
        ] {
            let mut offsets = Offsets::default();
            offsets.set(text);
            let mut count = 0;
            for (n, (byte, _)) in text.char_indices().enumerate() {
                assert_eq!(offsets.code_point(text, byte as u32), n as u32);
                assert_eq!(offsets.byte(text, n as u64), Some(byte as u32));
                count = n + 1;
            }
            assert_eq!(offsets.code_point(text, text.len() as u32), count as u32);
            assert_eq!(offsets.byte(text, count as u64), Some(text.len() as u32));
            assert_eq!(offsets.byte(text, count as u64 + 1), None);
            assert_eq!(offsets.byte(text, u64::MAX), None);
        }
    }
}
