//! The one thread that writes. Statements that wait are committed together, each behind a savepoint of
//! its own, so that one that fails does not take its neighbours with it.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use rusqlite::Connection;

use super::{Reply, Step, failure::from_sqlite, run as run_statement};
use crate::{
    StoreError,
    db::{Answer, Statement},
};

/// Statements per commit. More would only make the first wait for the last.
const GROUP: usize = 512;
/// How long an open transaction may stand still before it is rolled back: all other writers wait for it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) enum Job {
    Statement(Statement, Reply<Answer>),
    Begin(Receiver<Step>, Reply<()>),
    Close,
}

/// Works until the last sender is gone or somebody closes.
pub(super) fn run(connection: &Connection, jobs: &Receiver<Job>) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        match job {
            Job::Close => return,
            Job::Begin(steps, started) => transaction(connection, &steps, started),
            Job::Statement(statement, reply) => {
                let mut group = vec![(statement, reply)];
                while group.len() < GROUP {
                    match jobs.try_recv() {
                        Ok(Job::Statement(statement, reply)) => group.push((statement, reply)),
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                commit_together(connection, group);
            }
        }
        if next.is_none() {
            next = jobs.recv().ok();
        }
    }
}

fn commit_together(connection: &Connection, group: Vec<(Statement, Reply<Answer>)>) {
    let mut outcomes = Vec::with_capacity(group.len());
    let committed = sql(connection, "BEGIN IMMEDIATE").and_then(|()| {
        for (statement, _) in &group {
            outcomes.push(behind_savepoint(connection, statement)?);
        }
        sql(connection, "COMMIT")
    });
    if committed.is_err() {
        roll_back(connection);
    }
    for (index, (_, reply)) in group.into_iter().enumerate() {
        let outcome = match &committed {
            Ok(()) => std::mem::replace(&mut outcomes[index], Err(StoreError::Internal)),
            Err(error) => Err(error.clone()),
        };
        drop(reply.send(outcome));
    }
}

/// The inner result is the statement's own; the outer fails when the whole transaction is lost, as a
/// full disk or a failing one makes SQLite do by itself.
fn behind_savepoint(
    connection: &Connection,
    statement: &Statement,
) -> Result<Result<Answer, StoreError>, StoreError> {
    sql(connection, "SAVEPOINT one")?;
    let outcome = run_statement(connection, statement);
    match outcome {
        Err(error) if connection.is_autocommit() => return Err(error),
        Err(_) => sql(connection, "ROLLBACK TO one")?,
        Ok(_) => {}
    }
    sql(connection, "RELEASE one")?;
    Ok(outcome)
}

/// An interactive transaction: ends with a commit, or with the sender's death and a roll-back.
fn transaction(connection: &Connection, steps: &Receiver<Step>, started: Reply<()>) {
    let begun = sql(connection, "BEGIN IMMEDIATE");
    let has_begun = begun.is_ok();
    if started.send(begun).is_err() || !has_begun {
        return roll_back(connection);
    }
    loop {
        match steps.recv_timeout(PATIENCE) {
            Ok(Step::Statement(statement, reply)) => {
                drop(reply.send(run_statement(connection, &statement)));
            }
            Ok(Step::Script(script, reply)) => {
                drop(reply.send(connection.execute_batch(script).map_err(|error| from_sqlite(&error))));
            }
            Ok(Step::Commit(reply)) => {
                let outcome = sql(connection, "COMMIT");
                roll_back(connection);
                drop(reply.send(outcome));
                return;
            }
            Err(end) => {
                if end == RecvTimeoutError::Timeout {
                    tracing::error!("A transaction stood still for 30 seconds and was rolled back.");
                }
                return roll_back(connection);
            }
        }
    }
}

/// Does nothing when no transaction is open. A roll-back fails only together with the whole database;
/// the next statement then says so.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        drop(sql(connection, "ROLLBACK"));
    }
}

fn sql(connection: &Connection, sql: &'static str) -> Result<(), StoreError> {
    let mut prepared = connection.prepare_cached(sql).map_err(|error| from_sqlite(&error))?;
    prepared.execute([]).map(drop).map_err(|error| from_sqlite(&error))
}
