//! What is exported here and imported elsewhere gives the same numbers there.

use deployment_orchestrator::domain::metrics::change::Production;
use deployment_orchestrator::domain::metrics::dora::{self, Dora};
use deployment_orchestrator::domain::metrics::exported;
use deployment_orchestrator::domain::metrics::imported::{Ended, ImportedDeployment, Kind};
use deployment_orchestrator::domain::metrics::lead_time::LeadTimes;
use deployment_orchestrator::domain::metrics::story::Story;

use super::changes::{Told as _, deployment, h, production, rollout, window};
use super::dora::{incidents, stories};

/// A single commit of a list is a head commit elsewhere: both say the same of its time.
fn comparable(mut row: Dora) -> Dora {
    row.lead_times.lead_ms.sort_unstable();
    let LeadTimes { by_commit, by_head, .. } = row.lead_times;
    row.lead_times.by_commit = by_commit + by_head;
    row.lead_times.by_head = 0;
    row
}

fn of(production: &Production) -> Vec<Dora> {
    let (rows, _) = dora::of(production, &incidents(), window());
    rows.into_iter().map(comparable).collect()
}

#[test]
fn the_worked_example_has_the_same_numbers_elsewhere() {
    let here = production(&stories());
    let rows: Vec<ImportedDeployment> =
        stories().iter().flat_map(|it| exported::deployments(it).collect::<Vec<_>>()).collect();
    let always = deployment_orchestrator::domain::metrics::window::Window { from: h(-1_000), ..window() };
    let (commits, unknown) = exported::commits(&here, always);
    let mut elsewhere = Production::default();
    elsewhere.end(&rows, &commits);
    assert_eq!(of(&elsewhere), of(&here));
    // Nobody said when p0 of d0 and w1 of d2 were made.
    assert_eq!(unknown, 2);
    // d0, d1, d2, d5 to d8, d10 and d11 came to staging and to production, d3 to staging alone, d9 failed, and d7
    // was taken back. d4 came nowhere.
    assert_eq!(rows.len(), 9 * 2 + 1 + 1 + 1);
    let again = exported::commits(&elsewhere, always);
    assert_eq!(again.0.len(), commits.len(), "and can be exported from there");
}

#[test]
fn what_was_taken_back_before_it_arrived_had_failed_by_then() {
    let mut story = deployment(1, "shop", "acme/shop", "bbbbbbb");
    story.rollouts.push(rollout("dev", None, None)); // it only began there
    story.rollouts.push(rollout("prod", None, None));
    let story = story.rolled_back(5, 6);
    let rows: Vec<_> = exported::deployments(&story)
        .map(|row| (row.kind, row.result, row.commit.to_string(), row.started_at, row.finished_at))
        .collect();
    assert_eq!(
        rows,
        [
            (Kind::Deploy, Ended::Failed, "bbbbbbb".to_owned(), h(-1_000), h(5)),
            (Kind::Rollback, Ended::Succeeded, "aaaaaaa".to_owned(), h(5), h(6)),
        ]
    );
    // Where it is imported, the rollback is of that, and not of what production ran before.
    let before = deployment(2, "shop", "acme/shop", "aaaaaaa").arrived(2);
    let rows: Vec<_> =
        [before, story].iter().flat_map(|it: &Story| exported::deployments(it).collect::<Vec<_>>()).collect();
    let mut elsewhere = Production::default();
    elsewhere.end(&rows, &[]);
    let taken_back: Vec<_> =
        elsewhere.changes.iter().map(|it| (it.commit.as_str(), it.rolled_back_at, it.restored_at)).collect();
    assert_eq!(taken_back, [("aaaaaaa", None, None), ("bbbbbbb", Some(h(5)), Some(h(6)))]);
}
