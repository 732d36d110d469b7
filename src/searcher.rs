//! Search of a data directory by a program that has no pipeline.

use std::path::PathBuf;

use futures::{Stream, StreamExt, stream};
use pagestream_actors::{
    Error, QueryEncoder,
    error::{model_error, store_error},
};
use pagestream_store::{Hit, Reader, SearchMode, SearchQuery, SearchResults, Store};

use crate::{engine, engine::Fetching, plan::Plan};

/// Hits that are asked for at a time where they come as a stream.
const AT_ONCE: usize = 50;

/// Searches a data directory, while another process writes there or none. It only reads. Opened once it answers many queries: the model
/// of queries and the vectors of pages are loaded with the first that needs them. Cheap to clone.
#[derive(Clone)]
pub struct Searcher {
    reader: Reader,
    encoder: Option<QueryEncoder>,
}

impl Searcher {
    /// Of words alone: what is found by meaning needs a model, and [`Searcher::open`].
    ///
    /// # Errors
    /// [`Error::Store`] when there is no data directory or it cannot be read.
    pub async fn of_words(data_dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = data_dir.into();
        let reader = blocking(move || Store::open_reader(&dir).map_err(store_error)).await?;
        Ok(Self { reader, encoder: None })
    }

    /// Of words, and of meaning where the plan has a model for it ([`Plan::embedder`]). The model is fetched if `fetching` allows it.
    ///
    /// # Errors
    /// As [`Searcher::of_words`].
    pub async fn open(data_dir: impl Into<PathBuf>, plan: &Plan, fetching: &Fetching) -> Result<Self, Error> {
        let encoder = engine::query_encoder(plan, fetching);
        Ok(Self { encoder, ..Self::of_words(data_dir).await? })
    }

    /// One page of results, best first; the next is asked for with [`SearchQuery::offset`].
    ///
    /// # Errors
    /// [`Error::Query`] for a query that asks for nothing, or for meaning where there is no model; [`Error::Model`] where the model
    /// cannot be had; [`Error::Store`] when the data directory cannot be read.
    pub async fn search(&self, query: SearchQuery) -> Result<SearchResults, Error> {
        let this = self.clone();
        blocking(move || this.search_now(query)).await
    }

    /// As [`Searcher::search`], on the thread of the caller.
    ///
    /// # Errors
    /// As [`Searcher::search`].
    pub fn search_now(&self, mut query: SearchQuery) -> Result<SearchResults, Error> {
        self.encode(&mut query)?;
        self.reader.search(&query).map_err(store_error)
    }

    fn encode(&self, query: &mut SearchQuery) -> Result<(), Error> {
        if let (None, Some(encoder)) = (&query.vector, &self.encoder)
            && query.mode != SearchMode::Keyword
        {
            query.vector = encoder.encode(&query.text).map_err(model_error)?;
        }
        Ok(())
    }

    /// All hits, best first, from [`SearchQuery::offset`] on; [`SearchQuery::limit`] is how many are asked for at a time, 0 for as
    /// many as is good. Ends after an error.
    pub fn hits(&self, mut query: SearchQuery) -> impl Stream<Item = Result<Hit, Error>> + Send + use<> {
        if query.limit == 0 {
            query.limit = AT_ONCE;
        }
        let this = self.clone();
        let pages = stream::unfold(Some(query), move |query| {
            let this = this.clone();
            async move {
                let mut query = query?;
                let page = move || {
                    // Encoded with the first page of results.
                    this.encode(&mut query)?;
                    let hits = this.reader.search(&query).map_err(store_error)?.hits;
                    query.offset = query.offset.saturating_add(hits.len());
                    let more = hits.len() == query.limit;
                    Ok((hits, more.then_some(query)))
                };
                match blocking(page).await {
                    Err(error) => Some((vec![Err(error)], None)),
                    Ok((hits, next)) => Some((hits.into_iter().map(Ok).collect(), next)),
                }
            }
        });
        pages.flat_map(stream::iter)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Start(e.to_string()))?
}
