//! Content items of a structured report, as elements of `dicom-object`.
//!
//! Keeps the limits of the value representations (a code of 16 characters, a meaning of 64), so that its callers
//! need not know them.

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use std::borrow::Cow;

/// A coded concept.
#[derive(Clone, Debug)]
pub(super) struct Code<'a> {
    value: Cow<'a, str>,
    scheme: &'static str,
    meaning: Cow<'a, str>,
}

impl<'a> Code<'a> {
    /// A code of the DICOM standard itself.
    pub(super) const fn dcm(value: &'static str, meaning: &'static str) -> Code<'static> {
        Code::fixed(value, "DCM", meaning)
    }

    /// A code of SNOMED CT.
    pub(super) const fn sct(value: &'static str, meaning: &'static str) -> Code<'static> {
        Code::fixed(value, "SCT", meaning)
    }

    pub(super) const fn fixed(value: &'static str, scheme: &'static str, meaning: &'static str) -> Code<'static> {
        Code { value: Cow::Borrowed(value), scheme, meaning: Cow::Borrowed(meaning) }
    }

    pub(super) fn new(value: impl Into<Cow<'a, str>>, scheme: &'static str, meaning: impl Into<Cow<'a, str>>) -> Self {
        Code { value: value.into(), scheme, meaning: meaning.into() }
    }

    fn object(&self) -> InMemDicomObject {
        let mut object = InMemDicomObject::new_empty();
        let value = plain(&self.value);
        match value.chars().count() {
            0..=16 => object.put(text(tags::CODE_VALUE, VR::SH, value)),
            _ => object.put(text(tags::LONG_CODE_VALUE, VR::UC, value)),
        };
        object.put(text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.scheme));
        object.put(text(tags::CODE_MEANING, VR::LO, plain(&self.meaning).chars().take(64).collect::<String>()));
        object
    }
}

/// A line without what separates values.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\\' { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// How an item stands to the one that holds it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Relation {
    Contains,
    ObservationContext,
    AcquisitionContext,
    Modifies,
    Properties,
}

impl Relation {
    const fn name(self) -> &'static str {
        match self {
            Relation::Contains => "CONTAINS",
            Relation::ObservationContext => "HAS OBS CONTEXT",
            Relation::AcquisitionContext => "HAS ACQ CONTEXT",
            Relation::Modifies => "HAS CONCEPT MOD",
            Relation::Properties => "HAS PROPERTIES",
        }
    }
}

/// A content item that may still be given children.
#[derive(Debug)]
pub(super) struct Item {
    object: InMemDicomObject,
    children: Vec<InMemDicomObject>,
}

impl Item {
    fn new(relation: Relation, kind: &'static str, name: &Code<'_>) -> Item {
        let mut object = InMemDicomObject::new_empty();
        object.put(text(tags::RELATIONSHIP_TYPE, VR::CS, relation.name()));
        object.put(text(tags::VALUE_TYPE, VR::CS, kind));
        object.put(sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![name.object()]));
        Item { object, children: Vec::new() }
    }

    pub(super) fn text(relation: Relation, name: &Code<'_>, value: &str) -> Item {
        let mut item = Item::new(relation, "TEXT", name);
        item.object.put(text(tags::TEXT_VALUE, VR::UT, printable(value)));
        item
    }

    pub(super) fn code(relation: Relation, name: &Code<'_>, value: &Code<'_>) -> Item {
        let mut item = Item::new(relation, "CODE", name);
        item.object.put(sequence(tags::CONCEPT_CODE_SEQUENCE, vec![value.object()]));
        item
    }

    pub(super) fn uid(relation: Relation, name: &Code<'_>, value: &str) -> Item {
        let mut item = Item::new(relation, "UIDREF", name);
        item.object.put(text(tags::UID, VR::UI, value));
        item
    }

    /// A number of at most two decimals.
    pub(super) fn number(relation: Relation, name: &Code<'_>, value: f64, unit: &Code<'_>) -> Item {
        let mut item = Item::new(relation, "NUM", name);
        let mut measured = InMemDicomObject::new_empty();
        measured.put(text(tags::NUMERIC_VALUE, VR::DS, value.to_string()));
        measured.put(sequence(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![unit.object()]));
        item.object.put(sequence(tags::MEASURED_VALUE_SEQUENCE, vec![measured]));
        item
    }

    pub(super) fn container(relation: Relation, name: &Code<'_>) -> Item {
        let mut item = Item::new(relation, "CONTAINER", name);
        item.object.put(text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE"));
        item
    }

    /// The template that a container follows.
    pub(super) fn template(mut self, number: &'static str) -> Item {
        let mut template = InMemDicomObject::new_empty();
        template.put(text(tags::MAPPING_RESOURCE, VR::CS, "DCMR"));
        template.put(text(tags::TEMPLATE_IDENTIFIER, VR::CS, number));
        self.object.put(sequence(tags::CONTENT_TEMPLATE_SEQUENCE, vec![template]));
        self
    }

    pub(super) fn push(&mut self, child: Item) {
        self.children.push(child.finish());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    fn finish(mut self) -> InMemDicomObject {
        if !self.children.is_empty() {
            self.object.put(sequence(tags::CONTENT_SEQUENCE, self.children));
        }
        self.object
    }

    /// The item as the root of a document, which stands in no relation.
    pub(super) fn into_root(self, document: &mut InMemDicomObject) {
        let mut object = self.finish();
        object.remove_element(tags::RELATIONSHIP_TYPE);
        for element in object {
            document.put(element);
        }
    }
}

/// An element with one value.
pub(super) fn text(tag: Tag, vr: VR, value: impl Into<String>) -> DataElement<InMemDicomObject> {
    let value: String = value.into();
    let value = if value.is_empty() { PrimitiveValue::Empty } else { PrimitiveValue::Str(value) };
    DataElement::new(tag, vr, value)
}

/// A sequence.
pub(super) fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

/// The text with a space for each control character that DICOM did not always allow in text, tabs among them:
/// offsets stay as they are.
fn printable(text: &str) -> String {
    let kept = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\u{c}');
    // Of the controls beyond ASCII a space would be shorter than they are.
    text.chars().map(|c| if kept(c) || !c.is_ascii() { c } else { ' ' }).collect()
}
