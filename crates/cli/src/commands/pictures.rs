//! `--html` and `--svg`: what came out, as charts.

use std::path::Path;

use memwall_report::chart::Section;
use memwall_report::html::Page;
use memwall_report::svg::{PictureError, svg_file};
use memwall_scenario::Scenario;

use super::cannot_write;
use crate::args::PictureArgs;
use crate::exit::Exit;
use crate::files::{check_target, write_whole};
use crate::terminal::complain;

/// Says before a long run what could not be written after it.
pub fn check(args: &PictureArgs) -> Result<(), Exit> {
    if let Some(path) = args.html.as_deref()
        && let Err(message) = check_target(path)
    {
        return Err(cannot_write(path, &message));
    }
    match args.svg.as_deref() {
        Some(folder) if folder.exists() && !folder.is_dir() => Err(cannot_write(folder, "it is no folder")),
        _ => Ok(()),
    }
}

/// Whether any are asked for.
pub const fn wanted(args: &PictureArgs) -> bool {
    args.html.is_some() || args.svg.is_some()
}

/// Writes what was asked for.
pub fn write(args: &PictureArgs, scenario: &Scenario, sections: Vec<Section>) -> Exit {
    // All are drawn before the first is written.
    let drawn = files(args, &sections).and_then(|files| Ok((files, page(args, scenario, sections)?)));
    let (files, page) = match drawn {
        Ok(drawn) => drawn,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Exit::Internal;
        }
    };
    if let (Some(path), Some(page)) = (args.html.as_deref(), page)
        && let Err(message) = write_whole(path, page)
    {
        return cannot_write(path, &message);
    }
    args.svg.as_deref().map_or(Exit::Ok, |folder| write_files(folder, &files))
}

/// Names and contents of the pictures, if they are asked for.
fn files(args: &PictureArgs, sections: &[Section]) -> Result<Vec<(String, String)>, PictureError> {
    let figures = sections.iter().flat_map(|section| &section.figures).filter(|_| args.svg.is_some());
    figures.map(|figure| Ok((format!("{}.svg", figure.id), svg_file(figure)?))).collect()
}

/// The page, if it is asked for.
fn page(
    args: &PictureArgs,
    scenario: &Scenario,
    sections: Vec<Section>,
) -> Result<Option<String>, PictureError> {
    if args.html.is_none() {
        return Ok(None);
    }
    let mut page = Page::new(&scenario.name, scenario.description.as_deref()).sections(sections);
    let mut changes = String::new();
    for (number, (name, text)) in scenario.written_texts().enumerate() {
        match (name, number) {
            ("--set" | "--axis", _) => changes += &format!("{name} {}\n", text.trim()),
            (_, 0) => page = page.text("Scenario", text),
            _ => page = page.text(name, text),
        }
    }
    if !changes.is_empty() {
        page = page.text("Changed on the command line", &changes);
    }
    page.render().map(Some)
}

fn write_files(folder: &Path, files: &[(String, String)]) -> Exit {
    if let Err(error) = std::fs::create_dir_all(folder) {
        return cannot_write(folder, &error.to_string());
    }
    for (name, content) in files {
        let path = folder.join(name);
        if let Err(message) = write_whole(&path, content) {
            return cannot_write(&path, &message);
        }
    }
    Exit::Ok
}
