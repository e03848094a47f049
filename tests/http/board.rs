//! What the board says, and when it says that it is no longer as it was.

use std::time::Duration;

use deployment_orchestrator::clock::Clock as _;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::harness::simulator::{Ending, Pipeline, Script};
use reqwest::Response;
use serde_json::json;

use crate::browser::{Browser, Page};
use crate::client::{Era, Mcp};
use crate::pages::{PEOPLE, signed_in};
use crate::world::{PATIENCE, USER, World, agent};

const HOSTILE: &str = "<script>alert('x')</script>";
const ESCAPED: &str = "&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;";

fn admin() -> Actor {
    Actor::at_command_line(USER.parse().unwrap())
}

async fn operator(world: &World) -> Mcp {
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    Mcp::open_as(world, Era::Modern, Some(&olaf)).await
}

/// The board, and the stream that says that it has changed.
struct Open {
    browser: Browser,
    events: Response,
}

impl Open {
    /// An open board of which everything was told that there is.
    async fn by_vera(world: &World) -> Self {
        let browser = signed_in(world, "vera").await;
        let events = browser.get("/events").send().await.unwrap();
        let mut open = Self { browser, events };
        open.is_told().await;
        open
    }

    async fn is_told(&mut self) {
        let heard = async {
            loop {
                let piece = self.events.chunk().await.unwrap().expect("the stream goes on");
                if String::from_utf8_lossy(&piece).contains("event: change") {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("the board is told");
    }

    /// The board, once it says this; it is looked at when something was told, and not before.
    async fn once_it_says(&mut self, words: &str) -> Page {
        loop {
            self.is_told().await;
            let page = self.browser.open("/").await;
            if page.text.contains(words) {
                return page;
            }
        }
    }
}

#[tokio::test]
async fn an_open_board_is_told_of_locks_and_of_freezes_which_nobody_records() {
    let soon = deployment_orchestrator::clock::SystemClock.now().plus(Duration::from_hours(1));
    let freeze = format!(
        "[[freezes]]\nname = \"quiet-hours\"\nreason = \"nobody is here\"\nfrom = \"{}\"\nto = \"{}\"\n\
         environments = [\"prod\"]\n",
        soon.to_rfc3339(),
        soon.plus(Duration::from_hours(1)).to_rfc3339()
    );
    let world = World::closed(&format!("{PEOPLE}{freeze}")).await;
    let mut board = Open::by_vera(&world).await;
    let page = board.browser.open("/").await;
    page.says("Nothing is locked or frozen")
        .says("<strong>prod</strong> is open until")
        .says("Nothing was deployed so far");

    world.app.lock("dev", Some("checkout"), HOSTILE, &admin()).await.unwrap();
    let page = board.once_it_says("<strong>dev</strong> for checkout by alice").await;
    page.says(ESCAPED).is_silent_about(HOSTILE);
    world.app.lock("prod", None, "all of it", &admin()).await.unwrap();
    board.once_it_says("<strong>prod</strong> by alice").await.says("all of it");
    for (environment, service) in [("dev", Some("checkout")), ("prod", None)] {
        world.app.unlock(environment, service, "done", &admin()).await.unwrap();
    }
    board.once_it_says("Nothing is locked or frozen").await;

    world.clock.let_pass(Duration::from_mins(61));
    board.once_it_says("by quiet-hours until").await.says("nobody is here");
    world.clock.let_pass(Duration::from_hours(1));
    board.once_it_says("Nothing is locked or frozen").await;
}

#[tokio::test]
async fn who_waits_is_said_to_wait_behind_whom() {
    let script = Script::instant().with("deploy_dev", Pipeline::lasting(3_600_000));
    let world = World::scripted(script, PEOPLE).await;
    let operator = operator(&world).await;
    let mut board = Open::by_vera(&world).await;
    let first = operator.start_of("a1b2c3d4e5f6", "dev").await;
    board.once_it_says("Waits for Harness, which runs deploying-dev").await.says("going on");
    let second = operator.start_of("b1b2c3d4e5f6", "dev").await;
    let behind = format!("next of 1 in the queue, while <a href=\"/deployments/{first}\">");
    board.once_it_says(&behind).await.says("Waiting before an environment");
    operator.start_of("c1b2c3d4e5f6", "dev").await;
    let page = board.once_it_says("number 2 of 2 in the queue").await;
    page.says(&behind.replace("of 1", "of 2"));

    // Nothing is recorded about who waited second when the place is free again.
    let stop = json!({ "deployment_id": first, "reason": "a bug" });
    operator.gives("cancel_deployment", stop).await;
    board.once_it_says(&format!("next of 1 in the queue, while <a href=\"/deployments/{second}\">")).await;
}

#[tokio::test]
async fn where_a_later_deployment_failed_the_board_says_so_until_something_arrives_there() {
    let failed = || Ending::failed("APPLICATION_ERROR", "no");
    let endings = [Ending::Success, failed(), Ending::Success, failed(), Ending::Success];
    let script = Script::instant().with("deploy_dev", Pipeline::lasting(0).ending(endings));
    let world = World::scripted(script, PEOPLE).await;
    let operator = operator(&world).await;
    let vera = signed_in(&world, "vera").await;
    let ended = async |commit: &str, state: &str| {
        let id = operator.start_of(commit, "dev").await;
        assert_eq!(operator.until(&id, "ended").await["state"], state);
        id
    };
    ended("a1b2c3d4e5f6", "completed").await;
    vera.open("/").await.is_silent_about("failed here");

    let first = ended("b1b2c3d4e5f6", "failed").await;
    let left = |id: &str, commit: &str| {
        format!("failed here since</span> <a class=\"commit\" href=\"/deployments/{id}\">{commit}</a>")
    };
    let board = vera.open("/").await;
    board.says(&left(&first, "b1b2c3d4e5")).says("; not put back").says(">a1b2c3d4e5</a> <span");
    operator.gives("rollback_deployment", json!({ "deployment_id": first, "reason": "a bug" })).await;
    assert_eq!(operator.until(&first, "ended").await["state"], "rolled-back");
    vera.open("/").await.is_silent_about("failed here");

    let second = ended("c1b2c3d4e5f6", "failed").await;
    vera.open("/").await.says(&left(&second, "c1b2c3d4e5"));
    ended("d1b2c3d4e5f6", "completed").await;
    vera.open("/").await.is_silent_about("failed here");
}

#[tokio::test]
async fn what_people_should_know_first_is_above_everything() {
    let world = World::closed(PEOPLE).await;
    let operator = operator(&world).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    let mut board = Open::by_vera(&world).await;
    let page = board.browser.open("/").await;
    page.says("0 of 1 approved; bob can decide until")
        .says("test/1.0 for olaf")
        .says("Somebody has to do something");
    page.is_silent_about("All agents are stopped").is_silent_about("not delivered");

    world.app.freeze_agents(HOSTILE, admin()).await.unwrap();
    let page = board.once_it_says("All agents are stopped</strong> by alice since").await;
    page.says(ESCAPED).is_silent_about(HOSTILE);
    // What could not be told stands in no history.
    let given_up =
        "INSERT INTO delivery (position, topic, deployment, channel, issue, lane, digest, routed_at,
                        attempts, last_error, given_up_at)
                    SELECT position, topic, deployment, 'chat', '', 'x', 0, 0, 3, ?1, 0 FROM notice LIMIT 1";
    world.raw().execute(given_up, [HOSTILE]).unwrap();
    let page = board.once_it_says("A message was not delivered").await;
    page.says("to chat, given up, tried 3 times").says(ESCAPED).is_silent_about(HOSTILE);
}

#[tokio::test]
async fn of_many_in_flight_the_newest_are_shown_and_all_where_that_is_asked_for() {
    let world = World::closed(PEOPLE).await;
    let operator = operator(&world).await;
    let mut ids = Vec::new();
    for number in 0..14 {
        let arguments = json!({
            "repository": format!("acme/shop-{number}"), "branch": "main", "commit_sha": "a1b2c3d4e5f6",
            "target_environment": "dev", "mode": "step",
        });
        let started = operator.gives("start_deployment", arguments).await;
        ids.push(started["deployment"]["deployment_id"].as_str().unwrap().to_owned());
    }
    let vera = signed_in(&world, "vera").await;
    let board = vera.open("/").await;
    board
        .says("<strong>14</strong> waiting for somebody")
        .says("2 more: show all")
        .says(&ids[13])
        .is_silent_about(&ids[1]);
    let all = vera.open("/?all").await;
    all.says("Show fewer").says(&ids[1]).says(&ids[0]).is_silent_about("more: show all");
}
