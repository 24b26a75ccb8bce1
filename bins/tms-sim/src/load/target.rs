//! Where the load goes: the address as a socket needs it and as a request line needs it.

use crate::error::SimError;

/// A server that speaks plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address as it was given, for reports and the typed client.
    pub url: String,
    /// The host and port to connect to.
    pub socket: String,
    /// The path to which heartbeats are posted.
    pub heartbeat_path: String,
    /// The path to which logs are posted.
    pub logs_path: String,
}

impl Target {
    /// Reads an address such as `http://127.0.0.1:8000`; heartbeats go to `path`, or to where the API has them.
    pub fn parse(url: &str, path: Option<&str>) -> Result<Self, SimError> {
        let wrong = |why: &str| SimError::Settings(format!("{url} can't be loaded: {why}"));
        let parsed = reqwest::Url::parse(url).map_err(|_| wrong("it is not an address such as http://host:8000"))?;
        if parsed.scheme() != "http" {
            return Err(wrong(
                "load is sent over plain HTTP; put it in front of the proxy that ends TLS",
            ));
        }
        let host = parsed.host_str().ok_or_else(|| wrong("it has no host"))?;
        let port = parsed.port_or_known_default().ok_or_else(|| wrong("it has no port"))?;
        let root = parsed.path().trim_end_matches('/');
        let heartbeat_path = match path {
            Some(path) => format!("{root}/{}", path.trim_start_matches('/')),
            None => format!("{root}/api/v1/agent/heartbeat"),
        };
        if heartbeat_path.bytes().any(|b| b.is_ascii_control() || b == b' ') {
            return Err(wrong("the path has blanks"));
        }
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            socket: format!("{host}:{port}"),
            heartbeat_path,
            logs_path: format!("{root}/api/v1/agent/logs"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let target = Target::parse("http://127.0.0.1:8000/", None).unwrap();
        assert_eq!(target.socket, "127.0.0.1:8000");
        assert_eq!(target.heartbeat_path, "/api/v1/agent/heartbeat");
        let bare = Target::parse("http://[::1]/tms", Some("x")).unwrap();
        assert_eq!(
            (bare.socket.as_str(), bare.heartbeat_path.as_str()),
            ("[::1]:80", "/tms/x")
        );
        assert!(Target::parse("https://example.com", None).is_err());
        assert!(Target::parse("nowhere", None).is_err());
        assert!(Target::parse("http://h", Some("/a b")).is_err());
    }
}
