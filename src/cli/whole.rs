//! The flags that ask for what a report says as a whole: facts, grades and alerts.

use crate::{DateOrder, Error};

/// Facts, grades and alerts beside the labels.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct WholeOptions {
    /// Add the facts of the examination (modality, part, technique, earlier studies) and grades (BI-RADS, TNM, ...)
    #[arg(long, help_heading = "The report as a whole")]
    pub(crate) facts: bool,
    /// Add alerts: advice, critical results, contradictions of side, sex and age, a missing impression
    #[arg(long, help_heading = "The report as a whole")]
    pub(crate) alerts: bool,
    #[command(flatten)]
    pub(crate) dates: DateOptions,
}

/// How dates are read.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub(crate) struct DateOptions {
    /// How 3/12/2024 is read: mdy 12 March, dmy 3 December, unknown as it stands
    #[arg(long, value_enum, default_value = "mdy", value_name = "ORDER", help_heading = "The report as a whole")]
    date_order: Order,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Order {
    /// Month first
    #[default]
    Mdy,
    /// Day first
    Dmy,
    /// Not known
    Unknown,
}

impl DateOptions {
    /// As the engine wants it.
    pub(crate) const fn order(self) -> DateOrder {
        match self.date_order {
            Order::Mdy => DateOrder::MonthFirst,
            Order::Dmy => DateOrder::DayFirst,
            Order::Unknown => DateOrder::Unknown,
        }
    }
}

impl WholeOptions {
    /// As a manifest keeps it.
    pub(crate) fn told(&self) -> String {
        let Self { facts, alerts, dates } = self;
        format!("facts {facts}, alerts {alerts}, dates {:?}", dates.order())
    }

    /// Only JSON lines have room for facts and alerts.
    pub(crate) fn need_jsonl(&self, jsonl: bool) -> Result<(), Error> {
        if jsonl || !self.facts && !self.alerts {
            return Ok(());
        }
        let flag = if self.facts { "--facts" } else { "--alerts" };
        Err(Error::Usage(format!("{flag} needs --format jsonl (or see radlabel alerts)")))
    }
}
