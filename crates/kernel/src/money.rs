//! Money, counted in whole nano-dollars so that the price of a single token is exact.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Sub},
};

use serde::{Deserialize, Serialize};

/// An amount of US dollars in nano-dollars (10⁻⁹). One token of a $0.15-per-million model is 150.
/// The range is ± 9.2 billion dollars; sums saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// Why a number is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// NaN or an infinity.
    #[error("an amount of money must be a finite number of US dollars")]
    NotFinite,
    /// Below zero where only a limit or a price makes sense.
    #[error("an amount of money must not be negative")]
    Negative,
    /// More than the type can hold.
    #[error("an amount of money must be below 9 billion US dollars")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// From nano-dollars.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nano-dollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// From a number of US dollars as JSON carries it, rounded to the nearest nano-dollar.
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked on the line above")]
    pub fn from_dollars(dollars: f64) -> Result<Self, MoneyError> {
        if !dollars.is_finite() {
            return Err(MoneyError::NotFinite);
        }
        if dollars < 0.0 {
            return Err(MoneyError::Negative);
        }
        let nanos = (dollars * 1e9).round();
        if nanos >= 9e18 {
            return Err(MoneyError::TooLarge);
        }
        Ok(Self(nanos as i64))
    }

    /// US dollars as JSON carries them.
    #[expect(clippy::cast_precision_loss, reason = "exact below 9 million dollars, to the cent far above")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// This amount without the other, never below zero.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// `count` times this amount; saturates.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.dollars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_of_one_cheap_token_is_exact() {
        let recorded = Money::from_dollars(1.5e-7).unwrap().times(80)
            + Money::from_dollars(7.5e-8).unwrap().times(20)
            + Money::from_dollars(6e-7).unwrap().times(50);
        assert_eq!(recorded, Money::from_dollars(4.35e-05).unwrap());
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        assert_eq!(Money::from_dollars(f64::NAN), Err(MoneyError::NotFinite));
        assert_eq!(Money::from_dollars(-0.01), Err(MoneyError::Negative));
        assert_eq!(Money::from_dollars(1e12), Err(MoneyError::TooLarge));
    }

    #[test]
    fn sums_saturate_instead_of_wrapping_into_credit() {
        assert_eq!(Money::MAX + Money::from_nanos(1), Money::MAX);
        assert_eq!(Money::from_nanos(1).less(Money::from_nanos(2)), Money::ZERO);
    }
}
