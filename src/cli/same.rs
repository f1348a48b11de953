//! Refuses an output that is one of the inputs.
//!
//! Files are compared by what they are, not by name: links and relative paths give a file many names. Only
//! regular files can be lost; reading and writing one device or terminal is nobody's mistake.

use crate::Error;
use crate::input::is_report_file;
use crate::output::is_standard;
use std::fs::Metadata;
use std::path::Path;

/// [`Error::Usage`] where writing `output` (`None`: standard output) would destroy one of `inputs`.
pub(super) fn refuse<'p>(output: Option<&Path>, inputs: impl IntoIterator<Item = &'p Path>) -> Result<(), Error> {
    let output = output.filter(|p| !is_standard(p)).unwrap_or(Path::new("/dev/stdout"));
    let Some(target) = std::fs::metadata(output).ok().filter(Metadata::is_file) else {
        return Ok(());
    };
    let place = std::fs::canonicalize(output).unwrap_or_else(|_| output.to_owned());
    for input in inputs {
        let path = if input == Path::new("-") { Path::new("/dev/stdin") } else { input };
        let Ok(metadata) = std::fs::metadata(path) else {
            continue;
        };
        let same = match metadata.is_dir() {
            true => is_report_file(&place) && std::fs::canonicalize(path).is_ok_and(|folder| place.starts_with(folder)),
            false => identity(path, &metadata) == identity(&place, &target),
        };
        if same {
            let (output, input) = (output.display(), input.display());
            return Err(Error::Usage(format!(
                "the output {output} is one of the inputs ({input}); expected another file, as it would be replaced"
            )));
        }
    }
    Ok(())
}

/// The same for a second output, which must not be the first either.
pub(super) fn refuse_each<'p>(
    second: Option<&Path>,
    inputs: impl IntoIterator<Item = &'p Path>,
    first: Option<&Path>,
) -> Result<(), Error> {
    let Some(second) = second else { return Ok(()) };
    if first == Some(second) {
        let message = format!("{} is asked for twice, for two different outputs", second.display());
        return Err(Error::Usage(message));
    }
    refuse(Some(second), inputs)
}

/// Refuses one place for two outputs, by whatever names.
pub(super) fn refuse_twice(outputs: &[&Path]) -> Result<(), Error> {
    // What is not there yet has a folder that is.
    let place = |path: &Path| {
        std::fs::canonicalize(path).ok().or_else(|| {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(std::fs::canonicalize(folder).ok()?.join(path.file_name()?))
        })
    };
    for (at, output) in
        outputs.iter().enumerate().filter(|(_, o)| std::fs::metadata(o).is_ok_and(|m| m.is_file()) || !o.exists())
    {
        let here = place(output);
        if outputs[..at].iter().any(|o| o == output || here.is_some() && place(o) == here) {
            let message = format!("{} is asked for twice, for two different outputs", output.display());
            return Err(Error::Usage(message));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path, _: &Metadata) -> Option<std::path::PathBuf> {
    std::fs::canonicalize(path).ok()
}
