//! The ways to tell people, and who is told what.

use deployment_orchestrator::domain::message::Severity;
use deployment_orchestrator::domain::notice::Topic;
use deployment_orchestrator::domain::route::QUIET;

use super::{assert_refused, load};

/// Two channels, and what `more` says.
fn two(more: &str) -> String {
    format!("[channels.chat]\nslack = {{ channel = \"C1\" }}\n[channels.ops]\nteams = {{}}\n{more}")
}

#[test]
fn a_channel_that_no_route_names_is_told_the_quiet_list() {
    let routing =
        load(&two("[[routes]]\nchannels = [\"ops\"]\ntopics = [\"failed\"]\nseverity = \"warning\""))
            .unwrap()
            .routing;
    let names = |of: &std::collections::BTreeSet<_>| of.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&routing.channels), ["chat", "ops"]);
    let [ops, chat] = routing.routes.try_into().unwrap();
    assert_eq!(
        (names(&ops.channels), ops.topics, ops.at_least),
        (vec!["ops".to_owned()], [Topic::Failed].into(), Severity::Warning)
    );
    assert_eq!(
        (names(&chat.channels), chat.topics, chat.at_least),
        (vec!["chat".to_owned()], QUIET.into(), Severity::Info)
    );
    assert_eq!(load("").unwrap().routing.routes, []);
}

#[test]
fn a_channel_is_one_thing_and_a_route_names_what_is_there() {
    let channel = |says: &str| format!("[channels.chat]\n{says}");
    assert_refused([
        (channel(""), "exactly one of slack, slack_webhook, teams, email and webhook"),
        (channel("slack = {}"), "missing field `channel`"),
        (channel("slack = { channel = \"C1\", token = \"xoxb-1\" }"), "unknown field `token`"),
        (
            channel("slack = { channel = \"C1\" }\nteams = {}"),
            "exactly one of slack, slack_webhook, teams, email and webhook",
        ),
        (channel("teams = { url = \"https://acme.example\" }"), "unknown field `url`"),
        (channel("pigeon = {}"), "pigeon"),
        ("[channels.Chat]\nteams = {}".to_owned(), "lower-case"),
        (two("[[routes]]\nchannels = [\"pager\"]"), "add [channels.pager]"),
        (two("[[routes]]\nchannels = []"), "name at least one"),
        (two("[[routes]]\nchannels = [\"ops\"]\nenvironments = []"), "`environments` is empty"),
        (two("[[routes]]\nchannels = [\"ops\"]\ntopics = []"), "`topics` is empty"),
        (two("[[routes]]\nchannels = [\"ops\"]\ndigest = \"999h\""), "longer than a week"),
        (channel("slack = { channel = \"#re leases\" }"), "without `#`"),
        (channel("slack = { channel = \"\" }"), "the id of a channel"),
        (
            channel("email = { smtp = \"mail.acme.example:25\", from = \"a@b.example\", to = [] }"),
            "the name of the server alone",
        ),
        (two("[[routes]]\nchannels = [\"ops\"]\nenvironments = [\"qa\"]"), "there is no environment `qa`"),
        (two("[[routes]]\nchannels = [\"ops\"]\ntopics = [\"lunch\"]"), "lunch"),
        (two("[[routes]]\nchannels = [\"ops\"]\nseverity = \"loud\""), "loud"),
        ("[timing]\nremind_after = \"1m\"".to_owned(), "at least 10 min"),
    ]);
}
