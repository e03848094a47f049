//! `doctor`: what stands between this installation and a deployment, and what
//! everybody should know about its rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::{Finding, Level};
use super::{Global, listen, messengers, output, traces, wiring};
use crate::app::{App, Code, Error, MessageView};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, OauthSection, Policy, environment};
use crate::domain::gate::Gate;
use crate::domain::origin::Origin;
use crate::domain::text::visible;
use crate::slack::Buttons;
use crate::store::Which;
use crate::tally::Tally;

pub(super) async fn run(global: &Global) -> Result<(), Error> {
    let findings = examine(global).await;
    if global.json {
        output::json(&serde_json::json!({ "findings": findings }))?;
    } else {
        findings.iter().for_each(Finding::show);
    }
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    if errors == 0 {
        return Ok(());
    }
    Err(Error::new(
        Code::ChecksFailed,
        format!("{errors} of {} checks failed", findings.len()),
        "the remedies stand above",
    ))
}

async fn examine(global: &Global) -> Vec<Finding> {
    let settings = match wiring::settings(global) {
        Ok(settings) => settings,
        Err(error) => return vec![Finding::of("config", &error)],
    };
    let mut findings = vec![match global.config_file() {
        Ok(Some(path)) => Finding::good("config", format!("{} is read", path.display())),
        _ => Finding::bad(
            Level::Warning,
            "config",
            "there is no config file; the defaults are in force",
            "write one as docs/config.md shows, above all with approvers",
        ),
    }];
    findings.extend(gates(&settings.policy));
    findings.extend(oauth(&settings).await);
    findings.extend(sign_in(&settings).await);
    findings.push(match environment::harness_settings(&settings.harness) {
        Ok(_) => Finding::good("credentials", "the credentials of Harness are there"),
        Err(error) => Finding::of("credentials", &wiring::unusable(&error)),
    });
    findings.extend(settings.jira.as_ref().map(|section| match environment::jira_settings(section) {
        Ok(_) => Finding::good("jira", format!("the token of {} is there", section.base_url)),
        Err(error) => Finding::of("jira", &wiring::unusable(&error)),
    }));
    if !settings.channels.is_empty() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        findings.push(match messengers::of(&settings.channels, Buttons::Absent, &clock, &Tally::default()) {
            Ok(messengers) => Finding::good("channels", format!("{} channels can be told", messengers.len())),
            Err(error) => Finding::of("channels", &error),
        });
    }
    findings.extend(traces::findings().await);
    match wiring::app(global) {
        Ok(app) => findings.extend(stored(&app).await),
        Err(error) => findings.push(Finding::bad(Level::Warning, "database", error.message, error.hint)),
    }
    findings
}

fn gates(policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    for environment in policy.workflow.environments.iter().filter(|environment| environment.gated) {
        let name = &environment.name;
        match policy.gates.get(name) {
            None => findings.push(Finding::bad(
                Level::Error,
                "gate",
                format!("nobody may approve {name}, so no deployment can go there"),
                format!("name approvers under `approval` of environment `{name}`"),
            )),
            Some(gate) => findings.extend(gate_findings(policy, name.as_str(), gate)),
        }
    }
    for path in policy.paths.keys() {
        for (environment, gate) in policy.gates_on(Some(path)).iter() {
            findings.extend(gate_findings(policy, &format!("{environment} on the path {path}"), gate));
        }
    }
    findings
}

fn gate_findings(policy: &Policy, name: &str, gate: &Gate) -> Vec<Finding> {
    let mut findings = vec![Finding::good(
        "gate",
        format!("{name}: {} of {} people approve", gate.required_approvals, gate.approvers.len()),
    )];
    findings.extend(gate.accept.iter().filter_map(|assurance| assurance.caveat()).map(|caveat| {
        Finding::bad(
            Level::Warning,
            "weak-approval",
            format!("{name}: {caveat}"),
            "leave it out of `accept`, except in a sandbox",
        )
    }));
    if gate.allow_self_approval {
        findings.push(Finding::bad(
            Level::Warning,
            "self-approval",
            format!("{name}: whoever starts a deployment may approve it"),
            "set `allow_self_approval = false`",
        ));
        return findings;
    }
    let others = || gate.approvers.iter().filter(|it| !gate.is_same_person(&it.name, &policy.user));
    let mut dead_end = |what: String, remedy: String| {
        let what = format!("{name}: without {}, for whom agents start deployments here, {what}", policy.user);
        findings.push(Finding::bad(Level::Error, "four-eyes", what, remedy));
    };
    let left = others().count();
    if left < usize::try_from(gate.required_approvals).unwrap_or(usize::MAX) {
        dead_end(
            format!("only {left} approvers are left of {} that are required", gate.required_approvals),
            "name another approver".to_owned(),
        );
    }
    for group in gate.required_groups.iter().filter(|it| !others().any(|one| it.members.contains(&one.name)))
    {
        dead_end(
            format!("nobody is left of the required group `{}`", group.name),
            format!("add an approver to the group `{}`", group.name),
        );
    }
    findings
}

/// Whether access tokens could be checked now, and whom they would let in.
async fn oauth(settings: &Config) -> Vec<Finding> {
    let Some(section) = &settings.http.oauth else { return Vec::new() };
    let mut findings = vec![keys(section).await];
    if settings.policy.people.values().all(|person| person.oauth_subject.is_none()) {
        findings.push(Finding::bad(
            Level::Warning,
            "oauth",
            "no person has an `oauth_subject`, so access tokens let nobody in",
            format!("add to people what {} calls them", section.issuer),
        ));
    }
    let public = settings.http.public_url.as_ref().map(Origin::to_string);
    if section.audience.is_none() && public.is_none() {
        findings.push(Finding::bad(
            Level::Warning,
            "oauth",
            "access tokens must be for the address that --http names, which changes with it",
            "name `public_url` under [http], or `audience` under [http.oauth]",
        ));
    }
    findings
}

async fn keys(section: &OauthSection) -> Finding {
    let issuer = &section.issuer;
    let server = match listen::authorization_server(section, String::new(), &Tally::default()) {
        Ok(server) => server,
        Err(error) => return Finding::of("oauth", &error),
    };
    match server.reach().await {
        Ok(keys) => Finding::good("oauth", format!("{issuer} publishes {keys} keys that can be used")),
        Err(error) => Finding::bad(
            Level::Error,
            "oauth",
            format!("access tokens of {issuer} cannot be checked: {error}"),
            format!("look at {}, and at `jwks_url` under [http.oauth]", section.jwks_url),
        ),
    }
}

/// Whether people could sign in at the OpenID provider now, and whom it would sign in.
async fn sign_in(settings: &Config) -> Vec<Finding> {
    let Some(section) = &settings.http.sign_in else { return Vec::new() };
    let issuer = &section.expected.issuer;
    let reached = match listen::openid_provider(section, &settings.http, &Tally::default()) {
        Ok(provider) => provider.reach(SystemClock.now()).await,
        Err(error) => return vec![Finding::of("sign-in", &error)],
    };
    let mut findings = vec![match reached {
        Ok(keys) => Finding::good("sign-in", format!("{issuer} publishes {keys} keys that can be used")),
        Err(error) => Finding::bad(
            Level::Error,
            "sign-in",
            format!("nobody can sign in at {issuer}: {error}"),
            "look at `issuer` under [http.sign_in], and below it at /.well-known/openid-configuration",
        ),
    }];
    if settings.policy.people.values().all(|person| person.openid_subject.is_none()) {
        findings.push(Finding::bad(
            Level::Warning,
            "sign-in",
            "no person has an `openid_subject`, so that sign-in lets nobody in",
            format!("add to people what {issuer} calls them; whoever signs in there is told"),
        ));
    }
    findings
}

/// The channels to which something was not told, and is not tried again.
fn given_up(messages: &[MessageView]) -> Vec<Finding> {
    let mut channels: BTreeMap<&str, Vec<&MessageView>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.given_up) {
        channels.entry(&message.channel).or_default().push(message);
    }
    let finding = |(channel, messages): (&str, Vec<&MessageView>)| {
        let last = messages.last().and_then(|it| it.error_untrusted.as_deref()).unwrap_or_default();
        Finding::bad(
            Level::Warning,
            "messages",
            format!(
                "{channel}: {} messages were given up, the last because {}",
                messages.len(),
                visible(last)
            ),
            format!("mend the channel, then run `messages --resend --channel {channel}`"),
        )
    };
    channels.into_iter().map(finding).collect()
}

async fn stored(app: &App) -> Vec<Finding> {
    let mut findings = vec![Finding::good("database", "the database can be used")];
    match app.frozen_agents().await {
        Ok(None) => {}
        Ok(Some(frozen)) => findings.push(Finding::bad(
            Level::Warning,
            "agents-frozen",
            format!(
                "all agents are stopped since {} by {}: {}",
                frozen.at, frozen.by, frozen.reason_untrusted
            ),
            "an admin runs `release-agents` when the reason is gone",
        )),
        Err(error) => findings.push(Finding::of("agents-frozen", &error)),
    }
    match app.messages(Which::default()).await {
        Ok(messages) => findings.extend(given_up(&messages)),
        Err(error) => findings.push(Finding::of("messages", &error)),
    }
    match app.reviews().await {
        Ok(reviews) => findings.extend(reviews.into_iter().map(|review| {
            Finding::bad(
                Level::Warning,
                "review-due",
                format!(
                    "{}: the glass of {} was broken at {}",
                    review.deployment_id, review.environment, review.at
                ),
                format!("an admin who did not take part runs `review {} --note …`", review.deployment_id),
            )
        })),
        Err(error) => findings.push(Finding::of("review-due", &error)),
    }
    findings
}
