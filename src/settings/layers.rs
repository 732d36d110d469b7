//! Where settings come from: defaults < profile < the user's file < the project's file < the environment < the command
//! line. Each value remembers its origin, and a key that nobody knows is an error with a suggestion.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use pagestream_models::instructions::Instructions;
use toml::{Table, Value};

use super::Settings;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The profiles that are built in.
const PROFILES: [(&str, &str); 2] = [
    ("archive", include_str!("../../config/profiles/archive.toml")),
    ("small", include_str!("../../config/profiles/small.toml")),
];

const ENVIRONMENT_PREFIX: &str = "PAGESTREAM_";

/// Variables of ours that are not settings.
const OTHER_VARIABLES: [&str; 3] = ["PAGESTREAM_PROFILE", CONFIG_VARIABLE, "PAGESTREAM_CORPORA"];

/// What a hook is told of a document (`watch.hook`): it may run pagestream itself.
const HOOK_VARIABLES: &str = "PAGESTREAM_HOOK_";

const CONFIG_VARIABLE: &str = "PAGESTREAM_CONFIG";

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Profile(String),
    File(PathBuf),
    Environment(String),
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct SettingsError {
    pub origin: Origin,
    pub message: String,
    pub hint: Option<String>,
}

/// The values in force, by dotted key.
#[derive(Clone, Debug)]
pub struct Layers {
    values: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    pub fn built_in() -> Self {
        let table: Table = DEFAULTS.parse().expect("config/default.toml is valid TOML; a test sees to it");
        let values = flatten(table).into_iter().map(|(key, value)| (key, (value, Origin::Default))).collect();
        Self { values }
    }

    /// Defaults, profile, files, environment. The profile is `profile`, else `PAGESTREAM_PROFILE`, else none.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, an unknown key, a value of the wrong type.
    pub fn standard(profile: Option<&str>) -> Result<Self, SettingsError> {
        let profile = profile.map(str::to_owned).or_else(|| std::env::var("PAGESTREAM_PROFILE").ok());
        let mut layers = Self::built_in();
        if let Some(name) = profile.filter(|name| !name.is_empty()) {
            layers.add_profile(&name)?;
        }
        for file in files() {
            layers.add_file(&file)?;
        }
        layers.add_environment(std::env::vars())?;
        Ok(layers)
    }

    /// # Errors
    /// A profile that is not built in.
    pub fn add_profile(&mut self, name: &str) -> Result<(), SettingsError> {
        let origin = Origin::Profile(name.to_owned());
        let Some((_, text)) = PROFILES.iter().find(|(known, _)| *known == name) else {
            let known = PROFILES.map(|(name, _)| name);
            return Err(SettingsError {
                message: format!("there is no profile `{name}`"),
                hint: Some(format!("the profiles are {}", known.join(", "))),
                origin,
            });
        };
        self.add_text(text, &origin)
    }

    /// # Errors
    /// As [`Layers::standard`].
    pub fn add_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let origin = Origin::File(path.to_owned());
        let text = std::fs::read_to_string(path).map_err(|e| SettingsError {
            origin: origin.clone(),
            message: e.to_string(),
            hint: None,
        })?;
        self.add_text(&text, &origin)
    }

    /// Variables `PAGESTREAM_<SECTION>_<KEY>`.
    ///
    /// # Errors
    /// As [`Layers::standard`].
    pub fn add_environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), SettingsError> {
        for (name, text) in variables {
            if OTHER_VARIABLES.contains(&name.as_str()) || name.starts_with(HOOK_VARIABLES) {
                continue;
            }
            // Read where the kernels are chosen, which is no place for an error.
            if name == Instructions::VARIABLE {
                let refused =
                    |message| SettingsError { origin: Origin::Environment(name.clone()), message, hint: None };
                text.parse::<Instructions>().map_err(refused)?;
                continue;
            }
            let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            let known = self.values.keys().find(|known| known.replace('.', "_").eq_ignore_ascii_case(key)).cloned();
            let key = known.unwrap_or_else(|| key.to_ascii_lowercase().replacen('_', ".", 1));
            self.set(&key, &text, Origin::Environment(name))?;
        }
        Ok(())
    }

    /// Sets one key from text, as the environment and the command line give it.
    ///
    /// # Errors
    /// An unknown key or a value of the wrong type.
    pub fn set(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), SettingsError> {
        let value = match self.values.get(key) {
            // What is text by default needs no quotes.
            Some((Value::String(_), _)) | None => Value::String(text.to_owned()),
            Some(_) => format!("v = {text}")
                .parse::<Table>()
                .ok()
                .and_then(|mut table| table.remove("v"))
                .unwrap_or_else(|| Value::String(text.to_owned())),
        };
        self.insert(key, value, &origin)
    }

    fn add_text(&mut self, text: &str, origin: &Origin) -> Result<(), SettingsError> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| SettingsError {
            origin: origin.clone(),
            message: e.to_string().trim_end().to_owned(),
            hint: None,
        })?;
        flatten(table).into_iter().try_for_each(|(key, value)| self.insert(&key, value, origin))
    }

    fn insert(&mut self, key: &str, value: Value, origin: &Origin) -> Result<(), SettingsError> {
        let Some((present, _)) = self.values.get(key) else {
            return Err(self.unknown(key, origin));
        };
        let value = match (present, value) {
            // A whole number is as good where a fraction may stand.
            (Value::Float(_), Value::Integer(n)) => Value::Float(n as f64),
            (_, value) => value,
        };
        if present.type_str() != value.type_str() {
            return Err(SettingsError {
                origin: origin.clone(),
                message: format!("`{key}` must be {}, and {value} is not", kind(present)),
                hint: Some(format!("its value here is {present}")),
            });
        }
        self.values.insert(key.to_owned(), (value, origin.clone()));
        Ok(())
    }

    fn unknown(&self, key: &str, origin: &Origin) -> SettingsError {
        // Above .7 the names that people mistype come out and unrelated ones do not (Jaro-Winkler).
        let nearest = self
            .values
            .keys()
            .map(|known| (strsim::jaro_winkler(known, key), known))
            .filter(|(similarity, _)| *similarity > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        SettingsError {
            origin: origin.clone(),
            message: format!("`{key}` is not a setting"),
            hint: Some(match nearest {
                Some((_, known)) => format!("did you mean `{known}`?"),
                None => "`pagestream config show` lists all settings".to_owned(),
            }),
        }
    }

    /// Every key with its value and origin.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.values.iter().map(|(key, (value, origin))| (key.as_str(), value, origin))
    }

    /// The settings as types.
    ///
    /// # Errors
    /// A value that is of the right type and makes no sense, naming its key and origin.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        let built_in = Self::built_in();
        nested(self.values.iter()).try_into().map_err(|error: toml::de::Error| {
            // Which of the values it was is found by putting each back to its default.
            let culprit = self.values.iter().find(|(key, _)| {
                let mut others = self.values.clone();
                if let Some(default) = built_in.values.get(*key) {
                    others.insert((*key).clone(), default.clone());
                }
                nested(others.iter()).try_into::<Settings>().is_ok()
            });
            let (key, origin) =
                culprit.map_or(("", Origin::Default), |(key, (_, origin))| (key.as_str(), origin.clone()));
            SettingsError { origin, message: format!("`{key}`: {}", error.message()), hint: None }
        })
    }
}

/// A place where settings are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigPlace {
    /// `user`, `project` or `PAGESTREAM_CONFIG`.
    pub which: &'static str,
    pub path: PathBuf,
}

/// The places, weakest first: the user's file, the project's, and one that `PAGESTREAM_CONFIG` names.
pub fn config_places() -> Vec<ConfigPlace> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("XDG_CONFIG_HOME")
        .or_else(|| variable("APPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".config")));
    let place = |which| move |path| ConfigPlace { which, path };
    let user = home.map(|home| home.join("pagestream/config.toml")).map(place("user"));
    let project = place("project")(PathBuf::from("pagestream.toml"));
    user.into_iter().chain([project]).chain(variable(CONFIG_VARIABLE).map(place(CONFIG_VARIABLE))).collect()
}

/// The files to read. One that was named is read whether it exists or not, so that a mistake in the name is told.
fn files() -> impl Iterator<Item = PathBuf> {
    let read = |place: &ConfigPlace| place.which == CONFIG_VARIABLE || place.path.is_file();
    config_places().into_iter().filter(read).map(|place| place.path)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn flatten(table: Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(keys) => flat.extend(keys.into_iter().map(|(key, value)| (format!("{section}.{key}"), value))),
            value => flat.push((section, value)),
        }
    }
    flat
}

fn nested<'a>(values: impl Iterator<Item = (&'a String, &'a (Value, Origin))>) -> Table {
    let mut sections = Table::new();
    for (key, (value, _)) in values {
        let (section, key) = key.split_once('.').unwrap_or(("", key));
        let section = sections.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            section.insert(key.to_owned(), value.clone());
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Layers, SettingsError> {
        let mut layers = Layers::built_in();
        layers.add_environment(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))?;
        Ok(layers)
    }

    #[test]
    fn every_profile_is_valid() {
        for (name, _) in PROFILES {
            let mut layers = Layers::built_in();
            layers.add_profile(name).unwrap();
            layers.settings().unwrap();
        }
    }

    #[test]
    fn later_layers_win_and_say_who_they_are() {
        let mut layers = Layers::built_in();
        layers.add_profile("small").unwrap();
        layers.add_text("[pipeline]\nmemory_budget = '64MiB'", &Origin::File("a.toml".into())).unwrap();
        layers.add_environment([("PAGESTREAM_OCR_MODE".to_owned(), "never".to_owned())].into_iter()).unwrap();
        layers.set("device.threads", "7", Origin::CommandLine).unwrap();
        let origin = |key: &str| layers.iter().find(|(k, _, _)| *k == key).map(|(_, _, o)| o.to_string()).unwrap();
        assert_eq!(origin("pipeline.memory_budget"), "a.toml");
        assert_eq!(origin("pipeline.cpu_threads"), "profile small");
        assert_eq!(origin("ocr.mode"), "PAGESTREAM_OCR_MODE");
        assert_eq!(origin("device.threads"), "command line");
        assert_eq!(origin("render.dpi"), "default");
        let settings = layers.settings().unwrap();
        assert_eq!(settings.device.threads, 7);
        assert_eq!(settings.pipeline.memory_budget.unwrap().bytes(), 64 << 20);
    }

    #[test]
    fn an_unknown_key_is_an_error_with_a_suggestion() {
        let error = environment(&[("PAGESTREAM_PIPELINE_MEMORY_BUGDET", "1GiB")]).unwrap_err();
        assert_eq!(error.to_string(), "PAGESTREAM_PIPELINE_MEMORY_BUGDET: `pipeline.memory_bugdet` is not a setting");
        assert_eq!(error.hint.as_deref(), Some("did you mean `pipeline.memory_budget`?"));
        assert!(environment(&[("PAGESTREAM_CORPORA", "x"), ("HOME", "y")]).is_ok());
    }

    #[test]
    fn instructions_of_the_environment_are_no_setting_and_must_be_known() {
        assert!(environment(&[("PAGESTREAM_INSTRUCTIONS", "avx2")]).is_ok());
        let error = environment(&[("PAGESTREAM_INSTRUCTIONS", "avx3")]).unwrap_err();
        assert!(error.to_string().starts_with("PAGESTREAM_INSTRUCTIONS: `avx3` names no instructions"), "{error}");
    }

    #[test]
    fn a_wrong_value_names_its_key_and_origin() {
        let error = environment(&[("PAGESTREAM_OCR_MODE", "sometimes")]).unwrap().settings().unwrap_err();
        assert!(error.to_string().starts_with("PAGESTREAM_OCR_MODE: `ocr.mode`: "), "{error}");
        let error = environment(&[("PAGESTREAM_RENDER_MIN_SIDE", "wide")]).unwrap_err();
        assert!(error.to_string().contains("`render.min_side` must be a whole number"), "{error}");
        let error = environment(&[("PAGESTREAM_LIMITS_PAGE_TIME", "90")]).unwrap().settings().unwrap_err();
        assert!(error.to_string().contains("`limits.page_time`"), "{error}");
    }

    #[test]
    fn whole_numbers_may_stand_for_fractions_and_variables_reach_every_key() {
        let layers = environment(&[("PAGESTREAM_RENDER_DPI", "300"), ("PAGESTREAM_ORT_DYLIB", "/x.so")]).unwrap();
        let settings = layers.settings().unwrap();
        assert_eq!(settings.render.dpi, 300.0);
        assert_eq!(settings.ort.dylib.as_deref(), Some(Path::new("/x.so")));
    }
}
