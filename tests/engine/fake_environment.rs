//! An environment in memory: it answers as told, and remembers when it was asked what.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use deployment_orchestrator::domain::drift::Unread;
use deployment_orchestrator::domain::health::Answer;
use deployment_orchestrator::ports::Probe;
use tokio::time::Instant;

/// How it answers the next questions, and then all others.
pub(crate) struct FakeEnvironment {
    next: Mutex<VecDeque<Answer>>,
    then: Mutex<Answer>,
    takes: Mutex<Duration>,
    asked: Mutex<Vec<(Instant, String)>>,
    says: Mutex<Option<String>>,
    read: Mutex<Vec<String>>,
}

impl Default for FakeEnvironment {
    fn default() -> Self {
        Self {
            next: Mutex::default(),
            then: Mutex::new(Answer::Status(200)),
            takes: Mutex::default(),
            asked: Mutex::default(),
            says: Mutex::default(),
            read: Mutex::default(),
        }
    }
}

impl FakeEnvironment {
    /// It gives these status codes, and then the last of them for ever.
    pub(crate) fn answers(&self, codes: &[u16]) {
        let mut answers: VecDeque<Answer> = codes.iter().map(|code| Answer::Status(*code)).collect();
        *self.then.lock().unwrap() = answers.pop_back().unwrap();
        *self.next.lock().unwrap() = answers;
    }

    /// Each answer takes so long from now on.
    pub(crate) fn takes(&self, pause: Duration) {
        *self.takes.lock().unwrap() = pause;
    }

    /// It says this of its version from now on.
    pub(crate) fn says(&self, version: &str) {
        *self.says.lock().unwrap() = Some(version.to_owned());
    }

    /// Where its version was read.
    pub(crate) fn read(&self) -> Vec<String> {
        self.read.lock().unwrap().clone()
    }

    /// When it was asked what.
    pub(crate) fn asked(&self) -> Vec<(Instant, String)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Probe for FakeEnvironment {
    async fn ask(&self, url: &str) -> Answer {
        self.asked.lock().unwrap().push((Instant::now(), url.to_owned()));
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        let next = self.next.lock().unwrap().pop_front();
        next.unwrap_or(*self.then.lock().unwrap())
    }

    async fn read(&self, url: &str) -> Result<String, Unread> {
        self.read.lock().unwrap().push(url.to_owned());
        self.says.lock().unwrap().clone().ok_or(Unread::Answered(Answer::Status(404)))
    }
}
