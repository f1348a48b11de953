//! `radlabel terms import`: a terminology becomes a lexicon file.

use super::Kind;
use crate::cli::{DataOptions, same, say};
use crate::output::Sink;
use crate::terms::{self, Choice, Faults, Format, Header, Hierarchy, Import, Left, Orphans, Placing, Synonyms};
use crate::{Engine, Error};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// So many clashes are told one by one.
const SHOWN: usize = 20;

/// Turn a terminology that you have into a lexicon file
///
/// What radlabel knows already keeps its id and gains terms and codes; the rest is added under new ids. Put
/// the file into a folder and say `--lexicons FOLDER`.
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 imported; 2 wrong use, or the source is at fault (then nothing is written).")]
pub(super) struct Options {
    /// Files of one format, packed with gzip or not; or folders with a SNOMED CT release (an edition and its
    /// extensions)
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// The format, where content does not tell
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Take only concepts of this kind; those of which the source does not say it are taken as this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Take only what is or lies under this code of the source; may be repeated
    #[arg(long, value_name = "CODE")]
    under: Vec<String>,
    /// Leave out what is or lies under this code of the source; may be repeated
    #[arg(long, value_name = "CODE")]
    not_under: Vec<String>,
    /// Language of the wordings to take
    #[arg(long, default_value = "en", value_name = "CODE")]
    language: String,
    /// Synonyms to take: those that mean the same, or broader, narrower and related ones too
    #[arg(long, value_enum, default_value = "exact")]
    synonyms: Synonyms,
    /// Take what the source has given up, too
    #[arg(long)]
    inactive: bool,
    /// Take concepts whose parent is nowhere in the source as roots; without it that is a fault
    #[arg(long)]
    allow_orphans: bool,
    /// Put new findings that the source puts under nothing that radlabel has under the finding whose name
    /// theirs ends with ("comminuted rib fracture" under "rib fracture"), so that labels count them
    #[arg(long)]
    place_by_name: bool,
    /// Domain that the file says it is of
    #[arg(long, default_value = "general", value_name = "NAME")]
    domain: String,
    /// Put this before the ids of new concepts
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PREFIX")]
    prefix: String,
    /// The lexicon file to write [default: standard output]
    #[arg(short, long, value_name = "FILE.tsv")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    for (flag, value) in [("--language", &options.language), ("--domain", &options.domain)] {
        if !name(value) {
            return Err(Error::Usage(format!("{flag} {value:?}; expected letters, digits and hyphens")).into());
        }
    }
    same::refuse(options.output.as_deref(), options.sources.iter().filter(|s| !s.is_dir()).map(PathBuf::as_path))?;
    let sink = Sink::open(options.output.as_deref())?;
    // What an earlier run wrote is not known beforehand, or a second run would only write what is missing.
    let engine = options.data.engine_without(options.output.as_deref())?;
    let mut faults = Faults::default();
    let reading = terms::Options {
        format: options.format,
        language: options.language.clone(),
        synonyms: options.synonyms,
        inactive: options.inactive,
    };
    let mut source = terms::read(&options.sources, &reading, &mut faults)?;
    for told in &source.told {
        say(format_args!("radlabel: {told}"));
    }
    let orphans = if options.allow_orphans { Orphans::Roots } else { Orphans::Refused };
    let hierarchy = Hierarchy::new(&mut source, &engine.lexicon, orphans, &mut faults);
    if !faults.is_empty() {
        for line in faults.lines() {
            say(format_args!("{line}"));
        }
        let count = match faults.len() {
            1 => "1 fault".to_owned(),
            n => format!("{n} faults"),
        };
        let hint =
            if faults.counts("unknown parent") > 0 { "; --allow-orphans takes such concepts as roots" } else { "" };
        say(format_args!("radlabel: {count} in the source, nothing written{hint}"));
        return Ok(ExitCode::from(2));
    }
    let choice = Choice {
        under: options.under.clone(),
        not_under: options.not_under.clone(),
        kind: options.kind.map(Kind::of_lexicon),
        inactive: options.inactive,
    };
    let mut left = Left::new();
    let kinds = terms::choose(&source, &hierarchy, &choice, &mut left)?;
    let placing = if options.place_by_name { Placing::ByName } else { Placing::Apart };
    let mut import = terms::import(engine, &source, &hierarchy, &kinds, &options.language, &options.prefix, placing);
    import.summary.left.extend(left);
    let header = header(options, source.format);
    let text = terms::write(&import, &source, &engine.lexicon, &header);
    summary(options, source.format, &import, &hierarchy);
    if import.summary.known + import.summary.new == 0 {
        let why = if import.summary.read == 0 { "the source holds no concept" } else { "every concept was left out" };
        return Err(Error::Usage(format!("nothing to import: {why}, nothing written")).into());
    }
    // A release takes hundreds of megabytes; what follows needs only the text.
    drop((import, source, hierarchy));
    prove(engine, &text)?;
    sink.put(text.as_bytes())?;
    if let Some(output) = &options.output {
        said("written", &output.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// The file must load beside what it was made for, or it is not written.
fn prove(engine: &Engine, text: &str) -> Result<(), Error> {
    // Parents may be concepts of the engine: stand-ins for them are enough here.
    let lexicon = &engine.lexicon;
    let mut stand_ins = String::new();
    for kind in ["finding", "device", "anatomy", "descriptor"] {
        let Some(kind) = crate::lexicon::Kind::named(kind) else { continue };
        let head = "# radlabel lexicon v1\n# language: en\n# domain: general\n# kind: ";
        if stand_ins.is_empty() {
            stand_ins = format!("{head}{}\nid\tname\tkind\tparents\tterms\n", kind.name());
        }
        for concept in lexicon.concepts.iter().filter(|c| c.kind == kind) {
            stand_ins.push_str(&format!("{}\t\t{}\t\t\n", concept.id, kind.name()));
        }
    }
    crate::lexicon::Lexicon::load([("built-in", stand_ins.as_str()), ("output", text)]).map_err(Error::Data)?;
    Ok(())
}

/// What the source column and the comments say: where it comes from, and whose terms hold.
fn header(options: &Options, format: Format) -> Header {
    let (source, notice) = match format {
        Format::Owl | Format::Bioportal => ("ontology", "the ontology's own licence holds for what was taken from it"),
        Format::RadlexList => ("RadLex", "RadLex is copyright RSNA; its licence holds for what was taken from it"),
        Format::Rf2 => {
            ("SNOMED CT", "SNOMED CT is copyright SNOMED International; its licence holds, do not pass it on")
        }
        Format::Icd10cm => ("ICD-10-CM", "ICD-10-CM is in the public domain; ICD-10 is copyright WHO"),
        Format::FindingModels => ("findingmodels", "openimagingdata, MIT"),
        Format::AnatomicLocations => ("anatomic-locations", "openimagingdata, MIT; SNOMED CT ids under SNOMED's terms"),
        Format::Obo => ("OBO", "the ontology's own licence holds for what was taken from it"),
        Format::Table => ("own", "made from a table"),
    };
    let files: Vec<String> = options.sources.iter().map(|s| file_name(s)).collect();
    let source = match format {
        Format::Owl | Format::Bioportal | Format::Obo | Format::Table => files.join("; "),
        _ => source.to_owned(),
    };
    let made = format!("Made by radlabel terms import from {}", files.join(", "));
    Header {
        language: options.language.to_ascii_lowercase(),
        domain: options.domain.clone(),
        source,
        comments: vec![made, notice.to_owned()],
    }
}

/// The last part of a path: where a user keeps the file is nobody's business.
fn file_name(path: &Path) -> String {
    let name = std::fs::canonicalize(path).ok().and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| path.display().to_string()).replace(['\t', '\n', '\r'], " ")
}

/// A line of the summary.
fn said(name: &str, value: &str) {
    say(format_args!("{name:9} {value}"));
}

fn summary(options: &Options, format: Format, import: &Import, hierarchy: &Hierarchy) {
    let summary = &import.summary;
    for clash in import.clashes.iter().take(SHOWN) {
        say(format_args!("radlabel: clash: \"{}\" means {}; {} does without it", clash.term, clash.kept, clash.yields));
    }
    if import.clashes.len() > SHOWN {
        say(format_args!("radlabel: ... and {} more clashes", import.clashes.len() - SHOWN));
    }
    let format = crate::cli::value_name(&format);
    let taken = summary.known + summary.new;
    let mut lines = vec![
        ("read".to_owned(), format!("{} concepts ({format})", summary.read)),
        ("taken".to_owned(), format!("{taken}: {} new, {} known to radlabel", summary.new, summary.known)),
    ];
    listed(&mut lines, "left out", &summary.left);
    let mut wordings: Left = summary.unfit.clone();
    if summary.doubled > 0 {
        wordings.insert("there already", summary.doubled);
    }
    lines.push(("terms".to_owned(), format!("{}, {} of them cleaned", summary.terms, summary.cleaned)));
    listed(&mut lines, "no terms", &wordings);
    lines.push((
        "clashes".to_owned(),
        format!(
            "{} (built-in before new, preferred name before synonym, lower code before higher)",
            import.clashes.len()
        ),
    ));
    if summary.torn > 0 {
        lines.push(("unsure".to_owned(), format!("{} whose code several concepts share", summary.torn)));
    }
    if summary.placed > 0 {
        lines.push(("placed".to_owned(), format!("{} under a finding that their name ends with", summary.placed)));
    }
    if summary.hiding > 0 {
        let count = summary.hiding;
        let hint = if options.place_by_name { "" } else { " (--place-by-name)" };
        let told =
            format!("{count} hold the words of a known finding but do not lie under one, so labels miss it{hint}");
        lines.push(("hiding".to_owned(), told));
    }
    if hierarchy.orphans > 0 {
        lines.push(("orphans".to_owned(), format!("{} parents are not in the source", hierarchy.orphans)));
    }
    for (name, value) in lines {
        said(&name, &value);
    }
}

/// A line a reason, the name before the first.
fn listed(lines: &mut Vec<(String, String)>, name: &str, counts: &Left) {
    for (i, (why, count)) in counts.iter().enumerate() {
        lines.push((if i == 0 { name.to_owned() } else { String::new() }, format!("{count} {why}")));
    }
}
