//! Keys for the tests of this crate.

use vault::Notary;

/// Always the same one.
pub(crate) fn notary() -> Notary {
    Notary::new(&[7; 32])
}
