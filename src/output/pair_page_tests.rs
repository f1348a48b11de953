//! Tests of `pair_page`.
