//! GET, as a server on the other side of a hospital's network needs it: bounded in time and bytes, made again where that
//! can help, redirected within one host alone.
//!
//! Messages hold a status, a count of bytes or what the system says of a connection; never a header or a body.

use super::server::{Credentials, Server};
use crate::Error;
use base64::Engine as _;
use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::http::{HeaderMap, Uri, header};

/// The longest wait between two requests. A server that wants more is down for now.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
const REDIRECTS: u32 = 5;

/// The root of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// `http` or `https`.
    scheme: String,
    /// Host and, where it is told, port.
    authority: String,
    /// Host alone.
    host: String,
    /// Without the last slash.
    path: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`Error::Usage`], which shows nothing of an address that holds a password or a query.
    pub(crate) fn of(text: &str) -> Result<Address, Error> {
        let usage = |message: &str| Err(Error::Usage(message.to_owned()));
        let expected = "expected the root of a DICOMweb service, as https://host/dicom-web";
        let Ok(uri) = text.parse::<Uri>() else {
            return usage(&format!("not a valid address; {expected}"));
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return usage(&format!("not a whole address; {expected}"));
        };
        if authority.as_str().contains('@') {
            return usage("an address with a user in it, which others can see; expected --user and --password-file");
        }
        if uri.query().is_some() || text.contains('#') {
            return usage("an address with a query; expected --query ATTRIBUTE=VALUE");
        }
        Ok(Address {
            scheme: scheme.to_ascii_lowercase(),
            authority: authority.as_str().to_ascii_lowercase(),
            host: authority.host().to_ascii_lowercase(),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// A resource below it.
    pub(crate) fn below(&self, rest: &str) -> String {
        format!("{self}/{rest}")
    }

    /// Passwords go over the network as they are.
    pub(crate) fn is_open(&self) -> bool {
        let inside = matches!(self.host.as_str(), "localhost" | "[::1]") || self.host.starts_with("127.");
        self.scheme == "http" && !inside
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Asks one server.
pub(crate) struct Client {
    agent: ureq::Agent,
    address: Address,
    authorization: Option<String>,
    answer: Duration,
    retries: u32,
    backoff: Duration,
    most_bytes: u64,
}

/// Why one request came to nothing.
enum Fault {
    /// Asking again may help; after so long, where the server says so.
    Passing(String, Option<Duration>),
    /// It will not.
    Lasting(String),
}

impl Client {
    /// A client of this server.
    pub(crate) fn new(address: &Address, options: &Server) -> Client {
        let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(options.connect))
            .timeout_resolve(Some(options.connect))
            .timeout_per_call(Some(options.answer))
            .user_agent(concat!("radlabel/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        let authorization = match &options.credentials {
            Credentials::None => None,
            Credentials::Basic { user, password } => {
                let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                Some(format!("Basic {both}"))
            }
            Credentials::Bearer(token) => Some(format!("Bearer {token}")),
        };
        Client {
            agent: config.new_agent(),
            address: address.clone(),
            authorization,
            answer: options.answer,
            retries: options.retries,
            backoff: options.backoff,
            most_bytes: options.most_bytes,
        }
    }

    /// The body of the answer, which calls itself JSON; empty where there is none (204). Gives what went wrong last,
    /// after as many repetitions as may help; `repeated` is told before each.
    ///
    /// # Errors
    /// What the server answered, or what kept it from answering.
    pub(crate) fn json(&self, url: &str, mut repeated: impl FnMut(String)) -> Result<Vec<u8>, String> {
        let mut wait = self.backoff;
        let mut tries = 0;
        loop {
            let (message, asked) = match self.once(url) {
                Ok(body) => return Ok(body),
                Err(Fault::Lasting(message)) => return Err(message),
                Err(Fault::Passing(message, asked)) => (message, asked),
            };
            tries += 1;
            if tries > self.retries {
                let asked = if tries > 1 { format!(" (asked {tries} times)") } else { String::new() };
                return Err(message + &asked);
            }
            let pause = asked.unwrap_or(wait).min(LONGEST_WAIT.max(wait));
            if asked.is_some_and(|a| a > LONGEST_WAIT) {
                let seconds = asked.unwrap_or_default().as_secs();
                return Err(format!("{message}; it asks to wait {seconds} s, which is not done"));
            }
            repeated(format!("{message}; asked again in {:.1} s", pause.as_secs_f64()));
            std::thread::sleep(pause);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// One request and the redirects that it leads to.
    fn once(&self, url: &str) -> Result<Vec<u8>, Fault> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let mut request = self.agent.get(&url).header(header::ACCEPT, "application/dicom+json");
            if let Some(authorization) = &self.authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let mut response = request.call().map_err(|e| self.connection(&e))?;
            let status = response.status().as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                url = self.redirected(&url, response.headers()).map_err(Fault::Lasting)?;
                continue;
            }
            self.check(status, response.headers())?;
            if status == 204 {
                return Ok(Vec::new());
            }
            let body = self.body(&mut response)?;
            return match wrong_type(response.headers()) {
                Some(message) if !body.is_empty() => Err(Fault::Lasting(message)),
                _ => Ok(body),
            };
        }
        Err(Fault::Lasting(format!("more than {REDIRECTS} redirects; expected an answer")))
    }

    /// What a status other than success means.
    fn check(&self, status: u16, headers: &HeaderMap) -> Result<(), Fault> {
        let lasting = |message: &str| Err(Fault::Lasting(format!("HTTP {status}: {message}")));
        match status {
            200 | 204 | 206 => Ok(()),
            401 | 403 if self.authorization.is_none() => lasting(
                "the server wants to know who asks; expected --user with --password-file or --password-env, or \
                 --token-file or --token-env",
            ),
            401 => lasting("the server does not take these credentials (--user, --password-..., --token-...)"),
            403 => lasting("these credentials (--user, --password-..., --token-...) may not ask this"),
            404 => lasting("nothing is there; expected the root of a DICOMweb service, as https://host/dicom-web"),
            400 => lasting("the server does not understand the query (--query, --query-level)"),
            413 => lasting("too much for the server; expected a smaller --page-size or a narrower --query"),
            408 | 429 | 500 | 502 | 503 | 504 => {
                let wait = headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(retry_after);
                Err(Fault::Passing(format!("HTTP {status}"), wait))
            }
            _ => lasting("expected 200"),
        }
    }

    /// Where a redirect leads, within the same host and not to open text.
    fn redirected(&self, from: &str, headers: &HeaderMap) -> Result<String, String> {
        let to = headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
        let to = to.ok_or("a redirect without Location; expected an answer")?.trim();
        let whole = if to.contains("://") {
            to.to_owned()
        } else if to.starts_with("//") {
            format!("{}:{to}", self.address.scheme)
        } else if to.starts_with('/') {
            let root = from.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            format!("{root}{to}")
        } else {
            let path = from.split('?').next().unwrap_or(from);
            format!("{}/{to}", path.rsplit_once('/').map_or(path, |p| p.0))
        };
        let uri: Uri = whole.parse().map_err(|_| "a redirect to what is no address; expected an answer")?;
        let host = uri.host().unwrap_or("").to_ascii_lowercase();
        let scheme = uri.scheme_str().unwrap_or("").to_ascii_lowercase();
        let user = uri.authority().is_some_and(|a| a.as_str().contains('@'));
        if host != self.address.host || user {
            return Err(format!(
                "a redirect to another host ({}), which is not followed; is it a login page? Expected an answer of {}",
                crate::shown(&host),
                self.address.host
            ));
        }
        if scheme != "https" && scheme != self.address.scheme {
            return Err("a redirect from https to open text, which is not followed; expected an answer".to_owned());
        }
        Ok(whole)
    }

    /// Reads the body, up to the limit.
    fn body(&self, response: &mut ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, Fault> {
        let headers = response.headers();
        let claimed = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
        let packed = headers.get(header::CONTENT_ENCODING).is_some_and(|v| v != "identity");
        let limit = self.most_bytes;
        let too_large = |size: String| {
            let expected = format!("expected at most {limit} (a smaller --page-size)");
            Fault::Lasting(format!("an answer of {size} bytes; {expected}"))
        };
        if packed {
            return Err(Fault::Lasting(
                "a packed answer, though none was asked for; expected JSON as it is".to_owned(),
            ));
        }
        if let Some(claimed) = claimed.filter(|c| *c > limit) {
            return Err(too_large(claimed.to_string()));
        }
        let mut body = Vec::new();
        let reader = response.body_mut().with_config().limit(u64::MAX).reader();
        let read = reader.take(limit + 1).read_to_end(&mut body);
        if body.len() as u64 > limit {
            return Err(too_large(format!("more than {limit}")));
        }
        match read {
            Ok(_) => Ok(body),
            Err(error) => {
                let fault = self.connection(&ureq::Error::from(error));
                let after = |message: String| format!("{message}, after {} bytes of the answer", body.len());
                Err(match fault {
                    Fault::Passing(message, wait) => Fault::Passing(after(message), wait),
                    Fault::Lasting(message) => Fault::Lasting(after(message)),
                })
            }
        }
    }

    /// What the client says of a connection.
    fn connection(&self, error: &ureq::Error) -> Fault {
        use ureq::Error as E;
        match error {
            E::Timeout(_) => {
                let message = format!("no whole answer within {} s (--timeout)", self.answer.as_secs_f64());
                Fault::Passing(message, None)
            }
            E::HostNotFound => Fault::Passing(format!("no such host: {}", self.address.host), None),
            E::Io(error) if error.kind() == std::io::ErrorKind::InvalidData && self.address.scheme == "https" => {
                // What the TLS crate says of a certificate names hosts and authorities alone.
                let said = error.to_string();
                let said = if said.starts_with("invalid peer certificate") { said } else { "no TLS".to_owned() };
                Fault::Lasting(format!("TLS: {said} (SSL_CERT_FILE names a file of further certificates to trust)"))
            }
            // The kind alone: an error's text may hold what the server sent.
            E::Io(error) => Fault::Passing(format!("the connection failed: {}", error.kind()), None),
            E::ConnectionFailed => Fault::Passing("the connection failed".to_owned(), None),
            E::Protocol(_) => Fault::Passing("an answer that is no whole HTTP".to_owned(), None),
            E::Tls(message) => Fault::Lasting(format!("TLS: {message}")),
            E::Rustls(error) => {
                Fault::Lasting(format!("TLS: {error} (SSL_CERT_FILE names a file of further certificates to trust)"))
            }
            E::Http(_) => Fault::Lasting("a password or token that no HTTP header can hold".to_owned()),
            E::LargeResponseHeader(size, limit) => {
                Fault::Lasting(format!("a header of {size} bytes; expected at most {limit}"))
            }
            _ => Fault::Lasting("the request failed".to_owned()),
        }
    }
}

/// Why an answer that calls itself something else than JSON is none.
fn wrong_type(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or("?");
    let name = name.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if name.ends_with("json") {
        return None;
    }
    let hint = if name.ends_with("html") { "; a web page, perhaps to log in" } else { "" };
    Some(format!("the answer is {}{hint}; expected application/dicom+json", crate::shown(&name)))
}

/// The wait that Retry-After asks for: seconds, or a date (`Sun, 06 Nov 1994 08:49:37 GMT`).
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let parts: Vec<&str> = value.split([' ', ':']).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = parts[..] else {
        return None;
    };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|m| *m == month)? as u64 + 1;
    let number = |t: &str| t.parse::<u64>().ok();
    let (day, year) = (number(day).filter(|d| *d <= 31)?, number(year).filter(|y| (1970..10_000).contains(y))?);
    // Days since 1970, after Howard Hinnant's days_from_civil.
    let y = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = (y / 400) * 146_097 + (y % 400) * 365 + (y % 400) / 4 - (y % 400) / 100 + day_of_year;
    let clock = number(hour)? % 24 * 3600 + number(minute)? % 60 * 60 + number(second)? % 61;
    let at = Duration::from_secs((days.checked_sub(719_468)?) * 86_400 + clock);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let address = Address::of("HTTPS://Host:8042/dicom-web/").expect("an address");
        assert_eq!(address.to_string(), "https://host:8042/dicom-web");
        assert_eq!(address.below("studies"), "https://host:8042/dicom-web/studies");
        for (bad, said) in [
            ("http://u:secret@host/x", "--password-file"),
            ("http://host/x?PatientID=7", "--query"),
            ("http://", "expected the root"),
            ("https:///x y", "expected the root"),
        ] {
            let message = Address::of(bad).expect_err("refused").to_string();
            assert!(message.contains(said) && !message.contains("secret") && !message.contains('7'), "{message}");
        }
        assert!(Address::of("http://pacs/").expect("an address").is_open());
        assert!(!Address::of("http://127.0.0.1:8042").expect("an address").is_open());
    }

    #[test]
    fn waits() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let far = retry_after("Fri, 01 Jan 2100 00:00:00 GMT").expect("a date");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        assert!((far + now).as_secs().abs_diff(4_102_444_800) <= 1);
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("Sun, 00 Nov 1994 08:49:37 GMT"), None);
    }
}
