//! Escape sequences of HL7 v2 -> the text that they stand for.
//!
//! `\F\` `\S\` `\T\` `\R\` `\E\` `\P\` are the separators themselves; `\.br\` `\.sp3\` `\.ce\` end lines; `\.in4\`
//! `\.ti4\` `\.fi\` `\.nf\` `\H\` `\N\` lay text out and leave no trace; `\.sk3\` is so many blanks; `\Xdd..\` is
//! bytes; `\Cxxyy\` and `\Mxxyyzz\` switch character sets, which is done with when the text is decoded; `\Z..\` is of
//! local meaning. What looks like none of these (`C:\temp`) stands as it is.

use super::syntax::Separators;

/// More vertical or horizontal blanks than this are no layout.
const MAX_BLANKS: usize = 80;
/// No formatting command is longer.
const MAX_COMMAND: usize = 12;

/// Appends the text of a raw field, component or repeat. Line ends become `\n`.
pub(super) fn decode(raw: &str, separators: &Separators, out: &mut String) {
    let escape = separators.escape;
    let special = |c: char| Some(c) == escape || c == '\r';
    let mut rest = raw;
    while let Some(at) = rest.find(special) {
        out.push_str(&rest[..at]);
        if rest.as_bytes()[at] == b'\r' {
            out.push('\n');
            rest = rest[at + 1..].strip_prefix('\n').unwrap_or(&rest[at + 1..]);
            continue;
        }
        // Separators are ASCII: one byte.
        let tail = &rest[at + 1..];
        let close = tail.find(special).filter(|&p| tail.as_bytes()[p] != b'\r');
        match close.filter(|&p| command(&tail[..p], separators, out)) {
            Some(p) => rest = &tail[p + 1..],
            None => {
                out.push_str(&rest[at..=at]);
                rest = tail;
            }
        }
    }
    out.push_str(rest);
}

/// Appends what a sequence stands for; false where it is none.
fn command(sequence: &str, separators: &Separators, out: &mut String) -> bool {
    let Some(pair) = sequence.split_at_checked(1) else { return false };
    match pair {
        ("F", "") => out.push(separators.field),
        ("S", "") => out.push(separators.component),
        ("T", "") => out.push(separators.subcomponent.unwrap_or('&')),
        ("R", "") => out.push(separators.repetition.unwrap_or('~')),
        ("E", "") => out.extend(separators.escape),
        // The truncation character, of which nobody sends another.
        ("P", "") => out.push('#'),
        ("H" | "N", "") => {}
        ("X", digits) => return bytes(digits, out),
        ("C" | "M", digits) => return matches!(digits.len(), 4 | 6) && hex(digits).is_some(),
        ("Z", digits) => return hex(digits).is_some(),
        (".", name) if name.len() <= MAX_COMMAND && name.is_ascii() => return formatting(name, out),
        _ => return false,
    }
    true
}

fn formatting(command: &str, out: &mut String) -> bool {
    let command = command.trim_end();
    let Some((name, number)) = command.split_at_checked(2) else { return false };
    let number = number.trim().trim_start_matches('+');
    let count = match number {
        "" => Some(1),
        _ => number.trim_start_matches('-').parse::<usize>().ok(),
    };
    let Some(count) = count.map(|c| c.min(MAX_BLANKS)) else { return false };
    match name.to_ascii_lowercase().as_str() {
        // The standard's `.sp` ends the line and skips n lines; senders write `\.sp\` for a line break and
        // `\.sp2\` for an empty line.
        "br" | "ce" => out.push('\n'),
        "sp" => out.extend(std::iter::repeat_n('\n', count.max(1))),
        "sk" => out.extend(std::iter::repeat_n(' ', count)),
        "in" | "ti" | "fi" | "nf" => {}
        _ => return false,
    }
    true
}

/// `\X0D0A\`: UTF-8 where it is that, else one character a byte. Control characters but line ends and tabs are gone.
fn bytes(digits: &str, out: &mut String) -> bool {
    let Some(bytes) = hex(digits) else { return false };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned(),
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    out.extend(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')));
    true
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    if digits.is_empty() {
        return None;
    }
    digits.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_sequence() {
        let cases = [
            (r"a\F\b\S\c\T\d\R\e\E\f\P\", "a|b^c&d~e\\f#"),
            (r"one\.br\two\.BR\three", "one\ntwo\nthree"),
            (r"one\.sp\two\.sp2\three\.sp+3\four", "one\ntwo\n\nthree\n\n\nfour"),
            (r"\.in+4\\.ti-2\\.fi\\.nf\plain\.sk3\x\.ce\mid", "plain   x\nmid"),
            (r"\H\bold\N\ thin", "bold thin"),
            (r"a\X0D0A\b\X0D\c\XC3A9\\XE9\\X00\\X09\", "a\nb\ncéé\t"),
            (r"\C2842\ISO\M242842\ IR\Z0041\", "ISO IR"),
            // None of ours, or never closed.
            (r"C:\temp\x", r"C:\temp\x"),
            (r"\X0\ \XZZ\ \X\ \.zz\ \.br", r"\X0\ \XZZ\ \X\ \.zz\ \.br"),
            (r"\é\ \.é\ \\", r"\é\ \.é\ \\"),
            (r"1\2 \.br\ 3", "1\\2 \n 3"),
            ("a\r\nb\rc\nd\r", "a\nb\nc\nd\n"),
            ("end\\", "end\\"),
        ];
        for (raw, expected) in cases {
            let mut out = String::new();
            decode(raw, &Separators::default(), &mut out);
            assert_eq!(out, expected, "{raw}");
        }
    }

    #[test]
    fn other_separators() {
        let separators = Separators::read("MSH#*+?!#").unwrap_or_default();
        let mut out = String::new();
        decode(r"a?F?b?S?c?T?d?R?e?E?f\F\ ?.br?g", &separators, &mut out);
        assert_eq!(out, "a#b*c!d+e?f\\F\\ \ng");
        out.clear();
        decode(r"a\.br\b\", &Separators { escape: None, ..Separators::default() }, &mut out);
        assert_eq!(out, r"a\.br\b\");
    }
}
