//! `pagestream rm`: forgets documents, their pages and their input. One that is being read is cancelled first.

use pagestream::Settings;
use pagestream_store::Request;

use super::{
    cancel::{self, RequestArgs},
    exit::Exit,
    printer::Printer,
};

pub fn run(args: &RequestArgs, settings: &Settings, printer: &Printer) -> Exit {
    cancel::request(args, settings, printer, Request::Remove)
}
