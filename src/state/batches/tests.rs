use std::path::PathBuf;

use h2k_config::batch::{Concurrency, Wave};
use tempfile::TempDir;

use super::super::{NewRun, RunState};
use super::*;

fn batch(sources: &[&str]) -> Batch {
    let vm = |source: &&str| BatchVm {
        job: Job {
            sources: vec![PathBuf::from(source)],
            output: Some(PathBuf::from("/srv/vms")),
            boot: true,
            copy: CopySettings { threads: 3, ..CopySettings::default() },
            ..Job::default()
        },
        wave: 0,
        priority: 0,
        not_before: None,
        deadline: None,
        hooks: Vec::new(),
    };
    let wave =
        Wave { name: String::new(), after: Vec::new(), go_on: false, not_before: None, deadline: None };
    Batch {
        name: "night".to_owned(),
        path: PathBuf::from("/etc/night.yaml"),
        vms: sources.iter().map(vm).collect(),
        waves: vec![wave],
        concurrency: Concurrency::default(),
        hooks: Vec::new(),
    }
}

fn new() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("h2k.db")).unwrap();
    (dir, store)
}

/// As if the process that works on the batch were gone.
fn kill(store: &Store) {
    store.connection().execute("UPDATE batches SET process_start = process_start - 1", ()).unwrap();
}

fn states(store: &Store, id: BatchId) -> Vec<VmState> {
    store.batch_vms(id).unwrap().iter().map(|v| v.state).collect()
}

#[test]
fn a_killed_batch_is_taken_up_where_it_was() {
    let (_dir, store) = new();
    let wanted = batch(&["/a.vmx", "/b.vmx", "/c.vmx"]);
    let id = store.begin_batch(&wanted).unwrap();
    assert_eq!(store.batch(id).unwrap(), wanted, "with its VMs, their jobs, and how they are copied");
    let mut vms = store.batch_vms(id).unwrap();
    vms[0].state = VmState::Done;
    vms[0].name = "web".to_owned();
    vms[1].state = VmState::Running;
    vms[1].tries = 2;
    vms[1].started = Some(Timestamp::UNIX_EPOCH);
    for vm in &vms {
        store.note_vm(id, vm).unwrap();
    }
    assert_eq!(store.batch_vms(id).unwrap(), vms);
    kill(&store);
    assert!(store.batch_record(id).unwrap().killed());

    assert_eq!(store.begin_batch(&wanted).unwrap(), id);
    assert_eq!(states(&store, id), [VmState::Done, VmState::Waiting, VmState::Waiting]);
    let record = store.batch_record(id).unwrap();
    assert!(record.alive && record.state == BatchState::Running);
}

#[test]
fn a_changed_file_makes_another_batch_and_the_old_one_is_not_gone_on_with() {
    let (_dir, store) = new();
    let old = store.begin_batch(&batch(&["/a.vmx"])).unwrap();
    store.finish_batch(old, BatchState::Failed, None).unwrap();
    let new = store.begin_batch(&batch(&["/a.vmx", "/b.vmx"])).unwrap();
    assert_ne!(old, new);
    assert_eq!(store.batch_record(old).unwrap().state, BatchState::Replaced);
    store.finish_batch(new, BatchState::Done, None).unwrap();
    assert_ne!(
        store.begin_batch(&batch(&["/a.vmx", "/b.vmx"])).unwrap(),
        new,
        "what is done is not begun again"
    );
}

#[test]
fn a_batch_whose_process_lives_is_not_taken_from_it() {
    let (_dir, store) = new();
    let wanted = batch(&["/a.vmx"]);
    let id = store.begin_batch(&wanted).unwrap();
    let mut child = crate::exec::Exec::new("sleep").arg("60").spawn().unwrap();
    let pid = child.id();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start: i64 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
    let sql = "UPDATE batches SET pid = ?1, process_start = ?2";
    store.connection().execute(sql, params![pid, start]).unwrap();
    assert!(matches!(store.adopt_batch(id), Err(StateError::Owned { pid: p }) if p == pid));
    assert!(matches!(store.begin_batch(&wanted), Err(StateError::Owned { .. })));
    let other = batch(&["/b.vmx"]);
    assert!(matches!(store.begin_batch(&other), Err(StateError::Owned { .. })), "the file's other content");
    child.kill().unwrap();
    store.adopt_batch(id).unwrap();
}

#[test]
fn what_the_user_wants_to_stop_is_told_to_whoever_works_on_it() {
    let (_dir, store) = new();
    let id = store.begin_batch(&batch(&["/a.vmx", "/b.vmx"])).unwrap();
    assert_eq!(store.cancelled(id).unwrap(), (false, vec![]));
    store.cancel_batch(id, Some(1)).unwrap();
    assert_eq!(store.cancelled(id).unwrap(), (false, vec![1]));
    store.cancel_batch(id, None).unwrap();
    assert_eq!(store.cancelled(id).unwrap(), (true, vec![1]));
    kill(&store);
    store.adopt_batch(id).unwrap();
    assert_eq!(store.cancelled(id).unwrap(), (false, vec![]), "whoever goes on wants it all");
}

#[test]
fn a_vm_finds_the_run_of_its_job() {
    let (_dir, store) = new();
    let wanted = batch(&["/a.vmx", "/b.vmx"]);
    store.begin_batch(&wanted).unwrap();
    let job = &wanted.vms[0].job;
    assert_eq!(store.finished(job).unwrap(), None);
    let run = store.begin_run(&NewRun::of(job).unwrap()).unwrap();
    store.name_run(run, "web").unwrap();
    assert_eq!(store.finished(job).unwrap(), None, "it runs");
    store.finish_run(run, RunState::Done, Some("it did not boot")).unwrap();
    assert_eq!(store.finished(job).unwrap(), None, "done, and no success");
    store.finish_run(run, RunState::Done, None).unwrap();
    assert_eq!(store.finished(job).unwrap().as_deref(), Some("web"));
    let open = store.jobs_of_open_batches().unwrap();
    assert_eq!(open.len(), 2);
    assert!(open.contains(&Job { copy: CopySettings::default(), ..job.clone() }));
}

#[test]
fn what_is_not_there_is_said_so() {
    let (_dir, store) = new();
    assert!(matches!(store.batch(BatchId(9)), Err(StateError::NoBatch(_))));
    assert!(matches!(store.adopt_batch(BatchId(9)), Err(StateError::NoBatch(_))));
    let id = store.begin_batch(&batch(&["/a.vmx"])).unwrap();
    store.forget_batch(id).unwrap();
    assert!(store.list_batches().unwrap().is_empty() && store.batch_vms(id).unwrap().is_empty());
}
