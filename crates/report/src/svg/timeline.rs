//! Draws the beginning of a timeline; a page's script shows all of it.

use super::canvas::{Canvas, Paper, fitted, tinted, width_of};
use super::legend::{self, Entry, Sample};
use super::palette::{FAINT, GRID, INK, of_role};
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{LaneKind, Span, Timeline, Unit, role};
use crate::number::percent;

/// Spans of the lane with the most that are drawn.
const MOST_SPANS: usize = 60;
const MOST_LANES: usize = 40;
const LANE: f64 = 24.0;

pub(super) fn draw(chart: &Timeline, paper: Paper) -> Result<Canvas, PictureError> {
    let narrow = paper.width == Width::Narrow;
    let width = f64::from(paper.width.pixels());
    let lanes = &chart.lanes[..chart.lanes.len().min(MOST_LANES)];
    let until = until(chart, if narrow { MOST_SPANS / 2 } else { MOST_SPANS });
    let shown: Vec<&Span> = chart.spans.iter().take_while(|span| span.3 < until).collect();
    let entries = entries(chart, &shown);
    let legend = legend::height(&entries, width);
    let step = if narrow { LANE + 18.0 } else { LANE + 4.0 };
    let canvas = Canvas::new(paper, legend + 8.0 + step * lanes.len() as f64 + 46.0)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let names = lanes.iter().map(|lane| width_of(&lane.name)).fold(0.0, f64::max).min(180.0);
    let left = if narrow { 14.0 } else { names + 24.0 };
    let right = width - 24.0;
    let top = canvas.top + legend + 6.0;
    let bottom = top + step * lanes.len() as f64;
    let scale = Scale::linear(Unit::Seconds, 0.0, until as f64 / 1e9, if narrow { 3 } else { 6 });
    for tick in &scale.ticks {
        let x = left + scale.share(*tick) * (right - left);
        canvas.path(&[(x, top), (x, bottom)], tinted(GRID, 0), 1.0)?;
        canvas.centred(x, bottom + 16.0, &scale.label(*tick), FAINT)?;
    }
    let part = if until < chart.end_ns { " from the start of the run" } else { "" };
    canvas.centred((left + right) / 2.0, bottom + 36.0, &format!("time{part}"), INK)?;
    for (row, lane) in lanes.iter().enumerate() {
        let y = top + step * row as f64 + if narrow { 16.0 } else { 2.0 };
        if narrow {
            canvas.write(left, y - 3.0, &fitted(&lane.name, width - 28.0), INK)?;
        } else {
            canvas.ending(left - 8.0, y + LANE / 2.0 + 4.0, &fitted(&lane.name, left - 22.0), INK)?;
        }
        for span in shown.iter().filter(|span| span.0 as usize == lane.of) {
            let share = |ns: u64| scale.share(ns as f64 / 1e9);
            let (from, to) = (share(span.3), share(span.3 + span.4));
            let (x, across) = (left + from * (right - left), ((to - from) * (right - left)).max(0.3));
            let colour = of_role(span_role(chart, span, lane.kind));
            let name = chart.names.get(span.1 as usize).cloned().unwrap_or_default();
            let (style, label, ink, words) = match lane.kind {
                LaneKind::Tier => {
                    let busy = chart.busy.get(span.1 as usize).and_then(|busy| busy.get(lane.tier)).copied();
                    let busy = f64::from(busy.unwrap_or(0)) / 1000.0;
                    let share = percent(busy);
                    let words = format!("{}: {share} of the bandwidth", lane.name);
                    (plotters::style::Color::mix(&colour.rgb(), busy), share, INK, words)
                }
                _ => (tinted(colour, 0), name, colour.text_on(0), chart.words(span)),
            };
            canvas.pen.mark(&words);
            canvas.fill((x, y), (across, LANE - 4.0), style)?;
            if across > width_of(&label) + 8.0 {
                canvas.centred(x + across / 2.0, y + LANE / 2.0 + 2.0, &label, ink)?;
            }
            canvas.pen.end();
        }
    }
    Ok(canvas)
}

/// The moment until which the lane with the most spans has `most`.
fn until(chart: &Timeline, most: usize) -> u64 {
    let mut counts = vec![0_usize; chart.lanes.len()];
    for span in &chart.spans {
        let count = &mut counts[span.0 as usize];
        *count += 1;
        if *count >= most {
            return (span.3 + span.4).max(1);
        }
    }
    chart.end_ns.max(1)
}

/// What decides the colour of a span.
fn span_role(chart: &Timeline, span: &Span, lane: LaneKind) -> &'static str {
    let name = chart.names.get(span.1 as usize).map_or("", String::as_str);
    let detail = chart.details.get(span.2 as usize).map_or("", String::as_str);
    match lane {
        LaneKind::Host => "launch",
        LaneKind::Communication | LaneKind::Links => "communication",
        LaneKind::Copies => "ramp",
        LaneKind::Tier => "bandwidth",
        // A wait is called by its cause; a kernel's cause is in its detail.
        LaneKind::Kernels => role(name).or_else(|| role(detail)).unwrap_or("compute"),
    }
}

fn entries(chart: &Timeline, shown: &[&Span]) -> Vec<Entry> {
    let mut roles: Vec<&str> = Vec::new();
    for span in shown {
        let kind = chart.lanes[span.0 as usize].kind;
        let role = span_role(chart, span, kind);
        if kind == LaneKind::Kernels && !roles.contains(&role) {
            roles.push(role);
        }
    }
    let entry =
        |role: &&str| Entry { name: (*role).to_owned(), colour: of_role(role), sample: Sample::Box(0) };
    roles.iter().map(entry).collect()
}
