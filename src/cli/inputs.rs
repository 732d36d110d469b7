//! From arguments to documents: paths, folders, globs, and `-` for standard input.

use std::{
    ffi::OsString,
    io::Read,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use globset::{GlobBuilder, GlobMatcher};
use pagestream::Source;

/// What the arguments came to: documents in the order of the arguments, folders sorted by name.
pub struct Inputs {
    pub sources: Vec<Source>,
    /// Files in folders that are of no kind that is read.
    pub passed_over: usize,
}

/// Most that standard input may hold: it is kept in memory until it is spooled.
const STANDARD_INPUT: u64 = 1 << 30;

/// # Errors
/// One sentence naming the argument.
pub fn expand(arguments: &[OsString]) -> Result<Inputs, String> {
    let mut inputs = Inputs { sources: Vec::new(), passed_over: 0 };
    for argument in arguments {
        let path = Path::new(argument);
        if argument == "-" {
            inputs.sources.push(standard_input()?);
        } else if path.is_dir() {
            add_folder(path, &mut inputs)?;
        } else if !path.exists()
            && let Some(pattern) = as_pattern(path)
        {
            add_matches(path, &pattern, &mut inputs)?;
        } else {
            // One that does not exist is told with the others, when its turn comes.
            inputs.sources.push(Source::Path(path.to_owned()));
        }
    }
    Ok(inputs)
}

fn standard_input() -> Result<Source, String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(STANDARD_INPUT + 1).read_to_end(&mut bytes);
    match read {
        Err(error) => Err(format!("standard input cannot be read: {error}")),
        Ok(read) if read as u64 > STANDARD_INPUT => {
            Err("standard input is longer than 1 GiB; write it to a file and give that".to_owned())
        }
        Ok(_) => Ok(Source::Bytes { name: "-".to_owned(), bytes: Arc::from(bytes) }),
    }
}

/// A name with wildcards. What looks like one and is none (`scan[2.pdf`) is taken for a name.
fn as_pattern(path: &Path) -> Option<GlobMatcher> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    GlobBuilder::new(text).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

/// The files and folders that match, sorted. As shells do, wildcards leave hidden names alone.
fn add_matches(path: &Path, pattern: &GlobMatcher, inputs: &mut Inputs) -> Result<(), String> {
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
            if pattern.is_match(&found) {
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
        match found.is_dir() {
            true => add_folder(&found, inputs)?,
            false => inputs.sources.push(Source::Path(found)),
        }
    }
    Ok(())
}

/// Every file below the folder whose content is of a kind that is read. Hidden files and folders are left alone, and
/// links to folders are not followed, so that a circle of links ends.
fn add_folder(folder: &Path, inputs: &mut Inputs) -> Result<(), String> {
    let mut folders = vec![folder.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        let error = |e: std::io::Error| format!("{}: cannot be listed: {e}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            match entry.file_type().map_err(error)? {
                kind if kind.is_dir() => folders.push(path),
                _ if path.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    let all = files.len();
    files.retain(|path| is_document(path));
    inputs.passed_over += all - files.len();
    inputs.sources.extend(files.into_iter().map(Source::Path));
    Ok(())
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

    #[test]
    fn a_folder_gives_its_documents_by_content_and_in_order() {
        let folder = std::env::temp_dir().join(format!("pagestream-inputs-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("b")).unwrap();
        for (name, content) in [
            ("z.dat", &b"%PDF-1.4\n"[..]),
            ("b/a.txt", b"BM\x8a\0\0\0\0\0\0\0\x8a\0\0\0\x7c\0\0\0\x01\0\0\0\x01\0\0\0\x01\0"),
            ("notes.pdf", b"no document at all"),
            (".hidden", b"%PDF-1.4\n"),
        ] {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let inputs = expand(&[folder.clone().into()]).unwrap();
        let names: Vec<_> = inputs.sources.iter().map(Source::name).collect();
        assert_eq!(names, [folder.join("b/a.txt"), folder.join("z.dat")].map(|p| p.display().to_string()));
        assert_eq!(inputs.passed_over, 1);
        let count = |pattern: &str| expand(&[folder.join(pattern).into()]).map(|inputs| inputs.sources.len());
        assert_eq!(count("*.dat"), Ok(1));
        assert_eq!(count("*/?.txt"), Ok(1));
        assert_eq!(count("**/*.txt"), Ok(1));
        assert_eq!(count("*"), Ok(3), "the folder b counts for what is in it, and hidden files not at all");
        assert!(count("*.xyz").is_err());
        assert_eq!(count("scan[2.pdf"), Ok(1), "no pattern but a name, told as missing when its turn comes");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
