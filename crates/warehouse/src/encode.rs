//! Rows into columns, with a digest of each row's content.

use crate::{
    Error,
    schema::{Kind, Table},
};
use arrow::{
    array::{
        ArrayRef, BooleanBuilder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder, UInt64Builder,
    },
    datatypes::{DataType, Field, Schema, TimeUnit},
    record_batch::RecordBatch,
};
use jiff::Timestamp;
use std::sync::Arc;

/// Both engines hold these times exactly; others are moved to the nearer end.
pub(crate) const EARLIEST_MICROS: i64 = -2_208_988_800_000_000; // 1900-01-01
pub(crate) const LATEST_MICROS: i64 = 9_183_110_400_000_000; // 2261-01-01

#[derive(Debug)]
enum Builder {
    Text(StringBuilder),
    Number(UInt64Builder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    TextList(ListBuilder<StringBuilder>),
}

/// Fills the columns of a table, row by row and column by column in the table's order.
#[derive(Debug)]
pub(crate) struct Encoder {
    table: &'static Table,
    builders: Vec<Builder>,
    at: usize,
    digest: Digest,
}

impl Encoder {
    pub(crate) fn new(table: &'static Table) -> Self {
        let builder = |&(_, kind): &(&str, Kind)| match kind {
            Kind::Text | Kind::OptText => Builder::Text(StringBuilder::new()),
            Kind::Number | Kind::OptNumber => Builder::Number(UInt64Builder::new()),
            Kind::Flag => Builder::Flag(BooleanBuilder::new()),
            Kind::Time | Kind::OptTime => Builder::Time(TimestampMicrosecondBuilder::new()),
            Kind::TextList => Builder::TextList(ListBuilder::new(StringBuilder::new())),
        };
        Self {
            table,
            builders: table.columns.iter().map(builder).collect(),
            at: 0,
            digest: Digest::default(),
        }
    }

    fn next(&mut self) -> Option<&mut Builder> {
        self.at += 1;
        self.builders.get_mut(self.at - 1)
    }

    pub(crate) fn text(&mut self, value: impl AsRef<str>) {
        self.opt_text(Some(value));
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers hold options of references")]
    pub(crate) fn opt_text(&mut self, value: Option<impl AsRef<str>>) {
        let value = value.as_ref().map(AsRef::as_ref);
        self.digest.bytes(value.map(str::as_bytes));
        if let Some(Builder::Text(builder)) = self.next() {
            builder.append_option(value);
        }
    }

    pub(crate) fn number(&mut self, value: u64) {
        self.opt_number(Some(value));
    }

    pub(crate) fn opt_number(&mut self, value: Option<u64>) {
        self.digest.bytes(value.map(u64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
        if let Some(Builder::Number(builder)) = self.next() {
            builder.append_option(value);
        }
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.digest.bytes(Some(&[u8::from(value)]));
        if let Some(Builder::Flag(builder)) = self.next() {
            builder.append_value(value);
        }
    }

    pub(crate) fn time(&mut self, value: Timestamp) {
        self.opt_time(Some(value));
    }

    pub(crate) fn opt_time(&mut self, value: Option<Timestamp>) {
        let micros = value.map(|time| time.as_microsecond().clamp(EARLIEST_MICROS, LATEST_MICROS));
        self.digest.bytes(micros.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice));
        if let Some(Builder::Time(builder)) = self.next() {
            builder.append_option(micros);
        }
    }

    pub(crate) fn texts(&mut self, values: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut digest = self.digest;
        if let Some(Builder::TextList(builder)) = self.next() {
            for value in values {
                digest.bytes(Some(value.as_ref().as_bytes()));
                builder.values().append_value(value);
            }
            builder.append(true);
        }
        digest.bytes(None);
        self.digest = digest;
    }

    /// Ends a row with its version and digest.
    pub(crate) fn end_row(&mut self, version: u64) {
        self.number(version);
        debug_assert_eq!(
            self.at + 1,
            self.table.columns.len(),
            "all columns of `{}` are filled",
            self.table.name
        );
        let digest = self.digest.0;
        if let Some(Builder::Number(builder)) = self.next() {
            builder.append_value(digest);
        }
        self.at = 0;
        self.digest = Digest::default();
    }

    pub(crate) fn finish(mut self) -> Result<RecordBatch, Error> {
        let (mut fields, mut arrays) = (Vec::new(), Vec::<ArrayRef>::new());
        for (builder, &(name, kind)) in self.builders.iter_mut().zip(self.table.columns) {
            arrays.push(match builder {
                Builder::Text(builder) => Arc::new(builder.finish()),
                Builder::Number(builder) => Arc::new(builder.finish()),
                Builder::Flag(builder) => Arc::new(builder.finish()),
                Builder::Time(builder) => Arc::new(builder.finish()),
                Builder::TextList(builder) => Arc::new(builder.finish()),
            });
            let nullable = matches!(kind, Kind::OptText | Kind::OptNumber | Kind::OptTime);
            fields.push(Field::new(name, data_type(kind), nullable));
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text | Kind::OptText => DataType::Utf8,
        Kind::Number | Kind::OptNumber => DataType::UInt64,
        Kind::Flag => DataType::Boolean,
        Kind::Time | Kind::OptTime => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::TextList => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
    }
}

/// A stable 64-bit hash (the multiply-and-rotate family), stored: it must never change.
#[derive(Debug, Clone, Copy, Default)]
struct Digest(u64);

impl Digest {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// Length first, so that neighbours cannot be confused; nothing counts as its own length.
    fn bytes(&mut self, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return self.word(u64::MAX) };
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_never_changes() {
        let mut digest = Digest::default();
        digest.bytes(Some(b"pytorch/pytorch"));
        digest.bytes(None);
        assert_eq!(digest.0, 7_438_656_637_736_966_341);
    }
}
