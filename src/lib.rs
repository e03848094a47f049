//! An MCP server that lets an AI agent run real deployments without being
//! trusted with them. `ARCHITECTURE.md` is the map.

pub mod app;
pub mod bridge;
pub mod checkout;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod harness;
pub mod http;
pub mod inspection;
pub mod jira;
pub mod journal;
pub mod mail;
pub mod manifests;
pub mod messenger;
pub mod oauth;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod ports;
pub mod probe;
pub mod pulse;
pub mod slack;
pub mod store;
pub mod tally;
pub mod teams;
pub mod tools;
pub mod wake;
pub mod web;
pub mod webhook;
pub mod yaml;
