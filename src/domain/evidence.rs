//! Evidence: the history of one deployment, for somebody without the database.
//!
//! A bundle holds the chain from the deployment's first record to the head, its
//! own records word for word, and a summary for people. Checking it replays the
//! records through the state machine, with every guard and so with every
//! signature, and makes digests and summary anew.
//!
//! What a bundle cannot show by itself is that its server did not compute a whole
//! history anew before it wrote it, with keys of its own in it, or leave out what
//! came last. For that, hold its chain against a head that was noted elsewhere,
//! and its keys against those that you know.

use serde::{Deserialize, Serialize};

use super::chain::ChainHead;
use super::deployment::Deployment;
use super::event::{Event, MainEvent};
use super::excerpt::{Broken, Excerpt};
use super::id::{DeploymentId, PrincipalName};
use super::record::{EventRecord, Unreadable, What};
use super::replay::{Replayed, Unreplayable};
use super::run::RunEvent;
use super::signature::{PrivateKey, PublicKey, Purpose, Signature};
use super::state::State;
use super::subject::{Digest, Subject};
use super::summary::Summary;
use super::time::Timestamp;
use super::workflow::Stage;

/// The format of the bundles that we write, and the only one that we read.
pub const FORMAT: u32 = 1;

/// The longest text of a bundle, in bytes: half a million records of others. Bounds a reader's memory.
pub const LONGEST: usize = 64 << 20;

/// Digests in records of an older format are over fewer fields, and are believed.
const RECORDS_WITH_OUR_DIGESTS: u32 = 2;

/// A bundle: what it says, and the server's signature over that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// What it says.
    pub evidence: Evidence,
    /// The key of the server that wrote it.
    pub server_key: PublicKey,
    /// Its signature over the canonical JSON of `evidence`.
    pub signature: Signature,
}

/// What a bundle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The format of the bundle.
    pub format: u32,
    /// About which deployment.
    pub deployment_id: DeploymentId,
    /// When it was written, by the clock of the server.
    pub exported_at: Timestamp,
    /// The history in words. It follows from the records.
    pub summary: Summary,
    /// The records.
    pub chain: Excerpt,
}

/// What a good bundle was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Every place that its chain goes through.
    pub places: Vec<ChainHead>,
    /// How many records of the deployment were replayed.
    pub records: usize,
    /// How many digests of what was sent or asked about were made anew.
    pub digests: usize,
    /// How many others are of an old format, and were believed.
    pub old_digests: usize,
}

/// What is wrong with a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not even JSON.
    #[error("it is not JSON: {0}")]
    NoJson(String),
    /// Something is missing at its end.
    #[error("it is empty or was cut off: its JSON does not end")]
    CutOff,
    /// Written by another version.
    #[error("it has format {0}, and this program reads format {FORMAT}")]
    Format(u32),
    /// JSON, and no bundle.
    #[error("it is not a bundle of evidence: {0}")]
    NoBundle(String),
    /// It says what it says in other words than ours: something stands in it twice, or unread.
    #[error("its text is not what `export` writes for what it says")]
    Wording,
    /// The server did not write exactly this.
    #[error("the signature of the server does not fit what it says")]
    Signature,
    /// Another server wrote it.
    #[error("another server wrote it, with the key {0}")]
    Server(Box<PublicKey>),
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] Broken),
    /// The history was written before or after the one that is known.
    #[error("its chain does not go through {noted}: it {instead}")]
    Head {
        /// What was noted.
        noted: ChainHead,
        /// What it has in that place.
        instead: String,
    },
    /// A record says nothing that we know.
    #[error(transparent)]
    Record(#[from] Unreadable),
    /// The history could not have happened.
    #[error("the history could not have happened, at record {position}: {what}")]
    History {
        /// Where.
        position: u64,
        /// Why not.
        what: String,
    },
    /// Its summary says something else than its records.
    #[error("the summary does not say what the records say")]
    Summary,
    /// Somebody decided with a key that is not known as theirs.
    #[error("{person} decided with {key}, which is not the key that is known of them")]
    Person {
        /// Who, as it says.
        person: PrincipalName,
        /// With what.
        key: Box<PublicKey>,
    },
}

impl From<Unreplayable> for Fault {
    fn from(error: Unreplayable) -> Self {
        Self::History { position: error.position.unwrap_or(0), what: error.what }
    }
}

impl Evidence {
    /// What is stored of a deployment, in words, too.
    ///
    /// # Errors
    /// When the history is not sound: nothing can be proved with it.
    pub fn of(deployment_id: DeploymentId, chain: Excerpt, at: Timestamp) -> Result<Self, Fault> {
        chain.places()?;
        let (summary, _) = account(&deployment_id, &chain)?;
        Ok(Self { format: FORMAT, deployment_id, exported_at: at, summary, chain })
    }
}

impl Bundle {
    /// The server signs what it says.
    #[must_use]
    pub fn sign(evidence: Evidence, server: &PrivateKey) -> Self {
        let signature = server.sign(Purpose::Evidence, &canonical(&evidence));
        Self { evidence, server_key: server.public(), signature }
    }

    /// The text that [`Self::read`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("our own types have string keys and no floats")
    }

    /// Read the text of a bundle, which may be indented otherwise and else is
    /// word for word ours: nothing in it is left unread. Not checked here.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(text).map_err(|error| Fault::NoJson(error.to_string()))?;
        let Versioned { evidence: Format { format } } = serde_json::from_str(text).map_err(unread)?;
        if format != FORMAT {
            return Err(Fault::Format(format));
        }
        let bundle: Self = serde_json::from_str(text).map_err(unread)?;
        let ours = serde_json::to_string(&bundle).map_err(unread)?;
        if ours == without_blanks(text) { Ok(bundle) } else { Err(Fault::Wording) }
    }

    /// Check everything that can be checked without knowing more.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self) -> Result<Verified, Fault> {
        let Evidence { format, deployment_id, summary, chain, .. } = &self.evidence;
        if *format != FORMAT {
            return Err(Fault::Format(*format));
        }
        if !self.server_key.verifies(Purpose::Evidence, &canonical(&self.evidence), &self.signature) {
            return Err(Fault::Signature);
        }
        let places = chain.places()?;
        let (made, Count { records, digests, old_digests }) = account(deployment_id, chain)?;
        if made == *summary {
            Ok(Verified { places, records, digests, old_digests })
        } else {
            Err(Fault::Summary)
        }
    }

    /// Whether the server with this key wrote it.
    ///
    /// # Errors
    /// When another did.
    pub fn is_by(&self, server: &PublicKey) -> Result<(), Fault> {
        if self.server_key == *server {
            Ok(())
        } else {
            Err(Fault::Server(Box::new(self.server_key.clone())))
        }
    }

    /// Whether everybody who signed a decision did so with the key that `known`
    /// has for them.
    ///
    /// # Errors
    /// The first who did not.
    pub fn is_decided_by<'a>(
        &self,
        known: impl Fn(&PrincipalName) -> Option<&'a PublicKey>,
    ) -> Result<(), Fault> {
        let signed = self.evidence.summary.decisions.iter().filter(|it| it.is_signed());
        for decided in signed {
            let person = &decided.decision.statement.person;
            if known(person) != Some(&decided.key) {
                return Err(Fault::Person { person: person.clone(), key: Box::new(decided.key.clone()) });
            }
        }
        Ok(())
    }
}

impl Verified {
    /// Whether the chain goes through a place that was noted elsewhere.
    ///
    /// # Errors
    /// When it does not, with what it has there.
    pub fn goes_through(&self, noted: &ChainHead) -> Result<(), Fault> {
        let instead = match self.places.iter().find(|place| place.position == noted.position) {
            Some(place) if place == noted => return Ok(()),
            Some(place) => format!("has {} there", place.hex()),
            None => {
                let at = |place: Option<&ChainHead>| place.map_or(0, |place| place.position);
                format!("goes from {} to {}", at(self.places.first()), at(self.places.last()))
            }
        };
        Err(Fault::Head { noted: *noted, instead })
    }
}

/// What was counted on the way.
#[derive(Default)]
struct Count {
    records: usize,
    digests: usize,
    old_digests: usize,
}

/// Replay the deployment's own records, and put them into words.
fn account(id: &DeploymentId, chain: &Excerpt) -> Result<(Summary, Count), Fault> {
    let mut own = chain.own();
    let Some(first) = own.next() else {
        return Err(Fault::History { position: chain.before.position, what: "it has no records".to_owned() });
    };
    let mut replayed = Replayed::begin(&own_record(id, EventRecord::try_from(first)?)?)?;
    let mut summary = Summary::begin(&replayed.deployment);
    let mut count = Count { records: 1, ..Count::default() };
    for raw in own {
        let record = own_record(id, EventRecord::try_from(raw)?)?;
        let before = &replayed.deployment;
        let subject = match digest_in(&record) {
            None => None,
            Some(_) if raw.format < RECORDS_WITH_OUR_DIGESTS => {
                count.old_digests += 1;
                None
            }
            Some(digest) => {
                count.digests += 1;
                Some(subject_of(before, &record, digest)?)
            }
        };
        summary.add(before, &record, subject)?;
        replayed.follow(&record)?;
        count.records += 1;
    }
    Ok((summary.end(&replayed.deployment), count))
}

fn own_record(id: &DeploymentId, record: EventRecord) -> Result<EventRecord, Unreplayable> {
    if record.deployment == *id {
        Ok(record)
    } else {
        Err(record.unreplayable(format!("it is about {}", record.deployment)))
    }
}

/// The digest that a record names, of what people are asked about or what is sent.
fn digest_in(record: &EventRecord) -> Option<&Digest> {
    match &record.what {
        What::Event(
            Event::Main(MainEvent::ApprovalRequested { digest, .. })
            | Event::Run(RunEvent::TriggerIntended { digest, .. }),
        ) => Some(digest),
        What::Event(_) | What::Remark(_) => None,
    }
}

/// What stood to be asked about or sent when `record` came, if its digest is the one of that.
fn subject_of(before: &Deployment, record: &EventRecord, digest: &Digest) -> Result<Subject, Unreplayable> {
    let subject = match (&record.what, &before.progress.state) {
        (
            What::Event(Event::Main(MainEvent::ApprovalRequested { gate, .. })),
            State::AwaitingApproval { environment, .. },
        ) => before.subject(&Stage::Deploying(environment.clone()), Some(gate.version())),
        (What::Event(Event::Run(RunEvent::TriggerIntended { policy, .. })), state) => {
            state.work().and_then(|(stage, _)| before.subject(&stage, policy.clone()))
        }
        _ => None,
    };
    subject
        .filter(|subject| Digest::of(subject) == *digest)
        .ok_or_else(|| record.unreplayable(format!("{digest} is not the digest of what was about to happen")))
}

/// What every format has.
#[derive(Deserialize)]
struct Versioned {
    evidence: Format,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn unread(error: serde_json::Error) -> Fault {
    match error.classify() {
        serde_json::error::Category::Eof => Fault::CutOff,
        serde_json::error::Category::Data => Fault::NoBundle(error.to_string()),
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
            Fault::NoJson(error.to_string())
        }
    }
}

/// JSON without the blanks between its words.
fn without_blanks(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            let kept = quoted || !character.is_ascii_whitespace();
            if *character == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = quoted && *character == '\\' && !escaped;
            kept
        })
        .collect()
}

fn canonical(evidence: &Evidence) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(evidence).expect("evidence is strings, integers and lists of them")
}
