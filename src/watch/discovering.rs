//! What in a watched folder may be a document, and why the rest is left alone.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pagestream_documents::{FileKind, output};

use super::{
    leftovers::{is_noted_as_unfinished, why_left},
    readiness::Stamp,
};

/// What a look at a path came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A folder, and the device that it is on.
    Folder { device: u64 },
    /// A file that may be a document, and what the link leads to if it is one.
    File { stamp: Stamp, target: PathBuf },
    /// Something that is left alone.
    Left(&'static str),
    /// Nothing, any more.
    Nothing,
}

pub struct Rules {
    /// The watched folder.
    root: PathBuf,
    /// Folders that are ours: results, archive, failures, data directory. Absolute and without links.
    ours: Vec<PathBuf>,
    /// Whether links to files are followed.
    pub links: bool,
}

impl Rules {
    pub fn new(root: &Path, ours: Vec<PathBuf>, links: bool) -> Self {
        Self { root: root.to_owned(), ours, links }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a path, absolute, lies where nothing is taken from: in a folder of ours, or below something that is left alone.
    pub fn is_out_of_bounds(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.root) else { return true };
        let above = below.parent().into_iter().flat_map(|parent| parent.iter());
        let mut folders = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
        self.ours.iter().any(|ours| path.starts_with(ours))
            || above.into_iter().any(|part| why_left(part, true).is_some())
            || folders.any(holds_results)
    }

    /// Looks at one path, absolute and below the watched folder.
    ///
    /// # Errors
    /// Where it cannot be looked at, for other reasons than that it is gone.
    pub fn look(&self, path: &Path) -> io::Result<Found> {
        let found = match fs::symlink_metadata(path) {
            Err(error) if is_gone(&error) => return Ok(Found::Nothing),
            found => found?,
        };
        if self.ours.iter().any(|ours| path.starts_with(ours)) {
            return Ok(Found::Left("pagestream's own"));
        }
        let name = path.file_name().unwrap_or_default();
        if path != self.root
            && let Some(why) = why_left(name, found.is_dir())
        {
            return Ok(Found::Left(why));
        }
        if found.is_dir() && path != self.root && holds_results(path) {
            return Ok(Found::Left("a folder of pagestream's results"));
        }
        if found.is_dir() {
            return Ok(Found::Folder { device: device(&found) });
        }
        if found.is_file() {
            let target = PathBuf::new();
            return Ok(match is_noted_as_unfinished(path) {
                true => Found::Left("a download that has not finished"),
                false => Found::File { stamp: Stamp::from(&found), target },
            });
        }
        if !found.is_symlink() {
            return Ok(Found::Left("neither a file nor a folder"));
        }
        if !self.links {
            return Ok(Found::Left("a link (`watch.links` is off)"));
        }
        match fs::metadata(path) {
            Ok(target) if target.is_file() => {
                Ok(Found::File { stamp: Stamp::from(&target), target: fs::canonicalize(path)? })
            }
            Ok(_) => Ok(Found::Left("a link to something else than a file")),
            Err(_) => Ok(Found::Left("a link that leads nowhere")),
        }
    }

    /// The paths in a folder, sorted.
    ///
    /// # Errors
    /// Where it cannot be listed.
    pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        paths.sort();
        Ok(paths)
    }
}

/// Whether pagestream writes results there, for this daemon, another or nobody any more.
fn holds_results(folder: &Path) -> bool {
    folder.join(output::MANIFEST).exists()
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn device(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::dev(found)
}

#[cfg(not(unix))]
fn device(_: &fs::Metadata) -> u64 {
    0
}

/// Whether a file says that it is a document, by its name or by its first bytes. One that cannot be opened counts as one where its name
/// says so: the reason is told.
pub fn is_document(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if FileKind::is_claimed_by(&ending) {
        return true;
    }
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| io::Read::read_to_end(&mut io::Read::take(file, 1_024), &mut head));
    read.is_ok() && pagestream_documents::detect(&head).is_ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_and_the_rest_is_left_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a.pdf", "sub/b.pdf", ".c.pdf", "d.pdf.part", "out/e.pdf", "f.pdf", "f.pdf.aria2", "@eaDir/g.pdf"]
        {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "%PDF-1.4").unwrap();
        }
        std::os::unix::fs::symlink(root.join("a.pdf"), root.join("link.pdf")).unwrap();
        std::os::unix::fs::symlink(root.join("sub"), root.join("sublink")).unwrap();
        let mut rules = Rules::new(root, vec![root.join("out")], false);
        let left = |rules: &Rules, name: &str| matches!(rules.look(&root.join(name)).unwrap(), Found::Left(_));
        for (name, is_left) in [
            ("a.pdf", false),
            ("sub", false),
            ("sub/b.pdf", false),
            (".c.pdf", true),
            ("d.pdf.part", true),
            ("out", true),
            ("out/e.pdf", true),
            ("f.pdf", true),
            ("@eaDir", true),
            ("link.pdf", true),
            ("sublink", true),
        ] {
            assert_eq!(left(&rules, name), is_left, "{name}");
        }
        assert_eq!(rules.look(&root.join("gone.pdf")).unwrap(), Found::Nothing);
        let out_of_bounds = |name: &str| rules.is_out_of_bounds(&root.join(name));
        assert_eq!(
            ["a.pdf", "sub/b.pdf", "@eaDir/g.pdf", "out/x/e.pdf"].map(out_of_bounds),
            [false, false, true, true]
        );
        fs::create_dir_all(root.join("others/deep")).unwrap();
        assert!(!left(&rules, "others") && !out_of_bounds("others/deep/r.pdf"));
        fs::write(root.join("others").join(output::MANIFEST), "").unwrap();
        assert!(left(&rules, "others") && out_of_bounds("others/deep/r.pdf"), "another daemon's results");
        rules.links = true;
        assert!(!left(&rules, "link.pdf") && left(&rules, "sublink"), "links to folders are never followed");
    }
}
