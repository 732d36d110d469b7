//! The processor's instructions, as far as what is computed, and how fast, depends on them.

#[cfg(target_arch = "aarch64")]
use std::arch::is_aarch64_feature_detected;
use std::{fmt, str::FromStr, sync::OnceLock};

/// The instructions that our own runtime has kernels for: of each architecture from those that do least at once to those that do most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// What the program was compiled for.
    Plain,
    /// NEON.
    Neon,
    /// NEON with sums of 8-bit products.
    NeonDot,
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
    pub const ALL: [Self; 7] =
        [Self::Plain, Self::Neon, Self::NeonDot, Self::Avx2, Self::AvxVnni, Self::Avx512, Self::Avx512Vnni];

    /// Names the most that our own runtime uses, as [`Instructions::as_str`] writes it, so that a machine can be held to what others have.
    pub const VARIABLE: &str = "PAGESTREAM_INSTRUCTIONS";

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Neon => "neon",
            Self::NeonDot => "neondot",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512vnni",
        }
    }

    /// Whether this processor has them.
    pub fn are_here(self) -> bool {
        match self {
            Self::Plain => true,
            // The kernels load four bytes as one number, and take the first to be the lowest.
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon => is_aarch64_feature_detected!("neon"),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::NeonDot => Self::Neon.are_here() && is_aarch64_feature_detected!("dotprod"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => Self::Avx2.are_here() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.are_here() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => Self::Avx512.are_here() && is_x86_feature_detected!("avx512vnni"),
            // Another architecture's.
            _ => false,
        }
    }

    /// The most that this processor has, or that [`Instructions::VARIABLE`] allows of it. Asked once.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<Instructions> = OnceLock::new();
        *CHOSEN.get_or_init(|| Self::up_to(Self::limit()))
    }

    /// The most that this processor has of those up to `limit`; held to another architecture's it has the least.
    fn up_to(limit: Option<Self>) -> Self {
        let within = |one: Self, limit: Self| one <= limit && one.are_of_arm() == limit.are_of_arm();
        let allowed = |one: &Self| limit.is_none_or(|limit| within(*one, limit)) && one.are_here();
        Self::ALL.into_iter().rev().find(allowed).unwrap_or(Self::Plain)
    }

    fn are_of_arm(self) -> bool {
        matches!(self, Self::Neon | Self::NeonDot)
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
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).chain(held()).collect()
}

/// Another limit on our own kernels is another machine, as far as what was measured goes.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn held() -> Option<&'static str> {
    Instructions::limit().map(|limit| match limit {
        Instructions::Plain => "held-to-plain",
        Instructions::Neon => "held-to-neon",
        Instructions::NeonDot => "held-to-neondot",
        Instructions::Avx2 => "held-to-avx2",
        Instructions::AvxVnni => "held-to-avxvnni",
        Instructions::Avx512 => "held-to-avx512",
        Instructions::Avx512Vnni => "held-to-avx512vnni",
    })
}

#[cfg(target_arch = "aarch64")]
pub fn features() -> Vec<&'static str> {
    let all = [
        ("neon", is_aarch64_feature_detected!("neon")),
        ("dotprod", is_aarch64_feature_detected!("dotprod")),
        ("fp16", is_aarch64_feature_detected!("fp16")),
        ("i8mm", is_aarch64_feature_detected!("i8mm")),
        ("sve", is_aarch64_feature_detected!("sve")),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).chain(held()).collect()
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
        // Another architecture's hold to the least.
        let strange = if cfg!(target_arch = "x86_64") { Instructions::NeonDot } else { Instructions::Avx512Vnni };
        assert_eq!(Instructions::up_to(Some(strange)), Instructions::Plain);
        assert!("sse9".parse::<Instructions>().unwrap_err().contains("avx512vnni"));
    }
}
