//! The one cookie.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// Its name. Over TLS it is one that no other host, and no page without TLS, can set.
fn name(secure: bool) -> &'static str {
    if secure { "__Host-visit" } else { "visit" }
}

/// What the browser shows; the first, if it shows several.
pub(super) fn shown(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(';'));
    let mut ours = pairs.filter_map(|pair| pair.trim().strip_prefix(name(secure))?.strip_prefix('='));
    ours.next()
}

/// Have the browser keep `value` until it is closed.
pub(super) fn set(value: &str, secure: bool) -> String {
    format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{}", name(secure), suffix(secure))
}

/// Have the browser forget it.
pub(super) fn clear(secure: bool) -> String {
    format!("{}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict{}", name(secure), suffix(secure))
}

fn suffix(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}
