//! Which model serves which task: the one table. A task of another kind is one more entry here, beside
//! the [`Task`] itself and what is made of its output in `pagestream-models`.

#[cfg(feature = "built-in-models")]
use pagestream_models::{
    built_in::{self, Network},
    ocr::Alphabet,
};
use pagestream_models::{
    ocr::{Quality, Task},
    registry::{ORIENTER, manifest::Role},
};
use serde::Serialize;

use crate::settings::ModelSettings;

/// One task, as the whole program knows it.
pub struct TaskEntry {
    pub task: Task,
    pub model: ModelOf,
    pub used: fn(Quality) -> Use,
    /// What a page of forty lines asks of it, for measuring devices; `None` for what few pages ask.
    pub load: Option<Load>,
}

/// Where a task's model comes from.
pub enum ModelOf {
    /// The registry, where the settings name a model of it or a file; else the program, or nothing.
    Chosen {
        role: Role,
        /// `None` where nothing is named.
        name: fn(&ModelSettings) -> Option<&str>,
        #[cfg(feature = "built-in-models")]
        own: Option<fn(Quality) -> Network>,
    },
    /// The registry: an id of its manifest, one that was made here, or a file of the user's own.
    Registry { role: Role, name: fn(&ModelSettings) -> &str },
    /// The program or a folder that the settings name: an encoder and a decoder (`plan/formula.rs`).
    Formula,
    /// The program: one network in two precisions. A recogniser comes with the characters of its classes.
    #[cfg(feature = "built-in-models")]
    BuiltIn { network: fn(Quality) -> Network, alphabet: Option<fn() -> Alphabet> },
}

/// When a task's model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// For every page of pixels.
    Always,
    /// For every page of pixels whose structure is asked for.
    ForStructure,
    /// For what other models are unsure of, where it is at hand or can be fetched.
    InDoubt,
    /// For what was read, and for what is searched for: no page waits for it.
    ForSearch,
    Never,
}

/// What a typical page asks of a model: an upright A4 page at the detector's default side, and lines of a column of text.
pub struct Load {
    /// `[1, C, H, W]`
    pub shape: [usize; 4],
    pub runs: u32,
}

fn large(quality: Quality) -> Use {
    match quality {
        Quality::Fast => Use::Never,
        Quality::Balanced => Use::InDoubt,
        Quality::Accurate => Use::Always,
    }
}

#[cfg(feature = "built-in-models")]
fn compact(quality: Quality) -> Use {
    if quality == Quality::Accurate { Use::Never } else { Use::Always }
}

/// What a setting names, unless that is what there is without it.
fn named<'a>(name: &'a str, nothing: &str) -> Option<&'a str> {
    Some(name.trim()).filter(|name| !name.is_empty() && *name != nothing)
}

impl TaskEntry {
    /// The network that the program carries for it.
    #[cfg(feature = "built-in-models")]
    pub fn own(&self, quality: Quality) -> Option<Network> {
        match self.model {
            ModelOf::BuiltIn { network, .. } => Some(network(quality)),
            ModelOf::Chosen { own, .. } => own.map(|network| network(quality)),
            ModelOf::Registry { .. } | ModelOf::Formula => None,
        }
    }
}

/// All tasks.
pub static TASKS: &[TaskEntry] = &[
    TaskEntry {
        task: Task::Detect,
        model: ModelOf::Registry { role: Role::Detect, name: |models| &models.detector },
        used: large,
        load: Some(Load { shape: [1, 3, 960, 672], runs: 1 }),
    },
    TaskEntry {
        task: Task::Orient,
        model: ModelOf::Registry { role: Role::Orient, name: |_| ORIENTER },
        used: large,
        load: None,
    },
    TaskEntry {
        task: Task::Recognize,
        model: ModelOf::Registry { role: Role::Recognize, name: |models| &models.recognizer },
        used: large,
        load: Some(Load { shape: [1, 3, 48, 640], runs: 40 }),
    },
    #[cfg(feature = "built-in-models")]
    TaskEntry {
        task: Task::CompactDetect,
        model: ModelOf::BuiltIn { network: |_| built_in::DETECTOR, alphabet: None },
        used: compact,
        load: Some(Load { shape: [1, 1, 960, 704], runs: 1 }),
    },
    #[cfg(feature = "built-in-models")]
    TaskEntry {
        task: Task::CompactRecognize,
        model: ModelOf::BuiltIn { network: built_in::recognizer, alphabet: Some(built_in::alphabet) },
        // In `accurate` it looks for what PP-OCRv6 leaves out.
        used: |_| Use::Always,
        load: Some(Load { shape: [1, 1, 32, 448], runs: 40 }),
    },
    #[cfg(feature = "built-in-models")]
    TaskEntry {
        task: Task::CompactReread,
        model: ModelOf::BuiltIn { network: |_| built_in::LARGE_RECOGNIZER, alphabet: Some(built_in::alphabet) },
        used: |quality| if quality == Quality::Balanced { Use::InDoubt } else { Use::Never },
        load: Some(Load { shape: [1, 1, 32, 448], runs: 8 }),
    },
    TaskEntry {
        task: Task::Layout,
        model: ModelOf::Chosen {
            role: Role::Layout,
            name: |models| named(&models.layout, "built-in"),
            #[cfg(feature = "built-in-models")]
            own: Some(|_| built_in::LAYOUT),
        },
        used: |_| Use::ForStructure,
        load: Some(Load { shape: [1, 1, 640, 512], runs: 1 }),
    },
    TaskEntry {
        task: Task::Table,
        model: ModelOf::Chosen {
            role: Role::Table,
            name: |models| named(&models.table, "none"),
            #[cfg(feature = "built-in-models")]
            own: None,
        },
        used: |_| Use::ForStructure,
        load: None,
    },
    // Where nothing reads formulas, nothing looks for them.
    #[cfg(feature = "built-in-models")]
    TaskEntry {
        task: Task::InlineFormulas,
        model: ModelOf::BuiltIn { network: |_| built_in::INLINE_FORMULAS, alphabet: None },
        used: |_| Use::ForStructure,
        load: None,
    },
    TaskEntry { task: Task::Formula, model: ModelOf::Formula, used: |_| Use::ForStructure, load: None },
    TaskEntry {
        task: Task::Embed,
        model: ModelOf::Registry { role: Role::Embed, name: |models| &models.embedder },
        used: |_| Use::ForSearch,
        load: None,
    },
];

/// The entry of a task.
pub fn entry(task: Task) -> Option<&'static TaskEntry> {
    TASKS.iter().find(|entry| entry.task == task)
}

#[cfg(test)]
mod tests {
    use pagestream_models::ocr::OcrOptions;

    use super::*;

    #[test]
    fn every_task_that_a_page_needs_has_one_entry_and_is_measured() {
        for quality in [Quality::Fast, Quality::Balanced, Quality::Accurate] {
            let options = OcrOptions { quality, ..OcrOptions::default() };
            let used = |wanted: Use| {
                let entries = TASKS.iter().filter(move |entry| (entry.used)(quality) == wanted);
                entries.map(|entry| entry.task).collect::<Vec<_>>()
            };
            if cfg!(feature = "built-in-models") || quality == Quality::Accurate {
                let beside = (quality == Quality::Accurate).then_some(Task::CompactRecognize);
                let wanted: Vec<Task> = options.tasks().into_iter().chain(beside).collect();
                assert_eq!(used(Use::Always), wanted, "{quality}");
                let mut structure = vec![Task::Layout, Task::Table, Task::Formula];
                if cfg!(feature = "built-in-models") {
                    structure.insert(2, Task::InlineFormulas);
                }
                assert_eq!(used(Use::ForStructure), structure, "{quality}");
                let always = used(Use::Always);
                let runs = always.iter().filter_map(|&task| entry(task)?.load.as_ref()).map(|load| load.runs);
                let runs: Vec<_> = runs.collect();
                assert_eq!(runs[..2], [1, 40], "{quality}: one detection and the lines of a page");
                assert!(runs[2..].iter().all(|&again| again == 40), "{quality}: {runs:?}");
            }
            if quality == Quality::Balanced {
                let own = cfg!(feature = "built-in-models").then_some(Task::CompactReread);
                let wanted: Vec<Task> = options.large_tasks().into_iter().chain(own).collect();
                assert_eq!(used(Use::InDoubt), wanted);
            }
        }
    }

    #[test]
    fn every_task_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = TASKS.iter().map(|entry| entry.task.as_str()).collect();
        assert_eq!(names.len(), TASKS.len());
    }
}
