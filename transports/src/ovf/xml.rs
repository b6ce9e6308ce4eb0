//! A small XML tree with bounds, for documents from strangers.
//!
//! DTDs and entities other than XML's own five are refused: an OVF needs neither, and they are the ways in
//! which XML readers are made to open files or to fill memory.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;

use crate::error::FetchError;

/// Deepest nesting of elements. OVF needs less than ten, VirtualBox's machine within it some more.
const MAX_DEPTH: usize = 64;

/// Most elements of a document. Appliances with hundreds of properties have some thousands.
const MAX_ELEMENTS: usize = 100_000;

/// Most attributes of one element.
const MAX_ATTRIBUTES: usize = 128;

/// Whose word a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// OVF itself, version 1 or 2.
    Ovf,
    /// CIM's resource, storage or port allocation (`rasd`, `sasd`, `epasd`).
    Resource,
    /// VMware's extensions.
    Vmware,
    /// No namespace.
    None,
    /// Somebody else's.
    Other,
}

/// An attribute.
#[derive(Debug)]
struct Attribute {
    space: Space,
    name: String,
    value: String,
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    /// Whose word its name is.
    pub space: Space,
    /// Its name without a prefix.
    pub name: String,
    attributes: Vec<Attribute>,
    /// Elements in it.
    pub children: Vec<Element>,
    /// Its own text, without blanks around it.
    pub text: String,
}

impl Element {
    /// The value of an attribute that is in `space` or, as some producers write them, in none.
    pub(super) fn attribute(&self, space: Space, name: &str) -> Option<&str> {
        let of = |space| self.attributes.iter().find(|a| a.space == space && a.name == name);
        of(space).or_else(|| of(Space::None)).map(|a| a.value.as_str())
    }

    /// The children called `name` in `space`.
    pub(super) fn children(&self, space: Space, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |c| c.space == space && c.name == name)
    }

    /// The first child called `name` in `space`.
    pub(super) fn child(&self, space: Space, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.space == space && c.name == name)
    }

    /// The first child called `name` in any namespace.
    pub(super) fn child_of_any(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The text of the first child called `name` in `space`, if there is any.
    pub(super) fn child_text(&self, space: Space, name: &str) -> Option<&str> {
        self.child(space, name).map(|c| c.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// The root element of the document `text`.
///
/// # Errors
/// `Corrupt` if it is not well-formed, `Unsafe` for a DTD or an entity, `Unsupported` beyond the bounds.
pub(super) fn parse(text: &str) -> Result<Element, FetchError> {
    let mut reader = NsReader::from_str(text);
    let mut tree = Tree::default();
    loop {
        let event = reader.read_event().map_err(malformed)?;
        match event {
            Event::Start(start) => {
                let element = element(&reader, &start)?;
                tree.open(element)?;
            }
            Event::Empty(start) => {
                let element = element(&reader, &start)?;
                tree.open(element)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let char_ref = reference.resolve_char_ref().map_err(malformed)?;
                tree.text(&char_ref.map_or_else(|| predefined(&reference), |c| Ok(c.to_string()))?)?;
            }
            Event::DocType(_) => return Err(FetchError::dangerous("the OVF has a DTD, which is never read")),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return tree.finish(),
        }
    }
}

/// The elements that are open, outermost first.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, element: Element) -> Result<(), FetchError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || self.open.len() >= MAX_DEPTH {
            return Err(FetchError::unsupported(format!(
                "the OVF has more than {MAX_ELEMENTS} elements or more than {MAX_DEPTH} within each other"
            )));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), FetchError> {
        let mut element = self.open.pop().ok_or_else(|| malformed("an element ends that did not start"))?;
        element.text = element.text.trim().to_owned();
        match (self.open.last_mut(), &self.root) {
            (Some(parent), _) => parent.children.push(element),
            (None, None) => self.root = Some(element),
            (None, Some(_)) => return Err(malformed("there is more than one root element")),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), FetchError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(malformed("there is text outside of the root element")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, FetchError> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(root),
            _ => Err(malformed("it ends too early")),
        }
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Element, FetchError> {
    let (namespace, local) = reader.resolver().resolve_element(start.name());
    let mut attributes = Vec::new();
    // Checking for duplicates takes quadratic time; the first one is taken.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(malformed)?;
        if attributes.len() >= MAX_ATTRIBUTES {
            return Err(FetchError::unsupported(format!(
                "an element of the OVF has more than {MAX_ATTRIBUTES} attributes"
            )));
        }
        let (namespace, local) = reader.resolver().resolve_attribute(QName(attribute.key.0));
        attributes.push(Attribute {
            space: space(&namespace),
            name: local.into_inner().to_owned(),
            value: attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?.into_owned(),
        });
    }
    Ok(Element {
        space: space(&namespace),
        name: local.into_inner().to_owned(),
        attributes,
        children: Vec::new(),
        text: String::new(),
    })
}

/// Sorts a namespace. Producers differ in a trailing slash and in a `.xsd` at the end.
fn space(namespace: &ResolveResult<'_>) -> Space {
    let uri = match namespace {
        ResolveResult::Bound(Namespace(uri)) => uri.trim_end_matches('/').trim_end_matches(".xsd"),
        ResolveResult::Unbound => return Space::None,
        ResolveResult::Unknown(_) => return Space::Other,
    };
    let cim = |class: &str| uri.contains("/cim-schema/") && uri.ends_with(class);
    match uri {
        "http://schemas.dmtf.org/ovf/envelope/1" | "http://schemas.dmtf.org/ovf/envelope/2" => Space::Ovf,
        "http://www.vmware.com/schema/ovf" => Space::Vmware,
        _ if cim("CIM_ResourceAllocationSettingData") => Space::Resource,
        _ if cim("CIM_StorageAllocationSettingData") => Space::Resource,
        _ if cim("CIM_EthernetPortAllocationSettingData") => Space::Resource,
        _ => Space::Other,
    }
}

fn predefined(entity: &str) -> Result<String, FetchError> {
    let text = match entity {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        other => {
            return Err(FetchError::dangerous(format!(
                "the OVF uses the entity {other:?}, which is never read"
            )));
        }
    };
    Ok(text.to_owned())
}

fn malformed(what: impl std::fmt::Display) -> FetchError {
    FetchError::corrupt(format!("the OVF is not well-formed XML: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FetchErrorKind;

    #[test]
    fn names_are_resolved_whatever_the_prefix() {
        let root = parse(
            "<?xml version='1.0'?><e:Envelope xmlns:e='http://schemas.dmtf.org/ovf/envelope/1/' xmlns:v='http://www.vmware.com/schema/ovf'>\
             <!-- c --><e:Name a='1' v:b='&lt;2' xmlns:q='x' q:a='3'> A &amp; &#66;<![CDATA[ <C>]]> </e:Name></e:Envelope>",
        )
        .unwrap();
        assert_eq!((root.space, root.name.as_str()), (Space::Ovf, "Envelope"));
        let name = root.child(Space::Ovf, "Name").unwrap();
        assert_eq!(name.text, "A & B <C>");
        assert_eq!(name.attribute(Space::Ovf, "a"), Some("1"));
        assert_eq!(name.attribute(Space::Vmware, "b"), Some("<2"));
    }

    #[test]
    fn dtds_and_entities_are_refused() {
        for text in ["<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "<a>&x;</a>"] {
            assert_eq!(parse(text).unwrap_err().kind(), FetchErrorKind::Unsafe, "{text}");
        }
        assert!(parse("<a b='&x;'/>").is_err());
    }

    #[test]
    fn what_is_not_well_formed_is_corrupt() {
        for text in ["", "x", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>x", "<a b></a>"] {
            assert_eq!(parse(text).unwrap_err().kind(), FetchErrorKind::Corrupt, "{text}");
        }
    }

    #[test]
    fn bounds_hold() {
        let deep = "<a>".repeat(MAX_DEPTH + 1) + &"</a>".repeat(MAX_DEPTH + 1);
        assert_eq!(parse(&deep).unwrap_err().kind(), FetchErrorKind::Unsupported);
        let wide = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert_eq!(parse(&wide).unwrap_err().kind(), FetchErrorKind::Unsupported);
        let attributes: String = (0..=MAX_ATTRIBUTES).map(|n| format!(" a{n}=''")).collect();
        assert_eq!(parse(&format!("<a{attributes}/>")).unwrap_err().kind(), FetchErrorKind::Unsupported);
        let spaces: String = (0..200).map(|n| format!(" xmlns:a{n}='u'")).collect();
        assert!(parse(&format!("<a{spaces}/>")).is_err());
    }
}
