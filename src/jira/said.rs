//! What is said of a deployment on an issue, without any markup.

use crate::domain::message::{About, Message};
use crate::domain::text::shortened;

/// The longest text of one line. All lines together stay below what a comment
/// holds, 32,767 characters, with the markup around them.
const LINE_LIMIT: usize = 300;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// What it is about, and how that is.
    pub(super) headline: String,
    /// Further lines.
    pub(super) facts: Vec<String>,
    /// Where more is to be seen: a name and an address.
    pub(super) links: Vec<(&'static str, String)>,
    /// What happened, oldest first.
    pub(super) timeline: Vec<String>,
    /// What the comment is recognised by. Of letters that no markup changes.
    pub(super) last_line: String,
}

impl Said {
    pub(super) fn of(message: &Message) -> Self {
        let Message { notice, about, asked, earlier, .. } = message;
        let mut facts = vec![
            line(&format!("{}, branch {}, commit {}", about.repository, about.branch, about.commit)),
            line(&format!("started by {}", about.initiator)),
        ];
        let mut links = Vec::new();
        links.extend(page(message).map(|url| ("Details", url)));
        if let Some(asked) = asked {
            let approvers: Vec<&str> = asked.approvers.iter().map(|it| it.as_str()).collect();
            facts.push(line(&format!(
                "{} of {} approvals for {} are given; until {} these people may decide: {}",
                asked.approved_by.len(),
                asked.required,
                asked.environment,
                asked.expires_at.to_rfc3339(),
                approvers.join(", ")
            )));
            links.extend(asked.page.as_deref().and_then(safe).map(|url| ("Decide", url)));
        }
        // A repeated one is not its own past.
        let past = earlier.iter().filter(|it| it.key != notice.key);
        let timeline = past.chain([notice]);
        Self {
            headline: headline(about),
            facts,
            links,
            timeline: timeline.map(|it| line(&format!("{} {}", it.at.to_rfc3339(), it.text))).collect(),
            last_line: format!("This comment is kept up to date with {}", about.deployment),
        }
    }
}

/// What it is about, and how that is.
pub(super) fn headline(about: &About) -> String {
    let to = about.target.as_ref().map_or_else(String::new, |target| format!(" to {target}"));
    line(&format!("{} {}{to}: {}", about.service, about.commit, about.state))
}

/// The page about the deployment, or, where nobody serves one, about its last execution in Harness.
pub(super) fn page(message: &Message) -> Option<String> {
    message.page.iter().chain(&message.execution).find_map(|url| safe(url))
}

/// An address that is a web page, and in which no markup can end.
fn safe(url: &str) -> Option<String> {
    let leads_somewhere = url.starts_with("https://") || url.starts_with("http://");
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"[]{}|\\^<>\"`".contains(&byte);
    (leads_somewhere && url.bytes().all(plain)).then(|| url.to_owned())
}

fn line(text: &str) -> String {
    shortened(text, LINE_LIMIT)
}
