//! An image with what is drawn on it, as SVG over the picture: the shapes stay sharp at any size, and stand in the
//! pixels of the image.
//!
//! Coordinates are anybody's too: what is not finite is left out, and long outlines are thinned to what an eye sees.

use super::{Card, Drawn, Edge, ImageOf, Thumbnail, decimal};
use crate::annotation::{Extent3, Shape, geometry, rle};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use std::fmt::Write;

/// Most shapes that are drawn on one image.
const MOST_SHAPES: usize = 60;
/// Most corners of an outline, and cells of a mask's longer side.
const MOST_CORNERS: usize = 400;
const MOST_CELLS: u64 = 192;
/// Most pixels of a mask.
const MOST_PIXELS: u64 = 1 << 28;

/// The image of a conflict with its shapes and a caption.
pub(super) fn figure(card: &Card, picture: Option<&Result<Thumbnail, String>>) -> Markup {
    let Some(image) = &card.image else {
        return html! { figure.empty { p { "No image." } @if !card.shapes.is_empty() { (listed(card)) } } };
    };
    let thumbnail = picture.and_then(|p| p.as_ref().ok());
    let size = thumbnail.map(|t| t.image).or(image.size).or_else(|| reach(card)).filter(|s| s[0] > 0 && s[1] > 0);
    html! {
        figure {
            @if let Some(size) = size { (svg(card, image, thumbnail, size)) }
            @if let Some(Err(reason)) = picture { p.hidden { "The image is not shown: " (reason) "." } }
            figcaption {
                bdi.file { (image.name) } @if let Some(frame) = image.frame { ", frame " (frame) }
                @if card.shapes.is_empty() { br; "Nothing is drawn on it for this finding." } @else { (listed(card)) }
            }
        }
    }
}

/// What is drawn, in words: for those who do not see it, and for shapes that no picture shows.
fn listed(card: &Card) -> Markup {
    html! {
        ol.drawn.one[card.shapes.len() == 1] {
            @for drawn in card.shapes.iter().take(MOST_SHAPES) {
                li { bdi { (drawn.category) } ": " (word(&drawn.shape)) @if drawn.bounds.is_some() { " (dashed: what bounds it)" } ", annotation " code { bdi { (drawn.id) } } }
            }
        }
        @if card.shapes.len() > MOST_SHAPES { p { "And " (card.shapes.len() - MOST_SHAPES) " more, not drawn here." } }
    }
}

/// A shape in words, with the lengths that it tells itself.
fn word(shape: &Shape) -> String {
    let pixels = |length: f64| decimal(length.max(0.0));
    match shape {
        Shape::Whole => "of the whole image".to_owned(),
        Shape::Box([_, _, width, height]) => format!("box, {} \u{d7} {} pixels", pixels(*width), pixels(*height)),
        Shape::Polygon(outlines) if outlines.len() > 1 => format!("{} outlines", outlines.len()),
        Shape::Polygon(_) => "outline".to_owned(),
        Shape::Mask { .. } => "mask".to_owned(),
        Shape::Points(points) if points.len() == 1 => "point".to_owned(),
        Shape::Points(points) => format!("{} points", points.len()),
        Shape::Line(line) => {
            let length: f64 = line.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum();
            format!("line, {} pixels", pixels(length))
        }
        Shape::Volume(Extent3 { volume, longest, .. }) if *volume > 0.0 => {
            format!("volume of {} cm\u{b3}, longest diameter {} mm", decimal(volume / 1000.0), decimal(*longest))
        }
        Shape::Volume(extent) => format!("outlines in space, longest diameter {} mm", decimal(extent.longest)),
    }
}

/// A field that holds the shapes, where no size of the image is known.
fn reach(card: &Card) -> Option<[u32; 2]> {
    let far = card.shapes.iter().filter_map(|d| match d.shape {
        Shape::Mask { size: [height, width], .. } => Some([f64::from(width), f64::from(height)]),
        ref shape => geometry::bounds(shape).map(|[_, _, x, y]| [x * 1.1, y * 1.1]),
    });
    let far = far.filter(finite).reduce(|far, c| [far[0].max(c[0]), far[1].max(c[1])])?;
    far.iter().all(|&v| v >= 1.0).then(|| far.map(|v| v as u32))
}

fn finite(at: &[f64; 2]) -> bool {
    at.iter().all(|v| v.is_finite() && v.abs() < 1e7)
}

fn svg(card: &Card, image: &ImageOf, thumbnail: Option<&Thumbnail>, [width, height]: [u32; 2]) -> Markup {
    // Lengths of signs, as parts of the picture that is seen.
    let unit = f64::from(width.max(height)) / 100.0;
    let count = card.shapes.len();
    let alike: Vec<String> =
        card.shapes.iter().take(4).map(|d| format!("{} ({})", d.category, word(&d.shape))).collect();
    let more = if count > 4 { format!(" and {} more", count - 4) } else { String::new() };
    let label = match count {
        0 => format!("Image {}; nothing is drawn on it", image.name),
        _ => format!("Image {}; drawn: {}{more}", image.name, alike.join(", ")),
    };
    let sides = image.patient_right.map(|right| match right {
        Edge::Left => ["R", "L"],
        Edge::Right => ["L", "R"],
    });
    html! {
        svg role="img" aria-label=(label) viewBox=(format!("0 0 {width} {height}")) style=(format!("aspect-ratio:{width}/{height}")) {
            rect.field width=(width) height=(height) {}
            @if let Some(thumbnail) = thumbnail {
                image width=(width) height=(height) preserveAspectRatio="none"
                    href=(format!("data:image/png;base64,{}", STANDARD.encode(&thumbnail.png))) {}
            }
            @for (place, drawn) in card.shapes.iter().take(MOST_SHAPES).enumerate() {
                (shape(drawn, unit))
                @if count > 1 { (tag(place + 1, drawn, unit, [width, height])) }
            }
            @if let Some([left, right]) = sides {
                (sign(left, unit * 1.5, unit * 7.0, unit * 6.0, "start"))
                (sign(right, f64::from(width) - unit * 1.5, unit * 7.0, unit * 6.0, "end"))
            }
        }
    }
}

fn sign(text: &str, x: f64, y: f64, size: f64, anchor: &str) -> Markup {
    html! {
        text.sign x=(decimal(x)) y=(decimal(y)) font-size=(decimal(size)) stroke-width=(decimal(size / 6.0)) text-anchor=(anchor) { (text) }
    }
}

/// The number of a shape, beside its upper left corner and within the picture.
fn tag(number: usize, drawn: &Drawn, unit: f64, [width, height]: [u32; 2]) -> Markup {
    let Some([x, y, ..]) = geometry::bounds(&drawn.shape).or(drawn.bounds).filter(|b| finite(&[b[0], b[1]])) else {
        return html! {};
    };
    let size = unit * 4.5;
    // Left of it, where a line or the name of a point does not run through it.
    let x = (x - unit).clamp(size, f64::from(width).max(size));
    let y = (y + size / 2.0).clamp(size, f64::from(height).max(size));
    sign(&number.to_string(), x, y, size, "end")
}

/// Each line is drawn twice, dark and wide below bright and narrow, to be seen on any ground.
fn shape(drawn: &Drawn, unit: f64) -> Markup {
    let shape = &drawn.shape;
    let boxed = drawn.bounds.map(|[x0, y0, x1, y1]| Shape::Box([x0, y0, x1 - x0, y1 - y0]));
    let path = path(boxed.as_ref().unwrap_or(shape), unit);
    let filled = matches!(shape, Shape::Polygon(_) | Shape::Mask { .. });
    let hidden = matches!(shape, Shape::Points(points) if points.iter().all(|p| !p.visible)) || boxed.is_some();
    html! {
        @if !path.outline.is_empty() {
            @if filled { path.fill d=(if path.inside.is_empty() { &path.outline } else { &path.inside }) {} }
            path.under d=(path.outline) {}
            path.over.dashed[hidden] d=(path.outline) {}
        }
        @if let Shape::Points(points) = shape {
            @for point in points.iter().filter(|p| finite(&p.at) && !p.name.is_empty()).take(MOST_CORNERS) {
                (sign(&point.name, point.at[0] + unit * 1.6, point.at[1] + unit, unit * 3.2, "start"))
            }
        }
    }
}

/// A shape as SVG paths.
#[derive(Default)]
struct Path {
    outline: String,
    /// The inside; blank where it is that of the outline.
    inside: String,
}

fn path(shape: &Shape, unit: f64) -> Path {
    let mut path = Path::default();
    match shape {
        Shape::Whole | Shape::Volume(_) => {}
        Shape::Box([x, y, width, height]) => {
            if finite(&[*x, *y]) && finite(&[*width, *height]) {
                let outline = [[*x, *y], [x + width, *y], [x + width, y + height], [*x, y + height]];
                line(&mut path.outline, &outline, true);
            }
        }
        Shape::Polygon(outlines) => outlines.iter().for_each(|o| line(&mut path.outline, o, true)),
        Shape::Line(corners) => line(&mut path.outline, corners, false),
        Shape::Points(points) => {
            for [x, y] in points.iter().map(|p| p.at).filter(finite).take(MOST_CORNERS) {
                let radius = decimal(unit * 1.1);
                let (left, diameter) = (decimal(x - unit * 1.1), decimal(unit * 2.2));
                let y = decimal(y);
                let _ = write!(
                    path.outline,
                    "M{left} {y}a{radius} {radius} 0 1 0 {diameter} 0a{radius} {radius} 0 1 0-{diameter} 0Z"
                );
            }
        }
        Shape::Mask { size, runs } => {
            if let Some(grid) = Grid::of(*size, runs) {
                path = grid.path();
            }
        }
    }
    path
}

/// Corners as a path, thinned to what an eye sees.
fn line(out: &mut String, corners: &[[f64; 2]], closed: bool) {
    let step = corners.len().div_ceil(MOST_CORNERS).max(1);
    let last = corners.len().saturating_sub(1);
    let kept = corners.iter().enumerate().filter(|(i, c)| (i % step == 0 || *i == last) && finite(c));
    let mut letter = 'M';
    for (_, [x, y]) in kept {
        let _ = write!(out, "{letter}{} {}", decimal(*x), decimal(*y));
        letter = 'L';
    }
    if closed && letter == 'L' {
        out.push('Z');
    }
}

/// A mask as cells over what it spans: its outline needs no more corners than an eye sees.
struct Grid {
    left: u64,
    top: u64,
    /// Pixels of a cell's side.
    cell: u64,
    columns: usize,
    rows: usize,
    /// Whether half of a cell is of the mask, row after row.
    on: Vec<bool>,
}

impl Grid {
    /// `None`: nothing is of the mask, or its size is past belief.
    fn of([height, width]: [u32; 2], runs: &[u32]) -> Option<Grid> {
        if u64::from(height) * u64::from(width) > MOST_PIXELS {
            return None;
        }
        let pieces =
            || rle::pieces([height, width], runs).map(|(x, from, to)| (u64::from(x), u64::from(from), u64::from(to)));
        let left = pieces().next()?.0;
        let right = pieces().last()?.0;
        let top = pieces().map(|p| p.1).min()?;
        let bottom = pieces().map(|p| p.2).max()?;
        let cell = (right + 1 - left).max(bottom - top).div_ceil(MOST_CELLS).max(1);
        let columns = (right + 1 - left).div_ceil(cell) as usize;
        let rows = (bottom - top).div_ceil(cell) as usize;
        let mut covered = vec![0_u64; columns * rows];
        for (column, from, to) in pieces() {
            let x = ((column - left) / cell) as usize;
            for y in (from - top) / cell..(to - top).div_ceil(cell) {
                let start = (top + y * cell).max(from);
                let end = (top + (y + 1) * cell).min(to);
                covered[y as usize * columns + x] += end - start;
            }
        }
        // What is thinner than a cell would vanish, were half of one asked for.
        let enough = if covered.iter().any(|&c| 2 * c >= cell * cell) { (cell * cell).div_ceil(2) } else { 1 };
        Some(Grid { left, top, cell, columns, rows, on: covered.iter().map(|&c| c >= enough).collect() })
    }

    fn at(&self, x: usize, y: usize) -> bool {
        x < self.columns && y < self.rows && self.on[y * self.columns + x]
    }

    /// The edges between cells of the mask and others, and the cells themselves in rows.
    fn path(&self) -> Path {
        let mut path = Path::default();
        let place = |low: u64, cells: usize| low + cells as u64 * self.cell;
        for y in 0..=self.rows {
            let edge = |x: usize| self.at(x, y) != (y > 0 && self.at(x, y - 1));
            for (from, to) in stretches_where(self.columns, edge) {
                let (from, to) = (place(self.left, from), place(self.left, to));
                let _ = write!(path.outline, "M{from} {}H{to}", place(self.top, y));
            }
            for (from, to) in stretches_where(self.columns, |x| self.at(x, y)) {
                let (from, to) = (place(self.left, from), place(self.left, to));
                let _ = write!(path.inside, "M{from} {}H{to}v{}H{from}Z", place(self.top, y), self.cell);
            }
        }
        for x in 0..=self.columns {
            let edge = |y: usize| self.at(x, y) != (x > 0 && self.at(x - 1, y));
            for (from, to) in stretches_where(self.rows, edge) {
                let (from, to) = (place(self.top, from), place(self.top, to));
                let _ = write!(path.outline, "M{} {from}V{to}", place(self.left, x));
            }
        }
        path
    }
}

/// Where a condition holds, from and to.
fn stretches_where(count: usize, holds: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for place in (0..count).filter(|&place| holds(place)) {
        match out.last_mut() {
            Some(last) if last.1 == place => last.1 += 1,
            _ => out.push((place, place + 1)),
        }
    }
    out
}
