//! A data set, or an item of a sequence, with the character set that holds in it: values by tag, as text.

use super::charset::Charset;
use super::parse::{Element, Value, ascii};
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// A data set or an item of a sequence, with the character set that holds in it.
pub(super) struct Node<'a> {
    pub(super) elements: &'a [Element<'a>],
    pub(super) charset: Charset,
}

/// A coded name or value.
pub(super) struct Code {
    pub(super) value: String,
    pub(super) scheme: String,
    pub(super) meaning: String,
}

impl Code {
    /// Whether it is this code.
    pub(super) fn is(&self, scheme: &str, value: &str) -> bool {
        self.scheme == scheme && self.value == value
    }
}

impl<'a> Node<'a> {
    /// A data set within another, or the root (with [`Charset::default`] outside).
    pub(super) fn new(elements: &'a [Element<'a>], outer: Charset) -> Result<Node<'a>, String> {
        let mut node = Node { elements, charset: outer };
        if let Some(declared) = node.plain(tags::SPECIFIC_CHARACTER_SET) {
            node.charset = Charset::of(&declared)?;
        }
        Ok(node)
    }

    /// The value of an attribute.
    pub(super) fn value(&self, tag: Tag) -> Option<&'a Value<'a>> {
        self.elements.iter().find(|e| e.tag == tag).map(|e| &e.value)
    }

    /// A value of the default repertoire: codes, dates, numbers, UIDs.
    pub(super) fn plain(&self, tag: Tag) -> Option<String> {
        match self.value(tag)? {
            Value::Bytes(bytes) => Some(ascii(bytes)).filter(|v| !v.is_empty()),
            Value::Items(_) | Value::Fragments(_) => None,
        }
    }

    /// A value in the character set of the file, without its padding.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        match self.value(tag)? {
            Value::Bytes(bytes) => {
                let text = self.charset.decode(bytes);
                Some(text.trim_end_matches(['\0', ' ']).to_owned()).filter(|v| !v.trim().is_empty())
            }
            Value::Items(_) | Value::Fragments(_) => None,
        }
    }

    /// The items of a sequence; none where it is not there.
    pub(super) fn items(&self, tag: Tag) -> Result<Vec<Node<'a>>, String> {
        match self.value(tag) {
            Some(Value::Items(items)) => items.iter().map(|item| Node::new(item, self.charset)).collect(),
            _ => Ok(Vec::new()),
        }
    }

    /// The first code of a sequence.
    pub(super) fn code(&self, tag: Tag) -> Option<Code> {
        let item = self.items(tag).ok()?.into_iter().next()?;
        let value =
            [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE].into_iter().find_map(|t| item.text(t));
        Some(Code {
            value: value.unwrap_or_default().trim().to_owned(),
            scheme: item.text(tags::CODING_SCHEME_DESIGNATOR).unwrap_or_default().trim().to_owned(),
            meaning: line(&item.text(tags::CODE_MEANING)?),
        })
    }
}

/// On one line, single spaces.
pub(super) fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
