//! An address of somebody who gets or sends letters.

use std::str::FromStr;

use lettre::Address;

use crate::domain::id::Malformed;
use crate::domain::text::shortened;

/// An e-mail address, which may have a name: `Ops <ops@acme.example>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox(lettre::message::Mailbox);

impl Mailbox {
    /// As a header has it.
    pub(super) fn named(&self) -> lettre::message::Mailbox {
        self.0.clone()
    }

    /// Without the name.
    pub(super) fn address(&self) -> &Address {
        &self.0.email
    }
}

impl FromStr for Mailbox {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mailbox: Option<lettre::message::Mailbox> = text.parse().ok();
        // Few servers take other addresses, and none says so before a letter is lost.
        let mailbox = mailbox.filter(|it| {
            let address: &str = it.email.as_ref();
            address.is_ascii() && !text.contains(char::is_control)
        });
        mailbox.map(Self).ok_or_else(|| Malformed {
            what: "an e-mail address",
            value: shortened(text, 80),
            rule: "it is as in `ops@acme.example` or `Ops <ops@acme.example>`, in ASCII but for the name",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_is_one() {
        for good in ["ops@acme.example", "Ops <ops@acme.example>", "\"Ö, Ops\" <ops@acme.example>"] {
            assert!(good.parse::<Mailbox>().is_ok(), "{good}");
        }
        for bad in
            ["", "ops", "ops@", "a@b.example, c@d.example", "o\r\nBcc: x@y.example", "öps@acme.example"]
        {
            assert!(bad.parse::<Mailbox>().is_err(), "{bad}");
        }
    }
}
