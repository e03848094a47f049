//! What validation finds: a stable code, what it is about, and how to mend it.
//! `docs/validation.md` has a paragraph for each code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::shortened;

/// What validation found. Errors block, warnings are kept and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationReport {
    /// What blocks.
    pub errors: Vec<Finding>,
    /// What does not.
    pub warnings: Vec<Finding>,
}

/// One finding. Those of early versions have no subject and no fix, and codes
/// that [`FindingCode`] does not list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable code.
    pub code: String,
    /// What is wrong, in one sentence. May hold text from outside, shortened.
    pub message: String,
    /// What it is about: a key of the config (`environments.prod.pipeline`), an
    /// argument (`variables.replicas`), or a file with its line (`deploy/app.yaml:12`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// How to mend it, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fix: String,
}

/// What can be found. The order is that of `docs/validation.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// An environment on the way is gated, and nobody may open the gate.
    GateNotConfigured,
    /// Production is deployed to without anybody's approval.
    ProductionNotGated,
    /// The commit was rolled back, and nobody has released it.
    CommitQuarantined,
    /// A person has locked an environment on the way.
    EnvironmentLocked,
    /// A freeze forbids an environment on the way now.
    EnvironmentFrozen,
    /// An environment on the way is not healthy now.
    TargetUnhealthy,
    /// An environment on the way runs something else than this server deployed there.
    EnvironmentDrifted,
    /// Harness does not let us look.
    HarnessRefused,
    /// Harness has no such pipeline.
    PipelineNotFound,
    /// What a pipeline asks for could not be read.
    TemplateUnreadable,
    /// A pipeline asks for an input, and nobody gives it.
    InputMissing,
    /// The value of an input is none of those that the pipeline allows.
    InputNotAllowed,
    /// The config gives an input that the pipeline does not ask for.
    InputUnknown,
    /// A pipeline does not take the commit.
    CommitUnused,
    /// A pipeline does not take the key by which a lost run is found again.
    CorrelationMissing,
    /// The caller gives a variable that no pipeline on the way takes.
    VariableUnused,
    /// The caller names a Jira issue twice.
    IssueDuplicate,
    /// Jira shows us no such issue.
    JiraIssue,
    /// Jira could not be asked whether its issues are there.
    JiraUnreachable,
    /// Manifests were named and cannot be read.
    ManifestsUnreadable,
    /// A manifest is no YAML.
    YamlInvalid,
    /// The templates of a Helm chart are not looked at.
    ChartNotRendered,
    /// Somebody was to replace something and did not.
    PlaceholderLeft,
    /// A secret stands in a manifest.
    SecretInline,
    /// An image has no tag, or `latest`.
    ImageUnpinned,
    /// An image comes from a registry that the config does not list.
    ImageRegistry,
    /// A container does not say what it needs, or may use.
    ResourcesMissing,
    /// A container that serves has no probes.
    ProbeMissing,
    /// A replicated workload has no PodDisruptionBudget.
    DisruptionBudgetMissing,
}

/// Whether a finding blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It blocks.
    Error,
    /// It is kept and shown.
    Warning,
    /// It is left out.
    Off,
}

/// Where the config differs from the levels that the codes have by themselves.
pub type Levels = BTreeMap<FindingCode, Level>;

/// The most findings of one level that a report holds: it is one event of the
/// history, and nobody reads more at once.
const FINDINGS_LIMIT: usize = 100;

/// The longest sentence of a finding.
const SENTENCE_LIMIT: usize = 300;

/// The longest subject.
const SUBJECT_LIMIT: usize = 200;

impl FindingCode {
    /// All of them, in the order of `docs/validation.md`.
    pub const ALL: [Self; 29] = [
        Self::GateNotConfigured,
        Self::ProductionNotGated,
        Self::CommitQuarantined,
        Self::EnvironmentLocked,
        Self::EnvironmentFrozen,
        Self::TargetUnhealthy,
        Self::EnvironmentDrifted,
        Self::HarnessRefused,
        Self::PipelineNotFound,
        Self::TemplateUnreadable,
        Self::InputMissing,
        Self::InputNotAllowed,
        Self::InputUnknown,
        Self::CommitUnused,
        Self::CorrelationMissing,
        Self::VariableUnused,
        Self::IssueDuplicate,
        Self::JiraIssue,
        Self::JiraUnreachable,
        Self::ManifestsUnreadable,
        Self::YamlInvalid,
        Self::ChartNotRendered,
        Self::PlaceholderLeft,
        Self::SecretInline,
        Self::ImageUnpinned,
        Self::ImageRegistry,
        Self::ResourcesMissing,
        Self::ProbeMissing,
        Self::DisruptionBudgetMissing,
    ];

    /// The stable code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GateNotConfigured => "gate-not-configured",
            Self::ProductionNotGated => "production-not-gated",
            Self::CommitQuarantined => "commit-quarantined",
            Self::EnvironmentLocked => "environment-locked",
            Self::EnvironmentFrozen => "environment-frozen",
            Self::TargetUnhealthy => "target-unhealthy",
            Self::EnvironmentDrifted => "environment-drifted",
            Self::HarnessRefused => "harness-refused",
            Self::PipelineNotFound => "pipeline-not-found",
            Self::TemplateUnreadable => "template-unreadable",
            Self::InputMissing => "input-missing",
            Self::InputNotAllowed => "input-not-allowed",
            Self::InputUnknown => "input-unknown",
            Self::CommitUnused => "commit-unused",
            Self::CorrelationMissing => "correlation-missing",
            Self::VariableUnused => "variable-unused",
            Self::IssueDuplicate => "issue-duplicate",
            Self::JiraIssue => "jira-issue",
            Self::JiraUnreachable => "jira-unreachable",
            Self::ManifestsUnreadable => "manifests-unreadable",
            Self::YamlInvalid => "yaml-invalid",
            Self::ChartNotRendered => "chart-not-rendered",
            Self::PlaceholderLeft => "placeholder-left",
            Self::SecretInline => "secret-inline",
            Self::ImageUnpinned => "image-unpinned",
            Self::ImageRegistry => "image-registry",
            Self::ResourcesMissing => "resources-missing",
            Self::ProbeMissing => "probe-missing",
            Self::DisruptionBudgetMissing => "disruption-budget-missing",
        }
    }

    /// Whether it blocks unless the config says otherwise: what would fail later
    /// or run wrongly does, what people may want as it is does not.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::GateNotConfigured
            | Self::CommitQuarantined
            | Self::HarnessRefused
            | Self::PipelineNotFound
            | Self::InputMissing
            | Self::InputNotAllowed
            | Self::ManifestsUnreadable
            | Self::YamlInvalid
            | Self::PlaceholderLeft
            | Self::SecretInline
            | Self::ImageRegistry => Level::Error,
            Self::ProductionNotGated
            | Self::EnvironmentLocked
            | Self::EnvironmentFrozen
            | Self::TargetUnhealthy
            | Self::EnvironmentDrifted
            | Self::TemplateUnreadable
            | Self::InputUnknown
            | Self::CommitUnused
            | Self::CorrelationMissing
            | Self::VariableUnused
            | Self::IssueDuplicate
            | Self::JiraIssue
            | Self::JiraUnreachable
            | Self::ChartNotRendered
            | Self::ImageUnpinned
            | Self::ResourcesMissing
            | Self::ProbeMissing
            | Self::DisruptionBudgetMissing => Level::Warning,
        }
    }
}

impl Finding {
    /// A finding whose texts are fit to be kept: shortened, on one line.
    #[must_use]
    pub fn new(code: FindingCode, subject: &str, message: &str, fix: &str) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: shortened(message, SENTENCE_LIMIT),
            subject: shortened(subject, SUBJECT_LIMIT),
            fix: shortened(fix, SENTENCE_LIMIT),
        }
    }

    fn level(&self, levels: &Levels) -> Level {
        let code = FindingCode::ALL.into_iter().find(|code| code.as_str() == self.code);
        code.map_or(Level::Error, |code| levels.get(&code).copied().unwrap_or_else(|| code.level()))
    }
}

impl ValidationReport {
    /// The report of these findings, each once and in their order, under the
    /// levels of the config. What is beyond the limit is counted in the last one kept.
    #[must_use]
    pub fn of(findings: Vec<Finding>, levels: &Levels) -> Self {
        let mut report = Self::default();
        for finding in findings {
            let list = match finding.level(levels) {
                Level::Error => &mut report.errors,
                Level::Warning => &mut report.warnings,
                Level::Off => continue,
            };
            if !list.contains(&finding) {
                list.push(finding);
            }
        }
        for list in [&mut report.errors, &mut report.warnings] {
            let left_out = list.len().saturating_sub(FINDINGS_LIMIT);
            list.truncate(FINDINGS_LIMIT);
            if let Some(last) = list.last_mut().filter(|_| left_out > 0) {
                last.message += &format!(" (and {left_out} further findings)");
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: FindingCode, subject: &str) -> Finding {
        Finding::new(code, subject, "a message", "a fix")
    }

    #[test]
    fn every_code_is_listed_once_under_its_wire_name() {
        for code in FindingCode::ALL {
            assert_eq!(serde_json::to_value(code).expect("a name"), code.as_str());
        }
        let names: std::collections::BTreeSet<_> = FindingCode::ALL.map(FindingCode::as_str).into();
        assert_eq!(names.len(), FindingCode::ALL.len());
    }

    #[test]
    fn a_finding_of_an_early_version_is_read_and_written_as_it_was() {
        let stored = r#"{"code":"harness-unauthorized","message":"Harness does not let us in"}"#;
        let read: Finding = serde_json::from_str(stored).expect("a finding");
        assert_eq!((read.subject.as_str(), read.fix.as_str()), ("", ""));
        assert_eq!(serde_json::to_string(&read).expect("JSON"), stored);
    }

    #[test]
    fn the_config_raises_lowers_and_silences() {
        let found = [FindingCode::InputUnknown, FindingCode::InputMissing, FindingCode::IssueDuplicate];
        let found = || found.map(|code| finding(code, "x")).to_vec();
        let codes = |list: &[Finding]| list.iter().map(|it| it.code.clone()).collect::<Vec<_>>();
        let report = ValidationReport::of(found(), &Levels::new());
        assert_eq!(codes(&report.errors), ["input-missing"]);
        assert_eq!(codes(&report.warnings), ["input-unknown", "issue-duplicate"]);
        let levels = Levels::from([
            (FindingCode::InputUnknown, Level::Error),
            (FindingCode::InputMissing, Level::Warning),
            (FindingCode::IssueDuplicate, Level::Off),
        ]);
        let report = ValidationReport::of(found(), &levels);
        assert_eq!(codes(&report.errors), ["input-unknown"]);
        assert_eq!(codes(&report.warnings), ["input-missing"]);
    }

    #[test]
    fn a_report_says_each_thing_once_and_is_bounded() {
        let many = (0..250).map(|number| finding(FindingCode::InputMissing, &(number % 150).to_string()));
        let report = ValidationReport::of(many.collect(), &Levels::new());
        assert_eq!(report.errors.len(), FINDINGS_LIMIT);
        let last = report.errors.last().expect("a finding");
        assert_eq!(last.message, "a message (and 50 further findings)");
    }
}
