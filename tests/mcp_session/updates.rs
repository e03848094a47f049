//! Clients that stay connected and are told of changes, in both eras.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deployment_orchestrator::app::{App, Lookout, TransitionRequest, Watched};
use deployment_orchestrator::domain::principal::Actor;
use deployment_orchestrator::harness::simulator::Script;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::wire::{Era, Session};
use crate::world::World;

const UPDATED: &str = "notifications/resources/updated";

/// A deployment of its own commit that moves when a test says so, and not by itself.
async fn still(session: &mut Session, number: usize) -> String {
    let commit = format!("{number:039x}{}", session.era as u8);
    session.start_with(json!({ "mode": "step", "target_environment": "dev", "commit_sha": commit })).await
}

fn uri(id: &str) -> String {
    format!("deployment://{id}")
}

impl Session {
    /// Subscribe as the era has it; the id of the request that stays open, if one does.
    async fn subscribe(&mut self, uris: &[String]) -> Option<u64> {
        if self.era == Era::Legacy {
            for uri in uris {
                let answer = self.request("resources/subscribe", json!({ "uri": uri })).await;
                assert_eq!(answer["result"], json!({}), "{answer}");
            }
            return None;
        }
        let listen = self.listen(uris).await;
        let accepted = self.notification("notifications/subscriptions/acknowledged").await;
        assert_eq!(accepted["notifications"]["resourceSubscriptions"], json!(uris), "{accepted}");
        Some(listen)
    }

    async fn listen(&mut self, uris: &[String]) -> u64 {
        self.ask("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": uris } })).await
    }

    /// The resource that has changed.
    async fn updated(&mut self, stream: Option<u64>) -> String {
        let update = self.notification(UPDATED).await;
        let id = &update["_meta"]["io.modelcontextprotocol/subscriptionId"];
        assert_eq!(*id, stream.map_or(Value::Null, Value::from), "{update}");
        update["uri"].as_str().unwrap().to_owned()
    }

    async fn version(&mut self, id: &str) -> Value {
        self.status(id).await["version"].clone()
    }
}

/// Somebody else moves a deployment.
async fn moves(app: &App, id: &str, event: &str) {
    let (deployment_id, event) = (id.to_owned(), event.to_owned());
    let request = TransitionRequest { deployment_id, event, expected_version: None, reason: None };
    app.transition(request, Actor::at_command_line(app.policy.user.clone())).await.unwrap();
}

#[tokio::test]
async fn a_client_is_told_what_has_changed_and_nothing_else() {
    let mut world = World::new(Script::instant()).await;
    world.halt().await;
    for era in [Era::Legacy, Era::Modern] {
        let mut session = Session::open(&world, era).await;
        let (one, other) = (still(&mut session, 1).await, still(&mut session, 2).await);
        let stream = session.subscribe(&[uri(&one), uri(&other)]).await;
        for (moved, event) in [(&other, "START"), (&one, "START"), (&other, "CANCEL")] {
            let before = session.version(moved).await;
            moves(&world.app, moved, event).await;
            assert_eq!(session.updated(stream).await, uri(moved));
            assert!(session.version(moved).await.as_u64() > before.as_u64());
        }
        // What has changed is told together: had it been told that `one` has, too, it would be here.
        assert!(
            session.notifications.iter().all(|it| it["method"] != UPDATED),
            "{:?}",
            session.notifications
        );
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_in_flight_changes_with_each_deployment_and_with_events_of_other_servers() {
    let mut world = World::new(Script::instant()).await;
    world.halt().await;
    let elsewhere = world.elsewhere();
    for era in [Era::Legacy, Era::Modern] {
        let mut session = Session::open(&world, era).await;
        let active = "deployments://active".to_owned();
        let stream = session.subscribe(std::slice::from_ref(&active)).await;
        let id = still(&mut session, 1).await;
        assert_eq!(session.updated(stream).await, active);
        moves(&elsewhere, &id, "START").await;
        assert_eq!(session.updated(stream).await, active);
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_does_not_exist_or_never_changes_is_refused() {
    let world = World::new(Script::instant()).await;
    let unknown = "deployment://dep_01K00000000000000000000000".to_owned();
    let mut old = Session::open(&world, Era::Legacy).await;
    let sentence = "there is no deployment dep_01K00000000000000000000000";
    for (uri, why) in [
        (unknown.as_str(), sentence),
        ("deployment://x", "`x` is not a deployment id"),
        ("workflow://diagram", "nothing changes at workflow://diagram"),
        ("file:///etc/passwd", "nothing changes at file:///etc/passwd"),
    ] {
        let answer = old.request("resources/subscribe", json!({ "uri": uri })).await;
        assert_eq!(answer["error"]["code"], -32002, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().starts_with(why), "{answer}");
    }

    let mut new = Session::open(&world, Era::Modern).await;
    let active = "deployments://active".to_owned();
    let listen = new.listen(&[active.clone(), unknown]).await;
    let answer = new.answer(listen).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().starts_with(sentence), "{answer}");
    // What cannot be listened to is left out of what is agreed on.
    new.notifications.clear();
    new.listen(&["workflow://diagram".to_owned(), active.clone(), "deployment://x".to_owned()]).await;
    let accepted = new.notification("notifications/subscriptions/acknowledged").await;
    assert_eq!(accepted["notifications"], json!({ "resourceSubscriptions": [active] }));
    for session in [old, new] {
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn whoever_ends_a_subscription_hears_no_more_of_it() {
    let mut world = World::new(Script::instant()).await;
    world.halt().await;
    for era in [Era::Legacy, Era::Modern] {
        let mut session = Session::open(&world, era).await;
        let (dropped, kept) = (still(&mut session, 1).await, still(&mut session, 2).await);
        let listen = session.subscribe(&[uri(&dropped)]).await;
        let stream = session.subscribe(&[uri(&kept)]).await;
        if let Some(id) = listen {
            let end = json!({ "requestId": id });
            let end = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": end });
            session.send(&end).await;
        } else {
            session.request("resources/unsubscribe", json!({ "uri": uri(&dropped) })).await;
        }
        session.version(&kept).await;
        moves(&world.app, &dropped, "START").await;
        moves(&world.app, &kept, "START").await;
        assert_eq!(session.updated(stream).await, uri(&kept));
        assert!(
            session.notifications.iter().all(|it| it["method"] != UPDATED),
            "{:?}",
            session.notifications
        );
    }
}

#[tokio::test]
async fn a_server_that_closes_says_that_a_stream_is_over() {
    let world = World::new(Script::instant()).await;
    let mut session = Session::open(&world, Era::Modern).await;
    let listen = session.subscribe(&["deployments://active".to_owned()]).await.unwrap();
    session.stop.cancel();
    let last = session.answer(listen).await;
    assert_eq!(last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], listen, "{last}");
}

#[tokio::test]
async fn there_is_an_end_to_what_one_client_watches() {
    let world = World::new(Script::instant()).await;
    let mut old = Session::open(&world, Era::Legacy).await;
    let mut uris = Vec::new();
    for number in 0..=64 {
        uris.push(uri(&still(&mut old, number).await));
    }
    old.subscribe(&uris[1..]).await;
    let params = json!({ "uri": uris[0] });
    let refused = old.request("resources/subscribe", params.clone()).await;
    assert_eq!(refused["error"]["data"]["code"], "too-many-watched", "{refused}");
    old.subscribe(&uris[1..2]).await;
    old.request("resources/unsubscribe", json!({ "uri": uris[1] })).await;
    old.subscribe(&uris[..1]).await;

    let mut new = Session::open(&world, Era::Modern).await;
    let listen = new.listen(&uris).await;
    assert_eq!(new.answer(listen).await["error"]["data"]["code"], "too-many-watched");
    new.notifications.clear();
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(new.subscribe(&uris[..1]).await.unwrap());
    }
    let listen = new.listen(&uris[..1]).await;
    assert_eq!(new.answer(listen).await["error"]["data"]["code"], "too-many-watched");
}

#[tokio::test]
async fn changes_that_come_together_are_one_and_nobody_looks_when_nobody_watches() {
    let mut world = World::new(Script::instant()).await;
    world.halt().await;
    let mut session = Session::open(&world, Era::Modern).await;
    let id = still(&mut session, 1).await;
    let lookout = Lookout::new(world.app.clone());
    assert_eq!(Arc::strong_count(&lookout), 1);
    let watched = Watched::Deployment(id.parse().unwrap());
    let mut watch = lookout.watch(BTreeSet::from([watched.clone()])).await.unwrap();
    assert_eq!(Arc::strong_count(&lookout), 2, "somebody looks");

    moves(&world.app, &id, "START").await;
    moves(&world.app, &id, "CANCEL").await;
    assert_eq!(watch.changed().await, [watched]);
    tokio::time::pause();
    let again = timeout(Duration::from_secs(60), watch.changed()).await;
    assert!(again.is_err(), "{again:?}");
    drop(watch);
    timeout(Duration::from_secs(60), async {
        while Arc::strong_count(&lookout) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("nobody looks any more");
}
