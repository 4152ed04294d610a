//! What came out, for people and for programs.

use crate::machine::Machine;
use comfy_table::{CellAlignment, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;
use serde_json::{Value, json};

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Machine,
    figures: Vec<Figure>,
}

/// A budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
}

impl Target {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    target: Option<Target>,
    met: Option<bool>,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, figures: Vec::new() }
    }

    /// A figure that has a budget.
    pub(crate) fn budget(&mut self, name: impl Into<String>, value: f64, unit: &'static str, target: Target) {
        let met = Some(target.met(value));
        self.figures.push(Figure { name: name.into(), value, unit, target: Some(target), met });
    }

    /// A figure for information.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit, target: None, met: None });
    }

    pub(crate) fn all_met(&self) -> bool {
        self.figures.iter().all(|figure| figure.met != Some(false))
    }

    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["figure", "value", "unit", "budget", ""]);
        for figure in &self.figures {
            let budget = match figure.target {
                Some(Target::AtLeast(least)) => format!("≥ {}", shown(least)),
                Some(Target::AtMost(most)) => format!("≤ {}", shown(most)),
                None => String::new(),
            };
            let met = match figure.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            table.add_row([&figure.name, &shown(figure.value), figure.unit, &budget, met]);
        }
        for column in [1, 3] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.to_string()
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "machine": self.machine, "figures": self.figures })
    }
}

/// Three digits are enough for anybody.
fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_budget_is_said() {
        let mut report = Report::new(Machine::look());
        report.budget("fast", 2.0, "ms", Target::AtMost(3.0));
        report.add("other", 12345.6, "rows");
        assert!(report.all_met() && report.table().contains("12346"), "{}", report.table());
        report.budget("many", 2.0, "1/s", Target::AtLeast(3.0));
        assert!(!report.all_met() && report.table().contains("MISSED"));
        assert_eq!(report.json()["figures"][2]["target"]["at_least"], 3.0);
    }
}
