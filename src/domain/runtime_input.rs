//! What a pipeline asks for when it is run.

use super::id::VariableName;

/// The runtime inputs of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeInputs {
    /// Everything that it asks for, but for the correlation key.
    pub inputs: Vec<RuntimeInput>,
    /// Whether it takes the correlation key.
    pub takes_key: bool,
}

/// One thing that a pipeline asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeInput {
    /// What.
    pub asked: Asked,
    /// Whether a run without it fails.
    pub required: bool,
    /// The values that it may have; any if there are none here.
    pub allowed: Vec<String>,
    /// The pattern that the whole value must match, in Harness's (Java's) words.
    pub pattern: Option<String>,
}

/// What a pipeline asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A pipeline variable, which we can give.
    Variable(VariableName),
    /// Another field, which only an input set can give; its way from the root,
    /// from outside, shortened.
    Field(String),
}

impl RuntimeInputs {
    /// The input that is this variable.
    #[must_use]
    pub fn variable(&self, name: &VariableName) -> Option<&RuntimeInput> {
        self.inputs.iter().find(|input| matches!(&input.asked, Asked::Variable(own) if own == name))
    }
}
