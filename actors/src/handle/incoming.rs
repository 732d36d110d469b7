//! Documents that come as streams: a piece at a time, into the spool.

use std::io;

use pagestream_store::{Blob, Error as StoreError, Incoming};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{DocumentHandle, Pipeline};
use crate::{
    admission::Admitted,
    error::{Error, Result, store_error},
    messages::SubmittedInput,
    options::SubmitOptions,
    stages::ingest::not_taken,
};

/// Bytes that are gathered before they are written.
const PIECE: usize = 256 << 10;

/// Bytes of a stream that are read at most at a time.
const PART: usize = 64 << 10;

/// A place among the open documents, taken before it is known what comes: what comes may fail and come again, and the place stays.
/// Given back when it drops.
pub struct Place {
    pipeline: Pipeline,
    admission: Admitted,
}

impl Pipeline {
    /// Waits for a place among the open documents.
    ///
    /// # Errors
    /// [`Error::Closed`] when the pipeline drains, [`Error::Fatal`] when it has failed.
    pub async fn place(&self, options: &SubmitOptions) -> Result<Place> {
        self.may_submit()?;
        let admission = self.admission.wait(options.priority()).await;
        // It may have been closed meanwhile: then nothing is to be read any more.
        self.may_submit()?;
        Ok(Place { pipeline: self.clone(), admission })
    }

    /// As [`Pipeline::place`], but answers [`Error::Busy`] instead of waiting for another document to end.
    ///
    /// # Errors
    /// As [`Pipeline::place`], and [`Error::Busy`].
    pub fn try_place(&self, options: &SubmitOptions) -> Result<Place> {
        self.may_submit()?;
        Ok(Place { pipeline: self.clone(), admission: self.admitted_now(options)? })
    }

    /// Resolves when the pipeline takes no documents any more.
    pub async fn closing(&self) {
        // The sender is ours: it does not go before the pipeline does.
        let _ = self.shared.draining.subscribe().wait_for(|draining| *draining).await;
    }
}

impl Place {
    /// Begins to take bytes into the spool. Dropped before its end, it leaves nothing behind.
    ///
    /// # Errors
    /// [`Error::Store`] when nothing can be kept, [`Error::Closed`] when the pipeline has stopped.
    pub async fn begin(&self) -> Result<Spooling> {
        let store = self.pipeline.shared.store.clone();
        let incoming = self.pipeline.blocking(move || store.blobs().begin()).await?.map_err(store_error)?;
        Ok(Spooling { pipeline: self.pipeline.clone(), incoming, piece: Vec::with_capacity(PIECE) })
    }

    /// Submits what was spooled, under a name for people.
    ///
    /// # Errors
    /// As [`Pipeline::submit`].
    pub async fn submit(self, name: impl Into<String>, blob: Blob, options: SubmitOptions) -> Result<DocumentHandle> {
        let input = SubmittedInput::Spooled { name: name.into(), blob };
        self.pipeline.submit_admitted(input, options, self.admission).await
    }

    /// Takes a stream into the spool and submits it. The caller's thread reads, the pipeline's threads for blocking work write.
    async fn submit_reader(
        self,
        name: String,
        mut reader: impl AsyncRead + Unpin,
        options: SubmitOptions,
    ) -> Result<DocumentHandle> {
        let most = self.pipeline.shared.options.reading.limits.page.bytes().saturating_mul(8);
        let mut spooling = self.begin().await?;
        let (mut part, mut size) = (vec![0; PART], 0u64);
        loop {
            let read = match reader.read(&mut part).await {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(not_taken(&name, StoreError::Input(error))),
            };
            size += read as u64;
            if size > most {
                let cause = "the stream is longer than a stream may be; submit it as a file".to_owned();
                return Err(Error::Read { name, cause, kind: io::ErrorKind::FileTooLarge });
            }
            spooling = spooling.write(&part[..read]).await?;
        }
        let blob = spooling.finish().await?;
        self.submit(name, blob, options).await
    }
}

/// Bytes on their way into the spool, a piece of 256 KiB in memory.
pub struct Spooling {
    pipeline: Pipeline,
    incoming: Box<dyn Incoming>,
    piece: Vec<u8>,
}

impl Spooling {
    /// Takes bytes, of any number.
    ///
    /// # Errors
    /// As [`Place::begin`].
    pub async fn write(mut self, mut bytes: &[u8]) -> Result<Self> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                self = self.flush().await?;
            }
        }
        Ok(self)
    }

    async fn flush(self) -> Result<Self> {
        let Self { pipeline, mut incoming, mut piece } = self;
        let written = pipeline.blocking(move || incoming.write(&piece).map(|()| (incoming, piece)));
        (incoming, piece) = written.await?.map_err(store_error)?;
        piece.clear();
        Ok(Self { pipeline, incoming, piece })
    }

    /// What was taken is durable when this returns.
    ///
    /// # Errors
    /// As [`Place::begin`].
    pub async fn finish(self) -> Result<Blob> {
        let Self { pipeline, incoming, .. } = self.flush().await?;
        pipeline.blocking(move || incoming.finish()).await?.map_err(store_error)
    }
}

impl Pipeline {
    /// Submits what a reader gives, under a name for people. The bytes go to the spool as they come, a piece of 256 KiB in
    /// memory, up to the page limit's eightfold (4 GiB by default); longer documents are submitted as files. Waits for a place
    /// before it begins to read. Dropped before its end, it leaves nothing behind.
    ///
    /// # Errors
    /// As [`Pipeline::submit`]; [`Error::Read`] also when the reader fails or gives more than that.
    pub async fn submit_reader(
        &self,
        name: impl Into<String>,
        reader: impl AsyncRead + Unpin,
        options: SubmitOptions,
    ) -> Result<DocumentHandle> {
        self.place(&options).await?.submit_reader(name.into(), reader, options).await
    }

    /// As [`Pipeline::submit_reader`], but answers [`Error::Busy`] instead of waiting for another document to end; then nothing was read.
    ///
    /// # Errors
    /// As [`Pipeline::submit_reader`], and [`Error::Busy`].
    pub async fn try_submit_reader(
        &self,
        name: impl Into<String>,
        reader: impl AsyncRead + Unpin,
        options: SubmitOptions,
    ) -> Result<DocumentHandle> {
        self.try_place(&options)?.submit_reader(name.into(), reader, options).await
    }
}
