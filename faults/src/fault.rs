//! A fault: one line of a source file, and what it is to become.

use core::fmt;

use serde::Deserialize;

/// One line to change. Text and not a line number names it, so that it outlives changes elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// What went wrong, as an implementer would have to admit it.
    pub(crate) name: String,
    /// The file, from the root of the repository. Its first directory is the crate.
    pub(crate) file: String,
    /// The first words of the item that the line is in, if the line alone is not unique.
    pub(crate) within: Option<String>,
    /// A part of a line.
    pub(crate) find: String,
    /// What stands there instead.
    pub(crate) replace: String,
}

/// Why a fault cannot be planted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PlantError {
    /// `within` names this many items and not one.
    Items(usize),
    /// The text occurs so often and not once.
    Occurrences(usize),
    /// More than a part of one line is to change.
    NotOneLine,
    /// Nothing would change.
    NoChange,
}

impl fmt::Display for PlantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items(count) => write!(f, "`within` names {count} items of the file"),
            Self::Occurrences(count) => write!(f, "the text to replace occurs {count} times"),
            Self::NotOneLine => f.write_str("a fault is a change within one line"),
            Self::NoChange => f.write_str("the fault would change nothing"),
        }
    }
}

impl core::error::Error for PlantError {}

impl Fault {
    /// The directory of the crate that the fault is in.
    pub(crate) fn home(&self) -> &str {
        self.file
            .split_once('/')
            .map_or("", |(directory, _)| directory)
    }

    /// The file's text with the fault in it.
    ///
    /// # Errors
    /// If it is not clear where the fault belongs: the source has changed, and the list has to follow.
    pub(crate) fn plant(&self, text: &str) -> Result<String, PlantError> {
        if self.find.contains('\n') || self.replace.contains('\n') {
            return Err(PlantError::NotOneLine);
        }
        if self.find == self.replace {
            return Err(PlantError::NoChange);
        }
        let (before, item, after) = match &self.within {
            Some(words) => cut(text, words)?,
            None => ("", text, ""),
        };
        let mut pieces = item.split(self.find.as_str());
        match (pieces.next(), pieces.next(), pieces.count()) {
            (Some(left), Some(right), 0) => {
                Ok([before, left, &self.replace, right, after].concat())
            }
            (_, Some(_), more) => Err(PlantError::Occurrences(more.saturating_add(1))),
            (_, None, _) => Err(PlantError::Occurrences(0)),
        }
    }
}

/// Cuts out the item that begins with `words`: up to the line that closes it, which formatted code has
/// at the item's own indentation.
fn cut<'t>(text: &'t str, words: &str) -> Result<(&'t str, &'t str, &'t str), PlantError> {
    let mut found = None;
    let mut count = 0_usize;
    let mut start = 0_usize;
    for line in text.split_inclusive('\n') {
        if line.contains(words) {
            count = count.saturating_add(1);
            let indent = line.len().saturating_sub(line.trim_start().len());
            found = Some((start, format!("{}}}", " ".repeat(indent))));
        }
        start = start.saturating_add(line.len());
    }
    let (1, Some((start, close))) = (count, found) else {
        return Err(PlantError::Items(count));
    };
    let (before, rest) = text.split_at_checked(start).unwrap_or((text, ""));
    let mut end = 0_usize;
    for line in rest.split_inclusive('\n') {
        end = end.saturating_add(line.len());
        if line.starts_with(&close) {
            break;
        }
    }
    let (item, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    Ok((before, item, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
impl A {
    fn one() {
        if a < b {
        }
    }

    fn two() {
        if a < b && c < d {
        }
    }
}
";

    fn fault(within: Option<&str>, find: &str, replace: &str) -> Fault {
        Fault {
            name: "a".into(),
            file: "crate/src/a.rs".into(),
            within: within.map(Into::into),
            find: find.into(),
            replace: replace.into(),
        }
    }

    #[test]
    fn a_unique_text_is_replaced() {
        let planted = fault(None, "c < d", "c <= d").plant(TEXT).unwrap();
        assert_eq!(planted, TEXT.replace("c < d", "c <= d"));
    }

    #[test]
    fn an_item_makes_a_text_unique() {
        let planted = fault(Some("fn one"), "a < b", "a <= b")
            .plant(TEXT)
            .unwrap();
        assert_eq!(planted, TEXT.replacen("a < b", "a <= b", 1));
    }

    #[test]
    fn an_item_ends_at_its_brace() {
        let result = fault(Some("fn one"), "c < d", "c <= d").plant(TEXT);
        assert_eq!(result, Err(PlantError::Occurrences(0)));
    }

    #[test]
    fn a_text_that_is_gone_is_refused() {
        let result = fault(None, "e < f", "e <= f").plant(TEXT);
        assert_eq!(result, Err(PlantError::Occurrences(0)));
    }

    #[test]
    fn a_text_that_occurs_twice_is_refused() {
        let result = fault(None, "a < b", "a <= b").plant(TEXT);
        assert_eq!(result, Err(PlantError::Occurrences(2)));
    }

    #[test]
    fn an_item_that_is_not_unique_is_refused() {
        let result = fault(Some("fn "), "a < b", "a <= b").plant(TEXT);
        assert_eq!(result, Err(PlantError::Items(2)));
    }

    #[test]
    fn more_than_one_line_is_refused() {
        let result = fault(None, "c < d", "c <\nd").plant(TEXT);
        assert_eq!(result, Err(PlantError::NotOneLine));
    }

    #[test]
    fn a_fault_that_changes_nothing_is_refused() {
        let result = fault(None, "c < d", "c < d").plant(TEXT);
        assert_eq!(result, Err(PlantError::NoChange));
    }
}
