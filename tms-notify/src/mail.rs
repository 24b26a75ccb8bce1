//! Mail over SMTP.

use std::{error::Error, fmt::Write as _, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::authentication::Credentials,
};
use tms_core::{
    notification::{Letter, MailSecurity, MailTarget, SendError},
    secret::Secret,
};

pub(crate) async fn send(
    target: &MailTarget,
    password: Option<&Secret<String>>,
    letter: &Letter,
    timeout: Duration,
) -> Result<(), SendError> {
    let message = message(target, letter)?;
    let transport = transport(target, password, timeout)?;
    // The time-out of the transport is that of each command.
    let sent = tokio::time::timeout(2 * timeout, transport.send(message)).await;
    let sent = sent.map_err(|_| SendError("the mail server takes too long".to_owned()))?;
    sent.map(|_| ()).map_err(|error| told(&error))
}

fn transport(
    target: &MailTarget,
    password: Option<&Secret<String>>,
    timeout: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, SendError> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let builder = match target.security {
        MailSecurity::Tls => Smtp::relay(&target.host).map_err(|error| told(&error))?,
        MailSecurity::StartTls => Smtp::starttls_relay(&target.host).map_err(|error| told(&error))?,
        MailSecurity::Plain => Smtp::builder_dangerous(&target.host),
    };
    let mut builder = builder.port(target.port).timeout(Some(timeout));
    if let Some((username, password)) = target.username.as_ref().zip(password) {
        builder = builder.credentials(Credentials::new(username.clone(), password.expose().clone()));
    }
    Ok(builder.build())
}

fn message(target: &MailTarget, letter: &Letter) -> Result<Message, SendError> {
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|error| told(&error));
    let domain = target.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let mut builder = Message::builder()
        .from(mailbox(&target.from)?)
        .subject(letter.subject.clone())
        // The same for each try: a receiver shows a repetition once.
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        .header(ContentType::TEXT_PLAIN);
    for address in &target.to {
        builder = builder.to(mailbox(address)?);
    }
    builder.body(letter.text.clone()).map_err(|error| told(&error))
}

fn told(error: &dyn Error) -> SendError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    SendError(text)
}
