//! The only place that reads the process environment.

use secrecy::{ExposeSecret as _, SecretString};

use super::file::HarnessSection;
use super::{Error, JiraSection};
use crate::domain::id::ChannelName;
use crate::domain::text::shortened;
use crate::harness::Settings;
use crate::jira;
#[cfg(feature = "otlp")]
use crate::otlp;

/// The pipeline variable that carries the correlation key unless configured.
pub const CORRELATION_VARIABLE: &str = "correlation_key";

/// The variable `name`, or what the file named by `name_FILE` holds.
///
/// # Errors
/// When the file cannot be read.
pub fn secret(name: &str) -> Result<Option<SecretString>, Error> {
    if let Some(value) = text(name) {
        return Ok(Some(SecretString::from(value)));
    }
    let Some(path) = text(&format!("{name}_FILE")) else { return Ok(None) };
    let content = std::fs::read_to_string(&path).map_err(|error| {
        Error::Missing(format!("the file {path} named by {name}_FILE cannot be read: {error}"))
    })?;
    Ok(Some(SecretString::from(content.trim().to_owned())))
}

/// The variable that holds a secret of a channel: `CHANNEL_OPS_URL`.
#[must_use]
pub fn variable_of(channel: &ChannelName, what: &str) -> String {
    format!("CHANNEL_{}_{what}", channel.as_str().to_uppercase().replace('-', "_"))
}

/// Where Harness is and how to get in, from the environment and then the file.
///
/// # Errors
/// One sentence with everything that is missing.
pub fn harness_settings(file: &HarnessSection) -> Result<Settings, Error> {
    let api_key = secret("HARNESS_API_KEY")?;
    let account = text("HARNESS_ACCOUNT_ID")
        .or_else(|| file.account.clone())
        .or_else(|| api_key.as_ref().and_then(Settings::account_of));
    let org = text("HARNESS_ORG_ID").or_else(|| file.org.clone());
    let project = text("HARNESS_PROJECT_ID").or_else(|| file.project.clone());
    let (Some(api_key), Some(account), Some(org), Some(project)) =
        (api_key.clone(), account.clone(), org.clone(), project.clone())
    else {
        let missing: Vec<&str> = [
            ("HARNESS_API_KEY", api_key.is_none()),
            // A key of the usual form names its account.
            ("HARNESS_ACCOUNT_ID", api_key.is_some() && account.is_none()),
            ("HARNESS_ORG_ID", org.is_none()),
            ("HARNESS_PROJECT_ID", project.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        return Err(Error::Missing(format!(
            "credentials for Harness are missing: set {}; or use --simulate to try without an account",
            missing.join(", ")
        )));
    };
    Ok(Settings {
        base_url: text("HARNESS_BASE_URL")
            .or_else(|| file.base_url.clone())
            .unwrap_or_else(|| "https://app.harness.io".to_owned()),
        account,
        org,
        project,
        api_key,
        correlation_variable: match &file.correlation_variable {
            Some(name) => name.clone(),
            None => CORRELATION_VARIABLE.parse().map_err(|error| Error::Missing(format!("{error}")))?,
        },
        timeout: Settings::DEFAULT_TIMEOUT,
        requests_per_second: Settings::DEFAULT_REQUESTS_PER_SECOND,
    })
}

/// Where Jira is and how to get in: the file, and the token from the environment.
///
/// # Errors
/// When there is no token, or it cannot be read.
pub fn jira_settings(section: &JiraSection) -> Result<jira::Settings, Error> {
    let JiraSection { base_url, site, moves, .. } = section.clone();
    let token = secret("JIRA_API_TOKEN")?.filter(|it| !it.expose_secret().is_empty()).ok_or_else(|| {
        Error::Missing(
            "the config has [jira], and its token is missing: set JIRA_API_TOKEN or JIRA_API_TOKEN_FILE"
                .to_owned(),
        )
    })?;
    Ok(jira::Settings { base_url, site, token, moves })
}

/// A shared secret that is shorter can be tried out.
const SHORTEST_SECRET: usize = 16;

/// What Harness shows with its webhooks, if somebody set it.
///
/// # Errors
/// When it cannot be read, or is too short.
pub fn harness_webhook_secret() -> Result<Option<SecretString>, Error> {
    let secret = secret("HARNESS_WEBHOOK_SECRET")?;
    if secret.as_ref().is_some_and(|it| it.expose_secret().len() < SHORTEST_SECRET) {
        return Err(Error::Missing(format!(
            "HARNESS_WEBHOOK_SECRET is shorter than {SHORTEST_SECRET} characters; take random ones"
        )));
    }
    Ok(secret)
}

/// What Slack signs with what it sends here, if somebody set it. Without it no
/// answer from Slack is taken, and nobody is shown a button.
///
/// # Errors
/// When it cannot be read, or is too short.
pub fn slack_signing_secret() -> Result<Option<SecretString>, Error> {
    let secret = secret("SLACK_SIGNING_SECRET")?;
    if secret.as_ref().is_some_and(|it| it.expose_secret().len() < SHORTEST_SECRET) {
        return Err(Error::Missing(format!(
            "SLACK_SIGNING_SECRET is shorter than {SHORTEST_SECRET} characters; it stands under Basic Information of the app"
        )));
    }
    Ok(secret)
}

/// The token of the bot that writes to Slack, if somebody set it.
///
/// # Errors
/// When it cannot be read.
pub fn slack_bot_token() -> Result<Option<SecretString>, Error> {
    secret("SLACK_BOT_TOKEN")
}

/// Our secret at the OpenID provider, if somebody set it; without it we are a public client.
///
/// # Errors
/// When it cannot be read, or the file is empty.
pub fn openid_client_secret() -> Result<Option<SecretString>, Error> {
    let secret = secret("OPENID_CLIENT_SECRET")?;
    if secret.as_ref().is_some_and(|it| it.expose_secret().is_empty()) {
        return Err(Error::Missing("the file named by OPENID_CLIENT_SECRET_FILE is empty".to_owned()));
    }
    Ok(secret)
}

/// What a bridge shows to its server, if somebody set it.
///
/// # Errors
/// When it cannot be read, or the file is empty.
pub fn server_token() -> Result<Option<SecretString>, Error> {
    let token = secret("ORCHESTRATOR_TOKEN")?;
    if token.as_ref().is_some_and(|it| it.expose_secret().is_empty()) {
        return Err(Error::Missing("the file named by ORCHESTRATOR_TOKEN_FILE is empty".to_owned()));
    }
    Ok(token)
}

/// Where traces go, in the words of OpenTelemetry: exactly there, or below that.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The variable that asks for traces, unless another says that none are wanted.
#[must_use]
pub fn wants_traces() -> Option<&'static str> {
    let none_are_wanted = text("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        || text("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "none");
    [TRACES_ENDPOINT, ENDPOINT].into_iter().find(|name| text(name).is_some() && !none_are_wanted)
}

/// Where traces go, if somebody wants any.
///
/// # Errors
/// When the variables cannot be used, or a file that one of them names cannot be read.
#[cfg(feature = "otlp")]
pub fn trace_settings() -> Result<Option<otlp::Settings>, Error> {
    if wants_traces().is_none() {
        return Ok(None);
    }
    let headers = match secret("OTEL_EXPORTER_OTLP_TRACES_HEADERS")? {
        None => secret("OTEL_EXPORTER_OTLP_HEADERS")?,
        of_traces => of_traces,
    };
    let variables = otlp::Variables {
        endpoint: text(ENDPOINT),
        traces_endpoint: text(TRACES_ENDPOINT),
        headers,
        protocol: text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| text("OTEL_EXPORTER_OTLP_PROTOCOL")),
        service_name: text("OTEL_SERVICE_NAME"),
    };
    otlp::Settings::of(variables).map_err(|error| Error::Missing(error.to_string()))
}

/// The name of the person at this machine.
#[must_use]
pub fn os_user() -> String {
    text("USER")
        .or_else(|| text("LOGNAME"))
        .or_else(|| text("USERNAME"))
        .unwrap_or_else(|| "operator".to_owned())
}

/// What decides how much is logged, in `tracing`'s filter syntax, if somebody said so.
#[must_use]
pub fn log_filter() -> Option<String> {
    text(LOG)
}

const LOG: &str = "ORCHESTRATOR_LOG";

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// How the log is written: as text, unless somebody said otherwise.
///
/// # Errors
/// When there is no such format.
pub fn log_format() -> Result<LogFormat, Error> {
    match text("ORCHESTRATOR_LOG_FORMAT").as_deref() {
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(Error::Missing(format!(
            "ORCHESTRATOR_LOG_FORMAT is `{}`, and there is no such format of the log: set it to `text` or `json`",
            shortened(other, 40)
        ))),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the home of environment reads")]
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
