//! Where the results go: the terminal, files, and the page of the documentation.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::{lines, plan::Width, plot, report::Results};

/// Around what is written by `--publish`; what stands before and behind was written by hand.
const BEGIN: &str = "<!-- results: written by dev/bench --publish -->";
const END: &str = "<!-- end of the results -->";

/// The pictures, each with what it shows for those who cannot see it.
const PICTURES: [(&str, &str); 4] = [
    (
        "narrow.svg",
        "Bars: operations a second of binleaf and of the bare driver, rows of 300 bytes",
    ),
    ("wide.svg", "Bars: operations a second of binleaf and of the bare driver, rows of 10 KB"),
    ("latency.svg", "Histogram: milliseconds from commit to visible, beside a bare write"),
    ("soak.svg", "Lines: memory, open files, tasks and lag over half an hour of mixed load"),
];

/// Prints the tables and writes the files; into the documentation where that is asked for.
pub fn write(results: &Results, publish: bool) {
    for sheet in results.sheets() {
        println!("\n{}", sheet.text());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(if publish { "docs/benchmarks" } else { "target/benchmarks" });
    fs::create_dir_all(&folder).expect("a folder for the results");
    let json = format!("{:#}\n", results.json());
    fs::write(folder.join("results.json"), json).expect("the results can be written");
    for (name, svg) in pictures(results) {
        fs::write(folder.join(name), svg).expect("a picture can be written");
    }
    if publish {
        fill(&folder.join("README.md"), &page(results));
    }
    println!("\nJSON and pictures are in {}", shown(&folder));
}

fn shown(folder: &Path) -> String {
    let from = std::env::current_dir().unwrap_or_default();
    let short = folder.strip_prefix(from).map_or_else(|_| folder.to_owned(), PathBuf::from);
    short.display().to_string()
}

fn pictures(results: &Results) -> Vec<(&'static str, String)> {
    let [narrow, wide, latency, soak] = PICTURES.map(|(name, _)| name);
    let pictures = [
        (narrow, plot::jobs(&results.jobs, Width::Narrow)),
        (wide, plot::jobs(&results.jobs, Width::Wide)),
        (latency, results.latency.as_ref().map(plot::latency)),
        (soak, results.soak.as_ref().map(lines::soak)),
    ];
    pictures.into_iter().filter_map(|(name, svg)| Some((name, svg?))).collect()
}

fn page(results: &Results) -> String {
    let mut text = String::new();
    if results.short {
        text.push_str(
            "These are of the short form, which is only good for seeing that it runs.\n\n",
        );
    }
    for (name, shows) in PICTURES {
        writeln!(text, "![{shows}]({name})").expect("text");
    }
    for sheet in results.sheets() {
        write!(text, "\n{}", sheet.text()).expect("text");
    }
    text
}

/// Puts the results between the marks of a page.
fn fill(page: &Path, results: &str) {
    let text = fs::read_to_string(page).expect("the page");
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = parts.expect("the page has the marks between which the results stand");
    let text = format!("{before}{BEGIN}\n\n{results}\n{END}{after}");
    fs::write(page, text).expect("the page can be written");
}
