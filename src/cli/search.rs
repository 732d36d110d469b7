//! `pagestream search`: pages of the data directory by their words and their meaning. It only reads, whether another process writes or
//! none.

use std::{
    io::{self, IsTerminal, Write},
    ops::Range,
    time::{Duration, SystemTime},
};

use clap::{Args, ValueEnum};
use pagestream::{FoundBy, Hit, Origin, SearchMode, SearchQuery, SearchResults, Settings, Tag, harmless};
use serde_json::json;

use super::{
    answer::{Format, Stopped},
    documents::{self, DataArgs, FilterArgs, Refusal},
    exit::Exit,
    meaning,
    printer::Printer,
};

/// The schema of a line of `-f jsonl`: fields are added without notice and changed only with a new version.
const SCHEMA: &str = "pagestream.hit/1";

const QUERIES: &str = "\
A query:
  quick fox           pages with both words, wherever they stand
  \"quick fox\"         the words beside each other
  fox -lazy           without a word, or without a -\"phrase in quotes\"
  doc*                words that begin so (two letters or more)

Put it in single quotes, so that the shell leaves it alone: 'fox -\"lazy dog\"'. One that begins with a minus comes behind `--`. Nothing else is an operator. Case, diacritics, ligatures, \
soft hyphens and line ends do not matter: `lodz` finds `Łódź`, `afib` what was set with a ligature, `document` what a line's end broke, 1000 \
also 1,000. Where no page has the words, words are tried that differ by a letter or by what OCR takes for another; then it is said so.

Exit codes: 0 something was found, 1 nothing was, 9 the query, an option or the data directory makes no sense, 5 the data cannot be read.";

#[derive(Args)]
#[command(after_long_help = QUERIES, after_help = "`--help` says how queries are written")]
pub struct SearchArgs {
    /// What to look for: words, "phrases", -exclusions, begin*
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// By words (keyword), by meaning (semantic), or by both (hybrid; the default where the model of meanings is installed)
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Most pages that are shown
    #[arg(short = 'k', long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only this document: its file name, or its identity, or as much of them as no other has; else two pages of one come
    /// before other documents have had their turn
    #[arg(long, value_name = "DOCUMENT")]
    document: Option<String>,
    /// Only documents submitted as this, or whose path ends so; `*`, `?` and `[ab]` stand for other characters
    #[arg(long, value_name = "GLOB")]
    source: Option<String>,
    /// Only documents submitted on this day or later, such as 2026-11-28 (UTC)
    #[arg(long, value_name = "DATE", value_parser = day)]
    after: Option<SystemTime>,
    /// Only documents submitted before this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    before: Option<SystemTime>,
    /// Only documents with this tag; several: with all of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,
    /// Only pages whose text comes from there
    #[arg(long, value_enum)]
    origin: Option<TextFrom>,
    /// How hits look: text (the default), one `source:page: snippet` a line, or jsonl
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Keyword,
    Semantic,
    Hybrid,
}

impl From<Mode> for SearchMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Keyword => Self::Keyword,
            Mode::Semantic => Self::Semantic,
            Mode::Hybrid => Self::Hybrid,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum TextFrom {
    Ocr,
    TextLayer,
    Mixed,
}

pub fn run(args: &SearchArgs, settings: Settings, printer: &Printer) -> Exit {
    let results = match search(args, settings, printer) {
        Ok(results) => results,
        Err(refusal) => return refusal.tell(printer),
    };
    if let Err(error) = args.print(&results) {
        return Stopped::Output(error).tell("hits", printer);
    }
    tell(&results, printer);
    if results.hits.is_empty() { Exit::NOTHING_FOUND } else { Exit::Ok }
}

fn search(args: &SearchArgs, settings: Settings, printer: &Printer) -> Result<SearchResults, Refusal> {
    let reader = documents::open(&settings)?;
    let document = args.document.as_deref();
    let document = document.map(|text| documents::find(&reader, text, &FilterArgs::default())).transpose()?;
    let query = SearchQuery {
        limit: args.limit as usize,
        document: document.map(|document| document.id),
        source: args.source.clone(),
        after: args.after,
        before: args.before,
        tags: args.tags.clone(),
        origin: args.origin.map(|origin| match origin {
            TextFrom::Ocr => Origin::Ocr,
            TextFrom::TextLayer => Origin::TextLayer,
            TextFrom::Mixed => Origin::Mixed,
        }),
        mode: args.mode.map_or(SearchMode::Hybrid, SearchMode::from),
        vector: None,
        ..SearchQuery::new(args.query.join(" "))
    };
    let vector = match query.mode {
        SearchMode::Keyword => None,
        SearchMode::Semantic | SearchMode::Hybrid => {
            meaning::encode(&query.text, args.mode.is_some(), settings, printer)?
        }
    };
    Ok(reader.search(&SearchQuery { vector, ..query })?)
}

/// What there is to know beside the hits.
fn tell(results: &SearchResults, printer: &Printer) {
    if results.hits.is_empty() {
        printer.note("no page has this");
    }
    if results.mode == SearchMode::Hybrid
        && !results.hits.is_empty()
        && results.hits.iter().all(|hit| hit.found_by == FoundBy::Semantic)
    {
        printer.note("no page has these words; these are the nearest in meaning");
    }
    if results.approximate {
        for near in &results.near {
            let instead = near.instead.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            printer.note(&format!("no page has what was asked for: near to `{}` is {instead}", near.word));
        }
    }
    if results.pages_not_indexed > 0 {
        let pages = results.pages_not_indexed;
        printer.note(&format!(
            "{pages} pages of an earlier version are not in the index yet; whatever writes to the directory adds them"
        ));
    }
}

impl SearchArgs {
    fn print(&self, results: &SearchResults) -> io::Result<()> {
        let marks = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut out = io::stdout().lock();
        for hit in &results.hits {
            match self.format {
                Format::Jsonl => writeln!(out, "{}", line(hit, results.approximate))?,
                Format::Text => {
                    let (source, snippet) =
                        (harmless(&hit.source), if marks { marked(hit) } else { harmless(&hit.snippet).into_owned() });
                    writeln!(out, "{source}:{}: {snippet}", hit.page)?;
                }
            }
        }
        out.flush()
    }
}

/// The snippet with what was asked for in bold.
fn marked(hit: &Hit) -> String {
    let (mut text, mut at) = (String::new(), 0);
    for Range { start, end } in hit.marks.iter().cloned() {
        let (before, mark) = (harmless(&hit.snippet[at..start]), harmless(&hit.snippet[start..end]));
        text.push_str(&format!("{before}\x1b[1;31m{mark}\x1b[0m"));
        at = end;
    }
    text.push_str(&harmless(&hit.snippet[at..]));
    text
}

fn line(hit: &Hit, approximate: bool) -> serde_json::Value {
    // Most languages count characters; few count bytes of UTF-8.
    let characters = |bytes: usize| hit.snippet[..bytes].chars().count();
    let marks: Vec<_> = hit.marks.iter().map(|mark| [characters(mark.start), characters(mark.end)]).collect();
    let lines = hit.lines.iter().map(|line| json!({ "index": line.index, "polygon": line.polygon, "text": line.text }));
    json!({
        "schema": SCHEMA,
        "document": { "id": hit.document, "source": hit.source },
        "page": hit.page,
        "score": hit.score,
        "found_by": match hit.found_by {
            FoundBy::Keyword => "keyword",
            FoundBy::Semantic => "semantic",
            FoundBy::Both => "both",
        },
        "similarity": hit.similarity,
        "approximate": approximate,
        "snippet": hit.snippet,
        "marks": marks,
        "width": hit.width,
        "height": hit.height,
        "lines": lines.collect::<Vec<_>>(),
    })
}

/// The beginning of a day in UTC (days from the civil calendar: Hinnant, "chrono-compatible low-level date algorithms").
fn day(text: &str) -> Result<SystemTime, String> {
    let wrong = || format!("`{text}` is no day; write it as 2026-11-28");
    let mut parts =
        text.split('-').map(|part| part.parse::<u64>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit())));
    let (Some(Some(year)), Some(Some(month)), Some(Some(day)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=longest).contains(&day) {
        return Err(wrong());
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs((days - 719_468) * 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let seconds =
            |text: &str| day(text).ok().map(|day| day.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        // By `date -u -d DAY +%s`.
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2024-03-01", Some(1_709_251_200)),
            ("2026-11-22", Some(1_795_305_600)),
            ("2100-03-01", Some(4_107_542_400)),
            ("2100-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-11-31", None),
            ("1969-12-31", None),
            ("2026-11", None),
            ("2026-11-+1", None),
            ("yesterday", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
