//! What is asked for, as terms, and as FTS5 is asked. Nothing that is typed reaches FTS5 but folded words between quotes, so that
//! nothing can be wrong with it.

use crate::error::{Error, Result};

use super::folding::{Form, tokens};

/// Letters of a beginning: shorter ones mean every page.
const SHORTEST_BEGINNING: usize = 2;

/// Words of a phrase that may be one word on the page, in the place of two.
const JOINED_PAIRS: usize = 8;

/// Terms of a query. More is a text, not a question.
const MOST_TERMS: usize = 64;

/// One way in which a term may stand on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Beside each other, in this order.
    pub words: Vec<String>,
    /// Whether the last word is only the beginning of one.
    pub begins: bool,
}

/// One thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Any of them will do; never empty.
    pub variants: Vec<Variant>,
}

impl Term {
    /// The words as they were asked for, but for a beginning.
    pub fn words(&self) -> &[String] {
        let Variant { words, begins } = &self.variants[0];
        &words[..words.len() - usize::from(*begins)]
    }

    /// Lets other words do as well in the place of one of [`Self::words`].
    pub fn or(&mut self, at: usize, others: &[String]) {
        let asked = self.variants[0].clone();
        self.variants.extend(others.iter().map(|other| {
            let mut variant = asked.clone();
            variant.words[at].clone_from(other);
            variant
        }));
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub wanted: Vec<Term>,
    pub unwanted: Vec<Term>,
}

impl Terms {
    /// # Errors
    /// [`Error::Query`], for what asks for nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let mut terms = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let unwanted = rest.starts_with('-');
            let (term, after) = next_term(rest.strip_prefix('-').unwrap_or(rest))?;
            if let Some(term) = term {
                if unwanted { &mut terms.unwanted } else { &mut terms.wanted }.push(term);
            }
            rest = after.trim_start();
        }
        match (terms.wanted.len(), terms.unwanted.len()) {
            (0, 0) => Err(Error::Query("the query has no words".to_owned())),
            (0, _) => Err(Error::Query("the query says only what must not occur".to_owned())),
            (wanted, unwanted) if wanted + unwanted > MOST_TERMS => {
                Err(Error::Query(format!("the query has more than {MOST_TERMS} words")))
            }
            _ => Ok(terms),
        }
    }

    /// As FTS5 understands it.
    pub fn expression(&self) -> String {
        let all = |terms: &[Term], with: &str| terms.iter().map(alternatives).collect::<Vec<_>>().join(with);
        let wanted = all(&self.wanted, " AND ");
        match self.unwanted.is_empty() {
            true => wanted,
            false => format!("({wanted}) NOT ({})", all(&self.unwanted, " OR ")),
        }
    }
}

/// A phrase is looked for where words stand in the order of the text, a single word also among other forms.
fn alternatives(term: &Term) -> String {
    let variants = term.variants.iter().map(|Variant { words, begins }| {
        let column = if words.len() > 1 { "text : " } else { "" };
        let star = if *begins { " *" } else { "" };
        format!("{column}\"{}\"{star}", words.join(" "))
    });
    format!("({})", variants.collect::<Vec<_>>().join(" OR "))
}

/// The first term, if that has a word, and what comes behind it.
fn next_term(text: &str) -> Result<(Option<Term>, &str)> {
    if let Some(quoted) = text.strip_prefix(['"', '“', '„', '«']) {
        // A quote that is never closed goes to the end.
        let end = quoted.find(['"', '”', '“', '»']);
        let (phrase, rest) =
            end.map_or((quoted, ""), |end| (&quoted[..end], quoted[end..].split_at(width(&quoted[end..])).1));
        let (begins, rest) = match rest.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (phrase.trim_end().ends_with('*'), rest),
        };
        return Ok((term(phrase, begins, true)?, rest));
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    Ok((term(word, word.ends_with('*'), false)?, rest))
}

/// Bytes of the first character.
fn width(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn term(text: &str, begins: bool, is_phrase: bool) -> Result<Option<Term>> {
    let tokens = tokens(text);
    let of = |form| tokens.iter().filter(move |token| token.form == form).map(|token| token.word.clone());
    let words: Vec<String> = of(Form::Text).collect();
    if words.is_empty() {
        return Ok(None);
    }
    if begins && words.len() == 1 && words[0].chars().count() < SHORTEST_BEGINNING && words[0].is_ascii() {
        return Err(Error::Query(format!("`{}*` is too short: a beginning has at least two letters", words[0])));
    }
    let mut variants = vec![Variant { words: words.clone(), begins }];
    // A word whose joint is missing on the page, or was broken at the end of a line.
    if !is_phrase {
        variants.extend(of(Form::Joined).map(|word| Variant { words: vec![word], begins }));
    }
    if words.len() > 1 && words.len() <= JOINED_PAIRS {
        for at in 0..words.len() - 1 {
            let pair = &words[at..at + 2];
            let is_wordlike = |word: &String| word.chars().count() > 1 && word.chars().all(char::is_alphabetic);
            if pair.iter().all(is_wordlike) {
                let mut joined = words.clone();
                joined.splice(at..at + 2, [pair.concat()]);
                let variant = Variant { words: joined, begins };
                if !variants.contains(&variant) {
                    variants.push(variant);
                }
            }
        }
    }
    Ok(Some(Term { variants }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let expression = Terms::parse(text).map(|terms| terms.expression()).unwrap_or_else(|error| error.to_string());
        assert_eq!(expression, expected, "{text}");
    }

    #[test]
    fn words_phrases_exclusions_and_beginnings() {
        check("Łódź ﬁnal", r#"("lodz") AND ("final")"#);
        check(r#""quick fox" -lazy"#, r#"((text : "quick fox" OR "quickfox")) NOT (("lazy"))"#);
        check(r#"doc* -"a b" 3.14"#, r#"(("doc" *) AND (text : "3 14")) NOT ((text : "a b"))"#);
        check("well-known 1,000", r#"(text : "well known" OR "wellknown") AND ("1000")"#);
        check("東京", r#"(text : "東 京")"#);
    }

    #[test]
    fn whatever_is_typed_is_a_query_or_a_sentence() {
        check("", "the query has no words");
        check(" -- * \"\" ( ) ", "the query has no words");
        check("-lazy", "the query says only what must not occur");
        check("a*", "`a*` is too short: a beginning has at least two letters");
        check("NOT AND NEAR(a b) col:x ^y", r#"("not") AND ("and") AND (text : "near a") AND ("b") AND (text : "col x" ) AND ("y")"#.replace("\" )", "\")").as_str());
        check("\"open", r#"("open")"#);
        check("-", "the query has no words");
        check("'; DROP", r#"("drop")"#);
    }
}
