//! An MCP server that lets an AI agent run real deployments without being
//! trusted with them. `ARCHITECTURE.md` is the map.

pub mod domain;
pub mod ports;
pub mod store;
