//! What a button is an answer to: its `value`, which comes back when it is pressed.

use std::fmt;
use std::str::FromStr;

use crate::domain::id::DeploymentId;
use crate::domain::subject::Digest;

/// One approval request, bound to what it asks. A button of an older request
/// names an older one, whatever is asked by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The number of the request.
    pub request: u32,
    /// The digest that the approver was shown.
    pub digest: Digest,
}

/// The text is no question's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoQuestion;

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.deployment, self.request, self.digest)
    }
}

impl FromStr for Question {
    type Err = NoQuestion;

    fn from_str(text: &str) -> Result<Self, NoQuestion> {
        let parts: Vec<&str> = text.split(':').collect();
        let [deployment, request, digest] = parts.as_slice() else { return Err(NoQuestion) };
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (deployment.parse(), request.parse()) {
            (Ok(deployment), Ok(request)) if is_digest => {
                Ok(Self { deployment, request, digest: Digest((*digest).to_owned()) })
            }
            _ => Err(NoQuestion),
        }
    }
}
