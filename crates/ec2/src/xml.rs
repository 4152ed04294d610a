//! Amazon's XML answers as a small tree, read within bounds.
//!
//! The answers use few features: elements, text, no mixed content worth keeping. A tree with lookups by name is all
//! the calls need, and one bounded reader is easier to trust than twenty derived ones. Names lose their prefix,
//! attributes, comments and processing instructions are ignored, a document type declaration is refused.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, Event},
};

/// Deepest nesting; real answers stay below 15.
const MAX_DEPTH: usize = 64;
/// Most elements of one answer: a page of 1,000 instances has below 200,000.
const MAX_ELEMENTS: usize = 2_000_000;

/// An answer that is not the XML we can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not well formed.
    #[error("not XML at byte {at}: {what}")]
    Malformed {
        /// Where.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// Larger or deeper than any honest answer.
    #[error("the answer has more than {0}")]
    TooMuch(&'static str),
}

/// One element: its name, its text, its children in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    name: Box<str>,
    text: Box<str>,
    children: Vec<Element>,
}

impl Element {
    /// Name without prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its own text, without the children's; blanks around are cut.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| &*child.name == name)
    }

    /// Follows names downwards.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// Text of a child; `None` when the child is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_at(&[name])
    }

    /// Text at the end of a path; `None` when it is absent or empty.
    pub fn get_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(Self::text).filter(|text| !text.is_empty())
    }

    /// Whether the child says `true`.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// The `item`s (EC2) or `member`s (STS) of a list; none when the list is absent.
    pub fn items(&self, list: &str) -> impl Iterator<Item = &Self> {
        let children = self.child(list).map(|list| list.children.as_slice()).unwrap_or_default();
        children.iter().filter(|child| matches!(&*child.name, "item" | "member"))
    }

    /// All children.
    pub fn children(&self) -> &[Self] {
        &self.children
    }
}

/// Reads a document; its size was bounded by whoever received it.
///
/// # Errors
/// When it is not well formed or exceeds depth or number of elements.
pub fn parse(bytes: &[u8]) -> Result<Element, Error> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::Malformed { at: error.valid_up_to() as u64, what: "not UTF-8".into() })?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(Element, String)> = vec![];
    let mut root = None;
    let mut elements = 0;
    loop {
        let at = reader.buffer_position();
        let bad = |what: String| Error::Malformed { at, what };
        let event = reader.read_event().map_err(|error| bad(error.to_string()))?;
        match event {
            Event::Start(_) | Event::Empty(_) if root.is_some() => {
                return Err(bad("a second root element".into()));
            }
            Event::Start(ref start) | Event::Empty(ref start) => {
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return Err(Error::TooMuch("2,000,000 elements"));
                }
                if open.len() >= MAX_DEPTH {
                    return Err(Error::TooMuch("64 levels"));
                }
                let name = local(start.name().as_ref()).into();
                open.push((Element { name, ..Element::default() }, String::new()));
                if matches!(event, Event::Empty(_)) {
                    close(&mut open, &mut root);
                }
            }
            Event::End(_) => close(&mut open, &mut root),
            Event::Text(text) => match open.last_mut() {
                Some((_, own)) => own.push_str(&text),
                None if text.trim().is_empty() || text.trim() == "\u{feff}" => {}
                None => return Err(bad("text outside of the root element".into())),
            },
            Event::CData(text) => {
                if let Some((_, own)) = open.last_mut() {
                    own.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                let resolved = resolve(&reference).ok_or_else(|| bad("an unknown entity".into()))?;
                let Some((_, own)) = open.last_mut() else {
                    return Err(bad("an entity outside of the root element".into()));
                };
                own.push_str(&resolved);
            }
            Event::DocType(_) => return Err(bad("a document type declaration".into())),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(Error::Malformed { at: bytes.len() as u64, what: "it ends early".into() }),
    }
}

fn close(open: &mut Vec<(Element, String)>, root: &mut Option<Element>) {
    let Some((mut element, text)) = open.pop() else { return };
    element.text = text.trim().into();
    match open.last_mut() {
        Some((parent, _)) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character.to_string());
    }
    resolve_predefined_entity(reference).map(str::to_owned)
}

/// The part of a qualified name behind the colon.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
