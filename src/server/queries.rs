//! What is asked of all pages: by words and meaning, what is like a page, what repeats another.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, UNIX_EPOCH},
};

use actix_web::{HttpResponse, web};
use pagestream_actors::QueryEncoder;
use pagestream_documents::{DocumentId, Origin, PageNumber, Polygon};
use pagestream_store::{
    FoundBy, Hit, ListingPart, SearchMode, SearchQuery, Store, Tag,
    similarity::{PageKey, Relation, is_tiny},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Reading,
    app::{App, Shared, blocking, json},
    caller::Caller,
    problem::{Code, Problem, Result},
};

/// Hits of one answer.
const MOST: usize = 200;

/// Pages that may be passed over: what is compared grows with them.
const FURTHEST: usize = 10_000;

/// Pages that are looked at for each that is answered, where others' are left out.
const FOR_EACH: usize = 8;

/// Documents of a key that are looked at for what repeats what.
const LOOKED_AT: u32 = 100_000;

/// What is searched for. As in `pagestream search`: words, "phrases", -exclusions, begin*.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// What is looked for.
    query: String,
    /// keyword, semantic or hybrid; the last where nothing is said.
    #[schema(pattern = "^(keyword|semantic|hybrid)$")]
    mode: Option<String>,
    /// Most pages of one answer, 1 to 200; 10 where nothing is said.
    #[schema(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Pages that are passed over, 10,000 at most.
    #[schema(maximum = 10_000)]
    offset: Option<usize>,
    /// Only this document.
    document: Option<String>,
    /// Only documents submitted as this, or whose name ends so; `*`, `?` and `[ab]` stand for other characters.
    source: Option<String>,
    /// Only documents with all of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Only pages whose text comes from there: ocr, text-layer or mixed.
    #[schema(pattern = "^(ocr|text-layer|mixed)$")]
    origin: Option<String>,
    /// Only documents submitted then or later: seconds since 1970.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    after: Option<f64>,
    /// Only documents submitted before.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    before: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct SearchAnswer {
    /// How it was searched: `keyword` where meaning was not to be had.
    mode: &'static str,
    hits: Vec<HitView>,
    /// Whether nothing has the words as they were asked for, and the hits have words near to them.
    approximate: bool,
    /// What was searched for in their place.
    near: Vec<NearView>,
}

#[derive(Serialize, ToSchema)]
pub struct NearView {
    word: String,
    instead: Vec<String>,
}

/// A page that was found: as `pagestream search -f jsonl` has it.
#[derive(Serialize, ToSchema)]
pub struct HitView {
    /// Always `pagestream.hit/1`.
    schema: &'static str,
    document: NamedDocument,
    #[schema(value_type = u32)]
    page: PageNumber,
    score: f64,
    /// keyword, semantic or both.
    found_by: &'static str,
    similarity: Option<f32>,
    approximate: bool,
    snippet: String,
    /// What was asked for, in characters of the snippet: from, to.
    marks: Vec<[usize; 2]>,
    width: u32,
    height: u32,
    lines: Vec<HitLineView>,
}

#[derive(Serialize, ToSchema)]
pub struct NamedDocument {
    id: String,
    source: String,
}

#[derive(Serialize, ToSchema)]
pub struct HitLineView {
    index: usize,
    /// Four corners.
    #[schema(value_type = Vec<Vec<f32>>)]
    polygon: Polygon,
    text: String,
}

/// Pages by their words and their meaning, best first.
#[utoipa::path(post, path = "/v1/search", tag = "search", request_body = SearchRequest, responses(
    (status = 200, body = SearchAnswer, description = "What was found"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn search(app: Shared, reading: Reading, payload: web::Payload) -> Result {
    let asked: SearchRequest = json(&app, payload).await?;
    let query = asked.query(&app, &reading.0).await?;
    let results = app.pipeline.search(query).await?;
    let approximate = results.approximate;
    let near = results.near.into_iter().map(|near| NearView { word: near.word, instead: near.instead });
    Ok(HttpResponse::Ok().json(SearchAnswer {
        mode: match results.mode {
            SearchMode::Keyword => "keyword",
            SearchMode::Semantic => "semantic",
            SearchMode::Hybrid => "hybrid",
        },
        hits: results.hits.into_iter().map(|hit| view(hit, approximate)).collect(),
        approximate,
        near: near.collect(),
    }))
}

impl SearchRequest {
    async fn query(self, app: &App, caller: &Caller) -> Result<SearchQuery> {
        let limit = self.limit.unwrap_or(10);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::bad(format!("`limit` is 1 to {MOST}")));
        }
        if self.offset.is_some_and(|offset| offset > FURTHEST) {
            return Err(Problem::bad(format!("`offset` is {FURTHEST} at most")));
        }
        let document = match &self.document {
            Some(id) => Some(app.document(caller, id).await?.id),
            None => None,
        };
        let tags = self.tags.iter().map(|tag| tag.parse::<Tag>().map_err(Problem::bad));
        let tags = tags.chain(caller.narrowed_to().map(Ok)).collect::<Result<Vec<Tag>>>()?;
        let time = |seconds: Option<f64>, name: &str| {
            let time = seconds.map(|seconds| {
                let since = Duration::try_from_secs_f64(seconds).ok();
                since
                    .and_then(|since| UNIX_EPOCH.checked_add(since))
                    .ok_or_else(|| Problem::bad(format!("`{name}` is no time")))
            });
            time.transpose()
        };
        Ok(SearchQuery {
            mode: match self.mode.as_deref() {
                None | Some("hybrid") => SearchMode::Hybrid,
                Some("keyword") => SearchMode::Keyword,
                Some("semantic") => SearchMode::Semantic,
                Some(_) => return Err(Problem::bad("`mode` is keyword, semantic or hybrid")),
            },
            limit,
            offset: self.offset.unwrap_or_default(),
            document,
            source: self.source,
            after: time(self.after, "after")?,
            before: time(self.before, "before")?,
            tags,
            origin: match self.origin.as_deref() {
                None => None,
                Some("ocr") => Some(Origin::Ocr),
                Some("text-layer") => Some(Origin::TextLayer),
                Some("mixed") => Some(Origin::Mixed),
                Some(_) => return Err(Problem::bad("`origin` is ocr, text-layer or mixed")),
            },
            ..SearchQuery::new(self.query)
        })
    }
}

fn view(hit: Hit, approximate: bool) -> HitView {
    // Most languages count characters; few count bytes of UTF-8.
    let characters = |bytes: usize| hit.snippet[..bytes].chars().count();
    let marks = hit.marks.iter().map(|mark| [characters(mark.start), characters(mark.end)]).collect();
    let lines = hit.lines.into_iter();
    HitView {
        schema: "pagestream.hit/1",
        document: NamedDocument { id: hit.document.to_string(), source: hit.source },
        page: hit.page,
        score: hit.score,
        found_by: match hit.found_by {
            FoundBy::Keyword => "keyword",
            FoundBy::Semantic => "semantic",
            FoundBy::Both => "both",
        },
        similarity: hit.similarity,
        approximate,
        marks,
        snippet: hit.snippet,
        width: hit.width,
        height: hit.height,
        lines: lines.map(|line| HitLineView { index: line.index, polygon: line.polygon, text: line.text }).collect(),
    }
}

/// The page, or the text, that others are to be like.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimilarRequest {
    /// A document of which a page was read.
    document: Option<String>,
    /// Its page; 1 where nothing is said.
    #[schema(minimum = 1, maximum = 4_294_967_295_u32, format = Int64)]
    page: Option<u32>,
    /// Or a text.
    text: Option<String>,
    /// Most pages of each kind, 1 to 200; 10 where nothing is said.
    #[schema(minimum = 1, maximum = 200)]
    k: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct SimilarAnswer {
    /// Alike in their letters, nearest first; then those that are near in meaning and were not named.
    pages: Vec<SimilarView>,
    /// Whether the text was too short to be compared.
    too_short: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SimilarView {
    document: String,
    source: String,
    #[schema(value_type = u32)]
    page: PageNumber,
    similarity: f32,
    /// exact, near, alike or related (in meaning).
    relation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<DiffersView>,
    /// The passage that is nearest in meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DiffersView {
    words: u32,
    of: u32,
    pairs: Vec<[String; 2]>,
}

/// The pages most like one that was read, or like a text.
#[utoipa::path(post, path = "/v1/similar", tag = "search", request_body = SimilarRequest, responses(
    (status = 200, body = SimilarAnswer, description = "What is like it"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn similar(app: Shared, reading: Reading, payload: web::Payload) -> Result {
    let asked: SimilarRequest = json(&app, payload).await?;
    let k = asked.k.unwrap_or(10);
    if !(1..=MOST).contains(&k) {
        return Err(Problem::bad(format!("`k` is 1 to {MOST}")));
    }
    let page = match (&asked.document, asked.page) {
        (None, Some(_)) => return Err(Problem::bad("a page is one of a document: name it in `document`")),
        (None, None) => None,
        (Some(id), page) => {
            let document = app.document(&reading.0, id).await?.id;
            let page = PageNumber::new(page.unwrap_or(1)).ok_or_else(|| Problem::bad("pages are counted from 1"))?;
            Some(PageKey { document, page })
        }
    };
    if page.is_some() == asked.text.is_some() {
        return Err(Problem::bad("either a page of a document is asked about, or a `text`"));
    }
    let (store, encoder, caller) = (app.pipeline.store().clone(), app.pipeline.query_encoder(), reading.0);
    let answer = blocking(move || {
        let text = match (asked.text, page) {
            (Some(text), _) => text,
            (None, Some(page)) => text_of(&store, page)?,
            (None, None) => String::new(),
        };
        alike(&store, encoder.as_ref(), &caller, &text, page, k)
    });
    Ok(HttpResponse::Ok().json(answer.await?))
}

/// The text of a page; of one that was delivered without it, that of the page that it repeats.
fn text_of(store: &Store, page: PageKey) -> Result<String> {
    let record = store.page(page.document, page.page)?;
    let Some(record) = record else {
        return Err(Problem::new(Code::NoSuchPage, format!("the document has no page {} that was read", page.page)));
    };
    match record.duplicate_of.as_ref().filter(|_| record.text.is_empty()) {
        Some(of) => Ok(store.page(of.document, of.page)?.map(|record| record.text).unwrap_or_default()),
        None => Ok(record.text),
    }
}

fn alike(
    store: &Store,
    encoder: Option<&QueryEncoder>,
    caller: &Caller,
    text: &str,
    page: Option<PageKey>,
    k: usize,
) -> Result<SimilarAnswer> {
    if is_tiny(text) {
        return Ok(SimilarAnswer { pages: Vec::new(), too_short: true });
    }
    let mut names = Names { store, caller, known: HashMap::new() };
    let looked_at = if caller.sees_all() { k } else { k.saturating_mul(FOR_EACH) };
    let (mut pages, mut named) = (Vec::new(), HashSet::new());
    for found in store.similar(text, looked_at, page)? {
        named.insert(found.key);
        let Some(source) = names.of(found.key.document)? else { continue };
        pages.push(SimilarView {
            document: found.key.document.to_string(),
            source,
            page: found.key.page,
            similarity: found.similarity,
            relation: match found.relation {
                Relation::Same => "exact",
                Relation::NearDuplicate => "near",
                Relation::Alike => "alike",
            },
            differs: Some(DiffersView {
                words: found.differs.different,
                of: found.differs.words,
                pairs: found.differs.pairs,
            }),
            passage: None,
        });
    }
    pages.truncate(k);
    let Some(encoder) = encoder else { return Ok(SimilarAnswer { pages, too_short: false }) };
    let passages = encoder.passages(text).map_err(|error| Problem::new(Code::NoModel, error.to_string()))?;
    let related = match passages.is_empty() {
        true => Vec::new(),
        false => store.related_to(encoder.model(), &passages, looked_at + named.len(), page)?,
    };
    let mut count = 0;
    for found in related.into_iter().filter(|found| !named.contains(&found.key)) {
        let Some(source) = names.of(found.key.document)? else { continue };
        if count == k {
            break;
        }
        count += 1;
        pages.push(SimilarView {
            document: found.key.document.to_string(),
            source,
            page: found.key.page,
            similarity: found.similarity,
            relation: "related",
            differs: None,
            passage: Some(found.text),
        });
    }
    Ok(SimilarAnswer { pages, too_short: false })
}

/// What documents are called that the caller may see, asked once each.
struct Names<'a> {
    store: &'a Store,
    caller: &'a Caller,
    known: HashMap<DocumentId, Option<String>>,
}

impl Names<'_> {
    fn of(&mut self, id: DocumentId) -> Result<Option<String>> {
        if let Some(name) = self.known.get(&id) {
            return Ok(name.clone());
        }
        let document = self.store.document(id)?.filter(|document| self.caller.may_see(document));
        let name = document.map(|document| document.source);
        self.known.insert(id, name.clone());
        Ok(name)
    }
}

/// Among which documents it is looked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicatesRequest {
    /// Only documents with all of these tags.
    #[serde(default)]
    tags: Vec<String>,
    /// At most so many groups, the largest first; 100 where nothing is said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct DuplicatesAnswer {
    groups: Vec<Group>,
    /// Groups that there are.
    total: usize,
}

/// Pages that repeat one another.
#[derive(Serialize, ToSchema)]
pub struct Group {
    /// The earliest: the one to keep.
    keep: PageView,
    repeats: Vec<PageView>,
}

#[derive(Serialize, ToSchema)]
pub struct PageView {
    document: String,
    source: String,
    #[schema(value_type = u32)]
    page: PageNumber,
    /// exact or near; absent of the one to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity: Option<f32>,
}

/// The pages that repeat one another.
#[utoipa::path(post, path = "/v1/duplicates", tag = "search", request_body = DuplicatesRequest, responses(
    (status = 200, body = DuplicatesAnswer, description = "Groups of them"),
    (status = "4XX", content_type = "application/problem+json", body = Problem, description = "What is amiss"),
))]
pub async fn duplicates(app: Shared, reading: Reading, payload: web::Payload) -> Result {
    let asked: DuplicatesRequest = json(&app, payload).await?;
    let limit = asked.limit.unwrap_or(100);
    let tags = asked.tags.iter().map(|tag| tag.parse::<Tag>().map_err(Problem::bad)).collect::<Result<Vec<_>>>()?;
    let (store, caller) = (app.pipeline.store().clone(), reading.0);
    let answer = blocking(move || {
        let part = ListingPart { owner: caller.narrowed_to(), limit: LOOKED_AT, ..ListingPart::default() };
        let documents = store.documents_part(&part)?.into_iter().filter(|document| document.has_tags(&tags));
        let sources: HashMap<DocumentId, String> = documents.map(|document| (document.id, document.source)).collect();
        let clusters = store.duplicates(|id, _| sources.contains_key(&id))?;
        let page = |key: PageKey| -> Option<PageView> {
            let source = sources.get(&key.document)?.clone();
            Some(PageView { document: key.document.to_string(), source, page: key.page, tier: None, similarity: None })
        };
        let groups = clusters.iter().filter_map(|cluster| {
            let repeats = cluster.repeats.iter().filter_map(|repeat| {
                let tier = Some(if repeat.same { "exact" } else { "near" });
                Some(PageView { tier, similarity: Some(repeat.similarity), ..page(repeat.key)? })
            });
            Some(Group { keep: page(cluster.keep)?, repeats: repeats.collect() })
        });
        let mut groups: Vec<Group> = groups.collect();
        let total = groups.len();
        groups.sort_by_key(|group| std::cmp::Reverse(group.repeats.len()));
        groups.truncate(limit);
        Ok(DuplicatesAnswer { groups, total })
    });
    Ok(HttpResponse::Ok().json(answer.await?))
}
