//! One source of bytes: a file, a pipe or standard input, unpacked if it is gzip or zstd, with a look at its start.
//!
//! The look is what recognises a format, so it is taken before anything is consumed and handed back to the
//! reader afterwards; a pipe can be read only once. A fault met while looking is kept for its place in the
//! stream: what stands before it is still labelled.

use super::batch::is_dicom;
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
    /// How the source is packed.
    pub(crate) packed: Option<Packing>,
    /// Bytes taken from it, as they lie on disk.
    raw: Arc<AtomicU64>,
}

/// How a source is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Feed {
    /// The bytes come out of a packed stream.
    pub(crate) const fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Bytes taken so far, as they lie on disk.
    pub(crate) fn raw(&self) -> u64 {
        self.raw.load(Ordering::Relaxed)
    }

    /// What a fault of the stream is a fault of.
    pub(crate) const fn broken(&self) -> &'static str {
        match self.packed {
            Some(Packing::Gzip) => "broken gzip: ",
            Some(Packing::Zstd) => "broken zstd: ",
            None => "",
        }
    }

    /// Counts the bytes that are left; of a packed stream at most 1 GiB, as it may unpack to any size.
    pub(crate) fn rest(&mut self) -> u64 {
        let most = if self.is_packed() { 1 << 30 } else { u64::MAX };
        io::copy(&mut self.reader.by_ref().take(most), &mut io::sink()).unwrap_or(0)
    }
}

/// The packing that a stream's first bytes tell.
fn packing(head: &[u8]) -> Option<Packing> {
    // A zstd stream may begin with a skippable frame.
    let skippable = head.len() >= 4 && (0x50..=0x5f).contains(&head[0]) && head[1..4] == [0x2a, 0x4d, 0x18];
    match head {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        _ if skippable => Some(Packing::Zstd),
        _ => None,
    }
}

/// Opens a file, or standard input for `None`. Every byte taken from it is added to `counter`.
pub(crate) fn open(path: Option<&Path>, choice: Choice, counter: &Arc<AtomicU64>) -> io::Result<Feed> {
    let raw: Box<dyn Read + Send> = match path {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(io::stdin()),
    };
    let own = Arc::<AtomicU64>::default();
    let counters = [Arc::clone(counter), Arc::clone(&own)];
    let counted: Box<dyn Read + Send> = Box::new(Counted { inner: raw, counters });
    let (head, reader) = look(counted, 4);
    let packed = packing(&head);
    let buffered = |reader| BufReader::with_capacity(1 << 16, reader);
    let reader: Box<dyn Read + Send> = match packed {
        Some(Packing::Gzip) => Box::new(MultiGzDecoder::new(buffered(reader))),
        // The window is bounded by the library's own default: 128 MiB.
        Some(Packing::Zstd) => Box::new(zstd::stream::read::Decoder::with_buffer(buffered(reader))?),
        None => reader,
    };
    let (head, reader) = look(reader, LOOK);
    // Lengths and offsets look like UTF-16.
    let binary = [&b"PAR1"[..], b"ARROW1", &[0xff; 4]].iter().any(|mark| head.starts_with(mark)) || is_dicom(&head);
    let (encoding, mark, guessed) = if binary { (None, 0, false) } else { encoding::at_start(&head, choice) };
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
    Ok(Feed {
        head,
        reader: BufReader::with_capacity(1 << 17, reader),
        encoding,
        guessed,
        transcoded,
        packed,
        raw: own,
    })
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
    counters: [Arc<AtomicU64>; 2],
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        for counter in &self.counters {
            counter.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}
