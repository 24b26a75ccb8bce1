//! Lists a page at a time, as the contract spells them.

pub(crate) mod cursor;
