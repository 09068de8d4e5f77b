//! A line as words with their places, and what can be wrong with one.

use std::ops::Range;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the line that are meant.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub label: String,
}

impl Fault {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { range, message: message.into(), label: label.into() }
    }
}

/// A part of a line.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub range: Range<usize>,
}

impl Word<'_> {
    pub fn fault(&self, message: impl Into<String>, label: impl Into<String>) -> Fault {
        Fault::new(self.range.clone(), message, label)
    }

    /// A number in decimal or, after `0x`, hexadecimal digits.
    pub fn address(&self) -> Result<u64, Fault> {
        let digits = self.text.strip_prefix("0x").or_else(|| self.text.strip_prefix("0X"));
        let (digits, radix) = digits.map_or((self.text, 10), |digits| (digits, 16));
        let plain = !digits.is_empty() && digits.bytes().all(|byte| char::from(byte).is_digit(radix));
        if !plain {
            let label = if self.text.contains(',') {
                "expected one number; address vectors are not read"
            } else {
                "expected a number such as 0x1f40 or 8000"
            };
            return Err(self.fault("not an address", label));
        }
        u64::from_str_radix(digits, radix)
            .map_err(|_| self.fault("the address is too large", "expected at most 64 bits"))
    }
}

/// A line.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    pub text: &'a str,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// The parts between blanks.
    pub fn by_blanks(&self) -> Vec<Word<'a>> {
        self.split(|character| character.is_whitespace(), true)
    }

    /// The parts between commas, without blanks around them.
    pub fn by_commas(&self) -> Vec<Word<'a>> {
        self.split(|character| character == ',', false)
            .into_iter()
            .map(|word| {
                let start = word.range.start + (word.text.len() - word.text.trim_start().len());
                let text = word.text.trim();
                Word { text, range: start..start + text.len() }
            })
            .collect()
    }

    /// The line without blanks around it.
    pub fn whole(&self) -> Word<'a> {
        let start = self.text.len() - self.text.trim_start().len();
        let text = self.text.trim();
        Word { text, range: start..start + text.len() }
    }

    /// The last character, for what is missing after it.
    pub fn end(&self) -> Range<usize> {
        let whole = self.whole();
        let last = whole.text.chars().next_back().map_or(0, char::len_utf8);
        whole.range.end - last..whole.range.end
    }

    fn split(&self, at: impl Fn(char) -> bool, drop_empty: bool) -> Vec<Word<'a>> {
        let mut words = Vec::new();
        let mut start = 0;
        for part in self.text.split(at) {
            if !(drop_empty && part.is_empty()) {
                words.push(Word { text: part, range: start..start + part.len() });
            }
            // All separators but exotic blanks are one byte; those end the line's use here anyway.
            let rest = self.text.get(start + part.len()..).unwrap_or_default();
            start += part.len() + rest.chars().next().map_or(0, char::len_utf8);
        }
        words
    }
}
