//! The server over HTTP: real requests on loopback, with a database, an engine
//! and a simulated Harness behind it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a test's own work"
)]

mod board;
mod browser;
mod browsers;
mod client;
mod crowds;
mod deployment_page;
mod event_streams;
mod health;
mod incidents;
mod issuer;
mod limits;
mod looks;
mod metrics;
mod numbers;
mod oauth;
mod openid;
mod openid_attacks;
mod page_attacks;
mod pages;
mod provider;
mod raw;
mod sessions;
mod slack;
mod stopping;
mod stream;
mod tokens;
mod updates;
mod webhooks;
mod world;
