//! Draws the passes of pipeline stages.

use super::canvas::{Canvas, Paper, fitted, tinted, width_of};
use super::legend::{self, Entry, Sample};
use super::palette::{FAINT, GRID, INK, of_role};
use super::scale::Scale;
use super::{PictureError, Width};
use crate::chart::{PassBar, PassBarKind, Pipeline, Unit};

const ROW: f64 = 22.0;
/// The first part of a stage is drawn full, the others lighter; so many are told apart.
const TINTS: usize = 4;

pub(super) fn draw(chart: &Pipeline, paper: Paper) -> Result<Canvas, PictureError> {
    let narrow = paper.width == Width::Narrow;
    let width = f64::from(paper.width.pixels());
    let entries = entries(chart);
    let legend = legend::height(&entries, width);
    let step = ROW + 3.0;
    let canvas = Canvas::new(paper, legend + 8.0 + step * chart.stages.len() as f64 + 46.0)?;
    legend::draw(&canvas, &entries, canvas.top)?;
    let name = |stage: usize| if narrow { stage.to_string() } else { format!("stage {stage}") };
    let names = chart.stages.iter().map(|row| width_of(&name(row.stage))).fold(0.0, f64::max);
    let (left, right) = (names + 22.0, width - 24.0);
    let top = canvas.top + legend + 6.0;
    let bottom = top + step * chart.stages.len() as f64;
    let scale = Scale::linear(Unit::Seconds, 0.0, chart.until_s, if narrow { 3 } else { 6 });
    for tick in &scale.ticks {
        let x = left + scale.share(*tick) * (right - left);
        canvas.path(&[(x, top), (x, bottom)], tinted(GRID, 0), 1.0)?;
        canvas.centred(x, bottom + 16.0, &scale.label(*tick), FAINT)?;
    }
    let part = if chart.until_s < chart.end_s { " from the start of the step" } else { "" };
    canvas.centred((left + right) / 2.0, bottom + 36.0, &format!("time{part}"), INK)?;
    for (number, row) in chart.stages.iter().enumerate() {
        let y = top + step * number as f64;
        canvas.ending(left - 8.0, y + ROW / 2.0 + 4.0, &fitted(&name(row.stage), left - 14.0), INK)?;
        for pass in &row.passes {
            let at = |time: f64| left + scale.share(time) * (right - left);
            let (from, to) = (at(pass.start_s), at(pass.end_s));
            // A seam, where there is room for one, parts passes that follow each other at once.
            let seam = if to - from > 4.0 { 0.8 } else { 0.0 };
            let place = (from, (to - from - seam).max(0.2));
            canvas.pen.mark(&chart.words(row, pass));
            draw_pass(&canvas, pass, place, y)?;
            canvas.pen.end();
        }
    }
    Ok(canvas)
}

/// Passes that run beside each other have half of the height each.
fn draw_pass(canvas: &Canvas, pass: &PassBar, (x, across): (f64, f64), y: f64) -> Result<(), PictureError> {
    let colour = of_role(role(pass.kind));
    let tint = tint(pass.part);
    let half = ROW / 2.0;
    let (top, height) = match (pass.beside, pass.kind) {
        (false, _) => (y, ROW),
        (true, PassBarKind::Forward) => (y, half - 0.5),
        (true, _) => (y + half, half),
    };
    canvas.fill((x, top), (across, height), tinted(colour, tint))?;
    let label = pass.micro_batch.to_string();
    if across > width_of(&label) + 3.0 {
        let down = if pass.beside { half / 2.0 + 4.0 } else { half + 4.0 };
        // Little of a faint tint's colour is left: what can be read on it is what can be read on the ground.
        let ink = if tint > 1 { INK } else { colour.text_on(tint) };
        canvas.centred(x + across / 2.0, top + down, &label, ink)?;
    }
    Ok(())
}

const fn role(kind: PassBarKind) -> &'static str {
    match kind {
        PassBarKind::Forward => "efficiency",
        PassBarKind::Backward | PassBarKind::Input => "compute",
        PassBarKind::Weight => "latency",
    }
}

fn tint(part: u16) -> u8 {
    (usize::from(part) % TINTS) as u8
}

fn entries(chart: &Pipeline) -> Vec<Entry> {
    let passes = || chart.stages.iter().flat_map(|row| &row.passes);
    let mut entries = Vec::new();
    for kind in PassBarKind::ALL {
        if passes().any(|pass| pass.kind == kind) {
            let colour = of_role(role(kind));
            entries.push(Entry { name: kind.name().to_owned(), colour, sample: Sample::Box(0) });
        }
    }
    let whole = entries.iter().any(|entry| entry.name == PassBarKind::Backward.name());
    if whole {
        // One colour: what is inside of a whole backward pass needs no entry of its own.
        entries.retain(|entry| entry.name != PassBarKind::Input.name());
    }
    let colour = of_role(role(PassBarKind::Forward));
    for part in 1..chart.parts().min(TINTS) {
        let name = format!("forward, part {part}");
        entries.push(Entry { name, colour, sample: Sample::Box(part as u8) });
    }
    entries
}
