//! The devices, and which of them still work: what the stages hold that send pages to a device.
//!
//! It knows of a device's scheduler only that it takes [`PreparedPage`]s and [`BackgroundInferences`], so that the stages on either
//! side of it need not know each other. It holds no page.

use std::{cell::RefCell, rc::Rc};

use pagestream_documents::PageStatus;
use tokio::sync::watch;

use super::{StageRef, Takes, embedding_deduper::EmbeddingDeduper};
use crate::{
    error::Error,
    messages::{BackgroundInferences, DecodedPage, PreparedPage},
    ticket::PageTicket,
};

/// See the module. Lives on the arbiter's thread.
#[derive(Clone)]
pub struct DeviceRouter {
    inner: Rc<Router>,
}

/// What a scheduler takes.
pub trait Device: Takes<PreparedPage> + Takes<BackgroundInferences> {}

impl<T: Takes<PreparedPage> + Takes<BackgroundInferences>> Device for T {}

struct Router {
    devices: RefCell<Vec<Box<dyn Device>>>,
    states: RefCell<Vec<DeviceState>>,
    deduper: StageRef<EmbeddingDeduper>,
    /// Why the last device was lost; read by the handle.
    fatal: watch::Sender<Option<Error>>,
}

#[derive(Clone, Default)]
struct DeviceState {
    lost: Option<String>,
    pages: usize,
}

impl DeviceRouter {
    pub fn new(deduper: StageRef<EmbeddingDeduper>, fatal: watch::Sender<Option<Error>>) -> Self {
        let inner = Router { devices: RefCell::default(), states: RefCell::default(), deduper, fatal };
        Self { inner: Rc::new(inner) }
    }

    /// Tells the router its devices. The schedulers know the router too: when the pipeline ends it is told that there
    /// are none, which takes the circle apart.
    pub fn set_devices(&self, devices: Vec<Box<dyn Device>>) {
        *self.inner.states.borrow_mut() = vec![DeviceState::default(); devices.len()];
        let before = self.inner.devices.replace(devices);
        drop(before);
    }

    /// Gives a page to the device that has the fewest.
    pub fn send(&self, page: PreparedPage) {
        match self.least_busy() {
            // A scheduler that is gone for good loses the ticket, and the page is tried again.
            Some(best) => drop(self.inner.devices.borrow()[best].send(page)),
            None => self.fail(page.page.ticket),
        }
    }

    /// Gives what no page waits for to the device that has the fewest pages. Where there is none the asker's reply is dropped.
    pub fn send_in_background(&self, asked: BackgroundInferences) {
        if let Some(best) = self.least_busy() {
            drop(self.inner.devices.borrow()[best].send(asked));
        }
    }

    fn least_busy(&self) -> Option<usize> {
        let states = self.inner.states.borrow();
        let works = |&i: &usize| states[i].lost.is_none();
        (0..self.inner.devices.borrow().len()).filter(works).min_by_key(|&i| states[i].pages)
    }

    fn fail(&self, ticket: PageTicket) {
        let causes: Vec<_> = self.inner.states.borrow().iter().filter_map(|state| state.lost.clone()).collect();
        let reason = format!("no device is left: {}", causes.join("; "));
        let record = Box::new(ticket.record(PageStatus::Failed, Some(reason), None));
        drop(self.inner.deduper.send(DecodedPage { ticket, record, raster: None }));
    }

    /// How many pages the device has: by that the next is given one.
    pub fn set_pages(&self, device: usize, pages: usize) {
        if let Some(state) = self.inner.states.borrow_mut().get_mut(device) {
            state.pages = pages;
        }
    }

    /// The device works no more. When it was the last, the pipeline cannot go on.
    pub fn lose(&self, device: usize, cause: &str) {
        let mut states = self.inner.states.borrow_mut();
        if let Some(state) = states.get_mut(device) {
            state.lost = Some(cause.to_owned());
        }
        if states.iter().all(|state| state.lost.is_some()) {
            self.inner.fatal.send_replace(Some(Error::Fatal(cause.to_owned())));
        }
    }
}
