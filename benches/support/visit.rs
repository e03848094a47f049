//! The real binary over a database of its own, and people at its pages. Knows no
//! more of HTTP than where an answer ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::support::key;

/// Who looks: as many as open 32 streams and their pages at once.
pub(crate) const PEOPLE: [&str; 4] = ["grace", "hedy", "joan", "mary"];

/// A server of its own, which is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Serve the pages of what `fill` puts into a database.
    pub(crate) fn over(fill: impl FnOnce(&Path)) -> Self {
        let base = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
        let folder = tempfile::tempdir_in(base).unwrap();
        let people = PEOPLE.map(|name| format!("[people.{name}]\nroles = [\"operator\", \"approver\"]\n"));
        let config = format!(
            "user = \"bench\"\n{}\n[people.ada]\npublic_key = \"{}\"\n[http]\nrequests_per_second = 1000000\n\
             [[environments]]\nname = \"dev\"\n[[environments]]\nname = \"staging\"\n\
             [[environments]]\nname = \"prod\"\napproval = {{ approvers = [\"grace\", \"ada\"], accept = [\"signed\", \"web\"] }}\n\
             [[freezes]]\nname = \"weekend\"\nenvironments = [\"prod\"]\nreason = \"nobody is here\"\n\
             time_zone = \"Europe/Berlin\"\ncron = \"0 17 * * FRI\"\nduration = \"63h\"\n",
            people.concat(),
            key().public(),
        );
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        fill(&folder.path().join("bench.db"));
        let mut child = product(folder.path())
            .args(["serve", "--http", "127.0.0.1:0"])
            // Somebody else drives, so that nobody asks Harness.
            .env("HARNESS_BASE_URL", "http://127.0.0.1:9")
            .env("HARNESS_API_KEY", "sat.bench.trial.key")
            .env("HARNESS_ORG_ID", "default")
            .env("HARNESS_PROJECT_ID", "trial")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { child, address, folder }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("bench.db")
    }

    /// Somebody who is signed in.
    pub(crate) fn sign_in(&self, name: &str) -> Visitor {
        let made = product(self.folder.path()).args(["token", "create", name, "--browser"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let body = format!("token={}&next=/", String::from_utf8(made.stdout).unwrap().trim());
        let mut stranger = Visitor { address: self.address.clone(), cookie: String::new(), open: None };
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {1}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answer = stranger.exchange(&head);
        let cookie = answer.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next());
        Visitor { cookie: cookie.unwrap_or_else(|| panic!("{answer}")).to_owned(), ..stranger }
    }
}

fn product(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployment-orchestrator"));
    command
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .env("ORCHESTRATOR_CONFIG", folder.join("config.toml"))
        .env("ORCHESTRATOR_DB", folder.join("bench.db"));
    command
}

/// A browser with one connection.
pub(crate) struct Visitor {
    address: String,
    cookie: String,
    open: Option<TcpStream>,
}

impl Clone for Visitor {
    /// Another tab of it.
    fn clone(&self) -> Self {
        Self { address: self.address.clone(), cookie: self.cookie.clone(), open: None }
    }
}

impl Visitor {
    /// Open a page; all of the answer.
    pub(crate) fn open(&mut self, path: &str) -> String {
        let request = self.request(path);
        let answer = self.exchange(&request);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// Follow a stream: `news` is called for each time that it tells of some, until it says `false`.
    pub(crate) fn follow(&self, path: &str, mut news: impl FnMut() -> bool) {
        let mut stream = BufReader::new(self.connection());
        stream.get_mut().write_all(self.request(path).as_bytes()).unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).unwrap() == 0 {
                return;
            }
            if !line.starts_with("event: change") {
                continue;
            }
            // A browser looks once for all that came meanwhile.
            let waiting = stream.buffer().len();
            stream.consume(waiting);
            if !news() {
                return;
            }
        }
    }

    fn request(&self, path: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n\r\n",
            self.address, self.cookie
        )
    }

    fn connection(&self) -> TcpStream {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_nodelay(true).unwrap();
        connection
    }

    fn exchange(&mut self, request: &str) -> String {
        let mut connection = self.open.take().unwrap_or_else(|| self.connection());
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut piece = vec![0; 256 * 1024];
        while !is_whole(&answer) {
            let read = connection.read(&mut piece).unwrap();
            assert!(read > 0, "the server hung up");
            answer.extend_from_slice(&piece[..read]);
        }
        self.open = Some(connection);
        String::from_utf8(answer).unwrap()
    }
}

/// Whether an answer with a length has come to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    answer.len() - end - 4 >= length.map_or(0, |length| length.parse().unwrap())
}
