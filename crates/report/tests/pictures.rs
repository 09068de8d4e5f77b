//! Charts, pictures and pages of results: what they show, that they stand alone, and that no name breaks them.

mod common;

use common::{case, decode_record, empty_record, prefill_record};
use memwall_model_graph::{PipelineSchedule, ScheduleKind};
use memwall_report::chart::{
    Axis, Chart, Figure, Goal, Line, Lines, Machine, Mark, MemoryAreas, ParallelCoordinates, Pipeline,
    Points, Roof, Scatter, Section, Unit, design_figures, run_sections,
};
use memwall_report::html::Page;
use memwall_report::svg::svg_file;
use memwall_report::{CaseReport, Document};
use memwall_simulator::memory_timeline::{MemoryItem, MemoryTimeline, PartMemory, StageMemory};
use memwall_simulator::pipeline::{Detail, PartWork, PipelineOrder, PipelineRecord, PipelineWork, run};
use memwall_simulator::{Interval, Timeline, Track};
use memwall_units::Picos;

/// A name that would end a script, a title and an attribute, if it were not escaped.
const HOSTILE: &str = "</script></title>\"><img src=x onerror=alert(1)>'&\u{7}";

fn machine() -> Machine {
    let roof = |name: &str, value: f64| Roof { name: name.to_owned(), value };
    Machine {
        engines: vec![roof("matrix", 900e12), roof("vector", 60e12)],
        tiers: vec![roof("l2", 8e12), roof("hbm", 3.3e12)],
    }
}

fn timeline() -> Timeline {
    let mut intervals = Vec::new();
    let mut start = Picos(8_000_000);
    for layer in 0..3 {
        for (name, detail, took) in [("attn.qkv", "bandwidth(hbm)", 20), ("attn", "latency(hbm)", 30)] {
            let duration = Picos(took * 1_000_000);
            let name = format!("layers.{layer}.{name}").into();
            intervals.push(Interval {
                track: Track::Kernels(0),
                name,
                start,
                duration,
                detail: detail.to_owned(),
            });
            start = start.saturating_add(duration);
        }
    }
    let issue = Interval {
        track: Track::Host(0),
        name: "issue".into(),
        start: Picos(0),
        duration: Picos(8_000_000),
        detail: String::new(),
    };
    intervals.insert(0, issue);
    Timeline { intervals, dropped: 0 }
}

fn sections(cases: Vec<CaseReport>) -> Vec<Section> {
    let machines = vec![machine(); cases.len()];
    let document = Document::new("test", None, 1, cases, Vec::new());
    run_sections(&document, &machines, &[(&timeline(), Vec::new())])
}

fn designs() -> Points {
    let rows: Vec<Vec<f64>> = (0..40)
        .map(f64::from)
        .map(|i| vec![1e12 + i * 2e11, 1.0 / (1.0 + i), (i * 7.0) % 11.0 + 1.0])
        .collect();
    let columns = vec![
        Axis::log("HBM bandwidth", Unit::BytesPerSec),
        Axis::linear("time", Unit::Seconds),
        Axis::linear("cost", Unit::Plain),
    ];
    Points { columns, rows, names: Vec::new() }
}

/// Three stages of 1F1B over four micro-batches, and what the first keeps in memory.
fn pipeline() -> (Pipeline, MemoryAreas) {
    let (record, part) = ran(ScheduleKind::OneForwardOneBackward, 3, 4);
    let gb = |bytes: u64| bytes * 1_000_000_000;
    let memory = StageMemory {
        constant: vec![
            (MemoryItem::Context, gb(1)),
            (MemoryItem::Weights, gb(8)),
            (MemoryItem::OptimizerState, gb(32)),
            (MemoryItem::Gradients, gb(16)),
        ],
        parts: vec![PartMemory { activations: part.activations, recomputed: gb(2), ..PartMemory::default() }],
        fragmentation: 0.05,
    };
    let timeline = MemoryTimeline::of_stage(&record, 0, &memory, gb(80));
    (Pipeline::new(&record), MemoryAreas::new(&timeline))
}

fn ran(kind: ScheduleKind, stages: u32, micro_batches: u32) -> (PipelineRecord, PartWork) {
    let part = PartWork {
        forward: Picos(10_000_000_000),
        backward: Picos(20_000_000_000),
        backward_input: Picos(10_000_000_000),
        backward_weight: Picos(10_000_000_000),
        together: Some(Picos(25_000_000_000)),
        send_forward: Picos(1_000_000_000),
        send_backward: Picos(1_000_000_000),
        activations: 4_000_000_000,
        kept_for_weights: 2_000_000_000,
    };
    let schedule = PipelineSchedule { kind, chunks: 1 };
    let order = PipelineOrder::of(schedule, stages, micro_batches).unwrap();
    let parts = vec![part; (stages * order.parts()) as usize];
    let record = run(&order, &PipelineWork { parts, sender_waits: false }, Detail::Intervals).unwrap();
    (record, part)
}

/// A figure of each kind of chart.
fn all_kinds() -> Vec<Figure> {
    let mut figures: Vec<Figure> = sections(vec![case("decode", &decode_record())])
        .into_iter()
        .flat_map(|section| section.figures)
        .collect();
    let points = designs();
    let line = |name: &str, mark| Line {
        name: name.to_owned(),
        mark,
        colour: 0,
        points: vec![(512.0, 1e-6), (65536.0, 2e-6), (1_048_576.0, 9e-6)],
    };
    let lines = Lines {
        x: Axis::log("size", Unit::BinaryBytes),
        y: Axis::log("time", Unit::Seconds),
        lines: vec![line("ours", Mark::Line), line("ours, measured", Mark::Dots)],
    };
    let mut add = |id: &str, chart| {
        let (title, summary) = (format!("A {id}"), "What it shows.".to_owned());
        figures.push(Figure { id: id.to_owned(), title, summary, chart });
    };
    add("lines", Chart::Lines(lines));
    let (pipeline, memory) = pipeline();
    add("pipeline", pipeline.figure("pipeline", "1f1b").chart);
    add("memory", memory.figure("memory", "stage 0").chart);
    figures.extend(design_figures(&points, 2, 1, &[(1, Goal::Least), (2, Goal::Least)]));
    figures
}

fn page(figures: Vec<Figure>) -> String {
    let section = Section {
        id: "all".to_owned(),
        title: "All".to_owned(),
        lead: "A lead.".to_owned(),
        facts: vec![("time".to_owned(), "10 ms".to_owned())],
        figures,
        tables: Vec::new(),
        notes: Vec::new(),
    };
    Page::new("test", Some("A page."))
        .sections(vec![section])
        .text("Scenario", "model: tiny")
        .render()
        .unwrap()
}

/// The snapshots are the pictures: open them in a browser when they change.
#[test]
fn small_pictures_are_these() {
    for figure in all_kinds()
        .iter()
        .filter(|figure| ["roofline", "operators", "lines", "pipeline", "memory"].contains(&&figure.id[..]))
    {
        insta::assert_snapshot!(format!("picture_{}", figure.id), svg_file(figure).unwrap());
    }
}

/// Files stand alone, are well formed as far as groups go, and are the same each time.
#[test]
fn pictures_stand_alone() {
    let figures = all_kinds();
    let kinds = figures.iter().map(|figure| std::mem::discriminant(&figure.chart));
    assert_eq!(
        kinds.collect::<std::collections::HashSet<_>>().len(),
        8,
        "a kind of chart has no example here"
    );
    for figure in &figures {
        let svg = svg_file(figure).unwrap();
        assert_eq!(svg, svg_file(figure).unwrap());
        assert_eq!(svg.matches("http").count(), 1, "only the name space of {}", figure.id);
        assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count(), "{}", figure.id);
        assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("var("), "{}", figure.id);
        assert!(svg.contains("<title>") && svg.contains("<desc>"), "{}", figure.id);
    }
}

/// A page loads nothing, has every chart with its table, ids that differ, and data that is JSON.
#[test]
fn a_page_stands_alone() {
    let figures = all_kinds();
    let ids: Vec<String> = figures.iter().map(|figure| figure.id.clone()).collect();
    let html = page(figures);
    for load in ["src=", "http:", "https:", "@import", "url("] {
        assert!(!html.contains(load), "{load} in a page that needs no network");
    }
    assert!(html.contains("default-src 'none'"), "the browser is told so too");
    for id in &ids {
        assert!(html.contains(&format!("<figure id=\"{id}\"")), "no chart {id}");
    }
    assert_eq!(html.matches("<svg class=\"wide\"").count(), ids.len());
    assert_eq!(html.matches("<svg class=\"narrow\"").count(), ids.len());
    assert_eq!(html.matches("as a table</summary>").count(), ids.len());
    let all: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let distinct: std::collections::HashSet<&&str> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "two parts of one id in {all:?}");
    let data = html.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    for id in &ids {
        assert!(data.get(id).is_some(), "no data of {id}");
    }
}

/// Whatever things are called, it stays text, in the page, its data and in files.
#[test]
fn names_stay_text() {
    let mut record = decode_record();
    record.operators[0].label = HOSTILE.to_owned();
    record.tiers[0].name = HOSTILE.to_owned();
    let report = case(HOSTILE, &record);
    let mut sections = sections(vec![report, case("second", &prefill_record())]);
    sections[0].title = HOSTILE.to_owned();
    for figure in sections.iter().flat_map(|section| &section.figures) {
        let svg = svg_file(figure).unwrap();
        assert!(
            !svg.contains("<img") && !svg.contains("</script") && !svg.contains('\u{7}'),
            "{}",
            figure.id
        );
        assert!(figure.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{}", figure.id);
    }
    let html = Page::new(HOSTILE, Some(HOSTILE)).sections(sections).text(HOSTILE, HOSTILE).render().unwrap();
    assert!(!html.contains("<img"));
    assert_eq!(html.matches("</script>").count(), 2, "the data and the script, and no more");
    assert_eq!(html.matches("</title> ").count() + html.matches("- memwall</title>").count(), 1);
}

/// Nothing to show is no failure: nothing ran, or there is no number.
#[test]
fn nothing_can_be_drawn_too() {
    let sections = sections(vec![case("empty", &empty_record())]);
    assert!(page(sections.into_iter().flat_map(|section| section.figures).collect()).contains("</html>"));
    let points = Points {
        columns: vec![Axis::log("x", Unit::Plain); 2],
        rows: vec![vec![f64::NAN, -1.0]],
        names: vec![],
    };
    for chart in [
        Chart::Scatter(Scatter { points: points.clone(), x: 0, y: 9, front: vec![0, 77] }),
        Chart::ParallelCoordinates(ParallelCoordinates { points, front: vec![0, 77] }),
        Chart::Lines(Lines::default()),
        Chart::StackedBars(memwall_report::chart::StackedBars::default()),
        Chart::Roofline(memwall_report::chart::Roofline::default()),
        Chart::Timeline(memwall_report::chart::Timeline::default()),
        Chart::Pipeline(Pipeline::default()),
        Chart::MemoryAreas(MemoryAreas::default()),
    ] {
        let figure = Figure { id: "x".to_owned(), title: "x".to_owned(), summary: String::new(), chart };
        assert!(svg_file(&figure).unwrap().ends_with("</svg>\n"));
        assert!(page(vec![figure]).ends_with("</html>\n"));
    }
}

/// Layers divide the time of their kernels, and what each is bound by follows the operators' ledgers.
#[test]
fn layers_divide_the_time() {
    let sections = sections(vec![case("decode", &decode_record())]);
    let layers = sections[0].figures.iter().find(|figure| figure.id == "layers").unwrap();
    let Chart::StackedBars(chart) = &layers.chart else { panic!("{layers:?}") };
    assert_eq!(chart.bars.len(), 3);
    for bar in &chart.bars {
        assert!((bar.total() - 50e-6).abs() < 1e-12, "{bar:?}");
    }
    let named: Vec<&str> = chart.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(named, ["compute", "bandwidth(hbm)"]);
}

/// A pipeline too large to be seen whole is shown from its start, with stages from both ends; its table has all times.
#[test]
fn a_large_pipeline_is_cut_where_it_cannot_be_seen() {
    let (record, _) = ran(ScheduleKind::OneForwardOneBackward, 64, 256);
    let chart = Pipeline::new(&record);
    assert_eq!((chart.stages.len(), chart.stages_left_out), (32, 32));
    assert_eq!((chart.stages[0].stage, chart.stages[31].stage), (0, 63));
    let drawn: usize = chart.stages.iter().map(|row| row.passes.len()).sum();
    assert!((1000..=2400).contains(&drawn), "{drawn}");
    assert!(chart.until_s < chart.end_s);
    assert!(chart.stages.iter().all(|row| row.count == 512));
    let figure = chart.figure("pipeline", "1f1b");
    assert!(figure.summary.contains("The beginning of it"));
    assert!(svg_file(&figure).unwrap().len() < 700_000);
}

/// Passes that run at once are drawn in half of the height each, and parts of a stage in tints.
#[test]
fn pairs_and_parts_are_told_apart() {
    let (record, _) = ran(ScheduleKind::DualPipe, 4, 8);
    let chart = Pipeline::new(&record);
    let beside = chart.stages[0].passes.iter().filter(|pass| pass.beside).count();
    let paired = record.stages[0].intervals.iter().filter(|interval| interval.pass.paired).count();
    assert_eq!(beside, 2 * paired);
    let svg = svg_file(&chart.figure("pipeline", "dualpipe")).unwrap();
    assert!(svg.contains("forward, part 1") && svg.contains(", beside another"));
}
