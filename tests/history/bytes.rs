//! Every byte of every row: whichever is changed, it is found.

use deployment_orchestrator::store::ChainError;
use rusqlite::types::Value;

use super::histories::{delivered, eventful, intruder};
use super::place::Place;
use super::support::id;

/// Every way to change one byte of a value; of nothing, to make something of it.
fn changed(value: &Value, declared: &str) -> Vec<Value> {
    match value {
        Value::Integer(number) => (0..8).map(|byte| Value::Integer(number ^ (1 << (8 * byte)))).collect(),
        Value::Text(text) => (0..text.len())
            .map(|byte| {
                let mut bytes = text.clone().into_bytes();
                bytes[byte] ^= 1;
                Value::Text(String::from_utf8(bytes).unwrap())
            })
            .collect(),
        Value::Blob(bytes) => (0..bytes.len())
            .map(|byte| {
                let mut bytes = bytes.clone();
                bytes[byte] ^= 1;
                Value::Blob(bytes)
            })
            .collect(),
        Value::Null if declared == "INTEGER" => vec![Value::Integer(1)],
        Value::Null => vec![Value::Text("x".to_owned())],
        Value::Real(_) => panic!("we store none"),
    }
}

/// Change every byte of every column of a table, one at a time, and put it back.
fn change_every_byte(place: &Place, table: &str, key: &str, mut look: impl FnMut(i64, &str, &Value)) -> u32 {
    let raw = intruder(place);
    let columns: Vec<(String, String)> = raw
        .prepare(&format!("SELECT name, type FROM pragma_table_info('{table}') WHERE name <> 'due_at'"))
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let rows: Vec<i64> = raw
        .prepare(&format!("SELECT rowid FROM {table}"))
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut changes = 0;
    for (column, declared) in &columns {
        for row in &rows {
            let query = format!("SELECT {column} FROM {table} WHERE rowid = ?1");
            let kept: Value = raw.query_row(&query, [row], |row| row.get(0)).unwrap();
            let mut update =
                raw.prepare_cached(&format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1")).unwrap();
            for value in changed(&kept, declared) {
                // Another row may have this key already; then SQLite does not let it happen.
                if update.execute((row, &value)).is_err() {
                    continue;
                }
                changes += 1;
                look(*row, column, &value);
                let now = match &value {
                    Value::Integer(moved) if column == key => *moved,
                    _ => *row,
                };
                update.execute((now, &kept)).unwrap();
            }
        }
    }
    changes
}

#[test]
fn whichever_byte_is_changed_it_is_found() {
    let (place, store) = eventful();
    let whole = store.verify_chain().unwrap();
    let changes =
        change_every_byte(&place, "event", "position", |row, column, value| match store.verify_chain() {
            Err(ChainError::Broken { position, .. }) => {
                assert_eq!(position as i64, row, "{column} {value:?}")
            }
            other => panic!("{column} of {row} as {value:?}: {other:?}"),
        });
    assert!(changes > 10_000, "{changes}");
    assert_eq!(store.verify_chain().unwrap(), whole);
}

#[test]
fn whichever_byte_of_a_deployment_is_changed_it_is_found() {
    for (table, key) in [("deployment", "number"), ("spec", "deployment")] {
        let (place, store) = eventful();
        let whole = store.verify_chain().unwrap();
        let changes = change_every_byte(&place, table, key, |row, column, value| {
            let found = store.verify_chain();
            assert!(
                matches!(found, Err(ChainError::Broken { .. })),
                "{column} of {row} as {value:?}: {found:?}"
            );
        });
        assert!(changes > 1_000, "{changes}");
        assert_eq!(store.verify_chain().unwrap(), whole);
    }
}

#[test]
fn whichever_byte_of_a_version_to_roll_back_to_is_changed_it_is_found() {
    let (place, store) = delivered();
    store.verify_chain().unwrap();
    let changes = change_every_byte(&place, "environment_version", "number", |row, column, value| {
        let found = store.verify_chain();
        assert!(matches!(found, Err(ChainError::Broken { .. })), "{column} of {row} as {value:?}: {found:?}");
        let alone = [1, 2].map(|number| store.intact(&id(number)));
        // Where a version stands among those of others is not its deployment's to tell.
        assert!(column == "number" || alone.iter().any(Result::is_err), "{column} of {row} as {value:?}");
    });
    assert!(changes > 1_000, "{changes}");
    (1..=2).for_each(|number| store.intact(&id(number)).unwrap());
}
