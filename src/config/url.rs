//! Addresses to which something is sent that others must not read or change.

use crate::domain::origin::Origin;

/// Whether nobody on the way can change what is read from `url`: it is https, or on this machine.
pub(super) fn is_safe(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let origin: Option<Origin> = format!("{scheme}://{authority}").parse().ok();
    is_plain(url)
        && !url.contains(['?', '#'])
        && origin.is_some_and(|it| it.secure || ["127.0.0.1", "[::1]", "localhost"].contains(&it.host()))
}

/// Whether it is a word of RFC 6749's `scope-token`, which stands in quotes as it is.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}
