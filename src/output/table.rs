//! The shapes of tables, apart from how they are written: a table tells its columns and gives the cells of a
//! report's rows in their order; CSV, Parquet, Arrow and Python each take them as they please ([`Cells`]).

/// What a column holds. A cell may be missing in every kind but [`Kind::Flag`] and the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 text.
    Text,
    /// A label's value: 1 present, 0 absent, -1 uncertain; missing: not mentioned. Arrow: Int8.
    Value,
    /// A vote: 1 present, 0 absent, 2 uncertain, -1 abstains; never missing. Arrow: Int8.
    Vote,
    /// A count or an offset in code points. Arrow: Int32, as Spark has no unsigned type.
    Number,
    /// A probability. Arrow: Float32.
    Real,
    /// A measure, in the unit that the column's name or meaning tells. Arrow: Float64.
    Measure,
    /// Yes or no.
    Flag,
    /// Texts, none or more.
    Texts,
    /// Measures, none or more. Arrow: `List<Float64>`.
    Reals,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct ColumnSpec {
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) kind: Kind,
    /// What it means, for the metadata of the field.
    // Arrow alone has a place for it.
    #[cfg_attr(not(feature = "arrow"), allow(dead_code))]
    pub(crate) about: &'static str,
}

/// Takes the cells of one row after another, each in the order of the columns and by the method of its kind.
pub(crate) trait Cells {
    /// A cell of [`Kind::Text`].
    fn text(&mut self, value: Option<&str>);
    /// A cell of [`Kind::Value`].
    fn value(&mut self, value: Option<i8>);
    /// A cell of [`Kind::Vote`].
    fn vote(&mut self, value: i8);
    /// A cell of [`Kind::Number`].
    fn number(&mut self, value: Option<u32>);
    /// A cell of [`Kind::Real`].
    fn real(&mut self, value: Option<f32>);
    /// A cell of [`Kind::Measure`].
    fn measure(&mut self, value: Option<f64>);
    /// A cell of [`Kind::Flag`].
    fn flag(&mut self, value: bool);
    /// A cell of [`Kind::Texts`].
    fn texts(&mut self, values: &[&str]);
    /// A cell of [`Kind::Reals`].
    fn reals(&mut self, values: &[f64]);
    /// Ends the row.
    fn end(&mut self);
}
