//! One source of bytes: a file, a pipe or standard input, unpacked if it is gzip, with a look at its start.
//!
//! The look is what recognises a format, so it is taken before anything is consumed and handed back to the
//! reader afterwards; a pipe can be read only once. A fault met while looking is kept for its place in the
//! stream: what stands before it is still labelled.

use super::encoding::{self, Choice, Transcoder};
use encoding_rs::Encoding;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of the start is looked at.
const LOOK: u64 = 1 << 16;

/// An opened source.
pub(crate) struct Feed {
    /// The start of the (unpacked, transcoded) bytes; `reader` gives them again.
    pub(crate) head: Vec<u8>,
    /// All bytes.
    pub(crate) reader: BufReader<Box<dyn Read + Send>>,
    /// The encoding, where it is known before the first byte that is not ASCII.
    pub(crate) encoding: Option<&'static Encoding>,
    /// The encoding is a guess.
    pub(crate) guessed: bool,
    /// The bytes were turned into UTF-8 on the way; `encoding` is what they were.
    pub(crate) transcoded: bool,
    /// The source is a gzip stream.
    pub(crate) packed: bool,
}

/// Opens a file, or standard input for `None`. Every byte taken from it is added to `counter`.
pub(crate) fn open(path: Option<&Path>, choice: Choice, counter: &Arc<AtomicU64>) -> io::Result<Feed> {
    let raw: Box<dyn Read + Send> = match path {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(io::stdin()),
    };
    let counted: Box<dyn Read + Send> = Box::new(Counted { inner: raw, counter: Arc::clone(counter) });
    let (head, reader) = look(counted, 2);
    let packed = head.starts_with(&[0x1f, 0x8b]);
    let reader: Box<dyn Read + Send> =
        if packed { Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, reader))) } else { reader };
    let (head, reader) = look(reader, LOOK);
    let (encoding, mark, guessed) = encoding::at_start(&head, choice);
    let transcoded = encoding.is_some_and(|e| !e.is_ascii_compatible());
    let (mut head, mut reader) = (head, reader);
    if mark > 0 {
        let mut skipped = [0_u8; 4];
        reader.read_exact(&mut skipped[..mark])?;
        head.drain(..mark);
    }
    if let (true, Some(encoding)) = (transcoded, encoding) {
        (head, reader) = look(Box::new(Transcoder::new(reader, encoding)), LOOK);
    }
    Ok(Feed { head, reader: BufReader::with_capacity(1 << 17, reader), encoding, guessed, transcoded, packed })
}

/// Takes up to `size` bytes, and a reader that gives them again.
fn look(mut reader: Box<dyn Read + Send>, size: u64) -> (Vec<u8>, Box<dyn Read + Send>) {
    let mut head = Vec::new();
    let fault = Fault(reader.by_ref().take(size).read_to_end(&mut head).err());
    let again = Cursor::new(head.clone()).chain(fault).chain(reader);
    (head, Box::new(again))
}

/// Fails once if it holds an error, and is empty otherwise.
struct Fault(Option<io::Error>);

impl Read for Fault {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
