//! Standard output and error: width, colour, broken pipes.

use std::io::{self, IsTerminal, Write};

use memwall_report::View;

use crate::args::{Color, Global};
use crate::exit::Exit;

/// Columns assumed where output is no terminal.
const PLAIN_WIDTH: usize = 100;
/// Lines longer than this are hard to read even where they fit.
const MOST_WIDTH: usize = 140;

/// How to print results on standard output.
pub fn view(global: &Global) -> View {
    View { width: width(), color: use_color(global.color, &io::stdout()), verbose: global.verbose }
}

/// Prints a result. Whoever reads may stop reading: that is no error.
pub fn print(text: &str) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Ok,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            complain(&format!("error: cannot write the result: {error}"));
            Exit::InvalidInput
        }
    }
}

/// Says something on standard error; if even that is closed there is nobody to tell.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
}

/// Whether messages on standard error are coloured.
pub fn color_messages(global: &Global) -> bool {
    use_color(global.color, &io::stderr())
}

/// Columns of the terminal.
pub fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.filter(|width| *width > 0).or_else(terminal).unwrap_or(PLAIN_WIDTH).clamp(40, MOST_WIDTH)
}

fn use_color(color: Color, stream: &impl IsTerminal) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && stream.is_terminal()
        }
    }
}
