//! A mail of plain text over SMTP. With STARTTLS nothing is said to a server that does not offer it.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::ExposeSecret;

use super::{SendError, error::without, secret};
use crate::{
    alert::{notice::Notice, text},
    config::{EmailConfig, MailTls},
    model::fault::with_causes,
};

const FROM: &str = "alerts.channels.email.from";
const TO: &str = "alerts.channels.email.to";
const PASSWORD_FILE: &str = "alerts.channels.email.password_file";
const CA_FILE: &str = "alerts.channels.email.ca_file";

/// Sends mails.
#[derive(Debug)]
pub(in crate::alert) struct Email {
    config: EmailConfig,
}

impl Email {
    /// `None` where no server is given.
    pub(super) fn new(config: &EmailConfig) -> Option<Self> {
        (!config.smtp_host.is_empty()).then(|| Self { config: config.clone() })
    }

    pub(super) async fn send(&self, notice: &Notice, limit: Duration) -> Result<(), SendError> {
        let mail = self.mail(notice)?;
        let tls = self.tls().await?;
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.config.smtp_host)
                .port(self.config.smtp_port)
                .tls(tls)
                .hello_name(ClientId::Domain(notice.origin.host.clone()))
                .timeout(Some(limit));
        let mut password = String::new();
        if let Some(file) = &self.config.password_file {
            password = secret::read(PASSWORD_FILE, file).await?.expose_secret().to_owned();
            builder =
                builder.credentials(Credentials::new(self.config.user.clone(), password.clone()));
        }
        let sent = builder.build().send(mail).await;
        sent.map(drop).map_err(|error| refused(&error, &password))
    }

    fn mail(&self, notice: &Notice) -> Result<Message, SendError> {
        let from = mailbox(FROM, &self.config.from)?;
        let domain = from.email.domain().to_owned();
        let mut builder = Message::builder()
            .from(from)
            .subject(text::subject(notice))
            .message_id(Some(format!("<{}@{domain}>", notice.id)))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.config.to {
            builder = builder.to(mailbox(TO, to)?);
        }
        let unfit = |_| SendError::Setting { setting: TO, reason: "no mail can be made of it" };
        builder.body(text::body(notice)).map_err(unfit)
    }

    async fn tls(&self) -> Result<Tls, SendError> {
        if self.config.tls == MailTls::None {
            return Ok(Tls::None);
        }
        let authorities = secret::authorities(CA_FILE, self.config.ca_file.as_ref()).await?;
        let unfit = |_| SendError::Setting { setting: CA_FILE, reason: "the file cannot be used" };
        let mut parameters = TlsParameters::builder(self.config.smtp_host.clone());
        parameters = match authorities {
            None => parameters.certificate_store(CertificateStore::WebpkiRoots),
            Some(pem) => parameters
                .certificate_store(CertificateStore::None)
                .add_root_certificate(Certificate::from_pem(&pem).map_err(unfit)?),
        };
        let parameters = parameters.build_rustls().map_err(unfit)?;
        Ok(match self.config.tls {
            MailTls::Implicit => Tls::Wrapper(parameters),
            MailTls::Starttls | MailTls::None => Tls::Required(parameters),
        })
    }
}

fn mailbox(setting: &'static str, text: &str) -> Result<Mailbox, SendError> {
    text.parse().map_err(|_| SendError::Setting { setting, reason: "an address is expected" })
}

fn refused(error: &lettre::transport::smtp::Error, password: &str) -> SendError {
    let said = without(&with_causes(error), &[password]);
    match (error.is_permanent(), error.is_transient()) {
        (false, false) => SendError::Unreachable(said),
        (_, may_pass) => SendError::Mail { said, may_pass },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{notice::Event, samples};

    #[test]
    fn a_mail_has_one_subject_line_and_plain_text() {
        let config = EmailConfig {
            smtp_host: "mail.example.org".to_owned(),
            from: "binleaf <binleaf@example.org>".to_owned(),
            to: vec!["a@example.org".to_owned(), "b@example.org".to_owned()],
            ..EmailConfig::default()
        };
        let email = Email::new(&config).unwrap();
        let mail = email.mail(&samples::lag(Event::Raised, 75.25)).unwrap();
        let text = String::from_utf8(mail.formatted()).unwrap();
        assert!(text.contains("Subject: [binleaf default@db-1] ERROR: lag: "), "{text}");
        assert!(text.contains("Content-Type: text/plain; charset=utf-8"), "{text}");
        assert!(text.contains("To: a@example.org, b@example.org"), "{text}");
        assert!(text.contains("@example.org>\r\n") && text.contains("Date: "), "{text}");
        assert!(Email::new(&EmailConfig::default()).is_none());
    }
}
