//! Formulas under way: each step is one run of the decoder for all of them; who has ended makes room for who waits.

use std::collections::VecDeque;

use pagestream_documents::ByteSize;

use super::{
    Ending, FormulaOptions, FormulaReading,
    batch::{Batch, HIDDEN},
    model::FormulaModel,
    network::{Answer, Fed, Network},
    picture::{self, GrayCrop, Picture},
    search::{Found, Keep, Limits, Search},
};
use crate::{
    backend::Backend,
    error::{Error, Result},
};

/// Reads formulas on one thread of one device.
pub struct FormulaReader {
    model: FormulaModel,
    options: FormulaOptions,
    network: Network,
    batch: Batch,
    /// As many as the batch has rows.
    under_way: Vec<UnderWay>,
    waiting: VecDeque<(u64, Option<Picture>)>,
    fed: Fed,
    answer: Answer,
    keep: Vec<Keep>,
    counts: FormulaCounts,
}

/// What reading came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormulaCounts {
    pub formulas: u64,
    /// Tokens written.
    pub tokens: u64,
    /// Runs of the decoder.
    pub runs: u64,
    /// Tokens that were drafted, and those of them that were right.
    pub drafted: u64,
    pub accepted: u64,
}

struct UnderWay {
    key: u64,
    search: Search,
}

impl FormulaReader {
    /// Loads both networks.
    ///
    /// # Errors
    /// [`Error::Load`] where a network cannot be loaded, or does not fit its tokens.
    pub fn load(backend: &dyn Backend, model: &FormulaModel, options: FormulaOptions) -> Result<Self> {
        let network = Network::load(backend, &model.encoder, &model.decoder)?;
        let tokens = model.language.vocabulary.len();
        if network.sizes().vocabulary != tokens {
            let cause = format!("it has {} classes for {tokens} tokens", network.sizes().vocabulary);
            return Err(Error::Load { model: model.decoder.id.clone(), backend: backend.name().to_owned(), cause });
        }
        let batch = Batch::new(network.sizes());
        Ok(Self {
            model: model.clone(),
            options,
            network,
            batch,
            under_way: Vec::new(),
            waiting: VecDeque::new(),
            fed: Fed::default(),
            answer: Answer::default(),
            keep: Vec::new(),
            counts: FormulaCounts::default(),
        })
    }

    /// Reads crops, in their order. Others that are under way go on beside them, and are lost.
    ///
    /// # Errors
    /// [`Error::Inference`]; nothing is under way then.
    pub fn read(&mut self, crops: &[GrayCrop<'_>]) -> Result<Vec<FormulaReading>> {
        let pictures = crops.iter().map(|&crop| picture::prepare(crop)).collect();
        self.read_pictures(pictures)
    }

    /// As [`FormulaReader::read`], of what [`picture::prepare`] has made of crops.
    ///
    /// # Errors
    /// As there.
    pub fn read_pictures(&mut self, pictures: Vec<Option<Picture>>) -> Result<Vec<FormulaReading>> {
        let found = self.find(pictures)?;
        Ok(found.iter().map(|found| self.model.reading(found)).collect())
    }

    /// The same in numbers of tokens.
    pub(super) fn find(&mut self, pictures: Vec<Option<Picture>>) -> Result<Vec<Found>> {
        self.abandon();
        let mut all: Vec<Option<Found>> = vec![None; pictures.len()];
        let mut pictures: Vec<_> = (0u64..).zip(pictures).collect();
        // Pictures of like size share runs, so that little is filled up.
        pictures.sort_by_key(|(key, picture)| (picture.as_ref().map_or(0, Picture::places), *key));
        self.waiting.extend(pictures);
        while !self.is_idle() {
            for (key, found) in self.go_a_step()? {
                all[key as usize] = Some(found);
            }
        }
        all.into_iter().map(|found| found.ok_or_else(|| self.lost())).collect()
    }

    pub(super) fn lost(&self) -> Error {
        Error::Inference { model: self.model.decoder.id.clone(), cause: "a formula was lost".to_owned() }
    }

    /// Puts a crop among those that wait, under a key of the caller's.
    pub fn submit(&mut self, key: u64, crop: GrayCrop<'_>) {
        self.submit_picture(key, picture::prepare(crop));
    }

    /// As [`FormulaReader::submit`], of what [`picture::prepare`] has made of a crop.
    pub fn submit_picture(&mut self, key: u64, picture: Option<Picture>) {
        self.waiting.push_back((key, picture));
    }

    /// Formulas that wait or are under way.
    pub fn pending(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    pub fn is_idle(&self) -> bool {
        self.pending() == 0
    }

    /// Lets go of all that wait or are under way.
    pub fn abandon(&mut self) {
        self.waiting.clear();
        self.under_way.clear();
        self.batch = Batch::new(self.network.sizes());
    }

    pub fn counts(&self) -> FormulaCounts {
        self.counts
    }

    /// Bytes that are held, weights among them: an estimate.
    pub fn memory(&self) -> ByteSize {
        let sizes = self.network.sizes();
        let held = self.batch.rows() * (self.batch.width() + self.batch.past()) * sizes.bytes_a_place();
        ByteSize(self.network.memory().0 + held as u64)
    }

    /// Lets in who waits, as far as there is room, and runs the decoder once. What has ended, with the keys it was submitted under.
    ///
    /// # Errors
    /// [`Error::Inference`]; nothing waits or is under way then.
    pub fn step(&mut self) -> Result<Vec<(u64, FormulaReading)>> {
        let ended = self.go_a_step()?;
        Ok(ended.iter().map(|(key, found)| (*key, self.model.reading(found))).collect())
    }

    fn go_a_step(&mut self) -> Result<Vec<(u64, Found)>> {
        let ended = self.try_step();
        if ended.is_err() {
            self.abandon();
        }
        ended
    }

    fn try_step(&mut self) -> Result<Vec<(u64, Found)>> {
        let mut ended = self.let_in()?;
        if self.under_way.is_empty() {
            return Ok(ended);
        }
        self.ask();
        self.network.step(&self.batch, &self.fed, &mut self.answer)?;
        self.counts.runs += 1;
        self.go_on(&mut ended);
        Ok(ended)
    }

    fn let_in(&mut self) -> Result<Vec<(u64, Found)>> {
        let mut ended = Vec::new();
        while let Some((_, next)) = self.waiting.front() {
            let places = next.as_ref().map_or(0, Picture::places);
            let full = self.batch.rows() >= self.options.max_rows.max(1)
                || self.batch.bytes_with(places) > self.options.max_bytes;
            if places > 0 && full && self.batch.rows() > 0 {
                break;
            }
            let Some((key, picture)) = self.waiting.pop_front() else { break };
            let Some(picture) = picture else {
                let nothing = Found { tokens: Vec::new(), score: f64::NEG_INFINITY, ending: Ending::Empty };
                self.counts.formulas += 1;
                ended.push((key, nothing));
                continue;
            };
            self.network.encode(&picture, &mut self.batch)?;
            let limits = Limits { beam: self.options.beam.max(1), tokens: self.options.max_tokens };
            self.under_way.push(UnderWay { key, search: Search::new(limits) });
        }
        Ok(ended)
    }

    /// What all formulas ask goes into one run.
    fn ask(&mut self) {
        let Self { under_way, batch, fed, options, model, .. } = self;
        for (row, UnderWay { search, .. }) in under_way.iter_mut().enumerate() {
            let drafted = match search.position() {
                Some(position) if search.is_greedy() && options.draft > 0 => {
                    let language = &model.language;
                    language.drafts.draft(search.tokens(), position, &language.grammar, options.draft)
                }
                _ => Vec::new(),
            };
            if search.room(drafted.len()) > batch.past()
                && let Some(needed) = search.compact()
            {
                batch.gather(row, &needed);
            }
            batch.make_room(search.room(drafted.len()));
            search.ask(&drafted);
        }
        let (n, past) = (under_way.len(), batch.past());
        let t = under_way.iter().map(|formula| formula.search.asked().len()).max().unwrap_or(0);
        fed.t = t;
        fed.tokens.clear();
        fed.tokens.resize(n * t, -1);
        fed.positions.clear();
        fed.positions.resize(n * t, 0);
        fed.seen.clear();
        fed.seen.resize(n * t * (past + t), HIDDEN);
        let rows = fed.tokens.chunks_exact_mut(t).zip(fed.positions.chunks_exact_mut(t));
        let rows = rows.zip(fed.seen.chunks_exact_mut(t * (past + t)));
        for (((tokens, positions), seen), UnderWay { search, .. }) in rows.zip(under_way.iter()) {
            let seen = seen.chunks_exact_mut(past + t);
            let given = tokens.iter_mut().zip(positions).zip(seen);
            for (index, (((token, position), seen), asked)) in given.zip(search.asked()).enumerate() {
                *token = asked.token as i64;
                *position = asked.position as i64;
                let (past, new) = seen.split_at_mut(past);
                search.show(index, past, new);
            }
        }
    }

    fn go_on(&mut self, ended: &mut Vec<(u64, Found)>) {
        let (t, vocabulary) = (self.fed.t, self.network.sizes().vocabulary);
        let mut found = Vec::new();
        for row in 0..self.under_way.len() {
            let Self { under_way, answer, keep, batch, model, .. } = self;
            let logits = |index: usize| answer.of(row, index, t, vocabulary);
            match under_way[row].search.advance(logits, &model.language.grammar, keep) {
                Some(reading) => found.push((row, reading)),
                None => {
                    for (layer, [keys, values]) in answer.made.iter().enumerate() {
                        keep.iter().for_each(|keep| batch.keep(layer, row, (keys, values), (keep.asked, t), keep.at));
                    }
                }
            }
        }
        // From the last row on, so that the rows before stay where they are.
        for (row, reading) in found.into_iter().rev() {
            let UnderWay { key, search } = self.under_way.swap_remove(row);
            self.batch.swap_remove(row);
            self.counts.drafted += search.drafted as u64;
            self.counts.accepted += search.accepted as u64;
            self.counts.formulas += 1;
            self.counts.tokens += reading.tokens.len() as u64;
            ended.push((key, reading));
        }
    }
}
