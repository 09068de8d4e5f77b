//! Reading inputs within bounds, and writing outputs whole or not at all.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use memwall_scenario::{Loaded, Loader, MAX_TEXT_BYTES};

/// Reads a text file, or standard input for `-`, of at most [`MAX_TEXT_BYTES`].
///
/// # Errors
/// A message for people: no such file, too large, not UTF-8.
pub fn read_text(name: &str) -> Result<String, String> {
    if name == "-" {
        return read_bounded(io::stdin().lock());
    }
    let path = Path::new(name);
    let file = File::open(path).map_err(|error| io_message(&error))?;
    if file.metadata().is_ok_and(|data| data.is_dir()) {
        return Err("it is a folder".to_owned());
    }
    read_bounded(file)
}

/// Bytes that a file of measured rows may have.
const MAX_DATA_BYTES: usize = 256 << 20;

/// Reads a file of any content, or standard input for `-`, of at most [`MAX_DATA_BYTES`].
///
/// # Errors
/// A message for people: no such file, too large.
pub fn read_bytes(name: &str) -> Result<Vec<u8>, String> {
    if name == "-" {
        return read_at_most(io::stdin().lock(), MAX_DATA_BYTES);
    }
    let file = File::open(name).map_err(|error| io_message(&error))?;
    if file.metadata().is_ok_and(|data| data.is_dir()) {
        return Err("it is a folder".to_owned());
    }
    read_at_most(file, MAX_DATA_BYTES)
}

fn read_bounded(input: impl Read) -> Result<String, String> {
    let bytes = read_at_most(input, MAX_TEXT_BYTES)?;
    String::from_utf8(bytes).map_err(|error| {
        format!(
            "it is not UTF-8 text: the byte at offset {} is no character",
            error.utf8_error().valid_up_to()
        )
    })
}

fn read_at_most(input: impl Read, limit: usize) -> Result<Vec<u8>, String> {
    let limit = limit as u64;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file at the limit from one beyond it, also where no size is known.
    input.take(limit + 1).read_to_end(&mut bytes).map_err(|error| io_message(&error))?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than the limit of {} MiB", limit >> 20));
    }
    Ok(bytes)
}

/// An error of the operating system in a few words.
pub fn io_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads the files a scenario names, relative to the file that names them.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

impl Loader for Disk {
    fn load(&self, from: &str, path: &str) -> Result<Loaded, String> {
        let name = relative_to(from, path);
        let text = read_text(&name)?;
        Ok(Loaded { name, text })
    }

    fn load_bytes(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        read_bytes(&relative_to(from, path))
    }
}

fn relative_to(from: &str, path: &str) -> String {
    let folder = Path::new(from).parent().filter(|_| from != "-");
    let joined: PathBuf = folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path));
    joined.to_string_lossy().into_owned()
}

/// How messages name an input.
pub fn shown_name(file: &str) -> &str {
    if file == "-" { "stdin" } else { file }
}

/// Whether a file could appear at `path`, as far as that can be told without writing.
///
/// # Errors
/// A message for people.
pub fn check_target(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if folder_of(path).is_dir() { Ok(()) } else { Err("its folder does not exist".to_owned()) }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes `content` to `path`: into a temporary file beside it, then renamed over it.
///
/// # Errors
/// A message for people.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), String> {
    write_whole_with(path, |file| file.write_all(content.as_ref()))
}

/// The same for content that `write` makes piece by piece.
///
/// # Errors
/// A message for people.
pub fn write_whole_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), String> {
    check_target(path)?;
    // A link stays a link; what it points to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let existing = std::fs::metadata(&target).ok();
    if existing.as_ref().is_some_and(|data| !data.is_file()) {
        // A pipe or a device cannot be renamed over.
        let file = File::options().write(true).open(&target);
        return file.and_then(|file| buffered(file, write).map(drop)).map_err(|error| io_message(&error));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".memwall-");
    ask_for_usual_permissions(&mut builder);
    let file = builder.tempfile_in(folder_of(&target)).map_err(|error| io_message(&error))?;
    let file = buffered(file, write).map_err(|error| io_message(&error))?;
    file.as_file().sync_all().map_err(|error| io_message(&error))?;
    if let Some(existing) = existing {
        // Best effort: a result with other permissions is still a result.
        let _ = file.as_file().set_permissions(existing.permissions());
    }
    file.persist(&target).map_err(|error| io_message(&error.error))?;
    Ok(())
}

/// What `write` makes, written in large pieces.
fn buffered<W: Write>(file: W, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<W> {
    let mut buffer = io::BufWriter::new(file);
    write(&mut buffer)?;
    buffer.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Temporary files are private; a result is as the user's mask says.
#[cfg(unix)]
fn ask_for_usual_permissions(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn ask_for_usual_permissions(_builder: &mut tempfile::Builder<'_, '_>) {}
