//! Bytes <-> code points of one text, as JSON and Python count.
//!
//! ASCII needs no table. Otherwise the code points before every 64th byte are counted once, and a
//! conversion counts on from there.

const BLOCK: usize = 64;

/// The conversion for one text; keep it from text to text to keep its table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offsets {
    ascii: bool,
    before: Vec<u32>,
}

impl Offsets {
    /// Prepares for a text.
    pub(crate) fn set(&mut self, text: &str) {
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

    /// The code points before a byte of the text.
    pub(crate) fn code_point(&self, text: &str, byte: u32) -> u32 {
        if self.ascii {
            return byte;
        }
        let byte = (byte as usize).min(text.len());
        let block = byte / BLOCK;
        self.before[block.min(self.before.len() - 1)] + starts(&text.as_bytes()[(block * BLOCK).min(byte)..byte])
    }

    /// The byte where a code point begins; the length of the text for the one after the last, `None` past it.
    pub(crate) fn byte(&self, text: &str, code_point: u64) -> Option<u32> {
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
