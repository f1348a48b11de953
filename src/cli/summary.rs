//! What a run tells on standard error: guesses and problems as they come, progress, and a summary.

use super::refine::{Asked, Refiner};
use super::repeats::Repeats;
use super::say;
use crate::input::{Gravity, Told};
use crate::{Error, Status};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Reports labelled.
    pub(super) reports: u64,
    /// Mentions found, or spans judged.
    pub(super) mentions: u64,
    /// Labels given: present, absent, uncertain.
    pub(super) labels: [u64; 3],
    /// Reports with a note, by kind.
    pub(super) notes: BTreeMap<&'static str, u64>,
    /// Mentions or spans that a model was asked about.
    pub(super) asked: Asked,
}

impl Tally {
    /// Counts a status.
    pub(super) const fn label(&mut self, status: Status) {
        self.labels[match status {
            Status::Present => 0,
            Status::Absent => 1,
            Status::Uncertain => 2,
        }] += 1;
    }

    /// Counts a note.
    pub(super) fn note(&mut self, kind: &'static str) {
        *self.notes.entry(kind).or_default() += 1;
    }

    fn add(&mut self, other: &Tally) {
        self.reports += other.reports;
        self.mentions += other.mentions;
        for (sum, count) in self.labels.iter_mut().zip(other.labels) {
            *sum += count;
        }
        self.asked.add(other.asked);
        for (kind, count) in &other.notes {
            *self.notes.entry(kind).or_default() += count;
        }
    }
}

/// What the summary calls the things counted.
pub(super) struct Words {
    /// `mentions` or `spans`.
    pub(super) mentions: &'static str,
    /// `labels` or `statuses`; empty where none are given.
    pub(super) labels: &'static str,
}

/// Tells the user how the run goes.
pub(super) struct Teller {
    /// Everything counted so far.
    pub(super) tally: Tally,
    /// Records left out.
    pub(super) problems: u64,
    words: Words,
    /// The model that is asked, and what runs it.
    model: Option<String>,
    quiet: bool,
    repeats: Repeats,
    start: Instant,
    bar: Option<ProgressBar>,
    meter: Arc<AtomicU64>,
}

impl Teller {
    /// A teller; `progress` asks for a bar where standard error is a terminal. `total` is the input's size.
    pub(super) fn new(words: Words, quiet: bool, progress: bool, total: Option<u64>, meter: Arc<AtomicU64>) -> Self {
        let bar = (progress && !quiet && std::io::stderr().is_terminal()).then(|| {
            let (bar, template) = match total {
                Some(total) => (ProgressBar::new(total), "{bar:30} {percent:>3}%  {msg}  {eta} left"),
                None => (ProgressBar::new_spinner(), "{spinner} {msg}  {elapsed}"),
            };
            // The templates are ours: a fault in one only costs its looks.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let start = Instant::now();
        let (tally, repeats) = (Tally::default(), Repeats::default());
        Teller { tally, problems: 0, words, model: None, quiet, repeats, start, bar, meter }
    }

    /// Has the summary tell of the model that is asked, if one is.
    pub(super) fn refined_by(mut self, refiner: Option<&Refiner>) -> Self {
        self.model = refiner.map(Refiner::shown);
        self
    }

    /// Tells a message.
    pub(super) fn tell(&mut self, told: &Told) {
        if told.gravity == Gravity::Problem {
            self.problems += 1;
        } else if self.quiet {
            return;
        }
        if !self.repeats.shows(told) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| say(format_args!("radlabel: {told}"))),
            None => say(format_args!("radlabel: {told}")),
        }
    }

    /// Adds counts and moves the bar.
    pub(super) fn count(&mut self, tally: &Tally) {
        self.tally.add(tally);
        if let Some(bar) = &self.bar {
            bar.set_position(self.meter.load(Ordering::Relaxed));
            let speed = self.tally.reports as f64 / self.start.elapsed().as_secs_f64().max(1e-6);
            let reports = HumanCount(self.tally.reports);
            bar.set_message(format!("{reports} reports, {} a second", HumanCount(speed as u64)));
        }
    }

    /// Ends a run that read no report: what is wrong with its inputs.
    pub(super) fn nothing_read(&self, inputs: &[PathBuf]) -> Error {
        self.finish();
        let read = if self.problems == 0 { "no report found in the input" } else { "no report could be read" };
        let names: Vec<String> = inputs.iter().take(3).map(|p| p.display().to_string()).collect();
        Error::input(names.join(", "), read)
    }

    /// Clears the bar.
    pub(super) fn stop(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Clears the bar and prints the summary.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.repeats.finish();
        if self.quiet {
            return;
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let tally = &self.tally;
        let [present, absent, uncertain] = tally.labels.map(HumanCount);
        let line = |name: &str, value: &dyn std::fmt::Display| say(format_args!("{name:<10}{value}"));
        line("reports", &HumanCount(tally.reports));
        line(self.words.mentions, &HumanCount(tally.mentions));
        if !self.words.labels.is_empty() {
            line(self.words.labels, &format_args!("{present} present, {absent} absent, {uncertain} uncertain"));
        }
        if let Some(model) = &self.model {
            line("refined", &refined(&tally.asked, model));
        }
        for (kind, &count) in &tally.notes {
            line("note", &format_args!("{kind}: {}", HumanCount(count)));
        }
        if self.problems > 0 {
            line("problems", &HumanCount(self.problems));
        }
        let speed = HumanCount((tally.reports as f64 / seconds.max(1e-6)) as u64);
        line("time", &format_args!("{seconds:.2} s, {speed} reports per second"));
    }
}

/// How often the model was asked, and what came of it.
fn refined(&Asked { among, mentions, changed, unanswered }: &Asked, model: &str) -> String {
    let share = 100.0 * mentions as f64 / among.max(1) as f64;
    let without = match unanswered {
        0 => String::new(),
        count => format!(", {} without an answer", HumanCount(count)),
    };
    let (mentions, changed) = (HumanCount(mentions), HumanCount(changed));
    format!("{mentions} mentions asked ({share:.1} %), {changed} changed{without}; {model}")
}
