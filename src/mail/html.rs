//! A message as HTML, as mail programs want it: tables, styles on the elements,
//! no pictures, no scripts, nothing that is fetched.

use std::fmt::Write as _;

use super::text::{LONGEST, line};
use crate::domain::digest::Digest;
use crate::domain::message::{Asked, Message, Severity};
use crate::domain::text::shortened;
use crate::messenger::{self, Fact, approval_command, facts, headline, question};

/// The body of a letter.
#[must_use]
pub fn html(message: &Message) -> String {
    let mut body =
        format!("<p style=\"margin:0 0 16px\">{}</p>", escaped(&shortened(&message.notice.text, LONGEST)));
    if let Some(asked) = &message.asked {
        body.push_str(&answer(message, asked));
    }
    table(&mut body, &facts(message));
    if let Some(asked) = &message.asked {
        ask(&mut body, asked);
    }
    if let Some(page) = &message.page {
        let _ = write!(body, "<p>{}</p>", link(page, "Open the deployment"));
    }
    page(message.severity, &headline(message), &body)
}

/// The body of a letter about many things that happened.
#[must_use]
pub fn digest_html(digest: &Digest) -> String {
    let mut body = String::new();
    list(&mut body, digest.notices.iter().map(|notice| messenger::line(notice, LONGEST)));
    page(digest.severity, &digest.title, &body)
}

fn page(severity: Severity, title: &str, body: &str) -> String {
    let (color, title) = (color(severity), escaped(title));
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body style=\"margin:0;padding:16px;font-family:sans-serif;font-size:14px;line-height:1.4;\
         color:#1f2328;background:#ffffff;overflow-wrap:anywhere\">\
         <h1 style=\"font-size:18px;margin:0 0 12px;padding:8px 12px;border-left:6px solid {color}\">{title}</h1>\
         {body}</body></html>\n"
    )
}

/// How a person answers. Opening the page decides nothing.
fn answer(message: &Message, asked: &Asked) -> String {
    match &asked.page {
        Some(page) => format!(
            "<p style=\"margin:0 0 16px\"><a href=\"{}\" style=\"display:inline-block;padding:8px 16px;\
             background:#0969da;color:#ffffff;text-decoration:none;border-radius:6px\">Review and decide</a></p>",
            escaped(page)
        ),
        None => format!(
            "<p style=\"margin:0 0 16px\">To answer, type <code>{}</code></p>",
            escaped(&approval_command(&message.about))
        ),
    }
}

fn ask(body: &mut String, asked: &Asked) {
    title(body, "What is asked");
    table(body, &question(asked));
    if !asked.cautions.is_empty() {
        title(body, "Unusual about it");
        list(body, asked.cautions.iter().map(|caution| shortened(caution, LONGEST)));
    }
    title(body, "What comes, newest first");
    if asked.commits.is_empty() {
        body.push_str("<p>No commits were named at the start.</p>");
    } else {
        list(body, asked.commits.iter().map(line));
    }
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "#57606a",
        Severity::Action => "#0969da",
        Severity::Warning => "#bf8700",
        Severity::Critical => "#cf222e",
    }
}

fn title(body: &mut String, text: &str) {
    let _ = write!(body, "<h2 style=\"font-size:15px;margin:20px 0 8px\">{text}</h2>");
}

fn list(body: &mut String, entries: impl Iterator<Item = String>) {
    body.push_str("<ul style=\"margin:0;padding-left:20px\">");
    for entry in entries {
        let _ = write!(body, "<li>{}</li>", escaped(&entry));
    }
    body.push_str("</ul>");
}

fn table(body: &mut String, facts: &[Fact]) {
    body.push_str("<table style=\"border-collapse:collapse\">");
    for Fact { title, value, url } in facts {
        let value = shortened(value, LONGEST);
        let value = url.as_ref().map_or_else(|| escaped(&value), |url| link(url, &value));
        let _ = write!(
            body,
            "<tr><th style=\"text-align:left;vertical-align:top;font-weight:normal;color:#57606a;\
             padding:2px 16px 2px 0;white-space:nowrap\">{}</th><td style=\"padding:2px 0\">{value}</td></tr>",
            escaped(title)
        );
    }
    body.push_str("</table>");
}

fn link(url: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escaped(url), escaped(text))
}

/// `text` as HTML that shows it, in an element or in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
