//! Microbenchmarks: what is read, and what a person reads when something is wrong.

use memwall_scenario::{Loaded, Loader, MAX_POINTS, NoFiles, Over, Scenario};
use memwall_simulator::{Microbenchmark, StreamAxis};

const GOOD: &str = "kind: microbenchmark
hardware: a100-sxm-80gb
microbenchmark: { measure: bandwidth, kernel: triad, points: [1728, 221184] }
";

/// One file of measured points.
struct Table(&'static str);

impl Loader for Table {
    fn load(&self, _: &str, path: &str) -> Result<Loaded, String> {
        if path == "a.csv" {
            Ok(Loaded { name: path.to_owned(), text: self.0.to_owned() })
        } else {
            Err("no such file".to_owned())
        }
    }
}

fn read(text: &str, loader: &dyn Loader) -> Scenario {
    Scenario::read("test.yaml", text, &[], loader).unwrap_or_else(|problems| panic!("{problems}"))
}

fn message(text: &str, loader: &dyn Loader) -> String {
    match Scenario::read("test.yaml", text, &[], loader) {
        Ok(_) => panic!("read:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

fn with(block: &str) -> String {
    format!("kind: microbenchmark\nhardware: a100-sxm-80gb\nmicrobenchmark: {block}\n")
}

#[test]
fn a_stream_over_threads_reads() {
    let scenario = read(GOOD, &NoFiles);
    assert!(scenario.cases.is_empty());
    assert_eq!(scenario.case_names(), ["test"]);
    let case = &scenario.microbenchmarks[0];
    assert_eq!((case.over, case.title.as_str()), (Over::Threads, "bandwidth of triad"));
    let Microbenchmark::Stream(stream) = case.benchmark else { panic!("{:?}", case.benchmark) };
    assert_eq!((stream.reads, stream.writes, stream.element, stream.over), (2, 1, 8, StreamAxis::Threads));
    assert_eq!(case.points.iter().map(|point| point.at).collect::<Vec<_>>(), [1728.0, 221_184.0]);
}

#[test]
fn measured_points_come_from_a_file_and_are_measured_at_too() {
    let text = with("{ measure: latency, points: [1 KiB, 2 KiB] }")
        + "reference: { file: a.csv, x: kib, x_unit: KiB, y: ns, y_unit: ns, where: { gpu: a } }\n";
    let table = Table("# who measured\ngpu,kib,ns\na,2,23.4\nb,2,7\na,\"4\",25\n");
    let scenario = read(&text, &table);
    let points: Vec<_> =
        scenario.microbenchmarks[0].points.iter().map(|point| (point.at, point.measured)).collect();
    assert_eq!(points.len(), 3, "{points:?}");
    assert_eq!(points[0], (1024.0, None));
    let (at, measured) = points[1];
    assert_eq!(at, 2048.0);
    assert!((measured.unwrap() - 23.4e-9).abs() < 1e-20);
    assert_eq!(points[2].0, 4096.0);
}

#[test]
fn points_have_the_units_of_what_they_count() {
    for (block, expected) in [
        ("{ measure: latency, points: [1 KiB, 1 MB] }", vec![1024.0, 1e6]),
        ("{ measure: bandwidth, kernel: read, over: occupancy, points: [25 %, 1] }", vec![0.25, 1.0]),
        ("{ measure: bandwidth, kernel: read, over: in_flight, points: [1 MB] }", vec![1e6]),
        ("{ measure: latency, points: { from: 1 B, to: 100 B, count: 3 } }", vec![1.0, 10.0, 100.0]),
    ] {
        let scenario = read(&with(block), &NoFiles);
        let points: Vec<f64> = scenario.microbenchmarks[0].points.iter().map(|point| point.at).collect();
        assert_eq!(points, expected, "{block}");
    }
}

#[test]
fn cases_differ_in_anything_but_their_kind() {
    let text = GOOD.to_owned() + "cases: { microbenchmark.kernel: [init, triad], hardware: [v100, a100] }\n";
    let scenario = read(&text, &NoFiles);
    let names = ["kernel=init hardware=v100", "kernel=init hardware=a100", "kernel=triad hardware=v100"];
    assert_eq!(scenario.case_names()[..3], names);
    assert_eq!(scenario.microbenchmarks.len(), 4);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    insta::assert_snapshot!(message(
        "kind: microbenchmark
model: llama-3-8b
hardware: a100-sxm-80gb
microbenchmark:
  measure: bandwidth
  kernel: triadd
  over: threds
  points: [0, 1728, many]
  loads: 4
reference: { points: [[1728, 72], [x, 1 GB/s]], y_unit: ns }
expect: [{ metric: mean_error, max: much }]
",
        &NoFiles
    ));
    insta::assert_snapshot!(message(
        &with("{ measure: bandwidth, kernel: init, over: footprint, loads: 2, points: [1 KiB, 0 B, 7] }"),
        &NoFiles
    ));
}

#[test]
fn files_that_are_no_tables() {
    let text = with("{ measure: latency }")
        + "reference: { file: a.csv, x: kb, x_unit: KB, y: ns, y_unit: GB/s, where: { gpu: a } }\n";
    insta::assert_snapshot!(message(&text, &Table("gpu,kib,ns\na,1,2\n")));
    insta::assert_snapshot!(message(&text, &Table("gpu,kib,ns\na,1\n")));
    let text = text.replace("x: kb", "x: kib").replace("KB", "KiB").replace("GB/s", "ns");
    insta::assert_snapshot!(message(&text, &Table("gpu,kib,ns\na,1,2\na,-3,x\n")));
    insta::assert_snapshot!(message(&text, &Table("gpu,kib,ns\nb,1,2\n")));
    insta::assert_snapshot!(message(&text.replace("a.csv", "b.csv"), &Table("")));
}

#[test]
fn what_a_machine_lacks_and_what_is_missing() {
    let over_threads = GOOD.replace("a100-sxm-80gb", "tpu-v4");
    let found = message(&over_threads, &NoFiles);
    assert!(found.contains("`tpu-v4` says nothing of its threads"), "{found}");
    for (text, expected) in [
        ("kind: microbenchmark\nhardware: a100\n", "`microbenchmark` is missing"),
        ("kind: microbenchmark\nmicrobenchmark: { measure: latency }\n", "`hardware` is missing"),
        ("kind: microbenchmrk\n", "did you mean `microbenchmark`?"),
        ("model: llama-3-8b\nhardware: a100\nworkload: { prompt: 1 }\nmicrobenchmark: {}\n", "kind `run`"),
    ] {
        let found = message(text, &NoFiles);
        assert!(found.contains(expected), "{text}{found}");
    }
    for (block, expected) in [
        ("{ kernel: triad }", "`measure` is missing"),
        ("{ measure: latency }", "nowhere to measure"),
        ("{ measure: latency, points: [] }", "0 points"),
        ("{ measure: latency, points: { from: 2 KiB, to: 1 KiB, count: 4 } }", "`to` is not above `from`"),
        ("{ measure: latency, points: { from: 1 KiB, to: 2 KiB, count: 2001 } }", "a range has 2 to 2000"),
        ("{ measure: bandwidth, points: [1] }", "`kernel` is missing"),
        ("{ measure: bandwidth, kernel: { reads: 0 }, points: [1] }", "1 to 64 arrays"),
        ("{ measure: bandwidth, kernel: init, over: in_flight, points: [1 B] }", "no reads in flight"),
        ("{ measure: bandwidth, kernel: read, over: occupancy, points: [120 %] }", "is no occupancy"),
        ("{ measure: cache_bandwidth, loads: 0, points: [1 B] }", "0 loads at once"),
        ("{ measure: cache_bandwidth, piece: 0 B, points: [1 B] }", "a piece of no bytes"),
        ("{ measure: cache_bandwidth, element: 2 MiB, points: [1 B] }", "1 B to 1 MiB"),
    ] {
        let found = message(&with(block), &NoFiles);
        assert!(found.contains(expected), "{block}:\n{found}");
    }
}

#[test]
fn the_points_of_a_scenario_are_bounded() {
    assert_eq!(MAX_POINTS, 2000);
    let cases: Vec<String> = (1..=60).map(|loads| loads.to_string()).collect();
    let text = with("{ measure: cache_bandwidth, points: { from: 1 KiB, to: 1 GiB, count: 2000 } }")
        + &format!("cases: {{ microbenchmark.loads: [{}] }}\n", cases.join(", "));
    let found = message(&text, &NoFiles);
    assert!(found.contains("points in all cases: at most 100000"), "{found}");
}
