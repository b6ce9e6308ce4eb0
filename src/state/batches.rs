//! Batches in the store: the frame (everything but the VMs), and a row per VM.

use h2k_config::CopySettings;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::owner::Process;
use super::runs::{VERSION, current, now};
use super::{Result, StateError, Store};
use crate::batch::{Batch, BatchVm};
use crate::job::Job;
use crate::stage::Stage;

/// A batch's number in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub(super) i64);

impl std::fmt::Display for BatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// A process works on it, or was killed while it did.
    Running,
    /// A fault that would hit every VM stopped it; it goes on when that is mended.
    Paused,
    /// It came to its end, and some of its VMs failed.
    Failed,
    /// The user stopped it.
    Interrupted,
    /// Its file was changed and given again: another batch stands for it.
    Replaced,
    /// All its VMs are done.
    Done,
}

impl BatchState {
    const ALL: [BatchState; 6] = [
        BatchState::Running,
        BatchState::Paused,
        BatchState::Failed,
        BatchState::Interrupted,
        BatchState::Replaced,
        BatchState::Done,
    ];

    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            BatchState::Running => "running",
            BatchState::Paused => "paused",
            BatchState::Failed => "failed",
            BatchState::Interrupted => "interrupted",
            BatchState::Replaced => "replaced",
            BatchState::Done => "done",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// How a VM of a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VmState {
    /// Its turn has not come, or comes again.
    Waiting,
    /// A process works on it, or was killed while it did.
    Running,
    /// It is migrated.
    Done,
    /// It failed.
    Failed,
    /// It was not started: its time had passed, or a wave before it failed.
    Skipped,
    /// The user cancelled it.
    Cancelled,
}

impl VmState {
    /// All states.
    pub const ALL: [VmState; 6] = [
        VmState::Waiting,
        VmState::Running,
        VmState::Done,
        VmState::Failed,
        VmState::Skipped,
        VmState::Cancelled,
    ];

    /// Name as users read it.
    pub fn name(self) -> &'static str {
        match self {
            VmState::Waiting => "waiting",
            VmState::Running => "running",
            VmState::Done => "done",
            VmState::Failed => "failed",
            VmState::Skipped => "skipped",
            VmState::Cancelled => "cancelled",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Whether nothing more will come of it.
    pub fn ended(self) -> bool {
        !matches!(self, VmState::Waiting | VmState::Running)
    }
}

/// A batch that the store remembers, without its VMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchRecord {
    /// Its number.
    pub id: BatchId,
    /// Name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// How it stands, as it was noted last: see [`BatchRecord::killed`].
    pub state: BatchState,
    /// Why it is paused.
    pub reason: Option<String>,
    /// Whether the process that was noted with it still lives.
    pub alive: bool,
    /// The process that works or worked on it.
    #[serde(skip)]
    pub owner: Process,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl BatchRecord {
    /// Whether it is marked as running while its process is gone.
    pub fn killed(&self) -> bool {
        self.state == BatchState::Running && !self.alive
    }

    /// Whether there is something to go on with, and nobody does.
    pub fn resumable(&self) -> bool {
        match self.state {
            BatchState::Running => self.killed(),
            BatchState::Paused | BatchState::Failed | BatchState::Interrupted => true,
            BatchState::Replaced | BatchState::Done => false,
        }
    }
}

/// A VM of a batch as the store remembers it, without its job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VmRecord {
    /// Its place in the batch, from 0.
    pub place: usize,
    /// Name, as far as it is known.
    pub name: String,
    /// How it stands.
    pub state: VmState,
    /// Tries that it has had.
    pub tries: u32,
    /// Whether the user wants it to stop.
    pub cancel: bool,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// What its worker told last: stage and percentage.
    pub progress: Option<String>,
    /// Why it failed, or was skipped, as one line.
    pub error: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

const BATCH: &str = "id, name, path, state, reason, pid, boot_id, process_start, started, ended";
const VM: &str = "place, name, state, tries, cancel, retry_at, progress, error, started, ended";

impl Store {
    /// Notes a batch of this process. An unfinished batch of the same file and content, by this version of h2k, is
    /// taken up again: its VMs that did not end well wait anew. Unfinished ones of another content are replaced.
    ///
    /// # Errors
    /// [`StateError::Owned`] if another process works on a batch of this file.
    pub fn begin_batch(&self, batch: &Batch) -> Result<BatchId> {
        let owner = current()?;
        let path = batch.path.to_string_lossy();
        let (frame, vms, digest) = texts(batch)?;
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut again = None;
        for old in unfinished(&transaction, &path)? {
            let record = load(&transaction, old.0)?;
            if record.state == BatchState::Running && record.alive && record.owner != owner {
                return Err(StateError::Owned { pid: record.owner.pid });
            }
            if again.is_none() && old.1 == digest && old.2 == VERSION {
                again = Some(old.0);
            } else {
                transaction.execute("UPDATE batches SET state = 'replaced' WHERE id = ?1", [old.0.0])?;
            }
        }
        let id = match again {
            Some(id) => id,
            None => insert(&transaction, batch, (&path, &frame, &digest), &vms, &owner)?,
        };
        take(&transaction, id, &owner)?;
        transaction.commit()?;
        Ok(id)
    }

    /// Makes this process the owner of a batch that another left.
    ///
    /// # Errors
    /// [`StateError::Owned`] if the other still lives.
    pub fn adopt_batch(&self, id: BatchId) -> Result<()> {
        let owner = current()?;
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let old = load(&transaction, id)?;
        if old.state == BatchState::Running && old.owner != owner && old.alive {
            return Err(StateError::Owned { pid: old.owner.pid });
        }
        take(&transaction, id, &owner)?;
        Ok(transaction.commit()?)
    }

    /// The batch itself, with its VMs in their order.
    ///
    /// # Errors
    /// As the store reports; [`StateError::NoBatch`].
    pub fn batch(&self, id: BatchId) -> Result<Batch> {
        let connection = self.connection();
        let frame: String = connection
            .query_row("SELECT frame FROM batches WHERE id = ?1", [id.0], |row| row.get(0))
            .optional()?
            .ok_or(StateError::NoBatch(id))?;
        let mut batch: Batch = parsed(&frame)?;
        let mut statement =
            connection.prepare("SELECT vm, job FROM batch_vms WHERE batch_id = ?1 ORDER BY place")?;
        let rows =
            statement.query_map([id.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        for row in rows {
            let (vm, job) = row?;
            let (mut vm, copy): (BatchVm, CopySettings) = parsed(&vm)?;
            vm.job = Job { copy, ..parsed(&job)? };
            batch.vms.push(vm);
        }
        Ok(batch)
    }

    /// Every batch, the last first.
    ///
    /// # Errors
    /// As the store reports.
    pub fn list_batches(&self) -> Result<Vec<BatchRecord>> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("SELECT {BATCH} FROM batches ORDER BY id DESC"))?;
        let rows = statement.query_map((), |row| Ok(read_batch(row)))?;
        rows.map(|row| row?).collect()
    }

    /// One batch.
    ///
    /// # Errors
    /// As the store reports; [`StateError::NoBatch`].
    pub fn batch_record(&self, id: BatchId) -> Result<BatchRecord> {
        load(&self.connection(), id)
    }

    /// The VMs of a batch in their order.
    ///
    /// # Errors
    /// As the store reports.
    pub fn batch_vms(&self, id: BatchId) -> Result<Vec<VmRecord>> {
        let connection = self.connection();
        let sql = format!("SELECT {VM} FROM batch_vms WHERE batch_id = ?1 ORDER BY place");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([id.0], |row| Ok(read_vm(row)))?;
        rows.map(|row| row?).collect()
    }

    /// Notes how a VM stands now: every field but its place and whether the user wants it to stop.
    ///
    /// # Errors
    /// As the store reports.
    pub fn note_vm(&self, id: BatchId, vm: &VmRecord) -> Result<()> {
        self.connection().execute(
            "UPDATE batch_vms SET name = ?3, state = ?4, tries = ?5, retry_at = ?6, progress = ?7, error = ?8,
                    started = ?9, ended = ?10 WHERE batch_id = ?1 AND place = ?2",
            params![
                id.0,
                vm.place,
                vm.name,
                vm.state.name(),
                vm.tries,
                vm.retry_at.map(|t| t.to_string()),
                vm.progress,
                vm.error,
                vm.started.map(|t| t.to_string()),
                vm.ended.map(|t| t.to_string()),
            ],
        )?;
        Ok(())
    }

    /// Notes how far running VMs are.
    ///
    /// # Errors
    /// As the store reports.
    pub fn note_progress(&self, id: BatchId, progress: &[(usize, String)]) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (place, text) in progress {
            transaction.execute(
                "UPDATE batch_vms SET progress = ?3 WHERE batch_id = ?1 AND place = ?2",
                params![id.0, place, text],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Notes how a batch ended, or that it is paused.
    ///
    /// # Errors
    /// As the store reports.
    pub fn finish_batch(&self, id: BatchId, state: BatchState, reason: Option<&str>) -> Result<()> {
        self.connection().execute(
            "UPDATE batches SET state = ?2, reason = ?3, ended = ?4 WHERE id = ?1",
            params![id.0, state.name(), reason, now()],
        )?;
        Ok(())
    }

    /// Asks whoever works on a batch to stop one of its VMs, or all of it. A VM whose turn has not come is cancelled
    /// at once where nobody works on the batch.
    ///
    /// # Errors
    /// As the store reports.
    pub fn cancel_batch(&self, id: BatchId, place: Option<usize>) -> Result<()> {
        let connection = self.connection();
        match place {
            None => connection.execute("UPDATE batches SET cancel = 1 WHERE id = ?1", [id.0])?,
            Some(place) => connection.execute(
                "UPDATE batch_vms SET cancel = 1 WHERE batch_id = ?1 AND place = ?2",
                params![id.0, place],
            )?,
        };
        Ok(())
    }

    /// Forgets a batch; the runs of its VMs stay.
    ///
    /// # Errors
    /// As the store reports.
    pub fn forget_batch(&self, id: BatchId) -> Result<()> {
        self.connection().execute("DELETE FROM batches WHERE id = ?1", [id.0])?;
        Ok(())
    }

    /// Jobs of the VMs of batches that are not at their end: their runs are the batches' to go on with.
    ///
    /// # Errors
    /// As the store reports.
    pub fn jobs_of_open_batches(&self) -> Result<Vec<Job>> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT DISTINCT job FROM batch_vms JOIN batches ON id = batch_id
             WHERE batches.state NOT IN ('done', 'replaced') AND batch_vms.state <> 'done'",
        )?;
        let rows = statement.query_map((), |row| row.get::<_, String>(0))?;
        rows.map(|row| parsed(&row?)).collect()
    }

    /// What the user wants to stop: the whole batch, and places of VMs that have not ended.
    ///
    /// # Errors
    /// As the store reports.
    pub fn cancelled(&self, id: BatchId) -> Result<(bool, Vec<usize>)> {
        let connection = self.connection();
        let whole: bool =
            connection.query_row("SELECT cancel FROM batches WHERE id = ?1", [id.0], |row| row.get(0))?;
        let mut statement = connection.prepare_cached(
            "SELECT place FROM batch_vms WHERE batch_id = ?1 AND cancel = 1 AND state IN ('waiting', 'running')",
        )?;
        let places = statement.query_map([id.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok((whole, places))
    }
}

/// The batch without its VMs, the VMs with their jobs beside them, and a digest of it all. A job stands as a run of
/// it does ([`super::NewRun`]), so that a batch's VM finds its run.
type Texts = (String, Vec<(String, String)>, String);

fn texts(batch: &Batch) -> Result<Texts> {
    let frame = text(&Batch { vms: Vec::new(), ..batch.clone() })?;
    let mut hash = blake3::Hasher::new();
    hash.update(frame.as_bytes());
    let mut vms = Vec::with_capacity(batch.vms.len());
    for vm in &batch.vms {
        // How disks are copied is no part of a job.
        let (vm_text, job) = (text(&(vm, vm.job.copy))?, text(&vm.job)?);
        hash.update(vm_text.as_bytes()).update(job.as_bytes());
        vms.push((vm_text, job));
    }
    Ok((frame, vms, hash.finalize().to_hex().to_string()))
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StateError::Output { stage: Stage::Fetch, source })
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| StateError::Output { stage: Stage::Fetch, source })
}

/// Unfinished batches of a file, the last first: number, digest and version of h2k.
fn unfinished(connection: &Connection, path: &str) -> Result<Vec<(BatchId, String, String)>> {
    let mut statement = connection.prepare(
        "SELECT id, digest, h2k FROM batches WHERE path = ?1 AND state NOT IN ('done', 'replaced') ORDER BY id DESC",
    )?;
    let rows = statement.query_map([path], |row| Ok((BatchId(row.get(0)?), row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn insert(
    connection: &Connection,
    batch: &Batch,
    (path, frame, digest): (&str, &str, &str),
    vms: &[(String, String)],
    owner: &Process,
) -> Result<BatchId> {
    connection.execute(
        "INSERT INTO batches (name, path, frame, digest, state, pid, boot_id, process_start, h2k, started)
         VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, ?7, ?8, ?9)",
        params![batch.name, path, frame, digest, owner.pid, owner.boot, owner.start, VERSION, now()],
    )?;
    let id = BatchId(connection.last_insert_rowid());
    let mut statement = connection.prepare(
        "INSERT INTO batch_vms (batch_id, place, name, vm, job, state) VALUES (?1, ?2, ?3, ?4, ?5, 'waiting')",
    )?;
    for (place, (vm, (vm_text, job))) in batch.vms.iter().zip(vms).enumerate() {
        statement.execute(params![id.0, place, vm.job.provisional_name(), vm_text, job])?;
    }
    Ok(id)
}

/// This process works on the batch from now on. What a killed one left as running waits again, and so does what
/// failed, was skipped or was cancelled: the user asked to go on.
fn take(connection: &Connection, id: BatchId, owner: &Process) -> Result<()> {
    connection.execute(
        "UPDATE batches SET state = 'running', reason = NULL, cancel = 0, pid = ?2, boot_id = ?3,
                process_start = ?4, ended = NULL WHERE id = ?1",
        params![id.0, owner.pid, owner.boot, owner.start],
    )?;
    connection.execute(
        "UPDATE batch_vms SET state = 'waiting', tries = 0, cancel = 0, retry_at = NULL, progress = NULL,
                error = NULL, ended = NULL WHERE batch_id = ?1 AND state <> 'done'",
        [id.0],
    )?;
    Ok(())
}

fn load(connection: &Connection, id: BatchId) -> Result<BatchRecord> {
    let sql = format!("SELECT {BATCH} FROM batches WHERE id = ?1");
    connection
        .query_row(&sql, [id.0], |row| Ok(read_batch(row)))
        .optional()?
        .ok_or(StateError::NoBatch(id))?
}

fn read_batch(row: &Row<'_>) -> Result<BatchRecord> {
    let id = BatchId(row.get(0)?);
    let wrong = |what: &str| StateError::BatchRow { batch: id, what: what.to_owned() };
    let text = |column: usize| row.get::<_, String>(column);
    let owner = Process { pid: row.get(5)?, boot: text(6)?, start: row.get(7)? };
    Ok(BatchRecord {
        id,
        name: text(1)?,
        path: text(2)?,
        state: BatchState::parse(&text(3)?).ok_or_else(|| wrong("its state is unknown"))?,
        reason: row.get(4)?,
        alive: owner.alive(),
        owner,
        started: text(8)?.parse().map_err(|_| wrong("its start is no time"))?,
        ended: time(row.get(9)?).map_err(|()| wrong("its end is no time"))?,
    })
}

fn read_vm(row: &Row<'_>) -> Result<VmRecord> {
    let place: usize = row.get(0)?;
    let wrong = |what: &str| StateError::VmRow { place, what: what.to_owned() };
    Ok(VmRecord {
        place,
        name: row.get(1)?,
        state: VmState::parse(&row.get::<_, String>(2)?).ok_or_else(|| wrong("its state is unknown"))?,
        tries: row.get(3)?,
        cancel: row.get(4)?,
        retry_at: time(row.get(5)?).map_err(|()| wrong("its next try is no time"))?,
        progress: row.get(6)?,
        error: row.get(7)?,
        started: time(row.get(8)?).map_err(|()| wrong("its start is no time"))?,
        ended: time(row.get(9)?).map_err(|()| wrong("its end is no time"))?,
    })
}

fn time(text: Option<String>) -> std::result::Result<Option<Timestamp>, ()> {
    text.map(|t| t.parse().map_err(|_| ())).transpose()
}

#[cfg(test)]
mod tests;
