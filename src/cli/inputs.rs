//! From arguments to documents: paths, folders, globs, and `-` for standard input.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use pagestream::Source;

/// What the arguments came to: documents in the order of the arguments, folders sorted by name.
pub struct Inputs {
    pub sources: Vec<Source>,
    /// Files in folders that are of no kind that is read.
    pub passed_over: usize,
}

/// # Errors
/// One sentence naming the argument.
pub fn expand(arguments: &[String]) -> Result<Inputs, String> {
    let mut inputs = Inputs { sources: Vec::new(), passed_over: 0 };
    for argument in arguments {
        let path = Path::new(argument);
        if argument == "-" {
            inputs.sources.push(standard_input()?);
        } else if path.is_dir() {
            add_folder(path, &mut inputs)?;
        } else if path.exists() || !argument.contains(['*', '?', '[']) {
            // One that does not exist is told with the others, when its turn comes.
            inputs.sources.push(Source::Path(path.to_owned()));
        } else {
            add_glob(argument, &mut inputs)?;
        }
    }
    Ok(inputs)
}

fn standard_input() -> Result<Source, String> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| format!("standard input cannot be read: {e}"))?;
    Ok(Source::Bytes { name: "-".to_owned(), bytes: Arc::from(bytes) })
}

fn add_glob(pattern: &str, inputs: &mut Inputs) -> Result<(), String> {
    // As shells do: `*` leaves hidden files alone.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let paths = glob::glob_with(pattern, options).map_err(|e| format!("`{pattern}` is not a pattern: {e}"))?;
    let before = inputs.sources.len();
    for path in paths {
        let path = path.map_err(|e| e.to_string())?;
        match path.is_dir() {
            true => add_folder(&path, inputs)?,
            false => inputs.sources.push(Source::Path(path)),
        }
    }
    match inputs.sources.len() == before {
        true => Err(format!("no file matches `{pattern}`")),
        false => Ok(()),
    }
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
        let inputs = expand(&[folder.display().to_string()]).unwrap();
        let names: Vec<_> = inputs.sources.iter().map(Source::name).collect();
        assert_eq!(names, [folder.join("b/a.txt"), folder.join("z.dat")].map(|p| p.display().to_string()));
        assert_eq!(inputs.passed_over, 1);
        let pattern = folder.join("*.dat").display().to_string();
        assert_eq!(expand(&[pattern]).unwrap().sources.len(), 1);
        assert!(expand(&[folder.join("*.xyz").display().to_string()]).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
