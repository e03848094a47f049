//! A strict reader of OpenMetrics 1.0: what it takes, every scraper takes.

use std::collections::{BTreeMap, BTreeSet};

/// One number.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A family of numbers while it is read.
struct Family<'a> {
    name: &'a str,
    kind: &'a str,
    samples: Vec<Sample>,
}

/// All numbers of a page that is well-formed.
#[track_caller]
pub(crate) fn read(page: &str) -> Vec<Sample> {
    let body = page.strip_suffix("# EOF\n").expect("the end is marked, and nothing follows");
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let [keyword, name, text] = comment.splitn(3, ' ').collect::<Vec<_>>().try_into().expect(line);
            match keyword {
                "HELP" => {
                    assert!(families.iter().all(|it| it.name != name), "{name} stands there twice");
                    families.push(Family { name, kind: "unknown", samples: Vec::new() });
                }
                "TYPE" => last(&mut families, name).kind = text,
                "UNIT" => {
                    last(&mut families, name);
                    assert!(name.ends_with(&format!("_{text}")), "{line}");
                }
                other => panic!("{other} is no keyword"),
            }
        } else {
            let sample = sample(line);
            let family = families.last_mut().expect("a family is declared first");
            let suffix = sample.name.strip_prefix(family.name).unwrap_or_else(|| panic!("{line}"));
            let fits = match family.kind {
                // These words are those of other kinds.
                "gauge" => {
                    suffix.is_empty() && !["le", "quantile"].iter().any(|it| sample.labels.contains_key(*it))
                }
                "counter" => suffix == "_total",
                "histogram" => ["_bucket", "_count", "_sum"].contains(&suffix),
                _ => false,
            };
            assert!(fits, "of a {}: {line}", family.kind);
            assert!(sample.value >= 0.0, "{line}");
            family.samples.push(sample);
        }
    }
    families.iter().filter(|family| family.kind == "histogram").for_each(assert_is_a_histogram);
    let samples: Vec<Sample> = families.into_iter().flat_map(|family| family.samples).collect();
    let distinct: BTreeSet<_> = samples.iter().map(|it| (&it.name, &it.labels)).collect();
    assert_eq!(distinct.len(), samples.len(), "each number stands there once");
    samples
}

#[track_caller]
fn last<'f, 'a>(families: &'f mut [Family<'a>], name: &str) -> &'f mut Family<'a> {
    families.last_mut().filter(|it| it.name == name && it.samples.is_empty()).expect(name)
}

/// `name{label="value",…} number`, of labels whose values hold no quotes.
#[track_caller]
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect(line);
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect(line)),
        None => (series, ""),
    };
    let labels = labels.split_terminator("\",").map(|label| {
        let (name, value) = label.split_once("=\"").expect(line);
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    });
    Sample { name: name.to_owned(), labels: labels.collect(), value: value.parse().expect(line) }
}

/// Of each set of labels: ascending bounds, each with all that is below it, the last with all.
#[track_caller]
fn assert_is_a_histogram(family: &Family<'_>) {
    let mut buckets: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for Sample { name, labels, value } in &family.samples {
        let mut labels = labels.clone();
        match name.strip_prefix(family.name) {
            Some("_bucket") => {
                let bound = labels.remove("le").expect("a bucket has a bound").parse().expect("a number");
                buckets.entry(labels).or_default().push((bound, *value));
            }
            Some("_count") => {
                counts.insert(labels, *value);
            }
            _ => {}
        }
    }
    assert_eq!(buckets.len(), counts.len(), "{}", family.name);
    for (labels, buckets) in buckets {
        assert!(
            buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
            "{}{labels:?}: {buckets:?}",
            family.name
        );
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, counts[&labels])), "{}{labels:?}", family.name);
    }
}
