//! Comma-separated values as spreadsheets write and read them: encodings, rows as people count them, and cells that
//! must not turn into formulas.
//!
//! What [`line`] writes, [`Table::read`] gives back cell for cell.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, SHIFT_JIS, UTF_8};
use tms_core::{
    error::{Error, FieldErrors},
    text::InvalidText,
};

/// Tells spreadsheets that a file is UTF-8.
pub(crate) const BOM: &str = "\u{feff}";

/// Tells whether a spreadsheet would take the cell for a formula; apostrophes before it would be taken for the mark that
/// it is none. Japanese spreadsheets read the wide signs alike.
fn is_formula(cell: &str) -> bool {
    let begin = cell.trim_start_matches('\'').chars().next();
    begin.is_some_and(|c| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    })
}

/// Appends a row.
pub(crate) fn line<'a>(text: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    let mut is_first = true;
    for cell in cells {
        if !std::mem::take(&mut is_first) {
            text.push(',');
        }
        let is_quoted = cell.contains([',', '"', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' ');
        if is_quoted {
            text.push('"');
        }
        if is_formula(cell) {
            text.push('\'');
        }
        if is_quoted {
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

/// Makes a table to show, as a file would have it.
pub(crate) fn table<const WIDTH: usize, const ROWS: usize>(rows: [&[&str; WIDTH]; ROWS]) -> String {
    let mut text = String::new();
    for row in rows {
        line(&mut text, row.iter().copied());
    }
    text
}

/// Takes the mark of no formula off a cell again.
fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(cell) => rest,
        _ => cell,
    }
}

/// Makes text of bytes: in the `charset` that is named, else as UTF-8 if it is that, else as Shift_JIS.
pub(crate) fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, InvalidText> {
    let strictly = |encoding: &'static Encoding| {
        let (text, _, is_broken) = encoding.decode(bytes);
        (!is_broken).then_some(text)
    };
    let named = match charset {
        None => return strictly(UTF_8).or_else(|| strictly(SHIFT_JIS)).ok_or_else(not_text),
        Some(name) => Encoding::for_label(name.as_bytes()),
    };
    match named {
        Some(encoding) if encoding == UTF_8 || encoding == SHIFT_JIS => strictly(encoding).ok_or_else(not_text),
        _ => Err(InvalidText("the charset must be utf-8 or shift_jis".to_owned())),
    }
}

fn not_text() -> InvalidText {
    InvalidText("is neither UTF-8 nor Shift_JIS".to_owned())
}

fn breaks_in(text: &str) -> u64 {
    u64::try_from(text.matches('\n').count()).unwrap_or(u64::MAX)
}

/// Tells whether the text of a row ends within quotation marks. The reader takes the rest of the file for that cell and
/// says nothing of it.
fn is_open(row: &str) -> bool {
    let (mut is_begin, mut is_quoted) = (true, false);
    let mut characters = row.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            // Two of them within a cell are one that is meant.
            '"' if is_quoted => is_quoted = characters.next_if_eq(&'"').is_some(),
            '"' if is_begin => is_quoted = true,
            _ => {}
        }
        is_begin = matches!(c, ',' | '\r' | '\n');
    }
    is_quoted
}

/// Numbers rows as a spreadsheet does: lines within cells make none.
struct Numbers<'t> {
    text: &'t str,
    lines: u64,
    inner_lines: u64,
    counted: usize,
}

impl<'t> Numbers<'t> {
    const fn of(text: &'t str) -> Self {
        Self {
            text,
            lines: 1,
            inner_lines: 0,
            counted: 0,
        }
    }

    /// Returns the number of the next row; it begins where [`Self::rest`] does then.
    fn next(&mut self, record: &StringRecord) -> u64 {
        // The reader's own count lags behind where rows end with two characters.
        let start = record
            .position()
            .map_or(0, |place| usize::try_from(place.byte()).unwrap_or(0));
        let gap = self.text.get(start..).unwrap_or_default();
        let start = start + gap.len() - gap.trim_start_matches(['\r', '\n']).len();
        self.lines += breaks_in(self.text.get(self.counted..start).unwrap_or_default());
        self.counted = start;
        let number = self.lines.saturating_sub(self.inner_lines);
        self.inner_lines += record.iter().map(breaks_in).sum::<u64>();
        number
    }

    /// Returns the text from the last numbered row on.
    fn rest(&self) -> &'t str {
        let rest = self.text.get(self.counted..).unwrap_or_default();
        rest.strip_prefix(BOM).unwrap_or(rest)
    }
}

/// A table whose first row names its columns.
#[derive(Debug)]
pub(crate) struct Table {
    /// The names, trimmed and in lower case.
    pub(crate) columns: Vec<String>,
    /// The other rows.
    pub(crate) rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its number as a spreadsheet shows it; the names of the columns are row 1.
    pub(crate) number: u64,
    /// Its cells, trimmed.
    pub(crate) cells: Vec<String>,
}

impl Table {
    /// Reads a table; rows without anything in them are left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the `file`, or the row whose quotation mark is not closed.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let (mut numbers, mut last) = (Numbers::of(text), 1);
        let mut rows = Vec::new();
        let mut record = StringRecord::new();
        while reader
            .read_record(&mut record)
            .map_err(|_| FieldErrors::single("file", "is no table"))?
        {
            let number = numbers.next(&record);
            last = number;
            let cells: Vec<String> = record.iter().map(|cell| plain(cell.trim()).to_owned()).collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                rows.push(Row { number, cells });
            }
        }
        if is_open(numbers.rest()) {
            return Err(FieldErrors::single(
                format!("row {last}"),
                "has a quotation mark that is not closed",
            ));
        }
        if rows.is_empty() {
            return Err(FieldErrors::single("file", "has no row with the names of the columns"));
        }
        let columns = rows.remove(0).cells;
        let columns = columns.into_iter().map(|name| name.to_lowercase()).collect();
        Ok(Self { columns, rows })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_defused() {
        let mut text = String::new();
        line(
            &mut text,
            ["=1+1", "-5", "@x", "＝SUM(A1)", "'=x", "a=b", "'a", "=\"x\",1"],
        );
        assert_eq!(text, "'=1+1,'-5,'@x,'＝SUM(A1),''=x,a=b,'a,\"'=\"\"x\"\",1\"\r\n");
    }

    #[test]
    fn both_encodings_are_told_apart() {
        let (sjis, ..) = SHIFT_JIS.encode("新宿店,ﾃｽﾄ");
        for (bytes, charset) in [
            ("新宿店,ﾃｽﾄ".as_bytes(), None),
            ("\u{feff}新宿店,ﾃｽﾄ".as_bytes(), None),
            ("\u{feff}新宿店,ﾃｽﾄ".as_bytes(), Some("UTF-8")),
            (&*sjis, None),
            (&*sjis, Some("Shift_JIS")),
            (&*sjis, Some("windows-31j")),
        ] {
            assert_eq!(decode(bytes, charset).unwrap(), "新宿店,ﾃｽﾄ", "{charset:?}");
        }
        for (bytes, charset) in [
            (&*sjis, Some("utf-8")),
            (&[0xff, 0xff, 0x00], None),
            (b"a", Some("utf-16")),
        ] {
            assert!(decode(bytes, charset).is_err(), "{charset:?}");
        }
    }

    #[test]
    fn rows_count_as_in_a_spreadsheet() {
        let table = Table::read("A , b\r\n1,\"two\nlines\"\r\n,\r\n\r\n3,4\n").unwrap();
        assert_eq!(table.columns, ["a", "b"]);
        let numbers: Vec<_> = table.rows.iter().map(|row| row.number).collect();
        assert_eq!(numbers, [2, 5]);
        for empty in ["", "\n\n", ",,\n"] {
            assert!(Table::read(empty).is_err(), "{empty:?}");
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_is_named_by_its_row() {
        for (text, row) in [
            ("a,b\n1,\"two", "row 2"),
            ("a,b\r\n1,2\r\n\"3\r\n5,6\r\n", "row 3"),
            ("\"a", "row 1"),
            ("\u{feff}\"a", "row 1"),
            ("a\n\"two\nlines\"\n\"\"\"", "row 3"),
            ("a\n\"x\"\"", "row 2"),
            ("a\n\"", "row 2"),
        ] {
            match Table::read(text) {
                Err(Error::Invalid(fields)) => assert_eq!(fields.iter().next().unwrap().0, row, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        for text in [
            "a\n\"\"\n",
            "a\nx\"y\n",
            "a\n\"x\"\"\"\n",
            "a\n\"x\"y\"\n",
            "a,b\n\"1\",\"2\"",
        ] {
            assert!(Table::read(text).is_ok(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(cells in prop::collection::vec("[-=+@'\",\\na-c＝新 ]{0,8}", 1..5)) {
            let cells: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            let mut text = String::from("x\r\n");
            line(&mut text, cells.iter().map(String::as_str));
            let table = Table::read(&text).unwrap();
            match table.rows.as_slice() {
                [row] => prop_assert_eq!(&row.cells, &cells),
                rows => prop_assert!(rows.is_empty() && cells.iter().all(String::is_empty)),
            }
        }
    }
}
