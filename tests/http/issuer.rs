//! An authorization server: it publishes keys over real HTTP, and signs whatever it is asked to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What is answered where the keys should be.
#[derive(Clone)]
pub(crate) enum Answer {
    Document(Value),
    Status(StatusCode),
    /// Another place has them.
    Moved(String),
    /// Nothing, until the test lets it go on.
    Silence(Arc<Semaphore>),
}

/// It serves until it is dropped.
pub(crate) struct Issuer {
    pub(crate) url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    served: tokio::task::JoinHandle<()>,
}

impl Issuer {
    pub(crate) async fn publishing(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(document(keys))), Arc::<AtomicUsize>::default());
        let (now, count) = (answer.clone(), asked.clone());
        let route = get(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = now.lock().unwrap().clone();
            async move { answered(answer).await }
        });
        let routes = Router::new().route("/keys", route);
        let served = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, answer, asked, served }
    }

    pub(crate) fn publishes(&self, keys: &[&Key]) {
        self.answers(document(keys));
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often somebody asked for the keys.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.served.abort();
    }
}

fn document(keys: &[&Key]) -> Answer {
    Answer::Document(json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }))
}

async fn answered(answer: Answer) -> Response<Body> {
    let with = |status: StatusCode| Response::builder().status(status);
    match answer {
        Answer::Document(document) => with(StatusCode::OK).body(document.to_string().into()),
        Answer::Status(status) => with(status).body(Body::empty()),
        Answer::Moved(to) => with(StatusCode::FOUND).header("location", to).body(Body::empty()),
        Answer::Silence(until) => {
            drop(until.acquire().await);
            with(StatusCode::SERVICE_UNAVAILABLE).body(Body::empty())
        }
    }
    .unwrap()
}

/// A private key with a name.
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Curve(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
}

impl Key {
    /// The one RSA key of these tests: making one takes seconds.
    pub(crate) fn rsa(id: &'static str) -> Self {
        let pair = RsaKeyPair::from_der(include_bytes!("rsa_2048.der")).unwrap();
        Self { id, pair: Pair::Rsa(Box::new(pair)) }
    }

    /// A fresh key on P-256.
    pub(crate) fn curve(id: &'static str) -> Self {
        let (random, how) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let secret = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        Self { id, pair: Pair::Curve(EcdsaKeyPair::from_pkcs8(how, secret.as_ref(), &random).unwrap()) }
    }

    /// A fresh Ed25519 key.
    pub(crate) fn edwards(id: &'static str) -> Self {
        let secret = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { id, pair: Pair::Edwards(Ed25519KeyPair::from_pkcs8(secret.as_ref()).unwrap()) }
    }

    /// Its public half.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                json!({ "kid": self.id, "kty": "RSA", "use": "sig", "n": encoded(&n), "e": encoded(&e) })
            }
            Pair::Curve(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kid": self.id, "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Edwards(pair) => {
                json!({ "kid": self.id, "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) })
            }
        }
    }

    /// How a token by it says that it is signed, unless it is told otherwise.
    pub(crate) fn header(&self) -> Value {
        let algorithm = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Curve(_) => "ES256",
            Pair::Edwards(_) => "EdDSA",
        };
        json!({ "alg": algorithm, "kid": self.id, "typ": "at+jwt" })
    }

    /// A token that says this.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// The same with a header that says whatever it says.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let said = said(header, claims);
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let how: &'static dyn ring::signature::RsaEncoding =
                    if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(how, &SystemRandom::new(), said.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Curve(pair) => pair.sign(&SystemRandom::new(), said.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Edwards(pair) => pair.sign(said.as_bytes()).as_ref().to_vec(),
        };
        format!("{said}.{}", encoded(&signature))
    }

    /// The bytes of the public key, which everybody knows.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public().as_ref().to_vec(),
            Pair::Curve(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Edwards(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

/// A token that nobody signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.", said(header, claims))
}

/// A token with HMAC, by a secret that both sides are thought to share.
pub(crate) fn shared(secret: &[u8], header: &Value, claims: &Value) -> String {
    let said = said(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), said.as_bytes());
    format!("{said}.{}", encoded(tag.as_ref()))
}

fn said(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
