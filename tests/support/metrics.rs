//! Prometheus text, read as a scraper reads it.

/// The sum of a metric over its labels; 0 where it is not there.
pub fn sum(text: &str, name: &str) -> f64 {
    samples(text).filter(|sample| sample.name == name).map(|sample| sample.value).sum()
}

/// The value of a metric with these labels.
pub fn value(text: &str, name: &str, label: (&str, &str)) -> f64 {
    let wanted = format!("{}=\"{}\"", label.0, label.1);
    samples(text)
        .filter(|sample| sample.name == name && sample.labels.contains(&wanted))
        .map(|sample| sample.value)
        .sum()
}

/// One line of the exposition.
#[derive(Debug)]
pub struct Sample<'a> {
    pub name: &'a str,
    pub labels: &'a str,
    pub value: f64,
}

/// All samples; fails on a line that is none.
pub fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        Sample { name, labels, value }
    })
}
