//! The money of one virtual key: what is spent, what is reserved, and who has to wait.
//!
//! All of it lives in memory behind one small lock per key, so asking costs no database call; the ledger
//! writes what is settled and reports back with [`Account::recorded`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::Money;
use tokio::{sync::Notify, time::Instant};

/// What one request may cost.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// The most it can cost: every prompt byte a token, every answer token that may come.
    pub most: Money,
    /// The least that makes it worth calling: the prompt and one token.
    pub least: Money,
}

/// The budget does not afford the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// What was spent.
    pub spent: Money,
    /// What may be spent.
    pub limit: Money,
    /// Whether only reservations of running requests stand in the way.
    pub is_momentary: bool,
}

/// The money of one virtual key.
#[derive(Debug)]
pub struct Account {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: Option<Money>,
    /// Spent, and in the database.
    recorded: Money,
    /// Spent, and on its way to the database.
    unrecorded: Money,
    reserved: Money,
}

enum Verdict {
    /// None: nobody limits it.
    Granted(Option<Money>),
    Wait,
    Refused(Exhausted),
}

impl Account {
    /// An account as the database knows it.
    pub fn new(limit: Option<Money>, spend: Money) -> Self {
        let state = State { limit, recorded: spend, unrecorded: Money::ZERO, reserved: Money::ZERO };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }

    /// Reserves what the request may cost. When only reservations of others stand in the way it waits
    /// for them up to `patience`; the last money left is given whole, and the caller caps the answer
    /// to what [`Reservation::amount`] affords.
    pub async fn reserve(self: &Arc<Self>, need: Need, patience: Duration) -> Result<Reservation, Exhausted> {
        let deadline = Instant::now() + patience;
        loop {
            let freed = self.freed.notified();
            let verdict = self.state().judge(need, Instant::now() >= deadline);
            match verdict {
                Verdict::Granted(amount) => return Ok(Reservation { account: Some(self.clone()), amount }),
                Verdict::Refused(exhausted) => return Err(exhausted),
                // Time over or money freed: judge again either way.
                Verdict::Wait => drop(tokio::time::timeout_at(deadline, freed).await),
            }
        }
    }

    /// What is spent and what is reserved at this moment.
    pub fn standing(&self) -> (Money, Money) {
        let state = self.state();
        (state.spent(), state.reserved)
    }

    /// The ledger wrote this much of what was settled.
    pub(crate) fn recorded(&self, amount: Money) {
        let mut state = self.state();
        state.unrecorded = state.unrecorded.less(amount);
        state.recorded += amount;
    }

    /// The database says so; called by the ledger, between two writes.
    pub(crate) fn reload(&self, limit: Option<Money>, spend: Money) {
        let mut state = self.state();
        state.limit = limit;
        state.recorded = spend;
        drop(state);
        self.freed.notify_waiters();
    }

    fn settle(&self, reserved: Money, spent: Money) {
        let mut state = self.state();
        state.reserved = state.reserved.less(reserved);
        state.unrecorded += spent;
        drop(state);
        self.freed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the four numbers half changed, so a poisoned lock is as good as new.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn spent(&self) -> Money {
        self.recorded + self.unrecorded
    }

    fn judge(&mut self, need: Need, is_last_call: bool) -> Verdict {
        let Some(limit) = self.limit else { return Verdict::Granted(None) };
        let spent = self.spent();
        let exhausted = |is_momentary| Verdict::Refused(Exhausted { spent, limit, is_momentary });
        if limit < spent + need.least {
            return exhausted(false);
        }
        let free = limit.less(spent).less(self.reserved);
        let amount = if need.most <= free {
            need.most
        } else if self.reserved > Money::ZERO && !is_last_call {
            return Verdict::Wait;
        } else if need.least <= free {
            free
        } else {
            return exhausted(true);
        };
        self.reserved += amount;
        Verdict::Granted(Some(amount))
    }
}

/// Money set aside for one request. Settle it with what was really spent; dropped, it comes back whole.
#[derive(Debug)]
pub struct Reservation {
    account: Option<Arc<Account>>,
    amount: Option<Money>,
}

impl Reservation {
    /// For requests that nobody's budget limits.
    pub const fn unlimited() -> Self {
        Self { account: None, amount: None }
    }

    /// What may be spent; none without a limit.
    pub const fn amount(&self) -> Option<Money> {
        self.amount
    }

    /// Ends the reservation with what was really spent.
    pub fn settle(mut self, spent: Money) {
        if let Some(account) = self.account.take() {
            account.settle(self.amount.unwrap_or_default(), spent);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(account) = self.account.take() {
            account.settle(self.amount.unwrap_or_default(), Money::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn cents(count: i64) -> Money {
        Money::from_nanos(count * 10_000_000)
    }

    fn account(limit: i64) -> Arc<Account> {
        Arc::new(Account::new(Some(cents(limit)), Money::ZERO))
    }

    const fn need(most: Money, least: Money) -> Need {
        Need { most, least }
    }

    #[tokio::test]
    async fn a_budget_with_room_for_ten_more_calls_lets_ten_of_two_hundred_through() {
        let account = account(10);
        let tries = (0..200).map(|_| {
            let account = account.clone();
            async move {
                let reservation = account.reserve(need(cents(4), cents(1)), PATIENCE).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
                reservation.settle(cents(1));
                Ok::<_, Exhausted>(())
            }
        });
        let passed = futures_util::future::join_all(tries).await.into_iter().flatten().count();
        assert_eq!(passed, 10);
        assert_eq!(account.standing(), (cents(10), Money::ZERO));
    }

    #[tokio::test]
    async fn an_abandoned_reservation_comes_back() {
        let account = account(1);
        drop(account.reserve(need(cents(1), cents(1)), PATIENCE).await.unwrap());
        assert_eq!(account.standing(), (Money::ZERO, Money::ZERO));
        assert!(account.reserve(need(cents(1), cents(1)), PATIENCE).await.is_ok());
    }

    #[tokio::test]
    async fn the_last_money_is_given_whole_so_that_the_answer_can_be_capped_to_it() {
        let account = account(3);
        let reservation = account.reserve(need(cents(100), cents(1)), PATIENCE).await.unwrap();
        assert_eq!(reservation.amount(), Some(cents(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_reservation_that_never_ends_is_told_that_it_is_momentary() {
        let account = account(3);
        let _held = account.reserve(need(cents(3), cents(1)), PATIENCE).await.unwrap();
        let refused = account.reserve(need(cents(3), cents(1)), PATIENCE).await.unwrap_err();
        assert!(refused.is_momentary);
    }

    #[tokio::test]
    async fn a_spent_budget_refuses_at_once_and_a_raised_one_admits_again() {
        let account = Arc::new(Account::new(Some(cents(1)), cents(1)));
        let refused = account.reserve(need(cents(1), cents(1)), PATIENCE).await.unwrap_err();
        assert_eq!(refused, Exhausted { spent: cents(1), limit: cents(1), is_momentary: false });
        account.reload(Some(cents(2)), cents(1));
        assert!(account.reserve(need(cents(1), cents(1)), PATIENCE).await.is_ok());
    }
}
