//! From a query to its hits: all pages with the words are ranked, documents take turns, and the few that are shown are read.

use std::{
    collections::HashMap,
    ops::{Range, RangeInclusive},
};

use pagestream_documents::{DocumentId, PageNumber, Polygon};
use rusqlite::{Connection, params_from_iter, types::Value};
use serde::Deserialize;

use crate::{
    error::Result,
    rows::{millis, parsed, unreadable},
};

use super::{
    backlog,
    evidence::{Mark, lines_hit, marks, snippet, snippet_within},
    fusion::{Found, Meant, Ranked, fuse},
    index::origin_name,
    near::near,
    query::{Term, Terms},
    results::{FoundBy, Hit, HitLine, NearWord, SearchMode, SearchQuery, SearchResults},
};

/// Pages among which documents take turns: the best, so many for each that is shown.
const RANKED: usize = 1_000;
const RANKED_FOR_EACH: usize = 20;

/// Pages that are compared: the latest of those with what was asked for. A page costs half a microsecond, and words that more pages
/// have than this tell nobody which one is meant.
const COMPARED: usize = 5_000;

/// `meant` are the pages near in meaning, nearest first; `None` where that was not asked for, or could not be.
///
/// # Errors
/// [`crate::Error::Query`] for a query that asks for nothing.
pub(crate) fn search(db: &Connection, query: &SearchQuery, meant: Option<Vec<Meant>>) -> Result<SearchResults> {
    let mode = if meant.is_some() { query.mode } else { SearchMode::Keyword };
    let mut results = SearchResults { pages_not_indexed: backlog::waiting(db)?, mode, ..SearchResults::default() };
    let (terms, found) = match mode {
        // A question by its meaning alone need not have a word that can be searched for.
        SearchMode::Semantic => (Terms::parse(&query.text).unwrap_or_default(), Vec::new()),
        SearchMode::Keyword | SearchMode::Hybrid => by_words(db, query, &mut results)?,
    };
    let (found, known) = fuse(db, mode, found, meant.unwrap_or_default(), &terms)?;
    let shown = in_turn(db, found, query)?;
    results.hits = shown.iter().map(|page| hit(db, page, &terms.wanted, &known)).collect::<Result<_>>()?;
    Ok(results)
}

/// The pages with the words, or with words near to them, best first.
fn by_words(db: &Connection, query: &SearchQuery, results: &mut SearchResults) -> Result<(Terms, Vec<Ranked>)> {
    let mut terms = Terms::parse(&query.text)?;
    let mut found = rank(db, &terms, query)?;
    // A word that no page has is wrong; where all are there, and never on one page, any may be.
    for only_unknown in [true, false] {
        if found.is_empty() && widen(db, &mut terms, only_unknown, &mut results.near)? {
            found = rank(db, &terms, query)?;
        }
    }
    results.approximate = !results.near.is_empty() && !found.is_empty();
    if found.is_empty() {
        results.near.clear();
    }
    Ok((terms, found))
}

/// The rows of the pages that the query's conditions let through; `None` where it has none.
pub(crate) fn pages_let_through(db: &Connection, query: &SearchQuery) -> Result<Option<Vec<i64>>> {
    let (conditions, values) = conditions(query, 0);
    if conditions.is_empty() {
        return Ok(None);
    }
    let mut select = db.prepare_cached(&format!("SELECT s.seq FROM searched s WHERE true {conditions}"))?;
    let rows = select.query_map(params_from_iter(values), |row| row.get(0))?;
    Ok(Some(rows.collect::<Result<_, _>>()?))
}

/// Words of a query to which near ones are looked for.
const WIDENED: usize = 8;

/// Lets words near to those that are asked for do as well; whether there are any. Of a phrase, where a page has not one of its words.
fn widen(db: &Connection, terms: &mut Terms, only_unknown: bool, near_words: &mut Vec<NearWord>) -> Result<bool> {
    let before = near_words.len();
    for term in &mut terms.wanted {
        let words = term.words().to_vec();
        if words.len() > 1 && !only_unknown {
            continue;
        }
        for (at, word) in words.into_iter().enumerate() {
            let is_done = near_words.len() >= WIDENED || near_words.iter().any(|near| near.word == word);
            if is_done || (only_unknown && is_known(db, &word)?) {
                continue;
            }
            let instead = near(db, &word)?;
            if !instead.is_empty() {
                term.or(at, &instead);
                near_words.push(NearWord { word, instead });
            }
        }
    }
    Ok(near_words.len() > before)
}

/// Whether a page has the word.
fn is_known(db: &Connection, word: &str) -> Result<bool> {
    let mut select = db.prepare_cached("SELECT 1 FROM page_words WHERE page_words MATCH ?1 LIMIT 1")?;
    Ok(select.exists([format!("\"{word}\"")])?)
}

/// The best pages, best first.
fn rank(db: &Connection, terms: &Terms, query: &SearchQuery) -> Result<Vec<Ranked>> {
    let (Some(all), Some(wanted)) = (all_rows(db)?, wanted_rows(db, query)?) else { return Ok(Vec::new()) };
    let (conditions, mut values) = conditions(query, OWN_VALUES);
    let rows = [all.start(), all.end(), wanted.start(), wanted.end()].map(|row| Value::from(*row));
    values.splice(0..0, std::iter::once(Value::from(terms.expression())).chain(rows));
    // What is not narrowed needs no look at which document a page is of before it is known to be among the best.
    let narrowed = if conditions.is_empty() { "" } else { "CROSS JOIN searched s ON s.seq = page_words.rowid" };
    let sql = format!(
        "SELECT page_words.rowid, page_score(page_words, ?2, ?3) FROM page_words {narrowed}
         WHERE page_words MATCH ?1 AND page_words.rowid BETWEEN ?4 AND ?5 {conditions}
         ORDER BY page_words.rowid DESC LIMIT {COMPARED}"
    );
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map(params_from_iter(values), |row| Ok(Ranked { seq: row.get(0)?, score: row.get(1)? }))?;
    let mut found: Vec<Ranked> = rows.collect::<Result<_, _>>()?;
    // SQLite keeps the best of so many in a tree, which costs as much as to score them.
    found.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.seq.cmp(&b.seq)));
    found.truncate(RANKED.max(query.limit.saturating_add(query.offset).saturating_mul(RANKED_FOR_EACH)));
    Ok(found)
}

/// From the first page that is in the index to the last; nothing where none is.
fn all_rows(db: &Connection) -> Result<Option<RangeInclusive<i64>>> {
    // Each by itself is the end of the table.
    rows(db, "SELECT (SELECT min(seq) FROM searched), (SELECT max(seq) FROM searched)", Vec::new())
}

/// From the first page of the documents that are asked for to the last: FTS5 passes over the others.
fn wanted_rows(db: &Connection, query: &SearchQuery) -> Result<Option<RangeInclusive<i64>>> {
    let (documents, values) = documents(query, 0);
    if documents.is_empty() {
        return Ok(Some(i64::MIN..=i64::MAX));
    }
    let sql = format!(
        "SELECT min((SELECT min(seq) FROM pages WHERE document = d.key)), max((SELECT max(seq) FROM pages WHERE document = d.key))
         FROM documents d WHERE {}",
        documents.join(" AND ")
    );
    rows(db, &sql, values)
}

fn rows(db: &Connection, sql: &str, values: Vec<Value>) -> Result<Option<RangeInclusive<i64>>> {
    let ends: (Option<i64>, Option<i64>) =
        db.prepare_cached(sql)?.query_row(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ends.0.zip(ends.1).map(|(first, last)| first..=last))
}

/// What narrows the search to documents, as conditions on `documents d`, and their values, numbered behind `before` others.
fn documents(query: &SearchQuery, before: usize) -> (Vec<String>, Vec<Value>) {
    let (mut conditions, mut values) = (Vec::new(), Vec::<Value>::new());
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        conditions.push(condition.replace('#', &format!("?{}", values.len() + before)));
    };
    if let Some(document) = query.document {
        add("d.id = #", document.to_string().into());
    }
    if let Some(source) = &query.source {
        add("(d.source GLOB # OR d.source GLOB '*/' || #)", source.clone().into());
    }
    if let Some(after) = query.after {
        add("d.submitted_at >= #", millis(after).into());
    }
    if let Some(before) = query.before {
        add("d.submitted_at < #", millis(before).into());
    }
    for tag in &query.tags {
        add("EXISTS (SELECT 1 FROM tags t WHERE t.document = d.key AND t.tag = #)", tag.as_str().to_owned().into());
    }
    (conditions, values)
}

/// Values before those of the conditions in the query that ranks.
const OWN_VALUES: usize = 5;

/// What narrows the search, of a page `s` of the index; the values are numbered behind `before` others.
fn conditions(query: &SearchQuery, before: usize) -> (String, Vec<Value>) {
    let (documents, mut values) = documents(query, before);
    let mut sql = String::new();
    if !documents.is_empty() {
        sql = format!(" AND s.document IN (SELECT d.key FROM documents d WHERE {})", documents.join(" AND "));
    }
    if let Some(origin) = query.origin {
        values.push(origin_name(origin).to_owned().into());
        sql.push_str(&format!(" AND s.origin = ?{}", values.len() + before));
    }
    (sql, values)
}

/// The pages that are shown. What a document has beyond its share comes behind all others.
fn in_turn(db: &Connection, found: Vec<Ranked>, query: &SearchQuery) -> Result<Vec<Ranked>> {
    let (wanted, shown) = (query.offset.saturating_add(query.limit), |page: Vec<Ranked>| {
        page.into_iter().skip(query.offset).take(query.limit).collect()
    });
    if query.document.is_some() {
        return Ok(shown(found));
    }
    let mut document = db.prepare_cached("SELECT document FROM pages WHERE seq = ?1")?;
    let mut given: HashMap<i64, usize> = HashMap::new();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for page in found {
        // Most of what was found is never shown, and need not be looked up.
        if first.len() >= wanted {
            break;
        }
        let given = given.entry(document.query_row([page.seq], |row| row.get(0))?).or_default();
        *given += 1;
        if *given <= query.pages_of_a_document.max(1) { &mut first } else { &mut last }.push(page);
    }
    first.append(&mut last);
    Ok(shown(first))
}

/// What is shown of a record; words and their polygons are passed over.
#[derive(Deserialize)]
struct Shown {
    text: String,
    width: u32,
    height: u32,
    lines: Vec<ShownLine>,
}

#[derive(Deserialize)]
struct ShownLine {
    text: String,
    polygon: Polygon,
}

fn hit(db: &Connection, page: &Ranked, terms: &[Term], known: &Found) -> Result<Hit> {
    let mut select = db.prepare_cached(
        "SELECT d.id, d.source, p.page, p.record FROM pages p JOIN documents d ON d.key = p.document WHERE p.seq = ?1",
    )?;
    let (document, source, number, json): (DocumentId, String, u32, String) = select.query_row([page.seq], |row| {
        Ok((parsed(row, "id")?, row.get("source")?, row.get("page")?, row.get("record")?))
    })?;
    let record: Shown = serde_json::from_str(&json)?;
    let marks = marks(&record.text, terms);
    let (found_by, meant) = known.of(page.seq);
    let place = meant.map(|meant| within(&record.text, &meant.range));
    let (snippet, shown): (String, Vec<Range<usize>>) = match &place {
        Some(place) if found_by == FoundBy::Semantic => snippet_within(&record.text, place.clone(), &marks),
        _ => snippet(&record.text, &marks),
    };
    let marks = match &place {
        Some(place) if found_by == FoundBy::Semantic => vec![Mark { range: place.clone(), term: 0 }],
        _ => marks,
    };
    let hit = lines_hit(&record.text, &marks, record.lines.iter().map(|line| line.text.as_str()));
    let lines = hit.into_iter().map(|index| {
        let line = &record.lines[index];
        HitLine { index, polygon: line.polygon, text: line.text.clone() }
    });
    Ok(Hit {
        document,
        source,
        page: PageNumber::new(number).ok_or_else(|| unreadable("page 0".into()))?,
        score: page.score,
        found_by,
        similarity: meant.map(|meant| meant.similarity),
        passage: place,
        snippet,
        marks: shown,
        lines: lines.collect(),
        width: record.width,
        height: record.height,
    })
}

/// A range as it can be cut out of the text.
fn within(text: &str, range: &Range<u32>) -> Range<usize> {
    let end = text.floor_char_boundary(range.end as usize);
    text.floor_char_boundary((range.start as usize).min(end))..end
}
