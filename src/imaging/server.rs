//! How to ask a DICOMweb server: whom to be, what for, in what pages, how patiently.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What one result of a query stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// A study
    #[default]
    Study,
    /// A series
    Series,
    /// An instance: an image, or another object
    Instance,
}

/// Who asks. Nothing here is ever shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Anybody.
    #[default]
    None,
    /// A user with a password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: String,
    },
    /// The holder of a token.
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// How to ask.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Whom to be.
    pub(crate) credentials: Credentials,
    /// What a result is.
    pub(crate) level: Level,
    /// Attributes and the values that they must have.
    pub(crate) query: Vec<(String, String)>,
    /// Results asked for at once.
    pub(crate) page: u32,
    /// Where pages are kept, to go on from after a stop.
    pub(crate) cache: Option<PathBuf>,
    /// A connection must stand within.
    pub(crate) connect: Duration,
    /// An answer must be there whole within.
    pub(crate) answer: Duration,
    /// How often a request is made again.
    pub(crate) retries: u32,
    /// The wait before the first repetition; it doubles from one to the next.
    pub(crate) backoff: Duration,
    /// A page has at most so many bytes.
    pub(crate) most_bytes: u64,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            credentials: Credentials::None,
            level: Level::Study,
            query: Vec::new(),
            page: 500,
            cache: None,
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(120),
            retries: 4,
            backoff: Duration::from_millis(500),
            most_bytes: 256 << 20,
        }
    }
}
