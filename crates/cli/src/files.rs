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

fn read_bounded(input: impl Read) -> Result<String, String> {
    let limit = MAX_TEXT_BYTES as u64;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file at the limit from one beyond it, also where no size is known.
    input.take(limit + 1).read_to_end(&mut bytes).map_err(|error| io_message(&error))?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than the limit of {} MiB", limit >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        format!(
            "it is not UTF-8 text: the byte at offset {} is no character",
            error.utf8_error().valid_up_to()
        )
    })
}

fn io_message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
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
}

fn relative_to(from: &str, path: &str) -> String {
    let folder = Path::new(from).parent().filter(|_| from != "-");
    let joined: PathBuf = folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path));
    joined.to_string_lossy().into_owned()
}

/// Writes `text` to `path`: into a temporary file beside it, then renamed over it.
///
/// # Errors
/// A message for people.
pub fn write_whole(path: &Path, text: &str) -> Result<(), String> {
    if path.is_dir() {
        return Err("it is a folder".to_owned());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let special = path.exists() && !path.is_file();
    if special {
        // A pipe or a device cannot be renamed over.
        return std::fs::write(path, text).map_err(|error| io_message(&error));
    }
    let mut file = tempfile::Builder::new()
        .prefix(".memwall-")
        .tempfile_in(folder)
        .map_err(|error| format!("cannot write in {}: {}", folder.display(), io_message(&error)))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| io_message(&error))?;
    set_usual_permissions(file.path());
    file.persist(path).map_err(|error| io_message(&error.error))?;
    Ok(())
}

/// Temporary files are private; a result is not.
#[cfg(unix)]
fn set_usual_permissions(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // Best effort: a result with narrow permissions is still a result.
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn set_usual_permissions(_path: &Path) {}
