//! SQLite (rpm's lib/backend/sqlite.c): the table `Packages` has a header in each row. The file is the guest's, so SQLite
//! is told not to trust it, and nothing but a table of just that form is read.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{MAX_HEADER, Visit, show};

/// How rpm makes the table, without blanks and quotes.
const TABLE: &str = "createtablepackages(hnumintegerprimarykeyautoincrement,blobblobnotnull)";

pub(super) fn each(file: &Path, visit: Visit<'_>) -> Result<(), String> {
    let failed = |e: rusqlite::Error| e.to_string();
    // It is a copy: what its log holds is written into it.
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(failed)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(failed)?;
    let table: String = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'Packages'", [], |row| {
            row.get(0)
        })
        .map_err(failed)?;
    let plain: String = table
        .chars()
        .filter(|c| !c.is_whitespace() && !"'\"`[]".contains(*c))
        .collect::<String>()
        .to_lowercase();
    if plain != TABLE {
        return Err(format!("its table of packages is another one than rpm's: {table:.200}"));
    }
    let mut statement =
        connection.prepare("SELECT iif(length(blob) <= ?1, blob, NULL) FROM Packages").map_err(failed)?;
    let mut rows = statement.query([MAX_HEADER]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let blob = row.get_ref(0).map_err(failed)?;
        show(blob.as_blob().map_err(|_| "a package's header is none, or too large".to_owned())?, visit)?;
    }
    Ok(())
}
