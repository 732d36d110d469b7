//! From a query to its hits: all pages with the words are ranked, documents take turns, and the few that are shown are read.

use std::{collections::HashMap, ops::Range};

use pagestream_documents::{DocumentId, PageNumber, Polygon};
use rusqlite::{Connection, params_from_iter, types::Value};
use serde::Deserialize;

use crate::{
    error::Result,
    rows::{millis, parsed, unreadable},
};

use super::{
    backlog,
    evidence::{Mark, lines_hit, marks, passage, snippet},
    fusion::{Found, Meant, fuse},
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

/// A page with what was asked for.
pub(super) struct Ranked {
    pub seq: i64,
    pub document: i64,
    pub score: f64,
}

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
    let shown = in_turn(found, query);
    results.hits = shown.iter().map(|page| hit(db, page, &terms.wanted, &known)).collect::<Result<_>>()?;
    Ok(results)
}

/// The pages with the words, or with words near to them, best first.
fn by_words(db: &Connection, query: &SearchQuery, results: &mut SearchResults) -> Result<(Terms, Vec<Ranked>)> {
    let mut terms = Terms::parse(&query.text)?;
    let mut found = rank(db, &terms, query)?;
    if found.is_empty() {
        for term in &mut terms.wanted {
            let Some(word) = term.word().map(str::to_owned) else { continue };
            let instead = near(db, &word)?;
            if !instead.is_empty() {
                term.or(&instead);
                results.near.push(NearWord { word, instead });
            }
        }
        if !results.near.is_empty() {
            found = rank(db, &terms, query)?;
        }
        results.approximate = !found.is_empty();
        if found.is_empty() {
            results.near.clear();
        }
    }
    Ok((terms, found))
}

/// The rows of the pages that the query's conditions let through; `None` where it has none.
pub(crate) fn pages_let_through(db: &Connection, query: &SearchQuery) -> Result<Option<Vec<i64>>> {
    let (conditions, mut values) = conditions(query);
    if conditions.is_empty() {
        return Ok(None);
    }
    values.splice(0..0, [Value::Null, Value::Null]);
    let mut select = db.prepare_cached(&format!("SELECT s.seq FROM searched s WHERE true {conditions}"))?;
    let rows = select.query_map(params_from_iter(values), |row| row.get(0))?;
    Ok(Some(rows.collect::<Result<_, _>>()?))
}

/// The best pages, best first.
fn rank(db: &Connection, terms: &Terms, query: &SearchQuery) -> Result<Vec<Ranked>> {
    let (conditions, mut values) = conditions(query);
    let limit = RANKED.max((query.limit.saturating_add(query.offset)).saturating_mul(RANKED_FOR_EACH));
    values.splice(0..0, [Value::from(terms.expression()), i64::try_from(limit).unwrap_or(i64::MAX).into()]);
    // Another form of a word says less than the word itself.
    let sql = format!(
        "SELECT seq, document, score FROM (
            SELECT s.seq, s.document, -bm25(page_words, 1.0, 0.5) AS score
            FROM page_words CROSS JOIN searched s ON s.seq = page_words.rowid
            WHERE page_words MATCH ?1 {conditions} ORDER BY page_words.rowid DESC LIMIT {COMPARED}
         ) ORDER BY score DESC, seq LIMIT ?2"
    );
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map(params_from_iter(values), |row| {
        Ok(Ranked { seq: row.get(0)?, document: row.get(1)?, score: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What narrows the search, numbered behind the expression and the limit.
fn conditions(query: &SearchQuery) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (String::new(), Vec::<Value>::new());
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        sql.push_str(&condition.replace('#', &format!("?{}", values.len() + 2)));
    };
    if let Some(document) = query.document {
        add(" AND s.document = (SELECT key FROM documents WHERE id = #)", document.to_string().into());
    }
    if let Some(source) = &query.source {
        let condition = " AND s.document IN (SELECT key FROM documents WHERE source GLOB # OR source GLOB '*/' || #)";
        add(condition, source.clone().into());
    }
    if let Some(after) = query.after {
        add(" AND s.document IN (SELECT key FROM documents WHERE submitted_at >= #)", millis(after).into());
    }
    if let Some(before) = query.before {
        add(" AND s.document IN (SELECT key FROM documents WHERE submitted_at < #)", millis(before).into());
    }
    if let Some(origin) = query.origin {
        add(" AND s.origin = #", origin_name(origin).to_owned().into());
    }
    (sql, values)
}

/// The pages that are shown. What a document has beyond its share comes behind all others.
fn in_turn(found: Vec<Ranked>, query: &SearchQuery) -> Vec<Ranked> {
    let share = if query.document.is_some() { usize::MAX } else { query.pages_of_a_document.max(1) };
    let mut given: HashMap<i64, usize> = HashMap::new();
    let (first, last): (Vec<_>, Vec<_>) = found.into_iter().partition(|page| {
        let given = given.entry(page.document).or_default();
        *given += 1;
        *given <= share
    });
    first.into_iter().chain(last).skip(query.offset).take(query.limit).collect()
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
        Some(place) if found_by == FoundBy::Semantic => passage(&record.text, place.clone(), &marks),
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
