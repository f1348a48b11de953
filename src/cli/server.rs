//! How the command line says whom and what to ask a DICOMweb server.

use crate::Error;
use crate::imaging::server::{Credentials, Level, Server};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Asking a DICOMweb server.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "DICOMweb servers (inputs that begin with http:// or https://)")]
pub(super) struct ServerOptions {
    /// User name; the password comes from a file or a variable
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File that holds the password
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Environment variable that holds the password [default: RADLABEL_PASSWORD]
    #[arg(long, value_name = "NAME", requires = "user")]
    password_env: Option<String>,
    /// File that holds a bearer token
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "token_env"])]
    token_file: Option<PathBuf>,
    /// Environment variable that holds a bearer token
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    token_env: Option<String>,
    /// What the server is asked for
    #[arg(long, value_enum, default_value_t, value_name = "LEVEL")]
    query_level: Level,
    /// Only what has this value, as StudyDate=20110101-20111231 or ModalitiesInStudy=CT; may be repeated
    #[arg(long, value_name = "ATTRIBUTE=VALUE")]
    query: Vec<String>,
    /// Results asked for at once
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    page_size: u32,
    /// Folder that keeps every page: after a stop, the same command goes on from there. It holds patients' data
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Seconds within which an answer must be there whole
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How often a request that failed is made again, after 0.5, 1, 2, ... seconds or what the server asks for
    #[arg(long, value_name = "N", default_value_t = 4)]
    retries: u32,
}

impl ServerOptions {
    /// What they come to; secrets are read now.
    ///
    /// # Errors
    /// A secret that is not there, a query that is none.
    pub(super) fn server(&self) -> Result<Server, Error> {
        Ok(Server {
            credentials: self.credentials()?,
            level: self.query_level,
            query: self.query.iter().map(|q| query(q)).collect::<Result<_, _>>()?,
            page: self.page_size,
            cache: self.cache.clone(),
            answer: Duration::from_secs(self.timeout),
            connect: Duration::from_secs(self.timeout.min(10)),
            retries: self.retries,
            ..Server::default()
        })
    }

    fn credentials(&self) -> Result<Credentials, Error> {
        if let Some(user) = &self.user {
            if user.contains(':') {
                return Err(Error::Usage("--user: a user name with a colon, which HTTP does not allow".to_owned()));
            }
            let password = match (&self.password_file, &self.password_env) {
                (Some(file), _) => of_file("--password-file", file)?,
                (None, Some(name)) => of_variable("--password-env", name)?,
                (None, None) => of_variable("--user without --password-file or --password-env", "RADLABEL_PASSWORD")?,
            };
            return Ok(Credentials::Basic { user: user.clone(), password });
        }
        match (&self.token_file, &self.token_env) {
            (Some(file), _) => of_file("--token-file", file).map(Credentials::Bearer),
            (None, Some(name)) => of_variable("--token-env", name).map(Credentials::Bearer),
            (None, None) => Ok(Credentials::None),
        }
    }
}

fn of_file(option: &str, path: &Path) -> Result<String, Error> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| Error::input(place, format!("{option}: {e}")))?;
    secret(option, text)
}

fn of_variable(option: &str, name: &str) -> Result<String, Error> {
    match std::env::var(name) {
        Ok(text) => secret(option, text),
        Err(_) => Err(Error::Usage(format!("{option}: no environment variable {name} with text in it"))),
    }
}

/// One line without its end.
fn secret(option: &str, text: String) -> Result<String, Error> {
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.contains(char::is_control) {
        return Err(Error::Usage(format!("{option}: expected one line of text")));
    }
    Ok(line.to_owned())
}

/// An attribute, by keyword or tag, and its value.
fn query(text: &str) -> Result<(String, String), Error> {
    let (attribute, value) = text.split_once('=').unwrap_or((text, ""));
    let named = attribute.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') && !attribute.is_empty();
    let paging = ["limit", "offset", "includefield"].iter().any(|p| attribute.eq_ignore_ascii_case(p));
    if !named || paging || value.is_empty() {
        // A value may be a patient's id, so it is not shown.
        let message = "--query: expected ATTRIBUTE=VALUE, the attribute a DICOM keyword or tag (StudyDate, 00080020)";
        return Err(Error::Usage(message.to_owned()));
    }
    Ok((attribute.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: ServerOptions,
    }

    fn server(arguments: &[&str]) -> Result<Server, String> {
        let line = Line::try_parse_from([&["x"], arguments].concat()).map_err(|e| e.to_string())?;
        line.options.server().map_err(|e| e.to_string())
    }

    #[test]
    fn secrets_come_from_files_and_are_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "hush\r\n").expect("written");
        let file = path.to_str().expect("a path");
        let basic = server(&["--user", "u", "--password-file", file]).expect("options");
        assert_eq!(basic.credentials, Credentials::Basic { user: "u".into(), password: "hush".into() });
        assert!(!format!("{basic:?}").contains("hush"));
        let bearer = server(&["--token-file", file]).expect("options");
        assert_eq!(bearer.credentials, Credentials::Bearer("hush".into()));
        std::fs::write(&path, "hush\nmore").expect("written");
        let message = server(&["--token-file", file]).expect_err("two lines");
        assert!(message.contains("one line") && !message.contains("hush"), "{message}");
        assert!(server(&["--user", "u", "--password-env", "RADLABEL_NO_SUCH"]).is_err());
        assert!(server(&["--user", "u", "--token-file", file]).is_err());
        assert!(server(&["--password-file", file]).is_err());
    }

    #[test]
    fn queries_are_attributes_with_values() {
        let found = server(&["--query", "StudyDate=20110101-20111231", "--query", "00100020=a=b"]).expect("options");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found.query, [pair("StudyDate", "20110101-20111231"), pair("00100020", "a=b")]);
        for bad in ["PatientID", "=x", "limit=5", "a b=c", "PatientID="] {
            let message = server(&["--query", bad]).expect_err("refused");
            assert!(message.contains("ATTRIBUTE=VALUE"), "{message}");
        }
    }
}
