//! The builder of pages.

use std::collections::BTreeMap;

use super::parts::{facts, figure, heading_id, table};
use crate::chart::{Chart, DataTable, Figure, Section};
use crate::escape::{escape, script_json};
use crate::svg::{PictureError, palette};

const STYLE: &str = include_str!("page.css");
// Run inside of one function, so that no name of one page meets another's.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("script/common.js"),
    include_str!("script/marks.js"),
    include_str!("script/timeline.js"),
    include_str!("script/page.js"),
    "})();\n"
);

/// Numbers of a chart that the page carries as data for its script; of a larger one it carries the picture only.
const MOST_NUMBERS: usize = 40_000;
/// Bytes shown of a text; scenarios are shorter, files they name may be large.
const MOST_TEXT: usize = 64 << 10;

/// A page, built part by part.
///
/// ```
/// use memwall_report::chart::{Axis, Chart, Figure, Line, Lines, Mark, Section, Unit};
/// use memwall_report::html::Page;
///
/// let line = Line { name: "ours".into(), mark: Mark::Line, colour: 0, points: vec![(1.0, 2.0), (10.0, 3.0)] };
/// let axes = (Axis::log("bytes", Unit::BinaryBytes), Axis::linear("time", Unit::Seconds));
/// let chart = Chart::Lines(Lines { x: axes.0, y: axes.1, lines: vec![line] });
/// let figure =
///     Figure { id: "time".into(), title: "Time".into(), summary: "Time over bytes.".into(), chart };
/// let section = Section {
///     id: "all".into(), title: "All".into(), lead: String::new(), facts: vec![], figures: vec![figure], tables: vec![],
///     notes: vec![],
/// };
/// let page = Page::new("A </title> of a name", None).sections(vec![section]).text("Scenario", "model: <tiny>");
/// let html = page.render()?;
/// assert!(html.contains("A &lt;/title&gt; of a name") && html.contains("model: &lt;tiny&gt;"));
/// # Ok::<(), memwall_report::svg::PictureError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Page {
    title: String,
    description: Option<String>,
    sections: Vec<Section>,
    tables: Vec<(String, DataTable)>,
    texts: Vec<(String, String)>,
}

impl Page {
    /// An empty page called `title`; `description` says what it shows.
    #[must_use]
    pub fn new(title: &str, description: Option<&str>) -> Self {
        Self { title: title.to_owned(), description: description.map(str::to_owned), ..Self::default() }
    }

    /// Adds sections with their charts.
    #[must_use]
    pub fn sections(mut self, sections: Vec<Section>) -> Self {
        self.sections.extend(sections);
        self
    }

    /// Adds a table, after the sections.
    #[must_use]
    pub fn table(mut self, title: &str, table: DataTable) -> Self {
        self.tables.push((title.to_owned(), table));
        self
    }

    /// Adds a text that keeps its lines, such as a scenario, at the end.
    #[must_use]
    pub fn text(mut self, title: &str, text: &str) -> Self {
        self.texts.push((title.to_owned(), text.to_owned()));
        self
    }

    /// The page as one HTML document: the same bytes for the same page.
    ///
    /// # Errors
    /// [`PictureError`], which no content of a page causes.
    pub fn render(&self) -> Result<String, PictureError> {
        let mut body = String::new();
        for (number, section) in self.sections.iter().enumerate() {
            body += &self.section(section, number)?;
        }
        for (title, rows) in &self.tables {
            let id = heading_id(title);
            body +=
                &format!("<section id=\"{id}\"><h2>{}</h2>{}</section>\n", escape(title), table(rows, title));
        }
        for (title, text) in &self.texts {
            let (id, title) = (heading_id(title), escape(title));
            let text = escape(shown(text));
            body += &format!(
                "<section id=\"{id}\"><h2>{title}</h2>\n<pre tabindex=\"0\" aria-label=\"{title}\"><code>{text}</code></pre></section>\n"
            );
        }
        let title = escape(&self.title);
        let description =
            self.description.as_deref().map(|text| format!("<p>{}</p>\n", escape(text))).unwrap_or_default();
        let (contents, data) = (self.contents(), self.data()?);
        Ok(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; img-src data:\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
             <title>{title} - memwall</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the results</a>\n\
             <header>\n<p class=\"program\">memwall {}</p>\n<h1>{title}</h1>\n{description}</header>\n{contents}\
             <main id=\"main\" tabindex=\"-1\">\n{body}</main>\n\
             <div id=\"tip\" role=\"status\" aria-live=\"polite\"></div>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            colours(),
            env!("CARGO_PKG_VERSION"),
        ))
    }

    /// A section; where there are many, only the first ones are open, so that a page stays short.
    fn section(&self, section: &Section, number: usize) -> Result<String, PictureError> {
        let mut body = String::new();
        if !section.lead.is_empty() {
            body += &format!("<p class=\"lead\">{}</p>\n", escape(&section.lead));
        }
        body += &facts(&section.facts);
        for one in &section.figures {
            body += &figure(one)?;
        }
        for (title, rows) in &section.tables {
            body += &format!("<h3>{}</h3>\n{}", escape(title), table(rows, title));
        }
        for note in &section.notes {
            body += &format!("<p class=\"note\">Note: {}</p>\n", escape(note));
        }
        let (id, title) = (escape(&section.id), escape(&section.title));
        Ok(if self.sections.len() > 1 {
            let open = if number < 2 { " open" } else { "" };
            format!(
                "<details class=\"section\" id=\"{id}\"{open}>\n<summary><h2>{title}</h2></summary>\n{body}</details>\n"
            )
        } else {
            format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n")
        })
    }

    fn contents(&self) -> String {
        let mut links = Vec::new();
        for section in &self.sections {
            if self.sections.len() > 1 {
                links.push((section.id.clone(), section.title.clone()));
            } else {
                links.extend(section.figures.iter().map(|figure| (figure.id.clone(), figure.title.clone())));
            }
        }
        let others =
            self.tables.iter().map(|(title, _)| title).chain(self.texts.iter().map(|(title, _)| title));
        links.extend(others.map(|title| (heading_id(title), title.clone())));
        let link = |(id, title): &(String, String)| {
            format!("<li><a href=\"#{}\">{}</a></li>", escape(id), escape(title))
        };
        let items: String = links.iter().map(link).collect();
        format!("<nav aria-label=\"Contents\"><ul>{items}</ul></nav>\n")
    }

    /// What the script needs: the charts by the name of their figure.
    fn data(&self) -> Result<String, PictureError> {
        let figures = self.sections.iter().flat_map(|section| &section.figures);
        let small = |figure: &&Figure| match &figure.chart {
            Chart::Scatter(chart) => chart.points.rows.len() * chart.points.columns.len() <= MOST_NUMBERS,
            Chart::ParallelCoordinates(chart) => {
                chart.points.rows.len() * chart.points.columns.len() <= MOST_NUMBERS
            }
            _ => true,
        };
        let charts: BTreeMap<&str, &Chart> =
            figures.filter(small).map(|figure| (figure.id.as_str(), &figure.chart)).collect();
        let json = serde_json::to_string(&charts).map_err(PictureError::from)?;
        Ok(script_json(&json))
    }
}

/// A text as far as a person reads it.
fn shown(text: &str) -> &str {
    let end = text.char_indices().map(|(index, _)| index).find(|index| *index >= MOST_TEXT);
    &text[..end.unwrap_or(text.len())]
}

/// The palette as variables, for light and dark.
fn colours() -> String {
    let list = |dark: bool| -> String {
        let one = |colour: &palette::Colour| {
            let shade = if dark { colour.dark } else { colour.light };
            format!("--{}:{};", colour.name, palette::hex(shade))
        };
        palette::ALL.iter().map(one).collect()
    };
    format!(":root{{{}}}\n@media (prefers-color-scheme: dark){{:root{{{}}}}}\n", list(false), list(true))
}
