//! People at the pages: who signs in, and what they decide.

use std::time::Duration;

use deployment_orchestrator::clock::Clock as _;
use deployment_orchestrator::domain::event::{Event, MainEvent};
use deployment_orchestrator::domain::id::DeploymentId;
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::domain::record::What;
use deployment_orchestrator::domain::role::Role;
use deployment_orchestrator::domain::token::Holder;
use deployment_orchestrator::store::{Allowance, Authority, Entry, Expected, LARGEST_PAGE};
use reqwest::StatusCode;
use serde_json::json;

use crate::browser::Browser;
use crate::client::{Era, Mcp};
use crate::world::{APPROVER, USER, World, agent, human};

/// Beside the approver: who may look, and who starts deployments.
pub(crate) const PEOPLE: &str =
    "[people.vera]\nroles = [\"viewer\"]\n[people.olaf]\nroles = [\"operator\"]\n";

fn browser(name: &str) -> Holder {
    Holder::Browser { name: name.parse().unwrap() }
}

/// A world in which Olaf's agent waits for people to approve.
async fn waiting() -> (World, Mcp, String) {
    let world = World::closed(PEOPLE).await;
    let (_, olaf) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olaf)).await;
    let id = operator.start("prod").await;
    operator.until(&id, "attention").await;
    (world, operator, id)
}

pub(crate) async fn signed_in(world: &World, name: &str) -> Browser {
    let (_, token) = world.token(browser(name), &[], None).await;
    Browser::signed_in(world, &token).await
}

async fn state(operator: &Mcp, id: &str) -> String {
    let status = operator.gives("get_status", json!({ "deployment_id": id })).await;
    status["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_approver_sees_what_will_happen_and_approves_with_a_reason() {
    let (world, operator, id) = waiting().await;
    let mut bob = signed_in(&world, APPROVER).await;
    let path = format!("/approvals/{id}");
    let page = bob.open(&path).await;
    let asked = operator.gives("get_status", json!({ "deployment_id": id })).await;
    page.says(asked["approval"]["digest"].as_str().unwrap()).says("acme/checkout").says("olaf</dd>");
    // What a phone shows without being moved.
    let first = page.text.split_once("of 1 approvals").unwrap().0;
    for line in [
        "It changes checkout in prod, which is production",
        "Nothing of it is known to run there; no commits are listed.",
        "Passed so far: building, testing, deploying dev.",
        "Asked by olaf through “<span class=\"outside\">test/1.0</span>”.",
    ] {
        assert!(first.contains(line), "{line}: {first}");
    }

    let decided = bob.answer(&id, "approve", "looks good").await;
    assert_eq!((decided.status, decided.location.as_str()), (StatusCode::SEE_OTHER, path.as_str()));
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
    bob.open(&path).await.says("Enough people approved it").says("looks good");

    let history = operator.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let decision = history["events"].as_array().unwrap().iter().find(|it| it["by"] == APPROVER).unwrap();
    assert_eq!((&decision["channel"], &decision["assurance"]), (&json!("web"), &json!("web")), "{decision}");
    world.app.store.verify_chain().unwrap();
}

#[tokio::test]
async fn a_second_click_decides_nothing_more() {
    let (world, operator, id) = waiting().await;
    let mut bob = signed_in(&world, APPROVER).await;
    let page = bob.open(&format!("/approvals/{id}")).await;
    let fields = ["csrf", "request", "digest"].map(|name| (name, page.field(name)));
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend([("verdict", "reject"), ("reason", "not today")]);
    let path = format!("/approvals/{id}");
    let (one, other) = tokio::join!(bob.post(&path, &fields).send(), bob.post(&path, &fields).send());
    assert_eq!(
        (one.unwrap().status(), other.unwrap().status()),
        (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER)
    );
    assert_eq!(operator.until(&id, "ended").await["state"], "failed");
    // Who says the opposite afterwards, as with the back button, is told.
    fields.retain(|(name, _)| *name != "verdict");
    fields.push(("verdict", "approve"));
    let late = bob.submit(&path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.says("came too late").says("not today");
    let history = operator.gives("get_history", json!({ "deployment_id": id, "limit": 100 })).await;
    let made = |it: &&serde_json::Value| it["event"] == "DECISION_MADE";
    assert_eq!(history["events"].as_array().unwrap().iter().filter(made).count(), 1);
}

#[tokio::test]
async fn a_request_that_was_taken_back_is_told_as_that_whatever_ended_it() {
    let (world, operator, id) = waiting().await;
    let path = format!("/approvals/{id}");
    let olaf = Actor::at_command_line("olaf".parse().unwrap());
    let bob = signed_in(&world, APPROVER).await;
    world.app.withdraw(&id, "the wrong branch", olaf.clone()).await.unwrap();
    bob.open(&path).await.says("The request was taken back").is_silent_about("Request 1");

    world.app.ask(&id, olaf.clone()).await.unwrap();
    let anew = bob.open(&path).await;
    anew.says("Request 1: Taken back by olaf").says("the wrong branch").is_silent_about("Void");

    world.app.withdraw(&id, "the wrong day", olaf).await.unwrap();
    world.clock.let_pass(Duration::from_hours(25));
    world.app.wake.ring();
    assert_eq!(operator.until(&id, "ended").await["failure"]["reason"], "approval-expired");
    let over = signed_in(&world, APPROVER).await.open(&path).await;
    over.says("Whoever asked took it back").says("by olaf").says("the wrong day").is_silent_about("Expired");
}

#[tokio::test]
async fn the_end_of_a_history_counts_however_long_it_is() {
    let (world, operator, id) = waiting().await;
    let (store, number) = (&world.app.store, id.parse().unwrap());
    let record = |event: &MainEvent| {
        store.record(&Entry {
            id: DeploymentId::clone(&number),
            event: event.clone().into(),
            actor: Actor::ENGINE,
            expected: Expected::Any,
            authority: Authority::Caller,
            allowance: Allowance::Unlimited,
            at: world.clock.now(),
        })
    };
    let opened = store.whole_history(&number).unwrap().into_iter().find_map(|record| match record.what {
        What::Event(Event::Main(event @ MainEvent::ApprovalRequested { .. })) => Some(event),
        What::Event(_) | What::Remark(_) => None,
    });
    let (opened, times) = (opened.unwrap(), LARGEST_PAGE / 2);
    for _ in 0..times {
        record(&MainEvent::ApprovalVoided { reason: "it is to be a long history".to_owned() }).unwrap();
        // The engine may have opened the next one.
        record(&opened).ok();
    }
    let mut bob = signed_in(&world, APPROVER).await;
    bob.answer(&id, "approve", "at last").await;
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");

    let whole = store.whole_history(&number).unwrap();
    let page = store.history(&number, 0, LARGEST_PAGE).unwrap();
    assert!(page.len() < whole.len() && whole.starts_with(&page), "{} of {}", page.len(), whole.len());
    let decided = bob.open(&format!("/approvals/{id}")).await;
    decided.says(&format!("Request {times}: Void")).says("at last").says("Enough people approved it");
    let way = bob.open(&format!("/deployments/{id}")).await;
    way.says("deploying prod</strong>, attempt 1: <span class=\"standing\">succeeded");
}

#[tokio::test]
async fn two_may_answer_at_once_and_who_comes_too_late_is_told() {
    let two = "[people.carol]\n[[environments]]\nname = \"live\"\n\
               approval = { approvers = [\"bob\", \"carol\"], required_approvals = 2, accept = [\"web\"] }\n\
               [[environments]]\nname = \"eu\"\napproval = { approvers = [\"bob\", \"carol\"], accept = [\"web\"] }\n";
    let world = World::closed(&format!("{PEOPLE}{two}")).await;
    let (_, olafs) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olafs)).await;
    let id = operator.start("eu").await;
    let path = format!("/approvals/{id}");
    operator.until(&id, "attention").await;
    let (mut bob, mut carol) = (signed_in(&world, APPROVER).await, signed_in(&world, "carol").await);
    bob.answer(&id, "approve", "").await;
    operator.until(&id, "deploying-prod").await;
    operator.until(&id, "attention").await;

    // Both are needed for live.
    bob.open(&path)
        .await
        .says("0 of 2 approvals")
        .says("which is production")
        .says("goes on to eu, after another approval");
    let (one, other) = tokio::join!(bob.answer(&id, "approve", "one"), carol.answer(&id, "approve", "two"));
    assert_eq!((one.status, other.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    operator.until(&id, "deploying-live").await;
    operator.until(&id, "attention").await;

    // Either is enough for eu: the second is told, and nothing of theirs is kept.
    let late = carol.open(&path).await;
    late.says("Request 1: Approved").says("Request 2: Approved");
    let fields = ["csrf", "request", "digest"].map(|name| (name, late.field(name)));
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend([("verdict", "reject"), ("reason", "never")]);
    bob.answer(&id, "approve", "").await;
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
    let told = carol.submit(&path, &fields).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    told.says("came too late").says("<strong>bob</strong> approved").is_silent_about("never");
}

#[tokio::test]
async fn whoever_cannot_decide_is_told_why() {
    let signed_only =
        "[[environments]]\nname = \"live\"\napproval = { approvers = [\"bob\"], accept = [\"signed\"] }\n";
    let world = World::closed(&format!("{PEOPLE}{signed_only}")).await;
    let (_, olafs) = world.token(agent("olaf"), &[], None).await;
    let operator = Mcp::open_as(&world, Era::Modern, Some(&olafs)).await;
    let id = operator.start("live").await;
    operator.until(&id, "attention").await;
    let path = format!("/approvals/{id}");

    signed_in(&world, "vera").await.open(&path).await.says("may only look here");
    let mut olaf = signed_in(&world, "olaf").await;
    olaf.open(&path).await.says("olaf is not one of those who may decide: bob.").is_silent_about("verdict");
    let (_, looking) = world.token(browser(APPROVER), &[Role::Viewer], None).await;
    Browser::signed_in(&world, &looking).await.open(&path).await.says("may only look here");

    // Who sends the form all the same is refused by the request itself.
    let mut bob = signed_in(&world, APPROVER).await;
    let asked = bob.open(&path).await;
    let (csrf, digest) = (olaf.open("/").await.field("csrf"), asked.field("digest"));
    let fields = [("csrf", csrf.as_str()), ("request", "1"), ("digest", &digest), ("verdict", "approve")];
    olaf.submit(&path, &fields).await.says("person-may-decide");
    assert_eq!(state(&operator, &id).await, "awaiting-approval");

    // Not every gate takes a page's word.
    bob.answer(&id, "approve", "").await;
    operator.until(&id, "deploying-prod").await;
    operator.until(&id, "attention").await;
    bob.open(&path).await.says("live does not accept decisions from this page");

    // The approver's own deployment is for others to approve.
    let (_, bobs) = world.token(agent(APPROVER), &[], None).await;
    let own = operator.showing(&bobs);
    let id = own.start_of("b1b2c3d4e5f6", "prod").await;
    own.until(&id, "attention").await;
    bob.open(&format!("/approvals/{id}")).await.says("another person approves it");
}

#[tokio::test]
async fn an_old_page_decides_nothing() {
    let (world, operator, id) = waiting().await;
    let mut bob = signed_in(&world, APPROVER).await;
    let path = format!("/approvals/{id}");
    let page = bob.open(&path).await;
    let (csrf, request, digest) = (page.field("csrf"), page.field("request"), page.field("digest"));
    let other = digest.replace(['0', '1', '2'], "3");
    for (request, digest) in [(request.as_str(), other.as_str()), ("7", digest.as_str()), ("x", "")] {
        let fields =
            [("csrf", csrf.as_str()), ("request", request), ("digest", digest), ("verdict", "approve")];
        let answer = bob.submit(&path, &fields).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
    assert_eq!(bob.answer(&id, "reject", " ").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(state(&operator, &id).await, "awaiting-approval");

    // It expires while the page is open; the visit is over then, too.
    world.clock.let_pass(Duration::from_hours(25));
    world.app.wake.ring();
    operator.until(&id, "ended").await;
    let fields =
        [("csrf", csrf.as_str()), ("request", &request), ("digest", &digest), ("verdict", "approve")];
    let late = bob.submit(&path, &fields).await;
    assert_eq!(late.status, StatusCode::FORBIDDEN);
    late.says("Nothing was changed").says(&format!("/sign-in?next={path}"));
    let mut again = signed_in(&world, APPROVER).await;
    again.open(&path).await.says("Nobody decided in time");
    let own = again.open("/").await.field("csrf");
    let fields = [("csrf", own.as_str()), ("request", &request), ("digest", &digest), ("verdict", "approve")];
    let late = again.submit(&path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.says("came too late");
}

#[tokio::test]
async fn who_signed_in_long_ago_shows_their_token_again() {
    let (world, operator, id) = waiting().await;
    let (_, token) = world.token(browser(APPROVER), &[], None).await;
    let (_, other) = world.token(browser("olaf"), &[], None).await;
    let mut bob = Browser::signed_in(&world, &token).await;
    world.clock.let_pass(Duration::from_mins(16));
    let path = format!("/approvals/{id}");
    let first = bob.answer(&id, "approve", "kept words").await;
    assert_eq!(first.status, StatusCode::UNAUTHORIZED);
    first.says("Nothing was decided").says("kept words").says("Your token again");
    let fields = |token| {
        ["csrf", "request", "digest"]
            .map(|name| (name, first.field(name)))
            .into_iter()
            .chain([("verdict", "approve".to_owned()), ("token", token)])
            .collect::<Vec<(&str, String)>>()
    };
    let before = bob.cookie.clone();
    for (token, status) in [(other, StatusCode::UNAUTHORIZED), (token, StatusCode::SEE_OTHER)] {
        let fields = fields(token);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(bob.submit(&path, &fields).await.status, status);
    }
    assert_ne!(bob.cookie, before, "the visit has another id");
    assert_eq!(operator.until(&id, "ended").await["state"], "completed");
}

#[tokio::test]
async fn only_a_token_for_browsers_signs_in_and_it_opens_nothing_else() {
    let world = World::closed(PEOPLE).await;
    let mut nobody = Browser::new(&world);
    for holder in [human(APPROVER), agent(APPROVER)] {
        let (_, token) = world.token(holder, &[], None).await;
        let page = nobody.sign_in(&token, "/").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        page.says("is for programs").says("token create bob --browser");
    }
    nobody.sign_in("<script>", "/").await.says("this is not a token").is_silent_about("<script>\"");
    assert_eq!(nobody.cookie, None);

    let (id, token) = world.token(browser(APPROVER), &[], None).await;
    let client = Mcp::open_as(&world, Era::Modern, Some(&token)).await;
    assert_eq!(client.send("tools/list", json!({})).await.status(), StatusCode::UNAUTHORIZED);

    let bob = Browser::signed_in(&world, &token).await;
    assert_eq!(bob.open("/").await.status, StatusCode::OK);
    let admin = Actor::at_command_line(USER.parse().unwrap());
    world.app.revoke_token(&id, &admin).await.unwrap();
    assert_eq!(bob.open("/").await.status, StatusCode::SEE_OTHER, "a visit does not outlive its token");
}

#[tokio::test]
async fn who_operates_moves_a_deployment_and_who_looks_does_not() {
    let (world, operator, id) = waiting().await;
    let path = format!("/deployments/{id}");
    let mut vera = signed_in(&world, "vera").await;
    let page = vera.open(&path).await;
    page.says("deploying dev").says("people: 0 of 1").is_silent_about("value=\"CANCEL\"");
    let act = format!("{path}/act");
    let fields =
        [("csrf", page.field("csrf")), ("act", "CANCEL".to_owned()), ("reason", "because".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let refused = vera.submit(&act, &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");

    let mut olaf = signed_in(&world, "olaf").await;
    let csrf = olaf.open(&path).await.says("value=\"CANCEL\"").field("csrf");
    let wordless = [("csrf", csrf.as_str()), ("act", "CANCEL"), ("reason", " ")];
    assert_eq!(olaf.submit(&act, &wordless).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let other = [("csrf", csrf.as_str()), ("act", "APPROVED"), ("reason", "mine")];
    assert_eq!(olaf.submit(&act, &other).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(state(&operator, &id).await, "awaiting-approval");
    let cancel = [("csrf", csrf.as_str()), ("act", "CANCEL"), ("reason", "a bug")];
    assert_eq!(olaf.submit(&act, &cancel).await.status, StatusCode::SEE_OTHER);
    assert_eq!(operator.until(&id, "ended").await["state"], "cancelled");
    olaf.open(&path).await.says("a bug").says("CANCEL");
    olaf.open(&format!("/approvals/{id}")).await.says("ended before anybody decided");
}

#[tokio::test]
async fn the_board_says_what_is_where_and_that_something_changed() {
    let (world, operator, id) = waiting().await;
    let vera = signed_in(&world, "vera").await;
    let board = vera.open("/").await;
    board.says("checkout").says(&format!("/deployments/{id}")).says("a1b2c3d4e5").says("approval prod");
    let mut events = vera.get("/events").send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    operator.gives("cancel_deployment", json!({ "deployment_id": id, "reason": "x" })).await;
    let piece = tokio::time::timeout(crate::world::PATIENCE, events.chunk()).await.unwrap().unwrap().unwrap();
    assert!(String::from_utf8_lossy(&piece).contains("event: change"), "{piece:?}");
}

#[tokio::test]
async fn at_no_address_there_is_a_page_for_people_and_nothing_for_programs() {
    let world = World::closed(PEOPLE).await;
    let vera = signed_in(&world, "vera").await;
    for (browser, marked) in [(&vera, "Sign out"), (&Browser::stranger(&vera), "There is no such page")] {
        let answer = browser.get("/nope").header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let text = answer.text().await.unwrap();
        assert!(text.contains("Nothing is at this address") && text.contains(marked), "{text}");
    }
    for request in [vera.get("/nope"), vera.get("/webhooks/nope"), vera.post("/nope", &[])] {
        let answer = request.header("accept", "*/*").send().await.unwrap();
        assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::NOT_FOUND, ""));
    }
}
