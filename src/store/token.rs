//! Bearer tokens. What they grant is sealed: nothing here decides whether one is good.

use rusqlite::{Connection, Row, params};

use super::error::Error;
use super::row::{self, from_json, to_json};
use crate::domain::id::TokenId;
use crate::domain::signature::Signature;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// Keep a new one, in the open transaction.
pub(super) fn add(connection: &Connection, token: &Token) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO token (id, body, hash, seal) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![token.grant.id.as_str(), to_json(&token.grant), token.hash, token.seal.0])?;
    Ok(())
}

/// Revoke one, in the open transaction; the first time counts. Whether it is there.
pub(super) fn revoke(connection: &Connection, id: &TokenId, at: Timestamp) -> Result<bool, Error> {
    let found = connection
        .prepare_cached("UPDATE token SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1")?
        .execute(params![id.as_str(), at.0])?;
    Ok(found > 0)
}

pub(super) fn find(connection: &Connection, id: &TokenId) -> Result<Option<Token>, Error> {
    connection
        .prepare_cached("SELECT * FROM token WHERE id = ?1")?
        .query_and_then([id.as_str()], token)?
        .next()
        .transpose()
}

/// The oldest first: at most `limit`.
pub(super) fn list(connection: &Connection, limit: u32) -> Result<Vec<Token>, Error> {
    connection
        .prepare_cached("SELECT * FROM token ORDER BY body ->> '$.made_at', id LIMIT ?1")?
        .query_and_then([limit], token)?
        .collect()
}

fn token(row: &Row<'_>) -> Result<Token, Error> {
    let id: TokenId = row::parsed(row, "id")?;
    Ok(Token {
        grant: from_json(row::text(row, "body")?, || format!("the token {id}"))?,
        hash: row.get("hash")?,
        seal: Signature(row.get("seal")?),
        revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(Timestamp),
    })
}
