//! How our types stand in SQLite's columns: identities as text, times as milliseconds since 1970.

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use rusqlite::{Row, types::Type};

/// A column holding the text form of `T`.
pub fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| unreadable(format!("{column} `{text}`: {error}")))
}

pub fn unreadable(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, what.into())
}

pub fn now() -> i64 {
    millis(SystemTime::now())
}

/// Times before 1970 count as 1970.
pub fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub fn time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.max(0).unsigned_abs())
}
