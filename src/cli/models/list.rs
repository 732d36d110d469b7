//! `pagestream models list` and `verify`: a line for each model.

use std::io::Write;

use pagestream::{ByteSize, Plan, Settings, machine::Measure};
use pagestream_models::registry::{Depth, Derived, ModelState, ModelStatus, Registry, derived::Verdict};

use crate::cli::{exit::Exit, planned, printer::Printer};

pub fn verify(registry: &Registry, printer: &Printer) -> Exit {
    let (statuses, derived) = (registry.verify(), registry.derived());
    print(&statuses, &derived);
    let mut exit = Exit::Ok;
    for status in &statuses {
        match &status.state {
            ModelState::Damaged(files) => {
                for file in files {
                    printer.error(
                        &format!("{}: is not what the manifest says", file.display()),
                        Some(&format!("run `pagestream models pull {}`", status.id)),
                    );
                }
                exit = Exit::MissingDependency;
            }
            ModelState::Missing(_) if status.is_default => exit = Exit::MissingDependency,
            ModelState::Missing(_) | ModelState::Installed => {}
        }
    }
    for model in &derived {
        if model.state(Depth::Full) != ModelState::Installed {
            let again = model.provenance.steps.last().map_or("", |step| step.command.as_str());
            let message = format!("{}: is not what its provenance says", model.path.display());
            printer.error(&message, Some(&format!("make it again: `{again}`")));
            exit = Exit::MissingDependency;
        }
    }
    exit
}

pub fn print(statuses: &[ModelStatus], derived: &[Derived]) {
    let ids = statuses.iter().map(|status| &status.id).chain(derived.iter().map(|model| &model.provenance.id));
    let width = ids.map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for status in statuses {
        let role = status.role.map_or("runtime".to_owned(), |role| role.to_string());
        let size = ByteSize(status.bytes).to_string();
        let needed = if status.is_default { "default" } else { "" };
        text.push_str(&format!(
            "{:width$}  {role:9}  {:9}  {needed:8}  {size:>9}  {:11}  {}  {}\n",
            status.id,
            word(&status.state),
            status.licence,
            status.source,
            status.path.display(),
        ));
    }
    for model in derived {
        let provenance = &model.provenance;
        text.push_str(&format!(
            "{:width$}  {:9}  {:9}  {:8}  {:>9}  {:11}  {}  {}\n",
            provenance.id,
            provenance.role.to_string(),
            word(&model.state(Depth::Quick)),
            match &model.verdict {
                Some(Verdict { admitted: false, .. }) => "refused",
                Some(_) if model.admitted().is_ok() => "admitted",
                // Never, or on a processor with other instructions.
                _ => "unjudged",
            },
            ByteSize(provenance.bytes).to_string(),
            provenance.licence,
            made_of(model),
            model.path.display(),
        ));
    }
    write(&text);
}

/// What the settings come to here: which of these models read, and why. Settings that come to nothing are no reason to list nothing.
pub fn print_plan(settings: &Settings, printer: &Printer) {
    match Plan::resolve(settings, Measure::Never) {
        Ok(plan) => {
            write(&format!("\nread with, in the quality `{}`\n{}", plan.quality, planned::table(&plan.models())))
        }
        Err(error) => printer.warning(&error.to_string()),
    }
}

fn write(text: &str) {
    // A pipe that closes early has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(feature = "built-in-models")]
pub fn card(id: &str, printer: &Printer) -> Exit {
    use pagestream_models::built_in::{self, NETWORKS};
    match built_in::model(id) {
        Some(model) => {
            write(model.card);
            Exit::Ok
        }
        None => {
            let known = NETWORKS.map(|network| network.f32.id).join(", ");
            printer.error(&format!("there is no built-in model `{id}`"), Some(&format!("known are: {known}")));
            Exit::Configuration
        }
    }
}

/// What the program carries, with the key figures of its cards.
#[cfg(feature = "built-in-models")]
pub fn print_built_in() {
    use pagestream_models::built_in::{DETECTOR, INLINE_FORMULAS, LAYOUT, NETWORKS};
    let mut text = String::new();
    for model in NETWORKS.map(|network| network.f32) {
        let (what, column) = match model.id {
            id if id == DETECTOR.f32.id => ("lines found", "found"),
            id if id == INLINE_FORMULAS.f32.id => ("characters of formulas found", "found"),
            id if id == LAYOUT.f32.id => ("intersection over union", "IoU"),
            _ => ("character error rate, int8", "both int8"),
        };
        let figures: Vec<String> =
            model.figures(column).iter().map(|(source, value)| format!("{source} {value}")).collect();
        let parameters = model.card_row("parameters").unwrap_or("?");
        text.push_str(&format!(
            "{}  built in, {parameters} parameters; {what}: {}; `pagestream models card {}`\n",
            model.id,
            figures.join(", "),
            model.id,
        ));
    }
    write(&text);
}

/// What it was made of, and what that cost and gained.
fn made_of(model: &Derived) -> String {
    let from = &model.provenance.from.id;
    match &model.verdict {
        Some(verdict) => format!("of {from}, {}", summary(verdict)),
        None => format!("of {from}"),
    }
}

/// `CER 0.0032 -> 0.0048, CPU 1.20 -> 0.80 s a page, 20.3 MiB -> 5.5 MiB, 44 pages, on avx2 fma`.
pub fn summary(verdict: &Verdict) -> String {
    let Verdict { original, derived, pages, instructions, .. } = verdict;
    let on = if instructions.is_empty() { String::new() } else { format!(", on {}", instructions.join(" ")) };
    let seconds = |s: Option<f64>| s.map_or("?".to_owned(), |s| format!("{s:.2}"));
    format!(
        "CER {:.4} -> {:.4}, CPU {} -> {} s a page, {} -> {}, {pages} pages{on}",
        original.cer,
        derived.cer,
        seconds(original.cpu_seconds_per_page),
        seconds(derived.cpu_seconds_per_page),
        ByteSize(original.bytes),
        ByteSize(derived.bytes),
    )
}

fn word(state: &ModelState) -> &'static str {
    match state {
        ModelState::Installed => "installed",
        ModelState::Missing(_) => "missing",
        ModelState::Damaged(_) => "damaged",
    }
}
