//! Addresses that this server asks.

use crate::domain::origin::host_of;
use crate::domain::template::Template;

/// The address, with whatever is filled in below a domain that the config names:
/// a caller chooses branch and service, and must not choose whom this server asks.
pub(super) fn address(written: &str) -> Result<Template, String> {
    let wrong = |rule: &str| Err(format!("`url` is `{written}`; {rule}"));
    let url: Template = written.parse().map_err(|error| format!("{error}"))?;
    let sketch = url.filled(|_| HOLE.to_string());
    let Some(rest) = sketch.strip_prefix("https://").or_else(|| sketch.strip_prefix("http://")) else {
        return wrong("write an address that begins with https:// or http://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return wrong("it is asked without user and password; leave them out");
    }
    let plain = |byte: char| byte.is_ascii_alphanumeric() || ".-_:[]".contains(byte) || byte == HOLE;
    if host_of(authority).is_empty() || !authority.chars().all(plain) {
        return wrong("write a host after the scheme");
    }
    if !rest.chars().all(|it| it.is_ascii_graphic() || it == HOLE) || rest.contains(['#', '\\']) {
        return wrong("write it without blanks, `#` and `\\`, and other characters percent-encoded");
    }
    match authority.rsplit_once(HOLE) {
        Some((_, domain)) if !domain.starts_with('.') || host_of(domain).len() < 2 => wrong(
            "end the host with a domain after the last placeholder, such as `.prod.acme.example`, or a caller would choose whom the server asks",
        ),
        _ => Ok(url),
    }
}

/// Where something is filled in; no address has it.
const HOLE: char = '\0';
