//! Where a channel leads. What is secret of it is not here.

use crate::{error::FieldErrors, named_enum, text::InvalidText};

named_enum!(
    /// How the way to a mail server is protected.
    MailSecurity {
        /// TLS from the first byte.
        Tls = "tls",
        /// TLS after a greeting; without it nothing is sent.
        StartTls = "starttls",
        /// Not at all; only without a password.
        Plain = "none",
    }
);

/// Where a channel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Mail over SMTP; the secret is the password.
    Mail(MailTarget),
    /// A web hook; the secret is the key of its signature.
    WebHook {
        /// Where to.
        url: String,
    },
    /// What Slack understands; the secret is the address, as whoever knows it can write there.
    Slack {
        /// The host of the address.
        host: String,
    },
    /// A topic of SNS; without a secret, as the server's own role may publish there or may not.
    Sns {
        /// The topic.
        topic_arn: String,
    },
}

/// A mail server and who gets mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTarget {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way is protected.
    pub security: MailSecurity,
    /// Who signs in, if anybody must.
    pub username: Option<String>,
    /// Who writes.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
}

impl Target {
    /// Returns the name of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::WebHook { .. } => "web_hook",
            Self::Slack { .. } => "slack",
            Self::Sns { .. } => "sns",
        }
    }

    /// Names what its secret is for: the same text for the same receiver of it. A secret never goes anywhere else, so
    /// that nobody gets to know a password by naming a server of their own.
    pub fn receiver(&self) -> String {
        match self {
            Self::Mail(mail) => {
                let user = mail.username.as_deref().unwrap_or_default();
                format!("mail {} {}:{} {user}", mail.security, mail.host, mail.port)
            }
            Self::WebHook { url } => format!("web_hook {url}"),
            Self::Slack { host } => format!("slack {host}"),
            Self::Sns { topic_arn } => format!("sns {topic_arn}"),
        }
    }

    /// Names the field in which people give its secret; `None` when it does without one.
    pub const fn secret_field(&self) -> Option<&'static str> {
        match self {
            Self::Mail(mail) if mail.username.is_some() => Some("mail.password"),
            Self::WebHook { .. } => Some("web_hook.secret"),
            Self::Slack { .. } => Some("slack.url"),
            Self::Mail(_) | Self::Sns { .. } => None,
        }
    }

    /// Notes what is wrong with it.
    pub(super) fn check(&self, errors: &mut FieldErrors) {
        match self {
            Self::Mail(mail) => mail.check(errors),
            Self::WebHook { url } => {
                errors.take("web_hook.url", check_url(url));
            }
            Self::Slack { host } => {
                errors.take("slack.url", check_host(host));
            }
            Self::Sns { topic_arn } => {
                errors.take("sns.topic_arn", check_topic(topic_arn));
            }
        }
    }
}

impl MailTarget {
    fn check(&self, errors: &mut FieldErrors) {
        errors.take("mail.host", check_host(&self.host));
        if self.port == 0 {
            errors.add("mail.port", "must be 1 to 65535");
        }
        if self.username.is_some() && self.security == MailSecurity::Plain {
            errors.add("mail.security", "a password is not sent without TLS");
        }
        if self
            .username
            .as_ref()
            .is_some_and(|name| name.len() > 320 || name.chars().any(char::is_control))
        {
            errors.add("mail.username", "must be at most 320 characters");
        }
        errors.take("mail.sender", check_address(&self.from));
        if self.to.is_empty() || self.to.len() > 50 {
            errors.add("mail.receivers", "must be 1 to 50 addresses");
        }
        for address in &self.to {
            errors.take("mail.receivers", check_address(address));
        }
    }
}

/// Checks that a text can be the address of a web hook, and returns its host.
///
/// # Errors
/// [`InvalidText`] for another scheme than http and https, for a password within, and for what is no address.
pub fn check_url(url: &str) -> Result<String, InvalidText> {
    let wrong = || InvalidText("must be an address such as https://example.com/hook".to_owned());
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.filter(|_| url.len() <= 2_000 && url.bytes().all(|b| b.is_ascii_graphic()));
    let authority = rest
        .and_then(|rest| rest.split(['/', '?', '#', '\\']).next())
        .ok_or_else(wrong)?;
    if authority.contains('@') {
        return Err(InvalidText("must not contain a password".to_owned()));
    }
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let port = port.strip_prefix(':').unwrap_or(port);
            address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            check_port(port).ok_or_else(wrong)?;
            return Ok(address.to_owned());
        }
        None => match authority.split_once(':') {
            Some((host, port)) => check_port(port).map(|()| host).ok_or_else(wrong)?,
            None => authority,
        },
    };
    check_host(host).map_err(|_| wrong())?;
    Ok(host.to_owned())
}

fn check_port(port: &str) -> Option<()> {
    (port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(())
}

fn check_host(host: &str) -> Result<(), InvalidText> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if (1..=253).contains(&host.len()) && host.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(InvalidText("must be the name of a host".to_owned()))
    }
}

/// Checks `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
fn check_topic(arn: &str) -> Result<(), InvalidText> {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_word = |part: &str| {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=32).contains(&part.len()) && part.bytes().all(is_plain)
    };
    let is_topic = |name: &str| {
        let bare = name.strip_suffix(".fifo").unwrap_or(name);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        (1..=256).contains(&name.len()) && !bare.is_empty() && bare.bytes().all(is_plain)
    };
    match parts.as_slice() {
        ["arn", partition, "sns", region, account, name]
            if is_word(partition)
                && is_word(region)
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && is_topic(name) =>
        {
            Ok(())
        }
        _ => {
            let example = "must be the ARN of a topic, such as arn:aws:sns:ap-northeast-1:123456789012:alerts";
            Err(InvalidText(example.to_owned()))
        }
    }
}

fn check_address(address: &str) -> Result<(), InvalidText> {
    let wrong = || InvalidText("must be an e-mail address".to_owned());
    let (name, host) = address.rsplit_once('@').ok_or_else(wrong)?;
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>(),;:\"[]\\@".contains(c);
    let is_name = !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain);
    check_host(host).ok().filter(|()| is_name).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_web_hooks_are_checked() {
        for (url, host) in [
            ("https://example.com/hook?x=1", "example.com"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://[::1]:443/a@b", "::1"),
        ] {
            assert_eq!(check_url(url).as_deref(), Ok(host), "{url}");
        }
        for wrong in [
            "",
            "ftp://example.com",
            "https://",
            "https://a b",
            "https://user:pw@example.com",
            "https://example.com:0",
            "https://example.com:99999",
            "https://[::1",
            "https://[x]/",
            "file:///etc/passwd",
            "https:///path",
            "https://example.com\\@evil.example",
        ] {
            match check_url(wrong) {
                Err(_) => {}
                // A back slash ends the host as browsers read it.
                Ok(host) => assert_eq!(
                    (wrong, host.as_str()),
                    ("https://example.com\\@evil.example", "example.com")
                ),
            }
        }
    }

    #[test]
    fn names_of_topics_are_checked() {
        let arn = "arn:aws:sns:ap-northeast-1:123456789012:alerts";
        for right in [arn, "arn:aws-cn:sns:cn-north-1:123456789012:a_B-1.fifo"] {
            assert!(check_topic(right).is_ok(), "{right}");
        }
        let wrongs = [
            "",
            "alerts",
            "arn:aws:sqs:ap-northeast-1:123456789012:alerts",
            &format!("{arn}:sub"),
        ];
        for wrong in wrongs {
            assert!(check_topic(wrong).is_err(), "{wrong:?}");
        }
        for (part, other) in [
            ("ap-northeast-1", ""),
            ("ap-northeast-1", "evil.example/"),
            ("123456789012", "123"),
            ("123456789012", "12345678901x"),
            ("alerts", ""),
            ("alerts", "a b"),
            ("alerts", "a.b"),
            ("alerts", ".fifo"),
        ] {
            let wrong = arn.replace(part, other);
            assert!(check_topic(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn addresses_of_people_are_checked() {
        assert!(check_address("a.b+c@example.com").is_ok());
        for wrong in ["", "a", "@b", "a@", "a b@c", "a@b c", "a\r\nBcc: x@b", "a@b@c", "<a@b>"] {
            assert!(check_address(wrong).is_err(), "{wrong:?}");
        }
    }
}
