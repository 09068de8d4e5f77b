//! `memwall run --html` and `--svg`: every kind of scenario, what is refused, and that nothing is half-written.

mod common;

use std::path::Path;

use common::{run, run_with_input, stderr};

/// A scenario of each kind, and a chart that it must have.
const KINDS: [(&str, &str); 5] = [
    ("scenarios/tutorial/first_run.yaml", "roofline"),
    ("scenarios/explore/llama70b_tp.yaml", "batch-1-tensor-8-communication"),
    ("scenarios/explore/allreduce_dgx_h100.yaml", "bus-bandwidth"),
    ("scenarios/validation/latency_over_footprint.yaml", "latency-over-footprint"),
    ("scenarios/explore/replay_traces.yaml", "eight-gpus-dgx-h100-ranks"),
];

/// The most bytes of a page: it must open at once.
const LARGEST: usize = 6_000_000;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_kind_of_scenario_has_pictures() {
    let folder = tempfile::tempdir().unwrap();
    for (scenario, chart) in KINDS {
        let (page, pictures) = (folder.path().join("page.html"), folder.path().join("pictures"));
        let output = run(&["run", scenario, "--html", text(&page), "--svg", text(&pictures)]);
        assert!(output.status.success(), "{scenario}: {}", stderr(&output));
        let html = read(&page);
        assert!(html.len() < LARGEST, "the page of {scenario} has {} bytes", html.len());
        assert!(html.contains(&format!("<figure id=\"{chart}\"")), "{scenario} has no chart {chart}");
        for load in ["src=", "href=\"http", "@import", "url("] {
            assert!(!html.contains(load), "{load} in the page of {scenario}");
        }
        let svg = read(&pictures.join(format!("{chart}.svg")));
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{scenario}");
        std::fs::remove_dir_all(pictures).unwrap();
    }
}

/// The same bytes for any number of threads, so that pictures can be kept beside a paper.
#[test]
fn pictures_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let page = |threads: &str| {
        let path = folder.path().join(threads);
        let args = ["run", "scenarios/explore/llama70b_tp.yaml", "--html", text(&path)];
        assert!(common::memwall(&args).env("RAYON_NUM_THREADS", threads).output().unwrap().status.success());
        read(&path)
    };
    assert_eq!(page("1"), page("5"));
}

/// A page says what was run: the scenario and what the command line changed, as text.
#[test]
fn a_page_has_the_scenario_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let scenario = "name: '</script><b>'\nmodel: llama-3-8b\nhardware: h100-sxm\nsoftware: generic\n\
                    workload: { phase: decode, batch: 1, context: 16, tokens: 1, dtype: bf16 }\n";
    let args = ["run", "-", "--set", "workload.batch=2", "--html", text(&path)];
    let output = run_with_input(&args, scenario.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    let html = read(&path);
    assert!(html.contains("<h1>&lt;/script&gt;&lt;b&gt;</h1>") && !html.contains("<b>"));
    assert!(html.contains("model: llama-3-8b\nhardware: h100-sxm"));
    assert!(html.contains("--set workload.batch=2"));
}

/// What cannot be written is told before anything runs, with exit code 3, and leaves nothing behind.
#[test]
fn what_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    let nowhere = folder.path().join("missing/page.html");
    for (option, target, message) in [
        ("--html", folder.path(), "it is a folder"),
        ("--html", &nowhere, "its folder does not exist"),
        ("--svg", &file, "it is no folder"),
    ] {
        let output = run(&["run", "scenarios/tutorial/first_run.yaml", option, text(target)]);
        assert_eq!(output.status.code(), Some(3), "{option} {}", target.display());
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    // Only the attempt tells that no folder can be made here.
    let output = run(&["run", "scenarios/tutorial/first_run.yaml", "--svg", text(&file.join("pictures"))]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("error: cannot write ") && output.stdout.is_empty());
    assert_eq!(read(&file), "kept");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A failed run leaves the page of the last one alone.
#[test]
fn a_failed_run_writes_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, "the last one").unwrap();
    let output = run(&["run", "crates/cli/tests/cmd/no_room_for_a_tile.yaml", "--html", text(&page)]);
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(read(&page), "the last one");
}
