//! Faults of the crates on broken bytes, caught.
//!
//! `parquet` and `arrow-ipc` check most of what they read, yet some broken bytes (a page's levels, a missing
//! dictionary, an offset buffer of odd length) make them panic; so do decoders of pixels. That must cost rows or a
//! picture, not the run.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step of decoding; a panic becomes an error. The decoder that panicked must not be used again.
pub(crate) fn guarded<T>(step: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static QUIET: Once = Once::new();
    // A fault that is told as an error is not to be told as a panic as well.
    QUIET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(step));
    GUARDED.set(outer);
    done.unwrap_or_else(|_| Err("broken: its parts contradict each other".to_owned()))
}
