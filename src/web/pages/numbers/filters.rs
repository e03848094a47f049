//! What somebody wants to see numbers of: as it was typed into the form, and as a link.

use std::fmt;

use axum::extract::Query;
use axum::http::Uri;

use crate::app::metrics::MetricsRequest;
use crate::domain::id::{EnvironmentName, Service};
use crate::domain::metrics::window;

/// The most bytes of a window in a link. The longest that anybody needs has a dozen.
const LONGEST_WINDOW: usize = 40;

/// What the form has, as it was typed. Blank is what is left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) window: String,
    pub(super) service: String,
    pub(super) environment: String,
}

impl Typed {
    /// Of the fields of a query, and the first of them that the form does not have, or has twice.
    pub(super) fn of(fields: Vec<(String, String)>) -> (Self, Option<String>) {
        let mut typed = Self::default();
        let mut strange = None;
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in fields {
            let value = value.trim().to_owned();
            match name.as_str() {
                _ if seen.contains(&name) => _ = strange.get_or_insert(name.clone()),
                "window" => typed.window = value,
                "service" => typed.service = value,
                "environment" => typed.environment = value,
                _ => _ = strange.get_or_insert(name.clone()),
            }
            seen.push(name);
        }
        (typed, strange)
    }

    /// What is asked of the use case.
    pub(super) fn request(&self) -> MetricsRequest {
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        MetricsRequest {
            window: said(&self.window),
            service: said(&self.service),
            environment: said(&self.environment),
        }
    }

    /// As far as it is well formed.
    pub(super) fn filters(&self) -> Filters {
        let is_window = |text: &String| text.len() <= LONGEST_WINDOW && window::span(text).is_ok();
        Filters {
            window: Some(self.window.clone()).filter(is_window),
            service: self.service.parse().ok(),
            environment: self.environment.parse().ok(),
        }
    }
}

/// A page of numbers, of what is well formed alone. As text it is its path and query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Filters {
    pub(super) window: Option<String>,
    pub(super) service: Option<Service>,
    pub(super) environment: Option<EnvironmentName>,
}

impl Filters {
    /// What a query of such a page asks for, as far as it is well formed.
    pub(in super::super) fn of(query: &str) -> Self {
        let uri = format!("/?{query}").parse::<Uri>().ok();
        let fields = uri.and_then(|uri| Query::try_from_uri(&uri).ok()).map(|Query(fields)| fields);
        Typed::of(fields.unwrap_or_default()).0.filters()
    }

    /// The same of another window.
    pub(super) fn within(&self, window: &str) -> Self {
        Self { window: Some(window.to_owned()), ..self.clone() }
    }

    /// The same of one service in one environment.
    pub(super) fn at(&self, service: &str, environment: &str) -> Self {
        Self { service: service.parse().ok(), environment: environment.parse().ok(), ..self.clone() }
    }
}

impl fmt::Display for Filters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("/numbers")?;
        let fields = [
            ("window", self.window.as_deref()),
            ("service", self.service.as_ref().map(Service::as_str)),
            ("environment", self.environment.as_ref().map(EnvironmentName::as_str)),
        ];
        let said = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (number, (name, value)) in said.enumerate() {
            write!(out, "{}{name}=", if number == 0 { '?' } else { '&' })?;
            value.bytes().try_for_each(|byte| match byte {
                b'.' | b'_' | b'-' => write!(out, "{}", char::from(byte)),
                byte if byte.is_ascii_alphanumeric() => write!(out, "{}", char::from(byte)),
                byte => write!(out, "%{byte:02X}"),
            })?;
        }
        Ok(())
    }
}
