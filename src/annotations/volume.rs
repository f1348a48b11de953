//! Runs of voxels, slice by slice -> the measures of a volume: bounds, centre, volume, longest diameter, pieces.
//!
//! Slices come in order and only the last one is kept, so that memory depends on a slice and not on the volume.
//! Pieces are connected by faces, edges or corners: 8 neighbours within a slice, 26 across slices. Bounds and
//! diameters reach to the outer edges of the voxels.

use crate::annotation::Extent3;
use std::collections::BTreeMap;

/// Voxels of one row that are set: from `start` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) row: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Where the voxels of a slice lie in the patient, in mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plane {
    /// The centre of the first voxel.
    pub(crate) origin: [f64; 3],
    /// From one voxel to the next of its row.
    pub(crate) column: [f64; 3],
    /// From one row to the next.
    pub(crate) row: [f64; 3],
    /// From one slice to the next; zero where nobody tells.
    pub(crate) depth: [f64; 3],
}

impl Plane {
    /// The centre of a voxel, or a place between voxels.
    pub(crate) fn at(&self, x: f64, y: f64) -> [f64; 3] {
        std::array::from_fn(|i| self.origin[i] + x * self.column[i] + y * self.row[i])
    }
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(crate) fn length(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

/// Bounds that grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) low: [f64; 3],
    pub(crate) high: [f64; 3],
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { low: [f64::INFINITY; 3], high: [f64::NEG_INFINITY; 3] }
    }
}

impl Bounds {
    pub(crate) fn add(&mut self, point: [f64; 3]) {
        for (i, value) in point.into_iter().enumerate() {
            self.low[i] = self.low[i].min(value);
            self.high[i] = self.high[i].max(value);
        }
    }
}

/// Sets that are united, each known by one of its members.
#[derive(Debug, Default)]
pub(crate) struct Forest(Vec<u32>);

impl Forest {
    pub(crate) fn of(members: usize) -> Forest {
        Forest((0..members as u32).collect())
    }

    pub(crate) fn root(&mut self, mut member: u32) -> u32 {
        while self.0[member as usize] != member {
            let above = self.0[self.0[member as usize] as usize];
            self.0[member as usize] = above;
            member = above;
        }
        member
    }

    pub(crate) fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other) as usize] = one.min(other);
    }

    /// The number of sets.
    pub(crate) fn count(&mut self) -> u32 {
        (0..self.0.len() as u32).filter(|&m| self.root(m) == m).count() as u32
    }
}

/// The ends of pieces in x, by their size in powers of two: what is a speck is known only when all are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(BTreeMap<i32, [f64; 2]>);

impl Ends {
    /// Takes a piece: its size in any unit, and where it begins and ends.
    pub(crate) fn add(&mut self, size: f64, low: f64, high: f64) {
        let power = if size > 0.0 { size.log2().floor() as i32 } else { i32::MIN };
        let ends = self.0.entry(power).or_insert([high, low]);
        *ends = [ends[0].min(high), ends[1].max(low)];
    }

    /// The lowest upper end and the highest lower end of the pieces that are no specks: those of the largest's power
    /// of two and the two below it, so of an eighth of its size at least.
    pub(crate) fn apart(&self) -> [f64; 2] {
        let largest = self.0.last_key_value().map_or(0, |l| *l.0);
        let kept = self.0.range(largest.saturating_sub(2)..).map(|e| *e.1);
        kept.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]).unwrap_or([f64::NAN; 2])
    }
}

/// A piece: its voxels, and where it begins and ends in x.
#[derive(Clone, Copy, Debug)]
struct Piece {
    voxels: u64,
    low: f64,
    high: f64,
}

impl Piece {
    const NONE: Piece = Piece { voxels: 0, low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn join(&mut self, other: Piece) {
        self.voxels += other.voxels;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }
}

/// A volume that is being read.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    voxels: u64,
    bounds: Bounds,
    sum: [f64; 3],
    volume: f64,
    longest: f64,
    /// Pieces that no later slice can reach.
    done: u32,
    /// Their ends.
    ends: Ends,
    /// The runs of the last slice, each with the number of its piece.
    last: Vec<(Run, u32)>,
    /// The pieces that reach into the last slice.
    open: Vec<Piece>,
}

impl Gathering {
    /// Takes the next slice. `adjacent`: its voxels lie right behind those of the last slice that was taken.
    pub(crate) fn slice(&mut self, plane: &Plane, runs: &[Run], adjacent: bool) {
        if runs.is_empty() {
            return;
        }
        let voxel = dot(cross(plane.column, plane.row), plane.depth).abs();
        let mut own = Vec::with_capacity(runs.len());
        for run in runs {
            let count = f64::from(run.end - run.start);
            let centre = plane.at((f64::from(run.start) + f64::from(run.end) - 1.0) / 2.0, f64::from(run.row));
            let half: [f64; 3] = std::array::from_fn(|i| {
                (count * plane.column[i].abs() + plane.row[i].abs() + plane.depth[i].abs()) / 2.0
            });
            own.push(Piece {
                voxels: u64::from(run.end - run.start),
                low: centre[0] - half[0],
                high: centre[0] + half[0],
            });
            self.bounds.add(minus(centre, half));
            self.bounds.add(std::array::from_fn(|i| centre[i] + half[i]));
            for (sum, value) in self.sum.iter_mut().zip(centre) {
                *sum += count * value;
            }
            self.voxels += u64::from(run.end - run.start);
            self.volume += count * voxel;
        }
        let pieces = pieces(runs);
        self.longest = self.longest.max(longest_piece(plane, runs, &pieces));
        self.join(runs, &own, &pieces, adjacent);
    }

    /// Unites the pieces of a slice with those of the slice before.
    fn join(&mut self, runs: &[Run], own: &[Piece], pieces: &[u32], adjacent: bool) {
        if !adjacent {
            self.close();
            self.last.clear();
        }
        let old = self.open.len() as u32;
        let new = pieces.iter().max().map_or(0, |most| most + 1);
        let mut forest = Forest::of((old + new) as usize);
        for (run, piece) in runs.iter().zip(pieces) {
            let from = self.last.partition_point(|(r, _)| r.row + 1 < run.row);
            for (other, number) in self.last[from..].iter().take_while(|(r, _)| r.row <= run.row + 1) {
                if touch(run, other) {
                    forest.unite(*number, old + piece);
                }
            }
        }
        let mut joined = vec![Piece::NONE; (old + new) as usize];
        for (number, piece) in self.open.drain(..).enumerate() {
            joined[forest.root(number as u32) as usize].join(piece);
        }
        for (run, piece) in own.iter().zip(pieces) {
            joined[forest.root(old + piece) as usize].join(*run);
        }
        // What reaches into this slice stays open, the rest is done.
        let mut numbers = vec![u32::MAX; (old + new) as usize];
        self.last = Vec::with_capacity(runs.len());
        for (run, piece) in runs.iter().zip(pieces) {
            let root = forest.root(old + piece) as usize;
            if numbers[root] == u32::MAX {
                numbers[root] = self.open.len() as u32;
                self.open.push(joined[root]);
                joined[root] = Piece::NONE;
            }
            self.last.push((*run, numbers[root]));
        }
        self.done += forest.count() - self.open.len() as u32;
        for piece in joined.into_iter().filter(|p| p.voxels > 0) {
            self.ends.add(piece.voxels as f64, piece.low, piece.high);
        }
    }

    /// No later slice reaches the pieces.
    fn close(&mut self) {
        self.done += self.open.len() as u32;
        for piece in self.open.drain(..) {
            self.ends.add(piece.voxels as f64, piece.low, piece.high);
        }
    }

    /// The measures; none where no voxel was set.
    pub(crate) fn finish(mut self, middle: Option<f64>, oriented: bool) -> Option<Extent3> {
        self.close();
        (self.voxels > 0).then(|| Extent3 {
            low: self.bounds.low,
            high: self.bounds.high,
            centre: self.sum.map(|s| s / self.voxels as f64),
            volume: self.volume,
            longest: self.longest,
            components: self.done,
            apart: self.ends.apart(),
            middle,
            oriented,
        })
    }
}

/// Whether two runs of neighbouring rows or slices meet, by a corner at least.
const fn touch(one: &Run, other: &Run) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// The connected piece of each run of a slice, numbered in order.
fn pieces(runs: &[Run]) -> Vec<u32> {
    let mut forest = Forest::of(runs.len());
    let mut above = 0;
    for (i, run) in runs.iter().enumerate() {
        while runs[above].row + 1 < run.row {
            above += 1;
        }
        // Runs that end before this one begins meet no later run of the row either.
        while runs[above].row + 1 == run.row && runs[above].end < run.start {
            above += 1;
        }
        for (j, other) in runs[above..i].iter().enumerate().take_while(|(_, o)| o.row < run.row && o.start <= run.end) {
            if touch(run, other) {
                forest.unite(i as u32, (above + j) as u32);
            }
        }
    }
    let mut numbers = vec![u32::MAX; runs.len()];
    let mut next = 0;
    (0..runs.len() as u32)
        .map(|run| {
            let root = forest.root(run) as usize;
            if numbers[root] == u32::MAX {
                numbers[root] = next;
                next += 1;
            }
            numbers[root]
        })
        .collect()
}

/// The longest diameter of a piece, in mm.
fn longest_piece(plane: &Plane, runs: &[Run], pieces: &[u32]) -> f64 {
    // Axes of the plane at right angles, whatever the angle of rows and columns.
    let across = length(plane.column);
    let skew = if across > 0.0 { dot(plane.row, plane.column) / across } else { 0.0 };
    let down = (dot(plane.row, plane.row) - skew * skew).max(0.0).sqrt();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by_key(|&i| pieces[i]);
    let mut longest = 0.0_f64;
    let mut points = Vec::new();
    for piece in order.chunk_by(|&a, &b| pieces[a] == pieces[b]) {
        points.clear();
        for row in piece.chunk_by(|&a, &b| runs[a].row == runs[b].row) {
            let (first, last) = (runs[row[0]], runs[row[row.len() - 1]]);
            for y in [f64::from(first.row), f64::from(first.row) + 1.0] {
                points.extend([first.start, last.end].map(|x| [f64::from(x).mul_add(across, y * skew), y * down]));
            }
        }
        longest = longest.max(diameter(&mut points));
    }
    longest
}

/// The greatest distance between two points: over their convex hull, by calipers that turn around it.
pub(crate) fn diameter(points: &mut Vec<[f64; 2]>) -> f64 {
    let hull = hull(points);
    let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    if hull.len() < 3 {
        return if hull.len() == 2 { distance(hull[0], hull[1]) } else { 0.0 };
    }
    let count = hull.len();
    let mut longest = 0.0_f64;
    let mut far = 1;
    for i in 0..count {
        let (a, b) = (hull[i], hull[(i + 1) % count]);
        // As far from the edge as can be; the bound guards against rounding going in circles.
        for _ in 0..count {
            let next = (far + 1) % count;
            if turn(a, b, hull[next]) <= turn(a, b, hull[far]) {
                break;
            }
            far = next;
        }
        // Of two points equally far either may be the one.
        for p in [hull[far], hull[(far + 1) % count]] {
            longest = longest.max(distance(a, p)).max(distance(b, p));
        }
    }
    longest
}

fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The convex hull, by Andrew's monotone chains.
fn hull(points: &mut Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    if points.len() < 3 {
        return points.clone();
    }
    let chain = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let mut chain: Vec<[f64; 2]> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if turn(a, b, *point) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(*point);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut points.iter());
    hull.extend(chain(&mut points.iter().rev()));
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Plane =
        Plane { origin: [0.0; 3], column: [1.0, 0.0, 0.0], row: [0.0, 1.0, 0.0], depth: [0.0, 0.0, 1.0] };

    /// The runs of a slice in order, from its voxels.
    fn runs(rows: u32, columns: u32, set: impl Fn(usize) -> bool) -> Vec<Run> {
        let mut runs = Vec::new();
        for row in 0..rows {
            let first = row as usize * columns as usize;
            let mut x = 0;
            while x < columns {
                if !set(first + x as usize) {
                    x += 1;
                    continue;
                }
                let start = x;
                while x < columns && set(first + x as usize) {
                    x += 1;
                }
                runs.push(Run { row, start, end: x });
            }
        }
        runs
    }

    fn drawn(rows: &[&str]) -> Vec<Run> {
        let columns = rows[0].len();
        let set: Vec<bool> = rows.iter().flat_map(|r| r.bytes().map(|b| b == b'#')).collect();
        runs(rows.len() as u32, columns as u32, |i| set[i])
    }

    fn gathered(slices: &[&[&str]]) -> Extent3 {
        let mut gathering = Gathering::default();
        for (z, rows) in slices.iter().enumerate() {
            let plane = Plane { origin: [0.0, 0.0, z as f64], ..UNIT };
            gathering.slice(&plane, &drawn(rows), z > 0);
        }
        gathering.finish(None, true).expect("voxels")
    }

    #[test]
    fn a_block() {
        let found = gathered(&[&[".##.", ".##."], &[".##.", ".##."], &[".##.", ".##."]]);
        assert_eq!((found.low, found.high), ([0.5, -0.5, -0.5], [2.5, 1.5, 2.5]));
        assert_eq!((found.centre, found.volume, found.components), ([1.5, 0.5, 1.0], 12.0, 1));
        assert!((found.longest - 8_f64.sqrt()).abs() < 1e-12, "{}", found.longest);
    }

    #[test]
    fn pieces_meet_at_corners_and_across_slices() {
        for (slices, expected) in [
            (&[&["#..", ".#.", "..#"][..]][..], 1),
            (&[&["#.#", "...", "#.#"][..]], 4),
            // A U: two arms that the last row joins.
            (&[&["#.#", "#.#", "###"][..]], 1),
            // Two apart in one slice are one by the next.
            (&[&["#...#"][..], &[".###."][..]], 1),
            (&[&["#...#"][..], &["..#.."][..]], 3),
            // One is left behind, and another begins.
            (&[&["#...#"][..], &["#...."][..], &["#..#."][..]], 3),
            (&[&["##.##", "....."][..], &[".....", "#.#.#"][..]], 1),
        ] {
            assert_eq!(gathered(slices).components, expected, "{slices:?}");
        }
    }

    #[test]
    fn the_ends_of_pieces_leave_specks_out() {
        // Two of 8 voxels, and one of a single voxel far at the side.
        let found = gathered(&[&["####..####..", "####..####.."], &["...........#", "............"]]);
        assert_eq!((found.components, found.apart, found.high[0]), (3, [3.5, 5.5], 11.5));
        // One piece ends after it begins: no place is between its ends.
        assert_eq!(gathered(&[&[".###."]]).apart, [3.5, 0.5]);
    }

    #[test]
    fn slices_that_are_not_neighbours_part() {
        let mut gathering = Gathering::default();
        gathering.slice(&UNIT, &drawn(&["#"]), false);
        gathering.slice(&Plane { origin: [0.0, 0.0, 5.0], ..UNIT }, &drawn(&["#"]), false);
        assert_eq!(gathering.finish(None, true).map(|e| (e.components, e.volume)), Some((2, 2.0)));
        assert_eq!(Gathering::default().finish(None, true), None);
    }

    #[test]
    fn the_longest_diameter_is_of_one_piece() {
        let found = gathered(&[&["##.....##"]]);
        assert!((found.longest - 5_f64.sqrt()).abs() < 1e-12, "{}", found.longest);
        let mut gathering = Gathering::default();
        // Rows of 2 mm that lean: the corners are 3 mm and 2 mm apart along, 2 mm down.
        gathering.slice(&Plane { row: [1.0, 2.0, 0.0], ..UNIT }, &drawn(&["##"]), false);
        let found = gathering.finish(None, true).expect("voxels");
        assert!((found.longest - 13_f64.sqrt()).abs() < 1e-12, "{}", found.longest);
    }

    /// Flood fill and pairs of corners, on random slices: the plain way to the same figures.
    #[test]
    fn the_same_as_by_flood_fill() {
        let mut random = 5_u64;
        for round in 0..60 {
            let (rows, columns, slices) = (7_i32, 9_i32, 4_i32);
            let mut set = Vec::new();
            for _ in 0..rows * columns * slices {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                set.push((random >> 33) % 10 < 1 + round % 6);
            }
            let at = |z: i32, y: i32, x: i32| {
                let inside = (0..slices).contains(&z) && (0..rows).contains(&y) && (0..columns).contains(&x);
                inside.then_some(((z * rows + y) * columns + x) as usize)
            };
            let mut seen = vec![false; set.len()];
            let mut expected = 0;
            let mut pieces: Vec<(u32, f64, f64)> = Vec::new();
            for start in 0..set.len() {
                if !set[start] || seen[start] {
                    continue;
                }
                expected += 1;
                let mut piece = (0, f64::INFINITY, f64::NEG_INFINITY);
                let mut stack = vec![start as i32];
                seen[start] = true;
                while let Some(i) = stack.pop() {
                    let (z, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
                    let x0 = f64::from(x) - 0.5;
                    piece = (piece.0 + 1, f64::min(piece.1, x0), f64::max(piece.2, x0 + 1.0));
                    for step in 0..27 {
                        let next = at(z + step / 9 - 1, y + step / 3 % 3 - 1, x + step % 3 - 1);
                        if let Some(next) = next.filter(|&n| set[n] && !seen[n]) {
                            seen[next] = true;
                            stack.push(next as i32);
                        }
                    }
                }
                pieces.push(piece);
            }
            let mut gathering = Gathering::default();
            let mut last = None;
            for z in 0..slices {
                let first = (z * rows * columns) as usize;
                let found = runs(rows as u32, columns as u32, |i| set[first + i]);
                gathering.slice(&UNIT, &found, last == Some(z - 1));
                if !found.is_empty() {
                    last = Some(z);
                }
            }
            let found = gathering.finish(None, true);
            assert_eq!(found.map_or(0, |e| e.components), expected, "round {round}");
            let power = |p: &(u32, f64, f64)| p.0.ilog2();
            let largest = pieces.iter().map(power).max().unwrap_or(0);
            pieces.retain(|p| power(p) + 2 >= largest);
            let lowest = pieces.iter().map(|p| p.2).fold(f64::INFINITY, f64::min);
            let highest = pieces.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(found.map_or([lowest, highest], |e| e.apart), [lowest, highest], "round {round}");
            assert_eq!(found.map_or(0.0, |e| e.volume), set.iter().filter(|s| **s).count() as f64);
        }
    }

    #[test]
    fn diameters_of_points_are_those_of_all_pairs() {
        let mut random = 3_u64;
        for count in 1..80 {
            let mut points = Vec::new();
            for _ in 0..count {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                points.push([((random >> 33) % 30) as f64, ((random >> 45) % 20) as f64]);
            }
            let expected =
                points.iter().flat_map(|a| points.iter().map(|b| (a[0] - b[0]).hypot(a[1] - b[1]))).fold(0.0, f64::max);
            assert!((diameter(&mut points) - expected).abs() < 1e-9, "{count} points");
        }
    }
}
