//! `Timestamp` as `timestamptz`, without a detour over calendar types.

use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
};
use tms_core::time::Timestamp;

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A point in time as PostgreSQL sends it: microseconds since 2000, so that both ends round-trip exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At(i64);

impl At {
    /// `-infinity`: stands for "not known" where an array has no room for null.
    pub(super) const NONE: Self = Self(i64::MIN);

    /// Returns the point in time as the core knows it.
    pub(super) const fn time(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_add(POSTGRES_EPOCH_MICROS))
    }
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        Self(time.as_micros() - POSTGRES_EPOCH_MICROS)
    }
}

/// Converts an optional time for binding.
pub(super) fn maybe(time: Option<Timestamp>) -> Option<At> {
    time.map(At::from)
}

type Calendar = chrono::DateTime<chrono::Utc>;

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        <Calendar as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        <Calendar as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Postgres>>::encode_by_ref(&self.0, buf)
    }

    fn size_hint(&self) -> usize {
        size_of::<i64>()
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<'r, Postgres>>::decode(value).map(Self)
    }
}
