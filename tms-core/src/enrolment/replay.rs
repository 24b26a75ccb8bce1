//! The answer to a code that was made, as it is remembered for who asks again. The code's own text is not in it.

use serde_json::{Value, json};

use super::{EnrolmentCode, NewCode};
use crate::{
    error::Error,
    id::{CustomerId, EnrolmentCodeId},
    idempotency::{Remembered, unreadable},
    text::SerialNumber,
    time::Timestamp,
};

/// Notes a code that is about to be made.
pub(super) fn note(code: &NewCode, now: Timestamp) -> Value {
    json!({
        "customer": code.customer.get(),
        "store_name": code.store_name,
        "store_code": code.store_code,
        "serial": code.serial.as_ref().map(SerialNumber::as_str),
        "max_uses": code.max_uses,
        "expires_at": code.expires_at.as_micros(),
        "created_by": code.created_by,
        "created_at": now.as_micros(),
    })
}

/// Returns the code as it was when it was made.
pub(super) fn recall(known: &Remembered) -> Result<EnrolmentCode, Error> {
    read(known).ok_or_else(|| unreadable("a field is missing"))
}

fn read(known: &Remembered) -> Option<EnrolmentCode> {
    let field = |name: &str| known.answer.get(name);
    let text = |name: &str| field(name)?.as_str().map(str::to_owned);
    let number = |name: &str| field(name)?.as_i64();
    let serial = text("serial").map(|serial| SerialNumber::parse(&serial));
    Some(EnrolmentCode {
        id: EnrolmentCodeId::new(known.created?).ok()?,
        customer: CustomerId::new(number("customer")?).ok()?,
        store_name: text("store_name"),
        store_code: text("store_code"),
        serial: serial.transpose().ok()?,
        max_uses: u32::try_from(number("max_uses")?).ok()?,
        used: 0,
        expires_at: Timestamp::from_micros(number("expires_at")?),
        is_revoked: false,
        created_by: text("created_by")?,
        created_at: Timestamp::from_micros(number("created_at")?),
    })
}
