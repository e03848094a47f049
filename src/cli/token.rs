//! `token`: who gets in over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Global, act, output, server_key, wiring};
use crate::app::{App, Error, TokenRequest};
use crate::domain::id::PrincipalName;
use crate::domain::role::Role;
use crate::domain::token::Holder;

#[derive(Debug, clap::Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and show it, once.
    Create {
        /// A person in the config.
        person: PrincipalName,
        /// For agents that act for the person, and not for the person.
        #[arg(long)]
        agent: bool,
        /// For the person's browser: it signs in on the pages, and opens nothing else.
        #[arg(long, conflicts_with = "agent")]
        browser: bool,
        /// Limit it to this role of the person: viewer, operator, approver or admin. May be repeated.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<Role>,
        /// How long it is good; until it is revoked by default.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
    },
    /// List all tokens.
    List,
    /// Take a token back.
    Revoke {
        /// As `token list` shows it.
        id: String,
    },
}

pub(super) async fn run(global: &Global, command: TokenCommand) -> Result<(), Error> {
    match command {
        TokenCommand::Create { person, agent, browser, roles, days } => {
            let holder = match (agent, browser) {
                (true, _) => Holder::Agent { on_behalf_of: person },
                (false, true) => Holder::Browser { name: person },
                (false, false) => Holder::Human { name: person },
            };
            let roles: BTreeSet<Role> = roles.into_iter().collect();
            let request = TokenRequest {
                holder,
                roles: (!roles.is_empty()).then_some(roles),
                good_for: days.map(|days| Duration::from_hours(24 * u64::from(days))),
            };
            create(global, request).await
        }
        TokenCommand::List => list(global).await,
        TokenCommand::Revoke { id } => {
            let app = wiring::app(global)?;
            app.revoke_token(&id, &act::person(&app)).await?;
            if !global.json {
                output::line("revoked");
            }
            Ok(())
        }
    }
}

async fn create(global: &Global, request: TokenRequest) -> Result<(), Error> {
    let key = server_key::open(wiring::settings(global)?.server_key.as_deref())?;
    let app = App { server_key: Some(Arc::new(key)), ..wiring::app_with_database(global)? };
    let (view, secret) = app.make_token(request, &act::person(&app)).await?;
    if global.json {
        return output::json(&serde_json::json!({ "token": secret.to_secret_text(), "is": view }));
    }
    output::note(&format!("the token {} of {}; it is not shown again", view.id, view.holder));
    output::line(secret.to_secret_text());
    Ok(())
}

async fn list(global: &Global) -> Result<(), Error> {
    let tokens = wiring::app(global)?.tokens().await?;
    if global.json {
        return output::json(&tokens);
    }
    let rows = tokens
        .into_iter()
        .map(|it| {
            let roles = it.roles.map_or_else(|| "all".to_owned(), |roles| roles.join(", "));
            vec![it.id, it.holder, roles, it.expires_at.unwrap_or_default(), it.standing.to_owned()]
        })
        .collect();
    output::table(&["token", "of", "roles", "until", "standing"], rows);
    Ok(())
}
