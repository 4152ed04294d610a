use super::*;
use proptest::prelude::*;

#[test]
fn an_answer_is_read_by_names() {
    let root = parse(
        br#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <!-- a comment --><reservationSet><item><a>1 &lt; 2 &amp; &#65;</a><b/><ok>true</ok></item><item/></reservationSet>
  <nextToken><![CDATA[<t>]]></nextToken>
</DescribeInstancesResponse>"#,
    )
    .unwrap();
    assert_eq!(root.name(), "DescribeInstancesResponse");
    let items: Vec<_> = root.items("reservationSet").collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].get("a"), Some("1 < 2 & A"));
    assert_eq!(items[0].get("b"), None);
    assert!(items[0].is("ok") && !items[1].is("ok"));
    assert_eq!(root.get("nextToken"), Some("<t>"));
    assert_eq!(root.get_at(&["reservationSet", "item", "ok"]), Some("true"));
    assert_eq!(root.items("nothing").count(), 0);
}

#[test]
fn what_is_no_answer_is_refused() {
    for (bad, what) in [
        ("", "it ends early"),
        ("<a>", "it ends early"),
        ("<a></b>", "`</b>`"),
        ("<a/><b/>", "a second root element"),
        ("text", "text outside of the root element"),
        ("<a>&unknown;</a>", "an unknown entity"),
        (r#"<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#, "a document type declaration"),
    ] {
        let error = parse(bad.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(what), "{bad}: {error}");
    }
    assert!(parse(b"<a>\xff</a>").unwrap_err().to_string().contains("not UTF-8"));
    let deep = "<a>".repeat(MAX_DEPTH + 1);
    assert_eq!(parse(deep.as_bytes()), Err(Error::TooMuch("64 levels")));
}

/// Writes a tree as Amazon would.
fn write(element: &Element, out: &mut String) {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    out.push_str(&format!("<{}>{}", element.name(), escape(element.text())));
    for child in element.children() {
        write(child, out);
    }
    out.push_str(&format!("</{}>", element.name()));
}

fn tree() -> impl Strategy<Value = Element> {
    let name = || "[a-zA-Z][a-zA-Z0-9]{0,8}";
    // Text as an answer has it: no control characters, no blanks around.
    let text = || "([!-~äß€😀&<>]([ -~]{0,10}[!-~])?)?";
    let leaf = (name(), text()).prop_map(|(name, text)| Element {
        name: name.into(),
        text: text.into(),
        children: vec![],
    });
    leaf.prop_recursive(4, 40, 5, move |inner| {
        (name(), text(), prop::collection::vec(inner, 0..5)).prop_map(|(name, text, children)| Element {
            name: name.into(),
            text: text.into(),
            children,
        })
    })
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn reading_what_looks_like_xml_never_panics(text in "[<>/&;#!a-c\\[\\]\\- \"=]{0,120}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn what_is_written_is_read(tree in tree()) {
        let mut text = String::new();
        write(&tree, &mut text);
        prop_assert_eq!(parse(text.as_bytes()).unwrap(), tree);
    }
}
