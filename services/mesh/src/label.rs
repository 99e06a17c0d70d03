//! The contract's enums as the database's enum labels.

use spectra_proto::Label;
use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef, types::Oid},
};

/// An enum of the contract in a column of a PostgreSQL enum type, whose labels are the enum's
/// short names in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelled<E>(pub E);

impl<E: Label> Labelled<E> {
    /// The value of a request's field, which the rules have checked; unknown numbers are unset.
    #[must_use]
    pub fn of(number: i32) -> Option<Self> {
        E::try_from(number).ok().filter(|value| !value.label().is_empty()).map(Self)
    }

    /// The number that goes on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0.into()
    }
}

impl<E> sqlx::Type<Postgres> for Labelled<E> {
    fn type_info() -> PgTypeInfo {
        /// PostgreSQL's `unknown`: the server takes the type from the place of the parameter.
        const UNKNOWN: Oid = Oid(705);
        PgTypeInfo::with_oid(UNKNOWN)
    }

    fn compatible(_: &PgTypeInfo) -> bool {
        true
    }
}

impl<E: Label> sqlx::Encode<'_, Postgres> for Labelled<E> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend(self.0.label().as_bytes());
        Ok(IsNull::No)
    }
}

impl<E: Label> sqlx::Decode<'_, Postgres> for Labelled<E> {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        debug_assert!(matches!(value.format(), PgValueFormat::Binary | PgValueFormat::Text));
        let label = value.as_str()?;
        E::from_label(label).map(Self).ok_or_else(|| format!("`{label}` is no label of the contract").into())
    }
}
