//! The second opinion: the rules of a gate as data, and when they are met.

use std::collections::BTreeSet;
use std::time::Duration;

use deployment_orchestrator::domain::assurance::Assurance;
use deployment_orchestrator::domain::decision::Verdict;
use deployment_orchestrator::domain::gate::{Approver, BreakGlass, Gate, RequiredGroup};
use deployment_orchestrator::domain::time::Timestamp;

use crate::fixtures::{APPROVERS, GLASS_BREAKERS, INITIATOR, OPEN_FOR, person, private_key};

/// Who wrote the commit. An approver, too.
pub(crate) const AUTHOR: &str = "carol";

/// Everybody who ever says something.
pub(crate) const PEOPLE: [&str; 7] = [INITIATOR, "bob", AUTHOR, "dave", "erin", "frank", "mallory"];

/// The rules of a gate, as the second opinion knows them.
pub(crate) struct Rules {
    pub(crate) approvers: &'static [&'static str],
    pub(crate) required: usize,
    pub(crate) groups: &'static [&'static [&'static str]],
    pub(crate) self_approval: bool,
    pub(crate) open_for: Duration,
    pub(crate) accept: &'static [Assurance],
    pub(crate) glass: &'static [&'static str],
}

/// What the config says at one time or another.
pub(crate) const CONFIGS: [Rules; 4] = [
    Rules {
        approvers: &APPROVERS,
        required: 2,
        groups: &[],
        self_approval: false,
        open_for: OPEN_FOR,
        accept: &[Assurance::Signed],
        glass: &GLASS_BREAKERS,
    },
    Rules {
        approvers: &APPROVERS,
        required: 1,
        groups: &[&["dave", "frank"]],
        self_approval: false,
        open_for: Duration::from_hours(2),
        accept: &[Assurance::Signed, Assurance::ClientConfirmed],
        glass: &[],
    },
    Rules {
        approvers: &[INITIATOR, AUTHOR, "erin"],
        required: 2,
        groups: &[&[INITIATOR], &["erin", AUTHOR]],
        self_approval: true,
        open_for: OPEN_FOR,
        accept: &[Assurance::ClientConfirmed, Assurance::Agent],
        glass: &["bob", "frank"],
    },
    Rules {
        approvers: &["bob", "erin"],
        required: 2,
        groups: &[],
        self_approval: false,
        open_for: Duration::from_mins(10),
        accept: &[Assurance::Signed, Assurance::Agent],
        glass: &GLASS_BREAKERS,
    },
];

/// The same rules for the code that is judged.
pub(crate) fn gate_of(rules: &Rules) -> Gate {
    let named = |names: &[&str]| {
        let approver = |name: &&str| Approver { name: person(name), key: Some(private_key(name).public()) };
        names.iter().map(approver).collect()
    };
    let group = |members: &&[&str]| RequiredGroup {
        name: members.join("-or-"),
        members: members.iter().map(|name| person(name)).collect(),
    };
    let vouched = rules.accept.iter().any(|it| *it != Assurance::Signed);
    Gate {
        approvers: named(rules.approvers),
        required_approvals: u32::try_from(rules.required).unwrap(),
        required_groups: rules.groups.iter().map(group).collect(),
        allow_self_approval: rules.self_approval,
        expires_after_ms: u64::try_from(rules.open_for.as_millis()).unwrap(),
        accept: rules.accept.to_vec(),
        voucher: vouched.then(|| private_key("the server").public()),
        break_glass: (!rules.glass.is_empty()).then(|| BreakGlass { people: named(rules.glass) }),
    }
}

/// What somebody said, as it really was.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) by: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) assurance: Assurance,
    pub(crate) with_reason: bool,
    /// The request, and the config whose digest it was; `None` for something else.
    pub(crate) about: Option<(u32, usize)>,
    /// Whether the person, or the server for them, said exactly this.
    pub(crate) proved: bool,
}

/// The request that was opened last, in the second opinion.
pub(crate) struct Asked {
    pub(crate) number: u32,
    pub(crate) at: Timestamp,
    pub(crate) config: usize,
    pub(crate) withdrawn: bool,
    /// What counts of what was said.
    pub(crate) said: Vec<Said>,
}

impl Asked {
    pub(crate) fn rules(&self) -> &'static Rules {
        &CONFIGS[self.config]
    }

    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        now < self.at.plus(self.rules().open_for) && !self.withdrawn
    }

    pub(crate) fn is_rejected(&self) -> bool {
        self.said.iter().any(|said| said.verdict == Verdict::Reject)
    }

    /// Whether what was said now is to count.
    pub(crate) fn counts(&self, said: &Said, now: Timestamp) -> bool {
        let rules = self.rules();
        let may = match said.verdict {
            Verdict::BreakGlass => {
                rules.glass.contains(&said.by) && said.assurance == Assurance::Signed && said.with_reason
            }
            Verdict::Reject => rules.approvers.contains(&said.by) && rules.accept.contains(&said.assurance),
            Verdict::Approve => {
                rules.approvers.contains(&said.by)
                    && rules.accept.contains(&said.assurance)
                    && (rules.self_approval || ![INITIATOR, AUTHOR].contains(&said.by))
            }
        };
        let breaks = |it: &Said| it.verdict == Verdict::BreakGlass;
        let twice = self.said.iter().any(|it| it.by == said.by && breaks(it) == breaks(said));
        self.is_open(now)
            && !self.is_rejected()
            && said.about == Some((self.number, self.config))
            && said.proved
            && may
            && !twice
    }

    pub(crate) fn who(&self, verdict: Verdict) -> BTreeSet<&'static str> {
        self.said.iter().filter(|said| said.verdict == verdict).map(|said| said.by).collect()
    }

    /// Whose approvals suffice, if they do.
    pub(crate) fn is_met(&self) -> Option<&'static str> {
        let (rules, approve) = (self.rules(), self.who(Verdict::Approve));
        let by_rules = approve.len() >= rules.required
            && rules.groups.iter().all(|group| group.iter().any(|name| approve.contains(name)));
        let by_glass = self.who(Verdict::BreakGlass).len() >= 2;
        (by_rules || by_glass).then_some(if by_rules { "by the rules" } else { "by broken glass" })
    }

    /// How the way is open now, if it is.
    pub(crate) fn opens(&self, now: Timestamp) -> Option<&'static str> {
        self.is_met().filter(|_| self.is_open(now) && !self.is_rejected())
    }
}
