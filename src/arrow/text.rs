//! A cell of a column as text: strings as they are, without a copy; numbers, dates and times by one convention.
//!
//! Integers and decimals in digits; floats as the shortest decimal, without `.0` (pandas makes floats of integers
//! with gaps); booleans `true` and `false`; dates `2021-03-04`; times `13:05:09`; timestamps `2021-03-04T13:05:09`
//! with the fraction of a second where there is one, in UTC and with a `Z` where the column has a time zone. The
//! readers take string columns as bytes, so that one broken cell costs itself alone: invalid bytes become U+FFFD here.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};
use std::borrow::Cow;

/// A cell that is not missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    /// Its text.
    pub(crate) text: Cow<'a, str>,
    /// Bytes that were not valid UTF-8 and became U+FFFD.
    pub(crate) bad: usize,
}

/// Whether [`text`] can give the cells of such a column.
pub(crate) fn readable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => !matches!(**values, DataType::Dictionary(..)) && readable(values),
        DataType::Float16
        | DataType::FixedSizeBinary(_)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::RunEndEncoded(..) => false,
        other => !other.is_nested(),
    }
}

/// Whether the column holds strings, or bytes that may be strings.
pub(crate) fn is_string(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_string(values),
        other => other.is_string() || other.is_binary(),
    }
}

/// The cell of a row; `None` where it is missing (null).
///
/// # Errors
/// A column that is not [`readable`], told by its type; a row beyond the column.
pub(crate) fn text(column: &dyn Array, row: usize) -> Result<Option<Cell<'_>>, String> {
    if row >= column.len() {
        return Err(format!("row {row} of {}", column.len()));
    }
    if column.is_null(row) {
        return Ok(None);
    }
    let text: Cow<'_, str> = match column.data_type() {
        DataType::Null => return Ok(None),
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).into(),
        DataType::Utf8View => column.as_string_view().value(row).into(),
        DataType::Binary => return Ok(Some(decoded(column.as_binary::<i32>().value(row)))),
        DataType::LargeBinary => return Ok(Some(decoded(column.as_binary::<i64>().value(row)))),
        DataType::BinaryView => return Ok(Some(decoded(column.as_binary_view().value(row)))),
        DataType::Dictionary(key, _) => {
            let (values, at) = match **key {
                DataType::Int8 => entry::<Int8Type>(column, row),
                DataType::Int16 => entry::<Int16Type>(column, row),
                DataType::Int32 => entry::<Int32Type>(column, row),
                DataType::Int64 => entry::<Int64Type>(column, row),
                DataType::UInt8 => entry::<UInt8Type>(column, row),
                DataType::UInt16 => entry::<UInt16Type>(column, row),
                DataType::UInt32 => entry::<UInt32Type>(column, row),
                _ => entry::<UInt64Type>(column, row),
            };
            return text(values, at);
        }
        DataType::Boolean => if column.as_boolean().value(row) { "true" } else { "false" }.into(),
        DataType::Int8 => number::<Int8Type>(column, row).to_string().into(),
        DataType::Int16 => number::<Int16Type>(column, row).to_string().into(),
        DataType::Int32 => number::<Int32Type>(column, row).to_string().into(),
        DataType::Int64 => number::<Int64Type>(column, row).to_string().into(),
        DataType::UInt8 => number::<UInt8Type>(column, row).to_string().into(),
        DataType::UInt16 => number::<UInt16Type>(column, row).to_string().into(),
        DataType::UInt32 => number::<UInt32Type>(column, row).to_string().into(),
        DataType::UInt64 => number::<UInt64Type>(column, row).to_string().into(),
        DataType::Float32 => number::<Float32Type>(column, row).to_string().into(),
        DataType::Float64 => number::<Float64Type>(column, row).to_string().into(),
        DataType::Decimal32(..) => column.as_primitive::<Decimal32Type>().value_as_string(row).into(),
        DataType::Decimal64(..) => column.as_primitive::<Decimal64Type>().value_as_string(row).into(),
        DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().value_as_string(row).into(),
        DataType::Decimal256(..) => column.as_primitive::<Decimal256Type>().value_as_string(row).into(),
        DataType::Date32 => date(number::<Date32Type>(column, row).into()).into(),
        DataType::Date64 => date(number::<Date64Type>(column, row).div_euclid(86_400_000)).into(),
        DataType::Time32(TimeUnit::Second) => {
            time(number::<Time32SecondType>(column, row).into(), TimeUnit::Second).into()
        }
        DataType::Time32(_) => time(number::<Time32MillisecondType>(column, row).into(), TimeUnit::Millisecond).into(),
        DataType::Time64(TimeUnit::Nanosecond) => {
            time(number::<Time64NanosecondType>(column, row), TimeUnit::Nanosecond).into()
        }
        DataType::Time64(_) => time(number::<Time64MicrosecondType>(column, row), TimeUnit::Microsecond).into(),
        DataType::Timestamp(unit, zone) => {
            let value = match unit {
                TimeUnit::Second => number::<TimestampSecondType>(column, row),
                TimeUnit::Millisecond => number::<TimestampMillisecondType>(column, row),
                TimeUnit::Microsecond => number::<TimestampMicrosecondType>(column, row),
                TimeUnit::Nanosecond => number::<TimestampNanosecondType>(column, row),
            };
            let day = per_second(*unit) * 86_400;
            let zone = if zone.is_some() { "Z" } else { "" };
            format!("{}T{}{zone}", date(value.div_euclid(day)), time(value.rem_euclid(day), *unit)).into()
        }
        other => return Err(format!("a column of {other} is not read as text")),
    };
    Ok(Some(Cell { text, bad: 0 }))
}

/// Bytes of text in a row, as a batch counts them; 0 where the column holds no strings.
pub(crate) fn size(column: &dyn Array, row: usize) -> usize {
    if row >= column.len() || column.is_null(row) {
        return 0;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value_length(row) as usize,
        DataType::Binary => column.as_binary::<i32>().value_length(row) as usize,
        DataType::LargeUtf8 => column.as_string::<i64>().value_length(row) as usize,
        DataType::LargeBinary => column.as_binary::<i64>().value_length(row) as usize,
        // The low half of a view is the length.
        DataType::Utf8View => column.as_string_view().views()[row] as u32 as usize,
        DataType::BinaryView => column.as_binary_view().views()[row] as u32 as usize,
        DataType::Dictionary(..) => text(column, row).ok().flatten().map_or(0, |cell| cell.text.len()),
        _ => 0,
    }
}

fn decoded(bytes: &[u8]) -> Cell<'_> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cell { text: text.into(), bad: 0 };
    }
    let bad = bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    Cell { text: String::from_utf8_lossy(bytes), bad }
}

/// The dictionary's values and the entry of a row; one beyond the values where the key is no index.
fn entry<K: ArrowDictionaryKeyType>(column: &dyn Array, row: usize) -> (&dyn Array, usize) {
    let dictionary = column.as_dictionary::<K>();
    let values = dictionary.values();
    (values.as_ref(), dictionary.key(row).unwrap_or(values.len()))
}

fn number<T: ArrowPrimitiveType>(column: &dyn Array, row: usize) -> T::Native {
    column.as_primitive::<T>().value(row)
}

/// Days since 1970 as year, month and day of the Gregorian calendar (Hinnant, `civil_from_days`).
fn date(days: i64) -> String {
    let shifted = i128::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

const fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A time of day.
fn time(value: i64, unit: TimeUnit) -> String {
    let (seconds, fraction) = (value.div_euclid(per_second(unit)), value.rem_euclid(per_second(unit)));
    let digits = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    let mut out = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        out.push('.');
        out.push_str(format!("{fraction:0digits$}").trim_end_matches('0'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(18_690), "2021-03-04");
        assert_eq!(date(11_016), "2000-02-29");
        date(i64::MIN);
        date(i64::MAX);
        assert_eq!(time(47_109, TimeUnit::Second), "13:05:09");
        assert_eq!(time(47_109_050, TimeUnit::Millisecond), "13:05:09.05");
        time(i64::MIN, TimeUnit::Nanosecond);
    }

    #[test]
    fn invalid_bytes_are_counted() {
        assert_eq!(decoded(b"mass"), Cell { text: "mass".into(), bad: 0 });
        assert_eq!(decoded(b"m\xff\xfess"), Cell { text: "m\u{fffd}\u{fffd}ss".into(), bad: 2 });
    }
}
