//! XML as a small tree: what `xml` builds and `parse` reads. Markup is quick-xml's in both directions.

use quick_xml::events::{BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};

/// Longest text that is read, in bytes. A libvirt domain with hundreds of devices has about 100 KiB.
pub const MAX_TEXT: usize = 1 << 20;
/// Deepest nesting that is read; libvirt's own goes to about 8.
const MAX_DEPTH: usize = 32;
/// Most elements that are read.
const MAX_ELEMENTS: usize = 20_000;
/// Most attributes of one element: libvirt's have up to about 15, and the reader's search for duplicates is quadratic.
const MAX_ATTRIBUTES: usize = 64;

/// An element with its attributes, its child elements and the text directly in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Name as written, with a prefix if there is one.
    pub name: String,
    /// Attributes in order.
    pub attributes: Vec<(String, String)>,
    /// Child elements in order.
    pub children: Vec<Element>,
    /// All text directly in it, put together.
    pub text: String,
}

/// Why XML could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// It is larger than any domain.
    #[error("it is larger than {MAX_TEXT} bytes")]
    TooLarge,
    /// It is nested too deep, or has too many elements or attributes.
    #[error("it has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// It has a document type, which could define entities; libvirt's XML never has one.
    #[error("it has a document type declaration")]
    DocumentType,
    /// It refers to an entity that XML itself does not define.
    #[error("it refers to the entity {0:?}")]
    Entity(String),
    /// It is not well-formed.
    #[error("it is not well-formed XML")]
    Malformed(#[from] quick_xml::Error),
    /// An attribute is not well-formed.
    #[error("an attribute is not well-formed")]
    Attribute(#[from] quick_xml::events::attributes::AttrError),
    /// It ends too early, or goes on after its end.
    #[error("it is not one complete element")]
    Incomplete,
}

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// With one more attribute.
    #[must_use]
    pub fn attr(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// With this text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// With one more child.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// With more children.
    #[must_use]
    pub fn with(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// Value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// First child of that name.
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// All children of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// Text of the first child of that name, trimmed.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|c| c.text.trim())
    }

    /// Attribute of the first child of that name.
    pub fn attr_of(&self, child: &str, attribute: &str) -> Option<&str> {
        self.find(child).and_then(|c| c.get(attribute))
    }

    /// Name without its prefix.
    pub fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or(&self.name)
    }
}

/// The element as indented XML text with a final newline. Text beside child elements is not written: libvirt has none.
///
/// # Errors
/// Only what the writer says; memory does not fail.
pub fn write(root: &Element) -> std::io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write_element(&mut writer, root)?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

fn write_element(writer: &mut Writer<Vec<u8>>, element: &Element) -> std::io::Result<()> {
    let mut start = BytesStart::new(element.name.as_str());
    for (name, value) in &element.attributes {
        start.push_attribute((name.as_str(), value.as_str()));
    }
    if element.children.is_empty() && element.text.is_empty() {
        return writer.write_event(Event::Empty(start));
    }
    let end = start.to_end().into_owned();
    writer.write_event(Event::Start(start))?;
    if element.children.is_empty() {
        writer.write_event(Event::Text(BytesText::new(&element.text)))?;
    }
    for child in &element.children {
        write_element(writer, child)?;
    }
    writer.write_event(Event::End(end))
}

/// Reads one element with all in it. Comments and processing instructions are dropped.
///
/// # Errors
/// What is not well-formed, whatever could define entities, and whatever passes a limit.
pub fn read(text: &str) -> Result<Element, TreeError> {
    if text.len() > MAX_TEXT {
        return Err(TreeError::TooLarge);
    }
    let mut reader = Reader::from_str(text);
    let mut builder = Builder::default();
    loop {
        match reader.read_event()? {
            Event::Start(start) => builder.open(&start)?,
            Event::Empty(start) => {
                builder.open(&start)?;
                builder.close()?;
            }
            Event::End(_) => builder.close()?,
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(data) => builder.text(&data.xml10_content())?,
            Event::GeneralRef(entity) => match entity.resolve_char_ref()? {
                Some(c) => builder.text(c.encode_utf8(&mut [0; 4]))?,
                None => builder.text(predefined(&entity)?)?,
            },
            Event::DocType(_) => return Err(TreeError::DocumentType),
            Event::Eof => return builder.root.ok_or(TreeError::Incomplete),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn predefined(entity: &str) -> Result<&'static str, TreeError> {
    quick_xml::escape::resolve_predefined_entity(entity)
        .ok_or_else(|| TreeError::Entity(entity.chars().take(40).collect()))
}

/// What has been read so far: open elements, outermost first, and the finished root.
#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), TreeError> {
        if self.root.is_some() {
            return Err(TreeError::Incomplete);
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(TreeError::TooMany { what: "levels", limit: MAX_DEPTH });
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(TreeError::TooMany { what: "elements", limit: MAX_ELEMENTS });
        }
        let mut element = Element::new(start.name().as_ref());
        for attribute in start.attributes() {
            let attribute = attribute?;
            if element.attributes.len() >= MAX_ATTRIBUTES {
                return Err(TreeError::TooMany { what: "attributes in one element", limit: MAX_ATTRIBUTES });
            }
            let value = attribute.normalized_value(XmlVersion::Explicit1_0)?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), TreeError> {
        let done = self.open.pop().ok_or(TreeError::Incomplete)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), TreeError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(TreeError::Incomplete),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_values_survives() {
        let root =
            Element::new("a").attr("b", "<&>\"' é\u{1F600}").child(Element::new("c").text("x<&>\"'  y"));
        let text = write(&root).unwrap();
        let mut back = read(&text).unwrap();
        back.text.clear(); // the indentation
        assert_eq!(back, root);
    }

    #[test]
    fn what_could_expand_is_refused() {
        let bomb = "<!DOCTYPE d [<!ENTITY a \"x\">]><d>&a;</d>";
        assert!(matches!(read(bomb), Err(TreeError::DocumentType)));
        assert!(matches!(read("<d>&a;</d>"), Err(TreeError::Entity(_))));
        assert!(read("<d b='&a;'/>").is_err());
        assert_eq!(read("<d>&#65;&amp;<![CDATA[<]]></d>").unwrap().text, "A&<");
    }

    #[test]
    fn limits_hold() {
        assert!(matches!(read(&"<a>".repeat(100)), Err(TreeError::TooMany { what: "levels", .. })));
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert!(matches!(read(&wide), Err(TreeError::TooMany { what: "elements", .. })));
        let attributes: String = (0..100).map(|i| format!(" a{i}=''")).collect();
        assert!(matches!(read(&format!("<a{attributes}/>")), Err(TreeError::TooMany { .. })));
        assert!(matches!(read(&" ".repeat(MAX_TEXT + 1)), Err(TreeError::TooLarge)));
    }

    #[test]
    fn only_one_whole_element_is_read() {
        for text in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a/>text", "</a>", "<a b='1' b='2'/>"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("<?xml version='1.0'?>\n<!-- c -->\n<a/>\n").is_ok());
    }
}
