//! Reports per CPU second of one thread, beside bare scans of the same text with the same terms.
//!
//! `cargo bench` runs it on the bundled reports; `RADLABEL_BENCH=reports.jsonl cargo bench` on your own
//! (JSON lines with a `text`). The text is repeated to 100 MB (`RADLABEL_BENCH_MB`). Times are processor
//! time where the system tells it, since seconds wander on a shared machine; the best of five rounds counts.

use radlabel::{Engine, Scratch};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let engine = Engine::embedded();
    let reports = reports();
    let bytes: usize = reports.iter().map(String::len).sum();
    let goal = std::env::var("RADLABEL_BENCH_MB").ok().and_then(|v| v.parse().ok()).unwrap_or(100) * 1_000_000_usize;
    // A round reads a tenth of the goal, so that ten rounds of the best would be the goal.
    let repeat = (goal / 10 / bytes.max(1)).max(1);
    let items = (reports.len() * repeat) as f64;
    let size = (bytes * repeat) as f64;
    println!(
        "{} reports of {} bytes on average, {:.0} MB a round",
        reports.len(),
        bytes / reports.len().max(1),
        size / 1e6
    );

    let line = |name: &str, time: Duration| {
        let seconds = time.as_secs_f64();
        println!("{name:<44} {:>10.0} reports/s {:>8.1} MB/s", items / seconds, size / 1e6 / seconds);
        size / seconds
    };

    let mut scratch = Scratch::default();
    let full = line(
        "analyze",
        best(|| {
            for _ in 0..repeat {
                for report in &reports {
                    black_box(engine.analyze_with(&mut scratch, black_box(report)));
                }
            }
        }),
    );
    let scheme = engine.scheme("chexpert").expect("chexpert is built in");
    line(
        "analyze + labels",
        best(|| {
            for _ in 0..repeat {
                for report in &reports {
                    let analysis = engine.analyze_with(&mut scratch, black_box(report));
                    black_box(engine.labels(&analysis, scheme));
                }
            }
        }),
    );

    // The same finding, device, anatomy and descriptor terms, as they are written, over the raw text.
    let terms: Vec<&str> = engine.lexicon.terms.iter().map(|t| t.text.as_ref()).collect();
    println!("bare aho-corasick, leftmost-longest, ASCII case-insensitive, {} terms:", terms.len());
    use aho_corasick::{AhoCorasick, AhoCorasickKind as Kind, MatchKind};
    for (name, kind) in [("contiguous NFA (the crate's default here)", Kind::ContiguousNFA), ("DFA", Kind::DFA)] {
        let scan = AhoCorasick::builder()
            .kind(Some(kind))
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(&terms)
            .expect("the terms build");
        let bare = line(
            &format!("  {name}"),
            best(|| {
                for _ in 0..repeat {
                    for report in &reports {
                        black_box(scan.find_iter(black_box(report.as_str())).count());
                    }
                }
            }),
        );
        println!("  analyze runs at {:.2} of it", full / bare);
    }
    let started = Instant::now();
    black_box(Engine::embedded());
    println!("loading the embedded lexicons and rules: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
}

/// The shortest of five rounds.
fn best(mut round: impl FnMut()) -> Duration {
    (0..5)
        .map(|_| {
            let (cpu, wall) = (cpu_time(), Instant::now());
            round();
            match (cpu, cpu_time()) {
                (Some(a), Some(b)) => b - a,
                _ => wall.elapsed(),
            }
        })
        .min()
        .unwrap_or_default()
}

/// Processor time of this thread, from Linux's scheduler statistics, in nanoseconds.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

fn reports() -> Vec<String> {
    if let Ok(path) = std::env::var("RADLABEL_BENCH") {
        let text = std::fs::read_to_string(&path).expect("RADLABEL_BENCH names a readable file");
        return text
            .lines()
            .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()?.get("text")?.as_str().map(str::to_owned))
            .collect();
    }
    let mut paths: Vec<_> = std::fs::read_dir("corpora/chest/gold")
        .expect("corpora/chest/gold is there")
        .filter_map(|e| Some(e.ok()?.path()))
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|p| std::fs::read_to_string(p).ok())
        .filter_map(|t| t.split_once("\n---\n").map(|(_, body)| radlabel::rules::strip_marks(body).0))
        .collect()
}
