//! `pagestream doctor`
use super::{exit::Exit, printer::Printer};
use clap::Args;
use pagestream::Settings;
#[derive(Args)]
pub struct DoctorArgs {}
pub fn run(_: &DoctorArgs, _: &Settings, _: &Printer) -> Exit {
    Exit::Ok
}
