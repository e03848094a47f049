//! What the demo looks like.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::text;
use crate::cli::output::{self, Style};

/// The frames of the wheel that turns while something is waited for.
const WHEEL: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"];

/// The pause between two frames.
const FRAME: Duration = Duration::from_millis(120);

/// The show. Lines only; on a terminal, a last line that lives.
pub(super) struct Screen {
    live: bool,
    state: String,
    entered: Instant,
    began: Instant,
    attempt: u64,
    held: usize,
    doing: String,
}

impl Screen {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self {
            live: std::io::stdout().is_terminal(),
            state: "pending".to_owned(),
            entered: now,
            began: now,
            attempt: 1,
            held: 0,
            doing: String::new(),
        }
    }

    pub(super) fn scene(&self, title: &str, harness: &str, database: &std::path::Path) {
        output::line(&output::styled(Style::Strong, title));
        output::line(&output::styled(
            Style::Faint,
            &format!("simulated Harness at {harness}, database {}", database.display()),
        ));
        output::line("");
    }

    /// What comes now is of another deployment.
    pub(super) fn another(&mut self) {
        self.state = "pending".to_owned();
        self.entered = Instant::now();
        self.attempt = 1;
    }

    pub(super) fn agent(&mut self, call: &str) {
        self.say(&output::styled(Style::Strong, "agent  →"), call);
    }

    pub(super) fn server(&mut self, answer: &str) {
        self.say(&output::styled(Style::Faint, "server ←"), answer);
    }

    pub(super) fn person(&mut self, name: &str, command: &str) {
        self.say(&output::styled(Style::Waiting, &format!("{name:<6} $")), command);
    }

    /// A message, as whoever it is for reads it.
    pub(super) fn message(&mut self, to: &str, lines: &[String]) {
        self.say(&output::styled(Style::Good, &format!("{to:<8}")), "");
        for line in lines {
            self.say("        │", line);
        }
    }

    pub(super) fn said(&mut self, line: &str) {
        self.say("        ", line);
    }

    /// Show what has changed since the status before.
    pub(super) fn show(&mut self, status: &Value) {
        let state = text(status, "state");
        let stage = status.get("stage").cloned().unwrap_or_default();
        let attempt = stage.get("attempt").and_then(Value::as_u64).unwrap_or(1);
        if state != self.state {
            self.close_state(state);
            self.attempt = 1;
        } else if attempt > self.attempt {
            self.attempt = attempt;
            self.mark(
                Style::Bad,
                "✖",
                &format!("{state}: the attempt failed; attempt {attempt} after a pause"),
            );
        }
        let held = status.get("held_by").and_then(Value::as_array).map_or(0, Vec::len);
        if held > self.held {
            self.mark(Style::Waiting, "⏸", &format!("{state}: waiting for {}", text(status, "waiting_for")));
        }
        self.held = held;
        let execution = text(&stage, "execution_status");
        self.doing = if execution.is_empty() { String::new() } else { format!(", {execution}") };
        let message = text(&stage, "message_untrusted");
        if !message.is_empty() && execution == "failed" {
            self.mark(Style::Bad, "✖", &format!("{state}: {message}"));
        }
    }

    /// Turn the wheel until `answer` is there.
    pub(super) async fn while_waiting<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let mut frames = tokio::time::interval(FRAME);
        let mut answer = std::pin::pin!(answer);
        let mut wheel = WHEEL.iter().cycle();
        loop {
            tokio::select! {
                answer = &mut answer => {
                    self.clear();
                    return answer;
                }
                _ = frames.tick(), if self.live => {
                    let frame = wheel.next().copied().unwrap_or_default();
                    let time = output::duration(millis(self.entered.elapsed()));
                    let text = format!("\r\u{1b}[2K  {} {:<19} {time}{}", output::styled(Style::Waiting, frame), self.state, self.doing);
                    let mut out = std::io::stdout().lock();
                    let _ = out.write_all(text.as_bytes());
                    let _ = out.flush();
                }
            }
        }
    }

    /// The final timeline, and why it ended so, where that is not plain.
    pub(super) fn end(&mut self, status: &Value, runs: usize, why: &str) {
        output::line("");
        let rows = status
            .get("timeline")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|entry| {
                let attempts = entry.get("attempts").and_then(Value::as_u64).unwrap_or(0);
                let attempts = if attempts > 1 { format!("{attempts} attempts") } else { String::new() };
                let duration = entry.get("duration_ms").and_then(Value::as_u64);
                vec![
                    text(entry, "state").to_owned(),
                    duration.map(output::duration).unwrap_or_default(),
                    attempts,
                ]
            })
            .collect();
        output::table(&["state", "for", ""], rows);
        let style = output::state_style(&self.state);
        output::line(&format!(
            "{} after {}; {runs} pipeline runs at Harness, one for each attempt",
            output::styled(style, &self.state),
            output::duration(millis(self.began.elapsed())),
        ));
        if !why.is_empty() {
            output::line(&format!("because {why}"));
        }
    }

    fn close_state(&mut self, next: &str) {
        let time = output::duration(millis(self.entered.elapsed()));
        let left = std::mem::replace(&mut self.state, next.to_owned());
        self.mark(Style::Good, "✔", &format!("{left:<19} {time}"));
        self.entered = Instant::now();
        if next == "awaiting-approval" {
            self.mark(Style::Waiting, "⏸", "awaiting-approval: production needs a person");
        }
    }

    fn mark(&mut self, style: Style, mark: &str, text: &str) {
        self.say(&format!("  {}", output::styled(style, mark)), text);
    }

    fn say(&mut self, who: &str, what: &str) {
        self.clear();
        output::line(&format!("{who} {what}"));
    }

    fn clear(&self) {
        if self.live {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(b"\r\x1b[2K");
            let _ = out.flush();
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
