//! Which spellings of LaTeX are the same, as lists: those of `models/training/lab/formula/latex.py`, by which the recogniser was taught.

use std::{collections::HashMap, sync::LazyLock};

/// The lab's list of canonical tokens, a class a line.
const TOKENS: &str = include_str!("../../../models/training/alphabets/formula.toml");

static CLASSES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| classes(TOKENS));

/// Tokens with their classes: lines of the form `class = 'token token'`, in the section of that name.
fn classes(toml: &'static str) -> HashMap<&'static str, &'static str> {
    let section = toml.split("[tokens]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.split_once(" = '"));
    lines
        .flat_map(|(class, tokens)| tokens.trim_end_matches('\'').split(' ').map(move |token| (token, class.trim())))
        .collect()
}

fn is_of(token: &str, class: &str) -> bool {
    CLASSES.get(token) == Some(&class)
}

pub(super) fn is_relation(token: &str) -> bool {
    is_of(token, "relations")
}

/// What `\not` may stand before.
pub(super) fn is_negatable(token: &str) -> bool {
    is_relation(token) || matches!(token, "|" | "\\|" | "\\exists")
}

pub(super) fn is_function(token: &str) -> bool {
    is_of(token, "functions")
}

pub(super) fn is_letter(token: &str) -> bool {
    is_of(token, "letters")
}

pub(super) fn is_digit(token: &str) -> bool {
    is_of(token, "digits")
}

pub(super) fn is_greek(token: &str) -> bool {
    is_of(token, "greek")
}

/// Whether it may be set in a font, as a symbol.
pub(super) fn is_plain(token: &str) -> bool {
    is_letter(token) || is_digit(token) || is_greek(token) || matches!(token, "\\nabla" | "\\partial" | "\\ell")
}

/// Arguments of a canonical command.
pub(super) fn arguments(token: &str) -> Option<usize> {
    match CLASSES.get(token) {
        Some(&"one") => Some(1),
        Some(&"two") => Some(2),
        _ => None,
    }
}

pub(super) fn is_font(token: &str) -> bool {
    is_of(token, "fonts")
}

/// A symbol that needs no braces as an argument: all that no other class takes. What the list does not know is one, too.
pub(super) fn is_leaf(token: &str) -> bool {
    !matches!(CLASSES.get(token), Some(&("structure" | "one" | "two" | "fonts" | "special")))
}

/// The spelling that stands for all others of the same look.
pub(super) fn same(token: &str) -> &str {
    match token {
        "\\to" => "\\rightarrow",
        "\\gets" => "\\leftarrow",
        "\\le" => "\\leq",
        "\\ge" => "\\geq",
        "\\ne" => "\\neq",
        "\\lbrace" => "\\{",
        "\\rbrace" => "\\}",
        "\\vert" | "\\mid" | "\\lvert" | "\\rvert" | "\\mvert" | "\\shortmid" => "|",
        "\\Vert" | "\\lVert" | "\\rVert" | "\\parallel" | "\\shortparallel" => "\\|",
        "\\ast" => "*",
        "\\lbrack" => "[",
        "\\rbrack" => "]",
        "\\dots" | "\\dotsc" | "\\dotso" => "\\ldots",
        "\\dotsb" | "\\dotsm" | "\\dotsi" => "\\cdots",
        "\\land" => "\\wedge",
        "\\lor" => "\\vee",
        "\\lnot" | "\\invneg" => "\\neg",
        "\\dag" => "\\dagger",
        "\\ddag" => "\\ddagger",
        "\\colon" => ":",
        "\\cdotp" | "\\centerdot" | "\\vdot" => "\\cdot",
        "\\slash" => "/",
        "\\owns" => "\\ni",
        "\\Box" | "\\blacksquare" => "\\square",
        "\\hslash" => "\\hbar",
        "\\backslash" | "\\smallsetminus" => "\\setminus",
        "\\iff" => "\\Longleftrightarrow",
        "\\implies" => "\\Longrightarrow",
        "\\impliedby" => "\\Longleftarrow",
        "\\thickapprox" => "\\approx",
        "\\thicksim" => "\\sim",
        "\\eqsim" => "\\simeq",
        "\\lt" => "<",
        "\\gt" => ">",
        "\\sp" => "^",
        "\\sb" => "_",
        "\\intop" => "\\int",
        "\\ointop" => "\\oint",
        "\\bigtriangleup" | "\\vartriangle" => "\\triangle",
        "\\lozenge" => "\\Diamond",
        "\\dotplus" => "+",
        "\\infin" => "\\infty",
        "\\rightleftarrows" => "\\rightleftharpoons",
        "\\leadsto" => "\\rightsquigarrow",
        "\\vartriangleleft" | "\\lhd" => "\\triangleleft",
        "\\vartriangleright" | "\\rhd" => "\\triangleright",
        "\\varlimsup" => "\\limsup",
        "\\varliminf" => "\\liminf",
        "\\longhookrightarrow" => "\\hookrightarrow",
        "\\bigstar" => "\\star",
        "\\circledast" => "\\odot",
        "\\varUpsilon" => "\\Upsilon",
        "\\varGamma" => "\\Gamma",
        "\\varDelta" => "\\Delta",
        "\\varTheta" => "\\Theta",
        "\\varLambda" => "\\Lambda",
        "\\varXi" => "\\Xi",
        "\\varPi" => "\\Pi",
        "\\varSigma" => "\\Sigma",
        "\\varPhi" => "\\Phi",
        "\\varPsi" => "\\Psi",
        "\\varOmega" => "\\Omega",
        "\\thetasym" => "\\vartheta",
        "−" => "-",
        "’" | "′" => "'",
        "\\lgroup" => "(",
        "\\rgroup" => ")",
        "\\lll" => "\\ll",
        "\\leqq" => "\\leqslant",
        "\\geqq" => "\\geqslant",
        "\\restriction" => "\\lrcorner",
        "\\varPropto" | "\\varpropto" => "\\propto",
        "\\widehat" => "\\hat",
        "\\widetilde" => "\\tilde",
        "\\overline" => "\\bar",
        "\\overrightarrow" => "\\vec",
        "\\widecheck" => "\\check",
        "\\underbar" => "\\underline",
        "\\wideparen" => "\\breve",
        "\\dfrac" | "\\tfrac" => "\\frac",
        "\\dbinom" | "\\tbinom" => "\\binom",
        "\\stackrel" => "\\overset",
        "\\fbox" => "\\boxed",
        other => other,
    }
}

/// What a negated sign negates.
pub(super) fn negation_of(token: &str) -> Option<&'static str> {
    Some(match token {
        "\\nmid" => "|",
        "\\nsubseteq" => "\\subseteq",
        "\\nsupseteq" => "\\supseteq",
        "\\nparallel" => "\\|",
        "\\nleq" => "\\leq",
        "\\ngeq" => "\\geq",
        "\\nless" => "<",
        "\\ngtr" => ">",
        "\\nsim" => "\\sim",
        "\\ncong" => "\\cong",
        "\\nrightarrow" => "\\rightarrow",
        "\\nvdash" => "\\vdash",
        "\\nprec" => "\\prec",
        "\\nsucc" => "\\succ",
        "\\nleftarrow" => "\\leftarrow",
        _ => return None,
    })
}

/// Negated signs that have a token of their own.
pub(super) fn negated(token: &str) -> Option<&'static str> {
    Some(match token {
        "=" => "\\neq",
        "\\in" => "\\notin",
        "\\exists" => "\\nexists",
        _ => return None,
    })
}

/// The alphabet that a command sets its argument in; empty for the usual one.
pub(super) fn font(token: &str) -> Option<&'static str> {
    Some(match token {
        "\\mathbf" => "\\mathbf",
        "\\mathcal" | "\\mathscr" => "\\mathcal",
        "\\mathbb" | "\\Bbb" | "\\mathbbm" | "\\mathds" => "\\mathbb",
        "\\mathfrak" | "\\frak" => "\\mathfrak",
        "\\mathsf" => "\\mathsf",
        "\\boldsymbol" | "\\bm" | "\\pmb" | "\\symbf" => "\\boldsymbol",
        "\\mathrm" | "\\mathtt" | "\\operatorname" | "\\mathup" => "\\mathrm",
        "\\mathit" | "\\mathnormal" => "",
        _ => return None,
    })
}

/// The alphabet of all that follows in the group.
pub(super) fn switch(token: &str) -> Option<&'static str> {
    Some(match token {
        "\\bf" | "\\bfseries" => "\\mathbf",
        "\\cal" | "\\scr" => "\\mathcal",
        "\\rm" | "\\tt" | "\\rmfamily" => "\\mathrm",
        "\\sf" => "\\mathsf",
        "\\boldmath" => "\\boldsymbol",
        "\\it" | "\\mit" | "\\sl" | "\\em" | "\\itshape" | "\\oldstyle" => "",
        _ => return None,
    })
}

/// The alphabet of a text within a formula.
pub(super) fn text(token: &str) -> Option<&'static str> {
    Some(match token {
        "\\text" | "\\textrm" | "\\mbox" | "\\hbox" | "\\textnormal" | "\\intertext" | "\\textup" | "\\texttt"
        | "\\textsc" => "\\mathrm",
        "\\textbf" => "\\mathbf",
        "\\textsf" => "\\mathsf",
        "\\textit" | "\\emph" | "\\textsl" => "",
        _ => return None,
    })
}

/// A space of some width.
pub(super) fn is_space(token: &str) -> bool {
    const SPACES: &str = "\\, \\; \\: \\! \\> \\/ ~ \\quad \\qquad \\thinspace \\medspace \\thickspace \\negthinspace \
        \\negmedspace \\enspace \\enskip \\hfill \\hfil \\space \\null \\nobreakspace";
    is_gap(token) || SPACES.split(' ').any(|space| space == token)
}

/// A space between words.
pub(super) fn is_gap(token: &str) -> bool {
    token == "~"
        || token.strip_prefix('\\').is_some_and(|rest| rest.chars().all(char::is_whitespace) && !rest.is_empty())
}

/// Sizes of delimiters, which grow by themselves.
pub(super) fn is_size(token: &str) -> bool {
    let named = token.strip_prefix('\\').map(|name| name.trim_end_matches(['l', 'r', 'm']));
    matches!(named, Some("big" | "Big" | "bigg" | "Bigg"))
}

/// What shows nothing.
pub(super) fn is_nothing(token: &str) -> bool {
    const NOTHING: &str = "\\displaystyle \\textstyle \\scriptstyle \\scriptscriptstyle \\limits \\nolimits \\relax \\nonumber \
        \\notag \\protect \\strut \\mathstrut \\allowbreak \\nobreak \\break \\hline \\noindent \\left \\right \\middle \\mathop \
        \\mathrel \\mathbin \\mathord \\mathopen \\mathclose \\mathpunct \\mathinner \\ensuremath \\small \\normalsize \\large \
        \\footnotesize \\tiny \\scriptsize \\Large \\LARGE \\huge \\displaylimits \\smallskip \\medskip \\bigskip \\centering \
        \\unboldmath \\vcenter \\smash \\hss \\upshape \\goodbreak \\mathchoice \\par \\allowdisplaybreaks \\arraycolsep";
    is_size(token) || NOTHING.split(' ').any(|nothing| nothing == token)
}

/// Arguments that go with a command that is left out.
pub(super) fn left_out(token: &str) -> Option<usize> {
    Some(match token {
        "\\label" | "\\ref" | "\\hspace" | "\\vspace" | "\\phantom" | "\\vphantom" | "\\hphantom" | "\\color"
        | "\\cite" | "\\eqref" | "\\noalign" | "\\mspace" => 1,
        "\\setlength" | "\\renewcommand" | "\\addtocounter" | "\\setcounter" => 2,
        _ => return None,
    })
}

/// What is followed by a length without braces.
pub(super) fn takes_length(token: &str) -> bool {
    matches!(token, "\\hskip" | "\\kern" | "\\mskip" | "\\mkern" | "\\vskip")
}

/// What stands around a matrix, at its left and right.
pub(super) fn fence(environment: &str) -> Option<(&'static str, &'static str)> {
    Some(match environment {
        "matrix" | "smallmatrix" | "array" | "tabular" | "subarray" => ("", ""),
        "pmatrix" | "psmallmatrix" => ("(", ")"),
        "bmatrix" | "bsmallmatrix" => ("[", "]"),
        "Bmatrix" => ("\\{", "\\}"),
        "vmatrix" => ("|", "|"),
        "Vmatrix" => ("\\|", "\\|"),
        "cases" | "dcases" => ("\\{", ""),
        "rcases" => ("", "\\}"),
        _ => return None,
    })
}

pub(super) fn is_aligned(environment: &str) -> bool {
    matches!(
        environment,
        "aligned"
            | "align"
            | "eqnarray"
            | "gather"
            | "gathered"
            | "split"
            | "multline"
            | "alignedat"
            | "alignat"
            | "flalign"
            | "eqalign"
            | "multlined"
            | "IEEEeqnarray"
    )
}

/// What only says that a formula begins.
pub(super) fn is_wrapper(environment: &str) -> bool {
    matches!(environment, "equation" | "displaymath" | "math" | "subequations")
}

/// Letters of a function that has no token of its own; `~` parts words.
pub(super) fn letters_of(token: &str) -> Option<&'static str> {
    Some(match token {
        "\\Tr" => "Tr",
        "\\tr" => "tr",
        "\\rank" => "rank",
        "\\lg" => "lg",
        "\\injlim" => "inj~lim",
        "\\projlim" => "proj~lim",
        "\\mod" | "\\bmod" => "mod",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labs_list_is_understood() {
        assert!(CLASSES.len() > 250, "{}", CLASSES.len());
        assert!(is_relation("=") && is_letter("q") && is_function("\\hom") && is_font("\\mathsf") && is_plain("\\ell"));
        assert_eq!([arguments("\\hat"), arguments("\\frac"), arguments("x")], [Some(1), Some(2), None]);
        assert!(is_leaf("x") && is_leaf("\\nobody-knows-it") && !is_leaf("{") && !is_leaf("\\\\") && !is_leaf("\\not"));
        // What others are brought to is canonical itself.
        for token in ["\\le", "\\mid", "\\dots", "\\Box", "\\widehat", "\\stackrel", "\\lhd", "\\varPsi", "\\slash"] {
            assert!(CLASSES.contains_key(same(token)), "{token}");
            assert_eq!(same(same(token)), same(token));
        }
    }
}
