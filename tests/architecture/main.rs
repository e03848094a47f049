//! The layering, held by reading the sources. The tables below are its documentation:
//! whoever needs another arrow changes them, where a reviewer sees it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a test's own work"
)]

mod source;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source::{Source, sources_below};
use tokens::{is_word, tokens};

/// Which module may name which. `a::b` allows only that part of `a`; `*` allows
/// all, but of [`CLOSED`] modules no submodule.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("wake", &[]),
    ("pulse", &[]),
    ("tally", &[]),
    ("yaml", &[]),
    ("http", &["tally"]),
    ("manifests", &["domain", "yaml"]),
    ("checkout", &["domain", "manifests"]),
    ("clock", &["domain"]),
    ("ports", &["domain"]),
    ("harness", &["domain", "ports", "http", "tally", "clock", "yaml"]),
    ("probe", &["domain", "ports", "http", "tally"]),
    ("jira", &["domain", "ports", "http", "tally"]),
    ("store", &["domain"]),
    ("otlp", &["domain", "store", "http", "tally", "clock"]),
    ("config", &["domain", "harness", "jira", "manifests", "otlp"]),
    ("journal", &["domain"]),
    ("messenger", &["domain", "ports", "http", "tally"]),
    ("slack", &["domain", "ports", "http", "tally", "clock", "messenger"]),
    ("teams", &["domain", "ports", "http", "tally", "messenger"]),
    ("mail", &["domain", "ports", "http", "tally", "messenger"]),
    ("webhook", &["domain", "ports", "http", "tally", "clock", "messenger"]),
    ("oauth", &["domain", "http", "tally"]),
    ("inspection", &["domain", "store", "ports", "clock", "config::policy", "checkout", "manifests"]),
    (
        "engine",
        &[
            "domain",
            "store",
            "ports",
            "clock",
            "wake",
            "pulse",
            "tally",
            "config::policy",
            "journal",
            "inspection",
        ],
    ),
    ("app", &["domain", "store", "ports", "clock", "wake", "config::policy", "inspection"]),
    ("bridge", &["app", "domain", "http"]),
    ("tools", &["app", "domain"]),
    ("web", &["app", "domain", "oauth", "pulse", "tally", "clock", "slack", "webhook"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// Whoever wires these names what they offer, not what is inside.
const CLOSED: &[&str] = &["tools"];

/// Crates that have one home.
const HOMES: &[(&str, &[&str])] = &[
    ("rmcp", &["tools"]),
    ("askama", &["web"]),
    ("axum", &["cli::demo::receiver", "harness::simulator", "web"]),
    ("hyper", &["tools", "web"]),
    ("hyper_util", &["web"]),
    ("rusqlite", &["store"]),
    ("rusqlite_migration", &["store"]),
    (
        "reqwest",
        &[
            "http",
            "bridge",
            "harness",
            "jira",
            "messenger",
            "oauth",
            "otlp",
            "probe",
            "slack",
            "teams",
            "webhook",
        ],
    ),
    ("opentelemetry_proto", &["otlp"]),
    ("percent_encoding", &["otlp"]),
    ("prost", &["otlp"]),
    ("jsonwebtoken", &["oauth"]),
    ("ring", &["oauth", "slack", "webhook"]),
    ("lettre", &["mail"]),
    ("rustls", &["http"]),
    ("form_urlencoded", &["oauth", "slack"]),
    ("getrandom", &["clock"]),
    ("granit_parser", &["yaml"]),
    ("croner", &["domain::calendar::cron"]),
    ("rrule", &["domain::calendar::rule"]),
    ("chrono", &["domain::calendar::rule"]),
    ("toml", &["config", "harness::simulator"]),
    ("csv", &["cli"]),
    ("prometheus_client", &["web"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("comfy_table", &["cli"]),
    ("tracing_subscriber", &["cli::log"]),
    ("anyhow", &["cli", "main"]),
];

/// All that the domain may name: the encodings of its words, and arithmetic.
const CRATES_OF_THE_DOMAIN: &[&str] = &[
    "base64",
    "chrono",
    "croner",
    "ed25519_dalek",
    "jiff",
    "rrule",
    "serde",
    "serde_json",
    "serde_json_canonicalizer",
    "sha2",
    "subtle",
    "thiserror",
    "ulid",
];

/// What a pure module has no word for.
const IMPURE: &[&str] = &["async", "await", "SystemTime", "Instant", "UNIX_EPOCH", "thread_local"];

/// What a pure module does not call: `Timestamp::now()`, `std::fs`. As plain
/// words they are names of arguments.
const IMPURE_CALLS: &[&str] = &["now", "env", "fs", "io", "net", "process", "rand", "random", "thread"];

/// Words that fit everything and so say nothing.
const FORBIDDEN: &[&str] = &["job", "task", "process", "manager", "handler", "helper", "util"];

/// Longer, and a file is more than one idea.
const LONGEST_FILE: usize = 500;

fn sources() -> Vec<Source> {
    sources_below("src")
}

fn modules(sources: &[Source]) -> BTreeSet<String> {
    sources.iter().map(|source| source.top().to_owned()).filter(|top| top != "lib").collect()
}

fn layer(module: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, may)| *may)
}

fn may_name(from: &str, path: &[String], sources: &[Source]) -> bool {
    if path[0] == from {
        return true;
    }
    let inside = |module: &str| {
        path.len() > 1
            && sources
                .iter()
                .any(|it| it.top() == module && it.module.get(1).is_some_and(|name| *name == path[1]))
    };
    layer(from).unwrap_or_default().iter().any(|allowed| {
        *allowed == "*" && !(CLOSED.contains(&path[0].as_str()) && inside(&path[0]))
            || allowed.split("::").zip(path).all(|(a, b)| a == b) && path.len() >= allowed.split("::").count()
    })
}

#[test]
fn a_module_names_only_what_its_layer_may() {
    let sources = sources();
    let modules = modules(&sources);
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.top() != "lib") {
        for path in source.named_modules(&modules) {
            if !may_name(source.top(), &path, &sources) {
                wrong.push(format!("src/{}: {}", source.path, path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed by LAYERS:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let unknown: Vec<String> =
        modules(&sources()).into_iter().filter(|module| layer(module).is_none()).collect();
    assert!(unknown.is_empty(), "not in LAYERS: {unknown:?}");
}

#[test]
fn layers_have_no_circle() {
    let mut known: Vec<&str> = Vec::new();
    for (module, may) in LAYERS {
        for allowed in may.iter().filter(|allowed| **allowed != "*") {
            let top = allowed.split("::").next().unwrap();
            assert!(known.contains(&top), "{module} may name {top}, which stands below it in LAYERS");
        }
        known.push(module);
    }
}

#[test]
fn a_crate_is_named_only_at_home() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            if source.names_crate(name) && !homes.iter().any(|home| source.is_in(home)) {
                wrong.push(format!("src/{} names {name}, whose home is {homes:?}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_domain_is_pure() {
    let crates = dependencies();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.top() == "domain") {
        for name in crates.iter().filter(|name| !CRATES_OF_THE_DOMAIN.contains(&name.as_str())) {
            if source.names_crate(name) {
                wrong.push(format!("src/{} names {name}", source.path));
            }
        }
        for (index, token) in source.tokens.iter().enumerate() {
            let called = index > 0 && source.tokens[index - 1] == "::";
            if IMPURE.contains(&token.as_str()) || called && IMPURE_CALLS.contains(&token.as_str()) {
                wrong.push(format!("src/{} says {token}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The crates of Cargo.toml, as Rust names them.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap();
    let names: Vec<String> = section
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().replace('-', "_"))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// Else somebody would forget that a deployment may be on a path, whose gates ask for more.
#[test]
fn the_gates_of_a_deployment_have_one_way_in() {
    for source in sources().iter().filter(|source| ["app", "engine", "tools", "web"].contains(&source.top()))
    {
        let words: Vec<&str> = source.tokens.iter().map(String::as_str).collect();
        let around = words.windows(3).find(|words| *words == ["policy", ".", "gates"]);
        assert!(around.is_none(), "src/{} looks a gate up past Policy::gates_of", source.path);
    }
}

/// A request that is sent elsewhere is in no number of `/metrics`. The bridge has none.
#[test]
fn whoever_calls_others_is_counted() {
    for source in sources().iter().filter(|it| !it.is_in("http") && !it.is_in("bridge")) {
        let sends = source.tokens.windows(4).any(|tokens| *tokens == [".", "send", "(", ")"]);
        assert!(!sends, "src/{} sends a request past http::Client::send", source.path);
    }
}

#[test]
fn a_file_is_one_idea() {
    for folder in ["src", "tests", "benches", "examples"] {
        for Source { path, lines, .. } in sources_below(folder) {
            assert!(lines <= LONGEST_FILE, "{folder}/{path} has {lines} lines, at most {LONGEST_FILE}");
        }
    }
}

#[test]
fn names_say_what_things_are() {
    let mut wrong = Vec::new();
    for source in sources() {
        let declared = source.tokens.windows(2).filter_map(|pair| {
            let declares = ["struct", "enum", "trait", "type", "mod", "union"].contains(&pair[0].as_str());
            (declares && is_word(&pair[1])).then(|| pair[1].clone())
        });
        for name in declared.chain(source.module.clone()) {
            let says_nothing =
                |word: &String| FORBIDDEN.iter().any(|no| word == no || *word == format!("{no}s"));
            if words(&name).iter().any(says_nothing) {
                wrong.push(format!("src/{}: {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{FORBIDDEN:?} say nothing:\n{}", wrong.join("\n"));
}

/// The words of a CamelCase or snake_case name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    for character in name.chars() {
        if character == '_' {
            fresh = true;
            continue;
        }
        if fresh || character.is_uppercase() {
            words.push(String::new());
            fresh = false;
        }
        words.last_mut().unwrap().extend(character.to_lowercase());
    }
    words
}

#[test]
fn only_the_command_line_prints() {
    let sources = sources();
    let prints = |source: &&Source| {
        let mut pairs = source.tokens.windows(2);
        pairs.any(|pair| ["print", "println"].contains(&pair[0].as_str()) && pair[1] == "!")
    };
    let wrong: Vec<&str> = sources
        .iter()
        .filter(|source| !source.is_in("cli"))
        .filter(prints)
        .map(|source| source.path.as_str())
        .collect();
    assert!(wrong.is_empty(), "standard output is the wire: {wrong:?}");
}

#[test]
fn the_reader_of_sources_reads_rust() {
    let source = |module: &str, text: &str| Source {
        path: String::new(),
        module: module.split("::").map(str::to_owned).collect(),
        lines: 0,
        tokens: tokens(text),
    };
    let all: BTreeSet<String> = ["app", "domain", "store", "tools"].map(str::to_owned).into();
    let named = |module: &str, text: &str| {
        let paths = source(module, text).named_modules(&all);
        paths.iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(
        named("tools::start", "use crate::{app::{App, view as v}, store};"),
        ["app::App", "app::view", "store"]
    );
    assert_eq!(
        named("tools::start", "fn f() -> crate::store::Store { deployment_orchestrator::app() }"),
        ["app", "store::Store"]
    );
    assert_eq!(
        named("tools::start", "use super::super::{store, domain::id}; use super::guard;"),
        ["domain::id", "store", "tools::guard"]
    );
    assert_eq!(named("ports", "use super::store::Store;"), ["store::Store"]);
    assert_eq!(named("ports", "pub(crate) fn f() { <crate::app::App>::new() }"), ["app::App"]);
    let hidden = r###"// crate::store
        /* crate::store /* crate::store */ crate::store */ "crate::store \" crate::store" r#"crate::store " "#
        'c' '\'' '"' b"crate::store" "###;
    assert_eq!(named("tools", hidden), Vec::<String>::new());
    assert!(source("a", "use rmcp::X;").names_crate("rmcp"));
    assert!(source("a", "#[rmcp::tool]").names_crate("rmcp"));
    assert!(source("a", "pub use rmcp;").names_crate("rmcp"));
    assert!(source("a", "fn f() -> ::rmcp::X {}").names_crate("rmcp"));
    assert!(!source("a", "use crate::rmcp::X; let rmcp = 1;").names_crate("rmcp"));
    assert_eq!(words("ProcessManager"), ["process", "manager"]);
    assert_eq!(words("signed_decision"), ["signed", "decision"]);
}
