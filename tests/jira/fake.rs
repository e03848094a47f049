//! A Jira over real HTTP that remembers: issues, comments, links and statuses,
//! with the status codes and bodies of the real one, and faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::{Router, serve};
use deployment_orchestrator::jira::{Jira, Moves, Settings, Site};
use deployment_orchestrator::tally::Tally;
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "ATATT3xFfGF0-s3cr3t-t0ken";
pub(crate) const EMAIL: &str = "bot@acme.example";

/// What the account is called, by its site.
const ACCOUNT: &str = "5b10ac8d82e05b22cc7d4ef5";
const KEY: &str = "JIRAUSER10100";

pub(crate) struct FakeJira {
    pub(crate) url: String,
    site: Site,
    world: Arc<Mutex<World>>,
    serving: JoinHandle<()>,
}

pub(crate) struct World {
    site: Site,
    pub(crate) issues: BTreeMap<String, Issue>,
    pub(crate) transitions: Vec<Value>,
    pub(crate) calls: Vec<Call>,
    faults: VecDeque<Fault>,
    last_id: u32,
}

#[derive(Clone)]
pub(crate) struct Issue {
    pub(crate) status: String,
    pub(crate) comments: Vec<Comment>,
    /// By their global id.
    pub(crate) links: BTreeMap<String, Value>,
}

#[derive(Clone)]
pub(crate) struct Comment {
    pub(crate) id: String,
    author: String,
    pub(crate) body: Value,
}

pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    authorization: String,
    pub(crate) body: Value,
}

/// What goes wrong with the first call of a method whose path ends so.
struct Fault {
    method: Method,
    end: &'static str,
    what: What,
}

pub(crate) enum What {
    /// It is done, and the reply is lost.
    LosesTheReply,
    /// It is not done, and this is answered.
    Answers(u16, &'static [(&'static str, &'static str)], String),
}

impl FakeJira {
    pub(crate) async fn cloud() -> Self {
        Self::start(Site::Cloud { email: EMAIL.to_owned() }).await
    }

    pub(crate) async fn data_center() -> Self {
        Self::start(Site::DataCenter).await
    }

    async fn start(site: Site) -> Self {
        let world = Arc::new(Mutex::new(World {
            site: site.clone(),
            issues: BTreeMap::from(["SHOP-42", "SHOP-43"].map(|key| (key.to_owned(), Issue::new()))),
            transitions: vec![transition("11", "To Do"), transition("21", "Done")],
            calls: Vec::new(),
            faults: VecDeque::new(),
            last_id: 10_000,
        }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/jira", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&world));
        let serving = tokio::spawn(async move { serve(listener, router).await.unwrap() });
        Self { url, site, world, serving }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            base_url: self.url.clone(),
            site: self.site.clone(),
            token: TOKEN.to_owned().into(),
            moves: Moves {
                on_completed: Some("done".to_owned()),
                on_rolled_back: Some("Reopened".to_owned()),
                environments: ["prod".parse().unwrap()].into(),
            },
        }
    }

    pub(crate) fn client(&self) -> Jira {
        Jira::new(self.settings(), &Tally::default()).unwrap()
    }

    pub(crate) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().unwrap())
    }

    pub(crate) fn issue(&self, key: &str) -> Issue {
        self.world(|world| world.issues[key].clone())
    }

    /// Let the next such call go wrong.
    pub(crate) fn next(&self, method: Method, end: &'static str, what: What) {
        self.world(|world| world.faults.push_back(Fault { method, end, what }));
    }

    /// Somebody writes a comment by hand.
    pub(crate) fn written_by(&self, author: &str, key: &str, body: Value) {
        self.world(|world| world.comment(key, author.to_owned(), body));
    }

    pub(crate) fn calls(&self, method: &Method, end: &str) -> usize {
        self.world(|world| {
            world.calls.iter().filter(|call| call.method == *method && call.path.ends_with(end)).count()
        })
    }
}

impl Drop for FakeJira {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Issue {
    fn new() -> Self {
        Self { status: "In Progress".to_owned(), comments: Vec::new(), links: BTreeMap::new() }
    }
}

pub(crate) fn transition(id: &str, to: &str) -> Value {
    json!({ "id": id, "name": format!("to {to}"), "to": { "name": to }, "isAvailable": true })
}

type Answer = (StatusCode, Value);

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: authorization(&parts.headers),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mut world = world.lock().unwrap();
    let goes_wrong = |fault: &Fault| fault.method == call.method && call.path.ends_with(fault.end);
    let fault = world.faults.iter().position(goes_wrong).and_then(|at| world.faults.remove(at));
    let response = match fault.map(|fault| fault.what) {
        Some(What::Answers(status, headers, body)) => {
            let response = Response::builder().status(status);
            headers
                .iter()
                .fold(response, |response, (name, value)| response.header(*name, *value))
                .body(body.into())
        }
        Some(What::LosesTheReply) => {
            let (status, _) = world.answer(&call);
            assert!(status.is_success(), "{status}");
            let lost = stream::iter([Err::<Vec<u8>, _>(io::Error::other("lost"))]);
            Response::builder().status(status).body(Body::from_stream(lost))
        }
        None => {
            let (status, answer) = world.answer(&call);
            let body = if answer.is_null() { String::new() } else { answer.to_string() };
            Response::builder().status(status).header("content-type", "application/json").body(body.into())
        }
    };
    world.calls.push(call);
    response.unwrap()
}

fn authorization(headers: &HeaderMap) -> String {
    headers.get("authorization").map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    (status, json!({ "errorMessages": [message], "errors": {} }))
}

fn no_such_issue() -> Answer {
    refusal(StatusCode::NOT_FOUND, "Issue does not exist or you do not have permission to see it.")
}

impl World {
    fn answer(&mut self, call: &Call) -> Answer {
        let (version, expected) = match &self.site {
            Site::Cloud { .. } => {
                ("3", "Basic Ym90QGFjbWUuZXhhbXBsZTpBVEFUVDN4RmZHRjAtczNjcjN0LXQwa2Vu".to_owned())
            }
            Site::DataCenter => ("2", format!("Bearer {TOKEN}")),
        };
        if call.authorization != expected {
            return refusal(StatusCode::UNAUTHORIZED, "You are not authenticated.");
        }
        let path: Vec<&str> = call.path.split('/').skip(1).collect();
        let ["jira", "rest", "api", called, rest @ ..] = path.as_slice() else {
            return refusal(StatusCode::NOT_FOUND, "dead link");
        };
        assert_eq!(*called, version, "the API of another site");
        match (call.method.as_str(), rest) {
            ("GET", ["myself"]) => (StatusCode::OK, self.person(self.own())),
            (_, ["issue", key, ..]) if !self.issues.contains_key(*key) => no_such_issue(),
            ("GET", ["issue", key]) => {
                (StatusCode::OK, json!({ "fields": { "status": { "name": self.issues[*key].status } } }))
            }
            ("GET", ["issue", key, "comment"]) => (StatusCode::OK, self.comments(key, &call.query)),
            ("POST", ["issue", key, "comment"]) => {
                let Some(body) = self.accepted(&call.body["body"]) else {
                    return refusal(StatusCode::BAD_REQUEST, "Comment body is not valid!");
                };
                let own = self.own().to_owned();
                (StatusCode::CREATED, self.comment(key, own, body))
            }
            ("PUT", ["issue", key, "comment", id]) => {
                let body = self.accepted(&call.body["body"]).unwrap();
                let own = self.own().to_owned();
                let comments = &mut self.issues.get_mut(*key).unwrap().comments;
                match comments.iter_mut().find(|it| it.id == *id) {
                    None => refusal(StatusCode::NOT_FOUND, "Can not find a comment for the id."),
                    Some(comment) if comment.author != own => {
                        refusal(StatusCode::FORBIDDEN, "You do not have the permission to edit this comment.")
                    }
                    Some(comment) => {
                        comment.body = body;
                        (StatusCode::OK, json!({ "id": id }))
                    }
                }
            }
            ("POST", ["issue", key, "remotelink"]) => self.link(key, &call.body),
            ("GET", ["issue", _, "transitions"]) => {
                (StatusCode::OK, json!({ "transitions": self.transitions }))
            }
            ("POST", ["issue", key, "transitions"]) => self.transition(key, &call.body),
            _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "no such call"),
        }
    }

    fn own(&self) -> &'static str {
        match self.site {
            Site::Cloud { .. } => ACCOUNT,
            Site::DataCenter => KEY,
        }
    }

    fn person(&self, id: &str) -> Value {
        match self.site {
            Site::Cloud { .. } => json!({ "accountId": id, "displayName": "somebody" }),
            Site::DataCenter => json!({ "key": id, "name": format!("name of {id}") }),
        }
    }

    /// A document on Cloud, a text on Data Center, and neither where the other is wanted.
    fn accepted(&self, body: &Value) -> Option<Value> {
        let fits = match self.site {
            Site::Cloud { .. } => body["type"] == "doc" && body["version"] == 1 && body["content"].is_array(),
            Site::DataCenter => body.as_str().is_some_and(|it| !it.is_empty()),
        };
        let crlf = |it: &Value| it.as_str().map(|it| it.replace('\n', "\r\n").into());
        fits.then(|| crlf(body).unwrap_or_else(|| body.clone()))
    }

    fn comment(&mut self, key: &str, author: String, body: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id.to_string();
        let answer = json!({ "id": id, "author": self.person(&author), "body": body });
        self.issues.get_mut(key).unwrap().comments.push(Comment { id, author, body });
        answer
    }

    fn comments(&self, key: &str, query: &str) -> Value {
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(given, _)| *given == name).map(|(_, value)| value.to_owned())
        };
        let number = |name| parameter(name).and_then(|it| it.parse::<usize>().ok());
        assert_eq!(parameter("orderBy").as_deref(), Some("-created"));
        let (start, most) = (number("startAt").unwrap_or(0), number("maxResults").unwrap_or(50));
        let all = &self.issues[key].comments;
        let page = all
            .iter()
            .rev()
            .skip(start)
            .take(most)
            .map(|it| json!({ "id": it.id, "author": self.person(&it.author), "body": it.body }));
        json!({ "startAt": start, "maxResults": most, "total": all.len(), "comments": page.collect::<Vec<_>>() })
    }

    fn link(&mut self, key: &str, link: &Value) -> Answer {
        let (Some(id), Some(_), Some(_)) =
            (link["globalId"].as_str(), link["object"]["url"].as_str(), link["object"]["title"].as_str())
        else {
            return (
                StatusCode::BAD_REQUEST,
                json!({ "errorMessages": [], "errors": { "title": "'title' is required." } }),
            );
        };
        let known = self.issues.get_mut(key).unwrap().links.insert(id.to_owned(), link.clone()).is_some();
        let status = if known { StatusCode::OK } else { StatusCode::CREATED };
        (
            status,
            json!({ "id": 10_000, "self": "https://acme.atlassian.net/rest/api/3/issue/SHOP-42/remotelink/10000" }),
        )
    }

    fn transition(&mut self, key: &str, body: &Value) -> Answer {
        let chosen = self.transitions.iter().find(|it| it["id"] == body["transition"]["id"]);
        let Some(chosen) = chosen else {
            return refusal(
                StatusCode::BAD_REQUEST,
                "It seems that you have tried to perform a workflow operation that is not valid.",
            );
        };
        self.issues.get_mut(key).unwrap().status = chosen["to"]["name"].as_str().unwrap().to_owned();
        (StatusCode::NO_CONTENT, Value::Null)
    }
}
