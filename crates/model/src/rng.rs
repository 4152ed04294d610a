//! The one home of randomness: a seeded generator that is handed around, so every run can be repeated.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded random number generator. Equal seeds give equal sequences on every machine.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// A generator with a chosen seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A generator seeded by the operating system: for names and jitter in production.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing sensible can go on then.
    pub fn from_os() -> Self {
        let mut os = rand::rngs::SysRng;
        Self(ChaCha8Rng::try_from_rng(&mut os).expect("the operating system gives randomness"))
    }

    /// A generator of its own for a part, so that parts do not disturb each other's sequence.
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.u64())
    }

    /// Any 64-bit number.
    pub fn u64(&mut self) -> u64 {
        self.0.random()
    }

    /// A number from `0` to `bound - 1`; `0` when `bound` is `0`.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.0.random_range(0..bound) }
    }

    /// A number from 0 (included) to 1 (excluded).
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// True with the given probability (0..=1; values outside are clamped).
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the items, each as likely; `None` when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(usize::try_from(self.below(items.len() as u64)).unwrap_or(0))
    }

    /// `len` lower-case hexadecimal digits.
    pub fn hex(&mut self, len: usize) -> String {
        (0..len).map(|_| char::from_digit(self.below(16) as u32, 16).unwrap_or('0')).collect()
    }

    /// Normally distributed, mean 0 and deviation 1 (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Exponentially distributed with the given mean: the gap between independent arrivals.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_sequences() {
        let (mut a, mut b) = (Rng::from_seed(7), Rng::from_seed(7));
        assert_eq!((a.u64(), a.hex(8), a.below(10)), (b.u64(), b.hex(8), b.below(10)));
        assert_eq!(a.below(0), 0);
        assert!(a.pick::<u8>(&[]).is_none());
    }

    #[test]
    fn distributions_have_their_mean() {
        let mut rng = Rng::from_seed(1);
        let n = 20_000;
        let mean = (0..n).map(|_| rng.exponential(3.0)).sum::<f64>() / f64::from(n);
        assert!((mean - 3.0).abs() < 0.1, "{mean}");
        let normal = (0..n).map(|_| rng.normal()).sum::<f64>() / f64::from(n);
        assert!(normal.abs() < 0.05, "{normal}");
    }
}
