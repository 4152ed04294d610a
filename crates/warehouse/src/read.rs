//! Columns of an answer, read by name and type.

use crate::Error;
use arrow::{
    array::{Array, AsArray, ListArray, StringArray},
    datatypes::{
        ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        UInt8Type, UInt32Type, UInt64Type,
    },
    record_batch::RecordBatch,
};
use jiff::Timestamp;

/// One part of an answer to a named query.
#[derive(Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) query: &'static str,
    pub(crate) batch: &'a RecordBatch,
}

pub(crate) struct Texts<'a>(&'a StringArray);
pub(crate) struct TextLists<'a>(&'a ListArray);
pub(crate) struct Numbers<'a>(NumberKind<'a>);
pub(crate) struct Times<'a>(&'a arrow::array::TimestampMicrosecondArray);
pub(crate) struct Floats<'a>(&'a arrow::array::Float64Array);

enum NumberKind<'a> {
    U64(&'a arrow::array::UInt64Array),
    I64(&'a arrow::array::Int64Array),
    I32(&'a arrow::array::Int32Array),
    U32(&'a arrow::array::UInt32Array),
    U8(&'a arrow::array::UInt8Array),
}

impl<'a> Answer<'a> {
    pub(crate) fn rows(self) -> std::ops::Range<usize> {
        0..self.batch.num_rows()
    }

    fn column(self, name: &'static str, expected: &'static str) -> Result<&'a dyn Array, Error> {
        self.batch.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| self.refuse(name, expected))
    }

    fn refuse(self, column: &'static str, expected: &'static str) -> Error {
        Error::Answer { query: self.query, column, expected }
    }

    pub(crate) fn texts(self, name: &'static str) -> Result<Texts<'a>, Error> {
        let column = self.column(name, "text")?;
        column.as_string_opt().map(Texts).ok_or_else(|| self.refuse(name, "text"))
    }

    pub(crate) fn text_lists(self, name: &'static str) -> Result<TextLists<'a>, Error> {
        let column = self.column(name, "text list")?;
        column.as_list_opt().map(TextLists).ok_or_else(|| self.refuse(name, "text list"))
    }

    pub(crate) fn numbers(self, name: &'static str) -> Result<Numbers<'a>, Error> {
        let column = self.column(name, "number")?;
        let kind = match column.data_type() {
            DataType::UInt64 => NumberKind::U64(column.as_primitive::<UInt64Type>()),
            DataType::Int64 => NumberKind::I64(column.as_primitive::<Int64Type>()),
            DataType::Int32 => NumberKind::I32(column.as_primitive::<Int32Type>()),
            DataType::UInt32 => NumberKind::U32(column.as_primitive::<UInt32Type>()),
            DataType::UInt8 => NumberKind::U8(column.as_primitive::<UInt8Type>()),
            _ => return Err(self.refuse(name, "number")),
        };
        Ok(Numbers(kind))
    }

    pub(crate) fn floats(self, name: &'static str) -> Result<Floats<'a>, Error> {
        let column = self.column(name, "float")?;
        column.as_primitive_opt::<Float64Type>().map(Floats).ok_or_else(|| self.refuse(name, "float"))
    }

    pub(crate) fn times(self, name: &'static str) -> Result<Times<'a>, Error> {
        let column = self.column(name, "time")?;
        if !matches!(column.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _)) {
            return Err(self.refuse(name, "time"));
        }
        column
            .as_primitive_opt::<TimestampMicrosecondType>()
            .map(Times)
            .ok_or_else(|| self.refuse(name, "time"))
    }
}

impl<'a> Texts<'a> {
    pub(crate) fn opt(&self, row: usize) -> Option<&'a str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    /// The text, empty when there is none.
    pub(crate) fn get(&self, row: usize) -> &'a str {
        self.opt(row).unwrap_or("")
    }

    pub(crate) fn owned(&self, row: usize) -> Option<String> {
        self.opt(row).map(str::to_owned)
    }
}

impl TextLists<'_> {
    pub(crate) fn get(&self, row: usize) -> Vec<String> {
        let values = self.0.value(row);
        let texts = values.as_string_opt::<i32>();
        texts.map(|texts| texts.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
    }
}

fn at<T: ArrowPrimitiveType>(array: &arrow::array::PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

impl Numbers<'_> {
    pub(crate) fn opt(&self, row: usize) -> Option<u64> {
        match &self.0 {
            NumberKind::U64(array) => at(array, row),
            NumberKind::I64(array) => at(array, row).and_then(|n| u64::try_from(n).ok()),
            NumberKind::I32(array) => at(array, row).and_then(|n| u64::try_from(n).ok()),
            NumberKind::U32(array) => at(array, row).map(u64::from),
            NumberKind::U8(array) => at(array, row).map(u64::from),
        }
    }

    pub(crate) fn get(&self, row: usize) -> u64 {
        self.opt(row).unwrap_or(0)
    }
}

impl Floats<'_> {
    pub(crate) fn get(&self, row: usize) -> f64 {
        at(self.0, row).unwrap_or(0.0)
    }
}

impl Times<'_> {
    pub(crate) fn opt(&self, row: usize) -> Option<Timestamp> {
        at(self.0, row).and_then(|micros| Timestamp::from_microsecond(micros).ok())
    }

    /// The time, the epoch when there is none.
    pub(crate) fn get(&self, row: usize) -> Timestamp {
        self.opt(row).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
