//! Lines of a host, none longer than is good.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use crate::http::BODY_LIMIT;

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// As it was written; what is no UTF-8 is replaced.
    Whole(String),
    /// It was longer than [`BODY_LIMIT`], and is lost.
    TooLong,
}

/// The next line that is not empty. The last one needs no end.
///
/// # Errors
/// When the host cannot be read.
pub(super) async fn next(input: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limit = BODY_LIMIT as u64 + 1;
        if (&mut *input).take(limit).read_until(b'\n', &mut bytes).await? == 0 {
            return Ok(None);
        }
        if bytes.len() > BODY_LIMIT && !bytes.ends_with(b"\n") {
            skip(input).await?;
            return Ok(Some(Line::TooLong));
        }
        if !bytes.trim_ascii().is_empty() {
            return Ok(Some(Line::Whole(String::from_utf8_lossy(bytes.trim_ascii()).into_owned())));
        }
    }
}

/// Read past the end of the line.
async fn skip(input: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<()> {
    loop {
        let seen = input.fill_buf().await?;
        let (used, over) = match seen.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (seen.len(), seen.is_empty()),
        };
        input.consume(used);
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_too_long_is_lost_and_no_other() {
        let text = format!("one\r\n\n  \n{}\ntwo\nthree", "x".repeat(3 * BODY_LIMIT));
        let mut input = text.as_bytes();
        let whole = |text: &str| Some(Line::Whole(text.to_owned()));
        for expected in [whole("one"), Some(Line::TooLong), whole("two"), whole("three"), None] {
            assert_eq!(next(&mut input).await.unwrap(), expected);
        }
    }
}
