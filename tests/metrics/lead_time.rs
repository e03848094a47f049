//! What is known of commits, and what imported rows add.

use deployment_orchestrator::domain::metrics::change::Production;
use deployment_orchestrator::domain::metrics::dora::{self, Dora};
use deployment_orchestrator::domain::metrics::imported::{Ended, ImportedCommit, ImportedDeployment, Kind};
use deployment_orchestrator::domain::metrics::spread::Share;

use super::changes::{HOUR, Told as _, deployment, h, window};

fn imported(commit: &str, kind: Kind, result: Ended, started: i64) -> ImportedDeployment {
    ImportedDeployment {
        service: "shop".parse().unwrap(),
        repository: "acme/shop".parse().unwrap(),
        environment: "prod".parse().unwrap(),
        production: true,
        commit: commit.parse().unwrap(),
        kind,
        result,
        started_at: h(started),
        finished_at: h(started + 1),
    }
}

fn commit(sha: &str, made: i64, deployed_with: Option<&str>) -> ImportedCommit {
    ImportedCommit {
        repository: "acme/shop".parse().unwrap(),
        commit: sha.parse().unwrap(),
        committed_at: h(made),
        deployed_with: deployed_with.map(|sha| sha.parse().unwrap()),
    }
}

fn of(
    stories: &[deployment_orchestrator::domain::metrics::story::Story],
    deployments: &[ImportedDeployment],
    commits: &[ImportedCommit],
) -> Dora {
    let mut production = Production::default();
    stories.iter().for_each(|story| production.add(story));
    production.end(deployments, commits);
    let (mut rows, _) = dora::of(&production, &[], window());
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// `(hours, by commit, by head, unknown)`
fn lead(row: &Dora) -> (Vec<u64>, u32, u32, u32) {
    let times = &row.lead_times;
    (times.lead_ms.iter().map(|ms| ms / HOUR).collect(), times.by_commit, times.by_head, times.unknown)
}

#[test]
fn the_head_commit_counts_where_nobody_gave_a_list() {
    let story = deployment(1, "shop", "acme/shop", "aaaaaaa").arrived(10);
    assert_eq!(lead(&of(std::slice::from_ref(&story), &[], &[])), (vec![], 0, 0, 1), "nothing is guessed");
    let known = [commit("aaaaaaa", 4, None), commit("bbbbbbb", 1, None)];
    assert_eq!(lead(&of(std::slice::from_ref(&story), &[], &known)), (vec![6], 0, 1, 0), "10 - 4");
    // With commits that are said to have come with it, there is a list: 10 - 4 and 10 - 1.
    let listed = [commit("aaaaaaa", 4, None), commit("bbbbbbb", 1, Some("aaaaaaa"))];
    assert_eq!(lead(&of(&[story], &[], &listed)), (vec![6, 9], 2, 0, 0));
}

#[test]
fn a_commit_that_comes_once_more_is_not_new() {
    let first = deployment(1, "shop", "acme/shop", "aaaaaaa").with(&[("aaaaaaa", 0)]).arrived(10);
    let second = deployment(2, "shop", "acme/shop", "bbbbbbb").with(&[("bbbbbbb", 9)]).arrived(12);
    // The old commit is deployed again, without a list: nothing new is in production.
    let again = deployment(3, "shop", "acme/shop", "aaaaaaa").arrived(20);
    let row = of(&[first, second, again], &[], &[]);
    assert_eq!(lead(&row), (vec![10, 3], 2, 0, 0));
    assert_eq!(row.deployments, 3, "it is a deployment all the same");
}

#[test]
fn an_abbreviated_commit_before_is_found_in_the_list() {
    let first = deployment(1, "shop", "acme/shop", "aaaaaaa").arrived(-10);
    let list = [("bbbbbbb0000", 5), ("aaaaaaa0000", -20), ("9999999", -30)];
    let second = deployment(2, "shop", "acme/shop", "bbbbbbb0000").with(&list).arrived(12);
    assert_eq!(lead(&of(&[first, second], &[], &[])), (vec![7], 1, 0, 0), "12 - 5, and nothing from before");
}

#[test]
fn imported_deployments_come_before_ours_and_a_rollback_among_them_takes_back() {
    // a arrives at 11, b fails at 21, c arrives at 31 and is taken back from 40 to 41; d is ours, and brings c again.
    let rows = [
        imported("aaaaaaa", Kind::Deploy, Ended::Succeeded, 10),
        imported("bbbbbbb", Kind::Deploy, Ended::Failed, 20),
        imported("ccccccc", Kind::Hotfix, Ended::Succeeded, 30),
        imported("aaaaaaa", Kind::Rollback, Ended::Succeeded, 40),
        ImportedDeployment { production: false, ..imported("eeeeeee", Kind::Deploy, Ended::Failed, 50) },
    ];
    let ours =
        deployment(1, "shop", "acme/shop", "ddddddd").with(&[("ddddddd", 58), ("ccccccc", 25)]).arrived(60);
    let row = of(&[ours], &rows, &[commit("ccccccc", 25, None)]);
    // a: not known. c: 31 - 25 = 6, by its head. d: 60 - 58 = 2; c has been there before.
    assert_eq!(lead(&row), (vec![6, 2], 1, 1, 1));
    // a, because of the hotfix asked for at 30; b by itself; c, which was taken back. The one of no production is none.
    assert_eq!(row.failed, Share { part: 3, of: 4 });
    // c, and what was put back at 41; of a, c, d and that.
    assert_eq!((row.deployments, row.rework), (3, Share { part: 2, of: 4 }));
    // c from 40 to 41; b from 21, and a from 30: c did not stay, so both until d at 60, 39 and 30.
    let recovery = row.recovery.unwrap();
    assert_eq!((recovery.median_ms / HOUR, recovery.p90_ms / HOUR, recovery.count), (30, 39, 3));
}
