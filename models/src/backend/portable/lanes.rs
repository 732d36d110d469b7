//! Sixteen numbers at a time, in whatever registers a CPU has: what the kernels of this runtime are written in.

/// Numbers in one register of the widest kind, and in one block of weights.
pub const BLOCK: usize = 16;

/// Sixteen numbers, and what a kernel does with them.
pub trait Lanes: Copy {
    fn load(values: &[f32; BLOCK]) -> Self;
    /// Whole numbers as they are.
    fn load_i8(values: &[i8; BLOCK]) -> Self;
    fn splat(value: f32) -> Self;
    /// `self + a * b`
    fn add_product(self, a: Self, b: Self) -> Self;
    fn multiply(self, other: Self) -> Self;
    fn add(self, other: Self) -> Self;
    fn at_least_zero(self) -> Self;
    fn store(self, to: &mut [f32; BLOCK]);
    /// Numbers of the sixteen that are computed: all, or the first eight.
    const WIDTH: usize = BLOCK;
    /// As many numbers as are computed.
    #[inline(always)]
    fn load_from(values: &[f32]) -> Self {
        Self::load(of(values, 0))
    }
    #[inline(always)]
    fn store_to(self, to: &mut [f32]) {
        self.store(of_mut(to, 0));
    }
    /// Pixels at a time with one block of channels and with two: as many as the registers hold. None with two where one block fills them.
    const ONE: usize;
    const TWO: usize;
    /// For blocks of which no more than the first eight count.
    type Half: Lanes;
}

/// The same with every product rounded before it is added, as on a processor that cannot do both at once: what is to come out to the last bit alike
/// everywhere is computed so.
#[derive(Clone, Copy)]
pub struct Rounded<L>(L);

impl<L: Lanes> Lanes for Rounded<L> {
    const WIDTH: usize = L::WIDTH;
    const ONE: usize = L::ONE;
    const TWO: usize = L::TWO;
    type Half = Rounded<L::Half>;

    #[inline(always)]
    fn load(values: &[f32; BLOCK]) -> Self {
        Self(L::load(values))
    }

    #[inline(always)]
    fn load_i8(values: &[i8; BLOCK]) -> Self {
        Self(L::load_i8(values))
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(L::splat(value))
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        Self(self.0.add(a.0.multiply(b.0)))
    }

    #[inline(always)]
    fn multiply(self, other: Self) -> Self {
        Self(self.0.multiply(other.0))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0))
    }

    #[inline(always)]
    fn at_least_zero(self) -> Self {
        Self(self.0.at_least_zero())
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; BLOCK]) {
        self.0.store(to);
    }

    #[inline(always)]
    fn load_from(values: &[f32]) -> Self {
        Self(L::load_from(values))
    }

    #[inline(always)]
    fn store_to(self, to: &mut [f32]) {
        self.0.store_to(to);
    }
}

#[derive(Clone, Copy)]
pub struct Plain([f32; BLOCK]);

impl Lanes for Plain {
    const ONE: usize = 4;
    const TWO: usize = 4;
    type Half = Self;

    #[inline(always)]
    fn load(values: &[f32; BLOCK]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn load_i8(values: &[i8; BLOCK]) -> Self {
        Self(values.map(f32::from))
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; BLOCK])
    }

    #[inline(always)]
    fn add_product(mut self, a: Self, b: Self) -> Self {
        for k in 0..BLOCK {
            self.0[k] += a.0[k] * b.0[k];
        }
        self
    }

    #[inline(always)]
    fn multiply(mut self, other: Self) -> Self {
        for k in 0..BLOCK {
            self.0[k] *= other.0[k];
        }
        self
    }

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for k in 0..BLOCK {
            self.0[k] += other.0[k];
        }
        self
    }

    #[inline(always)]
    fn at_least_zero(mut self) -> Self {
        for v in &mut self.0 {
            *v = if *v > 0.0 { *v } else { 0.0 };
        }
        self
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; BLOCK]) {
        *to = self.0;
    }
}

#[inline(always)]
pub fn of<T>(values: &[T], at: usize) -> &[T; BLOCK] {
    values[at..].first_chunk().expect("weights and biases are padded to whole blocks")
}

#[inline(always)]
pub fn of_mut(values: &mut [f32], at: usize) -> &mut [f32; BLOCK] {
    values[at..].first_chunk_mut().expect("the caller has counted")
}

#[cfg(target_arch = "x86_64")]
pub mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _mm_loadl_epi64, _mm_loadu_si128, _mm256_add_ps, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps,
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_storeu_ps, _mm512_add_ps, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
        _mm512_max_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{BLOCK, Lanes};

    /// Only used inside kernels that are only called where the instructions are there: that is what makes its methods safe.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    impl Lanes for Avx512 {
        const ONE: usize = 8;
        const TWO: usize = 8;
        type Half = Avx2Low;

        #[inline(always)]
        fn load(values: &[f32; BLOCK]) -> Self {
            // SAFETY: see the type; the array is as long as the register, and no alignment is asked for.
            Self(unsafe { _mm512_loadu_ps(values.as_ptr()) })
        }

        #[inline(always)]
        fn load_i8(values: &[i8; BLOCK]) -> Self {
            // SAFETY: see the type; the array is as long as what is loaded, and no alignment is asked for.
            Self(unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(values.as_ptr().cast()))) })
        }

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm512_set1_ps(value) })
        }

        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }

        #[inline(always)]
        fn multiply(self, other: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm512_mul_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn at_least_zero(self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm512_max_ps(self.0, _mm512_setzero_ps()) })
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; BLOCK]) {
            // SAFETY: see the type; the array is as long as the register, and no alignment is asked for.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
        }
    }

    /// As [`Avx512`].
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256, __m256);

    impl Lanes for Avx2 {
        // Twelve registers of sums, two of weights, one of an input value: all sixteen but one.
        const ONE: usize = 6;
        const TWO: usize = 0;
        type Half = Avx2Low;

        #[inline(always)]
        fn load(values: &[f32; BLOCK]) -> Self {
            // SAFETY: see the type; the array is as long as both registers, and no alignment is asked for.
            unsafe { Self(_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(BLOCK / 2))) }
        }

        #[inline(always)]
        fn load_i8(values: &[i8; BLOCK]) -> Self {
            // SAFETY: see the type; each half of the array is as long as what is loaded, and no alignment is asked for.
            unsafe {
                let low = _mm_loadl_epi64(values.as_ptr().cast());
                let high = _mm_loadl_epi64(values.as_ptr().add(BLOCK / 2).cast());
                Self(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(low)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(high)))
            }
        }

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: see the type.
            let value = unsafe { _mm256_set1_ps(value) };
            Self(value, value)
        }

        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: see the type.
            unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }

        #[inline(always)]
        fn multiply(self, other: Self) -> Self {
            // SAFETY: see the type.
            unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see the type.
            unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
        }

        #[inline(always)]
        fn at_least_zero(self) -> Self {
            // SAFETY: see the type.
            unsafe {
                let zero = _mm256_setzero_ps();
                Self(_mm256_max_ps(self.0, zero), _mm256_max_ps(self.1, zero))
            }
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; BLOCK]) {
            // SAFETY: see the type; the array is as long as both registers, and no alignment is asked for.
            unsafe {
                _mm256_storeu_ps(to.as_mut_ptr(), self.0);
                _mm256_storeu_ps(to.as_mut_ptr().add(BLOCK / 2), self.1);
            }
        }
    }

    /// The first eight of sixteen, in one register.
    #[derive(Clone, Copy)]
    pub struct Avx2Low(__m256);

    impl Lanes for Avx2Low {
        const WIDTH: usize = BLOCK / 2;
        const ONE: usize = 8;
        const TWO: usize = 0;
        type Half = Self;

        #[inline(always)]
        fn load(values: &[f32; BLOCK]) -> Self {
            Self::load_from(values)
        }

        #[inline(always)]
        fn load_i8(values: &[i8; BLOCK]) -> Self {
            // SAFETY: see the type; the array is longer than what is loaded, and no alignment is asked for.
            Self(unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(values.as_ptr().cast()))) })
        }

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_set1_ps(value) })
        }

        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }

        #[inline(always)]
        fn multiply(self, other: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_mul_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_add_ps(self.0, other.0) })
        }

        #[inline(always)]
        fn at_least_zero(self) -> Self {
            // SAFETY: see the type.
            Self(unsafe { _mm256_max_ps(self.0, _mm256_setzero_ps()) })
        }

        #[inline(always)]
        fn store(self, to: &mut [f32; BLOCK]) {
            self.store_to(to);
        }

        #[inline(always)]
        fn load_from(values: &[f32]) -> Self {
            let values = &values[..Self::WIDTH];
            // SAFETY: see the type; the slice is as long as the register, and no alignment is asked for.
            Self(unsafe { _mm256_loadu_ps(values.as_ptr()) })
        }

        #[inline(always)]
        fn store_to(self, to: &mut [f32]) {
            let to = &mut to[..Self::WIDTH];
            // SAFETY: see the type; the slice is as long as the register, and no alignment is asked for.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) };
        }
    }
}
