//! Parts of a page.

use crate::chart::{Chart, DataTable, Figure};
use crate::escape::escape;
use crate::svg::{PictureError, Width, svg_element};

/// Facts longer than this get a line of their own.
const TILE: usize = 26;

/// A chart in both widths, what it shows in words, and its numbers as a table.
pub(super) fn figure(figure: &Figure) -> Result<String, PictureError> {
    let (id, title, summary) = (escape(&figure.id), escape(&figure.title), escape(&figure.summary));
    let wide = svg_element(figure, Width::Wide)?;
    let narrow = svg_element(figure, Width::Narrow)?;
    let (kind, help) = match &figure.chart {
        Chart::Roofline(_) => ("roofline", MARKS),
        Chart::StackedBars(_) => ("stacked_bars", MARKS),
        Chart::Lines(_) => ("lines", MARKS),
        Chart::Scatter(_) => ("scatter", MARKS),
        Chart::ParallelCoordinates(_) => ("parallel_coordinates", MARKS),
        Chart::Pipeline(_) => ("pipeline", MARKS),
        Chart::MemoryAreas(_) => ("memory_areas", MARKS),
        Chart::Timeline(_) => ("timeline", "Arrow keys move, plus and minus zoom, 0 shows all."),
    };
    let numbers = table(&figure.chart.table(), &figure.title);
    Ok(format!(
        "<figure id=\"{id}\" class=\"chart\" data-kind=\"{kind}\">\n\
         <figcaption><h3>{title}</h3><p>{summary}</p></figcaption>\n\
         <div class=\"picture\" tabindex=\"0\" role=\"group\" aria-label=\"{title}. {help}\">\n{wide}{narrow}</div>\n\
         <details class=\"numbers\"><summary>{title} as a table</summary>\n{numbers}</details>\n</figure>\n"
    ))
}

const MARKS: &str = "Arrow keys go through the marks.";

/// Key figures: short ones as tiles, long ones as lines.
pub(super) fn facts(facts: &[(String, String)]) -> String {
    let short = |fact: &&(String, String)| fact.1.chars().count() <= TILE;
    let item = |(name, value): &(String, String)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value))
    };
    let list = |class: &str, items: String| {
        if items.is_empty() { String::new() } else { format!("<dl class=\"{class}\">{items}</dl>\n") }
    };
    let tiles = facts.iter().filter(short).map(item).collect();
    let lines = facts.iter().filter(|fact| !short(fact)).map(item).collect();
    list("tiles", tiles) + &list("lines", lines)
}

/// A table that scrolls within the page where it is too wide.
pub(super) fn table(table: &DataTable, caption: &str) -> String {
    let head: String =
        table.columns.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let row = |cells: &Vec<String>| {
        let cell = |(number, text): (usize, &String)| {
            if number == 0 {
                format!("<th scope=\"row\">{}</th>", escape(text))
            } else {
                format!("<td>{}</td>", escape(text))
            }
        };
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let rows: String = table.rows.iter().map(row).collect();
    let caption = escape(caption);
    let more = if table.left_out > 0 {
        format!("<p class=\"note\">{} more rows are in the JSON output.</p>", table.left_out)
    } else {
        String::new()
    };
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}, table\">\
         <table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>{more}\n"
    )
}

/// What links call a part with this heading.
pub(super) fn heading_id(title: &str) -> String {
    format!("part-{}", crate::chart::slug(title, &[]))
}
