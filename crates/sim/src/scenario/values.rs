//! Small values of the file: durations like `1h30m` and counts like `>= 3`.

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A length of time: whole numbers with units `ms`, `s`, `m`, `h`, `d`, largest first, as in `90s`, `5m`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Length(SignedDuration);

/// What is wrong with a length or a count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a length.
    #[error(
        "`{0}` is not a length of time: expected numbers with units `ms`, `s`, `m`, `h` or `d`, such as `90s` or `1h30m`"
    )]
    Length(String),
    /// More than the simulator plays.
    #[error("`{0}` is more than 366 days")]
    TooLong(String),
    /// Not a count.
    #[error("`{0}` is not a count: expected a whole number, or one after `>=` or `<=`")]
    Count(String),
}

/// Units with their milliseconds, in the order in which they may stand.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const MOST: i64 = 366 * 86_400_000;

impl Length {
    /// As a duration.
    pub fn get(self) -> SignedDuration {
        self.0
    }

    /// A length of whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(SignedDuration::from_secs(seconds))
    }
}

impl FromStr for Length {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::Length(short(text));
        let (mut rest, mut units, mut total) = (text.trim(), UNITS.as_slice(), 0_i64);
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
            let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
            if digits == 0 {
                return Err(wrong());
            }
            let too_long = || ValueError::TooLong(short(text));
            let number: i64 = number.parse().map_err(|_| too_long())?;
            total =
                number.checked_mul(units[at].1).and_then(|n| n.checked_add(total)).ok_or_else(too_long)?;
            if total > MOST {
                return Err(too_long());
            }
            units = &units[at + 1..];
            rest = &rest[digits + letters..];
        }
        Ok(Self(SignedDuration::from_millis(total)))
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, millis) in UNITS {
            if left >= millis {
                write!(f, "{}{unit}", left / millis)?;
                left %= millis;
            }
        }
        Ok(())
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A number that is expected: exactly, at least or at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// `3`
    Exactly(u64),
    /// `>= 3`
    AtLeast(u64),
    /// `<= 3`
    AtMost(u64),
}

impl Count {
    /// Whether a number is what was expected.
    pub fn fits(self, found: u64) -> bool {
        match self {
            Self::Exactly(n) => found == n,
            Self::AtLeast(n) => found >= n,
            Self::AtMost(n) => found <= n,
        }
    }
}

impl FromStr for Count {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let number = |digits: &str| digits.trim().parse().map_err(|_| ValueError::Count(short(text)));
        if let Some(rest) = text.trim().strip_prefix(">=") {
            return number(rest).map(Self::AtLeast);
        }
        if let Some(rest) = text.trim().strip_prefix("<=") {
            return number(rest).map(Self::AtMost);
        }
        number(text).map(Self::Exactly)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(n) => write!(f, "{n}"),
            Self::AtLeast(n) => write!(f, ">= {n}"),
            Self::AtMost(n) => write!(f, "<= {n}"),
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text of a plain scalar: `3` and `">= 3"` both arrive as written.
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text for an error message.
fn short(text: &str) -> String {
    text.chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_read_as_people_write_them() {
        for (text, millis) in [
            ("90s", 90_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("0", 0),
        ] {
            assert_eq!(text.parse::<Length>().unwrap().get().as_millis(), millis, "{text}");
        }
        for wrong in ["", "5", "m", "5 m", "30m1h", "1m1m", "-5m", "1.5h", "5min", "5µs", "١m"] {
            assert!(matches!(wrong.parse::<Length>(), Err(ValueError::Length(_))), "{wrong}");
        }
        for long in ["367d", "99999999999999999999s", "9000000000000000000d"] {
            assert!(matches!(long.parse::<Length>(), Err(ValueError::TooLong(_))), "{long}");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert!(">= 3".parse::<Count>().unwrap().fits(3));
        assert!(!"<=3".parse::<Count>().unwrap().fits(4));
        assert!("3".parse::<Count>().unwrap().fits(3));
        assert!("> 3".parse::<Count>().is_err());
        assert!("some".parse::<Count>().is_err());
    }

    proptest! {
        #[test]
        fn lengths_round_trip(millis in 0..MOST) {
            let length = Length(SignedDuration::from_millis(millis));
            prop_assert_eq!(length.to_string().parse::<Length>().unwrap(), length);
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,40}", digits in "[0-9dhms]{0,20}") {
            let _ = (text.parse::<Length>(), text.parse::<Count>());
            if let Ok(length) = digits.parse::<Length>() {
                prop_assert!(length.get().as_millis() <= i128::from(MOST));
            }
        }

        #[test]
        fn counts_round_trip(n in any::<u64>(), kind in 0..3) {
            let count = match kind { 0 => Count::Exactly(n), 1 => Count::AtLeast(n), _ => Count::AtMost(n) };
            prop_assert_eq!(count.to_string().parse::<Count>().unwrap(), count);
        }
    }
}
