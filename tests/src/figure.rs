//! What `make bench` prints: one JSON object a line.

use serde_json::{Map, Value, json};

/// One measured figure.
#[derive(Debug, Clone)]
pub struct Figure(Map<String, Value>);

impl Figure {
    /// A figure of ours.
    pub fn new(name: &str, value: f64, unit: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("name".into(), json!(name));
        fields.insert("value".into(), json!((value * 1000.0).round() / 1000.0));
        fields.insert("unit".into(), json!(unit));
        fields.insert("subject".into(), json!("oriel"));
        Self(fields)
    }

    /// Adds a field: `scene`, `stage`, `percentile`.
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Self {
        self.0.insert(field.into(), json!(value));
        self
    }

    /// Prints it.
    pub fn print(self) {
        println!("{}", Value::Object(self.0));
    }
}

/// The given percentile (0 to 1) by nearest rank; 0 of nothing.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), 50.0);
        assert_eq!(percentile(&mut values, 0.99), 99.0);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }
}
