//! What tests need and the product does not. Refuses to know the product itself.

pub mod postgres;
