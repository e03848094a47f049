//! What the page about a deployment says: from its top what somebody can do and what
//! that would do, below what was tried, what it had to show, and who was told.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployment_orchestrator::app::acts::ActRequest;
use deployment_orchestrator::app::{App, Session};
use deployment_orchestrator::clock::{Clock, SystemClock};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::domain::time::Timestamp;
use deployment_orchestrator::domain::token::Holder;
use deployment_orchestrator::harness::simulator::{Ending, Pipeline, Script};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::Notify;

use crate::browser::{Browser, Page};
use crate::client::{COMMIT, Era, Mcp};
use crate::world::{APPROVER, USER, World};

const LATER: &str = "b1b2c3d4e5f6a7b8c9d0b1b2c3d4e5f6a7b8c9d0";

async fn signed_in(world: &World, name: &str) -> Browser {
    let holder = Holder::Browser { name: name.parse().unwrap() };
    let (_, token) = world.token(holder, &[], None).await;
    Browser::signed_in(world, &token).await
}

/// Deploy a commit to prod, as far as it gets.
async fn deploy(agent: &Mcp, bob: &mut Browser, commit: &str) -> String {
    let id = agent.start_of(commit, "prod").await;
    agent.until(&id, "attention").await;
    bob.answer(&id, "approve", "").await;
    agent.until(&id, "ended").await;
    id
}

/// What the form of an act carries.
fn form_of(page: &Page, act: &str) -> [(&'static str, String); 4] {
    let before = page.text.split_once(&format!("value=\"{act}\"")).unwrap_or_else(|| panic!("{page:?}")).0;
    let (_, shown) = before.rsplit_once("name=\"shown\" value=\"").unwrap();
    [
        ("csrf", page.field("csrf")),
        ("shown", shown.split_once('"').unwrap().0.to_owned()),
        ("act", act.to_owned()),
        ("reason", "it is three in the morning".to_owned()),
    ]
}

async fn send(browser: &mut Browser, id: &str, fields: &[(&'static str, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.submit(&format!("/deployments/{id}/act"), &fields).await
}

#[tokio::test]
async fn who_acts_has_seen_what_it_does_and_nothing_else_is_done() {
    let prod = Pipeline::lasting(0).ending([
        Ending::Success,
        Ending::failed("APPLICATION_ERROR", "no disk"),
        Ending::Success,
    ]);
    let world = World::new(Script::instant().with("deploy_prod", prod)).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let (mut bob, mut alice) = (signed_in(&world, APPROVER).await, signed_in(&world, USER).await);
    deploy(&agent, &mut bob, COMMIT).await;
    let id = deploy(&agent, &mut bob, LATER).await;
    let path = format!("/deployments/{id}");

    let page = alice.open(&path).await;
    page.says("no disk")
        .says("prod gets a1b2c3d4e5 of main back, by the pipeline deploy_prod.")
        .says("dev gets a1b2c3d4e5 of main back, by the pipeline deploy_dev.")
        .says("b1b2c3d4e5 is quarantined")
        .says("People are asked anew")
        .says("It is over: failed.")
        .is_silent_about("value=\"CANCEL\"");
    let (back, again) = (form_of(&page, "ROLLBACK"), form_of(&page, "RETRY"));

    // Somebody else is in dev meanwhile: what was on the screen is not what would happen.
    let other = agent.start_of("c1b2c3d4e5f6", "dev").await;
    agent.until(&other, "ended").await;
    let refused = send(&mut alice, &id, &back).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    refused.says("ROLLBACK would do something else by now").says("dev keeps what it has: another deployment");
    let unseen =
        back.clone().map(|(name, value)| (name, if name == "shown" { String::new() } else { value }));
    assert_eq!(send(&mut alice, &id, &unseen).await.status, StatusCode::CONFLICT);
    assert_eq!(agent.gives("get_status", json!({ "deployment_id": id })).await["state"], "failed");

    let back = form_of(&alice.open(&path).await, "ROLLBACK");
    assert_eq!(send(&mut alice, &id, &back).await.status, StatusCode::SEE_OTHER);
    assert_eq!(agent.until(&id, "ended").await["state"], "rolled-back");
    let late = send(&mut alice, &id, &again).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{late:?}");
    late.says("it is three in the morning").says("Not while it is rolled back.");

    // Who may not is told why, and what it would do all the same.
    let holder = Holder::Browser { name: APPROVER.parse().unwrap() };
    let (_, looking) = world.token(holder, &[Role::Viewer], None).await;
    let page = Browser::signed_in(&world, &looking).await.open(&format!("/deployments/{other}")).await;
    page.says("bob may only look here")
        .says("dev gets a1b2c3d4e5 of main back")
        .is_silent_about("value=\"ROLLBACK\"");
}

/// A clock that does not say the time until it may.
struct Withheld {
    /// It was asked for the time.
    asked: Notify,
    /// It may say it from then on, when the other end is dropped.
    may: Mutex<Receiver<()>>,
}

impl Clock for Withheld {
    fn now(&self) -> Timestamp {
        self.asked.notify_one();
        tokio::task::block_in_place(|| self.may.lock().unwrap().recv().unwrap_err());
        SystemClock.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_is_what_was_looked_at_whatever_happens_in_between() {
    let prod = Pipeline::lasting(0).ending([
        Ending::Success,
        Ending::failed("APPLICATION_ERROR", "no disk"),
        Ending::Success,
    ]);
    let world = World::new(Script::instant().with("deploy_prod", prod)).await;
    let agent = Mcp::open(&world, Era::Modern).await;
    let mut bob = signed_in(&world, APPROVER).await;
    deploy(&agent, &mut bob, COMMIT).await;
    let id = deploy(&agent, &mut bob, LATER).await;

    let session = Session::of_this_machine(USER.parse().unwrap());
    let story = world.app.story(&id, &session).await.unwrap();
    let back = story.acts.into_iter().find(|act| act.event == "ROLLBACK").unwrap();
    let request = ActRequest {
        deployment_id: id.clone(),
        event: back.event,
        shown: back.shown,
        reason: "it is three in the morning".to_owned(),
    };
    let (lets, may) = channel();
    let clock = Arc::new(Withheld { asked: Notify::new(), may: Mutex::new(may) });
    let slow = App { clock: clock.clone(), ..world.app.clone() };
    let alice = Actor::at_command_line(USER.parse().unwrap());
    let acting = tokio::spawn(async move { slow.act(&session, request, alice).await });

    // It has looked, and asks for the time. Now somebody else gets into dev.
    clock.asked.notified().await;
    let other = agent.start_of("c1b2c3d4e5f6", "dev").await;
    agent.until(&other, "ended").await;
    drop(lets);
    acting.await.unwrap().unwrap();
    assert_eq!(agent.until(&id, "ended").await["state"], "rolled-back");
    let history = agent.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await.to_string();
    assert!(history.contains("it is three in the morning"), "{history}");
    assert!(
        history.contains("RESTORE_OVERTAKEN"),
        "dev was to be put back, and is kept at its turn: {history}"
    );
}

#[tokio::test]
async fn it_says_what_was_tried_what_it_had_to_show_and_who_was_told() {
    let flaky = Pipeline::lasting(0).ending([Ending::failed("CONNECTIVITY", "no route"), Ending::Success]);
    let world = World::new(Script::instant().with("build_and_push", flaky)).await;
    let alice = Actor::at_command_line(USER.parse().unwrap());
    world.app.lock("dev", None, "the disks are swapped", &alice).await.unwrap();
    let agent = Mcp::open(&world, Era::Modern).await;
    let mut bob = signed_in(&world, APPROVER).await;
    let id = agent.start_of(COMMIT, "prod").await;
    let path = format!("/deployments/{id}");
    loop {
        let status = agent.gives("get_status", json!({ "deployment_id": id })).await;
        if status["held_by"][0]["hold"] == "locked" {
            break;
        }
        if status["stage"]["next_attempt_at"].is_string() {
            world.clock.let_pass(Duration::from_mins(1));
            world.app.wake.ring();
        }
        agent.until_change(&id, &status["version"]).await;
    }
    let held = bob.open(&path).await;
    held.says("locked by alice")
        .says("Before it goes into dev")
        .says("not locked")
        .says("the disks are swapped")
        .says("an operator of the server");
    world.app.unlock("dev", None, "they are in", &alice).await.unwrap();
    agent.until(&id, "attention").await;
    bob.answer(&id, "approve", "").await;
    agent.until(&id, "ended").await;

    let page = bob.open(&path).await;
    // The attempts: the one that failed, why there is another, and both in Harness.
    page.says("building</strong>, attempt 1: <span class=\"standing\">failed")
        .says("no route")
        .says("Tried again by itself, after: pipeline failed")
        .says("building</strong>, attempt 2: <span class=\"standing\">succeeded")
        .says("in Harness</a>");
    // The guards that were passed, with what they saw.
    page.says("approvals suffice")
        .says("it waited since")
        .says("nothing holds it")
        .says("execution succeeded");
    // Everybody who was told, and here nobody is.
    page.says("approval requested</strong>").says("no route of the config has this topic");
}
