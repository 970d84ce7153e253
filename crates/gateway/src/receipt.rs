//! The last stop: what a request used and cost is settled exactly once, however it ends.
//!
//! A [`Receipt`] is opened when a request comes in and closed when its answer is over. Dropped before, it
//! closes itself as "disconnected": a client that goes away, a cancelled future and a panic all end there.

use kernel::{Kind, Money, Outcome, Refusal, TokenCount, UsageId, UsageRecord};
use llm::Estimate;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    Call, Inner, Payer,
    account::Reservation,
    ledger::{Ledger, Settlement},
    limit::Slot,
    parse::Ask,
    route::Plan,
};

/// What a request took, told to whoever asked for it with [`Call::on_close`].
#[derive(Debug, Clone)]
pub struct Closed {
    /// Tokens, reported or estimated.
    pub tokens: TokenCount,
    /// Whether the provider left the counting to us.
    pub is_estimated: bool,
    /// What it cost; none when the price is not known.
    pub cost: Option<Money>,
    /// How it ended.
    pub outcome: Outcome,
    /// From arrival to the last byte.
    pub milliseconds: u64,
    /// From arrival to the provider's first byte.
    pub first_byte_milliseconds: Option<u64>,
    /// The connection's name.
    pub connection: Option<String>,
    /// Whether it ended because whoever asked may not go on.
    pub is_cut: bool,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) tokens: TokenCount,
    pub(crate) is_estimated: bool,
}

/// An open account of one request.
#[derive(Debug)]
pub(crate) struct Receipt {
    ledger: Ledger,
    started: Instant,
    /// Taken when the receipt is closed.
    open: Option<Box<Open>>,
}

#[derive(Debug)]
struct Open {
    record: UsageRecord,
    actor: String,
    payer: Payer,
    plan: Option<Plan>,
    likely_prompt: u64,
    slot: Option<Slot>,
    reservation: Reservation,
    on_close: Option<oneshot::Sender<Closed>>,
    counted: Counted,
    is_cut: bool,
}

impl Receipt {
    pub(crate) fn open(inner: &Inner, call: &mut Call) -> Self {
        let record = UsageRecord {
            id: UsageId::of(&call.id),
            request: call.id.clone(),
            at: call.at,
            endpoint: call.endpoint,
            model: String::new(),
            connection: None,
            key: match &call.payer {
                Payer::Key(held) => Some(held.key.id.clone()),
                Payer::Caller(_) => None,
            },
            user: call.payer.user(),
            api_key: call.payer.api_key(),
            outcome: Outcome::Refused,
            status: 0,
            tokens: TokenCount::default(),
            is_estimated: false,
            cost: None,
            milliseconds: 0,
            first_byte_milliseconds: None,
            is_stream: false,
            error: None,
        };
        let open = Open {
            record,
            actor: call.payer.label(),
            payer: call.payer.clone(),
            plan: None,
            likely_prompt: 0,
            slot: None,
            reservation: Reservation::unlimited(),
            on_close: call.on_close.take(),
            counted: Counted::default(),
            is_cut: false,
        };
        Self { ledger: inner.ledger.clone(), started: call.started, open: Some(Box::new(open)) }
    }

    /// What is asked is known.
    pub(crate) fn asked(&mut self, ask: &Ask<'_>) {
        if let Some(open) = &mut self.open {
            ask.model.as_str().clone_into(&mut open.record.model);
            open.record.is_stream = ask.envelope.is_stream;
        }
    }

    /// Who serves it, and about what it will take, is known.
    pub(crate) fn planned(&mut self, plan: &Plan, estimate: &Estimate) {
        if let Some(open) = &mut self.open {
            open.likely_prompt = estimate.prompt_expected;
            open.record.connection = Some(plan.provider.id.clone());
            open.plan = Some(plan.clone());
        }
    }

    /// From here on the request holds a slot and money, and a provider is at work.
    pub(crate) fn reserved(&mut self, slot: Slot, reservation: Reservation) {
        if let Some(open) = &mut self.open {
            open.slot = Some(slot);
            open.reservation = reservation;
            // Until the provider says otherwise, the prompt was read and nothing was answered.
            open.counted.tokens.prompt = open.likely_prompt;
            open.counted.is_estimated = true;
        }
    }

    /// The provider began to answer.
    pub(crate) fn first_byte(&mut self) {
        let milliseconds = self.milliseconds();
        if let Some(open) = &mut self.open {
            open.record.first_byte_milliseconds = Some(milliseconds);
        }
    }

    /// What was counted so far; what a receipt that is dropped settles.
    pub(crate) fn count(&mut self, reported: Option<TokenCount>, estimated_completion: u64) {
        let Some(open) = &mut self.open else { return };
        open.counted = match reported {
            Some(tokens) => Counted { tokens, is_estimated: false },
            None => Counted {
                tokens: TokenCount {
                    prompt: open.likely_prompt,
                    completion: estimated_completion,
                    ..TokenCount::default()
                },
                is_estimated: true,
            },
        };
    }

    /// The answer is over.
    pub(crate) fn close(mut self, outcome: Outcome, status: u16, error: Option<String>) {
        self.end(outcome, status, error);
    }

    /// The provider was at work, and its answer is not one to hand on: what was counted is paid, for the provider
    /// charges it all the same.
    pub(crate) fn fail(mut self, refusal: Refusal) -> Refusal {
        self.end(Outcome::Failed, refusal.kind.status(), Some(refusal.code.clone().into_owned()));
        refusal
    }

    /// No answer came about, and nothing is paid: no provider was called, or it refused.
    pub(crate) fn refuse(mut self, refusal: Refusal) -> Refusal {
        let outcome = match refusal.kind {
            Kind::Provider(_) | Kind::BadGateway | Kind::Timeout => Outcome::Failed,
            _ => Outcome::Refused,
        };
        if let Some(open) = &mut self.open {
            open.counted = Counted::default();
        }
        self.end(outcome, refusal.kind.status(), Some(refusal.code.clone().into_owned()));
        refusal
    }

    /// Whoever pays may not go on. What the provider was asked to do until then is paid, as for a client that left.
    pub(crate) fn cut(mut self, refusal: Refusal) -> Refusal {
        let Some(open) = &mut self.open else { return refusal };
        open.is_cut = true;
        let outcome = if open.slot.is_some() { Outcome::Disconnected } else { Outcome::Refused };
        self.end(outcome, refusal.kind.status(), Some(refusal.code.clone().into_owned()));
        refusal
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn end(&mut self, outcome: Outcome, status: u16, error: Option<String>) {
        let milliseconds = self.milliseconds();
        let Some(open) = self.open.take() else { return };
        let Open { mut record, actor, payer, plan, slot, reservation, on_close, counted, is_cut, .. } = *open;
        let cost =
            plan.as_ref().and_then(|plan| plan.pricing.as_ref()).map(|pricing| pricing.cost(&counted.tokens));
        reservation.settle(cost.unwrap_or(Money::ZERO));
        drop(slot);

        record.outcome = outcome;
        record.status = status;
        record.error = error;
        record.tokens = counted.tokens;
        record.is_estimated = counted.is_estimated;
        record.cost = cost;
        record.milliseconds = milliseconds;
        tracing::info!(
            target: "request",
            request_id = %record.request,
            endpoint = record.endpoint.as_str(),
            actor,
            model = record.model,
            status,
            outcome = outcome.as_str(),
            error = record.error.as_deref().unwrap_or_default(),
            prompt_tokens = counted.tokens.prompt,
            completion_tokens = counted.tokens.completion,
            milliseconds,
            "model request"
        );
        if let Some(on_close) = on_close {
            let closed = Closed {
                tokens: counted.tokens,
                is_estimated: counted.is_estimated,
                cost,
                outcome,
                milliseconds,
                first_byte_milliseconds: record.first_byte_milliseconds,
                connection: plan.map(|plan| plan.provider.name.clone()),
                is_cut,
            };
            // Whoever asked may be gone.
            drop(on_close.send(closed));
        }
        let account = match payer {
            Payer::Key(held) => Some(held.account.clone()),
            Payer::Caller(_) => None,
        };
        self.ledger.settle(Settlement { record, account });
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        // 499 is nginx's word for a client that went away.
        self.end(Outcome::Disconnected, 499, None);
    }
}
