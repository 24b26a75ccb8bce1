//! Answers to what never became a request, with the error body of the contract.
//!
//! hyper answers a head that it can't read by itself, with a status and no body, and can't be told otherwise. Its answer
//! is recognised on its way to the socket and ours is sent instead.

use bytes::Bytes;

use crate::{
    origin::REQUEST_ID,
    problem::{Code, Problem},
};

/// What hyper's answers end with, and ours never have: an error without a body.
const NO_BODY: &str = "content-length: 0\r\n";

/// Returns what is sent instead of `written`, if that is hyper's own answer to a head that it can't read.
pub(super) fn instead_of(written: &[u8]) -> Option<Bytes> {
    let head = std::str::from_utf8(written).ok()?;
    let (status, _) = head.strip_prefix("HTTP/1.")?.get(2..)?.split_once("\r\n")?;
    let problem = match status.get(..3)? {
        "400" => Problem::malformed("this is not an HTTP/1.1 request"),
        "414" => Problem::new(Code::LongAddress),
        "431" => Problem::new(Code::LargeHead),
        _ => return None,
    };
    let is_bare = head.contains(NO_BODY) && head.find("\r\n\r\n")? + 4 == head.len();
    is_bare.then(|| alone(status, "", &problem))
}

/// Makes the whole answer to no request in particular, after which the connection ends.
pub(super) fn alone(status: &str, more: &str, problem: &Problem) -> Bytes {
    let (id, body) = problem.render_alone();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n{REQUEST_ID}: {id}\r\n{more}\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_of_hyper_are_replaced() {
        let bare = |line: &str| format!("HTTP/1.1 {line}\r\nconnection: close\r\n{NO_BODY}date: x\r\n\r\n");
        for (line, code) in [
            ("400 Bad Request", "VAL_003"),
            ("414 URI Too Long", "SIZE_001"),
            ("431 Request Header Fields Too Large", "SIZE_001"),
        ] {
            let text = String::from_utf8(instead_of(bare(line).as_bytes()).unwrap().to_vec()).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {line}\r\n")), "{text}");
            assert!(text.contains(&format!("\"code\":\"{code}\"")), "{text}");
            assert!(!text.contains("The body"), "nothing is wrong with the body: {text}");
            assert!(text.contains("\r\nconnection: close\r\n"), "{text}");
        }
        for other in [
            bare("200 OK"),
            bare("404 Not Found"),
            format!("HTTP/1.1 200 OK\r\n{NO_BODY}\r\n{}", bare("400 Bad Request")),
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
            "HTTP/1.1 4".to_owned(),
            String::new(),
        ] {
            assert!(instead_of(other.as_bytes()).is_none(), "{other:?}");
        }
    }
}
