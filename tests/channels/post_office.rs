//! A mail server that keeps what it is told, and answers by rules.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// The server.
pub(crate) struct PostOffice {
    address: SocketAddr,
    visits: mpsc::UnboundedReceiver<Visit>,
}

/// All that one connection said.
#[derive(Debug, Default)]
pub(crate) struct Visit {
    /// Its commands, without the letter.
    pub(crate) commands: Vec<String>,
    /// The letter, if it came to that.
    pub(crate) letter: Option<String>,
}

/// How commands are answered that begin so; `.` is the end of the letter, and `220`
/// the beginning of all. `{}` in a reply is the command.
pub(crate) type Rules = &'static [(&'static str, Reply)];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Says(&'static str),
    HangsUp,
    NeverSays,
}

const USUAL: Rules = &[
    ("220", Reply::Says("220 mail.acme.example ESMTP")),
    ("EHLO", Reply::Says("250-mail.acme.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")),
    ("AUTH", Reply::Says("235 welcome")),
    ("DATA", Reply::Says("354 go on")),
    ("QUIT", Reply::Says("221 bye")),
    ("", Reply::Says("250 fine")),
];

impl PostOffice {
    pub(crate) async fn with(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keep, visits) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let keep = keep.clone();
                tokio::spawn(async move {
                    let mut visit = Visit::default();
                    let _ = serve(connection, rules, &mut visit).await;
                    let _ = keep.send(visit);
                });
            }
        });
        Self { address, visits }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next connection that has ended.
    pub(crate) async fn next(&mut self) -> Visit {
        self.visits.recv().await.expect("a visit")
    }
}

/// Speak with one client until it, or a rule, ends that.
async fn serve(connection: TcpStream, rules: Rules, visit: &mut Visit) -> std::io::Result<()> {
    let mut client = BufReader::new(connection);
    reply(&mut client, rules, "220").await?;
    let mut line = String::new();
    while client.read_line(&mut line).await? > 0 {
        let command = line.trim_end().to_owned();
        line.clear();
        visit.commands.push(command.clone());
        let accepted = reply(&mut client, rules, &command).await?;
        if command == "DATA" && accepted.starts_with('3') {
            visit.letter = Some(letter(&mut client).await?);
            reply(&mut client, rules, ".").await?;
        }
        if command == "QUIT" {
            break;
        }
    }
    Ok(())
}

async fn reply(client: &mut BufReader<TcpStream>, rules: Rules, command: &str) -> std::io::Result<String> {
    let rule = rules.iter().chain(USUAL).find(|(start, _)| command.starts_with(start));
    match rule.unwrap().1 {
        Reply::Says(says) => {
            let says = says.replace("{}", command);
            client.write_all(format!("{says}\r\n").as_bytes()).await?;
            Ok(says)
        }
        Reply::HangsUp => Err(std::io::ErrorKind::ConnectionAborted.into()),
        Reply::NeverSays => std::future::pending().await,
    }
}

async fn letter(client: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut letter = String::new();
    let mut line = String::new();
    while client.read_line(&mut line).await? > 0 {
        if line == ".\r\n" {
            break;
        }
        letter.push_str(line.strip_prefix('.').unwrap_or(&line));
        line.clear();
    }
    Ok(letter)
}
