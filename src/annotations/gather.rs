//! An annotation set as it grows while a file is read: images and categories by name, and what is told.

use super::fit::{Fit, fit};
use crate::annotation::{AnnotatedImage, Annotation, AnnotationSet, Coverage, ImageKey, LEFT_OUT};
use crate::input::Told;
use std::collections::HashMap;

/// So many messages of one kind are told; the rest are counted.
const TOLD: usize = 20;

/// An annotation set that is being read.
pub(crate) struct Gather<'t> {
    /// What was read so far.
    pub(crate) set: AnnotationSet,
    images: HashMap<String, u32>,
    categories: HashMap<String, u32>,
    kinds: Vec<(&'static str, usize)>,
    tell: &'t mut dyn FnMut(Told),
}

impl<'t> Gather<'t> {
    /// An empty set.
    pub(crate) fn new(source: &str, coverage: Coverage, tell: &'t mut dyn FnMut(Told)) -> Self {
        let (images, categories, annotations) = (Vec::new(), Vec::new(), Vec::new());
        let set = AnnotationSet { source: source.to_owned(), images, categories, annotations, coverage };
        Gather { set, images: HashMap::new(), categories: HashMap::new(), kinds: Vec::new(), tell }
    }

    /// The image of a name; new ones are added.
    pub(crate) fn image(&mut self, name: &str) -> u32 {
        if let Some(&index) = self.images.get(name) {
            return index;
        }
        let index = self.set.images.len() as u32;
        let key = ImageKey { name: name.to_owned(), ..ImageKey::default() };
        self.set.images.push(AnnotatedImage { key, ..AnnotatedImage::default() });
        self.images.insert(name.to_owned(), index);
        index
    }

    /// The image of an annotation file of its own: by the name that the file tells, else by that of the file itself. A name
    /// that an earlier file has too is told apart by the folder.
    pub(crate) fn image_of_file(&mut self, told: &str, file: &str) -> u32 {
        let name = match told.trim() {
            "" => file.rsplit_once('.').map_or(file, |f| f.0).to_owned(),
            name if !self.images.contains_key(name) => return self.image(name),
            name => {
                let place = format!("{}/{file}", self.set.source);
                self.warning("image", place, "names the image of an earlier file; told apart by its folder".to_owned());
                file.rsplit_once('/').map_or_else(|| format!("{file}/{name}"), |f| format!("{}/{name}", f.0))
            }
        };
        self.image(&name)
    }

    /// Width and height of an image, in its row too.
    pub(crate) fn size(&mut self, image: u32, size: [u32; 2]) {
        let image = &mut self.set.images[image as usize];
        image.size = Some(size);
        (image.row.columns, image.row.rows) = (Some(size[0]), Some(size[1]));
    }

    /// The category of a name; new ones are added.
    pub(crate) fn category(&mut self, name: &str) -> u32 {
        if let Some(&index) = self.categories.get(name) {
            return index;
        }
        let index = self.set.categories.len() as u32;
        self.set.categories.push(name.to_owned());
        self.categories.insert(name.to_owned(), index);
        index
    }

    /// Adds an annotation whose shape fits its image; another is clipped or left out, and told at its place. True where
    /// it was added.
    pub(crate) fn add(&mut self, mut annotation: Annotation, place: impl Fn() -> String) -> bool {
        let size = self.set.images[annotation.image as usize].size;
        match fit(&mut annotation.shape, size) {
            Fit::Whole => {}
            Fit::Clipped => self.warning("clipped", place(), "reaches beyond its image; clipped".to_owned()),
            Fit::Wrong(why) => {
                self.left_out(annotation.image, "shape", place(), format!("{why}; left out"));
                return false;
            }
        }
        if annotation.score.is_some_and(|s| !(0.0..=1.0).contains(&s)) {
            self.warning(
                "score",
                place(),
                "the score is not between 0 and 1; left out, the annotation is kept".to_owned(),
            );
            annotation.score = None;
        }
        self.set.annotations.push(annotation);
        true
    }

    /// Something was left out.
    pub(crate) fn problem(&mut self, kind: &'static str, place: String, message: String) {
        self.note(kind, Told::problem(place, message));
    }

    /// An annotation of an image was left out: that nothing is drawn there says no longer that nothing is there.
    pub(crate) fn left_out(&mut self, image: u32, kind: &'static str, place: String, message: String) {
        let problems = &mut self.set.images[image as usize].row.problems;
        if !problems.iter().any(|p| p == LEFT_OUT) {
            problems.push(LEFT_OUT.to_owned());
        }
        self.problem(kind, place, message);
    }

    /// Something is odd, and nothing was lost.
    pub(crate) fn warning(&mut self, kind: &'static str, place: String, message: String) {
        self.note(kind, Told::warning(place, message));
    }

    fn note(&mut self, kind: &'static str, told: Told) {
        let at = self.kinds.iter().position(|k| k.0 == kind).unwrap_or_else(|| {
            self.kinds.push((kind, 0));
            self.kinds.len() - 1
        });
        self.kinds[at].1 += 1;
        if self.kinds[at].1 <= TOLD {
            (self.tell)(told);
        }
    }

    /// The set; tells how many more messages there were.
    pub(crate) fn finish(self) -> AnnotationSet {
        for (kind, count) in self.kinds.iter().filter(|k| k.1 > TOLD) {
            let message = format!("{} more messages of this kind ({kind})", count - TOLD);
            (self.tell)(Told::warning(&self.set.source, message));
        }
        self.set
    }
}
