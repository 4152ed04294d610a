//! YAML with places: a tree that knows line and column of every node, built with bounds on everything.
//!
//! Bytes come from repositories, so size, nesting and the growth through aliases are limited, and what is
//! wrong is reported as [`Problem`]s. Built on the event parser, because the tree builders drop the places of
//! repeated keys.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashMap;
use trunkline_model::{Problem, Severity};

/// Larger files are refused.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Deeper nesting is refused.
const MAX_DEPTH: usize = 24;
/// More nodes (aliases count with all they stand for) are refused.
const MAX_NODES: usize = 200_000;

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text, and whether it was written without quotes (so that `1` and `true` mean what they look like).
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    /// In order of the file; no key twice.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for "expected X, found Y".
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Scalar { text, plain: true } if is_null(text) => "nothing".into(),
            Value::Scalar { text, plain } => {
                let short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
                if *plain { format!("`{short}`") } else { format!("the text \"{short}\"") }
            }
            Value::Sequence(_) => "a list".into(),
            Value::Mapping(_) => "a mapping".into(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if is_null(text))
    }

    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 1,
            Value::Sequence(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Mapping(pairs) => 1 + pairs.iter().map(|(k, v)| k.size() + v.size()).sum::<usize>(),
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads one document. The tree is absent when the text is no YAML or breaks a bound; problems tell everything.
pub(crate) fn parse(file: &str, text: &str) -> (Option<Node>, Vec<Problem>) {
    let mut builder = Builder::new(file);
    if text.len() > MAX_BYTES {
        let message = format!("file has {} bytes", text.len());
        builder.report(Place { line: 1, column: 1 }, message, "at most 1 MiB", "split the file");
        return (None, builder.problems);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for event in Parser::new_from_str(text) {
        let going = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let mark = error.marker();
                let place = Place { line: mark.line().max(1), column: mark.col() + 1 };
                builder.report(place, error.info().to_owned(), "YAML", "");
                false
            }
        };
        if !going {
            return (None, builder.problems);
        }
    }
    let nothing = || Node {
        place: Place { line: 1, column: 1 },
        value: Value::Scalar { text: String::new(), plain: true },
    };
    (Some(builder.root.unwrap_or_else(nothing)), builder.problems)
}

struct Open {
    place: Place,
    anchor: usize,
    mapping: bool,
    items: Vec<Node>,
}

struct Builder<'a> {
    file: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a str) -> Self {
        Self {
            file,
            open: vec![],
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
            problems: vec![],
        }
    }

    fn report(&mut self, place: Place, message: String, expected: &str, fix: &str) {
        self.problems.push(Problem {
            file: self.file.into(),
            line: place.line,
            column: place.column,
            severity: Severity::Error,
            path: String::new(),
            message,
            expected: expected.into(),
            fix: fix.into(),
            rule: "",
        });
    }

    /// Takes one event; false when reading cannot go on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let place = Place { line: span.start.line().max(1), column: span.start.col() + 1 };
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.report(place, "a second document begins".into(), "one document", "remove the `---`");
                    return false;
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let value = Value::Scalar { text: text.into_owned(), plain };
                return self.place_node(Node { place, value }, anchor);
            }
            Event::SequenceStart(anchor, _) => return self.begin(place, anchor, false),
            Event::MappingStart(anchor, _) => return self.begin(place, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return false };
                let value = if open.mapping {
                    Value::Mapping(self.mapping(open.items))
                } else {
                    Value::Sequence(open.items)
                };
                return self.place_node(Node { place: open.place, value }, open.anchor);
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor) else {
                    self.report(place, "the alias stands inside what it names".into(), "an anchor above", "");
                    return false;
                };
                let (target, size) = (target.clone(), target.size());
                self.nodes += size;
                if self.nodes > MAX_NODES {
                    self.report(place, "aliases make the document too large".into(), "fewer aliases", "");
                    return false;
                }
                return self.place_node(Node { place, ..target }, 0);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        true
    }

    fn begin(&mut self, place: Place, anchor: usize, mapping: bool) -> bool {
        if self.open.len() >= MAX_DEPTH {
            self.report(place, "nested too deeply".into(), &format!("at most {MAX_DEPTH} levels"), "");
            return false;
        }
        self.open.push(Open { place, anchor, mapping, items: vec![] });
        true
    }

    fn place_node(&mut self, node: Node, anchor: usize) -> bool {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.report(node.place, "too many values".into(), &format!("at most {MAX_NODES}"), "");
            return false;
        }
        if anchor > 0 {
            self.nodes += node.size();
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
        true
    }

    /// Pairs keys with values, merges `<<`, reports what stands twice; the first one stays.
    fn mapping(&mut self, items: Vec<Node>) -> Vec<(Node, Node)> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut pairs: Vec<(Node, Node)> = vec![];
        let mut merges = vec![];
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            let Some(name) = key.text().map(String::from) else {
                let found = format!("the key is {}", key.describe());
                self.report(key.place, found, "a text as key", "");
                continue;
            };
            if name == "<<" && matches!(key.value, Value::Scalar { plain: true, .. }) {
                merges.push(value);
            } else if let Some(line) = seen.get(&name) {
                let message = format!("`{name}` stands here again, first in line {line}");
                self.report(key.place, message, "each key once", "remove one of them");
            } else {
                seen.insert(name, key.place.line);
                pairs.push((key, value));
            }
        }
        for merge in merges {
            let sources = match merge.value {
                Value::Mapping(_) => vec![merge],
                Value::Sequence(list) => list,
                Value::Scalar { .. } => {
                    self.report(merge.place, "`<<` merges mappings".into(), "an alias of a mapping", "");
                    continue;
                }
            };
            for source in sources {
                let Value::Mapping(inherited) = source.value else { continue };
                for (key, value) in inherited {
                    let name = key.text().unwrap_or_default().to_owned();
                    if let std::collections::hash_map::Entry::Vacant(slot) = seen.entry(name) {
                        slot.insert(key.place.line);
                        pairs.push((key, value));
                    }
                }
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problems(text: &str) -> Vec<String> {
        parse("f.yml", text).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let found = problems("a: 1\nb: [1, 2\nc: 3\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("f.yml:3:"), "{found:?}");
    }

    #[test]
    fn repeated_keys_are_all_reported() {
        let found = problems("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|p| p.contains("f.yml:2:1") && p.contains("first in line 1")), "{found:?}");
        assert!(found.iter().any(|p| p.contains("f.yml:5:3")), "{found:?}");
    }

    #[test]
    fn bounds_hold() {
        // The parser has a bound of its own for flow collections, ours counts all.
        assert!(problems(&"[".repeat(100_000))[0].contains("recursion limit"));
        let steps: String = (0..200).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
        assert!(problems(&steps)[0].contains("nested too deeply"));
        let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for (name, of) in ('b'..='j').zip('a'..) {
            let list = vec![format!("*{of}"); 10].join(", ");
            bomb.push_str(&format!("{name}: &{name} [{list}]\n"));
        }
        let found = problems(&bomb);
        assert!(found[0].contains("too large") || found[0].contains("too many"), "{found:?}");
        assert!(problems(&" ".repeat(MAX_BYTES + 1))[0].contains("at most 1 MiB"));
        assert!(problems("a: &a [*a]\n")[0].contains("alias"), "{:?}", problems("a: &a [*a]\n"));
        assert!(problems("a: 1\n---\nb: 2\n")[0].contains("second document"));
    }

    #[test]
    fn merge_keys_give_way_to_own_keys() {
        let (root, found) = parse("f", "base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\n");
        assert!(found.is_empty(), "{found:?}");
        let Some(Node { value: Value::Mapping(pairs), .. }) = root else { panic!("a mapping") };
        let Value::Mapping(mine) = &pairs[1].1.value else { panic!("a mapping") };
        let texts: Vec<_> = mine.iter().map(|(k, v)| (k.text().unwrap(), v.text().unwrap())).collect();
        assert_eq!(texts, [("y", "3"), ("x", "1")]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\PC\n:&*\\[\\]{}<>| -]{0,200}") {
            let _ = parse("f", &text);
        }
    }
}
