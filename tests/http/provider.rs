//! An OpenID provider at which people sign in, over real HTTP. It keeps to the book (PKCE,
//! codes that are good once, our secret), but for what a test has it do wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment_orchestrator::clock::Clock as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::browser::{Browser, Page};
use crate::client::http;
use crate::issuer::{Key, encoded};
use crate::world::{Ahead, CLIENT_SECRET, World};

pub(crate) const CLIENT: &str = "deployer";

type Fields = BTreeMap<String, String>;

/// Makes a token of what it is to say.
pub(crate) type Signs = Arc<dyn Fn(&Key, &Value) -> String + Send + Sync>;

/// What is answered instead of a token.
#[derive(Clone)]
pub(crate) enum Instead {
    Says(StatusCode, String),
    /// Nothing, until the test lets it go on.
    Silence(Arc<Semaphore>),
}

/// How it behaves, and what it knows.
pub(crate) struct Conduct {
    /// Fields of its description in the place of the honest ones; null leaves one out.
    pub(crate) document: Value,
    /// The same of the claims of its tokens.
    pub(crate) claims: Value,
    /// How it signs what a token says.
    pub(crate) signs: Signs,
    pub(crate) instead: Option<Instead>,
    /// Whom it signs in.
    pub(crate) subject: String,
    /// Since when they are signed in there, unless they are asked anew.
    pub(crate) authenticated_at: i64,
    /// Whether it asks anew who is to be asked.
    pub(crate) asks_anew: bool,
    /// All that was asked of it for a token.
    pub(crate) exchanged: Vec<Fields>,
    clock: Arc<Ahead>,
    codes: BTreeMap<String, Fields>,
}

#[derive(Clone)]
struct Site {
    url: String,
    key: Arc<Key>,
    conduct: Arc<Mutex<Conduct>>,
}

/// It serves until it is dropped.
pub(crate) struct Provider {
    site: Site,
    served: tokio::task::JoinHandle<()>,
}

/// What the browser was told to ask for.
pub(crate) fn query_of(url: &str) -> Fields {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

impl Provider {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let conduct = Conduct {
            document: json!({}),
            claims: json!({}),
            signs: Arc::new(|key, claims| key.token_with(&header(key), claims)),
            instead: None,
            subject: "id|bob".to_owned(),
            authenticated_at: Ahead::default().now().0 / 1_000,
            asks_anew: true,
            exchanged: Vec::new(),
            clock: Arc::default(),
            codes: BTreeMap::new(),
        };
        let url = format!("http://{}", listener.local_addr().unwrap());
        let site = Site { url, key: Arc::new(Key::rsa("r")), conduct: Arc::new(Mutex::new(conduct)) };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(site.clone());
        let served = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { site, served }
    }

    /// A world in which people sign in here: bob, who approves, and olaf, who deploys.
    pub(crate) async fn world(&self) -> World {
        self.world_with("").await
    }

    pub(crate) async fn world_with(&self, more: &str) -> World {
        let url = self.url();
        let world = World::known_as(
            "openid_subject = \"id|bob\"",
            &format!(
                "[http.sign_in]\nissuer = \"{url}\"\nclient_id = \"{CLIENT}\"\n\
                 [people.olaf]\nroles = [\"operator\"]\nopenid_subject = \"id|olaf\"\n{more}"
            ),
        )
        .await;
        self.conduct().clock = world.clock.clone();
        world
    }

    pub(crate) fn url(&self) -> &str {
        &self.site.url
    }

    pub(crate) fn conduct(&self) -> MutexGuard<'_, Conduct> {
        self.site.conduct.lock().unwrap()
    }

    pub(crate) fn now(&self) -> i64 {
        self.conduct().clock.now().0 / 1_000
    }

    /// The browser goes there, the person signs in; where the browser is sent then.
    pub(crate) async fn visited(&self, address: &str) -> String {
        let answer = Page::of(http().get(address).send().await.unwrap()).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
        let ours = "https://deploy.acme.example";
        answer.location.strip_prefix(ours).unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    /// Somebody begins to sign in, and has signed in here: the path at which they end it.
    pub(crate) async fn led(&self, browser: &mut Browser, fields: &[(&str, &str)]) -> String {
        let sent = browser.submit("/sign-in/openid", fields).await;
        assert_eq!(sent.status, StatusCode::OK, "{sent:?}");
        let back = self.visited(&sent.detour()).await;
        // A link of another site: the browser keeps its cookies to itself.
        let page = Browser::stranger(browser).open(&back).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        page.detour()
    }

    /// Somebody signs in from the first click to the last page.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, next: &str) -> Page {
        let end = self.led(browser, &[("next", next)]).await;
        browser.follow(&end).await
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// The header of an honest token.
pub(crate) fn header(key: &Key) -> Value {
    let mut header = key.header();
    header["typ"] = json!("JWT");
    header
}

/// `honest` with others in the place of some; null leaves one out.
fn with(mut honest: Value, others: &Value) -> Value {
    let fields = honest.as_object_mut().unwrap();
    fields.extend(others.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    honest
}

async fn describe(State(site): State<Site>) -> String {
    let url = &site.url;
    let honest = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize?tenant=1"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/keys"),
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    with(honest, &site.conduct.lock().unwrap().document).to_string()
}

async fn keys(State(site): State<Site>) -> String {
    json!({ "keys": [site.key.jwk()] }).to_string()
}

async fn authorize(State(site): State<Site>, Query(asked): Query<Fields>) -> Response<Body> {
    let mut conduct = site.conduct.lock().unwrap();
    assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
    assert_eq!((asked["tenant"].as_str(), asked["code_challenge_method"].as_str()), ("1", "S256"));
    if asked.get("prompt").is_some_and(|it| it == "login") && conduct.asks_anew {
        conduct.authenticated_at = conduct.clock.now().0 / 1_000;
    }
    let code = format!("code+of/{}", conduct.codes.len());
    let mut back = form_urlencoded::Serializer::new(String::new());
    back.append_pair("code", &code).append_pair("state", &asked["state"]).append_pair("iss", &site.url);
    let to = format!("{}?{}", asked["redirect_uri"], back.finish());
    conduct.codes.insert(code, asked);
    Response::builder().status(StatusCode::FOUND).header("location", to).body(Body::empty()).unwrap()
}

async fn token(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let said: Fields = form_urlencoded::parse(&body).into_owned().collect();
    let instead = {
        let mut conduct = site.conduct.lock().unwrap();
        conduct.exchanged.push(said.clone());
        conduct.instead.clone()
    };
    match instead {
        None => {}
        Some(Instead::Says(status, text)) => return answer(status, text),
        Some(Instead::Silence(until)) => drop(until.acquire().await),
    }
    let mut conduct = site.conduct.lock().unwrap();
    let asked = conduct.codes.remove(&said["code"]);
    let Some(asked) = asked.filter(|asked| is_proved(asked, &said, &headers)) else {
        return answer(StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }).to_string());
    };
    let now = conduct.clock.now().0 / 1_000;
    let honest = json!({
        "iss": site.url, "aud": CLIENT, "sub": conduct.subject, "nonce": asked["nonce"],
        "iat": now, "exp": now + 300, "auth_time": conduct.authenticated_at,
    });
    let token = (conduct.signs)(&site.key, &with(honest, &conduct.claims));
    let given = json!({ "id_token": token, "access_token": "a", "token_type": "Bearer", "expires_in": 300 });
    answer(StatusCode::OK, given.to_string())
}

/// Whether whoever brings the code has asked for it, and is the client.
fn is_proved(asked: &Fields, said: &Fields, headers: &HeaderMap) -> bool {
    let encoded_secret: String = form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{encoded_secret}")));
    asked["code_challenge"] == encoded(&Sha256::digest(&said["code_verifier"]))
        && asked["redirect_uri"] == said["redirect_uri"]
        && said["grant_type"] == "authorization_code"
        && headers["authorization"] == basic
}

fn answer(status: StatusCode, text: String) -> Response<Body> {
    Response::builder().status(status).header("content-type", "application/json").body(text.into()).unwrap()
}

/// Past a limit.
pub(crate) fn past(limit: Duration) -> Duration {
    limit + Duration::from_millis(1)
}
