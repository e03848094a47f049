//! Bearer tokens. What they grant is sealed: nothing here decides whether one is
//! good. Who made and who revoked them stands in the history.

use rusqlite::{Connection, Row, params};

use super::error::Error;
use super::remark::{self, About, Remarked};
use super::row::{self, from_json, to_json};
use crate::domain::id::TokenId;
use crate::domain::principal::Actor;
use crate::domain::remark::Remark;
use crate::domain::signature::Signature;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// Keep a new one, and that `by` made it, in the open transaction.
pub(super) fn add(connection: &Connection, token: &Token, by: &Actor) -> Result<(), Error> {
    let made = Remark::TokenMade { grant: Box::new(token.grant.clone()) };
    note(connection, made, by, token.grant.made_at)?;
    connection
        .prepare_cached("INSERT INTO token (id, body, hash, seal) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![token.grant.id.as_str(), to_json(&token.grant), token.hash, token.seal.0])?;
    Ok(())
}

/// Revoke one, and keep that `by` did, in the open transaction; the first time
/// counts. Whether it is there.
pub(super) fn revoke(
    connection: &Connection,
    id: &TokenId,
    by: &Actor,
    at: Timestamp,
) -> Result<bool, Error> {
    let Some(token) = find(connection, id)? else { return Ok(false) };
    if token.revoked_at.is_none() {
        note(connection, Remark::TokenRevoked { grant: Box::new(token.grant) }, by, at)?;
        connection
            .prepare_cached("UPDATE token SET revoked_at = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), at.0])?;
    }
    Ok(true)
}

fn note(connection: &Connection, remark: Remark, by: &Actor, at: Timestamp) -> Result<(), Error> {
    let remarked = Remarked { about: About::None, remark, actor: by.clone(), at };
    remark::add(connection, &remarked).map(drop)
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
