//! The report as a person reads it.

use pagestream::{ByteSize, machine::memory::ModelMemory};

use super::{Auto, ConfigFile, Folder, Machine, Model, Report, Runtime};
use crate::cli::planned;

impl Report {
    pub(super) fn installed_as_text(&self) -> String {
        let mut text = format!("pagestream {}\n\nconfiguration files, the later ones win\n", self.version);
        for ConfigFile { path, which, found } in &self.config {
            let found = if *found { "used" } else { "absent" };
            text.push_str(&format!("  {found:9}  {}  ({which})\n", path.display()));
        }
        text.push_str("\nfolders\n");
        for Folder { path, what, why_not, .. } in &self.folders {
            let state = why_not.as_deref().unwrap_or("writable");
            text.push_str(&format!("  {what:9}  {}: {state}\n", path.display()));
        }
        let fetch = match (&self.fetch.with, &self.fetch.why_not) {
            (_, Some(why)) => format!("not possible: {why}"),
            (with, None) => format!("possible with {}", with.as_deref().unwrap_or("pip")),
        };
        text.push_str(&format!("\nfetching\n  {fetch}\n\nmodels and runtimes\n"));
        let width = self.models.iter().map(|model| model.id.len()).max().unwrap_or(0);
        for model in &self.models {
            let Model { id, state, path, source, .. } = model;
            let needed = if model.needed { "needed" } else { "" };
            text.push_str(&format!("  {state:9}  {id:width$}  {needed:6}  {source}  {}\n", path.display()));
            for file in model.files.iter().filter(|_| *state == "damaged") {
                text.push_str(&format!("             not what the manifest says: {}\n", file.display()));
            }
        }
        text
    }

    pub(super) fn devices_as_text(&self) -> String {
        let Machine { cpu, cores, simd, memory_bytes, memory_budget_bytes } = &self.machine;
        let size = |bytes: &u64| ByteSize(*bytes).to_string();
        let mut text = format!(
            "\nmachine\n  cpu        {}, {cores} cores, {}\n  memory     {}, of which the budget takes {}\n",
            cpu.as_deref().unwrap_or("unknown"),
            if simd.is_empty() { "no SIMD known of".to_owned() } else { simd.join(" ") },
            memory_bytes.as_ref().map_or("unknown".to_owned(), size),
            size(memory_budget_bytes),
        );
        if let Some(Runtime { path, version, providers, why_not }) = &self.runtime {
            text.push_str(&format!("\nONNX Runtime\n  {}\n", path.display()));
            match why_not {
                Some(why) => text.push_str(&format!("  {why}\n")),
                None => {
                    let version = version.as_deref().unwrap_or("of unknown version");
                    text.push_str(&format!("  {version}, with {}\n", providers.join(", ")));
                }
            }
        }
        text.push_str("\ndevices\n");
        for device in &self.devices {
            let state = if device.works { "works" } else { "not" };
            let chosen = if device.selected { "chosen" } else { "" };
            let what = [device.name.clone(), device.memory_bytes.as_ref().map(size)];
            let what = what.into_iter().flatten().collect::<Vec<_>>().join(", ");
            text.push_str(format!("  {state:6} {chosen:6}  {:20}  {what}", device.id).trim_end());
            text.push('\n');
            if let Some(why) = &device.why_not {
                // Drivers answer in many lines; each belongs to this device.
                let why = why.lines().collect::<Vec<_>>().join("\n                ");
                text.push_str(&format!("                {why}\n"));
            }
            if let Some(hint) = device.hint {
                text.push_str(&format!("                hint: {hint}\n"));
            }
        }
        text.push_str("\nread with\n");
        text.push_str(&planned::table(&self.reads_with));
        text.push_str("\nmemory of each model, once the first page asks for it\n");
        if self.memory.is_empty() {
            text.push_str("  not measured on this machine: `pagestream doctor --measure` does\n");
        }
        let width = |of: fn(&ModelMemory) -> usize| self.memory.iter().map(of).max().unwrap_or(0);
        let (task, id) = (width(|memory| memory.task.len()), width(|memory| memory.id.len()));
        for memory in &self.memory {
            let about = if memory.is_estimate { "about " } else { "" };
            let running = memory.running_bytes.as_ref().map(|bytes| format!(", {} more while it runs", size(bytes)));
            text.push_str(&format!(
                "  {:task$}  {:id$}  {about}{}{}\n",
                memory.task,
                memory.id,
                size(&memory.loaded_bytes),
                running.unwrap_or_default(),
            ));
        }
        if let Some(Auto { device, why, .. }) = &self.auto {
            text.push_str(&format!("\nautomatic choice\n  {device}: {why}\n"));
        }
        let wanting = self.models.iter().filter(|model| model.needed && model.state != "installed").count();
        text.push_str(match (self.ok, wanting) {
            (true, 0) => "\npages can be read here\n",
            (true, _) if !self.fetch.possible => {
                "\npages can be read here by the built-in models; those that they are unsure of are marked\n"
            }
            (true, _) => "\npages can be read here; what is missing is fetched on first use\n",
            (false, _) => "\npages cannot be read from their pixels here\n",
        });
        text
    }
}
