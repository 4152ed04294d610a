//! Columns into JSON lines (`JSONEachRow`).

use crate::params::micros_text;
use arrow::{
    array::{Array, AsArray},
    datatypes::{TimestampMicrosecondType, UInt64Type},
    record_batch::RecordBatch,
};
use jiff::Timestamp;

/// One JSON object per row. Columns are those of our own encoder: texts, numbers, flags, times, lists of texts.
pub(super) fn lines(batch: &RecordBatch) -> String {
    let mut out = String::with_capacity(batch.num_rows() * 512);
    let schema = batch.schema();
    for row in 0..batch.num_rows() {
        for (index, (field, column)) in schema.fields().iter().zip(batch.columns()).enumerate() {
            out.push_str(if index == 0 { "{\"" } else { ",\"" });
            out.push_str(field.name());
            out.push_str("\":");
            value(&mut out, column.as_ref(), row);
        }
        out.push_str("}\n");
    }
    out
}

fn value(out: &mut String, column: &dyn Array, row: usize) {
    if column.is_null(row) {
        out.push_str("null");
    } else if let Some(texts) = column.as_string_opt::<i32>() {
        text(out, texts.value(row));
    } else if let Some(numbers) = column.as_primitive_opt::<UInt64Type>() {
        out.push_str(&numbers.value(row).to_string());
    } else if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        let time = Timestamp::from_microsecond(times.value(row)).unwrap_or(Timestamp::UNIX_EPOCH);
        text(out, &micros_text(time));
    } else if let Some(flags) = column.as_boolean_opt() {
        out.push_str(if flags.value(row) { "true" } else { "false" });
    } else if let Some(lists) = column.as_list_opt::<i32>() {
        let items = lists.value(row);
        for index in 0..items.len() {
            out.push(if index == 0 { '[' } else { ',' });
            value(out, items.as_ref(), index);
        }
        out.push_str(if items.is_empty() { "[]" } else { "]" });
    }
}

fn text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_read_back(given in any::<String>()) {
            let mut json = String::new();
            text(&mut json, &given);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), given);
        }
    }
}
