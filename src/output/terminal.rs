//! Labels for eyes: one report after the other, coloured by status, wrapped to the terminal.
//!
//! A sign stands before each label, so that nothing rests on colour alone.

use super::Labelled;
use crate::Status;
use crate::label::Policy;

/// Columns that ids get; a longer id has a line of its own.
const ID: usize = 16;

/// How a terminal shows the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Columns.
    pub(crate) width: usize,
    /// Whether to colour.
    pub(crate) colour: bool,
}

const ORDER: [(Status, char, &str); 3] =
    [(Status::Present, '+', "\x1b[31m"), (Status::Uncertain, '?', "\x1b[33m"), (Status::Absent, '-', "\x1b[2;32m")];

/// The line that explains the signs.
pub(crate) fn legend(look: Look) -> Vec<u8> {
    let mut out = format!("{:ID$}", "id");
    for (status, sign, colour) in ORDER {
        push(&mut out, &format!("{sign} {}", status.name()), colour, look);
        out.push_str("  ");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out.into_bytes()
}

/// The lines of one report.
pub(crate) fn row(out: &mut Vec<u8>, id: &str, labelled: &[Labelled], policy: Policy, look: Look) {
    let mut text: String = id.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let taken = console::measure_text_width(&text);
    let mut column = ID;
    if taken < ID {
        text.extend(std::iter::repeat_n(' ', ID - taken));
    } else {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', ID));
    }
    let mut any = false;
    for (status, sign, colour) in ORDER {
        let all = labelled.iter().flat_map(|one| one.labels.iter().map(move |label| (one, label)));
        for (one, label) in all.filter(|(_, l)| policy.apply(l.value) == Some(status)) {
            let name = super::label_name(one.scheme, label.label as usize, labelled.len() > 1);
            let entry = format!("{sign} {name}");
            let width = console::measure_text_width(&entry);
            if any && column + 2 + width > look.width {
                text.push('\n');
                text.extend(std::iter::repeat_n(' ', ID));
                column = ID;
            } else if any {
                text.push_str("  ");
                column += 2;
            }
            push(&mut text, &entry, colour, look);
            column += width;
            any = true;
        }
    }
    if !any {
        text.push_str("(nothing mentioned)");
    }
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

fn push(out: &mut String, entry: &str, colour: &str, look: Look) {
    if look.colour {
        out.push_str(colour);
        out.push_str(entry);
        out.push_str("\x1b[0m");
    } else {
        out.push_str(entry);
    }
}
