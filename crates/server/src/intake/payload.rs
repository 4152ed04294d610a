//! Is the body a JSON object that every reader of the log can read? Cheap, in constant memory, without building anything.

use super::Rejection;
use serde::de::IgnoredAny;

/// Readers stop at 128 levels; GitHub's payloads have some ten.
const MAX_DEPTH: usize = 100;

pub(super) fn check(body: &[u8]) -> Result<(), Rejection> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Rejection::NotJson { why: format!("byte {} is not UTF-8", error.valid_up_to()) })?;
    if !text.trim_start().starts_with('{') {
        return Err(Rejection::NotJson { why: "it does not begin with `{`".into() });
    }
    if depth(body) > MAX_DEPTH {
        return Err(Rejection::TooDeep { limit: MAX_DEPTH });
    }
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| Rejection::NotJson {
        why: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
    })
}

/// How deep brackets nest at most. Texts are skipped; wrong JSON gives some number.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for &byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_objects_and_nothing_else() {
        for good in [r"{}", " {\"a\":[1,2,{\"b\":\"\\\"]]]\"}]} ", "{\"ä\": \"日本\"}"] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "[]",
            "\"text\"",
            "null",
            "{",
            "{\"a\":1",
            "{\"a\":1}}",
            "{\"a\" 1}",
            "{\"a\":\"\u{1}\"}",
            "\u{feff}{}",
        ] {
            assert!(matches!(check(bad.as_bytes()), Err(Rejection::NotJson { .. })), "{bad:?}");
        }
        assert!(matches!(check(b"{\"a\":\"\xff\"}"), Err(Rejection::NotJson { .. })));
    }

    #[test]
    fn accepts_a_hundred_levels_and_no_more() {
        let nested =
            |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(check(nested(100).as_bytes()), Ok(()));
        assert_eq!(check(nested(101).as_bytes()), Err(Rejection::TooDeep { limit: 100 }));
        assert_eq!(check(nested(200_000).as_bytes()), Err(Rejection::TooDeep { limit: 100 }));
        assert_eq!(check("{".repeat(200_000).as_bytes()), Err(Rejection::TooDeep { limit: 100 }));
    }

    proptest! {
        #[test]
        fn what_is_accepted_can_be_read(body in "\\PC{0,40}|[\\[\\]{}\":,0-9a-z \\\\]{0,60}") {
            let body = format!("{{\"k\":{body}}}");
            if check(body.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok() || body.contains("\\u"));
            }
        }

        #[test]
        fn any_bytes_get_an_answer(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&body);
        }
    }
}
