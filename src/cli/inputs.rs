//! From arguments to documents: paths, folders, globs, and `-` for standard input.

use std::{
    ffi::OsString,
    fs::FileType,
    io::Read,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use glob::{MatchOptions, Pattern};
use pagestream::{
    Digest, FileKind, Source,
    output::{Expected, is_url},
};

use super::{printer::Printer, urls};

/// What the arguments came to: documents in the order of the arguments, folders sorted by name.
pub struct Inputs {
    pub sources: Vec<NamedInput>,
    /// Where the results of `sources` belong in a folder that mirrors theirs, one each.
    pub expected: Vec<Expected>,
    /// What was found in folders and by patterns, and is not read.
    pub passed_over: Vec<PassedOver>,
}

/// A document that was named.
#[derive(Clone)]
pub enum NamedInput {
    Source(Source),
    /// To be downloaded.
    Url(String),
}

/// Something that was found and does not say that it is a document.
#[derive(Debug, PartialEq, Eq)]
pub struct PassedOver {
    pub path: PathBuf,
    pub why: &'static str,
}

/// A wildcard stands for what is between two `/`, `**` for any number of folders.
pub const AS_SHELLS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Most that standard input may hold: it is kept in memory until it is spooled.
pub const STANDARD_INPUT: u64 = 1 << 30;

/// # Errors
/// One sentence naming the argument.
pub fn expand(arguments: &[OsString]) -> Result<Inputs, String> {
    let mut inputs = Inputs { sources: Vec::new(), expected: Vec::new(), passed_over: Vec::new() };
    let several_folders = arguments.iter().filter(|argument| Path::new(argument).is_dir()).count() > 1;
    for (number, argument) in arguments.iter().enumerate() {
        let path = Path::new(argument);
        if argument.is_empty() {
            let number = number + 1;
            return Err(format!(
                "file {number} of those given has an empty name; a variable that is not set gives such"
            ));
        } else if let Some(url) = argument.to_str().filter(|text| is_url(text)) {
            inputs.add_url(url);
        } else if argument == "-" {
            inputs.add_standard_input()?;
        } else if path.is_dir() {
            // Of several folders each has its own in the output, whatever is in them.
            let above = if several_folders { last_name(path) } else { PathBuf::new() };
            inputs
                .add_folder(path, |file| Expected::below(file, above.join(file.strip_prefix(path).unwrap_or(file))))?;
        } else if !path.exists()
            && let Some(pattern) = as_pattern(path)
        {
            inputs.add_matches(path, &pattern)?;
        } else {
            // One that does not exist is told with the others, when its turn comes. A pipe that is named is read.
            inputs.add(path.to_owned(), Expected::file(path));
        }
    }
    Ok(inputs)
}

/// As [`expand`], for a command that downloads nothing.
///
/// # Errors
/// As [`expand`], and for a URL.
pub fn expand_files(arguments: &[OsString]) -> Result<Vec<Source>, String> {
    expand(arguments)?.files()
}

impl Inputs {
    /// # Errors
    /// One sentence that names the first that is to be downloaded.
    pub fn files(self) -> Result<Vec<Source>, String> {
        let file = |input| match input {
            NamedInput::Source(source) => Ok(source),
            NamedInput::Url(url) => {
                Err(format!("{}: only `pagestream process` downloads documents", urls::shown(&url)))
            }
        };
        self.sources.into_iter().map(file).collect()
    }

    /// It is called as it is shown: without what nobody else may see.
    fn add_url(&mut self, url: &str) {
        self.expected.push(Expected::file(Path::new(&urls::shown(url))));
        self.sources.push(NamedInput::Url(url.to_owned()));
    }

    /// Says how much was passed over, and with `-v` what.
    pub fn tell_passed_over(&self, printer: &Printer) {
        for PassedOver { path, why } in &self.passed_over {
            tracing::info!(path = %path.display(), why, "passed over");
        }
        match self.passed_over.len() {
            0 => {}
            1 => printer.note("passed over: 1 file of other kinds"),
            files => printer.note(&format!("passed over: {files} files of other kinds")),
        }
    }

    fn add(&mut self, path: PathBuf, expected: Expected) {
        self.sources.push(NamedInput::Source(Source::Path(path)));
        self.expected.push(expected);
    }

    fn add_standard_input(&mut self) -> Result<(), String> {
        let bytes = standard_input()?;
        let name = "-".to_owned();
        // What came in another run was another document, though it had no other name.
        let origin = format!("-#{}", Digest::of(&bytes));
        self.expected.push(Expected { source: name.clone(), origin, place: PathBuf::from("stdin") });
        self.sources.push(NamedInput::Source(Source::Bytes { name, bytes }));
        Ok(())
    }

    /// The files and folders that match, sorted. As shells do, wildcards leave hidden names alone.
    fn add_matches(&mut self, path: &Path, pattern: &Pattern) -> Result<(), String> {
        let is_plain = |part: &Component| !part.as_os_str().as_encoded_bytes().iter().any(|b| b"*?[".contains(b));
        let root: PathBuf = path.components().take_while(is_plain).collect();
        let wild = path.components().count() - root.components().count();
        let depth = if path.components().any(|part| part.as_os_str() == "**") { usize::MAX } else { wild };
        let mut matches = Vec::new();
        let mut folders = vec![(root.clone(), depth)];
        while let Some((folder, depth)) = folders.pop() {
            let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            // A folder that cannot be listed matches nothing, as in a shell.
            for entry in std::fs::read_dir(listed).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name.as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let found = folder.join(name);
                if pattern.matches_path_with(&found, AS_SHELLS) {
                    matches.push(found.clone());
                }
                if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push((found, depth - 1));
                }
            }
        }
        if matches.is_empty() {
            return Err(format!("no file matches `{}`", path.display()));
        }
        matches.sort();
        for found in matches {
            // A link that leads nowhere was asked for, and is told when its turn comes.
            match std::fs::metadata(&found).map(|found| found.file_type()) {
                Ok(kind) if kind.is_dir() => self.add_folder(&found, Expected::file)?,
                Ok(kind) if !kind.is_file() => self.passed_over.push(PassedOver { path: found, why: what_it_is(kind) }),
                _ => {
                    let expected = Expected::file(&found);
                    self.add(found, expected);
                }
            }
        }
        Ok(())
    }

    /// Every file below the folder that is a document or says that it is. Hidden files and folders are left alone, and
    /// links to folders are not followed, so that a circle of links ends.
    fn add_folder(&mut self, folder: &Path, expected: impl Fn(&Path) -> Expected) -> Result<(), String> {
        let mut folders = vec![folder.to_owned()];
        let mut files: Vec<(PathBuf, Option<&'static str>)> = Vec::new();
        while let Some(folder) = folders.pop() {
            let error = |e: std::io::Error| format!("{}: cannot be listed: {e}", folder.display());
            for entry in std::fs::read_dir(&folder).map_err(error)? {
                let entry = entry.map_err(error)?;
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let path = entry.path();
                // Of a link, what it leads to.
                let kind = entry.file_type().map_err(error)?;
                let target = if kind.is_symlink() { std::fs::metadata(&path).map(|m| m.file_type()) } else { Ok(kind) };
                match target {
                    _ if kind.is_dir() => folders.push(path),
                    Ok(target) if target.is_file() => files.push((path, None)),
                    Ok(target) => files.push((path, Some(what_it_is(target)))),
                    Err(_) => files.push((path, Some("a link that leads nowhere"))),
                }
            }
        }
        files.sort();
        for (path, why) in files {
            match why.or_else(|| (!claims(&path) && !is_document(&path)).then_some("not a document")) {
                Some(why) => self.passed_over.push(PassedOver { path, why }),
                None => {
                    let expected = expected(&path);
                    self.add(path, expected);
                }
            }
        }
        Ok(())
    }
}

fn last_name(folder: &Path) -> PathBuf {
    let named = |path: &Path| path.file_name().map(PathBuf::from);
    named(folder).or_else(|| named(&folder.canonicalize().ok()?)).unwrap_or_default()
}

fn standard_input() -> Result<Arc<[u8]>, String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(STANDARD_INPUT + 1).read_to_end(&mut bytes);
    match read {
        Err(error) => Err(format!("standard input cannot be read: {error}")),
        Ok(read) if read as u64 > STANDARD_INPUT => {
            Err("standard input is longer than 1 GiB; write it to a file and give that".to_owned())
        }
        Ok(_) => Ok(Arc::from(bytes)),
    }
}

/// A name with wildcards. What looks like one and is none (`scan[2.pdf`) is taken for a name.
fn as_pattern(path: &Path) -> Option<Pattern> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    Pattern::new(text).ok()
}

/// What is neither a file nor a folder, or a folder behind a link.
fn what_it_is(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe, which is read if it is named";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_block_device() || kind.is_char_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a link to a folder" } else { "not a file" }
}

/// By the ending of its name.
fn claims(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    FileKind::is_claimed_by(&ending)
}

/// By the first bytes. A file that cannot be opened counts as one, so that the reason is told.
fn is_document(path: &Path) -> bool {
    let mut head = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(1024).read_to_end(&mut head).is_err() || pagestream::is_supported(&head),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn names(inputs: &Inputs, below: &Path) -> Vec<String> {
        let name = |input: &NamedInput| match input {
            NamedInput::Source(Source::Path(path)) => path.strip_prefix(below).unwrap_or(path).display().to_string(),
            NamedInput::Source(other) => other.name(),
            NamedInput::Url(url) => url.clone(),
        };
        inputs.sources.iter().map(name).collect()
    }

    #[test]
    fn a_url_is_no_pattern_and_stands_where_it_was_named() {
        let arguments = ["a.pdf", "https://ann:secret@a.example/b.pdf?x=*", "c.pdf"].map(OsString::from);
        let inputs = expand(&arguments).unwrap();
        assert_eq!(names(&inputs, Path::new("")), ["a.pdf", "https://ann:secret@a.example/b.pdf?x=*", "c.pdf"]);
        let sources: Vec<_> = inputs.expected.iter().map(|expected| &*expected.source).collect();
        assert_eq!(sources, ["a.pdf", "https://a.example/b.pdf?x=*", "c.pdf"]);
        let error = expand_files(&arguments).err().unwrap();
        assert_eq!(error, "https://a.example/b.pdf?x=*: only `pagestream process` downloads documents");
    }

    #[test]
    fn an_argument_that_is_empty_is_named_by_its_number() {
        let error = expand(&["a.pdf".into(), "".into()]).err();
        assert!(error.is_some_and(|error| error.contains("file 2")));
    }

    #[test]
    fn a_folder_gives_what_is_a_document_or_says_so_in_order() {
        let folder = folder_with(&[
            ("z.dat", b"%PDF-1.4\n"),
            ("b/a.txt", b"BM\x8a\0\0\0\0\0\0\0\x8a\0\0\0\x7c\0\0\0\x01\0\0\0\x01\0\x01\0\x18\0"),
            ("broken.PDF", b"no document at all"),
            ("photo.jpg", &[0; 4_000]),
            ("empty.pdf", b""),
            ("photo.heic", b"\0\0\0\x18ftypheic"),
            ("notes.md", b"no document, and does not say so"),
            (".hidden", b"%PDF-1.4\n"),
            ("scan.jp2", b"\0\0\0\x0cjP  \r\n\x87\n"),
            ("scan.pgm", b"P5 1 1 255\n\0"),
        ]);
        let inputs = expand(&[folder.path().into()]).unwrap();
        let expected =
            ["b/a.txt", "broken.PDF", "empty.pdf", "photo.heic", "photo.jpg", "scan.jp2", "scan.pgm", "z.dat"];
        assert_eq!(names(&inputs, folder.path()), expected);
        let passed_over = PassedOver { path: folder.path().join("notes.md"), why: "not a document" };
        assert_eq!(inputs.passed_over, [passed_over]);
        let count = |pattern: &str| expand(&[folder.path().join(pattern).into()]).map(|inputs| inputs.sources.len());
        assert_eq!(count("*.dat"), Ok(1));
        assert_eq!(count("*/?.txt"), Ok(1));
        assert_eq!(count("**/*.txt"), Ok(1));
        assert_eq!(count("*"), Ok(9), "the folder b counts for what is in it, and hidden files not at all");
        assert!(count("*.xyz").is_err());
        assert_eq!(count("scan[2.pdf"), Ok(1), "no pattern but a name, told as missing when its turn comes");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_read_only_by_its_own_name() {
        let folder = folder_with(&[("a.pdf", b"%PDF-1.4\n")]);
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("b.pdf")).unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.path().join("c.pdf")).unwrap();
        for argument in ["", "*", "*.pdf"] {
            let inputs = expand(&[folder.path().join(argument).into()]).unwrap();
            assert_eq!(names(&inputs, folder.path()), ["a.pdf"], "{argument}");
            let why: Vec<_> = inputs.passed_over.iter().map(|passed| passed.why).collect();
            assert_eq!(why, ["a socket", "a device"], "{argument}");
        }
        let named = expand(&[folder.path().join("b.pdf").into()]).unwrap();
        assert_eq!(
            (named.sources.len(), named.passed_over.len()),
            (1, 0),
            "asked for: it is told what is wrong with it"
        );
        drop(socket);
    }

    #[test]
    fn results_belong_where_their_documents_stand() {
        let folder =
            folder_with(&[("m/r.pdf", b"%PDF-1.4\n"), ("m/a/s.pdf", b"%PDF-1.4\n"), ("n/r.pdf", b"%PDF-1.4\n")]);
        let places = |arguments: &[&str]| {
            let arguments: Vec<OsString> = arguments.iter().map(|name| folder.path().join(name).into()).collect();
            let places = expand(&arguments).unwrap().expected.into_iter().map(|document| document.place);
            places.map(|place| place.to_string_lossy().replace('\\', "/")).collect::<Vec<_>>()
        };
        assert_eq!(places(&["m"]), ["a/s.pdf", "r.pdf"]);
        assert_eq!(places(&["m/"]), ["a/s.pdf", "r.pdf"]);
        assert_eq!(places(&["m", "n/"]), ["m/a/s.pdf", "m/r.pdf", "n/r.pdf"]);
        assert_eq!(places(&["."]), ["m/a/s.pdf", "m/r.pdf", "n/r.pdf"]);
        assert_eq!(places(&["m", "n/r.pdf"]), ["a/s.pdf", "r.pdf", "r.pdf"], "and are told apart when they meet");
    }
}
