//! Where the look-ups of `radlabel terms` are written: bold and dim on a terminal, plain in a pipe.

use std::io::IsTerminal;

/// Columns that prose is wrapped to where no terminal says how many it has.
const WIDTH: usize = 96;

/// A page of text that is being written.
pub(super) struct Page {
    pub(super) out: String,
    colours: bool,
    width: usize,
}

impl Page {
    /// A page as standard output wants it.
    pub(super) fn new() -> Page {
        let terminal = std::io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let width = if terminal { usize::from(console::Term::stdout().size().1).max(40) } else { WIDTH };
        Page { out: String::new(), colours: terminal && !refused, width }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        let text = plain(text);
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }

    pub(super) fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// A name in a column of its own, and prose beside it, wrapped.
    pub(super) fn entry(&mut self, name: &str, text: &str) {
        const INDENT: usize = 12;
        let mut line = self.bold(&format!("{name:INDENT$}"));
        let mut used = INDENT.max(name.chars().count());
        let mut first = true;
        for word in plain(text).split(' ') {
            let width = console::measure_text_width(word);
            if !first && used + width + 1 > self.width {
                self.line(&line);
                line = " ".repeat(INDENT);
                used = INDENT;
            } else if !first {
                line.push(' ');
                used += 1;
            }
            first = false;
            line.push_str(word);
            used += width;
        }
        self.line(&line);
    }

    /// Rows under a header, each column as wide as its widest cell but the last.
    pub(super) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) {
        let widest = |column: usize| {
            let cells = rows.iter().map(|r| console::measure_text_width(&r[column]));
            cells.chain([header[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..header.len()).map(widest).collect();
        let laid = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| {
                format!("{}{}", plain(cell), " ".repeat(width - console::measure_text_width(cell).min(*width)))
            });
            padded.collect::<Vec<_>>().join("  ")
        };
        let names: Vec<String> = header.iter().map(|h| (*h).to_owned()).collect();
        let head = self.dim(laid(&names).trim_end());
        self.line(&head);
        for row in rows {
            self.line(&laid(row));
        }
    }
}

/// A lexicon's text without what could steer a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
