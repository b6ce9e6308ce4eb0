//! The store's schema: a list of migrations. A migration that was released is never changed; a new one is appended.

use rusqlite::{Connection, TransactionBehavior};

use super::{Result, StateError};

/// `application_id` of h2k's files (<https://www.sqlite.org/pragma.html#pragma_application_id>): `h2k\0`.
const APPLICATION: i64 = 0x6832_6b00;

/// Every migration; a file's `user_version` is how many of them it has seen.
static MIGRATIONS: &[&str] = &["
    CREATE TABLE runs (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        vm            TEXT NOT NULL,
        output        TEXT NOT NULL,
        sources       TEXT NOT NULL,
        job           TEXT NOT NULL,
        state         TEXT NOT NULL CHECK (state IN ('running', 'failed', 'interrupted', 'done')),
        pid           INTEGER NOT NULL,
        boot_id       TEXT NOT NULL,
        process_start INTEGER NOT NULL,
        h2k           TEXT NOT NULL,
        started       TEXT NOT NULL,
        ended         TEXT,
        error         TEXT
    ) STRICT;
    CREATE INDEX runs_by_job ON runs (job);
    CREATE TABLE stages (
        run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        place   INTEGER NOT NULL,
        stage   TEXT NOT NULL,
        state   TEXT NOT NULL CHECK (state IN ('running', 'failed', 'done')),
        started TEXT NOT NULL,
        ended   TEXT,
        output  TEXT,
        error   TEXT,
        PRIMARY KEY (run_id, stage)
    ) STRICT;
", "
    CREATE TABLE stage_log (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id  INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        stage   TEXT NOT NULL,
        event   TEXT NOT NULL CHECK (event IN ('started', 'done', 'failed')),
        at      TEXT NOT NULL
    ) STRICT;
    CREATE INDEX stage_log_by_run ON stage_log (run_id);
    CREATE TABLE batches (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        name          TEXT NOT NULL,
        path          TEXT NOT NULL,
        frame         TEXT NOT NULL,
        digest        TEXT NOT NULL,
        state         TEXT NOT NULL CHECK (state IN ('running', 'paused', 'failed', 'interrupted', 'replaced', 'done')),
        reason        TEXT,
        cancel        INTEGER NOT NULL DEFAULT 0,
        pid           INTEGER NOT NULL,
        boot_id       TEXT NOT NULL,
        process_start INTEGER NOT NULL,
        h2k           TEXT NOT NULL,
        started       TEXT NOT NULL,
        ended         TEXT
    ) STRICT;
    CREATE INDEX batches_by_path ON batches (path);
    CREATE TABLE batch_vms (
        batch_id INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
        place    INTEGER NOT NULL,
        name     TEXT NOT NULL,
        vm       TEXT NOT NULL,
        job      TEXT NOT NULL,
        state    TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped', 'cancelled')),
        tries    INTEGER NOT NULL DEFAULT 0,
        cancel   INTEGER NOT NULL DEFAULT 0,
        retry_at TEXT,
        progress TEXT,
        error    TEXT,
        started  TEXT,
        ended    TEXT,
        PRIMARY KEY (batch_id, place)
    ) STRICT;
    CREATE INDEX batch_vms_by_job ON batch_vms (job);
", "
    CREATE TABLE acts (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        act     TEXT NOT NULL CHECK (act IN ('refix', 'accept', 'undo')),
        name    TEXT NOT NULL,
        result  TEXT NOT NULL,
        started TEXT NOT NULL,
        ended   TEXT,
        error   TEXT
    ) STRICT;
"];

/// Brings the file to this h2k's schema.
///
/// # Errors
/// The file is damaged, another program's, or newer.
pub(super) fn prepare(connection: &mut Connection) -> Result<()> {
    check(connection)?;
    let known = number(MIGRATIONS.len());
    if version(connection)? < known || application(connection)? != APPLICATION {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another h2k may have migrated it since.
        let seen = usize::try_from(version(&transaction)?).unwrap_or(0);
        for migration in MIGRATIONS.iter().skip(seen) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()?;
    }
    // Only now: a foreign file is left as it was.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(())
}

/// Makes a file as an older h2k would, with the first `count` migrations.
#[cfg(test)]
pub(super) fn prepare_up_to(connection: &Connection, count: usize) -> Result<()> {
    for migration in MIGRATIONS.iter().take(count) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    Ok(connection.pragma_update(None, "user_version", number(count))?)
}

/// Refuses files that are not ours to change.
fn check(connection: &Connection) -> Result<()> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if tables > 0 && application(connection)? != APPLICATION {
        return Err(StateError::Foreign);
    }
    let (found, known) = (version(connection)?, number(MIGRATIONS.len()));
    if found > known {
        return Err(StateError::Newer { found, known });
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn application(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "application_id", |row| row.get(0))?)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
