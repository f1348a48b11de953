//! `radlabel labels reliability`: how far confidence holds, as a table and as a picture.
//!
//! Everything comes from the calibration file: no report is read. The picture is plain SVG; with `.html` it stands
//! in a page that allows no script.

use crate::cli::DataOptions;
use crate::confidence::fit::wilson;
use crate::output::Sink;
use crate::rules::{Bin, Calibration, Fitted, Matter, Verdict};
use crate::{Engine, Error};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to show.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Draw it into this file, too: *.svg or *.html
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let engine: &Engine = options.data.engine()?;
    let Some(calibration) = &engine.rules.calibration else {
        return Err(Error::Usage("no rule file of kind \"calibration\"".to_owned()).into());
    };
    if let Some(path) = &options.output {
        let ending = path.extension().map(|e| e.to_ascii_lowercase());
        let drawn = match ending.as_ref().and_then(|e| e.to_str()) {
            Some("svg") => picture(calibration),
            Some("html" | "htm") => page(calibration),
            _ => {
                let message = format!("--output {}: expected a name that ends in .svg or .html", path.display());
                return Err(Error::Usage(message).into());
            }
        };
        Sink::open(Some(path))?.put(drawn.as_bytes())?;
    }
    Sink::open(None)?.put(table(calibration).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The models of a calibration, each with what it is of.
fn models(calibration: &Calibration) -> impl Iterator<Item = (&Fitted, Matter)> {
    let mentions = calibration.mentions.iter().map(|m| (m, Matter::Mentions));
    std::iter::once((&calibration.labels, Matter::Labels)).chain(mentions)
}

fn table(calibration: &Calibration) -> String {
    let mut out = format!("{}, {}\n\n", calibration.title, calibration.date);
    for (i, (fitted, matter)) in models(calibration).enumerate() {
        if i > 0 {
            out.push_str("\nConfidence of mentions\n\n");
        }
        table_of(&mut out, fitted, matter);
    }
    out
}

fn table_of(out: &mut String, fitted: &Fitted, matter: Matter) {
    // A String takes whatever it is given.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("{:<40} {:<9} {:>7} {:>7} {:>6}", "gold", "unit", "reports", "values", "wrong"));
    for set in &fitted.sets {
        line(format!(
            "{:<40} {:<9} {:>7} {:>7} {:>6}",
            set.name, set.unit, set.reports, set.seen.values, set.seen.wrong
        ));
    }
    line(format!("\n{:<26} {:>8} {:>8} {:>8} {:>6}", "out of fold", "Brier", "log loss", "ECE", "AUC"));
    for (name, v) in [("this model", fitted.validation), ("the value alone", fitted.baseline)] {
        line(format!("{name:<26} {:>8.5} {:>8.5} {:>8.5} {:>6.3}", v.brier, v.log_loss, v.ece, v.auc));
    }
    for (i, caught) in fitted.caught.iter().enumerate() {
        let gap = if i == 0 { "\n" } else { "" };
        line(format!(
            "{gap}the least sure {:>2.0} % hold {:>2.0} % of the wrong ones",
            100.0 * caught.share,
            100.0 * caught.wrong
        ));
    }
    line(format!(
        "\n{:<12} {:<13} {:>6} {:>7} {:>7} {:>7}  95% interval",
        "value", "confidence", "mean", "values", "right", "share"
    ));
    for bin in &fitted.bins {
        let (low, high) = wilson(bin.right, bin.values);
        line(format!(
            "{:<12} {:<13} {:>6.3} {:>7} {:>7} {:>7.3}  {low:.3} to {high:.3}",
            bin.value.name(),
            format!("{} to {}", bin.from, bin.to),
            bin.mean,
            bin.values,
            bin.right,
            share(bin)
        ));
    }
    line(format!("\n{:<12} {:>7} {:>7} {:>6}", "feature", "weight", "values", "wrong"));
    line(format!("{:<12} {:>7.2}", "(none)", fitted.model.base));
    for ((name, weight), seen) in matter.names().into_iter().zip(&fitted.model.weights).zip(&fitted.seen) {
        line(format!("{name:<12} {weight:>7.2} {:>7} {:>6}", seen.values, seen.wrong));
    }
}

fn share(bin: &Bin) -> f64 {
    bin.right as f64 / bin.values.max(1) as f64
}

const PANEL: f64 = 230.0;
const GAP: f64 = 62.0;
const LEFT: f64 = 62.0;
const TOP: f64 = 106.0;
/// Height of the bars of counts below a panel.
const COUNTS: f64 = 56.0;

/// Marks of both axes.
const TICKS: [f64; 8] = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995];
/// From here on a share is drawn at the end of the axis, where 1 stands.
const END: f64 = 0.999;

/// Where a share stands on an axis: by the logarithm of the share that is wrong, for nearly all that is to be seen
/// lies between 0.9 and 1.
fn place(share: f64) -> f64 {
    -(1.0 - share.clamp(0.0, END)).ln()
}

/// The lowest of the axes: what is drawn fills the panel, and all panels share one scale. Of wide intervals only the
/// upper part is seen.
fn lowest(bins: &[Bin]) -> f64 {
    let least = bins.iter().map(|b| b.mean.min(share(b))).fold(0.8, f64::min);
    TICKS.into_iter().filter(|t| *t <= least).fold(0.0, f64::max)
}

/// The pictures of all models, one below the other.
fn picture(calibration: &Calibration) -> String {
    let height = TOP + PANEL + 44.0 + COUNTS + 52.0;
    let mut inner = String::new();
    let (mut width, mut top) = (0.0_f64, 0.0);
    for (fitted, matter) in models(calibration) {
        let values = match matter {
            Matter::Labels => &SHOWN[..3],
            Matter::Mentions => &SHOWN[..],
        };
        let n = values.len() as f64;
        width = width.max(LEFT + n * PANEL + (n - 1.0) * GAP + 28.0);
        let _ = writeln!(inner, "<g transform=\"translate(0 {top})\">");
        picture_of(&mut inner, fitted, matter, values);
        inner.push_str("</g>\n");
        top += height;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {top}\" width=\"{width}\" height=\"{top}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#24292f\" role=\"img\">\n\
         <title>Reliability of confidence</title>\n<rect width=\"{width}\" height=\"{top}\" fill=\"#fff\"/>\n{inner}</svg>\n"
    )
}

/// What is drawn, a panel each, with its colour.
const SHOWN: [(Verdict, &str); 5] = [
    (Verdict::Present, "#0969da"),
    (Verdict::Absent, "#1a7f37"),
    (Verdict::Uncertain, "#9a6700"),
    (Verdict::Historical, "#8250df"),
    (Verdict::Hypothetical, "#bf3989"),
];

fn picture_of(out: &mut String, fitted: &Fitted, matter: Matter, values: &[(Verdict, &str)]) {
    let low = lowest(&fitted.bins);
    let most = fitted.bins.iter().map(|b| b.values).max().unwrap_or(1).max(1);
    let title = match matter {
        Matter::Labels => "How often a value of this confidence is right",
        Matter::Mentions => "How often the verdict on a mention of this confidence is right",
    };
    text(out, (LEFT, 26.0), "start", "font-size=\"16\" font-weight=\"600\"", title);
    let all: u64 = fitted.sets.iter().map(|s| s.seen.values).sum();
    let wrong: u64 = fitted.sets.iter().map(|s| s.seen.wrong).sum();
    let v = fitted.validation;
    let line = format!(
        "{all} values, {wrong} wrong. Out of fold: Brier {:.4}, log loss {:.4}, ECE {:.4}.",
        v.brier, v.log_loss, v.ece
    );
    text(out, (LEFT, 48.0), "start", "fill=\"#57606a\"", &line);
    let about = "Bars: 95% intervals (Wilson). Size: number of values. Axes: logarithmic in the share that is wrong.";
    text(out, (LEFT, 65.0), "start", "fill=\"#57606a\"", about);
    for (i, &(value, colour)) in values.iter().enumerate() {
        let left = LEFT + i as f64 * (PANEL + GAP);
        let bins: Vec<&Bin> = fitted.bins.iter().filter(|b| b.value == value).collect();
        panel(out, left, (value, colour), &bins, low, most);
    }
}

fn panel(out: &mut String, left: f64, (value, colour): (Verdict, &str), bins: &[&Bin], low: f64, most: u64) {
    let part = |p: f64| (place(p) - place(low)) / (place(END) - place(low)) * PANEL;
    let x = |p: f64| left + part(p);
    let y = |p: f64| TOP + PANEL - part(p);
    let (bottom, right) = (TOP + PANEL, left + PANEL);
    let values: u64 = bins.iter().map(|b| b.values).sum();
    let hits: u64 = bins.iter().map(|b| b.right).sum();
    let title = match values {
        0 => format!("{}: none", value.name()),
        _ => format!("{}: {hits} of {values} right", value.name()),
    };
    text(out, (left, TOP - 12.0), "start", &format!("font-weight=\"600\" fill=\"{colour}\""), &title);
    for at in TICKS.into_iter().filter(|t| *t >= low).chain([1.0]) {
        let _ = writeln!(
            out,
            "<path d=\"M{0:.1} {TOP}V{bottom}M{left} {1:.1}H{right}\" stroke=\"#e4e7eb\"/>",
            x(at),
            y(at)
        );
        text(out, (x(at), bottom + 16.0), "middle", "font-size=\"11\" fill=\"#57606a\"", &tick(at));
        text(out, (left - 6.0, y(at) + 4.0), "end", "font-size=\"11\" fill=\"#57606a\"", &tick(at));
    }
    let _ = writeln!(
        out,
        "<path d=\"M{left} {bottom}L{right} {TOP}\" stroke=\"#8c959f\" stroke-dasharray=\"4 4\"/>\n\
         <rect x=\"{left}\" y=\"{TOP}\" width=\"{PANEL}\" height=\"{PANEL}\" fill=\"none\" stroke=\"#8c959f\"/>"
    );
    for bin in bins {
        let (least, largest) = wilson(bin.right, bin.values);
        let (cx, radius) = (x(bin.mean.max(low)), 3.0 + 5.0 * (bin.values as f64 / most as f64).sqrt());
        let _ = writeln!(
            out,
            "<g><title>confidence {:.3}: {} of {} right, {:.3} ({least:.3} to {largest:.3})</title>\
             <path d=\"M{cx:.1} {below:.1}V{above:.1}m-4 0h8M{from:.1} {below:.1}h8\" stroke=\"{colour}\" stroke-width=\"1.5\" fill=\"none\"/>\
             <circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"{radius:.1}\" fill=\"{colour}\" fill-opacity=\".75\"/></g>",
            bin.mean,
            bin.right,
            bin.values,
            share(bin),
            below = y(least.max(low)),
            above = y(largest),
            from = cx - 4.0,
            cy = y(share(bin).max(low)),
        );
    }
    text(out, (left + PANEL / 2.0, bottom + 34.0), "middle", "", "confidence");
    if left <= LEFT {
        let middle = (left - 44.0, TOP + PANEL / 2.0);
        let turn = format!("transform=\"rotate(-90 {} {})\"", middle.0, middle.1);
        text(out, middle, "middle", &turn, "share that is right");
    }
    // How many values each bin holds: bins at equal widths, for most lie close to 1.
    let ground = bottom + 58.0 + COUNTS;
    let width = PANEL / bins.len().max(1) as f64;
    for (i, bin) in bins.iter().enumerate() {
        let tall = 34.0 * bin.values as f64 / most as f64;
        let from = left + i as f64 * width;
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"{colour}\" fill-opacity=\".35\"/>",
            from + 3.0,
            ground - tall,
            (width - 6.0).min(60.0),
        );
        let centre = from + 3.0 + (width - 6.0).min(60.0) / 2.0;
        text(out, (centre, ground - tall - 4.0), "middle", "font-size=\"10\"", &bin.values.to_string());
        text(
            out,
            (centre, ground + 13.0),
            "middle",
            "font-size=\"10\" fill=\"#57606a\"",
            &format!("≥{}", tick(bin.from)),
        );
    }
    let _ = writeln!(out, "<path d=\"M{left} {ground}H{right}\" stroke=\"#8c959f\"/>");
    text(out, (left + PANEL / 2.0, ground + 30.0), "middle", "", "values by confidence");
}

/// `.995`: room is scarce.
fn tick(at: f64) -> String {
    format!("{at}").replace("0.", ".")
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, more: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{}</text>", escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn page(calibration: &Calibration) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Reliability of confidence – radlabel</title>\n\
         <style>body{{font:14px system-ui,sans-serif;margin:2rem;color:#24292f}}pre{{font-size:12px}}svg{{max-width:100%;height:auto}}</style>\n\
         </head><body>\n{}<pre>{}</pre>\n</body></html>\n",
        picture(calibration),
        escaped(&table(calibration))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_sound_and_shows_every_bin() {
        let engine = Engine::embedded();
        let mut calibration = engine.rules.calibration.expect("built in");
        let svg = picture(&calibration);
        let mentions = calibration.mentions.as_ref().expect("built in");
        assert_eq!(svg.matches("<circle").count(), calibration.labels.bins.len() + mentions.bins.len());
        let mut reader = quick_xml::Reader::from_str(&svg);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(_) => {}
                Err(e) => panic!("no XML: {e}"),
            }
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        // Nothing from the file can break out of the page.
        calibration.title = "<script>".to_owned();
        assert!(!page(&calibration).contains("<script"));
        calibration.labels.bins.clear();
        assert!(picture(&calibration).contains("present: none") && !picture(&calibration).contains("NaN"));
    }
}
