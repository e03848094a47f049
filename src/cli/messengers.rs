//! The ways to tell people that the config names, with their secrets from the environment.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use crate::app::{Code, Error};
use crate::clock::Clock;
use crate::config::{ChannelSection, EmailSection, SlackSection, WebhookSection, environment};
use crate::domain::id::ChannelName;
use crate::engine::Messengers;
use crate::mail::{self, Mail};
use crate::messenger;
use crate::ports::Messenger;
use crate::slack::{self, Bot, Buttons, Hook, HookSettings};
use crate::tally::Tally;
use crate::teams::{self, Teams};
use crate::webhook::{self, Webhook};

/// The messengers of these channels, whose calls are counted in `tally`. Nothing is sent.
pub(super) fn of(
    channels: &BTreeMap<ChannelName, ChannelSection>,
    buttons: Buttons,
    clock: &Arc<dyn Clock>,
    tally: &Tally,
) -> Result<Messengers, Error> {
    let made = channels.iter().map(|(name, section)| {
        let channel = Channel { name, tally };
        let messenger: Arc<dyn Messenger> = match section {
            ChannelSection::Slack(section) => Arc::new(channel.slack(section, buttons)?),
            ChannelSection::SlackWebhook => Arc::new(channel.slack_webhook()?),
            ChannelSection::Teams => Arc::new(channel.teams()?),
            ChannelSection::Email(section) => Arc::new(channel.email(section)?),
            ChannelSection::Webhook(section) => Arc::new(channel.webhook(section, Arc::clone(clock))?),
        };
        Ok((name.clone(), messenger))
    });
    made.collect()
}

/// A channel that is made, to say which one is wrong.
struct Channel<'a> {
    name: &'a ChannelName,
    tally: &'a Tally,
}

impl Channel<'_> {
    fn slack(&self, section: &SlackSection, buttons: Buttons) -> Result<Bot, Error> {
        let token = self.required(environment::slack_bot_token(), "SLACK_BOT_TOKEN")?;
        let settings =
            slack::Settings { api: slack::API.to_owned(), token, channel: section.channel.clone(), buttons };
        Bot::new(settings, self.tally).map_err(|error| self.wrong(&error))
    }

    fn slack_webhook(&self) -> Result<Hook, Error> {
        Hook::new(&HookSettings { url: self.own("URL")? }, self.tally).map_err(|error| self.wrong(&error))
    }

    fn teams(&self) -> Result<Teams, Error> {
        let settings = teams::Settings { address: self.secret("URL")?, timeout: messenger::TIMEOUT };
        Teams::new(settings, self.tally).map_err(|error| self.wrong(&error))
    }

    fn email(&self, section: &EmailSection) -> Result<Mail, Error> {
        let login = match &section.user {
            None => None,
            Some(user) => Some(mail::Login { user: user.clone(), password: self.own("PASSWORD")? }),
        };
        let settings = mail::Settings {
            host: section.smtp.clone(),
            port: section.port,
            login,
            from: self.said(&section.from)?,
            to: section.to.iter().map(|to| self.said(to)).collect::<Result<_, _>>()?,
            timeout: messenger::TIMEOUT,
        };
        Mail::new(settings, self.tally).map_err(|error| self.wrong(&error))
    }

    fn webhook(&self, section: &WebhookSection, clock: Arc<dyn Clock>) -> Result<Webhook, Error> {
        let address = match &section.url {
            Some(url) => self.said(url)?,
            None => self.secret("URL")?,
        };
        let settings =
            webhook::Settings { address, secret: self.secret("SECRET")?, timeout: messenger::TIMEOUT };
        Webhook::new(settings, clock, self.tally).map_err(|error| self.wrong(&error))
    }

    /// What the config says of the channel.
    fn said<T: FromStr<Err: Display>>(&self, text: &str) -> Result<T, Error> {
        text.parse().map_err(|error: T::Err| self.wrong(&error))
    }

    /// What the environment says of it. It is not repeated.
    fn secret<T: FromStr<Err: Display>>(&self, what: &str) -> Result<T, Error> {
        let variable = environment::variable_of(self.name, what);
        let secret = self.own(what)?;
        secret.expose_secret().parse().map_err(|error: T::Err| self.wrong(&format!("{variable}: {error}")))
    }

    fn own(&self, what: &str) -> Result<SecretString, Error> {
        let variable = environment::variable_of(self.name, what);
        self.required(environment::secret(&variable), &variable)
    }

    fn required(
        &self,
        secret: Result<Option<SecretString>, crate::config::Error>,
        variable: &str,
    ) -> Result<SecretString, Error> {
        let secret = secret.map_err(|error| self.wrong(&error))?;
        secret
            .filter(|it| !it.expose_secret().is_empty())
            .ok_or_else(|| self.wrong(&format!("its secret is missing: set {variable} or {variable}_FILE")))
    }

    fn wrong(&self, what: &impl Display) -> Error {
        let name = self.name;
        Error::new(
            Code::ConfigInvalid,
            format!("the channel `{name}` cannot be used: {what}"),
            format!("correct [channels.{name}] or its secret, and start again"),
        )
    }
}
