//! Metrics at the command line: what was deployed here, what another tool knows, what people say.

use std::fs;

use deployment_orchestrator::harness::simulator::Script;
use serde_json::json;

use crate::room::{DECIDES, Ended, Room};
use crate::wire::Era;

/// It was used wrongly, and said so in these words.
#[track_caller]
fn assert_misused(ended: &Ended, says: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("error[malformed-argument]: "), "{ended:?}");
    assert!(ended.stderr.contains(says), "{ended:?}");
}

#[tokio::test]
async fn a_deployment_is_in_the_numbers_and_an_incident_belongs_to_it() {
    let room = Room::furnished(Script::instant()).await;
    let mut agent = room.session(Era::Modern).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;
    room.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    assert_eq!(agent.wait(&id, "ended").await["state"], "completed");

    let said = agent.done("get_metrics", json!({})).await;
    let shown = room.run(&["metrics", "--json"]).await;
    shown.assert_done();
    let metrics = shown.json();
    assert_eq!(said["pipeline"], metrics["pipeline"], "one computation");
    assert_eq!(said["dora"], metrics["dora"]);
    let pipeline = &metrics["pipeline"][0];
    assert_eq!(pipeline["outcomes"], json!([{ "outcome": "completed", "count": 1, "rate": 1.0 }]));
    let stages = pipeline["stages"].as_array().unwrap();
    assert!(stages.iter().all(|stage| stage["attempts"] == 1), "{pipeline}");
    assert_eq!(pipeline["approvals"]["first_seen_known"], 0, "`--yes` shows nobody anything");
    assert_eq!(pipeline["approvals"]["answers"], json!([{ "answer": "approved", "count": 1 }]));
    let dora = &metrics["dora"][0];
    assert_eq!(dora["deployment_frequency"]["deployments"], 1);
    assert_eq!(dora["change_fail_rate"]["failed"], 0);
    assert_eq!(dora["change_lead_time"]["unknown"], 1, "nobody said when the commit was made");

    let history = room.run(&["history", &id, "--json"]).await.json();
    let ended = history["events"].as_array().unwrap().last().unwrap()["at"].as_str().unwrap().to_owned();
    let service = pipeline["service"].as_str().unwrap();
    let link = |more: &[&str]| {
        let arguments = ["link-incident", "INC-7", "--service", service, "--began", &ended];
        arguments.into_iter().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<String>>()
    };
    let run = async |arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        room.run(&arguments).await
    };
    run(link(&[])).await.assert_done();
    let dora = room.run(&["metrics", "--json", "--window", "1d"]).await.json()["dora"][0].clone();
    assert_eq!(dora["change_fail_rate"]["by_incident"], 1);
    assert_eq!(dora["failed_deployment_recovery_time"], json!({ "unrecovered": 1 }));
    run(link(&["--resolved", &ended, "--deployment", &id])).await.assert_done();
    let dora = room.run(&["metrics", "--json"]).await.json()["dora"][0].clone();
    assert_eq!(dora["failed_deployment_recovery_time"]["unrecovered"], 0);
    assert_eq!(dora["failed_deployment_recovery_time"]["count"], 1);

    room.run(&["unlink-incident", "INC-7", "--reason", "a drill"]).await.assert_done();
    let rate = room.run(&["metrics", "--json"]).await.json()["dora"][0]["change_fail_rate"].clone();
    assert_eq!((&rate["failed"], &rate["by_incident"]), (&json!(0), &json!(0)));
    assert_misused(&room.run(&["unlink-incident", "INC-7", "--reason", "x"]).await, "no incident INC-7");
    let history = room.run(&["history", &id, "--json"]).await.json();
    let last = history["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["event"], "INCIDENT_UNLINKED", "where it was linked");
    assert_eq!(last["details_untrusted"], json!({ "incident": "INC-7", "reason": "a drill" }));
    run(link(&["--resolved", &ended, "--deployment", &id])).await.assert_done();

    let table = room.run(&["metrics", "--csv"]).await;
    table.assert_done();
    assert!(table.stdout.starts_with("service,environment,metric,value\n"), "{}", table.stdout);
    let line = format!("{service},prod,dora.change_fail_rate.failed,1\n");
    assert!(table.stdout.contains(&line), "{}", table.stdout);
    for arguments in [&["metrics"][..], &["metrics", "verify"], &["metrics", "rebuild"], &["audit", "verify"]]
    {
        room.run(arguments).await.assert_done();
    }

    assert_misused(&run(link(&["--resolved", "2020-01-01T00:00:00Z"])).await, "INC-7");
    let nowhere = ["link-incident", "INC-8", "--service", "other", "--began", &ended, "--deployment", &id];
    assert_misused(&room.run(&nowhere).await, "not of other");
    assert_misused(&room.run(&["metrics", "--window", "soon"]).await, "30d");
    assert_eq!(agent.close().await.code, Some(0));
}

#[tokio::test]
async fn a_file_is_imported_whole_or_not_at_all() {
    let room = Room::furnished(Script::instant()).await;
    let file = room.path("past.csv");
    let file = file.to_str().unwrap();
    let header = "service,repository,environment,commit,result,started,finished\n";
    let good = "shop,acme/shop,prod,0123abc,succeeded,2026-01-01T10:00:00Z,2026-01-01T10:05:00Z\n";
    let import = async |text: String| {
        fs::write(file, text).unwrap();
        room.run(&["import", "deployments", file]).await
    };
    let wrong = [
        (
            "shop,acme/shop,prod,0123abc,green,2026-01-01T10:00:00Z,2026-01-01T10:05:00Z\n",
            "line 3: `result` is `green`",
        ),
        (
            "shop,acme/shop,prod,HEAD,succeeded,2026-01-01T10:00:00Z,2026-01-01T10:05:00Z\n",
            "line 3: `commit`: `HEAD`",
        ),
        (
            "shop,acme/shop,prod,0123abc,failed,2026-01-01T10:00:00Z,2026-01-01T09:00:00Z\n",
            "line 3: `finished` is before",
        ),
        (
            "shop,acme/shop,prod,0123abc,failed,yesterday,2026-01-01T09:00:00Z\n",
            "line 3: `started`: `yesterday`",
        ),
        (
            "shop,acme/shop,prod,0123abc,failed,2026-01-01T09:00:00Z,9999-01-01T09:00:00Z\n",
            "line 3: `finished` lies ahead",
        ),
        (
            "shop,acme/shop,prod,0123abc,failed,2026-01-01T10:00:00Z,2026-01-01T10:06:00Z\n",
            "line 3: line 2 is about the same",
        ),
        ("shop,acme/shop,prod\n", "line: 3"),
    ];
    for (line, says) in wrong {
        assert_misused(&import(format!("{header}{good}{line}")).await, says);
    }
    assert_misused(&import("\n".to_owned()).await, "it is empty");
    assert_misused(&import("service,repo\n".to_owned()).await, "no column `repository`");
    let endless = room.run(&["import", "deployments", "/dev/zero"]).await;
    assert_misused(&endless, "it has more than 64 MB");
    assert_misused(&import(format!("colour,{header}")).await, "a column `colour`");
    let imported = async || room.run(&["metrics", "--window", "520w", "--json"]).await.json();
    assert_eq!(imported().await["imported_deployments"], 0, "nothing of the good lines either");

    import(format!("{header}{good}")).await.assert_done();
    let again = import(format!("{header}{good}")).await;
    assert!(again.stdout.starts_with("1 rows, of which 0 were new"), "{}", again.stdout);
    let commits = "repository,commit,committed\nacme/shop,0123abc,2026-01-01T04:05:00Z\n";
    fs::write(file, commits).unwrap();
    room.run(&["import", "commits", file]).await.assert_done();
    fs::write(file, "id,service,began,resolved\nINC-1,shop,2026-01-01T11:00:00Z,2026-01-01T12:00:00Z\n")
        .unwrap();
    room.run(&["import", "incidents", file]).await.assert_done();
    let metrics = imported().await;
    assert_eq!((&metrics["imported_deployments"], &metrics["pipeline"]), (&json!(1), &json!([])));
    let dora = &metrics["dora"][0];
    // From 04:05 to 10:05; the incident of 11:00 was over at 12:00.
    let hours = |count: u64| count * 3_600_000;
    assert_eq!(dora["change_lead_time"]["median_ms"], hours(6));
    assert_eq!(dora["change_lead_time"]["by_head_commit"], 1);
    assert_eq!(dora["failed_deployment_recovery_time"]["median_ms"], hours(1));
}

#[tokio::test]
async fn what_is_exported_can_be_imported_elsewhere() {
    let here = Room::furnished(Script::instant()).await;
    let mut agent = here.session(Era::Modern).await;
    let id = agent.start("prod").await;
    agent.wait(&id, "attention").await;
    here.run(&["approve", &id, "--as", DECIDES, "--yes"]).await.assert_done();
    agent.wait(&id, "ended").await;
    assert_eq!(agent.close().await.code, Some(0));

    let bring = async |room: &Room, what: &str, table: &str| {
        let file = room.path("brought.csv");
        fs::write(&file, table).unwrap();
        room.run(&["import", what, file.to_str().unwrap()]).await.assert_done();
    };
    // A version that was put back, a hotfix that failed, and an incident that a spreadsheet would compute.
    let past = "service,repository,environment,commit,result,started,finished,kind\n\
        shop,acme/shop,prod,0123abc,succeeded,2026-01-01T10:00:00Z,2026-01-01T10:05:00Z,deploy\n\
        shop,acme/shop,prod,4567def,succeeded,2026-01-02T10:00:00Z,2026-01-02T10:05:00Z,deploy\n\
        shop,acme/shop,prod,0123abc,succeeded,2026-01-02T11:00:00Z,2026-01-02T11:05:00Z,rollback\n\
        shop,acme/shop,prod,89abcde,failed,2026-01-03T10:00:00Z,2026-01-03T10:05:00Z,hotfix\n";
    bring(&here, "deployments", past).await;
    let commits = "repository,commit,committed\n\
        acme/checkout,9f3c2d1,2026-01-01T04:05:00Z\n\
        acme/shop,0123abc,2026-01-01T04:05:00Z\n";
    bring(&here, "commits", commits).await;
    let incidents = "id,service,began\n-7/A1,shop,2026-01-01T11:00:00Z\nINC-1,shop,2026-01-02T10:30:00Z\n";
    bring(&here, "incidents", incidents).await;

    let always = ["--window", "520w"];
    let export = async |room: &Room, what: &str| {
        let exported = room.run(&["metrics", "export", what, always[0], always[1]]).await;
        exported.assert_done();
        exported.stdout
    };
    let elsewhere = Room::furnished(Script::instant()).await;
    for what in ["deployments", "commits", "incidents"] {
        let table = export(&here, what).await;
        bring(&elsewhere, what, &table).await;
        assert_eq!(export(&elsewhere, what).await, table, "{what}");
    }
    let numbers = async |room: &Room| {
        room.run(&["metrics", always[0], always[1], "--json"]).await.json()["dora"].clone()
    };
    assert_eq!(numbers(&elsewhere).await, numbers(&here).await);
    assert!(export(&here, "incidents").await.contains("\n'-7/A1,"), "no cell begins like a formula");
    let rows = here.run(&["metrics", "export", "incidents", always[0], always[1], "--json"]).await.json();
    assert_eq!(rows["rows"][0]["id"], "-7/A1", "JSON says it as it is");

    // What it was made of: each environment to which the deployment came.
    let of_service = here.run(&["metrics", "export", "deployments", "--service", "checkout"]).await;
    let environments: Vec<&str> =
        of_service.stdout.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
    assert_eq!(environments, ["dev", "staging", "prod"]);
    let of_staging = here.run(&["metrics", "export", "deployments", "--environment", "staging"]).await;
    assert_eq!(of_staging.stdout.lines().count(), 2, "{}", of_staging.stdout);
}

#[tokio::test]
async fn a_name_that_nothing_is_known_of_is_refused() {
    let room = Room::furnished(Script::instant()).await;
    let file = room.path("past.csv");
    let past = "service,repository,environment,commit,result,started,finished\n\
        shop,acme/shop,live,0123abc,succeeded,2026-01-01T10:00:00Z,2026-01-01T10:05:00Z\n";
    fs::write(&file, past).unwrap();
    room.run(&["import", "deployments", file.to_str().unwrap()]).await.assert_done();
    for known in [&["--service", "shop"][..], &["--environment", "live"], &["--environment", "staging"]] {
        let asked = [&["metrics", "--window", "1h", "--json"], known].concat();
        let numbers = room.run(&asked).await;
        numbers.assert_done();
        assert_eq!(numbers.json()["dora"], json!([]), "it merely has nothing in the window");
    }
    for ask in [&["metrics"][..], &["metrics", "export", "deployments"], &["metrics", "export", "commits"]] {
        let refused = room.run(&[ask, &["--service", "shpo"]].concat()).await;
        assert_misused(&refused, "nothing is known of a service `shpo`");
        let refused = room.run(&[ask, &["--environment", "lvie"]].concat()).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
        assert!(refused.stderr.starts_with("error[unknown-environment]: "), "{refused:?}");
    }
    let mut agent = room.session(Era::Modern).await;
    let refused = agent.tool("get_metrics", json!({ "service": "shpo" })).await;
    assert!(refused.is_error && refused.json["code"] == "malformed-argument", "{refused:?}");
    assert_eq!(agent.close().await.code, Some(0));
}

#[tokio::test]
async fn the_page_has_the_columns_that_a_file_may_have() {
    let room = Room::furnished(Script::instant()).await;
    let page = include_str!("../../docs/metrics.md");
    for what in ["deployments", "commits", "incidents"] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {what} |"))).unwrap();
        // What stands in brackets are values.
        let row: String = row.split('(').filter_map(|part| part.split(')').next_back()).collect();
        let columns: Vec<&str> = words(&row).collect();
        let file = room.path("empty.csv");
        fs::write(&file, format!("{}\n", columns.join(","))).unwrap();
        let imported = room.run(&["import", what, file.to_str().unwrap(), "--json"]).await;
        assert_eq!(imported.json(), json!({ "rows": 0, "changed": 0 }), "{columns:?}");
        let needed: Vec<&str> = row.split("; and").next().into_iter().flat_map(words).collect();
        fs::write(&file, format!("{}\n", needed.iter().skip(1).copied().collect::<Vec<_>>().join(",")))
            .unwrap();
        let without = room.run(&["import", what, file.to_str().unwrap()]).await;
        assert_misused(&without, &format!("there is no column `{}`", needed[0]));
    }
}

/// The words that stand between backticks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
