use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use h2k_config::Policy;
use tempfile::TempDir;

use super::*;
use crate::job::Job;
use crate::stage::Stage;

fn job(source: &str) -> Job {
    Job {
        sources: vec![PathBuf::from(source)],
        output: Some(PathBuf::from("/srv/vms")),
        boot: true,
        ..Job::default()
    }
}

fn begun(store: &Store, source: &str) -> RunId {
    store.begin_run(&NewRun::of(&job(source)).unwrap()).unwrap()
}

fn new() -> (TempDir, PathBuf, Store) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/h2k/h2k.db");
    let store = Store::open(&path).unwrap();
    (dir, path, store)
}

#[test]
fn a_run_from_its_begin_to_its_end() {
    let (_dir, _, store) = new();
    let run = begun(&store, "/vms/web01.vmx");
    store.name_run(run, "web").unwrap();
    store.stage_started(run, Stage::Fetch).unwrap();
    assert_eq!(store.stage_output::<u32>(run, Stage::Fetch).unwrap(), None, "it only began");
    store.stage_done(run, Stage::Fetch, &7_u32).unwrap();
    store.stage_started(run, Stage::Flatten).unwrap();
    assert_eq!(store.stage_output::<u32>(run, Stage::Fetch).unwrap(), Some(7));
    store.stage_failed(run, Stage::Flatten, "a chain is broken").unwrap();
    assert_eq!(store.stage_output::<u32>(run, Stage::Flatten).unwrap(), None);
    assert!(store.reached(run, Stage::Flatten).unwrap() && !store.reached(run, Stage::Fix).unwrap());

    store.finish_run(run, RunState::Failed, Some("flatten: a chain is broken")).unwrap();
    let seen = store.run(run).unwrap();
    assert_eq!((seen.name.as_str(), seen.state), ("web", RunState::Failed));
    assert_eq!(seen.stage, Some((Stage::Flatten, StageState::Failed)));
    assert_eq!(seen.error.as_deref(), Some("flatten: a chain is broken"));
    assert!(seen.ended >= Some(seen.started) && seen.resumable());
    assert_eq!(seen.job, job("/vms/web01.vmx"));

    store.finish_run(run, RunState::Done, None).unwrap();
    assert_eq!(store.stage_output::<u32>(run, Stage::Fetch).unwrap(), None, "no longer needed");
    assert!(store.reached(run, Stage::Flatten).unwrap());
    assert!(!store.run(run).unwrap().resumable());
}

#[test]
fn earlier_boots_are_told_but_not_those_that_were_none() {
    let (_dir, _, store) = new();
    let run = |boot, state, error, seconds: [u32; 2]| {
        let run = store.begin_run(&NewRun::of(&Job { boot, ..job("a.vmx") }).unwrap()).unwrap();
        for (stage, seconds) in [Stage::Inspect, Stage::Validate].into_iter().zip(seconds) {
            store.stage_started(run, stage).unwrap();
            store.stage_done(run, stage, &0_u32).unwrap();
            let sql = "UPDATE stages SET started = '2026-11-21T23:59:30Z',
                       ended = datetime('2026-11-21T23:59:30Z', ?3 || ' seconds')
                       WHERE run_id = ?1 AND stage = ?2";
            store.connection().execute(sql, rusqlite::params![run.0, stage.name(), seconds]).unwrap();
        }
        store.finish_run(run, state, error).unwrap();
    };
    assert!(store.past().unwrap().is_empty());
    run(true, RunState::Done, None, [20, 50]);
    run(false, RunState::Done, None, [20, 1]);
    run(true, RunState::Failed, Some("x"), [20, 300]);
    run(true, RunState::Done, Some("it did not boot"), [20, 300]);
    run(true, RunState::Done, None, [40, 90]);
    let past: Vec<f64> = store.past().unwrap().into_iter().map(f64::round).collect();
    assert_eq!(past, [90.0, 50.0]);
}

#[test]
fn a_killed_run_is_found_by_its_job_and_goes_on() {
    let (_dir, path, store) = new();
    let run = begun(&store, "a.vmx");
    store.stage_started(run, Stage::Fetch).unwrap();
    store.stage_done(run, Stage::Fetch, &"kept").unwrap();
    store.stage_started(run, Stage::Flatten).unwrap();
    // As killed: no finish, and its process is another.
    store.connection().execute("UPDATE runs SET process_start = process_start - 1", ()).unwrap();
    drop(store);

    let store = Store::open(&path).unwrap();
    let seen = store.run(run).unwrap();
    assert!(seen.killed() && seen.resumable());
    assert_eq!(seen.stage, Some((Stage::Flatten, StageState::Running)));
    assert_eq!(store.unfinished(&job("a.vmx")).unwrap(), Some(run));
    assert_eq!(store.unfinished(&job("b.vmx")).unwrap(), None);
    let other =
        Job { policy: Policy { skip_fixers: vec!["x".to_owned()], ..Policy::default() }, ..job("a.vmx") };
    assert_eq!(store.unfinished(&other).unwrap(), None, "another policy is another job");

    store.adopt(run).unwrap();
    assert!(!store.run(run).unwrap().killed());
    assert_eq!(store.stage_output::<String>(run, Stage::Fetch).unwrap().as_deref(), Some("kept"));
    store.forget_stages(run).unwrap();
    assert_eq!(store.stage_output::<String>(run, Stage::Fetch).unwrap(), None);
    store.finish_run(run, RunState::Done, None).unwrap();
    assert_eq!(store.unfinished(&job("a.vmx")).unwrap(), None);
}

#[test]
fn a_run_whose_process_lives_is_not_taken_from_it() {
    let (_dir, _, store) = new();
    let run = begun(&store, "a.vmx");
    let mut child = crate::exec::Exec::new("sleep").arg("60").spawn().unwrap();
    let pid = child.id();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start: i64 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
    let sql = "UPDATE runs SET pid = ?1, process_start = ?2";
    store.connection().execute(sql, rusqlite::params![pid, start]).unwrap();
    assert!(matches!(store.adopt(run), Err(StateError::Owned { pid: p }) if p == pid));
    assert!(!store.run(run).unwrap().resumable());
    child.kill().unwrap();
    assert!(store.run(run).unwrap().resumable(), "killed");
    store.adopt(run).unwrap();
}

/// A store outlives the h2k that wrote it: `h2k status` reads the jobs of earlier versions. A new field of a job or of
/// a policy needs a default.
#[test]
fn a_job_that_the_first_version_noted_is_still_read() {
    let (_dir, _, store) = new();
    let run = begun(&store, "a.vmx");
    let noted = r#"{"sources":["/a.vmx"],"output":"/srv/vms","name":null,"policy":{"disk-bus":"virtio-blk",
        "format":"qcow2","networks":{"*":{"network":"default"},"a":{"bridge":"br0"}},"skip-fixers":["x"]},
        "boot":true,"boot_timeout":null}"#;
    store.connection().execute("UPDATE runs SET job = ?1", [noted]).unwrap();
    assert_eq!(store.run(run).unwrap().job.policy.skip_fixers, ["x"]);
}

#[test]
fn another_version_of_h2k_does_not_go_on() {
    let (_dir, _, store) = new();
    begun(&store, "a.vmx");
    store.connection().execute("UPDATE runs SET h2k = '0.0.0'", ()).unwrap();
    assert_eq!(store.unfinished(&job("a.vmx")).unwrap(), None);
}

#[test]
fn an_output_of_another_shape_is_an_error_and_not_nothing() {
    let (_dir, _, store) = new();
    let run = begun(&store, "a.vmx");
    store.stage_started(run, Stage::Plan).unwrap();
    store.stage_done(run, Stage::Plan, &"text").unwrap();
    let error = store.stage_output::<u32>(run, Stage::Plan).unwrap_err();
    assert_eq!(error.to_string(), "the kept output of plan cannot be used");
}

#[test]
fn what_is_not_there_is_said_so() {
    let (_dir, _, store) = new();
    let none = RunId(99);
    assert!(matches!(store.run(none), Err(StateError::NoRun(_))));
    assert!(matches!(store.adopt(none), Err(StateError::NoRun(_))));
    assert!(matches!(store.finish_run(none, RunState::Done, None), Err(StateError::NoRun(_))));
    assert!(store.stage_started(none, Stage::Fetch).is_err(), "a stage of no run");
    assert!(store.list_runs().unwrap().is_empty());
}

#[test]
fn runs_are_listed_with_the_last_first() {
    let (_dir, _, store) = new();
    let (a, b) = (begun(&store, "a.vmx"), begun(&store, "b.vmx"));
    let ids: Vec<RunId> = store.list_runs().unwrap().iter().map(|run| run.id).collect();
    assert_eq!(ids, [b, a]);
}

#[test]
fn the_file_is_its_users_alone() {
    let (_dir, path, store) = new();
    begun(&store, "a.vmx");
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{}", file.path().display());
    }
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    drop(store);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn many_processes_may_make_and_use_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h2k.db");
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (path, done) = (&path, &done);
            // A connection each, as processes have.
            scope.spawn(move || {
                let store = Store::open(path).unwrap();
                for n in 0..10 {
                    let run = begun(&store, &format!("{thread}-{n}.vmx"));
                    store.stage_started(run, Stage::Fetch).unwrap();
                    store.stage_done(run, Stage::Fetch, &n).unwrap();
                    store.finish_run(run, RunState::Done, None).unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 40);
    assert_eq!(Store::open(&path).unwrap().list_runs().unwrap().len(), 40);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |name: &str, message: &str| {
        let path = dir.path().join(name);
        let before = fs::read(&path).unwrap();
        let failure = Store::open(&path).map(|_| ()).unwrap_err();
        assert!(failure.chain().contains(message), "{}", failure.chain());
        assert_eq!(failure.hints.len(), 1);
        assert_eq!(fs::read(&path).unwrap(), before);
    };
    fs::write(dir.path().join("text"), "this is no database, and long enough to be taken for one").unwrap();
    refuse("text", "the state file is damaged");

    let foreign = Connection::open(dir.path().join("foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE runs (x)").unwrap();
    drop(foreign);
    refuse("foreign", "another program's database");

    let path = dir.path().join("newer");
    drop(Store::open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    refuse("newer", "schema 99; this h2k knows schemas up to 3");
}

#[test]
fn a_file_cut_short_is_damaged() {
    let (_dir, path, store) = new();
    for n in 0..50 {
        let run = begun(&store, &format!("{n}.vmx"));
        store.stage_started(run, Stage::Plan).unwrap();
        store.stage_done(run, Stage::Plan, &"x".repeat(10_000)).unwrap();
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    let told = match Store::open(&path) {
        Err(failure) => failure.chain(),
        Ok(store) => store.list_runs().unwrap_err().to_string(),
    };
    assert!(told.contains("the state file is damaged"), "{told}");
}

#[test]
fn a_place_that_cannot_be_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let failure = Store::open(&dir.path().join("file/h2k.db")).map(|_| ()).unwrap_err();
    assert_eq!(failure.hints, ["name another file with --state FILE"]);
}

#[test]
fn a_file_of_the_first_version_is_brought_to_this_one_with_its_runs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h2k.db");
    let old = Connection::open(&path).unwrap();
    schema::prepare_up_to(&old, 1).unwrap();
    old.execute(
        "INSERT INTO runs (vm, output, sources, job, state, pid, boot_id, process_start, h2k, started)
         VALUES ('web', '/o', '[]', ?1, 'done', 1, '', 1, '0.1.0', '2026-01-01T00:00:00Z')",
        [serde_json::to_string(&job("/a.vmx")).unwrap()],
    )
    .unwrap();
    drop(old);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.list_runs().unwrap()[0].name, "web");
    assert!(store.list_batches().unwrap().is_empty());
}

#[test]
fn what_was_done_to_results_is_kept() {
    let (_dir, path, store) = new();
    let refix = store.begin_act(ActKind::Refix, "web01", "/out/web01").unwrap();
    store.end_act(refix, None).unwrap();
    let undo = store.begin_act(ActKind::Undo, "web01", "/out/web01").unwrap();
    store.end_act(undo, Some("the guest is not as it was left")).unwrap();
    store.begin_act(ActKind::Accept, "db01", "/out/db01").unwrap();
    drop(store);
    let acts = Store::open(&path).unwrap().list_acts().unwrap();
    let told: Vec<_> =
        acts.iter().map(|a| (a.act, a.name.as_str(), a.ended.is_some(), a.error.as_deref())).collect();
    assert_eq!(
        told,
        [
            (ActKind::Accept, "db01", false, None),
            (ActKind::Undo, "web01", true, Some("the guest is not as it was left")),
            (ActKind::Refix, "web01", true, None),
        ]
    );
}
