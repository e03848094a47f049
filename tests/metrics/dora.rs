//! The five numbers of DORA, on an example whose numbers are derived by hand.
//!
//! ```text
//! shop, from acme/shop and from acme/shop-web, and pay, from acme/pay and acme/pay-batch: hours of a window of 240
//!
//!  -5  pay      d0   p0 arrives, before the window
//!   1  INC-0    of shop begins: nothing of shop is in production yet
//!   2  shop     d1   c1 arrives, made at -10
//!   4  shop-web d2   w1 arrives; nobody said when it was made
//!   8  shop     d3   goes to staging only
//!   9  shop     d4   fails in its tests, before production
//!  10  shop     d5   c3, c2 (and c1) arrive, made at 6, 5 and -10
//!  12  INC-1    of shop begins, and is over at 15
//!  13  shop     d6   a hotfix is asked for: c4, made at 13, arrives at 14
//!  24  shop     d7   c5 arrives, made at 20; is taken back at 26; at 27 d6 is back
//!  28  INC-2    of shop begins, and is not over
//!  32  shop     d8   c6 and c5 arrive, made at 29 and 20
//!  50  pay      d9   the rollout fails in production
//!  53  pay      d10  p2, p1 (and p0) arrive, made at 49, 48 and -50
//!  60  pay-batch d11 b1 arrives, made at 56
//! 100  INC-3    of pay begins, after all deployments, and is over at 104
//! ```

use deployment_orchestrator::domain::metrics::dora::{Dora, FailedBy};
use deployment_orchestrator::domain::metrics::incident::Incident;
use deployment_orchestrator::domain::metrics::spread::{Share, Spread};
use deployment_orchestrator::domain::metrics::story::Story;

use super::changes::{HOUR, Told as _, computed, deployment, incident, rollout};
use super::support::id;

pub(crate) fn stories() -> Vec<Story> {
    let shop = |number, commit| deployment(number, "shop", "acme/shop", commit);
    let pay = |number, commit| deployment(number, "pay", "acme/pay", commit);
    let mut staging_only = shop(3, "ccccccc0");
    staging_only.rollouts.push(rollout("staging", Some(8), None));
    let mut failed_in_production = pay(9, "1111111a");
    failed_in_production.rollouts.push(rollout("prod", None, Some(50)));
    vec![
        pay(0x10, "1111111").arrived(-5),
        shop(1, "c111111").with(&[("c111111", -10)]).arrived(2),
        deployment(2, "shop", "acme/shop-web", "e111111").arrived(4),
        staging_only,
        shop(4, "ccccccc1"),
        shop(5, "c333333").with(&[("c333333", 6), ("c222222", 5), ("c111111", -10)]).arrived(10),
        shop(6, "c444444").with(&[("c444444", 13), ("c333333", 6)]).hotfix(13).arrived(14),
        shop(7, "c555555").with(&[("c555555", 20)]).arrived(24).rolled_back(26, 27),
        shop(8, "c666666").with(&[("c666666", 29), ("c555555", 20)]).arrived(32),
        failed_in_production,
        pay(10, "3333333").with(&[("3333333", 49), ("2222222", 48), ("1111111", -50)]).arrived(53),
        deployment(11, "pay", "acme/pay-batch", "b111111").with(&[("b111111", 56)]).arrived(60),
    ]
}

pub(crate) fn incidents() -> Vec<Incident> {
    vec![
        incident("INC-0", "shop", 1, Some(2)),
        incident("INC-1", "shop", 12, Some(15)),
        incident("INC-2", "shop", 28, None),
        incident("INC-3", "pay", 100, Some(104)),
    ]
}

fn hours(median: u64, p90: u64, count: u32) -> Option<Spread> {
    Some(Spread { median_ms: median * HOUR, p90_ms: p90 * HOUR, count })
}

/// Of pay and of shop.
fn rows() -> (Dora, Dora) {
    let (rows, _) = computed(&stories(), &incidents());
    let [pay, shop] = rows.try_into().unwrap();
    assert_eq!((pay.service.as_str(), shop.service.as_str()), ("pay", "shop"), "each by itself");
    (pay, shop)
}

#[test]
fn change_lead_time_is_of_each_commit_that_is_new_in_production() {
    let (pay, shop) = rows();
    // d1: c1, 2 + 10 = 12. d2: not known. d5: c1 was there, c3 10 - 6 = 4 and c2 10 - 5 = 5. d6: c4, 14 - 13 = 1.
    // d7: c5, 24 - 20 = 4. d8: c5 was there before it was taken back; c6, 32 - 29 = 3.
    // 1 3 4 4 5 12: the third of six is 4, the sixth 12.
    assert_eq!(shop.lead_times.spread(), hours(4, 12, 6));
    assert_eq!((shop.lead_times.by_commit, shop.lead_times.by_head, shop.lead_times.unknown), (6, 0, 1));
    // d9 never arrived. d10 follows d0, so p0 is not new: p2 53 - 49 = 4, p1 53 - 48 = 5.
    // d11 is the first of its repository: b1, 60 - 56 = 4. Sorted 4 4 5.
    assert_eq!(pay.lead_times.spread(), hours(4, 5, 3));
}

#[test]
fn deployment_frequency_counts_what_arrived_and_no_rollback() {
    let (pay, shop) = rows();
    // d1 d2 d5 d6 d7 d8 arrive at 2 4 10 14 24 32: gaps of 2 6 4 10 8, sorted 2 4 6 8 10.
    assert_eq!((shop.deployments, shop.between), (6, hours(6, 10, 5)));
    // d10 and d11 at 53 and 60: d0 was before the window, and d9 failed.
    assert_eq!((pay.deployments, pay.between), (2, hours(7, 7, 1)));
}

#[test]
fn change_fail_rate_is_of_what_did_something_to_production() {
    let (pay, shop) = rows();
    // Of the six, d5 has INC-1 and the hotfix, d7 was taken back, and d6 has INC-2: it was what ran at
    // 28, because d7 was gone. d3 never came to production, and d4 failed before it.
    assert_eq!(shop.failed, Share { part: 3, of: 6 });
    assert_eq!(shop.failed_by, FailedBy { rollout: 0, rollback: 1, hotfix: 1, incident: 2 });
    // d9 ran in production and failed; INC-3 belongs to d11, the newest of pay. d10 did not fail.
    assert_eq!(pay.failed, Share { part: 2, of: 3 });
    assert_eq!(pay.failed_by, FailedBy { rollout: 1, incident: 1, ..FailedBy::default() });
}

#[test]
fn recovery_ends_when_people_say_so_or_production_runs_something_good() {
    let (pay, shop) = rows();
    // d5 from 12, when INC-1 begins, to 15, when it is over: the hotfix at 14 does not end it. d7 from 26
    // to 27. d6 is not over.
    assert_eq!((shop.recovery, shop.unrecovered), (hours(1, 3, 2), 1));
    // d9 from 50 to d10 at 53: 3. d11 from 100, when INC-3 begins, to 104: 4.
    assert_eq!((pay.recovery, pay.unrecovered), (hours(3, 4, 2), 0));
}

#[test]
fn rework_is_the_hotfixes_and_what_was_put_back() {
    let (pay, shop) = rows();
    // d6 and what was back at 27, of six that arrived and one that was put back.
    assert_eq!((shop.rework, shop.rollbacks), (Share { part: 2, of: 7 }, 1));
    // d10 and d11 were planned, and nothing was put back.
    assert_eq!(pay.rework, Share { part: 0, of: 2 });
}

#[test]
fn an_incident_belongs_to_what_ran_when_it_began() {
    let owner = |began| {
        let (rows, unowned) = computed(&stories(), &[incident("INC-9", "shop", began, None)]);
        let shop = rows.into_iter().find(|row| row.service.as_str() == "shop").unwrap();
        (shop.failed_by.incident, unowned)
    };
    assert_eq!(owner(1), (0, 1), "before the first deployment it is nobody's");
    assert_eq!(owner(2), (1, 0), "at the very moment it is that deployment's");
    assert_eq!(owner(200), (1, 0), "long after the last one it is still that one's");

    // The newest of the service is to blame, from whichever repository: between 4 and 10 that is d2.
    // The others of shop then fail by the hotfix and the rollback alone: d5 and d7.
    let (rows, _) = computed(&stories(), &[incident("INC-9", "shop", 6, Some(7))]);
    // d2 recovers in 7 - 6 = 1, d7 in 1, and d5, from the hotfix's 13, with d6 at 14: 1.
    assert_eq!((rows[1].failed.part, rows[1].recovery), (3, hours(1, 1, 3)));
}

#[test]
fn an_incident_that_names_its_deployment_belongs_to_that_one() {
    let named = Incident { deployment: Some(id(1)), ..incident("INC-9", "shop", 100, Some(104)) };
    let (rows, unowned) = computed(&stories(), std::slice::from_ref(&named));
    // d1 fails beside d5 and d7.
    assert_eq!((rows[1].failed.part, rows[1].failed_by.incident, unowned), (3, 1, 0));
    // d4 never came to production: that is a mistake, and no other deployment is blamed for it.
    let elsewhere = Incident { deployment: Some(id(4)), ..named };
    let (rows, unowned) = computed(&stories(), &[elsewhere]);
    assert_eq!((rows[1].failed_by.incident, unowned), (0, 1));
}

#[test]
fn what_is_outside_of_the_window_is_not_counted_and_still_known() {
    // Only d0 is there, which came before the window.
    let (rows, _) = computed(&stories()[..1], &[]);
    assert!(rows.is_empty(), "{rows:?}");
    // It fails in the window: what fails then counts there, and the change where it came.
    let (rows, _) = computed(&stories()[..1], &[incident("INC-9", "pay", 3, Some(4))]);
    assert_eq!((rows[0].failed, rows[0].recovery), (Share { part: 0, of: 0 }, hours(1, 1, 1)));
}

#[test]
fn one_bad_change_with_three_incidents_is_one_failed_change() {
    let again = |name: &str, began, resolved| incident(name, "pay", began, Some(resolved));
    let (rows, _) = computed(&stories(), &[again("A", 54, 55), again("B", 56, 70), again("C", 59, 61)]);
    // d9 by itself, and d10 once: from 54, when A begins, to 70, when the last is over. d9 is not recovered
    // from any more, because what came after it failed, too.
    assert_eq!((rows[0].failed, rows[0].failed_by.incident), (Share { part: 2, of: 3 }, 1));
    assert_eq!((rows[0].recovery, rows[0].unrecovered), (hours(16, 16, 1), 1));
}
