//! The cookies: one for who is signed in, and one while somebody signs in elsewhere.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The cookie of a visit.
const VISIT: &str = "visit";

/// The cookie of an attempt to sign in at the provider.
const ATTEMPT: &str = "attempt";

/// What the browser shows for its visit.
pub(super) fn shown(headers: &HeaderMap, secure: bool) -> Option<&str> {
    value_of(VISIT, headers, secure)
}

/// Have the browser keep `value` for its visit until it is closed.
pub(super) fn set(value: &str, secure: bool) -> String {
    written(VISIT, value, secure)
}

/// Have the browser forget its visit.
pub(super) fn clear(secure: bool) -> String {
    forgotten(VISIT, secure)
}

/// What the browser shows for its attempt.
pub(super) fn attempt_shown(headers: &HeaderMap, secure: bool) -> Option<&str> {
    value_of(ATTEMPT, headers, secure)
}

/// Have the browser keep `value` for its attempt until it is closed.
pub(super) fn set_attempt(value: &str, secure: bool) -> String {
    written(ATTEMPT, value, secure)
}

/// Have the browser forget its attempt.
pub(super) fn clear_attempt(secure: bool) -> String {
    forgotten(ATTEMPT, secure)
}

/// The first, if it shows several.
fn value_of<'a>(name: &str, headers: &'a HeaderMap, secure: bool) -> Option<&'a str> {
    let name = format!("{}{name}", prefix(secure));
    let pairs = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(';'));
    let mut ours = pairs.filter_map(|pair| pair.trim().strip_prefix(&name)?.strip_prefix('='));
    ours.next()
}

fn written(name: &str, value: &str, secure: bool) -> String {
    format!("{}{name}={value}; Path=/; HttpOnly; SameSite=Strict{}", prefix(secure), suffix(secure))
}

fn forgotten(name: &str, secure: bool) -> String {
    format!("{}{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict{}", prefix(secure), suffix(secure))
}

/// Over TLS the name is one that no other host, and no page without TLS, can set.
fn prefix(secure: bool) -> &'static str {
    if secure { "__Host-" } else { "" }
}

fn suffix(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}
