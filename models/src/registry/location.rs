//! Where models and the ONNX Runtime library lie: what the caller says, else the environment, else the user's cache.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::error::Error;

pub const MODELS_DIR_VARIABLE: &str = "PAGESTREAM_MODELS_DIR";
pub const ORT_DYLIB_VARIABLE: &str = "PAGESTREAM_ORT_DYLIB";

/// The directory for models, created only when something is installed.
///
/// `given` (a flag or the configuration) wins, then `PAGESTREAM_MODELS_DIR`, then `pagestream/models` in the user's cache
/// directory: `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory Specification 0.8), `~/Library/Caches` on macOS,
/// `%LOCALAPPDATA%` on Windows.
///
/// `None` where none of these is set, as under cron, systemd or in a container: see [`no_place`].
pub fn models_dir(given: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = || set(&variable, MODELS_DIR_VARIABLE);
    let cached = || Some(cache_dir(&variable)?.join("pagestream").join("models"));
    given.map(Path::to_path_buf).or_else(named).or_else(cached)
}

/// There is no place for models.
pub fn no_place() -> Error {
    Error::Missing {
        what: "the directory for models is".into(),
        why: "the environment names neither a home nor a cache directory".into(),
        hint: format!("set HOME, XDG_CACHE_HOME or {MODELS_DIR_VARIABLE}, or give --models-dir"),
    }
}

/// Where what is worked out on this machine is kept: `pagestream` in the user's cache directory, `None` where there is
/// no home.
pub fn machine_dir() -> Option<PathBuf> {
    Some(cache_dir(&|name: &str| std::env::var_os(name))?.join("pagestream"))
}

/// The ONNX Runtime library that the user has chosen, if any: `given`, then `PAGESTREAM_ORT_DYLIB`.
pub fn ort_dylib(given: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    given.map(Path::to_path_buf).or_else(|| set(&variable, ORT_DYLIB_VARIABLE))
}

fn cache_dir(variable: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // The specification says that a relative path in this variable is to be ignored.
    if let Some(dir) = set(variable, "XDG_CACHE_HOME").filter(|dir| dir.is_absolute()) {
        return Some(dir);
    }
    if cfg!(windows) {
        return set(variable, "LOCALAPPDATA");
    }
    let home = set(variable, "HOME")?;
    Some(if cfg!(target_os = "macos") { home.join("Library").join("Caches") } else { home.join(".cache") })
}

/// An empty variable counts as unset, as the specification says.
fn set(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    variable(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_the_cache() {
        let all = [("HOME", "/home/a"), ("XDG_CACHE_HOME", "/cache"), (MODELS_DIR_VARIABLE, "/models")];
        let check = |given: Option<&str>, pairs: &[(&str, &str)], expected: &str| {
            assert_eq!(models_dir(given.map(Path::new), environment(pairs)).as_deref(), Some(Path::new(expected)));
        };
        check(Some("/flag"), &all, "/flag");
        check(None, &all, "/models");
        check(None, &all[..2], "/cache/pagestream/models");
        check(None, &[("XDG_CACHE_HOME", "/cache"), (MODELS_DIR_VARIABLE, "")], "/cache/pagestream/models");
        if cfg!(target_os = "linux") {
            check(None, &all[..1], "/home/a/.cache/pagestream/models");
            check(None, &[("HOME", "/home/a"), ("XDG_CACHE_HOME", "relative")], "/home/a/.cache/pagestream/models");
        }
    }

    #[test]
    fn without_a_home_the_error_says_what_to_set() {
        assert_eq!(models_dir(None, environment(&[])), None);
        let error = no_place();
        assert!(error.hint().unwrap().contains(MODELS_DIR_VARIABLE));
    }

    #[test]
    fn the_library_is_the_users_choice_or_none() {
        let pairs = [(ORT_DYLIB_VARIABLE, "/lib/ort.so")];
        assert_eq!(ort_dylib(Some(Path::new("/a.so")), environment(&pairs)), Some("/a.so".into()));
        assert_eq!(ort_dylib(None, environment(&pairs)), Some("/lib/ort.so".into()));
        assert_eq!(ort_dylib(None, environment(&[])), None);
    }
}
