//! Models that were made here out of others: where they lie, what they were made of, and whether they may be used.
//!
//! Each has a folder `derived/<id>` in the models directory with three files: the model, `provenance.json`, and, once it
//! was judged, `verdict.json`. A model that was not judged, or was refused, is kept to be looked at and never selected.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pagestream_documents::Digest;
use serde::{Deserialize, Serialize};

use super::{
    Fetching, ModelState, Registry,
    install::{self, Depth, FileState},
    manifest::{FileEntry, Role},
};
use crate::{
    backend::ModelSource,
    device,
    error::{Error, Result},
};

/// Below the models directory.
const FOLDER: &str = "derived";
const PROVENANCE: &str = "provenance.json";
const VERDICT: &str = "verdict.json";

/// A model by name and content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelId {
    pub id: String,
    pub sha256: Digest,
}

/// What a derived model is and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    pub id: String,
    pub role: Role,
    /// What it was made of.
    pub from: ModelId,
    /// The model that was fetched, at the beginning: the same, or what that was made of. Losses count from here.
    pub original: ModelId,
    /// The commands, first to last.
    pub steps: Vec<Step>,
    /// Of the original: what is made of it is under the same.
    pub licence: String,
    /// Whether it computes in 8-bit integers, whose sums come out otherwise on processors without the instructions for them.
    #[serde(default)]
    pub is_int8: bool,
    pub bytes: u64,
    pub sha256: Digest,
}

/// One command that a derived model came through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub command: String,
    /// What the command did, in figures: classes kept, layers quantised.
    pub did: String,
    /// Version of pagestream.
    pub version: String,
    /// Day and time in UTC (RFC 3339).
    pub at: String,
}

/// How well and how fast pages were read with a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub model: ModelId,
    pub bytes: u64,
    /// Character and word error rate of all pages as if they were one, and word recall, as fractions.
    pub cer: f64,
    pub wer: f64,
    pub recall: f64,
    /// Of the whole process from the first page to the last, loading included; `None` where the system does not tell.
    pub cpu_seconds_per_page: Option<f64>,
}

/// How the character error rate of one source of pages changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub of: String,
    pub before: f64,
    pub after: f64,
}

/// Whether a derived model may be used, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub admitted: bool,
    /// Why it is refused: one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Most that may be lost of the character error rate, and what was lost, in percentage points.
    pub max_loss: f64,
    pub loss: f64,
    pub pages: usize,
    /// Pages whose text is not the same, to the character.
    pub pages_changed: usize,
    /// Where the pages came from, and the SHA-256 over all their files and truths.
    pub truth: String,
    pub truth_sha256: Digest,
    pub original: Figures,
    pub derived: Figures,
    pub changes: Vec<Change>,
    /// Instructions of the processor that it was judged on, as [`crate::device::instructions`] names them; none in verdicts of
    /// earlier versions.
    #[serde(default)]
    pub instructions: Vec<String>,
    pub command: String,
    pub at: String,
}

/// A derived model as it lies there.
#[derive(Clone, Debug)]
pub struct Derived {
    pub provenance: Provenance,
    /// `None` where none was spoken, or it is about another file than the one that is there.
    pub verdict: Option<Verdict>,
    pub path: PathBuf,
    folder: PathBuf,
}

/// What another model can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub role: Role,
    pub licence: String,
    /// Whether it computes in 8-bit integers.
    pub is_int8: bool,
    /// The model that was fetched, at the beginning.
    pub original: ModelId,
    /// The commands from there to here.
    pub steps: Vec<Step>,
}

/// The model that is to serve a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    pub id: String,
    /// Of its file.
    pub sha256: Digest,
    /// Where it lies; `None` for one of the manifest, which may have to be fetched.
    path: Option<PathBuf>,
}

impl Selected {
    /// Where it lies; `None` for one of the manifest.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl Derived {
    pub fn verdict_path(&self) -> PathBuf {
        self.folder.join(VERDICT)
    }

    /// Whether the file is what its provenance says.
    pub fn state(&self, depth: Depth) -> ModelState {
        // `<models directory>/derived/<id>`
        let models_dir = self.folder.ancestors().nth(2).unwrap_or(&self.folder);
        match install::check(models_dir, &self.entry(), depth) {
            Ok(FileState::Good) => ModelState::Installed,
            Ok(FileState::Absent) => ModelState::Missing(vec![self.path.clone()]),
            Ok(FileState::Damaged { .. }) | Err(_) => ModelState::Damaged(vec![self.path.clone()]),
        }
    }

    /// Whether it may be used on this machine.
    ///
    /// # Errors
    /// [`Error::NotAdmitted`], citing the verdict.
    pub fn admitted(&self) -> Result<()> {
        self.admitted_on(&device::instructions())
    }

    /// On a processor with these instructions: what an int8 model reads depends on them, so that its verdict holds on the same only.
    pub(super) fn admitted_on(&self, instructions: &[&str]) -> Result<()> {
        let id = self.provenance.id.clone();
        let again = self.provenance.steps.last().map_or(String::new(), |step| step.command.clone());
        match &self.verdict {
            Some(verdict) if verdict.admitted && self.provenance.is_int8 && verdict.instructions != instructions => {
                Err(Error::NotAdmitted {
                    why: format!(
                        "it computes in int8 and was judged on a processor with other instructions ({}; this one has {})",
                        if verdict.instructions.is_empty() {
                            "unknown".to_owned()
                        } else {
                            verdict.instructions.join(" ")
                        },
                        instructions.join(" ")
                    ),
                    hint: format!("judge it here: `pagestream models judge {id}`"),
                    id,
                })
            }
            Some(Verdict { admitted: true, .. }) => Ok(()),
            Some(verdict) => Err(Error::NotAdmitted {
                id,
                why: format!(
                    "its verdict of {} refuses it: {} ({})",
                    verdict.at,
                    verdict.reason.as_deref().unwrap_or("no reason is given"),
                    self.verdict_path().display()
                ),
                hint: format!("`{}` is what it was made of", self.provenance.from.id),
            }),
            None => Err(Error::NotAdmitted {
                id,
                why: "it was never judged".to_owned(),
                hint: format!("make it again: `{again}`"),
            }),
        }
    }

    fn entry(&self) -> FileEntry {
        let Provenance { id, bytes, sha256, .. } = &self.provenance;
        let install = format!("{FOLDER}/{id}/{id}.onnx");
        FileEntry { in_wheel: String::new(), install, bytes: *bytes, sha256: sha256.to_string(), made: None }
    }
}

impl Registry {
    /// Every model that was made here, by name.
    pub fn derived(&self) -> Vec<Derived> {
        let folder = self.models_dir().map(|dir| dir.join(FOLDER)).ok();
        let folders = folder.map(fs::read_dir).into_iter().flatten().flatten().flatten();
        let mut all: Vec<Derived> = folders.filter_map(|folder| read(&folder.path())).collect();
        all.sort_by(|a, b| a.provenance.id.cmp(&b.provenance.id));
        all
    }

    /// The model that `name` means for `role`: an id of the manifest, the id of one that was made here and admitted, or the
    /// path of an ONNX file of the user's own. Fetches nothing.
    ///
    /// # Errors
    /// [`Error::UnknownModel`]; [`Error::NotAdmitted`]; [`Error::Missing`] or [`Error::Io`] for a file.
    pub fn select(&self, role: Role, name: &str) -> Result<Selected> {
        if is_path(name) {
            return self.select_file(role, Path::new(name));
        }
        let wrong_role = |has: Option<Role>| Error::UnknownModel {
            id: name.to_owned(),
            hint: format!("there is one of that name, but it is not for `{role}`: it is for `{}`", role_name(has)),
        };
        if let Some(derived) = self.find_derived(name) {
            if derived.provenance.role != role {
                return Err(wrong_role(Some(derived.provenance.role)));
            }
            return self.select_derived(&derived);
        }
        let item = self.item(name).map_err(|_| {
            let of_role = self.manifest.on(&self.platform).filter(|item| item.role == Some(role));
            let made = self.derived().into_iter().filter(|derived| derived.provenance.role == role);
            let known: Vec<_> =
                of_role.map(|item| item.id.clone()).chain(made.map(|derived| derived.provenance.id)).collect();
            Error::UnknownModel {
                id: name.to_owned(),
                hint: format!("known for `{role}`: {}; or give the path of an .onnx file", known.join(", ")),
            }
        })?;
        if item.role != Some(role) {
            return Err(wrong_role(item.role));
        }
        Ok(Selected { id: item.id.clone(), sha256: self.sha256(name)?, path: None })
    }

    /// What is known of the model `id`, of the manifest or made here, for one that is to be made of it.
    ///
    /// # Errors
    /// [`Error::UnknownModel`].
    pub fn origin(&self, id: &str) -> Result<Origin> {
        if let Some(Derived { provenance, .. }) = self.find_derived(id) {
            let Provenance { role, licence, is_int8, original, steps, .. } = provenance;
            return Ok(Origin { role, licence, is_int8, original, steps });
        }
        let item = self.item(id)?;
        let role = item.role.ok_or_else(|| Error::UnknownModel {
            id: id.to_owned(),
            hint: "that is a runtime, and no model".to_owned(),
        })?;
        let original = ModelId { id: id.to_owned(), sha256: self.sha256(id)? };
        Ok(Origin { role, licence: item.licence.clone(), is_int8: false, original, steps: Vec::new() })
    }

    /// What was selected, to be loaded; what is of the manifest is fetched if it is not there, together, because one wheel
    /// often has several.
    ///
    /// # Errors
    /// As [`Registry::ensure`].
    pub fn locate(&self, selected: &[Selected], fetching: &Fetching) -> Result<Vec<ModelSource>> {
        let of_manifest: Vec<&str> = selected.iter().filter(|s| s.path.is_none()).map(|s| s.id.as_str()).collect();
        let installed = self.ensure(&of_manifest, fetching)?;
        let source = |selected: &Selected| match &selected.path {
            Some(path) => Ok(ModelSource::file(selected.id.clone(), path.clone(), selected.sha256)),
            None => installed.source(&selected.id),
        };
        selected.iter().map(source).collect()
    }

    /// Whether [`Registry::locate`] has nothing to fetch for it.
    pub fn has_selected(&self, selected: &Selected) -> bool {
        selected.path.is_some() || self.has(&selected.id)
    }

    /// The model that was made here and is called `id`, whether it was admitted or not.
    pub fn find_derived(&self, id: &str) -> Option<Derived> {
        // An id is one folder's name and nothing that leads elsewhere.
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        read(&self.models_dir().ok()?.join(FOLDER).join(id)).filter(|_| plain && !id.starts_with('.'))
    }

    /// Puts a model that was made into its folder, whole or not at all, in place of an earlier one of its name. It has no
    /// verdict yet.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] for a name that is taken by the manifest or cannot be one; [`Error::Io`].
    pub fn install_derived(&self, provenance: &Provenance, model: &[u8]) -> Result<Derived> {
        let id = &provenance.id;
        self.check_new_id(id)?;
        let folder = self.models_dir()?.join(FOLDER).join(id);
        let fail = |cause| Error::Io { path: folder.clone(), cause };
        fs::create_dir_all(&folder).map_err(fail)?;
        // An old verdict is not about the new file; it goes before that comes.
        match fs::remove_file(folder.join(VERDICT)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let derived =
            Derived { provenance: provenance.clone(), verdict: None, path: folder.join(format!("{id}.onnx")), folder };
        write_json(&derived.folder.join(PROVENANCE), provenance)?;
        install::install(self.models_dir()?, &derived.entry(), model)?;
        Ok(derived)
    }

    /// Writes a verdict beside the model that it is about.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn record_verdict(&self, derived: &Derived, verdict: &Verdict) -> Result<()> {
        write_json(&derived.verdict_path(), verdict)
    }

    /// Whether a model may be made under this name.
    ///
    /// # Errors
    /// [`Error::UnknownModel`] with the reason.
    pub fn check_new_id(&self, id: &str) -> Result<()> {
        let refuse = |hint: &str| Err(Error::UnknownModel { id: id.to_owned(), hint: hint.to_owned() });
        if self.manifest.items.iter().any(|item| item.id == id) {
            return refuse("that is the name of a model of the manifest; give another by --name");
        }
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !plain || id.is_empty() || id.starts_with('.') {
            return refuse("a name has letters, digits, `-`, `_` and `.` only");
        }
        Ok(())
    }

    fn select_derived(&self, derived: &Derived) -> Result<Selected> {
        derived.admitted()?;
        let provenance = &derived.provenance;
        match derived.state(Depth::Quick) {
            ModelState::Installed => {
                Ok(Selected { id: provenance.id.clone(), sha256: provenance.sha256, path: Some(derived.path.clone()) })
            }
            ModelState::Missing(_) | ModelState::Damaged(_) => Err(Error::NotAdmitted {
                id: provenance.id.clone(),
                why: format!("{} is not the file that was judged", derived.path.display()),
                hint: "make it again: `pagestream models list` says how".to_owned(),
            }),
        }
    }

    fn select_file(&self, role: Role, path: &Path) -> Result<Selected> {
        let found = path.canonicalize().ok().filter(|path| path.is_file()).ok_or_else(|| Error::Missing {
            what: format!("the model for `{role}`"),
            why: format!("there is no file {}", path.display()),
            hint: "`pagestream models list` has the models that can be named".to_owned(),
        })?;
        // The way by the file's path must not lead around the verdict.
        if let Some(derived) = found.parent().and_then(read)
            && derived.path.canonicalize().is_ok_and(|own| own == found)
        {
            return self.select_derived(&derived);
        }
        let source = ModelSource::of_file(&found)?;
        Ok(Selected { id: source.id, sha256: source.sha256, path: Some(found) })
    }
}

/// A name with a separator, or that ends as model files do, is the path of a file.
fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".onnx")
}

fn role_name(role: Option<Role>) -> String {
    role.map_or_else(|| "runtime".to_owned(), |role| role.to_string())
}

fn read(folder: &Path) -> Option<Derived> {
    let json = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let provenance: Provenance = serde_json::from_str(&json(PROVENANCE)?).ok()?;
    // A folder that was renamed by hand is another model's.
    if folder.file_name()?.to_str()? != provenance.id {
        return None;
    }
    let verdict: Option<Verdict> = json(VERDICT).and_then(|text| serde_json::from_str(&text).ok());
    let verdict = verdict.filter(|verdict| verdict.derived.model.sha256 == provenance.sha256);
    let path = folder.join(format!("{}.onnx", provenance.id));
    Some(Derived { provenance, verdict, path, folder: folder.to_path_buf() })
}

/// Whole or not at all.
fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let fail = |cause| Error::Io { path: path.to_path_buf(), cause };
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| fail(error.into()))?;
    text.push(b'\n');
    install::write_whole(path, &text).map_err(fail)
}
