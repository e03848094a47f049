//! A browser as far as the server sees it: a cookie, and what no page can write.

use reqwest::{Client, RequestBuilder, Response, StatusCode};

use crate::client::http;
use crate::world::World;

/// A browser with a few pages open.
pub(crate) struct Browser {
    http: Client,
    base: String,
    pub(crate) cookie: Option<String>,
    /// While somebody signs in elsewhere.
    pub(crate) attempt: Option<String>,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl Browser {
    /// One that has never been here.
    pub(crate) fn new(world: &World) -> Self {
        Self { http: http(), base: world.url(""), cookie: None, attempt: None }
    }

    /// The same browser at a link of another site: it shows nothing.
    pub(crate) fn stranger(other: &Self) -> Self {
        Self { http: other.http.clone(), base: other.base.clone(), cookie: None, attempt: None }
    }

    /// One in which somebody signs in with `token`.
    pub(crate) async fn signed_in(world: &World, token: &str) -> Self {
        let mut browser = Self::new(world);
        let page = browser.sign_in(token, "/").await;
        assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/"), "{page:?}");
        browser
    }

    pub(crate) async fn sign_in(&mut self, token: &str, next: &str) -> Page {
        self.submit("/sign-in", &[("token", token), ("next", next)]).await
    }

    /// A request as one of our own pages sends it.
    pub(crate) fn post(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let request = form(&self.http, &format!("{}{path}", self.base), fields);
        self.with_cookie(request.header("origin", &self.base).header("sec-fetch-site", "same-origin"))
    }

    /// The same without what tells that the page is ours.
    pub(crate) fn post_from_nowhere(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.with_cookie(form(&self.http, &format!("{}{path}", self.base), fields))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.with_cookie(self.http.get(format!("{}{path}", self.base)).header("sec-fetch-site", "none"))
    }

    /// Send a form, and keep the cookie that comes back.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let response = self.post(path, fields).send().await.unwrap();
        self.keep(response).await
    }

    /// Follow a link of a page, and keep the cookies that come back.
    pub(crate) async fn follow(&mut self, path: &str) -> Page {
        let response = self.get(path).send().await.unwrap();
        self.keep(response).await
    }

    async fn keep(&mut self, response: Response) -> Page {
        for set in response.headers().get_all("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{set}");
            let pair = set.split(';').next().map(str::to_owned);
            if set.starts_with("__Host-attempt") { self.attempt = pair } else { self.cookie = pair }
        }
        Page::of(response).await
    }

    pub(crate) async fn open(&self, path: &str) -> Page {
        Page::of(self.get(path).send().await.unwrap()).await
    }

    /// Open a page, fill in its form and send it.
    pub(crate) async fn answer(&mut self, id: &str, verdict: &str, reason: &str) -> Page {
        let path = format!("/approvals/{id}");
        let page = self.open(&path).await;
        let (csrf, request, digest) = (page.field("csrf"), page.field("request"), page.field("digest"));
        let fields = [
            ("csrf", csrf.as_str()),
            ("request", &request),
            ("digest", &digest),
            ("verdict", verdict),
            ("reason", reason),
        ];
        self.submit(&path, &fields).await
    }

    fn with_cookie(&self, request: RequestBuilder) -> RequestBuilder {
        let cookies: Vec<&str> =
            [&self.cookie, &self.attempt].into_iter().flatten().map(String::as_str).collect();
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }
}

/// A form as browsers send it.
fn form(http: &Client, url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    let encoded = |text: &str| {
        let bytes = text.bytes();
        bytes.fold(String::new(), |so_far, byte| {
            if byte.is_ascii_alphanumeric() {
                so_far + &char::from(byte).to_string()
            } else {
                so_far + &format!("%{byte:02X}")
            }
        })
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = pairs.collect::<Vec<String>>().join("&");
    http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
}

impl Page {
    pub(crate) async fn of(response: Response) -> Self {
        let location = response.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        Self {
            status: response.status(),
            location: location.unwrap_or_default(),
            text: response.text().await.unwrap(),
        }
    }

    /// What a hidden field of its form says.
    pub(crate) fn field(&self, name: &str) -> String {
        let before = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&before).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Where it goes on by itself.
    pub(crate) fn detour(&self) -> String {
        let (_, rest) = self.text.split_once("content=\"0; url=").unwrap_or_else(|| panic!("{self:?}"));
        rest.split_once('"').unwrap().0.replace("&#38;", "&")
    }

    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.text.contains(words), "`{words}` is not in {self:?}");
        self
    }

    pub(crate) fn is_silent_about(&self, words: &str) -> &Self {
        assert!(!self.text.contains(words), "`{words}` is in {self:?}");
        self
    }
}
