//! YAML as a tree of which every node knows its line. For reading what others
//! wrote and may have written badly: what is too large, too deep or repeats
//! itself without end is a fault, and no text makes it panic.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError};

/// Nodes of one text, those that aliases repeat included. A large chart has some thousands.
const NODE_LIMIT: usize = 100_000;

/// How deep a tree may be. Manifests are some twenty deep.
const DEPTH_LIMIT: usize = 100;

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins, from 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a part of a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, a number, a truth value or nothing, as it is written.
    Scalar(String, Style),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in its order.
    Map(Vec<(Node, Node)>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Bare.
    Plain,
    /// In quotes.
    Quoted,
    /// As a block of lines.
    Block,
}

/// Why a text is no YAML that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// The documents in `text`. Aliases are replaced by what they name, and merge
/// keys (`<<`) by what they bring.
///
/// # Errors
/// Where the text is no YAML, a key stands twice in a mapping, or a limit is passed.
pub fn documents(text: &str) -> Result<Vec<Node>, Fault> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| of_scan(&error))?;
        tree.take(event, span.start.line())?;
    }
    Ok(tree.documents)
}

impl Node {
    /// The value of this key; nothing where this is no mapping, or has no such key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The node at the end of this way of keys.
    #[must_use]
    pub fn at(&self, way: &[&str]) -> Option<&Self> {
        way.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text at the end of this way of keys.
    #[must_use]
    pub fn text_at(&self, way: &[&str]) -> Option<&str> {
        self.at(way).and_then(Self::text)
    }

    /// The items of a list; none where this is none.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar(..) | Value::Map(_) => &[],
        }
    }

    /// The entries of a mapping; none where this is none.
    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar(..) | Value::List(_) => &[],
        }
    }

    /// Whether nothing is in it: null, an empty text, list or mapping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Scalar(text, Style::Plain) => matches!(text.as_str(), "" | "~" | "null"),
            Value::Scalar(text, _) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }
}

/// A node with what it costs to repeat it.
#[derive(Clone)]
struct Grown {
    node: Node,
    size: usize,
    depth: usize,
}

/// A list or a mapping whose end has not come.
struct Open {
    anchor: usize,
    line: usize,
    is_map: bool,
    children: Vec<Node>,
    size: usize,
    depth: usize,
}

#[derive(Default)]
struct Tree {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Grown>,
    /// Nodes so far.
    nodes: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let node = Node { line, value: Value::Scalar(text.into_owned(), style) };
                self.add(anchor, Grown { node, size: 1, depth: 1 })
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(anchor, line, false);
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(anchor, line, true);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(grown) if self.nodes + grown.size <= NODE_LIMIT => {
                    let grown = grown.clone();
                    self.add(0, grown)
                }
                Some(_) => Err(too_large(line)),
                None => Err(fault(line, "an alias is used inside of what it names")),
            },
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, line: usize, is_map: bool) {
        self.open.push(Open { anchor, line, is_map, children: Vec::new(), size: 1, depth: 1 });
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open { anchor, line, is_map, children, size, depth }) = self.open.pop() else {
            return Ok(());
        };
        let value = if is_map { Value::Map(merged(entries(children)?)) } else { Value::List(children) };
        // Its children were counted when they came.
        self.nodes = self.nodes.saturating_sub(size - 1);
        self.add(anchor, Grown { node: Node { line, value }, size, depth })
    }

    fn add(&mut self, anchor: usize, grown: Grown) -> Result<(), Fault> {
        self.nodes += grown.size;
        if self.nodes > NODE_LIMIT {
            return Err(too_large(grown.node.line));
        }
        if grown.depth > DEPTH_LIMIT {
            return Err(fault(grown.node.line, &format!("it is more than {DEPTH_LIMIT} levels deep")));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, grown.clone());
            self.nodes += grown.size;
        }
        match self.open.last_mut() {
            Some(parent) => {
                parent.size += grown.size;
                parent.depth = parent.depth.max(grown.depth + 1);
                parent.children.push(grown.node);
            }
            None => self.documents.push(grown.node),
        }
        Ok(())
    }
}

/// Keys and values, taking turns, as entries with different keys.
fn entries(children: Vec<Node>) -> Result<Vec<(Node, Node)>, Fault> {
    let mut entries = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        entries.push((key, value));
    }
    let mut seen = HashSet::new();
    for (key, _) in &entries {
        if let Some(name) = key.text()
            && !seen.insert(name)
        {
            return Err(fault(key.line, "a key stands twice in the same mapping"));
        }
    }
    Ok(entries)
}

/// The entries with those that a merge key brings, unless they are there.
fn merged(mut entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    let is_merge = |(key, _): &(Node, Node)| key.value == Value::Scalar("<<".to_owned(), Style::Plain);
    let Some(at) = entries.iter().position(is_merge) else { return entries };
    let (_, source) = entries.remove(at);
    let sources = if source.items().is_empty() { std::slice::from_ref(&source) } else { source.items() };
    for (key, value) in sources.iter().flat_map(Node::entries) {
        if !entries.iter().any(|(known, _)| known.value == key.value) {
            entries.push((key.clone(), value.clone()));
        }
    }
    entries
}

fn fault(line: usize, what: &str) -> Fault {
    Fault { line, what: what.to_owned() }
}

fn too_large(line: usize) -> Fault {
    fault(line, &format!("it has more than {NODE_LIMIT} nodes, with what its aliases repeat"))
}

fn of_scan(error: &ScanError) -> Fault {
    fault(error.marker().line(), &error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Node {
        documents(text).expect("YAML").pop().expect("a document")
    }

    fn fault_of(text: &str) -> Fault {
        documents(text).expect_err("no YAML that we read")
    }

    #[test]
    fn nodes_know_their_lines_in_every_document() {
        let documents =
            documents("a: 1\nb:\n  - x\n  - y: |\n      z\n---\n# nothing\nc: 'q'\n").expect("YAML");
        let b = documents[0].get("b").expect("b");
        assert_eq!(b.items()[0].line, 3);
        let y = b.items()[1].get("y").expect("y");
        assert_eq!(y.value, Value::Scalar("z\n".to_owned(), Style::Block));
        let c = documents[1].get("c").expect("c");
        assert_eq!((c.line, &c.value), (8, &Value::Scalar("q".to_owned(), Style::Quoted)));
    }

    #[test]
    fn aliases_and_merge_keys_bring_what_they_name() {
        let node = one("base: &b { x: 1, y: 2 }\nuse:\n  <<: *b\n  y: 3\nsame: *b\n");
        assert_eq!(node.text_at(&["use", "x"]), Some("1"));
        assert_eq!(node.text_at(&["use", "y"]), Some("3"));
        assert_eq!(node.text_at(&["same", "y"]), Some("2"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(fault_of("a: 1\nb: [1, 2\nc: 3\n").line, 3);
        assert_eq!(fault_of("a: 1\nb: 2\na: 3\n"), fault(3, "a key stands twice in the same mapping"));
    }

    #[test]
    fn bombs_are_faults() {
        let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
        assert!(fault_of(&format!("a0: &a0 x\n{bomb}")).what.contains("nodes"));
        let wide = "- x\n".repeat(NODE_LIMIT + 1);
        assert!(fault_of(&wide).what.contains("nodes"));
        let chain: String = (1..300).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
        assert!(fault_of(&format!("a0: &a0 x\n{chain}")).what.contains("deep"));
        for (open, times) in [("[", 100_000), ("{a: ", 100_000), ("- ", 100_000)] {
            documents(&open.repeat(times)).expect_err("too deep");
        }
        documents("&a [*a]").expect_err("an alias of itself");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a-z:{}\\[\\]&*|> \n\"'#%!?,<~\u{0}\u{85}é]{0,200}") {
            let _ = documents(&text);
        }
    }
}
