//! The manifest: what may be installed, where it comes from, and what it must be to the byte.
//!
//! `models/manifest.toml` is the only source of these figures. It is built into the program.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::{
    convert::Conversion,
    error::{Error, Result},
};

/// The text of `models/manifest.toml`, comments included, as `pagestream models list --manifest` shows it.
pub const TEXT: &str = include_str!("../../manifest.toml");

/// The only schema that this version reads.
const SCHEMA: u32 = 1;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: u32,
    #[serde(rename = "item")]
    pub items: Vec<Item>,
}

/// One model, or one build of ONNX Runtime.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Names the item in configuration and results. Builds of one runtime for several platforms share it.
    pub id: String,
    pub kind: Kind,
    /// What a model is for. Runtimes have none.
    pub role: Option<Role>,
    /// `linux-x86_64`, …; absent if the files serve every platform.
    pub platform: Option<String>,
    /// The Python package whose wheel holds the files.
    pub package: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: String,
    /// What a runtime can run on, as compiled: `cpu`, `openvino`, `cuda`, `tensorrt`.
    #[serde(default)]
    pub providers: Vec<String>,
    /// The platform of the wheel's tag, where that is one and the files are the same on all: models in a wheel that has a library, too.
    #[serde(default)]
    pub wheel_platform: Option<String>,
    /// Size of the wheel in bytes, for the progress display only.
    pub wheel_bytes: u64,
    /// The first is the one to load; the others must lie where `install` says, beside it.
    pub files: Vec<FileEntry>,
    /// Licence texts, installed beside the files.
    pub notices: Vec<FileEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Model,
    Runtime,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Finds text lines on a page.
    Detect,
    /// Says which way up a text line is.
    Orient,
    /// Reads a text line.
    Recognize,
    /// Says what a text means, as a vector.
    Embed,
    /// Says what the parts of a page are.
    Layout,
    /// Says which cells a table has.
    Table,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Detect => "detect",
            Self::Orient => "orient",
            Self::Recognize => "recognize",
            Self::Embed => "embed",
            Self::Layout => "layout",
            Self::Table => "table",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// The file's path inside the wheel; empty for one that is made.
    #[serde(default)]
    pub in_wheel: String,
    /// Where it is installed, relative to the models directory, with forward slashes.
    pub install: String,
    pub bytes: u64,
    /// Of the file itself, in lower-case hexadecimal.
    pub sha256: String,
    /// How it is made of files of the wheel, where it is not one of them.
    #[serde(default)]
    pub made: Option<Made>,
}

/// A file that is made while its sources are fetched; they are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    pub conversion: Conversion,
    pub from: Vec<SourceEntry>,
}

/// A file of the wheel that another is made of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEntry {
    pub in_wheel: String,
    pub bytes: u64,
    /// In lower-case hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The manifest that is built into the program.
    ///
    /// # Errors
    /// [`Error::Manifest`]; a test holds that it never happens for the text we ship.
    pub fn built_in() -> Result<Self> {
        Self::parse(TEXT)
    }

    /// # Errors
    /// [`Error::Manifest`] saying what is wrong, where the text is not TOML, has unknown or missing keys, or
    /// contradicts itself.
    pub fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text).map_err(|error| Error::Manifest(error.to_string()))?;
        manifest.check().map_err(Error::Manifest)?;
        Ok(manifest)
    }

    /// The items that serve `platform`.
    pub fn on<'a>(&'a self, platform: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(move |item| item.platform.as_deref().is_none_or(|own| own == platform))
    }

    fn check(&self) -> Result<(), String> {
        if self.schema != SCHEMA {
            return Err(format!("schema {} is not known, only {SCHEMA} is", self.schema));
        }
        let mut seen = HashSet::new();
        let mut installs: HashMap<(Option<&str>, &str), &FileEntry> = HashMap::new();
        for item in &self.items {
            let id = &item.id;
            if !seen.insert((id, &item.platform)) {
                return Err(format!("`{id}` is there twice"));
            }
            if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
                return Err(format!("`{id}` is no id: letters, digits, `-`, `_` and `.` only"));
            }
            if item.files.is_empty() || item.notices.is_empty() {
                return Err(format!("`{id}` needs at least one file and one licence notice"));
            }
            if (item.kind == Kind::Model) != item.role.is_some() {
                return Err(format!("`{id}`: models have a role and runtimes have none"));
            }
            // These two become arguments of pip: nothing in them may read as an option or another requirement.
            for word in [&item.package, &item.version] {
                let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                if !word.bytes().all(inner) || !word.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(format!("`{id}`: `{word}` is no package name or version"));
                }
            }
            for file in item.files.iter().chain(&item.notices) {
                check_file(file).map_err(|why| format!("`{id}`: {why}"))?;
                let place = (item.platform.as_deref(), file.install.as_str());
                if let Some(other) = installs.insert(place, file)
                    && other.sha256 != file.sha256
                {
                    return Err(format!("`{}` is claimed by two different files", file.install));
                }
            }
        }
        Ok(())
    }
}

impl Item {
    /// The file to load.
    pub fn main_file(&self) -> &FileEntry {
        // The check refuses an item without files.
        &self.files[0]
    }

    /// `rapidocr==3.10.0`, as pip takes it.
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}

fn check_file(file: &FileEntry) -> Result<(), String> {
    let install = &file.install;
    let parts_are_plain = install.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if !parts_are_plain || install.contains(['\\', ':']) {
        return Err(format!("`{install}` does not stay inside the models directory"));
    }
    let sources = file.made.iter().flat_map(|made| &made.from);
    for sha256 in sources.clone().map(|source| &source.sha256).chain([&file.sha256]) {
        if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!("`{sha256}` is no SHA-256 in lower-case hexadecimal"));
        }
    }
    if file.bytes == 0 || sources.clone().any(|source| source.bytes == 0 || source.in_wheel.is_empty()) {
        return Err(format!("`{install}` or a source of it has no size or no place in the wheel"));
    }
    match &file.made {
        None if file.in_wheel.is_empty() => return Err(format!("`{install}` has no size or no place in the wheel")),
        Some(_) if !file.in_wheel.is_empty() => {
            return Err(format!("`{install}` cannot be made and lie in the wheel"));
        }
        Some(made) if made.from.len() != made.conversion.sources() => {
            return Err(format!("`{install}` is made of {} files, not {}", made.conversion.sources(), made.from.len()));
        }
        _ => {}
    }
    Ok(())
}

/// This machine, as the manifest's `platform` names it.
pub fn host_platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        schema = 1
        [[item]]
        id = "reader"
        kind = "model"
        role = "recognize"
        package = "wheelhouse"
        version = "1.0"
        licence = "Apache-2.0"
        wheel_bytes = 10
        [[item.files]]
        in_wheel = "wheelhouse/reader.onnx"
        install = "reader.onnx"
        bytes = 3
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        [[item.notices]]
        in_wheel = "LICENSE"
        install = "licenses/LICENSE"
        bytes = 3
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    "#;

    #[test]
    fn the_shipped_manifest_is_valid_and_serves_the_main_platforms() {
        let manifest = Manifest::built_in().unwrap();
        for platform in ["linux-x86_64", "linux-aarch64", "macos-aarch64", "windows-x86_64"] {
            let roles: Vec<_> = manifest.on(platform).filter_map(|item| item.role).collect();
            let all = [Role::Detect, Role::Recognize, Role::Orient, Role::Embed, Role::Layout, Role::Table];
            assert_eq!(roles, all, "{platform}");
            assert!(manifest.on(platform).any(|item| item.id == "onnxruntime"), "{platform}");
        }
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused_with_the_reason() {
        Manifest::parse(GOOD).unwrap();
        let check = |from: &str, to: &str, expected: &str| {
            assert!(GOOD.contains(from), "{from}");
            let error = Manifest::parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
        };
        check("schema = 1", "schema = 2", "schema 2 is not known");
        check("install = \"reader.onnx\"", "install = \"../reader.onnx\"", "does not stay inside");
        check("install = \"reader.onnx\"", "install = \"/reader.onnx\"", "does not stay inside");
        check("install = \"reader.onnx\"", "install = 'a\\b'", "does not stay inside");
        check("sha256 = \"ba", "sha256 = \"BA", "no SHA-256");
        check("sha256 = \"ba", "sha256 = \"", "no SHA-256");
        check("role = \"recognize\"", "", "models have a role");
        check("role = \"recognize\"", "role = \"sing\"", "sing");
        check("package = \"wheelhouse\"", "package = \"--index\"", "no package name");
        check("version = \"1.0\"", "version = \"1.0 evil\"", "no package name or version");
        check("licence = \"Apache-2.0\"", "", "licence");
        check("licence", "license", "license");
        check("bytes = 3", "bytes = 0", "no size");
        let made = "\n[item.files.made]\nconversion = \"bert-encoder-int8\"\nfrom = []\n[[item.notices]]";
        check("[[item.notices]]", made, "cannot be made and lie in the wheel");
        check("in_wheel = \"wheelhouse/reader.onnx\"", "", "no place in the wheel");
        let made = GOOD.replacen("in_wheel = \"wheelhouse/reader.onnx\"", "", 1).replacen("[[item.notices]]", made, 1);
        assert!(Manifest::parse(&made).unwrap_err().to_string().contains("is made of 3 files, not 0"));
        let twice = format!("{GOOD}{}", GOOD.replace("schema = 1", ""));
        assert!(Manifest::parse(&twice).unwrap_err().to_string().contains("twice"));
        let other = GOOD.replace("schema = 1", "").replace("\"reader\"", "\"other\"").replacen("ba78", "ba79", 1);
        assert!(Manifest::parse(&format!("{GOOD}{other}")).unwrap_err().to_string().contains("claimed by two"));
    }
}
