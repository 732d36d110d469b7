//! Characters of mathematics: their commands in LaTeX, and what they are.

use unicode_normalization::UnicodeNormalization;

/// What letters are set in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Letters {
    /// As variables and signs are.
    #[default]
    Plain,
    /// As the words of the text are.
    Upright,
    Bold,
    BoldItalic,
    Blackboard,
    Calligraphic,
    Script,
    Fraktur,
    SansSerif,
    Monospace,
}

impl Letters {
    const NAMES: [(&'static str, Self); 10] = [
        ("Plain", Self::Plain),
        ("Upright", Self::Upright),
        ("Bold", Self::Bold),
        ("BoldItalic", Self::BoldItalic),
        ("Blackboard", Self::Blackboard),
        ("Calligraphic", Self::Calligraphic),
        ("Script", Self::Script),
        ("Fraktur", Self::Fraktur),
        ("SansSerif", Self::SansSerif),
        ("Monospace", Self::Monospace),
    ];

    /// By its name here, as models of symbols have it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(own, _)| *own == name).map(|(_, letters)| *letters)
    }

    /// The command that sets them, for letters and digits.
    pub(super) fn command(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Upright => "\\mathrm",
            Self::Bold => "\\mathbf",
            Self::BoldItalic => "\\boldsymbol",
            Self::Blackboard => "\\mathbb",
            Self::Calligraphic => "\\mathcal",
            Self::Script => "\\mathscr",
            Self::Fraktur => "\\mathfrak",
            Self::SansSerif => "\\mathsf",
            Self::Monospace => "\\mathtt",
        })
    }
}

/// What a character is among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Letter,
    Digit,
    /// Takes something at both sides: `+`, `=`, `→`.
    Between,
    /// `∑`, `∫`, `⋃`: takes limits.
    Large,
    Open,
    Close,
    /// `|`, `‖`: opens and closes.
    Bar,
    Punctuation,
    Other,
}

pub(super) fn class(c: char) -> Class {
    match c {
        c if c.is_ascii_digit() => Class::Digit,
        '(' | '[' | '{' | '⟨' | '⌈' | '⌊' | '〈' | '⟦' => Class::Open,
        ')' | ']' | '}' | '⟩' | '⌉' | '⌋' | '〉' | '⟧' => Class::Close,
        '|' | '∣' | '‖' | '∥' | '∤' => Class::Bar,
        ',' | ';' | '.' | '!' | '?' => Class::Punctuation,
        '∑' | '∏' | '∐' | '⋃' | '⋂' | '⨁' | '⨂' | '⨀' | '⋁' | '⋀' | '⨄' | '⨆' => Class::Large,
        '∫' | '∬' | '∭' | '∮' | '∯' => Class::Large,
        '+' | '−' | '-' | '=' | '<' | '>' | '/' | ':' | '*' | '±' | '∓' | '×' | '÷' | '·' | '∗' | '⋆' | '∘' | '∙' => {
            Class::Between
        }
        c if is_between(c) => Class::Between,
        c if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

/// Relations and operators of the blocks of mathematics and arrows.
fn is_between(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21ff}' | '\u{27f5}'..='\u{27ff}' | '\u{2900}'..='\u{297f}' | '\u{2a70}'..='\u{2aff}' | '\u{22c8}'..='\u{22cd}' | '\u{22d0}'..='\u{22ed}')
        || matches!(c, '∈'..='∍' | '∖'..='∙' | '∝' | '∥' | '∦' | '∧'..='∪' | '∴'..='⋁' | '⋄' | '⋅' | '⌢' | '⌣')
}

/// Whether nobody sets it but in a formula.
pub(crate) fn is_sign(c: char) -> bool {
    matches!(c, '\u{2200}'..='\u{22ff}' | '\u{27c0}'..='\u{27ef}' | '\u{2980}'..='\u{2aff}' | '\u{1d400}'..='\u{1d7ff}' | '\u{2070}'..='\u{209c}' | '\u{239b}'..='\u{23b9}')
        || matches!(
            c,
            '±' | '×'
                | '÷'
                | '⇒'
                | '⇔'
                | '→'
                | '←'
                | '↦'
                | '↔'
                | '⟨'
                | '⟩'
                | '⟶'
                | '⟹'
                | '⟺'
                | 'ℝ'
                | 'ℂ'
                | 'ℕ'
                | 'ℤ'
                | 'ℚ'
                | 'ℓ'
                | '⌊'
                | '⌋'
                | '⌈'
                | '⌉'
                | '′'
        )
}

/// Names of functions that LaTeX has a command for.
const FUNCTIONS: [&str; 34] = [
    "arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "coth", "csc", "deg", "det", "dim", "exp", "gcd", "hom",
    "inf", "ker", "lg", "lim", "liminf", "limsup", "ln", "log", "max", "min", "Pr", "sec", "sin", "sinh", "sup", "tan",
    "tanh", "injlim", "projlim",
];
/// Others that are usual.
const NAMES: [&str; 38] = [
    "argmax", "argmin", "sgn", "sign", "tr", "Tr", "rank", "diag", "span", "supp", "vol", "Var", "Cov", "mod", "lcm",
    "erf", "Re", "Im", "Hom", "Aut", "End", "Ext", "Tor", "GL", "SL", "SO", "SU", "id", "im", "coker", "const", "grad",
    "div", "curl", "rot", "diam", "dist", "Spec",
];

pub(crate) fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(&word) || NAMES.contains(&word)
}

pub(super) fn function(word: &str) -> String {
    if FUNCTIONS.contains(&word) { format!("\\{word}") } else { format!("\\operatorname{{{word}}}") }
}

/// Functions that have what they are taken over below them.
pub(super) fn takes_limits(word: &str) -> bool {
    matches!(
        word,
        "lim"
            | "limsup"
            | "liminf"
            | "max"
            | "min"
            | "sup"
            | "inf"
            | "det"
            | "gcd"
            | "Pr"
            | "argmax"
            | "argmin"
            | "injlim"
            | "projlim"
    )
}

/// A character that is set in something, as its plain letter and what that is set in: fonts of Unicode have letters of mathematics of their own.
pub(super) fn plain_in(c: char, letters: Letters) -> (char, Letters) {
    let (plain, own) = plain_letter(c);
    (plain, if own == Letters::Plain { letters } else { own })
}

/// What a character is set as: its plain letter, and how it is set where it is one of the alphabets of mathematics.
pub(super) fn plain_letter(c: char) -> (char, Letters) {
    let letters = match c {
        'ℂ' | 'ℍ' | 'ℕ' | 'ℙ' | 'ℚ' | 'ℝ' | 'ℤ' => Letters::Blackboard,
        'ℬ' | 'ℰ' | 'ℱ' | 'ℋ' | 'ℐ' | 'ℒ' | 'ℳ' | 'ℛ' | 'ℯ' | 'ℊ' | 'ℴ' => Letters::Calligraphic,
        'ℭ' | 'ℌ' | 'ℑ' | 'ℜ' | 'ℨ' => Letters::Fraktur,
        '\u{1d400}'..='\u{1d7ff}' => {
            let at = c as u32 - 0x1d400;
            match at {
                0..52 | 0x2a8..0x2e2 | 0x3ce..0x3d8 => Letters::Bold,
                52..104 | 0x2e2..0x31c => Letters::Plain,
                104..156 | 0x31c..0x356 => Letters::BoldItalic,
                156..260 => Letters::Calligraphic,
                260..312 | 364..416 => Letters::Fraktur,
                312..364 | 0x3d8..0x3e2 => Letters::Blackboard,
                416..624 | 0x356..0x3ce | 0x3e2..0x3f6 => Letters::SansSerif,
                624..676 | 0x3f6.. => Letters::Monospace,
                _ => Letters::Plain,
            }
        }
        _ => return (c, Letters::Plain),
    };
    // Six Greek letters in each alphabet are other forms of those before, which a decomposition would make the same.
    if let Some(at) = (c as u32).checked_sub(0x1d6a8).filter(|at| *at < 5 * 58)
        && let Some(form) = (at % 58).checked_sub(52).and_then(|form| "ϵϑϰϕϱϖ".chars().nth(form as usize))
    {
        return (form, letters);
    }
    // U+210E and the alphabets are compatibility characters of their letters.
    (std::iter::once(c).nfkd().next().unwrap_or(c), letters)
}

/// A letter and the accent over it, by the accent's command.
pub(super) fn accented(c: char) -> Option<(char, &'static str)> {
    let mut parts = std::iter::once(c).nfd();
    let (letter, mark) = (parts.next()?, parts.next()?);
    Some((letter, accent_command(mark)?)).filter(|_| parts.next().is_none())
}

/// The command of an accent, spacing or combining.
pub(super) fn accent_command(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{302}' | '^' | 'ˆ' => "\\hat",
        '\u{303}' | '~' | '˜' => "\\tilde",
        '\u{304}' | '\u{305}' | '¯' | 'ˉ' | '‾' => "\\bar",
        '\u{307}' | '˙' => "\\dot",
        '\u{308}' | '¨' => "\\ddot",
        '\u{30c}' | 'ˇ' => "\\check",
        '\u{306}' | '˘' => "\\breve",
        '\u{301}' | '´' => "\\acute",
        '\u{300}' | '`' => "\\grave",
        '\u{20d7}' | '\u{20d1}' => "\\vec",
        '\u{30a}' | '˚' => "\\mathring",
        _ => return None,
    })
}

/// LaTeX of a character that is no ASCII letter or digit; `None` where it has none.
pub(super) fn command(c: char) -> Option<&'static str> {
    if let Ok(at) = COMMANDS.binary_search_by_key(&c, |&(of, _)| of) {
        return Some(COMMANDS[at].1);
    }
    None
}

/// By code point.
const COMMANDS: &[(char, &str)] = &[
    ('#', "\\#"),
    ('$', "\\$"),
    ('%', "\\%"),
    ('&', "\\&"),
    ('\\', "\\setminus"),
    ('^', "\\wedge"),
    ('_', "\\_"),
    ('{', "\\{"),
    ('}', "\\}"),
    ('~', "\\sim"),
    ('§', "\\S"),
    ('¬', "\\neg"),
    ('°', "^{\\circ}"),
    ('±', "\\pm"),
    ('µ', "\\mu"),
    ('¶', "\\P"),
    ('·', "\\cdot"),
    ('×', "\\times"),
    ('ð', "\\eth"),
    ('÷', "\\div"),
    ('ı', "\\imath"),
    ('ȷ', "\\jmath"),
    ('Α', "A"),
    ('Β', "B"),
    ('Γ', "\\Gamma"),
    ('Δ', "\\Delta"),
    ('Ε', "E"),
    ('Ζ', "Z"),
    ('Η', "H"),
    ('Θ', "\\Theta"),
    ('Ι', "I"),
    ('Κ', "K"),
    ('Λ', "\\Lambda"),
    ('Μ', "M"),
    ('Ν', "N"),
    ('Ξ', "\\Xi"),
    ('Ο', "O"),
    ('Π', "\\Pi"),
    ('Ρ', "P"),
    ('Σ', "\\Sigma"),
    ('Τ', "T"),
    ('Υ', "\\Upsilon"),
    ('Φ', "\\Phi"),
    ('Χ', "X"),
    ('Ψ', "\\Psi"),
    ('Ω', "\\Omega"),
    ('α', "\\alpha"),
    ('β', "\\beta"),
    ('γ', "\\gamma"),
    ('δ', "\\delta"),
    ('ε', "\\varepsilon"),
    ('ζ', "\\zeta"),
    ('η', "\\eta"),
    ('θ', "\\theta"),
    ('ι', "\\iota"),
    ('κ', "\\kappa"),
    ('λ', "\\lambda"),
    ('μ', "\\mu"),
    ('ν', "\\nu"),
    ('ξ', "\\xi"),
    ('ο', "o"),
    ('π', "\\pi"),
    ('ρ', "\\rho"),
    ('ς', "\\varsigma"),
    ('σ', "\\sigma"),
    ('τ', "\\tau"),
    ('υ', "\\upsilon"),
    ('φ', "\\varphi"),
    ('χ', "\\chi"),
    ('ψ', "\\psi"),
    ('ω', "\\omega"),
    ('ϑ', "\\vartheta"),
    ('ϕ', "\\phi"),
    ('ϖ', "\\varpi"),
    ('ϰ', "\\varkappa"),
    ('ϱ', "\\varrho"),
    ('ϵ', "\\epsilon"),
    ('–', "-"),
    ('—', "-"),
    ('‖', "\\|"),
    ('‘', "`"),
    ('’', "'"),
    ('†', "\\dagger"),
    ('‡', "\\ddagger"),
    ('•', "\\bullet"),
    ('…', "\\ldots"),
    ('′', "'"),
    ('″', "''"),
    ('‴', "'''"),
    ('‵', "\\backprime"),
    ('⁄', "/"),
    ('ℎ', "h"),
    ('ℏ', "\\hbar"),
    ('ℑ', "\\Im"),
    ('ℓ', "\\ell"),
    ('℘', "\\wp"),
    ('ℜ', "\\Re"),
    ('\u{2126}', "\\Omega"),
    ('ℵ', "\\aleph"),
    ('ℶ', "\\beth"),
    ('←', "\\leftarrow"),
    ('↑', "\\uparrow"),
    ('→', "\\rightarrow"),
    ('↓', "\\downarrow"),
    ('↔', "\\leftrightarrow"),
    ('↕', "\\updownarrow"),
    ('↖', "\\nwarrow"),
    ('↗', "\\nearrow"),
    ('↘', "\\searrow"),
    ('↙', "\\swarrow"),
    ('↚', "\\nleftarrow"),
    ('↛', "\\nrightarrow"),
    ('↠', "\\twoheadrightarrow"),
    ('↣', "\\rightarrowtail"),
    ('↦', "\\mapsto"),
    ('↩', "\\hookleftarrow"),
    ('↪', "\\hookrightarrow"),
    ('↼', "\\leftharpoonup"),
    ('↽', "\\leftharpoondown"),
    ('↾', "\\upharpoonright"),
    ('⇀', "\\rightharpoonup"),
    ('⇁', "\\rightharpoondown"),
    ('⇄', "\\rightleftarrows"),
    ('⇉', "\\rightrightarrows"),
    ('⇌', "\\rightleftharpoons"),
    ('⇏', "\\nRightarrow"),
    ('⇐', "\\Leftarrow"),
    ('⇑', "\\Uparrow"),
    ('⇒', "\\Rightarrow"),
    ('⇓', "\\Downarrow"),
    ('⇔', "\\Leftrightarrow"),
    ('⇝', "\\rightsquigarrow"),
    ('∀', "\\forall"),
    ('∁', "\\complement"),
    ('∂', "\\partial"),
    ('∃', "\\exists"),
    ('∄', "\\nexists"),
    ('∅', "\\emptyset"),
    ('∆', "\\Delta"),
    ('∇', "\\nabla"),
    ('∈', "\\in"),
    ('∉', "\\notin"),
    ('∋', "\\ni"),
    ('∏', "\\prod"),
    ('∐', "\\coprod"),
    ('∑', "\\sum"),
    ('−', "-"),
    ('∓', "\\mp"),
    ('∔', "\\dotplus"),
    ('∕', "/"),
    ('∖', "\\setminus"),
    ('∗', "*"),
    ('∘', "\\circ"),
    ('∙', "\\bullet"),
    ('√', "\\surd"),
    ('∝', "\\propto"),
    ('∞', "\\infty"),
    ('∠', "\\angle"),
    ('∡', "\\measuredangle"),
    ('∢', "\\sphericalangle"),
    ('∣', "|"),
    ('∤', "\\nmid"),
    ('∥', "\\|"),
    ('∦', "\\nparallel"),
    ('∧', "\\wedge"),
    ('∨', "\\vee"),
    ('∩', "\\cap"),
    ('∪', "\\cup"),
    ('∫', "\\int"),
    ('∬', "\\iint"),
    ('∭', "\\iiint"),
    ('∮', "\\oint"),
    ('∴', "\\therefore"),
    ('∵', "\\because"),
    ('∶', ":"),
    ('∷', "::"),
    ('∼', "\\sim"),
    ('∽', "\\backsim"),
    ('≀', "\\wr"),
    ('≁', "\\nsim"),
    ('≂', "\\eqsim"),
    ('≃', "\\simeq"),
    ('≅', "\\cong"),
    ('≇', "\\ncong"),
    ('≈', "\\approx"),
    ('≊', "\\approxeq"),
    ('≍', "\\asymp"),
    ('≎', "\\Bumpeq"),
    ('≏', "\\bumpeq"),
    ('≐', "\\doteq"),
    ('≑', "\\doteqdot"),
    ('≔', ":="),
    ('≕', "=:"),
    ('≗', "\\circeq"),
    ('≜', "\\triangleq"),
    ('≠', "\\neq"),
    ('≡', "\\equiv"),
    ('≢', "\\not\\equiv"),
    ('≤', "\\leq"),
    ('≥', "\\geq"),
    ('≦', "\\leqq"),
    ('≧', "\\geqq"),
    ('≨', "\\lneqq"),
    ('≩', "\\gneqq"),
    ('≪', "\\ll"),
    ('≫', "\\gg"),
    ('≬', "\\between"),
    ('≮', "\\nless"),
    ('≯', "\\ngtr"),
    ('≰', "\\nleq"),
    ('≱', "\\ngeq"),
    ('≲', "\\lesssim"),
    ('≳', "\\gtrsim"),
    ('≶', "\\lessgtr"),
    ('≷', "\\gtrless"),
    ('≺', "\\prec"),
    ('≻', "\\succ"),
    ('≼', "\\preccurlyeq"),
    ('≽', "\\succcurlyeq"),
    ('≾', "\\precsim"),
    ('≿', "\\succsim"),
    ('⊀', "\\nprec"),
    ('⊁', "\\nsucc"),
    ('⊂', "\\subset"),
    ('⊃', "\\supset"),
    ('⊄', "\\not\\subset"),
    ('⊅', "\\not\\supset"),
    ('⊆', "\\subseteq"),
    ('⊇', "\\supseteq"),
    ('⊈', "\\nsubseteq"),
    ('⊉', "\\nsupseteq"),
    ('⊊', "\\subsetneq"),
    ('⊋', "\\supsetneq"),
    ('⊎', "\\uplus"),
    ('⊏', "\\sqsubset"),
    ('⊐', "\\sqsupset"),
    ('⊑', "\\sqsubseteq"),
    ('⊒', "\\sqsupseteq"),
    ('⊓', "\\sqcap"),
    ('⊔', "\\sqcup"),
    ('⊕', "\\oplus"),
    ('⊖', "\\ominus"),
    ('⊗', "\\otimes"),
    ('⊘', "\\oslash"),
    ('⊙', "\\odot"),
    ('⊚', "\\circledcirc"),
    ('⊛', "\\circledast"),
    ('⊞', "\\boxplus"),
    ('⊟', "\\boxminus"),
    ('⊠', "\\boxtimes"),
    ('⊡', "\\boxdot"),
    ('⊢', "\\vdash"),
    ('⊣', "\\dashv"),
    ('⊤', "\\top"),
    ('⊥', "\\bot"),
    ('⊧', "\\models"),
    ('⊨', "\\vDash"),
    ('⊩', "\\Vdash"),
    ('⊬', "\\nvdash"),
    ('⊭', "\\nvDash"),
    ('⊲', "\\vartriangleleft"),
    ('⊳', "\\vartriangleright"),
    ('⊴', "\\trianglelefteq"),
    ('⊵', "\\trianglerighteq"),
    ('⊸', "\\multimap"),
    ('⊻', "\\veebar"),
    ('⊼', "\\barwedge"),
    ('⋀', "\\bigwedge"),
    ('⋁', "\\bigvee"),
    ('⋂', "\\bigcap"),
    ('⋃', "\\bigcup"),
    ('⋄', "\\diamond"),
    ('⋅', "\\cdot"),
    ('⋆', "\\star"),
    ('⋈', "\\bowtie"),
    ('⋉', "\\ltimes"),
    ('⋊', "\\rtimes"),
    ('⋎', "\\curlyvee"),
    ('⋏', "\\curlywedge"),
    ('⋐', "\\Subset"),
    ('⋑', "\\Supset"),
    ('⋔', "\\pitchfork"),
    ('⋘', "\\lll"),
    ('⋙', "\\ggg"),
    ('⋚', "\\lesseqgtr"),
    ('⋛', "\\gtreqless"),
    ('⋞', "\\curlyeqprec"),
    ('⋟', "\\curlyeqsucc"),
    ('⋮', "\\vdots"),
    ('⋯', "\\cdots"),
    ('⋱', "\\ddots"),
    ('⌈', "\\lceil"),
    ('⌉', "\\rceil"),
    ('⌊', "\\lfloor"),
    ('⌋', "\\rfloor"),
    ('⌢', "\\frown"),
    ('⌣', "\\smile"),
    ('■', "\\blacksquare"),
    ('□', "\\square"),
    ('▲', "\\blacktriangle"),
    ('△', "\\triangle"),
    ('▷', "\\triangleright"),
    ('▽', "\\bigtriangledown"),
    ('◁', "\\triangleleft"),
    ('◇', "\\Diamond"),
    ('◊', "\\lozenge"),
    ('○', "\\bigcirc"),
    ('◦', "\\circ"),
    ('★', "\\bigstar"),
    ('♠', "\\spadesuit"),
    ('♡', "\\heartsuit"),
    ('♢', "\\diamondsuit"),
    ('♣', "\\clubsuit"),
    ('♭', "\\flat"),
    ('♮', "\\natural"),
    ('♯', "\\sharp"),
    ('✓', "\\checkmark"),
    ('⟂', "\\perp"),
    ('⟦', "[\\!["),
    ('⟧', "]\\!]"),
    ('⟨', "\\langle"),
    ('⟩', "\\rangle"),
    ('⟵', "\\longleftarrow"),
    ('⟶', "\\longrightarrow"),
    ('⟷', "\\longleftrightarrow"),
    ('⟸', "\\Longleftarrow"),
    ('⟹', "\\Longrightarrow"),
    ('⟺', "\\Longleftrightarrow"),
    ('⟼', "\\longmapsto"),
    ('⨀', "\\bigodot"),
    ('⨁', "\\bigoplus"),
    ('⨂', "\\bigotimes"),
    ('⨄', "\\biguplus"),
    ('⨆', "\\bigsqcup"),
    ('⩓', "\\doublebarwedge"),
    ('⩽', "\\leqslant"),
    ('⩾', "\\geqslant"),
    ('⪅', "\\lessapprox"),
    ('⪆', "\\gtrapprox"),
    ('⪕', "\\eqslantless"),
    ('⪖', "\\eqslantgtr"),
    ('⪯', "\\preceq"),
    ('⪰', "\\succeq"),
    ('〈', "\\langle"),
    ('〉', "\\rangle"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_looked_up() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(command('α'), Some("\\alpha"));
        assert_eq!(command('≤'), Some("\\leq"));
        assert_eq!(command('\u{2126}'), Some("\\Omega"));
        assert_eq!(command('ж'), None);
    }

    #[test]
    fn letters_of_mathematics_are_plain_letters_and_how_they_are_set() {
        let all = [
            ('𝐀', 'A', Letters::Bold),
            ('𝑥', 'x', Letters::Plain),
            ('ℝ', 'R', Letters::Blackboard),
            ('𝔤', 'g', Letters::Fraktur),
        ];
        for (c, letter, letters) in all {
            assert_eq!(plain_letter(c), (letter, letters), "{c}");
        }
        assert_eq!(plain_letter('𝛼').0, 'α');
        assert_eq!(plain_letter('𝜙').0, 'ϕ');
        assert_eq!(accented('â'), Some(('a', "\\hat")));
    }
}
