//! The processor's instructions, as far as what is computed, and how fast, depends on them.

use std::{fmt, str::FromStr, sync::OnceLock};

/// The instructions that our own runtime has kernels for, from those that every processor has to those that do most at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// What the program was compiled for.
    Plain,
    /// AVX2 with FMA.
    Avx2,
    /// AVX2 with sums of 8-bit products.
    AvxVnni,
    /// AVX-512 for 32-bit numbers and for bytes.
    Avx512,
    /// AVX-512 with sums of 8-bit products.
    Avx512Vnni,
}

impl Instructions {
    pub const ALL: [Self; 5] = [Self::Plain, Self::Avx2, Self::AvxVnni, Self::Avx512, Self::Avx512Vnni];

    /// Names the most that our own runtime uses, as [`Instructions::as_str`] writes it, so that a machine can be held to what others have.
    pub const VARIABLE: &str = "PAGESTREAM_INSTRUCTIONS";

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512vnni",
        }
    }

    /// Whether this processor has them.
    pub fn are_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Self::Plain => true,
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::AvxVnni => Self::Avx2.are_here() && is_x86_feature_detected!("avxvnni"),
            Self::Avx512 => {
                Self::Avx2.are_here() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
            }
            Self::Avx512Vnni => Self::Avx512.are_here() && is_x86_feature_detected!("avx512vnni"),
        };
        #[cfg(not(target_arch = "x86_64"))]
        return self == Self::Plain;
    }

    /// The most that this processor has, or that [`Instructions::VARIABLE`] allows of it. Asked once.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<Instructions> = OnceLock::new();
        *CHOSEN.get_or_init(|| Self::up_to(Self::limit()))
    }

    /// The most that this processor has of those up to `limit`.
    fn up_to(limit: Option<Self>) -> Self {
        let allowed = |one: &Self| limit.is_none_or(|limit| *one <= limit) && one.are_here();
        Self::ALL.into_iter().rev().find(allowed).unwrap_or(Self::Plain)
    }

    /// What the environment allows; what is no such name allows everything, and is refused with the settings.
    fn limit() -> Option<Self> {
        std::env::var(Self::VARIABLE).ok()?.parse().ok()
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Instructions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` names no instructions; these do: {names}")
        })
    }
}

/// The instructions that the CPU has of those that our code and the backends' look for.
#[cfg(target_arch = "x86_64")]
pub fn features() -> Vec<&'static str> {
    let all = [
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        // 8-bit sums without AVX-512.
        ("avxvnni", is_x86_feature_detected!("avxvnni")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    // Another limit on our own kernels is another machine, as far as what was measured goes.
    let held = Instructions::limit().map(|limit| match limit {
        Instructions::Plain => "held-to-plain",
        Instructions::Avx2 => "held-to-avx2",
        Instructions::AvxVnni => "held-to-avxvnni",
        Instructions::Avx512 => "held-to-avx512",
        Instructions::Avx512Vnni => "held-to-avx512vnni",
    });
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).chain(held).collect()
}

#[cfg(target_arch = "aarch64")]
pub fn features() -> Vec<&'static str> {
    let all = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn features() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_the_most_that_is_here_and_not_beyond_it() {
        assert_eq!(Instructions::up_to(Some(Instructions::Plain)), Instructions::Plain);
        for limit in Instructions::ALL {
            let taken = Instructions::up_to(Some(limit));
            assert!(taken <= limit && taken.are_here(), "{limit}: {taken}");
            assert!(!limit.are_here() || taken == limit, "{limit}: {taken}");
            assert_eq!(limit.as_str().parse(), Ok(limit));
        }
        assert!("sse9".parse::<Instructions>().unwrap_err().contains("avx512vnni"));
    }
}
