//! What the files of the page may hold.

use std::{fs, path::Path};

/// The files that are part of the program, by their names.
pub fn all() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/dashboard");
    let entries =
        fs::read_dir(folder).expect("the page").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_none_or(|extension| extension != "rs"))
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect();
    files.sort();
    assert!(files.len() > 15, "the page is somewhere else");
    files
}

/// The name of a language, which looks like an address; nobody asks there.
const SVG: &str = "http://www.w3.org/2000/svg";

#[test]
fn no_file_names_another_host() {
    for (name, text) in all() {
        let text = text.replace(SVG, "");
        for sign in ["://", "\"//", "'//", "(//", "`//", "data:", "@import"] {
            assert!(!text.contains(sign), "{sign} in {name}");
        }
    }
}

#[test]
fn what_the_server_tells_is_never_made_markup() {
    for (name, text) in all() {
        for never in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
            "createContextualFragment",
            "setHTML",
            "eval(",
            "Function(",
            "srcdoc",
            "javascript:",
        ] {
            assert!(!text.contains(never), "{never} in {name}");
        }
    }
}

#[test]
fn nothing_stands_in_line_and_every_file_that_is_named_is_there() {
    let files = all();
    let is_there = |name: &str| files.iter().any(|(known, _)| known == name);
    let (_, page) = files.iter().find(|(name, _)| name == "index.html").expect("a page");
    for never in ["<style", " style=", "<script>", " onclick", " onload", " onerror"] {
        assert!(!page.contains(never), "{never} in the page");
    }
    let named: Vec<&str> =
        page.split("assets/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(named.len() >= 5, "{named:?}");
    let imported = files.iter().flat_map(|(_, text)| {
        text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next())
    });
    for name in named.into_iter().chain(imported) {
        assert!(is_there(name), "no {name}");
    }
}

#[test]
fn every_element_that_a_script_asks_for_is_in_the_page() {
    let files = all();
    let (_, page) = files.iter().find(|(name, _)| name == "index.html").expect("a page");
    let mut asked = 0;
    for (name, text) in &files {
        for id in text.split("byId(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("id=\"{id}\"")), "{name} asks for #{id}");
            asked += 1;
        }
    }
    assert!(asked > 50, "{asked} were looked for");
}

#[test]
fn files_are_short() {
    for (name, text) in all() {
        assert!(text.lines().count() <= 500, "{name}");
    }
}
