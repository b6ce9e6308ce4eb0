//! What was done to results after their runs: repairs made anew, results accepted, edits taken back.

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde::Serialize;

use super::runs::now;
use super::{Result, StateError, Store};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActKind {
    /// `h2k refix`.
    Refix,
    /// `h2k accept`.
    Accept,
    /// `h2k undo`.
    Undo,
}

impl ActKind {
    const ALL: [Self; 3] = [Self::Refix, Self::Accept, Self::Undo];

    /// Name of the command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refix => "refix",
            Self::Accept => "accept",
            Self::Undo => "undo",
        }
    }
}

/// Number of an act in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActId(i64);

/// Something that was done to a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Act {
    /// What.
    pub act: ActKind,
    /// Name of the result.
    pub name: String,
    /// Its directory.
    pub result: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None` where it was killed, or goes on.
    pub ended: Option<Timestamp>,
    /// Why it failed, as one line.
    pub error: Option<String>,
}

impl Store {
    /// Notes that something is being done to a result.
    ///
    /// # Errors
    /// As the store reports.
    pub fn begin_act(&self, act: ActKind, name: &str, result: &str) -> Result<ActId> {
        let connection = self.connection();
        connection.execute(
            "INSERT INTO acts (act, name, result, started) VALUES (?1, ?2, ?3, ?4)",
            params![act.name(), name, result, now()],
        )?;
        Ok(ActId(connection.last_insert_rowid()))
    }

    /// Notes how it ended.
    ///
    /// # Errors
    /// As the store reports.
    pub fn end_act(&self, id: ActId, error: Option<&str>) -> Result<()> {
        self.connection()
            .execute("UPDATE acts SET ended = ?2, error = ?3 WHERE id = ?1", params![id.0, now(), error])?;
        Ok(())
    }

    /// Everything that was done, the last first.
    ///
    /// # Errors
    /// As the store reports; a row that makes no sense.
    pub fn list_acts(&self) -> Result<Vec<Act>> {
        let connection = self.connection();
        let mut statement = connection
            .prepare("SELECT id, act, name, result, started, ended, error FROM acts ORDER BY id DESC")?;
        let rows = statement.query_map((), |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }
}

fn read(row: &Row<'_>) -> Result<Act> {
    let id: i64 = row.get(0)?;
    let wrong = |what: &'static str| StateError::ActRow { act: id, what };
    let act: String = row.get(1)?;
    let time = |text: String| text.parse::<Timestamp>().map_err(|_| wrong("its time is none"));
    Ok(Act {
        act: ActKind::ALL
            .into_iter()
            .find(|kind| kind.name() == act)
            .ok_or_else(|| wrong("what was done is unknown"))?,
        name: row.get(2)?,
        result: row.get(3)?,
        started: time(row.get(4)?)?,
        ended: row.get::<_, Option<String>>(5)?.map(time).transpose()?,
        error: row.get(6)?,
    })
}
