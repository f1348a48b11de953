//! Servers that answer as they should and as they should not, on loopback.

use super::super::server::Credentials;
use super::super::tests::Taken;
use super::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the server does with one connection.
type Act = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// A server that does one thing after another and then is gone; gives the heads of the requests.
fn serve(acts: Vec<Act>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    serve_at(listener, acts)
}

fn serve_at(listener: TcpListener, acts: Vec<Act>) -> (String, JoinHandle<Vec<String>>) {
    let address = format!("http://{}/dicom-web", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for act in acts {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                head.push(byte[0]);
            }
            heads.push(String::from_utf8_lossy(&head).into_owned());
            act(&mut stream);
        }
        heads
    });
    (address, thread)
}

fn answer(status: u16, headers: &str, body: &str) -> Act {
    let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}");
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let whole = format!("{head}{length}\r\n{body}");
    Box::new(move |stream| {
        let _ = stream.write_all(whole.as_bytes());
    })
}

fn json(body: &str) -> Act {
    answer(200, "Content-Type: application/dicom+json\r\n", body)
}

/// Studies of these numbers; each has a patient id that nobody may see.
fn studies(numbers: std::ops::Range<u32>) -> String {
    let study = |n| {
        format!(
            "{{\"0020000D\":{{\"vr\":\"UI\",\"Value\":[\"1.2.{n}\"]}},\
             \"00100020\":{{\"vr\":\"LO\",\"Value\":[\"P-SECRET-{n}\"]}}}}"
        )
    };
    format!("[{}]", numbers.map(study).collect::<Vec<_>>().join(","))
}

fn options() -> Server {
    Server {
        page: 3,
        backoff: Duration::from_millis(1),
        answer: Duration::from_secs(5),
        retries: 2,
        most_bytes: 1 << 20,
        ..Server::default()
    }
}

struct Outcome {
    rows: Vec<crate::study::StudyRow>,
    said: String,
    failed: bool,
    heads: Vec<String>,
}

fn ask(acts: Vec<Act>, options: &Server) -> Outcome {
    let (address, server) = serve(acts);
    let mut taken = Taken::default();
    let result = read(&address, options, &mut taken);
    let failed = result.is_err();
    let said = format!("{}{}", taken.messages(), result.err().map_or_else(String::new, |e| e.to_string()));
    assert!(!said.contains("SECRET"), "{said}");
    let heads = server.join().expect("the whole script");
    Outcome { rows: taken.rows, said, failed, heads }
}

/// The reading fails and says this.
fn refused(acts: Vec<Act>, said: &str) -> Outcome {
    let outcome = ask(acts, &options());
    assert!(outcome.failed && outcome.said.contains(said), "expected {said:?}, found {:?}", outcome.said);
    outcome
}

#[test]
fn pages_are_read_until_one_is_empty() {
    let mut options = options();
    options.query = vec![("PatientID".to_owned(), "P-SECRET 1\\ü".to_owned())];
    options.credentials = Credentials::Basic { user: "u".into(), password: "SECRET".into() };
    // The second page is short: servers have limits of their own.
    let partial = answer(206, "Content-Type: application/json; charset=utf-8\r\n", &studies(3..5));
    let found = ask(vec![json(&studies(0..3)), partial, json(&studies(5..6)), answer(204, "", "")], &options);
    assert!(!found.failed, "{}", found.said);
    let uids: Vec<_> = found.rows.iter().filter_map(|r| r.study_uid.clone()).collect();
    assert_eq!(uids, ["1.2.0", "1.2.1", "1.2.2", "1.2.3", "1.2.4", "1.2.5"]);
    assert_eq!(found.rows[1].patient_id.as_deref(), Some("P-SECRET-1"));
    for (head, offset) in found.heads.iter().zip([0, 3, 5, 6]) {
        let line =
            format!("GET /dicom-web/studies?limit=3&offset={offset}&PatientID=P-SECRET%201%5C%C3%BC&includefield=");
        assert!(head.starts_with(&line), "{head}");
        assert!(head.contains("Basic dTpTRUNSRVQ="), "{head}");
        assert!(head.to_lowercase().contains("accept: application/dicom+json"), "{head}");
    }
}

#[test]
fn series_and_instances_are_asked_for() {
    let series = r#"[{"0020000D":{"vr":"UI","Value":["1"]},"0020000E":{"vr":"UI","Value":["1.1"]}},
                     {"0020000D":{"vr":"UI","Value":["1"]},"0020000E":{"vr":"UI","Value":["1.2"]}}]"#;
    let found = ask(vec![json(series), json("[]")], &Server { level: Level::Series, ..options() });
    assert_eq!(found.rows.len(), 2, "{}", found.said);
    assert!(found.heads[0].starts_with("GET /dicom-web/series?"));
    let found = ask(vec![json("[]")], &Server { level: Level::Instance, ..options() });
    assert!(found.heads[0].starts_with("GET /dicom-web/instances?") && !found.failed);
}

#[test]
fn an_empty_server_is_no_fault() {
    for act in [json("[]"), json("[\n]"), answer(204, "", ""), answer(200, "", "")] {
        let found = ask(vec![act], &options());
        assert!(!found.failed && found.rows.is_empty() && found.said.is_empty(), "{}", found.said);
    }
}

#[test]
fn answers_that_are_no_results_are_told_by_place() {
    refused(vec![json("[{\"0020000D\": \"P-SECRET\" ")], "not valid JSON: at byte 2");
    refused(vec![json("{\"error\": \"P-SECRET\"}")], "is an object; expected an array");
    refused(vec![json("<html>P-SECRET")], "but a web page: at byte 1 of 14");
    let page = answer(200, "Content-Type: text/html; charset=utf-8\r\n", "<html>log in</html>");
    let found = refused(vec![page], "perhaps to log in; expected application/dicom+json");
    assert!(found.said.contains("/dicom-web/studies?limit=3&offset=0: "), "{}", found.said);
    refused(vec![answer(200, "Content-Encoding: gzip\r\n", "x")], "a packed answer");
    // What is wrong with one result costs that one.
    let found = ask(vec![json("[3, {\"0020000D\":{\"Value\":[\"1.2\"]}}]"), json("[]")], &options());
    assert!(found.rows.len() == 1 && found.said.contains("result 1 is no object"), "{}", found.said);
}

#[test]
fn redirects_stay_with_the_host() {
    let to = |location: &str| answer(302, &format!("Location: {location}\r\n"), "");
    let found = ask(vec![to("/other/studies?page=1"), json(&studies(0..1)), json("[]")], &options());
    assert!(!found.failed && found.heads[1].starts_with("GET /other/studies?page=1 "), "{}", found.said);
    refused((0..6).map(|_| to("/dicom-web/studies")).collect(), "more than 5 redirects");
    refused(vec![to("https://elsewhere.example/login?user=P-SECRET")], "another host (\"elsewhere.example\")");
    refused(vec![to("//elsewhere.example/")], "another host");
    refused(vec![to("http://127.0.0.1@elsewhere.example/")], "another host");
    refused(vec![to("ftp://127.0.0.1/")], "open text");
    refused(vec![answer(302, "", "")], "without Location");
}

#[test]
fn large_answers_are_refused_unread() {
    let claims = |stream: &mut TcpStream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n[";
        let _ = stream.write_all(head.as_bytes());
    };
    refused(vec![Box::new(claims)], "an answer of 10000000000 bytes; expected at most 1048576");
    let streams = |stream: &mut TcpStream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(1 << 16));
        // Ends when the other side goes away, long before 10 GB.
        for _ in 0..160_000 {
            if stream.write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
    };
    refused(vec![Box::new(streams)], "an answer of more than 1048576 bytes");
}

#[test]
fn slow_answers_end() {
    let drip = || -> Act {
        Box::new(|stream| {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            for _ in 0..40 {
                if stream.write_all(b" ").is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        })
    };
    let options = Server { answer: Duration::from_millis(300), retries: 1, ..options() };
    let start = Instant::now();
    let found = ask(vec![drip(), drip()], &options);
    assert!(found.failed && found.said.contains("no whole answer within 0.3 s"), "{}", found.said);
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[test]
fn broken_connections_are_tried_again() {
    let reset = || -> Act {
        Box::new(|stream| {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{\"00";
            let _ = stream.write_all(head.as_bytes());
        })
    };
    let found = ask(vec![reset(), Box::new(|_| {}), json(&studies(0..1)), json("[]")], &options());
    assert!(!found.failed && found.rows.len() == 1, "{}", found.said);
    assert!(found.said.contains("after 5 bytes of the answer; asked again"), "{}", found.said);
    let found = refused(vec![reset(), reset(), reset()], "(asked 3 times)");
    assert!(found.said.contains("--cache DIR"), "{}", found.said);
}

#[test]
fn a_server_in_need_is_given_time() {
    let busy = |status| answer(status, "Retry-After: 0\r\n", "");
    let found = ask(vec![busy(429), busy(503), json(&studies(0..1)), json("[]")], &options());
    assert!(!found.failed && found.rows.len() == 1, "{}", found.said);
    refused(vec![busy(500), busy(500), busy(500)], "HTTP 500 (asked 3 times)");
    refused(vec![answer(503, "Retry-After: 86400\r\n", "")], "asks to wait 86400 s");
    let start = Instant::now();
    ask(vec![answer(408, "Retry-After: 1\r\n", ""), json("[]")], &options());
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn statuses_say_what_is_expected() {
    refused(vec![answer(401, "", "P-SECRET")], "HTTP 401: the server wants to know who asks; expected --user");
    refused(vec![answer(404, "", "")], "expected the root of a DICOMweb service");
    refused(vec![answer(400, "", "")], "does not understand the query");
    refused(vec![answer(413, "", "")], "--page-size");
    let mut options = options();
    options.credentials = Credentials::Bearer("SECRET".into());
    for status in [401, 403] {
        let found = ask(vec![answer(status, "", "")], &options);
        assert!(found.failed && found.said.contains("these credentials"), "{}", found.said);
        assert!(found.heads[0].contains("Bearer SECRET"));
    }
    options.credentials = Credentials::Bearer("SECRET\n".into());
    let mut taken = Taken::default();
    let message = read("http://127.0.0.1:9/x", &options, &mut taken).expect_err("refused").to_string();
    assert!(message.contains("no HTTP header can hold") && !message.contains("SECRET"), "{message}");
}

#[test]
fn a_server_without_pages_ends() {
    // It ignores `offset`.
    let found = refused(vec![json(&studies(0..3)), json(&studies(0..3))], "the same 3 results again");
    assert!(found.said.contains("offset=3: ") && found.said.contains("3 studies came before"), "{}", found.said);
    // It ignores `limit` too: it has given all.
    let found = ask(vec![json(&studies(0..5)), json(&studies(0..5))], &options());
    assert!(!found.failed && found.rows.len() == 5 && found.said.contains("knows no pages"), "{}", found.said);
    // Results without a UID are told apart by all that they hold.
    let nameless = "[{\"00100020\":{\"Value\":[\"a\"]}},{\"00100020\":{\"Value\":[\"b\"]}}]";
    let found = refused(vec![json(nameless), json(nameless)], "the same 2 results again");
    assert_eq!(found.rows.len(), 2);
    // It gives old pages without end, though not the first.
    refused(vec![json(&studies(0..3)), json(&studies(1..3)), json(&studies(1..3))], "the same 2 results again");
}

#[test]
fn a_study_that_moved_to_the_next_page_is_taken_once() {
    let found = ask(vec![json(&studies(0..3)), json(&studies(2..5)), json(&studies(4..5)), json("[]")], &options());
    assert!(!found.failed && found.rows.len() == 5, "{}", found.said);
    assert!(found.said.contains("1 results came before"), "{}", found.said);
}

#[test]
fn a_stopped_run_goes_on_after_the_last_whole_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("pages");
    let options = Server { cache: Some(cache.clone()), retries: 0, ..options() };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let again = listener.try_clone().expect("the port");
    let (address, first) = serve_at(listener, vec![json(&studies(0..3)), json(&studies(3..6)), Box::new(|_| {})]);
    let mut taken = Taken::default();
    let message = read(&address, &options, &mut taken).expect_err("stopped").to_string();
    assert!(message.contains("6 studies came before; they are kept in"), "{message}");
    assert_eq!(taken.rows.len(), 6);
    first.join().expect("the script");

    let (_, second) = serve_at(again, vec![json(&studies(6..7)), json("[]")]);
    let mut whole = Taken::default();
    read(&address, &options, &mut whole).expect("the rest");
    let heads = second.join().expect("the script");
    assert!(heads[0].contains("limit=3&offset=6"), "{heads:?}");
    assert_eq!(whole.rows.len(), 7);
    assert_eq!(whole.rows[..6], taken.rows[..]);

    // All is there now: the server is not asked, and is gone.
    let mut kept = Taken::default();
    read(&address, &options, &mut kept).expect("kept pages");
    assert_eq!(kept.rows, whole.rows);

    let other = Server { query: vec![("Modality".into(), "CT".into())], ..options.clone() };
    let message = read(&address, &other, &mut Taken::default()).expect_err("another query").to_string();
    assert!(message.contains("another server, query, level or page size"), "{message}");
    std::fs::write(cache.join("page-000002.json"), "[{").expect("damaged");
    let message = read(&address, &options, &mut Taken::default()).expect_err("damaged").to_string();
    assert!(message.contains("page-000002.json") && message.contains("not valid JSON"), "{message}");
    let full = Server { cache: Some(folder.path().to_owned()), ..options };
    let message = read(&address, &full, &mut Taken::default()).expect_err("not empty").to_string();
    assert!(message.contains("not empty"), "{message}");
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/dicom-web", listener.local_addr().expect("an address"));
    drop(listener);
    let message = read(&address, &options(), &mut Taken::default()).expect_err("nobody").to_string();
    assert!(message.contains("connection refused") && message.contains("asked 3 times"), "{message}");
}

#[test]
fn damaged_answers_never_panic() {
    let whole = studies(0..2);
    let mut state: u64 = 11;
    for cut in (0..whole.len()).step_by(3) {
        let mut bytes = whole.as_bytes().to_vec();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes[cut] = (state >> 40) as u8;
        let _ = results(&bytes).map(|r| r.iter().filter_map(Value::as_object).map(dicom_json::row).count());
        bytes.truncate(cut);
        if let Err(message) = results(&bytes) {
            assert!(!message.contains("SECRET"), "{message}");
        }
    }
}
