//! What went wrong in other systems that deploy, as lessons that this one keeps.
//!
//! A test is named after the lesson, and says where somebody paid for it. Lessons
//! that need more than the engine are kept where the rest is: [`ELSEWHERE`] has them.

mod approvals;
mod executions;
mod freezes;
mod places;
mod rollbacks;

use deployment_orchestrator::app::Code;
use deployment_orchestrator::domain::decision::{Decision, Verdict};
use deployment_orchestrator::domain::principal::Actor;

use crate::people::key_of;
use crate::world::Talk;

/// The thread, the file below `tests/`, and the test that keeps its lesson.
const ELSEWHERE: [(&str, &str, &str); 14] = [
    // Anybody could approve, and anybody could run the pipeline behind the gate.
    ("spinnaker#4792", "approval_attacks.rs", "a_decision_by_the_wrong_person_or_key_does_not_count"),
    ("spinnaker#6015", "mcp_session/attacks.rs", "nothing_that_an_agent_writes_approves"),
    // What ran was not what had been reviewed.
    ("ActionsTOCTOU", "engine/tampering.rs", "what_was_edited_after_the_approval_is_not_sent_to_production"),
    // One person was enough where two were meant.
    ("meho#3328", "engine/hotfix.rs", "what_is_left_out_does_not_run_and_two_people_open_the_gate"),
    // The loop was dead, and the probe was green.
    ("kargo#6790", "http/health.rs", "a_dead_loop_is_not_healthy"),
    // Two deployments met in one place.
    ("Library#1417", "engine/places.rs", "the_second_waits_until_the_first_is_done_there"),
    ("Octopus#4928", "engine/places.rs", "the_others_follow_in_the_order_in_which_they_came"),
    ("Octopus#5666", "engine/places.rs", "where_the_config_says_so_the_place_is_held_while_people_are_asked"),
    // A rollback waited behind the next release.
    (
        "argo-rollouts#3756",
        "engine/stopping.rs",
        "a_rollback_from_prod_stops_what_runs_and_restores_production_first",
    ),
    // "Stop the line", with a way past it for who is named.
    ("kargo#1422", "engine/freezing.rs", "only_who_is_named_overrides_a_freeze_and_everybody_is_told"),
    ("kargo#1422", "engine/places.rs", "a_lock_keeps_everybody_out_until_it_is_taken_off"),
    // An hour that is there twice, or not at all.
    (
        "argo-cd#5590",
        "freezes/clocks.rs",
        "what_starts_in_an_hour_that_is_shown_twice_starts_the_first_time_only",
    ),
    ("argo-cd#5590", "freezes/clocks.rs", "what_starts_in_a_skipped_hour_starts_at_the_change"),
    // One thing was told many times.
    ("spinnaker#5183", "engine/telling.rs", "what_nobody_heard_is_told_later_in_order_and_once"),
];

#[test]
fn every_lesson_elsewhere_has_its_test() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (thread, file, test) in ELSEWHERE {
        let text = std::fs::read_to_string(tests.join(file)).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}(")), "{thread}: no test {test} in {file}");
    }
}

/// What `name` signs about the open request.
async fn signed(it: &Talk<'_>, name: &str) -> String {
    let person = name.parse().unwrap();
    let statement = it.world.app.statement(it.id.as_str(), &person, Verdict::Approve, None).await.unwrap();
    Decision::sign(statement, &key_of(name)).to_token()
}

/// What is said to whoever carries this decision to a deployment.
async fn carried(it: &Talk<'_>, token: &str) -> Result<(), Code> {
    let carrier = Actor::at_command_line("grace".parse().unwrap());
    let taken = it.world.app.decide(it.id.as_str(), token, Verdict::Approve, &carrier).await;
    taken.map(drop).map_err(|error| error.code)
}
