//! `h2k run-job`: one VM of a batch, in a process of its own. Not for people: its order comes on stdin, what it says
//! goes to stdout (see [`crate::batch::wire`]).

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use h2k_config::batch::HookTime;
use rustix::process::{Signal, getpid, kill_process};

use super::{Settled, migrate};
use crate::batch::hooks::{self, Given};
use crate::batch::wire::{Done, Order, Reply, Said, Told};
use crate::error::{Doing, Failure, FailureKind};
use crate::exec::check_cancelled;
use crate::job::Job;
use crate::keys;
use crate::run;
use crate::stage::Stage;
use crate::ui::wire::Wire;
use crate::warden::{Need, Warden};

/// Largest order in bytes: a job with every key that a file may hold has less than 1 MiB, a secret up to 8 in base64.
const MAX_ORDER: u64 = 16 << 20;

/// How often a worker that waits for its turn looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);

/// Runs the subcommand.
///
/// # Errors
/// What came on stdin is no order. What the migration comes to is said on stdout.
pub fn run(settled: &Settled) -> Result<(), Failure> {
    let mut input = BufReader::new(io::stdin());
    let order = order(&mut input)?;
    if let Some(secret) = order.secret().doing("reading the order's secret")? {
        keys::preset(secret);
    }
    let wire = Wire::default();
    let job = Job { copy: order.copy, ..order.job.clone() };
    let door = Door { wire: &wire, order: &order, replies: Mutex::new(replies(input)?) };
    let name = Mutex::new(job.provisional_name());
    let store = settled.store();
    let result = store.and_then(|store| run::migrate(&job, &store, &wire, &door)).map(|report| {
        (*name.lock().unwrap_or_else(PoisonError::into_inner)).clone_from(&report.name);
        Done { summary: migrate::summary(&report), dir: report.dir }
    });
    let name = name.into_inner().unwrap_or_else(PoisonError::into_inner);
    wire.say(&Said::Ended { name, result: result.map_err(|f| Told::of(&f)) });
    Ok(())
}

fn order(input: &mut impl BufRead) -> Result<Order, Failure> {
    let mut line = String::new();
    input.take(MAX_ORDER).read_line(&mut line).doing("reading the order")?;
    serde_json::from_str(&line).map_err(|e| {
        Failure::new(FailureKind::Usage, e)
            .context("reading the order on standard input")
            .hint("h2k run-job is started by h2k migrate -f; use that")
    })
}

/// The batch's replies as they come.
fn replies(input: BufReader<io::Stdin>) -> Result<Receiver<Reply>, Failure> {
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        for line in input.lines() {
            let Ok(reply) = line.and_then(|l| serde_json::from_str(&l).map_err(io::Error::from)) else {
                break;
            };
            if sender.send(reply).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().name("replies".to_owned()).spawn(read).doing("starting a thread")?;
    Ok(receiver)
}

/// Asks the batch before each stage, and runs the user's hooks around it.
struct Door<'a> {
    wire: &'a Wire,
    order: &'a Order,
    replies: Mutex<Receiver<Reply>>,
}

impl Door<'_> {
    fn hooks(&self, vm: &str, when: &HookTime) -> Result<(), Failure> {
        let job = &self.order.job;
        let result = job.result_dir(vm).ok().filter(|dir| dir.exists());
        let given = Given {
            version: hooks::VERSION,
            hook: "",
            when: String::new(),
            batch: &self.order.batch,
            vm: Some(vm),
            sources: job.sources.iter().map(AsRef::as_ref).collect(),
            result: result.as_deref(),
            state: None,
            error: None,
        };
        hooks::run(&self.order.hooks, when, &given, self.wire)
    }

    fn wait(&self) -> Result<(), Failure> {
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            check_cancelled()?;
            match replies.recv_timeout(POLL) {
                Ok(Reply::Go) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(die()),
            }
        }
    }
}

/// Ends this process as the batch ended. A batch that is killed closes its pipes a moment before the system kills its
/// workers; a worker that took that for an orderly stop would give up what it had finished.
fn die() -> Failure {
    let result = kill_process(getpid(), Signal::KILL);
    Failure::message(
        FailureKind::Interrupted,
        format!("the batch is gone, and this process stays: {result:?}"),
    )
}

impl Warden for Door<'_> {
    fn before(&self, vm: &str, stage: Stage, need: Need) -> Result<(), Failure> {
        self.wire.say(&Said::Want { stage, need });
        self.wait()?;
        self.hooks(vm, &HookTime::Before(stage.name().to_owned()))
    }

    fn after(&self, vm: &str, stage: Stage) -> Result<(), Failure> {
        self.hooks(vm, &HookTime::After(stage.name().to_owned()))
    }

    fn memory_limit(&self) -> Option<u64> {
        Some(self.order.memory_limit)
    }
}
