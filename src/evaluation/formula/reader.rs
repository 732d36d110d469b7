//! From LaTeX as people write it to the tree.

use super::{
    items::{Item, Kind, Rows, styled},
    names,
    write::non_empty,
};

/// Groups within each other. The reader is recursive.
const MOST_DEPTH: usize = 60;

/// Why LaTeX is none: a few words.
pub(super) type Unreadable = &'static str;

/// What ends a cell, and a row of them.
const ROW_ENDS: [&str; 4] = ["\\\\", "\\cr", "\\newline", "\\tabularnewline"];

/// In a list of what ends a sequence: the end of the source, and that of whatever environment.
pub(super) const OF_SOURCE: &str = "";
const OF_ENVIRONMENT: &str = "\\end";

pub(super) struct Reader<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    depth: usize,
}

/// Commands, environments' beginnings and ends, blanks, and single characters.
fn lexed(source: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), source);
    while let Some(first) = rest.chars().next() {
        let of = |test: fn(char) -> bool, text: &str| text.find(|c| !test(c)).unwrap_or(text.len());
        let length = match first {
            '\\' => match of(|c| c.is_ascii_alphabetic(), &rest[1..]) {
                0 => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                letters => environment_length(rest, 1 + letters).unwrap_or(1 + letters),
            },
            c if c.is_whitespace() => of(char::is_whitespace, rest),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// Of `\begin` and `\end` the length with the name in braces.
fn environment_length(rest: &str, command: usize) -> Option<usize> {
    if !matches!(&rest[..command], "\\begin" | "\\end") {
        return None;
    }
    let close = rest.find('}')?;
    let name = rest[command..close].trim_start().strip_prefix('{')?.trim();
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name(name.strip_suffix('*').unwrap_or(name)).then_some(close + 1)
}

/// The source without comments.
pub(super) fn without_comments(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut characters = source.chars();
    let mut before = None;
    while let Some(c) = characters.next() {
        if c == '%' && before != Some('\\') {
            characters.by_ref().take_while(|&c| c != '\n').for_each(drop);
        } else {
            out.push(c);
        }
        before = Some(c);
    }
    out
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a str) -> Self {
        Self { tokens: lexed(source), at: 0, depth: 0 }
    }

    fn peek(&mut self) -> Option<&'a str> {
        while self.tokens.get(self.at).is_some_and(|token| token.starts_with(char::is_whitespace)) {
            self.at += 1;
        }
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Result<&'a str, Unreadable> {
        self.peek();
        self.next_of_all()
    }

    /// Blanks among them.
    fn next_of_all(&mut self) -> Result<&'a str, Unreadable> {
        self.at += 1;
        self.tokens.get(self.at - 1).copied().ok_or("it ends early")
    }

    fn skip(&mut self, token: &str) {
        if self.peek() == Some(token) {
            self.at += 1;
        }
    }

    /// What stands between brackets.
    fn optional(&mut self) -> Result<Option<Vec<Item>>, Unreadable> {
        if self.peek() != Some("[") {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some(self.sequence(&["]"])?.0))
    }

    /// Passes over an argument.
    fn pass_argument(&mut self) -> Result<(), Unreadable> {
        if self.next()? != "{" {
            return Ok(());
        }
        let mut depth = 1;
        while depth > 0 {
            match self.next_of_all()? {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn argument(&mut self) -> Result<Vec<Item>, Unreadable> {
        while self.peek().is_some_and(|token| names::is_space(token) || names::is_nothing(token)) {
            self.at += 1;
        }
        match self.next()? {
            "{" => Ok(self.sequence(&["}"])?.0),
            "}" | "_" | "^" | "&" | "\\\\" => Err("an argument is missing"),
            _ => {
                self.at -= 1;
                let mut out = Vec::new();
                self.atom(&mut out, false)?;
                Ok(out)
            }
        }
    }

    /// Items up to one of `ends`, and which it was.
    fn sequence(&mut self, ends: &[&str]) -> Result<(Vec<Item>, &'a str), Unreadable> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err("it is nested too deeply");
        }
        let mut out = Vec::new();
        loop {
            let Some(token) = self.peek() else {
                self.depth -= 1;
                return if ends.contains(&OF_SOURCE) { Ok((out, OF_SOURCE)) } else { Err("it ends early") };
            };
            let ends_environment = token.starts_with("\\end") && token.ends_with('}');
            if ends.contains(&token) || ends_environment && ends.contains(&OF_ENVIRONMENT) {
                self.at += 1;
                self.depth -= 1;
                return Ok((out, token));
            }
            if token == "}" || ends_environment {
                return Err("what it closes was not opened");
            }
            let rest = |this: &mut Self| {
                this.at += 1;
                let rest = this.sequence(ends);
                this.depth -= 1;
                rest
            };
            if let Some(font) = names::switch(token) {
                let (rest, end) = rest(self)?;
                out.extend(styled(rest, font));
                return Ok((out, end));
            }
            match token {
                "\\over" | "\\atop" | "\\choose" | "\\brack" | "\\above" => {
                    if token == "\\above" {
                        self.at += 1;
                        self.length();
                        self.at -= 1;
                    }
                    let (below, end) = rest(self)?;
                    return Ok((stacked(token, out, below), end));
                }
                "\\eqno" | "\\leqno" => {
                    let (number, end) = rest(self)?;
                    out.push(tag(number));
                    return Ok((out, end));
                }
                _ => self.atom(&mut out, true)?,
            }
        }
    }

    /// Passes over a dimension, as after `\kern`.
    fn length(&mut self) {
        let is = |test: fn(char) -> bool, token: Option<&str>| token.is_some_and(|token| token.chars().all(test));
        while is(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'), self.peek()) {
            self.at += 1;
        }
        for _ in 0..2 {
            if is(|c| c.is_ascii_lowercase(), self.peek()) {
                self.at += 1;
            }
        }
    }

    /// Reads scripts onto the last item.
    fn scripts(&mut self, out: &mut Vec<Item>) -> Result<(), Unreadable> {
        let mut primes: Vec<Item> = Vec::new();
        while let Some(token) = self.peek() {
            match names::same(token) {
                "'" => {
                    self.at += 1;
                    primes.push(Item::symbol("\\prime"));
                    if let Some(above) = out.last_mut().and_then(|base| base.sup.as_mut()) {
                        above.append(&mut primes);
                    }
                }
                "\\limits" | "\\nolimits" | "\\displaylimits" => self.at += 1,
                sign @ ("_" | "^") => {
                    self.at += 1;
                    let mut content = self.argument()?;
                    if content.is_empty() {
                        continue;
                    }
                    if sign == "^" {
                        content = primes.drain(..).chain(content).collect();
                    }
                    put_script(out, sign, content);
                }
                _ => break,
            }
        }
        if !primes.is_empty() {
            put_script(out, "^", primes);
        }
        Ok(())
    }

    /// An atom with its scripts.
    fn atom(&mut self, out: &mut Vec<Item>, scripts: bool) -> Result<(), Unreadable> {
        let token = names::same(self.next()?);
        let before = out.len();
        if matches!(token, "_" | "^" | "'") {
            self.at -= 1;
            if !scripts {
                return Err("a script has nothing to stand at");
            }
            out.push(Item::new(Kind::Empty));
        } else if !self.nucleus(token, scripts, out)? {
            return Ok(());
        }
        if !scripts || out.len() == before {
            return Ok(());
        }
        let follows = self.peek().map(names::same);
        if matches!(follows, Some("_" | "^" | "'" | "\\limits" | "\\nolimits")) {
            // Of `{x_a}_b` the second stands at nothing.
            if out.last().is_some_and(|last| last.is_gap() || !last.is_bare()) {
                out.push(Item::new(Kind::Empty));
            }
            self.scripts(out)?;
        }
        if out.last().is_some_and(|last| last.kind == Kind::Empty && last.is_bare()) {
            out.pop();
        }
        Ok(())
    }

    /// What scripts stand at. Whether there is any: spaces and sizes are passed over.
    fn nucleus(&mut self, token: &'a str, scripts: bool, out: &mut Vec<Item>) -> Result<bool, Unreadable> {
        if token == "{" {
            let items = self.sequence(&["}"])?.0;
            let takes_scripts = scripts && matches!(self.peek().map(names::same), Some("_" | "^" | "'"));
            if items.is_empty() && takes_scripts {
                out.push(Item::new(Kind::Empty));
            }
            let any = !items.is_empty() || takes_scripts;
            out.extend(items);
            return Ok(any);
        }
        if names::is_space(token) {
            out.extend(names::is_gap(token).then(|| Item::new(Kind::Gap)));
            return Ok(false);
        }
        if matches!(token, "\\left" | "\\right" | "\\middle") || names::is_size(token) {
            let is_open = self.peek() == Some(".");
            self.at += usize::from(is_open);
            let takes_scripts = token == "\\right" && is_open;
            out.extend(takes_scripts.then(|| Item::new(Kind::Empty)));
            return Ok(takes_scripts);
        }
        if names::is_nothing(token) || token == "$" {
            return Ok(false);
        }
        if names::takes_length(token) {
            self.length();
            return Ok(false);
        }
        if let Some(arguments) = names::left_out(token) {
            self.skip("*");
            (0..arguments).try_for_each(|_| self.pass_argument())?;
            return Ok(false);
        }
        if let Some(font) = names::text(token) {
            out.extend(self.text(font)?);
        } else if let Some(font) = names::font(token) {
            self.skip("*");
            out.extend(styled(self.argument()?, font));
        } else if let Some(letters) = names::letters_of(token) {
            let letter = |c: char| if c == '~' { Kind::Gap } else { Kind::Upright(c.to_string()) };
            out.extend(letters.chars().map(|c| Item::new(letter(c))));
        } else if token.starts_with("\\begin") && token.ends_with('}') {
            out.extend(self.environment(token)?);
        } else {
            self.command(token, out)?;
        }
        Ok(true)
    }

    fn command(&mut self, token: &'a str, out: &mut Vec<Item>) -> Result<(), Unreadable> {
        match token {
            "\\root" => {
                let index = self.sequence(&["\\of"])?.0;
                out.push(Item::command("\\root", vec![index, self.argument()?]));
            }
            "\\sqrt" => {
                let index = self.optional()?.filter(|index| !index.is_empty());
                let content = self.argument()?;
                out.push(match index {
                    Some(index) => Item::command("\\root", vec![index, content]),
                    None => Item::command("\\sqrt", vec![content]),
                });
            }
            "\\xrightarrow" | "\\xleftarrow" | "\\xmapsto" | "\\xleftrightarrow" | "\\xhookrightarrow" => {
                let (below, above) = (self.optional()?.unwrap_or_default(), self.argument()?);
                let arrow = match token {
                    "\\xrightarrow" => "\\longrightarrow",
                    "\\xleftarrow" => "\\longleftarrow",
                    "\\xmapsto" => "\\longmapsto",
                    "\\xleftrightarrow" => "\\longleftrightarrow",
                    _ => "\\hookrightarrow",
                };
                let mut item = Item::symbol(arrow);
                for (command, part) in [("\\overset", above), ("\\underset", below)] {
                    if !part.is_empty() {
                        item = Item::command(command, vec![part, vec![item]]);
                    }
                }
                out.push(item);
            }
            "\\substack" => {
                self.skip("{");
                out.push(Item::new(Kind::Matrix(self.rows("}")?)));
            }
            "\\matrix" | "\\pmatrix" | "\\cases" | "\\eqalign" | "\\displaylines" if self.peek() == Some("{") => {
                self.at += 1;
                let rows = self.rows("}")?;
                match names::fence(&token[1..]) {
                    Some(fence) => out.extend(fenced(Kind::Matrix(rows), fence)),
                    None => out.push(Item::new(Kind::Lines { rows, whole: false })),
                }
            }
            "\\not" => {
                let negated = self.argument()?;
                out.extend(not(negated));
            }
            "\\tag" => {
                self.skip("*");
                out.push(tag(self.text("")?));
            }
            "\\pmod" | "\\pod" => {
                out.push(Item::symbol("("));
                let word = if token == "\\pmod" { "mod" } else { "" };
                out.extend(word.chars().map(|c| Item::new(Kind::Upright(c.to_string()))));
                out.extend(self.argument()?);
                out.push(Item::symbol(")"));
            }
            "\\cfrac" => {
                self.optional()?;
                out.push(Item::command("\\frac", vec![self.argument()?, self.argument()?]));
            }
            "\\overset" | "\\underset" => {
                let (part, base) = (self.argument()?, self.argument()?);
                if part.is_empty() {
                    out.extend(base);
                } else {
                    out.push(Item::command(token, vec![part, base]));
                }
            }
            _ => match (names::arguments(token), names::negation_of(token)) {
                (Some(count), _) => {
                    let arguments: Result<Vec<_>, _> = (0..count).map(|_| self.argument()).collect();
                    out.push(Item::command(token, arguments?));
                }
                (None, Some(negated)) => out.extend(not(vec![Item::symbol(negated)])),
                // A symbol, whether anybody knows it or not.
                (None, None) => out.push(Item::symbol(token)),
            },
        }
        Ok(())
    }

    /// The argument of `\text`: words, and formulas between dollars.
    fn text(&mut self, font: &'static str) -> Result<Vec<Item>, Unreadable> {
        if self.next()? != "{" {
            self.at -= 1;
            return Ok(styled(self.argument()?, font));
        }
        let (mut out, mut depth, mut font) = (Vec::new(), 0, font);
        loop {
            let token = self.next_of_all()?;
            if let Some(inner) = names::text(token) {
                let font = if inner == "\\mathrm" { font } else { inner };
                out.extend(self.text(font)?);
                continue;
            }
            match token {
                "}" if depth == 0 => return Ok(out),
                "{" => depth += 1,
                "}" => depth -= 1,
                "\\!" => {}
                "$" | "\\(" => out.extend(self.sequence(&["$", "\\)"])?.0),
                _ if token.starts_with(char::is_whitespace) || names::is_space(token) => out.push(Item::new(Kind::Gap)),
                _ if names::switch(token).is_some() => font = names::switch(token).unwrap_or_default(),
                _ if names::is_nothing(token) => {}
                _ => match names::left_out(token) {
                    Some(count) => (0..count).try_for_each(|_| self.pass_argument())?,
                    None => out.extend(styled(vec![Item::symbol(names::same(token))], font)),
                },
            }
        }
    }

    fn environment(&mut self, token: &str) -> Result<Vec<Item>, Unreadable> {
        let name =
            token.split_once('{').map_or("", |(_, name)| name.trim_end_matches('}')).trim().trim_end_matches('*');
        if names::is_wrapper(name) {
            return Ok(self.sequence(&[OF_ENVIRONMENT])?.0);
        }
        let (fence, is_aligned) = (names::fence(name), names::is_aligned(name));
        if fence.is_none() && !is_aligned {
            return Err("it has an environment that is not known");
        }
        if matches!(name, "array" | "aligned" | "gathered" | "split" | "tabular") {
            self.optional()?;
        }
        if matches!(name, "array" | "alignedat" | "alignat" | "tabular" | "subarray" | "IEEEeqnarray") {
            self.pass_argument()?;
        }
        let rows = self.rows(OF_ENVIRONMENT)?;
        let kind = if is_aligned { Kind::Lines { rows, whole: false } } else { Kind::Matrix(rows) };
        Ok(fenced(kind, fence.unwrap_or_default()))
    }

    /// Rows of cells up to `end`, those with nothing in them left out.
    pub fn rows(&mut self, end: &str) -> Result<Rows, Unreadable> {
        let ends: Vec<&str> = [end, "&"].into_iter().chain(ROW_ENDS).collect();
        let (mut rows, mut row): (Rows, Vec<Vec<Item>>) = (Vec::new(), Vec::new());
        loop {
            let (cell, stop) = self.sequence(&ends)?;
            row.push(cell);
            if stop == "&" {
                continue;
            }
            rows.push(std::mem::take(&mut row));
            if !ROW_ENDS.contains(&stop) {
                return Ok(non_empty(rows));
            }
            self.skip("*");
            let is_distance =
                |token: &&str| token.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | '\\'));
            if self.tokens.get(self.at) == Some(&"[") && self.tokens.get(self.at + 1).is_some_and(is_distance) {
                self.optional()?;
            }
        }
    }
}

/// Puts a script onto the last item, or onto nothing behind it where it has one.
fn put_script(out: &mut Vec<Item>, sign: &str, content: Vec<Item>) {
    let place = |base: &Item| if sign == "_" { base.sub.is_some() } else { base.sup.is_some() };
    if out.last().is_none_or(place) {
        out.push(Item::new(Kind::Empty));
    }
    let Some(base) = out.last_mut() else { return };
    let script = if sign == "_" { &mut base.sub } else { &mut base.sup };
    *script = Some(content);
}

/// What `\over` and its like make of what stands before and behind them.
fn stacked(token: &str, above: Vec<Item>, below: Vec<Item>) -> Vec<Item> {
    let rows = |above, below| Item::new(Kind::Matrix(vec![vec![above], vec![below]]));
    match token {
        "\\choose" => vec![Item::command("\\binom", vec![above, below])],
        "\\atop" => vec![rows(above, below)],
        "\\brack" => vec![Item::symbol("["), rows(above, below), Item::symbol("]")],
        _ => vec![Item::command("\\frac", vec![above, below])],
    }
}

fn fenced(kind: Kind, (left, right): (&str, &str)) -> Vec<Item> {
    let sign = |sign: &str| (!sign.is_empty()).then(|| Item::symbol(sign));
    sign(left).into_iter().chain([Item::new(kind)]).chain(sign(right)).collect()
}

fn not(negated: Vec<Item>) -> Vec<Item> {
    if let [Item { kind: Kind::Symbol(name), .. }] = &negated[..]
        && names::is_negatable(name)
    {
        return vec![match names::negated(name) {
            Some(sign) => Item::symbol(sign),
            None => Item::command("\\not", vec![negated]),
        }];
    }
    [Item::symbol("\\not")].into_iter().chain(negated).collect()
}

/// An equation's number, without the parentheses that are printed around it.
fn tag(items: Vec<Item>) -> Item {
    let mut items: Vec<Item> = items.into_iter().filter(|item| !item.is_gap()).collect();
    let is = |item: Option<&Item>, sign: &str| item.is_some_and(|item| item.is_symbol(|name| name == sign));
    if items.len() > 2 && is(items.first(), "(") && is(items.last(), ")") {
        items.remove(0);
        items.pop();
    }
    Item::command("\\tag", vec![items])
}
