//! Tickets: short-lived proofs that we ourselves began something, e.g. the first step of a sign-in or a challenge
//! for a passkey.
//!
//! Nothing is stored when one is made, so strangers cannot fill a table, and every replica can check it. That one
//! works once is the store's to keep, by [`KeyRing::digest_ticket`] of its id.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Timestamp, World};

use crate::{KeyRing, constant_time_eq};

/// Sixteen random bytes and the end in Unix seconds.
const BYTES: usize = 24;

/// What a ticket is good for. One for something else proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketKind {
    /// The password was right; the second factor is still to come.
    SecondStep,
    /// The password was right; a second factor is to be set up first.
    Enrolment,
    /// A passkey is being added.
    AddPasskey,
    /// A passkey is asked for, whosever it is.
    AnyPasskey,
    /// A passkey is asked for as the second factor of a sign-in.
    SecondPasskey,
    /// A passkey is asked for to confirm who sits at a session.
    ConfirmByPasskey,
}

impl TicketKind {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::SecondStep => b"second step",
            Self::Enrolment => b"enrolment",
            Self::AddPasskey => b"add passkey",
            Self::AnyPasskey => b"any passkey",
            Self::SecondPasskey => b"second passkey",
            Self::ConfirmByPasskey => b"confirm by passkey",
        }
    }
}

/// A ticket, made or found to be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Names it; anybody may see it.
    pub id: String,
    /// What nobody can compute from the id but us.
    proof: [u8; 32],
    /// When it stops to count.
    pub expires_at: Timestamp,
}

impl Ticket {
    /// Id and proof together: whoever shows it was given it by us. As bytes it is the challenge that a passkey signs.
    pub fn bearer(&self) -> String {
        format!("{}.{}", self.id, URL_SAFE_NO_PAD.encode(self.proof))
    }
}

impl KeyRing {
    /// A new ticket, good for this kind and only together with the very same `bound_to`: an account, a session, a
    /// password's digest.
    pub fn ticket(&self, kind: TicketKind, bound_to: &[&str], life: Duration, world: &World) -> Ticket {
        let expires_at = Timestamp::from_seconds(world.now().plus(life).seconds());
        let mut bytes = [0; BYTES];
        bytes[..16].copy_from_slice(&world.bytes::<16>());
        bytes[16..].copy_from_slice(&expires_at.seconds().to_be_bytes());
        Ticket { id: URL_SAFE_NO_PAD.encode(bytes), proof: self.prove(kind, bound_to, &bytes), expires_at }
    }

    /// Checks what [`Ticket::bearer`] gave out; `None` when we did not, not for this, or its time is over.
    pub fn redeem(
        &self,
        kind: TicketKind,
        bound_to: &[&str],
        bearer: &str,
        now: Timestamp,
    ) -> Option<Ticket> {
        let (id, shown) = bearer.split_once('.')?;
        if id.len() != BYTES / 3 * 4 || shown.len() != 43 {
            return None;
        }
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
        let shown = URL_SAFE_NO_PAD.decode(shown).ok()?;
        let proof = self.prove(kind, bound_to, &bytes);
        if !constant_time_eq(&shown, &proof) {
            return None;
        }
        let expires_at = Timestamp::from_seconds(i64::from_be_bytes(*bytes.last_chunk()?));
        (expires_at > now).then(|| Ticket { id: id.to_owned(), proof, expires_at })
    }

    fn prove(&self, kind: TicketKind, bound_to: &[&str], bytes: &[u8; BYTES]) -> [u8; 32] {
        let mut parts = vec![b"ticket".as_slice(), kind.label(), bytes];
        parts.extend(bound_to.iter().map(|part| part.as_bytes()));
        self.digest_once(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ring, world};

    const ROOT: &str = "kQ7vX2mN9pL4wR8tZ1cB6yH3";
    const LIFE: Duration = Duration::from_mins(5);

    #[test]
    fn a_ticket_counts_until_its_end_and_not_in_its_last_second() {
        let (ring, world) = (ring(ROOT, None), world(1));
        let ticket = ring.ticket(TicketKind::SecondStep, &["ada", "hash"], LIFE, &world);
        let at = |seconds: i64| {
            let now = Timestamp::from_seconds(world.now().seconds() + seconds);
            ring.redeem(TicketKind::SecondStep, &["ada", "hash"], &ticket.bearer(), now)
        };
        assert_eq!(at(0), Some(ticket.clone()));
        assert_eq!(at(299), Some(ticket.clone()));
        assert_eq!(at(300), None);
    }

    #[test]
    fn a_ticket_counts_for_its_kind_and_what_it_is_bound_to() {
        let (ring, world) = (ring(ROOT, None), world(1));
        let ticket = ring.ticket(TicketKind::SecondStep, &["ada", "hash"], LIFE, &world);
        let redeemed =
            |kind, bound_to: &[&str]| ring.redeem(kind, bound_to, &ticket.bearer(), world.now()).is_some();
        assert!(redeemed(TicketKind::SecondStep, &["ada", "hash"]));
        assert!(!redeemed(TicketKind::Enrolment, &["ada", "hash"]));
        for other in [
            &["bob", "hash"][..],
            &["ada", "other"],
            &["ada"],
            &["ada", "hash", ""],
            &["adahash"],
            &["a", "dahash"],
        ] {
            assert!(!redeemed(TicketKind::SecondStep, other), "{other:?}");
        }
    }

    #[test]
    fn nobody_can_lengthen_or_invent_one() {
        let (ring, world) = (ring(ROOT, None), world(1));
        let ticket = ring.ticket(TicketKind::SecondStep, &[], LIFE, &world);
        let bearer = ticket.bearer();
        for at in 0..bearer.len() {
            let mut changed = bearer.clone();
            changed.replace_range(at..=at, if &bearer[at..=at] == "A" { "B" } else { "A" });
            assert_eq!(ring.redeem(TicketKind::SecondStep, &[], &changed, world.now()), None, "at {at}");
        }
        for text in ["", ".", "a.b", &bearer[..bearer.len() - 1], &format!("{bearer}A"), &ticket.id, "🔑.🔑"]
        {
            assert_eq!(ring.redeem(TicketKind::SecondStep, &[], text, world.now()), None, "{text}");
        }
    }
}
