//! BM25 as FTS5 is asked for it: `page_score(page_words, FIRST, LAST)`, FIRST and LAST the least and the greatest row of the index.
//!
//! FTS5's own `bm25()` counts every row that has a phrase before it ranks the first one; of a word that most pages have, that takes
//! longer than to rank. Here no more than [`COUNTED`] rows are counted for a query, the oldest; a phrase that has more is
//! taken to be as frequent in the others. The formula is the same (Robertson and Zaragoza, "The probabilistic relevance framework: BM25
//! and beyond", 2009), larger is better.

use std::{
    ffi::{c_int, c_void},
    ptr,
};

use rusqlite::{
    Connection, Error,
    ffi::{self, Fts5Context, Fts5ExtensionApi, SQLITE_DONE, SQLITE_MISUSE, SQLITE_OK, sqlite3_context, sqlite3_value},
};

/// How soon more of the same word on a page says nothing more, and how much a page's length counts.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A word counts in full in the order of the text, by half as another form: of a compound, or of a word that a line's end broke.
const COLUMN_WEIGHTS: [f64; 2] = [1.0, 0.5];

/// Rows that are counted, shared by the phrases of a query: 1 to 2 ms. A word that more than a sixth of 100,000 pages have is estimated;
/// its weight is small, and so is what an error does.
const COUNTED: u64 = 16_384;
const COUNTED_AT_LEAST: u64 = 1_024;

/// The least weight of a phrase, that of one which half of the pages have or more.
const LEAST_WEIGHT: f64 = 1e-6;

/// Makes `page_score` known to a connection.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let mut api: *mut ffi::fts5_api = ptr::null_mut();
    // SAFETY: the handle is open for as long as `connection` is borrowed. As FTS5's documentation has it ("Extending FTS5"), the function
    // `fts5` writes the address of its interface to the pointer that is bound under that very name; `api` outlives the statement. The
    // interface lives as long as the connection, and the function refers to nothing that is not static.
    let code = unsafe {
        let mut statement = ptr::null_mut();
        let mut code = ffi::sqlite3_prepare_v2(
            connection.handle(),
            c"SELECT fts5(?1)".as_ptr(),
            -1,
            &raw mut statement,
            ptr::null_mut(),
        );
        if code == SQLITE_OK {
            ffi::sqlite3_bind_pointer(statement, 1, (&raw mut api).cast(), c"fts5_api_ptr".as_ptr(), None);
            ffi::sqlite3_step(statement);
            code = ffi::sqlite3_finalize(statement);
        }
        match api.as_ref().and_then(|found| found.xCreateFunction) {
            Some(create) if code == SQLITE_OK => {
                create(api, c"page_score".as_ptr(), ptr::null_mut(), Some(page_score), None)
            }
            _ if code == SQLITE_OK => SQLITE_MISUSE,
            _ => code,
        }
    };
    match code {
        SQLITE_OK => Ok(()),
        code => Err(Error::SqliteFailure(ffi::Error::new(code), Some("FTS5 takes no ranking function".to_owned()))),
    }
}

/// What a query knows of its phrases, computed at its first row.
struct Weights {
    /// Inverse document frequency of each phrase.
    phrases: Vec<f64>,
    /// Of the row that is looked at: how often it has each phrase.
    frequencies: Vec<f64>,
    /// Words of a page on average.
    length: f64,
}

/// The row that FTS5 asks for.
#[derive(Clone, Copy)]
struct Row<'a> {
    api: &'a Fts5ExtensionApi,
    context: *mut Fts5Context,
}

type Code<T> = Result<T, c_int>;

fn checked<T>(code: c_int, value: T) -> Code<T> {
    if code == SQLITE_OK { Ok(value) } else { Err(code) }
}

/// What FTS5 can be asked in the midst of a call of the function. The pointers that are given away are only used during the call.
impl<'a> Row<'a> {
    /// The rows of the index.
    fn rows(self) -> Code<i64> {
        let (ask, mut rows) = (self.api.xRowCount.ok_or(SQLITE_MISUSE)?, 0);
        // SAFETY: `context` is what FTS5 called us with.
        checked(unsafe { ask(self.context, &raw mut rows) }, ()).map(|()| rows)
    }

    /// Words of all rows.
    fn words(self) -> Code<i64> {
        let (ask, mut words) = (self.api.xColumnTotalSize.ok_or(SQLITE_MISUSE)?, 0);
        // SAFETY: as above; column -1 means all.
        checked(unsafe { ask(self.context, -1, &raw mut words) }, ()).map(|()| words)
    }

    /// Words of this row.
    fn length(self) -> Code<c_int> {
        let (ask, mut length) = (self.api.xColumnSize.ok_or(SQLITE_MISUSE)?, 0);
        // SAFETY: as above.
        checked(unsafe { ask(self.context, -1, &raw mut length) }, ()).map(|()| length)
    }

    fn phrases(self) -> Code<c_int> {
        // SAFETY: as above.
        self.api.xPhraseCount.map(|ask| unsafe { ask(self.context) }).ok_or(SQLITE_MISUSE)
    }

    fn instances(self) -> Code<c_int> {
        let (ask, mut instances) = (self.api.xInstCount.ok_or(SQLITE_MISUSE)?, 0);
        // SAFETY: as above.
        checked(unsafe { ask(self.context, &raw mut instances) }, ()).map(|()| instances)
    }

    /// The phrase and the column of an instance.
    fn instance(self, index: c_int) -> Code<(usize, usize)> {
        let ask = self.api.xInst.ok_or(SQLITE_MISUSE)?;
        let (mut phrase, mut column, mut offset) = (0, 0, 0);
        // SAFETY: as above.
        checked(unsafe { ask(self.context, index, &raw mut phrase, &raw mut column, &raw mut offset) }, ())?;
        Ok((usize::try_from(phrase).unwrap_or(usize::MAX), usize::try_from(column).unwrap_or(usize::MAX)))
    }

    fn count(self, phrase: c_int, most: u64) -> Code<Count> {
        let ask = self.api.xQueryPhrase.ok_or(SQLITE_MISUSE)?;
        let mut count = Count { rows: 0, most, last: 0 };
        // SAFETY: as above; `count` is what `count_row` takes it for and lives longer than the call.
        checked(unsafe { ask(self.context, phrase, (&raw mut count).cast(), Some(count_row)) }, ())?;
        Ok(count)
    }

    /// What was kept at an earlier row of the query, else what is made now. Asked for once a call.
    fn weights(self, first: i64, last: i64) -> Code<&'a mut Weights> {
        let (get, set) = (self.api.xGetAuxdata.ok_or(SQLITE_MISUSE)?, self.api.xSetAuxdata.ok_or(SQLITE_MISUSE)?);
        // SAFETY: nothing else keeps data for this function, so that what is found was put there below. FTS5 has one row of a query at a
        // time, so that nothing else refers to it, and keeps it at least until the call has ended.
        unsafe {
            let mut kept = get(self.context, 0).cast::<Weights>();
            if kept.is_null() {
                kept = Box::into_raw(Box::new(self.weigh(first, last)?));
                // Where it fails, FTS5 has destroyed it.
                checked(set(self.context, kept.cast(), Some(forget)), ())?;
            }
            kept.as_mut().ok_or(SQLITE_MISUSE)
        }
    }

    fn weigh(self, first: i64, last: i64) -> Code<Weights> {
        let (rows, phrases) = (self.rows()?.max(1) as f64, self.phrases()?);
        let most = (COUNTED / u64::from(phrases.max(1).unsigned_abs())).max(COUNTED_AT_LEAST);
        let weights =
            (0..phrases).map(|phrase| Ok(weight(self.count(phrase, most)?.estimate(rows, first, last), rows)));
        Ok(Weights {
            phrases: weights.collect::<Code<_>>()?,
            frequencies: vec![0.0; usize::try_from(phrases).unwrap_or_default()],
            length: (self.words()? as f64 / rows).max(1.0),
        })
    }

    fn score(self, first: i64, last: i64) -> Code<f64> {
        let weights = self.weights(first, last)?;
        weights.frequencies.fill(0.0);
        for index in 0..self.instances()? {
            let (phrase, column) = self.instance(index)?;
            if let Some(frequency) = weights.frequencies.get_mut(phrase) {
                *frequency += COLUMN_WEIGHTS.get(column).copied().unwrap_or_default();
            }
        }
        let norm = K1 * (1.0 - B + B * f64::from(self.length()?) / weights.length);
        let of_phrases = weights.phrases.iter().zip(&weights.frequencies);
        Ok(of_phrases.map(|(weight, frequency)| weight * frequency * (K1 + 1.0) / (frequency + norm)).sum())
    }
}

/// Inverse document frequency.
fn weight(with_it: f64, rows: f64) -> f64 {
    ((rows - with_it + 0.5) / (with_it + 0.5)).ln().max(LEAST_WEIGHT)
}

/// The rows that have a phrase, from the oldest on.
struct Count {
    rows: u64,
    most: u64,
    last: i64,
}

impl Count {
    /// As many as there are in all, if it goes on as it began.
    fn estimate(&self, rows: f64, first: i64, last: i64) -> f64 {
        let counted = self.rows as f64;
        if self.rows < self.most {
            return counted;
        }
        let width = |to: i64| (to.saturating_sub(first) as f64 + 1.0).max(1.0);
        (counted * width(last) / width(self.last)).clamp(counted, rows.max(counted))
    }
}

unsafe extern "C" fn count_row(api: *const Fts5ExtensionApi, context: *mut Fts5Context, count: *mut c_void) -> c_int {
    // SAFETY: FTS5 gives its own interface, and what `Row::count` gave it.
    let (Some(api), Some(count)) = (unsafe { (api.as_ref(), count.cast::<Count>().as_mut()) }) else {
        return SQLITE_MISUSE;
    };
    count.rows += 1;
    if count.rows < count.most {
        return SQLITE_OK;
    }
    // SAFETY: `context` is what FTS5 called us with.
    count.last = api.xRowid.map_or(0, |ask| unsafe { ask(context) });
    SQLITE_DONE
}

unsafe extern "C" fn forget(weights: *mut c_void) {
    // SAFETY: made by `Row::weights`, and FTS5 calls this once for it.
    drop(unsafe { Box::from_raw(weights.cast::<Weights>()) });
}

unsafe extern "C" fn page_score(
    api: *const Fts5ExtensionApi,
    context: *mut Fts5Context,
    result: *mut sqlite3_context,
    values: c_int,
    value: *mut *mut sqlite3_value,
) {
    // SAFETY: FTS5 gives its own interface, where the result goes, and so many values.
    unsafe {
        let integer = |at: usize| ffi::sqlite3_value_int64(*value.add(at));
        let score = match (api.as_ref(), values) {
            (Some(api), 2) => Row { api, context }.score(integer(0), integer(1)),
            _ => Err(SQLITE_MISUSE),
        };
        match score {
            Ok(score) => ffi::sqlite3_result_double(result, score),
            Err(code) => ffi::sqlite3_result_error_code(result, code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of pages with numbers as words: the page `n` has the word `d` for each divisor of `n`, and is longer the larger `n` is.
    fn table(pages: u32) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        register(&db).unwrap();
        db.execute_batch("BEGIN; CREATE VIRTUAL TABLE page_words USING fts5 (text, other, tokenize = 'ascii')")
            .unwrap();
        for n in 1..=pages {
            let words: Vec<_> =
                (1..=n.min(40)).filter(|d| n % d == 0).map(|d| format!("w{d} ").repeat(1 + (n % 3) as usize)).collect();
            db.execute(
                "INSERT INTO page_words VALUES (?1, ?2)",
                [words.concat() + &"x ".repeat((n % 7) as usize), format!("o{}", n % 5)],
            )
            .unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
        db
    }

    fn scores(db: &Connection, sql: &str, query: &str) -> Vec<(i64, f64)> {
        let mut select = db.prepare(sql).unwrap();
        select.query_map([query], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn scores_are_those_of_fts5_where_all_rows_are_counted() {
        let db = table(600);
        for query in ["w7", "w2 OR w3 OR o1", "w5 AND o0", "\"w2 x\"", "w1*", "w1 NOT w2"] {
            let all = "FROM page_words WHERE page_words MATCH ?1 ORDER BY rowid";
            let ours = scores(&db, &format!("SELECT rowid, page_score(page_words, 1, 600) {all}"), query);
            let theirs = scores(&db, &format!("SELECT rowid, -bm25(page_words, 1.0, 0.5) {all}"), query);
            assert!(!ours.is_empty(), "{query}");
            for ((row, a), (other, b)) in ours.iter().zip(&theirs) {
                assert!(row == other && (a - b).abs() < 1e-9, "{query}: row {row}: {a}, and {b} by FTS5");
            }
            assert_eq!(ours.len(), theirs.len());
        }
    }

    #[test]
    fn a_frequent_phrase_is_estimated_from_its_oldest_rows() {
        let count = |rows, last| Count { rows, most: 100, last };
        assert_eq!(count(99, 0).estimate(10_000.0, 1, 10_000), 99.0);
        // Every tenth row.
        assert_eq!(count(100, 1_000).estimate(10_000.0, 1, 10_000), 1_000.0);
        assert_eq!(count(100, 6_000).estimate(10_000.0, 5_001, 15_000), 1_000.0);
        // Never less than was seen, nor more than there is.
        assert_eq!(count(100, 20_000).estimate(10_000.0, 1, 10_000), 100.0);
        assert_eq!(count(100, 100).estimate(5_000.0, 1, 10_000), 5_000.0);
        assert!(weight(9_000.0, 10_000.0) <= LEAST_WEIGHT && weight(10.0, 10_000.0) > 6.0);
    }

    #[test]
    fn a_call_with_other_arguments_is_an_error() {
        let db = table(3);
        let wrong =
            db.query_row("SELECT page_score(page_words) FROM page_words WHERE page_words MATCH 'w1'", [], |row| {
                row.get::<_, f64>(0)
            });
        assert!(wrong.is_err());
    }
}
