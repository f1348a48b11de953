//! Reports and studies -> links; pure.
