//! Files that a scenario names: read by the caller, since this crate does no I/O.

/// Reads the files a scenario refers to.
pub trait Loader {
    /// The text of `path` as written in the file called `from`, to whose folder it is relative.
    ///
    /// # Errors
    /// A message for people, such as "no such file".
    fn load(&self, from: &str, path: &str) -> Result<Loaded, String>;

    /// The bytes of a file that is no text, named in the same way.
    ///
    /// # Errors
    /// A message for people; that such files cannot be read here, unless a loader says otherwise.
    fn load_bytes(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        let _ = (from, path);
        Err("files cannot be read here".to_owned())
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its name, as messages should show it and as `from` of what it refers to itself.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A loader without files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _from: &str, _path: &str) -> Result<Loaded, String> {
        Err("files cannot be read here".to_owned())
    }
}
