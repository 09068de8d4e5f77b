//! `memwall sweep`: what survives a kill, what is refused, and that shards and threads change nothing.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

mod common;

use common::{memwall, run, stderr, stdout};

const SCENARIO: &str = "model: llama-3-8b
hardware: h100-sxm
workload: { phase: decode, batch: 1, context: 1024, tokens: 1, dtype: bf16 }
fidelity: bound
sweep:
  axes:
    hardware.memory.hbm.bandwidth: { from: 1 TB/s, to: 8 TB/s, steps: 40, scale: log }
    workload.batch: { from: 1, to: 50, steps: 50 }
";

/// A folder with the scenario in it.
struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sweep.yaml"), SCENARIO).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Sweeps the scenario into the file `output`.
    fn sweep(&self, output: &str, more: &[&str]) -> std::process::Output {
        let (scenario, output) = (self.text("sweep.yaml"), self.text(output));
        run(&[&["sweep", &scenario, "-o", &output], more].concat())
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_sweep_killed_fifty_times_ends_with_the_bytes_of_one_that_was_not() {
    let folder = Folder::new();
    assert!(folder.sweep("whole.csv", &["--quiet"]).status.success());
    let (scenario, output) = (folder.text("sweep.yaml"), folder.text("killed.csv"));
    let journal = folder.path("killed.csv.journal");
    let mut kept = 0;
    let mut went_on = 0;
    for kill in 0..50_u64 {
        let mut child = memwall(&["sweep", &scenario, "-o", &output, "--threads", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Any moment will do: before the first row, while a row is written, or after the last.
        std::thread::sleep(Duration::from_millis(kill * 7919 % 130));
        let _ = child.kill();
        child.wait().unwrap();
        let rows = std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
        went_on += u64::from(rows > 0 && rows >= kept);
        kept = rows;
        if kill % 10 == 3 && rows > 1 {
            // As a kill in the middle of a write leaves it.
            let text = read(&journal);
            std::fs::write(&journal, &text[..text.len() - 7]).unwrap();
        }
        if kill % 10 == 9 {
            // Once in a while from the start, so that a fast machine is killed at an early moment too.
            let _ = std::fs::remove_file(&journal);
        }
    }
    assert!(went_on > 0, "no run went on with what another had left: this test would prove nothing");
    let last = folder.sweep("killed.csv", &[]);
    assert!(last.status.success(), "{}", stderr(&last));
    assert!(read(&folder.path("killed.csv")) == read(&folder.path("whole.csv")), "the two differ");
    assert!(!journal.exists(), "the journal stays behind");
}

#[test]
fn threads_and_shards_change_nothing() {
    let folder = Folder::new();
    let more = ["--quiet", "--sample", "latin_hypercube:301", "--seed", "5"];
    let sweep = |output: &str, other: &[&str]| {
        let done = folder.sweep(output, &[&more, other].concat());
        assert!(done.status.success(), "{}", stderr(&done));
    };
    sweep("one.csv", &["--threads", "1"]);
    sweep("four.csv", &["--threads", "4"]);
    let whole = read(&folder.path("one.csv"));
    assert_eq!(whole.lines().count(), 302);
    assert!(whole == read(&folder.path("four.csv")));
    for format in ["csv", "jsonl"] {
        sweep(&format!("whole.{format}"), &[]);
        let parts: Vec<String> = (1..=3).map(|part| format!("part{part}.{format}")).collect();
        for (index, part) in parts.iter().enumerate() {
            sweep(part, &["--shard", &format!("{}/3", index + 1)]);
        }
        let parts: Vec<String> = parts.iter().map(|part| folder.text(part)).collect();
        let merged = folder.text(&format!("merged.{format}"));
        // In any order.
        let done = run(&["sweep", "--merge", &parts[2], &parts[0], &parts[1], "-o", &merged]);
        assert!(done.status.success(), "{}", stderr(&done));
        assert!(read(Path::new(&merged)) == read(&folder.path(&format!("whole.{format}"))));
        let less = run(&[
            "sweep",
            "--merge",
            &parts[2],
            &parts[0],
            "-o",
            &folder.text("less.csv"),
            "--format",
            format,
        ]);
        assert_eq!(less.status.code(), Some(3));
        assert!(stderr(&less).contains("point 1 is in none of the files"), "{}", stderr(&less));
        let twice = run(&[
            "sweep",
            "--merge",
            &parts[0],
            &parts[0],
            "-o",
            &folder.text("less.csv"),
            "--format",
            format,
        ]);
        assert!(stderr(&twice).contains("point 0 is there twice"), "{}", stderr(&twice));
        assert!(!folder.path("less.csv").exists());
    }
}

#[test]
fn a_journal_of_another_sweep_is_refused() {
    let folder = Folder::new();
    let journal = folder.path("out.csv.journal");
    assert!(folder.sweep("out.csv", &["--quiet"]).status.success());
    let mut lines = vec![leave_a_journal(&folder, &["--shard", "1/2"])];
    lines.push("no journal at all\n".to_owned());
    let messages = ["its shard is \"1/2\", and this sweep's is \"1/1\"", "it is no journal of a sweep"];
    for (text, message) in lines.iter().zip(messages) {
        std::fs::write(&journal, text).unwrap();
        let refused = folder.sweep("out.csv", &[]);
        assert_eq!(refused.status.code(), Some(3));
        assert!(stderr(&refused).contains(message), "{}", stderr(&refused));
        assert_eq!(read(&journal), *text, "a refused journal is left as it is");
    }
    let own = leave_a_journal(&folder, &[]);
    std::fs::write(&journal, own).unwrap();
    let changed = folder.sweep("out.csv", &["--set", "workload.context=2048"]);
    let message = "the scenario, its axes or its seed have changed since";
    assert!(stderr(&changed).contains(message), "{}", stderr(&changed));
}

/// The first line and some rows of the journal that a sweep with these options writes.
fn leave_a_journal(folder: &Folder, more: &[&str]) -> String {
    let (scenario, output) = (folder.text("sweep.yaml"), folder.text("left.csv"));
    let journal = folder.path("left.csv.journal");
    let mut child = memwall(
        &[&["sweep", &scenario, "-o", &output, "--threads", "1", "--fidelity", "bound"], more].concat(),
    )
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    // The first line is there before the first row is run.
    while !std::fs::read_to_string(&journal).is_ok_and(|text| text.ends_with('\n')) {
        assert!(child.try_wait().unwrap().is_none(), "it was too quick to leave a journal");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = read(&journal);
    std::fs::remove_file(&journal).unwrap();
    text
}

#[test]
fn a_row_that_is_not_due_is_refused() {
    let folder = Folder::new();
    let text = leave_a_journal(&folder, &[]);
    let first = text.lines().next().unwrap();
    std::fs::write(folder.path("out.csv.journal"), format!("{first}\n5,1,1\n")).unwrap();
    // `--fidelity` stands in the journal's fingerprint as well.
    let refused = folder.sweep("out.csv", &["--fidelity", "bound"]);
    assert!(stderr(&refused).contains("its line 2 is not the row that is due"), "{}", stderr(&refused));
}

#[test]
fn an_interrupt_keeps_what_was_done_and_says_how_to_go_on() {
    let folder = Folder::new();
    let (scenario, output) = (folder.text("sweep.yaml"), folder.text("out.csv"));
    // Far more than runs in a moment.
    let axis = ["--axis", "workload.context=1..5000:5000"];
    let mut child = memwall(&[&["sweep", &scenario, "-o", &output], axis.as_slice()].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let journal = folder.path("out.csv.journal");
    while std::fs::read_to_string(&journal).map_or(0, |text| text.lines().count()) < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(2));
    }
    let signalled = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signalled.unwrap().success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", stderr(&ended));
    assert!(stderr(&ended).contains("the same command goes on from there"), "{}", stderr(&ended));
    assert!(journal.exists() && !folder.path("out.csv").exists());
}

#[test]
fn bad_sweeps_are_refused_before_anything_runs() {
    let folder = Folder::new();
    let cases: [(&[&str], &str); 9] = [
        (&["--axis", "workload.bach=1,2"], "unknown key `bach`"),
        (&["--axis", "workload.batch="], "has no values"),
        (&["--axis", "workload.context=1..1000000000000000:1000000000000000"], "expected 1 to 10000000"),
        (&["--sample", "random:1000000000000000"], "the sweep has 1000000000000000 points"),
        (&["--sample", "random:0"], "a sweep of no points"),
        (&["--axis", "workload.context=0..8:3:log"], "not above zero"),
        (
            &["--axis", "hardware.memory.hbm.latency=1 us..2 TB/s:3"],
            "the two ends of a range measure different things",
        ),
        (&["--axis", "kind=run,replay"], "`kind` cannot differ between the points"),
        (&["--monte-carlo"], "nothing is uncertain"),
    ];
    for (more, message) in cases {
        let refused = folder.sweep("out.csv", more);
        assert_eq!(refused.status.code(), Some(3), "{more:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(message), "{more:?}: {}", stderr(&refused));
        assert!(!folder.path("out.csv").exists() && !folder.path("out.csv.journal").exists(), "{more:?}");
    }
    for (output, code, message) in [
        ("nowhere/out.csv", 3, "its folder does not exist"),
        ("out.parquet", 2, "does not say the format"),
        ("", 3, "it is a folder"),
    ] {
        let refused = folder.sweep(output, &["--format", "csv"][..if code == 2 { 0 } else { 2 }]);
        assert_eq!(refused.status.code(), Some(code), "{output}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(message), "{output}: {}", stderr(&refused));
    }
}

#[test]
fn a_point_that_cannot_run_is_a_row_with_its_reason() {
    let folder = Folder::new();
    let scenario = folder.text("sweep.yaml");
    let more =
        ["--axis", "workload.batch=1,none,1", "--axis", "hardware.memory.hbm.bandwidth=1 TB/s,2 apples"];
    let done = run(&[&["sweep", &scenario, "--format", "csv"], more.as_slice()].concat());
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(stderr(&done).contains("4 of 6 points have no result"), "{}", stderr(&done));
    let reasons: Vec<bool> =
        stdout(&done).lines().skip(1).map(|line| line.contains("expected a whole number")).collect();
    // The batch varies fastest: the sweep's own axes keep their order. The same fault is told at each of its points.
    assert_eq!(reasons, [false, true, false, false, true, false]);
    let apples = stdout(&done).lines().filter(|line| line.contains("`apples` is not a unit")).count();
    assert_eq!(apples, 3, "{}", stdout(&done));
    let none = run(&["sweep", &scenario, "--axis", "workload.batch=none"]);
    assert_eq!(none.status.code(), Some(3));
    assert!(stderr(&none).contains("no point has a result"), "{}", stderr(&none));
}

#[test]
fn a_monte_carlo_is_the_same_again_and_another_with_another_seed() {
    let sweep = |more: &[&str]| {
        let base = ["sweep", "scenarios/explore/uncertain.yaml", "--monte-carlo=60"];
        let done = run(&[&base, more].concat());
        assert!(done.status.success(), "{}", stderr(&done));
        stdout(&done).to_owned()
    };
    let first = sweep(&["--threads", "1"]);
    assert_eq!(first, sweep(&["--threads", "3"]));
    assert_ne!(first, sweep(&["--seed", "1"]));
    assert!(first.contains("60 samples") && first.contains("hbm.efficiency"), "{first}");
}

#[test]
fn check_says_how_many_points_there_are_and_what_is_wrong_with_them() {
    let shipped = run(&["check", "scenarios/explore/sweep_hbm_l2.yaml", "scenarios/explore/uncertain.yaml"]);
    assert!(stdout(&shipped).contains("ok, 1 case, a sweep of 16 points"), "{}", stdout(&shipped));
    assert!(stdout(&shipped).contains("ok, 1 case, a sweep of 500 samples"), "{}", stdout(&shipped));
    let folder = Folder::new();
    let scenario = folder.text("sweep.yaml");
    std::fs::write(&scenario, SCENARIO.replace("workload.batch:", "workload.bach:")).unwrap();
    let misspelt = run(&["check", &scenario]);
    assert_eq!(misspelt.status.code(), Some(3));
    assert!(stderr(&misspelt).contains("unknown key `bach`"), "{}", stderr(&misspelt));
}
