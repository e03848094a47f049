//! Approvals that rest on less than a person's key, where the config says so:
//! what the client reports, and for sandboxes the agent's own word.

use std::time::Duration;

use deployment_orchestrator::harness::simulator::Script;
use rmcp::model::{RequestStateCodec, SealOptions};
use serde_json::{Value, json};

use crate::wire::{AGENT, Era, Session};
use crate::world::{USER, World, config, person};

/// Alice may approve what an agent does for her, and bob may.
fn accepting(accept: &str, more: &str) -> String {
    config(
        &format!("approvers = [\"alice\", \"bob\"], accept = {accept}, {more}"),
        &[person("alice", ""), person("bob", "")],
    )
}

fn confirmable() -> String {
    accepting(r#"["signed", "client-confirmed"]"#, "allow_self_approval = true")
}

async fn with_forms(world: &World, era: Era) -> Session {
    let forms = if era == Era::Modern { json!({ "form": {} }) } else { json!({}) };
    Session::capable(world, era, json!({ "elicitation": forms })).await
}

fn accepts() -> Value {
    json!({ "action": "accept", "content": { "approve": true } })
}

fn approve(id: &str) -> Value {
    json!({ "name": "approve", "arguments": { "deployment_id": id } })
}

/// The call that brings an answer, with the state that a question had.
fn answered(id: &str, state: &Value, reply: &Value) -> Value {
    let mut params = approve(id);
    params["inputResponses"] = json!({ "approval": reply });
    if !state.is_null() {
        params["requestState"] = state.clone();
    }
    params
}

/// Call approve, and have the client answer what it is asked; the result, and the question.
async fn confirm(session: &mut Session, id: &str, reply: &Value) -> (Value, Value) {
    if session.era == Era::Legacy {
        session.reply = Some(reply.clone());
        let result = session.call_with(approve(id)).await;
        return (result, session.asked.pop().expect("the client is asked"));
    }
    let asked = session.request("tools/call", approve(id)).await["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let question = &asked["inputRequests"]["approval"];
    assert_eq!(question["method"], "elicitation/create", "{asked}");
    let result = session.call_with(answered(id, &asked["requestState"], reply)).await;
    (result, question["params"].clone())
}

/// What people were told about it.
fn notices(world: &World) -> Vec<String> {
    let connection = world.raw();
    let mut bodies = connection.prepare("SELECT body FROM notice ORDER BY position").unwrap();
    let bodies = bodies.query_map([], |row| row.get(0)).unwrap();
    bodies.collect::<Result<_, _>>().unwrap()
}

/// Somebody decided, as `by` and `assurance` say, and everybody is told that no person is behind it.
async fn is_loud(
    world: &World,
    session: &mut Session,
    id: &str,
    result: &Value,
    by: &str,
    assurance: &str,
    caveat: &str,
) {
    let answer = &result["structuredContent"];
    assert_eq!((&result["isError"], &answer["approved"]), (&json!(false), &json!(true)), "{result}");
    let said = result["content"][0]["text"].as_str().unwrap();
    assert!(said.contains(caveat) && !said.contains("signed"), "{said}");
    let caveats = answer["deployment"]["caveats"].as_array().unwrap();
    assert!(caveats.iter().any(|it| it.as_str().unwrap().contains(caveat)), "{caveats:?}");
    assert_eq!(session.until(id, "ended").await["state"], "completed");
    assert_eq!(world.runs_of_prod(), 1);
    let history = session.history(id).await;
    let decided = history.iter().find(|event| event["event"] == "DECISION_MADE").unwrap();
    assert_eq!((&decided["by"], &decided["assurance"]), (&json!(by), &json!(assurance)), "{decided}");
    assert_eq!(decided["channel"], "mcp-stdio");
    assert!(notices(world).iter().any(|notice| notice.contains(caveat)), "{:?}", notices(world));
}

async fn a_person_confirms(era: Era) {
    let world = World::under(Script::instant(), &confirmable()).await;
    let mut session = with_forms(&world, era).await;
    let id = session.asks_for_approval().await;
    let (result, question) = confirm(&mut session, &id, &accepts()).await;
    let request = &result["structuredContent"]["deployment"]["approval"];
    let message = question["message"].as_str().unwrap();
    for part in [
        crate::world::COMMIT,
        "deploy_prod",
        "environment = prod",
        "acme/checkout",
        request["digest"].as_str().unwrap(),
    ] {
        assert!(message.contains(part), "{message} says nothing of {part}");
    }
    assert_eq!(question["requestedSchema"]["required"], json!(["approve"]), "{question}");
    is_loud(
        &world,
        &mut session,
        &id,
        &result,
        USER,
        "client-confirmed",
        "no human is proved to have decided",
    )
    .await;
}

#[tokio::test]
async fn a_person_confirms_at_a_client_of_2025() {
    a_person_confirms(Era::Legacy).await;
}

#[tokio::test]
async fn a_person_confirms_at_a_client_of_2026() {
    a_person_confirms(Era::Modern).await;
}

#[tokio::test]
async fn in_a_sandbox_the_call_of_the_agent_approves_and_everybody_is_told() {
    let world =
        World::under(Script::instant(), &accepting("[\"agent\"]", "allow_self_approval = true")).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = session.asks_for_approval().await;
    let result = session.call_with(approve(&id)).await;
    is_loud(&world, &mut session, &id, &result, AGENT, "agent", "no human decided").await;
}

#[tokio::test]
async fn whoever_does_not_say_yes_decides_nothing() {
    // Not even where the agent's own word would count.
    let rules = accepting(r#"["client-confirmed", "agent"]"#, "allow_self_approval = true");
    for era in [Era::Legacy, Era::Modern] {
        let world = World::under(Script::instant(), &rules).await;
        let mut session = with_forms(&world, era).await;
        let id = session.asks_for_approval().await;
        let before = session.status(&id).await;
        for reply in [
            json!({ "action": "decline" }),
            json!({ "action": "cancel" }),
            json!({ "action": "decline", "content": { "approve": true } }),
            json!({ "action": "accept", "content": { "approve": false } }),
            json!({ "action": "accept", "content": { "approve": "true" } }),
            json!({ "action": "accept", "content": { "reason": "approved" } }),
            json!({ "action": "accept" }),
        ] {
            let (result, _) = confirm(&mut session, &id, &reply).await;
            assert_eq!(result["structuredContent"]["approved"], false, "{era:?} {reply}");
            assert_eq!(session.status(&id).await, before, "{era:?} {reply}");
        }
        assert!(!session.history(&id).await.iter().any(|event| event["event"] == "DECISION_MADE"));
        assert_eq!(world.runs_of_prod(), 0);
    }
}

#[tokio::test]
async fn a_confirmation_does_not_replace_the_second_pair_of_eyes() {
    for era in [Era::Legacy, Era::Modern] {
        let world =
            World::under(Script::instant(), &accepting("[\"client-confirmed\"]", "required_approvals = 1"))
                .await;
        let mut session = with_forms(&world, era).await;
        let id = session.asks_for_approval().await;
        let (status, known) = (session.status(&id).await, session.history(&id).await.len());
        let (result, _) = confirm(&mut session, &id, &accepts()).await;
        assert_eq!(result["structuredContent"]["code"], "guard-refused", "{era:?} {result}");
        assert!(result["structuredContent"]["message"].as_str().unwrap().contains("four-eyes"), "{result}");
        let history = session.history(&id).await;
        assert_eq!((history.len(), &history[known]["event"]), (known + 1, &json!("DECISION_REFUSED")));
        assert_eq!((session.status(&id).await, world.runs_of_prod()), (status, 0));
    }
}

#[tokio::test]
async fn only_a_person_whom_the_gate_names_is_asked_and_only_at_a_client_that_can_ask() {
    let bob = config("approvers = [\"bob\"], accept = [\"client-confirmed\"]", &[person("bob", "")]);
    for era in [Era::Legacy, Era::Modern] {
        let nobody = World::under(Script::instant(), &bob).await;
        let named = World::under(Script::instant(), &confirmable()).await;
        let mut asks_nobody = with_forms(&nobody, era).await;
        let mut cannot_ask = Session::open(&named, era).await;
        let mut only_links = Session::capable(&named, era, json!({ "elicitation": { "url": {} } })).await;
        let first = asks_nobody.asks_for_approval().await;
        let second = cannot_ask.asks_for_approval().await;
        for (session, id) in
            [(&mut asks_nobody, &first), (&mut cannot_ask, &second), (&mut only_links, &second)]
        {
            let answer = session.gives("approve", json!({ "deployment_id": id })).await;
            assert_eq!(answer["approved"], false, "{era:?}");
            assert!(answer["how_to_decide"].as_str().unwrap().contains("elicitation"), "{era:?} {answer}");
            assert_eq!(session.status(id).await["approval"]["approved_by"], json!([]));
        }
    }
}

/// Everything that somebody could bring who was never asked.
async fn unasked(session: &mut Session, id: &str) {
    for state in [
        Value::Null,
        json!(""),
        json!("rs1.AAAA.AAAA"),
        json!(RequestStateCodec::new_unchecked([7; 32]).seal(b"asked")),
    ] {
        let params = answered(id, &state, &accepts());
        session.fails_to_decide(id, &format!("state {state}"), params, "malformed-argument").await;
    }
}

#[tokio::test]
async fn a_script_that_answers_where_confirmations_do_not_count_decides_nothing() {
    for era in [Era::Legacy, Era::Modern] {
        let world =
            World::under(Script::instant(), &accepting("[\"signed\"]", "allow_self_approval = true")).await;
        let mut session = with_forms(&world, era).await;
        let id = session.asks_for_approval().await;
        assert_eq!(session.gives("approve", json!({ "deployment_id": id })).await["approved"], false);
        unasked(&mut session, &id).await;
        // An answer to a question that was never asked.
        session.reply_to(&json!({ "id": 0 }), &accepts()).await;
        assert_eq!(session.status(&id).await["approval"]["approved_by"], json!([]));
        assert_eq!((session.asked.len(), world.runs_of_prod()), (0, 0));
    }
}

#[tokio::test]
async fn an_answer_fits_one_question_of_this_server_for_a_short_time() {
    let rules =
        accepting(r#"["signed", "client-confirmed"]"#, "allow_self_approval = true, required_approvals = 2");
    let world = World::under(Script::instant(), &rules).await;
    let mut session = with_forms(&world, Era::Modern).await;
    session.request("tools/list", json!({})).await;
    // The key of this session's server, as nobody outside of the process has it.
    let [.., first, second] = world.drawn()[..] else { panic!("a session draws a key") };
    let key: Vec<u8> = [first, second].into_iter().flat_map(u128::to_ne_bytes).collect();
    let id = session.asks_for_approval().await;
    let other = session.asks_for_approval_of(json!({ "repository": "acme/pay" })).await;
    let mut elsewhere = with_forms(&world, Era::Modern).await;

    unasked(&mut session, &id).await;
    let asked = async |session: &mut Session, id: &str| {
        session.request("tools/call", approve(id)).await["result"]["requestState"].clone()
    };
    let digest = session.status(&id).await["approval"]["digest"].as_str().unwrap().to_owned();
    let context = format!("{id}\n1\n{digest}");
    let lasting = |ttl| {
        let options = SealOptions::new().associated_data(context.as_bytes()).ttl(ttl);
        json!(RequestStateCodec::try_new(key.clone()).unwrap().seal_with(b"asked", &options))
    };
    let honest = asked(&mut session, &id).await;
    let bent = json!(honest.as_str().unwrap().replacen("rs1.A", "rs1.B", 1));
    assert_ne!(bent, honest);
    for (what, state) in [
        ("one bit of the state", bent),
        ("the state of another deployment's question", asked(&mut session, &other).await),
        ("the state of another server's question", asked(&mut elsewhere, &id).await),
        ("a state that has expired", lasting(Duration::ZERO)),
    ] {
        session.fails_to_decide(&id, what, answered(&id, &state, &accepts()), "malformed-argument").await;
    }
    let known = session
        .call_with(answered(&id, &lasting(Duration::from_mins(5)), &json!({ "action": "decline" })))
        .await;
    assert_eq!(known["isError"], false, "that key and context are the server's: {known}");

    world.app.withdraw(&id, "a mistake", world.at_command_line()).await.unwrap();
    let anew = world.app.ask(&id, world.at_command_line()).await.unwrap();
    assert_eq!(anew.request.request, 2);
    let late = answered(&id, &honest, &accepts());
    session.fails_to_decide(&id, "of a request that was taken back", late, "malformed-argument").await;

    let again = asked(&mut session, &id).await;
    session.call_with(answered(&id, &again, &accepts())).await;
    let unmet = session
        .fails_to_decide(&id, "the same twice", answered(&id, &again, &accepts()), "guard-refused")
        .await;
    assert_eq!((unmet, world.runs_of_prod()), (vec!["one-decision-per-person".to_owned()], 0));
}

#[tokio::test]
async fn a_person_approves_what_they_were_asked_and_not_what_is_asked_by_then() {
    let world = World::under(Script::instant(), &confirmable()).await;
    let mut session = with_forms(&world, Era::Legacy).await;
    let id = session.asks_for_approval().await;
    let call = session.ask("tools/call", approve(&id)).await;
    let question = session.question().await;
    world.app.withdraw(&id, "the wrong branch", world.at_command_line()).await.unwrap();
    let anew = world.app.ask(&id, world.at_command_line()).await.unwrap();
    assert_eq!(anew.request.request, 2);

    session.reply_to(&question, &accepts()).await;
    let refused = session.answer(call).await["result"]["structuredContent"].clone();
    assert_eq!(refused["code"], "guard-refused", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("decision-is-for-this-request"), "{refused}");
    let status = session.status(&id).await;
    assert_eq!((&status["approval"]["approved_by"], world.runs_of_prod()), (&json!([]), 0));
    assert_eq!(session.history(&id).await.last().unwrap()["event"], "DECISION_REFUSED");
}
