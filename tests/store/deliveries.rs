//! What is told: routed once, claimed once, told again after a crash, given up and sent again.

use std::time::Duration;

use deployment_orchestrator::domain::message::Thread;
use deployment_orchestrator::domain::route::{Destination, Pace};
use deployment_orchestrator::store::{
    CLAIM_TIME, Claimed, Error, Fence, Outcome, Posted, Routed, Store, Undelivered, Which,
};

use super::place::{Place, at, complete};
use super::{TTL, create, held};

/// The store, with two deployments that people are to be told of.
fn posted(place: &Place) -> (Store, Fence, Vec<Posted>) {
    let store = place.open();
    complete(&store, create(&store, 1));
    complete(&store, create(&store, 2));
    let fence = held(store.lease("a", at(0), TTL).unwrap());
    let posted = store.unrouted().unwrap();
    (store, fence, posted)
}

fn to(text: &str) -> Destination {
    let (channel, issue) =
        text.split_once(' ').map_or((text, None), |(channel, issue)| (channel, Some(issue)));
    Destination { channel: channel.parse().unwrap(), issue: issue.map(|issue| issue.parse().unwrap()) }
}

fn route(store: &Store, fence: &Fence, posted: &[Posted], to: &[Destination]) {
    let to: Vec<_> = to.iter().map(|to| (to.clone(), Pace::AtOnce)).collect();
    let routed = |posted: &Posted| Routed { posted: posted.clone(), destinations: to.clone() };
    store.route(fence, posted.iter().map(routed).collect(), at(10)).unwrap();
}

fn claim(store: &Store, fence: &Fence, channel: &str, seconds: i64) -> Vec<Claimed> {
    store.claim(fence, &channel.parse().unwrap(), at(seconds), 100).unwrap()
}

fn settle(store: &Store, fence: &Fence, claimed: &Claimed, outcome: &Outcome) {
    store.settle(fence, claimed, outcome, at(20)).unwrap();
}

fn delivered() -> Outcome {
    Outcome::Delivered { thread: None, next: at(20) }
}

fn postponed(seconds: i64) -> Outcome {
    Outcome::Postponed { error: "503".to_owned(), until: at(seconds) }
}

#[test]
fn a_notice_is_routed_once() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    assert!(posted.len() > 10 && posted.is_sorted_by_key(|it| it.position));
    route(&store, &fence, &posted, &[to("chat"), to("mail")]);
    assert_eq!(store.unrouted().unwrap(), []);

    route(&store, &fence, &posted, &[to("chat"), to("pager")]);
    assert_eq!(claim(&store, &fence, "pager", 99), []);
    assert_eq!(store.channels_due(at(9)).unwrap(), []);
    let due: Vec<String> = store.channels_due(at(10)).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(due, ["chat", "mail"]);
    assert_eq!(store.next_due().unwrap(), Some(at(10)));
}

#[test]
fn each_deployment_is_told_of_in_its_order_and_each_channel_on_its_own() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    route(&store, &fence, &posted, &[to("chat"), to("mail")]);

    let first = claim(&store, &fence, "chat", 10);
    assert_eq!(first.len(), 2, "one of each deployment");
    assert!(first.iter().all(|it| it.attempts == 1));
    assert_eq!(claim(&store, &fence, "chat", 10), [], "they are claimed, and the others come after them");
    assert_eq!(claim(&store, &fence, "mail", 10).len(), 2);

    settle(&store, &fence, &first[0], &delivered());
    settle(&store, &fence, &first[0], &postponed(30));
    settle(&store, &fence, &first[1], &postponed(30));
    let second = claim(&store, &fence, "chat", 20);
    assert_eq!(second.len(), 1, "the other deployment waits for its first");
    assert_eq!(second[0].posted.notice.deployment, first[0].posted.notice.deployment);
    assert!(second[0].posted.position > first[0].posted.position);
    let again = claim(&store, &fence, "chat", 30);
    assert_eq!((again[0].number, again[0].attempts), (first[1].number, 2));
}

#[test]
fn what_was_claimed_is_told_again_after_a_crash() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    route(&store, &fence, &posted[..1], &[to("chat"), to("mail")]);
    let told = claim(&store, &fence, "chat", 10).remove(0);
    let waits = claim(&store, &fence, "mail", 10).remove(0);
    settle(&store, &fence, &waits, &postponed(1_000));
    drop(store);

    let store = place.open();
    assert_eq!(claim(&store, &fence, "chat", 369), []);
    assert_eq!(at(10).plus(CLAIM_TIME), at(370));
    let again = claim(&store, &fence, "chat", 370).remove(0);
    assert_eq!((again.number, again.attempts), (told.number, 2));

    let other = held(store.lease("b", at(500), TTL).unwrap());
    assert_eq!(claim(&store, &other, "chat", 500).remove(0).attempts, 3, "another drives: claims are void");
    assert_eq!(claim(&store, &other, "mail", 999), [], "and pauses are not");
    let refused = store.settle(&fence, &told, &delivered(), at(501));
    assert!(matches!(refused, Err(Error::LeaseLost { .. })), "{refused:?}");
}

#[test]
fn a_channel_that_takes_nothing_is_left_alone() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    let (now, later) = posted.split_at(posted.len() - 1);
    route(&store, &fence, now, &[to("chat"), to("mail")]);
    let claimed = claim(&store, &fence, "chat", 10);
    let rests = Outcome::ChannelRests { error: "503".to_owned(), until: at(60) };
    settle(&store, &fence, &claimed[0], &rests);

    assert_eq!(claim(&store, &fence, "chat", 59), [], "what was claimed and what was not");
    let about = Which { channel: Some("chat".parse().unwrap()), ..Which::default() };
    let held = store.undelivered(&about).unwrap();
    assert!(held.iter().all(|it| it.last_error.as_deref() == Some("503")), "they say why: {held:?}");
    assert_eq!(held.iter().map(|it| it.attempts).sum::<u32>(), 1, "only one was tried");
    route(&store, &fence, later, &[to("chat"), to("mail")]);
    let due: Vec<String> = store.channels_due(at(59)).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(due, ["mail"], "and what comes meanwhile");
    assert_eq!(claim(&store, &fence, "mail", 10).len(), 2);
    let again = claim(&store, &fence, "chat", 60);
    assert_eq!(again.iter().map(|it| it.number).collect::<Vec<_>>(), [claimed[0].number, claimed[1].number]);
    settle(&store, &fence, &again[0], &Outcome::ChannelRests { error: "503".to_owned(), until: at(900) });
    assert!(store.resend(&about, at(61)).unwrap() > 2, "somebody knows better");
    assert_eq!(claim(&store, &fence, "chat", 61).len(), 2);
}

#[test]
fn an_issue_is_told_one_thing_at_a_time_whoever_it_is_about() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    route(&store, &fence, &posted, &[to("jira SHOP-1"), to("jira SHOP-2")]);

    let claimed = claim(&store, &fence, "jira", 10);
    let issues: Vec<Destination> = claimed.iter().map(|it| it.destination.clone()).collect();
    assert_eq!(issues, [to("jira SHOP-1"), to("jira SHOP-2")]);
    let thread = Some(Thread("comment 7".to_owned()));
    settle(&store, &fence, &claimed[0], &Outcome::Delivered { thread: thread.clone(), next: at(40) });
    settle(&store, &fence, &claimed[1], &delivered());

    let next = claim(&store, &fence, "jira", 39);
    assert_eq!(next.len(), 1, "the first issue is not written to so soon");
    assert_eq!((&next[0].destination, &next[0].thread), (&to("jira SHOP-2"), &None));
    let next = claim(&store, &fence, "jira", 40);
    let seen: Vec<(&Destination, bool)> =
        next.iter().map(|it| (&it.destination, it.thread == thread)).collect();
    let same = next[0].posted.notice.deployment == claimed[0].posted.notice.deployment;
    assert_eq!(seen, [(&to("jira SHOP-1"), same)]);
}

#[test]
fn what_is_given_up_holds_up_nothing_and_can_be_sent_again() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    route(&store, &fence, &posted, &[to("chat")]);
    let claimed = claim(&store, &fence, "chat", 10);
    settle(&store, &fence, &claimed[0], &Outcome::GivenUp { error: "channel_not_found".to_owned() });
    settle(&store, &fence, &claimed[1], &delivered());

    assert_eq!(claim(&store, &fence, "chat", 20).len(), 2, "those after it are told");
    let about = Which::about(&claimed[0].posted.notice.deployment);
    let undelivered = store.undelivered(&about).unwrap();
    let given_up: Vec<_> = undelivered.iter().filter(|it| it.given_up_at.is_some()).collect();
    assert_eq!(given_up.len(), 1);
    assert_eq!((given_up[0].number, given_up[0].attempts), (claimed[0].number, 1));
    assert_eq!(given_up[0].last_error.as_deref(), Some("channel_not_found"));

    let elsewhere = Which { channel: Some("mail".parse().unwrap()), ..about.clone() };
    assert_eq!(store.resend(&elsewhere, at(30)).unwrap(), 0);
    let under_way = 1;
    let waiting = undelivered.len() - under_way;
    assert_eq!(store.resend(&about, at(30)).unwrap(), waiting, "and not what is under way");
    let again =
        store.claim(&fence, &"chat".parse().unwrap(), at(30).plus(Duration::from_secs(1)), 9).unwrap();
    assert_eq!((again[0].number, again[0].attempts), (claimed[0].number, 1));
}

#[test]
fn what_is_told_together_is_claimed_together_once_one_of_it_is_due() {
    let place = Place::new();
    let (store, fence, posted) = posted(&place);
    let digest = vec![(to("mail"), Pace::Digest(Duration::from_secs(60)))];
    for (seconds, posted) in [(10, &posted[..3]), (40, &posted[3..5])] {
        let routed = |posted: &Posted| Routed { posted: posted.clone(), destinations: digest.clone() };
        store.route(&fence, posted.iter().map(routed).collect(), at(seconds)).unwrap();
    }
    assert_eq!(claim(&store, &fence, "mail", 69), []);
    let claimed = store.claim(&fence, &"mail".parse().unwrap(), at(70), 2).unwrap();
    assert_eq!(claimed.len(), 5, "the later ones, too, however few are told alone");
    assert!(claimed.iter().all(|it| it.together) && claimed.is_sorted_by_key(|it| it.posted.position));
    assert_eq!(claim(&store, &fence, "mail", 100), [], "they are claimed");
}

#[test]
fn a_notice_that_cannot_be_read_holds_up_nobody() {
    let place = Place::new();
    let (store, fence, all) = posted(&place);
    let damage = |position: u64| {
        place
            .raw()
            .execute("UPDATE notice SET body = '{}' WHERE position = ?1", [position.cast_signed()])
            .unwrap();
    };
    damage(all[0].position);
    assert_eq!(store.unrouted().unwrap(), all[1..]);
    route(&store, &fence, &all[1..], &[to("chat")]);
    damage(all[1].position);
    let claimed = claim(&store, &fence, "chat", 10);
    assert_eq!(claimed.len(), 1, "the other deployment");
    assert_ne!(claimed[0].posted.notice.deployment, all[1].notice.deployment);
    settle(&store, &fence, &claimed[0], &delivered());
    let next = claim(&store, &fence, "chat", 20);
    assert_eq!(next.len(), 2, "and what comes after it");
    let given_up = |it: &Undelivered| it.given_up_at.is_some();
    assert_eq!(store.undelivered(&Which::default()).unwrap().iter().filter(|it| given_up(it)).count(), 1);
}
