//! The house's own rule: modules do not import each other in a circle.
//!
//! Read from the sources: `use` declarations and paths that begin with `crate::` or `super::`, at the granularity of files. A module and
//! those inside it are one room to each other (a parent declares its children, a child may use what its parent defines), so that edges between
//! them do not count; at every level, the rooms side by side must form no circle. A name that a parent re-exports counts for
//! the module that it comes from. Tests may import what they like.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The crates, and the circles that are meant to be there.
const CRATES: &[Crate] = &[
    Crate { source: "src", allowed: &[] },
    // Decoder and GpuScheduler send pages to each other, and know of one another only that it takes them.
    Crate { source: "actors/src", allowed: &[] },
    Crate { source: "models/src", allowed: &[] },
    Crate { source: "documents/src", allowed: &[] },
    Crate { source: "store/src", allowed: &[] },
];

struct Crate {
    source: &'static str,
    allowed: &'static [&'static [&'static str]],
}

/// A module by its path from the crate's root, which is empty itself.
type Module = Vec<String>;

#[derive(Default)]
struct Sources {
    /// Text without comments and tests.
    texts: BTreeMap<Module, String>,
    /// What a module's own `use` declarations bring in, by name.
    imported: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
}

fn module(text: &str) -> Module {
    if text.is_empty() { Vec::new() } else { text.split("::").map(str::to_owned).collect() }
}

impl Sources {
    fn read(folder: &Path) -> Self {
        let mut files = Vec::new();
        walk(folder, &mut Vec::new(), &mut files);
        Self::of(files)
    }

    fn of(files: impl IntoIterator<Item = (Module, String)>) -> Self {
        let mut sources = Self::default();
        for (path, text) in files {
            // The library and the program are two crates with one root.
            sources.texts.entry(path).or_default().push_str(&without_tests(&text));
        }
        for (path, text) in &sources.texts {
            let names = declarations(text).into_iter().filter_map(|used| Some((used.last()?.clone(), used)));
            sources.imported.insert(path.clone(), names.collect());
        }
        sources
    }

    /// The module that a path leads to, seen from `from`; `None` outside the crate.
    fn target(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut rest = path;
        let mut at = match rest.first()?.as_str() {
            "crate" => Vec::new(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            "self" => from.clone(),
            name => {
                let child = [from.as_slice(), &[name.to_owned()]].concat();
                if !self.texts.contains_key(&child) {
                    return None;
                }
                rest = &rest[1..];
                return self.descend(child, rest, depth);
            }
        };
        rest = &rest[1..];
        while rest.first().is_some_and(|name| name == "super") {
            at.pop()?;
            rest = &rest[1..];
        }
        self.descend(at, rest, depth)
    }

    fn descend(&self, mut at: Module, path: &[String], depth: usize) -> Option<Module> {
        for (place, name) in path.iter().enumerate() {
            at.push(name.clone());
            if self.texts.contains_key(&at) {
                continue;
            }
            at.pop();
            // Perhaps it comes from elsewhere.
            let re_exported = self.imported.get(&at).and_then(|names| names.get(name)).filter(|_| depth > 0);
            if let Some(used) = re_exported {
                let whole = [used.as_slice(), &path[place + 1..]].concat();
                return self.target(&at, &whole, depth - 1).or(Some(at));
            }
            break;
        }
        Some(at)
    }

    /// Who imports whom, of rooms that lie side by side.
    fn edges(&self) -> BTreeSet<(Module, Module)> {
        let mut edges = BTreeSet::new();
        for (from, text) in &self.texts {
            for path in declarations(text).into_iter().chain(paths(text)) {
                let Some(to) = self.target(from, &path, 8) else { continue };
                let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if common < from.len() && common < to.len() {
                    edges.insert((from[..=common].to_vec(), to[..=common].to_vec()));
                }
            }
        }
        edges
    }

    /// The circles: sets of modules that reach each other.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let reach = |start: &Module| {
            let (mut reached, mut waiting) = (BTreeSet::new(), vec![start]);
            while let Some(module) = waiting.pop() {
                for (_, to) in edges.iter().filter(|(from, _)| from == module) {
                    if reached.insert(to) {
                        waiting.push(to);
                    }
                }
            }
            reached
        };
        let reached: BTreeMap<&Module, _> = edges.iter().map(|(from, _)| (from, reach(from))).collect();
        let circle = |(module, all): (&&Module, &BTreeSet<&Module>)| {
            let together = all.iter().filter(|other| reached.get(**other).is_some_and(|back| back.contains(*module)));
            let together: Vec<String> = together.map(|module| module.join("::")).collect();
            (together.len() > 1).then_some(together)
        };
        reached.iter().filter_map(circle).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn walk(folder: &Path, module: &mut Module, files: &mut Vec<(Module, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(stem);
            walk(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") && !stem.ends_with("tests") {
            let own = !["mod", "lib", "main"].contains(&stem.as_str());
            let name = module.iter().cloned().chain(own.then_some(stem)).collect();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Tests stand last in a file.
fn without_tests(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The paths of all `use` declarations, their braces opened.
fn declarations(text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find("use ") {
        let begins = rest[..place].chars().next_back().is_none_or(char::is_whitespace);
        rest = &rest[place + 4..];
        let Some(end) = rest.find(';').filter(|_| begins) else { continue };
        let tree: String = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
        open(&tree, &[], &mut all);
    }
    all
}

fn open(tree: &str, before: &[String], all: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (path, group) = match tree.split_once('{') {
        Some((path, group)) => (path, group.strip_suffix('}')),
        None => (tree, None),
    };
    let names = path.split(" as ").next().unwrap_or_default().split("::").map(str::trim);
    let names: Vec<String> = names.filter(|name| !name.is_empty() && *name != "*").map(str::to_owned).collect();
    let whole = [before, &names].concat();
    let Some(group) = group else {
        if !whole.is_empty() {
            all.push(whole);
        }
        return;
    };
    let (mut depth, mut since) = (0, 0);
    for (place, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[since..place].trim().is_empty() {
                    open(&group[since..place], &whole, all);
                }
                since = place + 1;
            }
            _ => {}
        }
    }
}

/// Paths in the text that begin with `crate::` or `super::`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for start in ["crate::", "super::"] {
        for (place, _) in text.match_indices(start) {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            if text[..place].chars().next_back().is_some_and(|c| is_name(c) || c == ':') {
                continue;
            }
            let end = text[place..].find(|c: char| !is_name(c) && c != ':').map_or(text.len(), |end| place + end);
            let path = text[place..end].split("::").filter(|name| !name.is_empty()).map(str::to_owned);
            all.push(path.collect());
        }
    }
    all
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    for Crate { source, allowed } in CRATES {
        let sources = Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(source));
        assert!(sources.edges().len() > 5, "{source} has modules that import each other");
        let circles = sources.circles();
        let circles: Vec<_> = circles.iter().filter(|circle| !allowed.iter().any(|pair| *pair == *circle)).collect();
        assert!(circles.is_empty(), "{source}: {circles:?}");
    }
}

#[test]
fn circles_are_found_through_every_way_to_import() {
    let check = |files: &[(&str, &str)], expected: &[&[&str]]| {
        let sources = Sources::of(files.iter().map(|(name, text)| (module(name), (*text).to_owned())));
        assert_eq!(sources.circles(), expected, "{files:?}");
    };
    check(&[("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "pub struct B;")], &[]);
    check(&[("a", "use crate::b::B;"), ("b", "use super::a::A;")], &[&["a", "b"]]);
    check(
        &[("a", "use crate::{\n    c::C,\n    b::{B, D},\n};"), ("b", "fn f() -> crate::a::A {}"), ("c", "")],
        &[&["a", "b"]],
    );
    check(&[("a", "use crate::b;"), ("b", "use crate::c::*;"), ("c", "use crate::a;")], &[&["a", "b", "c"]]);
    // A parent and its children are one room, and what is inside counts for the room.
    check(&[("a", "mod x; use x::X;"), ("a::x", "use super::A;")], &[]);
    check(&[("a", "mod x;"), ("a::x", "use crate::b::B;"), ("b", "use crate::a::A;")], &[&["a", "b"]]);
    check(&[("a::x", "use super::y::Y;"), ("a::y", "use super::x::X;"), ("a", "")], &[&["a::x", "a::y"]]);
    // By way of what the parent re-exports.
    check(&[("a", "pub use y::Y;"), ("a::x", "use super::Y;"), ("a::y", "use super::x::X;")], &[&["a::x", "a::y"]]);
    // Neither comments nor tests.
    check(
        &[("a", "use crate::b::B;"), ("b", "// use crate::a::A;\n#[cfg(test)]\nmod tests {\n use crate::a;\n}")],
        &[],
    );
}
