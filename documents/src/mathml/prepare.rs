//! LaTeX in the spelling that the converter knows: people, papers and networks have many spellings of the same thing.

use super::{
    spellings::{BEFORE_DELIMITERS, ENVIRONMENTS, NOTHING, RENAMED, WITH_ARGUMENTS},
    tokens::{argument, closing, is_word, tokens},
};

/// Bytes of a formula: forty aligned lines. What is longer is no formula.
const MOST_LENGTH: usize = 8 << 10;

/// Groups, environments and arguments of commands within each other. The parser behind is recursive; the deepest of 11,420 formulas of
/// published texts has 12.
const MOST_DEPTH: usize = 48;

/// What the converter is given; `None` where there is nothing to convert, or too much.
pub(super) fn prepare(latex: &str) -> Option<String> {
    let latex = without_delimiters(latex);
    if latex.is_empty() || latex.len() > MOST_LENGTH {
        return None;
    }
    let tokens = tokens(latex);
    if depth(&tokens) > MOST_DEPTH {
        return None;
    }
    let mut out = Writer::default();
    out.sequence(&tokens);
    let body = out.text.trim();
    let is_lines = lines(&tokens);
    match is_lines {
        _ if body.is_empty() => None,
        None => Some(body.to_owned()),
        Some(environment) => Some(format!("\\begin{{{environment}}}{body}\\end{{{environment}}}")),
    }
}

/// The formula alone: dollars and brackets that a record should not have are taken away.
fn without_delimiters(latex: &str) -> &str {
    let latex = latex.trim();
    let pairs = [("$$", "$$"), ("$", "$"), ("\\[", "\\]"), ("\\(", "\\)")];
    let inner = pairs.into_iter().find_map(|(open, close)| {
        let inner = latex.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.is_empty()).then_some(inner)
    });
    inner.unwrap_or(latex).trim()
}

/// An upper bound of how deep a recursive parser gets: groups and environments, and commands that follow each other, since each may be the
/// argument of the one before.
fn depth(tokens: &[&str]) -> usize {
    let (mut open, mut chain, mut most) = (Vec::new(), 0_usize, 0_usize);
    let mut base = 0_usize;
    for token in tokens {
        match *token {
            "{" | "\\begin" | "\\left" => {
                open.push(base);
                base += chain / CHAIN + 1;
                chain = 0;
            }
            "}" | "\\end" | "\\right" => {
                base = open.pop().unwrap_or(0);
                chain = 0;
            }
            " " => {}
            token if token.starts_with('\\') || matches!(token, "^" | "_" | "'") => chain += 1,
            _ => chain = 0,
        }
        most = most.max(base + chain / CHAIN);
    }
    // Arguments in brackets are not told from brackets.
    most + tokens.windows(2).filter(|pair| *pair == ["\\sqrt", "["]).count()
}

/// Commands that follow each other and count for one group: most are signs with no arguments.
const CHAIN: usize = 6;

/// Which environment lines need that stand in none.
fn lines(tokens: &[&str]) -> Option<&'static str> {
    let (mut depth, mut is_line, mut environments) = (0_usize, false, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "\\begin" => {
                let (name, _) = environment(tokens, at + 1);
                environments.push(name.is_some_and(|(_, new)| new.is_some()));
            }
            "\\end" => drop(environments.pop()),
            "&" if depth == 0 && !environments.contains(&true) => return Some("aligned"),
            "\\\\" | "\\cr" if depth == 0 && !environments.contains(&true) => {
                // At the very end it begins no line.
                is_line |= tokens[at + 1..].iter().any(|token| *token != " " && *token != "\\end");
            }
            _ => {}
        }
    }
    is_line.then_some("gathered")
}

/// Of what stands behind `\begin` or `\end`: the name without its star, what it is called here, and where what follows begins.
fn environment(tokens: &[&str], at: usize) -> (Option<(String, Option<String>)>, usize) {
    let (name, after) = argument(tokens, at);
    let name = name.concat();
    let plain = name.trim().trim_end_matches('*').to_owned();
    let new = match ENVIRONMENTS.iter().find(|(known, _)| *known == plain) {
        Some((_, new)) => new.map(str::to_owned),
        None => Some(plain.clone()),
    };
    (Some((plain, new)), after)
}

/// LaTeX that may stand in a formula wherever it is shown: without numbers and labels, which are told beside it, without environments that
/// count equations, and with one around lines that have none.
pub(crate) fn standalone(latex: &str) -> String {
    let mut tokens = tokens(without_delimiters(latex));
    // Nothing is to be seen of these at the end, and a backslash would be one of what stands behind it.
    while tokens.last().is_some_and(|last| matches!(*last, " " | "~" | "\\" | "\\ " | "\\\n" | "\\\\" | "\\,")) {
        tokens.pop();
    }
    let mut out = Writer::default();
    let mut at = 0;
    while let Some(&token) = tokens.get(at) {
        at = match token {
            "\\label" | "\\tag" => {
                let is_starred = usize::from(tokens.get(at + 1) == Some(&"*"));
                argument(&tokens, at + 1 + is_starred).1
            }
            "\\nonumber" | "\\notag" => at + 1,
            "\\begin" | "\\end" => {
                let (name, after) = argument(&tokens, at + 1);
                match name.concat().trim().trim_end_matches('*') {
                    "equation" | "displaymath" | "math" => {}
                    "align" | "flalign" => out.all(&[token, "{aligned}"]),
                    "gather" | "multline" => out.all(&[token, "{gathered}"]),
                    _ => out.all(&tokens[at..after]),
                }
                after
            }
            token => {
                out.push(token);
                at + 1
            }
        };
    }
    let body = out.text.trim();
    match lines(&tokens) {
        Some(environment) if !body.is_empty() => format!("\\begin{{{environment}}}{body}\\end{{{environment}}}"),
        _ => body.to_owned(),
    }
}

/// Whether every group that is opened is closed, so that the formula does not take what stands behind it for its own.
pub(crate) fn is_balanced(latex: &str) -> bool {
    let mut depth = 0_usize;
    for token in tokens(latex) {
        match token {
            "{" => depth += 1,
            "}" if depth == 0 => return false,
            "}" => depth -= 1,
            "\\" => return false,
            _ => {}
        }
    }
    depth == 0
}

#[derive(Default)]
struct Writer {
    text: String,
    ends_with_word: bool,
}

impl Writer {
    fn push(&mut self, token: &str) {
        if self.ends_with_word && token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*') {
            self.text.push(' ');
        }
        self.text.push_str(token);
        if !token.is_empty() {
            self.ends_with_word = is_word(token);
        }
    }

    fn all(&mut self, tokens: &[&str]) {
        tokens.iter().for_each(|token| self.push(token));
    }

    fn group(&mut self, tokens: &[&str]) {
        self.push("{");
        self.sequence(tokens);
        self.push("}");
    }

    fn sequence(&mut self, tokens: &[&str]) {
        let mut at = 0;
        // Scripts that what stands before has.
        let (mut has_sub, mut has_super) = (false, false);
        while let Some(&token) = tokens.get(at) {
            let is_script = matches!(token, "^" | "_" | "\\sp" | "\\sb" | "'");
            if !is_script && token != " " {
                (has_sub, has_super) = (false, false);
            }
            at = match token {
                "^" | "\\sp" => {
                    if std::mem::replace(&mut has_super, true) {
                        self.push("{}");
                        has_sub = false;
                    }
                    self.push("^");
                    self.script(tokens, at + 1, true)
                }
                "_" | "\\sb" => {
                    if std::mem::replace(&mut has_sub, true) {
                        self.push("{}");
                        has_super = false;
                    }
                    self.push("_");
                    self.script(tokens, at + 1, false)
                }
                "{" => {
                    let end = closing(tokens, at);
                    self.group(tokens.get(at + 1..end).unwrap_or_default());
                    end + 1
                }
                // Of groups that were closed before.
                "}" => at + 1,
                // A backslash with nothing behind it.
                "\\" => at + 1,
                _ => self.other(token, tokens, at),
            };
        }
    }

    /// What stands above or below; primes behind what stands above belong to it. Gives where what follows begins.
    fn script(&mut self, tokens: &[&str], at: usize, takes_primes: bool) -> usize {
        let (script, after) = argument(tokens, at);
        if script.len() == 1
            && is_word(script[0])
            && tokens[at..after].last() != Some(&"}")
            && tokens.get(after) != Some(&"'")
        {
            // It may take what follows for its arguments.
            return after - 1;
        }
        let primes = tokens[after..].iter().take_while(|token| takes_primes && **token == "'").count();
        self.push("{");
        self.sequence(script);
        (0..primes).for_each(|_| self.push("\\prime"));
        self.push("}");
        after + primes
    }

    /// Gives where what follows begins.
    fn other(&mut self, token: &str, tokens: &[&str], at: usize) -> usize {
        let is_starred = tokens.get(at + 1) == Some(&"*");
        if let Some((_, count)) = WITH_ARGUMENTS.iter().find(|(known, _)| *known == token) {
            let from = at + 1 + usize::from(is_starred);
            return (0..*count).fold(from, |at, _| argument(tokens, at).1);
        }
        if NOTHING.contains(&token) {
            return at + 1;
        }
        let renamed = RENAMED.iter().find(|(known, _)| *known == token).map_or(token, |(_, new)| new);
        match renamed {
            "\\begin" | "\\end" => self.environment(renamed, tokens, at),
            "\\substack" => {
                let (body, after) = argument(tokens, at + 1);
                self.push("\\begin{subarray}{c}");
                self.sequence(body);
                self.push("\\end{subarray}");
                after
            }
            "\\operatorname" | "\\mathop" => self.operator(renamed, is_starred, tokens, at),
            "\\hspace" | "\\hskip" | "\\kern" | "\\mskip" | "\\mkern" => self.space(renamed, is_starred, tokens, at),
            token if token.starts_with("\\text") && is_text(token) => {
                let (body, after) = argument(tokens, at + 1);
                self.words(token, body);
                after
            }
            token if BEFORE_DELIMITERS.contains(&token) => self.delimiter(token, tokens, at),
            token => {
                self.push(token);
                at + 1
            }
        }
    }

    fn environment(&mut self, token: &str, tokens: &[&str], at: usize) -> usize {
        let (Some((old, new)), mut after) = environment(tokens, at + 1) else { return at + 1 };
        let Some(new) = new else { return after };
        self.all(&[token, "{", &new, "}"]);
        if token == "\\begin" {
            match old.as_str() {
                "alignat" | "alignedat" => after = argument(tokens, after).1,
                "eqnarray" => self.push("{rcl}"),
                _ => {}
            }
            // Where it stands to the line around it.
            if new != "array" || tokens.get(after) == Some(&"[") {
                after = behind_bracket(tokens, after);
            }
        }
        after
    }

    /// A name that is set as words are; with anything else in it, it is a formula in upright type.
    fn operator(&mut self, token: &str, is_starred: bool, tokens: &[&str], at: usize) -> usize {
        let (name, after) = argument(tokens, at + 1 + usize::from(is_starred));
        let is_simple =
            name.iter().all(|token| token.len() == 1 && !matches!(*token, "_" | "^" | "&" | "$") || *token == "\\,");
        match (token, is_simple) {
            ("\\operatorname", false) => {
                self.push("\\mathrm");
                self.group(name);
            }
            _ => {
                self.push(token);
                if is_starred {
                    self.text.push('*');
                }
                self.group(name);
            }
        }
        after
    }

    /// A space, unless its length is none.
    fn space(&mut self, token: &str, is_starred: bool, tokens: &[&str], at: usize) -> usize {
        let from = at + 1 + usize::from(is_starred);
        if token != "\\hspace" {
            self.push(token);
            return at + 1;
        }
        let (length, after) = argument(tokens, from);
        let length = length.concat();
        if length.trim_end().ends_with(|c: char| c.is_ascii_alphabetic()) {
            self.all(&["\\hspace", "{", length.trim(), "}"]);
        }
        after
    }

    /// Angle brackets may be written as signs of comparison, and a delimiter may stand in braces; one that is missing is a dot.
    fn delimiter(&mut self, token: &str, tokens: &[&str], at: usize) -> usize {
        let (group, after) = argument(tokens, at + 1);
        self.push(token);
        match group.first() {
            Some(&"<") => self.push("\\langle"),
            Some(&">") => self.push("\\rangle"),
            Some(&".") if token == "\\middle" => {
                self.text.truncate(self.text.len() - token.len());
                self.ends_with_word = false;
            }
            Some(_) => self.all(group),
            None => self.push("."),
        }
        after
    }

    /// Words in a formula, with formulas in them.
    fn words(&mut self, command: &str, body: &[&str]) {
        for (index, part) in body.split(|token| *token == "$").enumerate() {
            match index % 2 {
                0 if part.is_empty() && index > 0 => {}
                0 => {
                    self.all(&[command, "{"]);
                    self.ends_with_word = false;
                    self.all(part);
                    self.push("}");
                }
                _ => self.group(part),
            }
        }
    }
}

/// Behind what stands in brackets here, if anything does.
fn behind_bracket(tokens: &[&str], at: usize) -> usize {
    match tokens.get(at) {
        Some(&"[") => tokens[at..].iter().position(|token| *token == "]").map_or(at, |end| at + end + 1),
        _ => at,
    }
}

/// Commands whose argument is words.
fn is_text(command: &str) -> bool {
    matches!(command, "\\text" | "\\textrm" | "\\textit" | "\\textbf" | "\\textsf" | "\\texttt" | "\\textsc")
}
