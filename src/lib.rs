//! An MCP server that lets an AI agent run real deployments without being
//! trusted with them. `ARCHITECTURE.md` is the map.

pub mod clock;
pub mod domain;
pub mod harness;
pub mod http;
pub mod ports;
