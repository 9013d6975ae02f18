//! Python's `shlex.split`, with which botocore takes a section's title apart.

use zeroize::Zeroizing;

use super::excerpt::Excerpt;

/// The words of a title; `None` where a quote is not closed or a backslash stands at the end.
pub(super) fn split(title: &str) -> Option<Vec<Excerpt<'_>>> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    if !title.contains(['"', '\'', '\\']) {
        return Some(title.split(blank).filter(|word| !word.is_empty()).map(Excerpt::of).collect());
    }
    let mut words = Vec::new();
    let mut word = Zeroizing::new(String::with_capacity(title.len()));
    // Whether a word has begun: two quotes are a word, though an empty one.
    let mut begun = false;
    let mut chars = title.chars();
    while let Some(c) = chars.next() {
        match c {
            c if blank(c) => {
                if begun {
                    words.push(Excerpt::copy(word.clone()));
                    word.clear();
                }
                begun = false;
                continue;
            }
            '\\' => word.push(chars.next()?),
            quote @ ('"' | '\'') => quoted(quote, &mut chars, &mut word)?,
            c => word.push(c),
        }
        begun = true;
    }
    if begun {
        words.push(Excerpt::copy(word));
    }
    Some(words)
}

fn quoted(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            c if c == quote => return Some(()),
            // Between double quotes a backslash escapes the quote and itself, and else stands for itself.
            '\\' if quote == '"' => {
                let next = chars.next()?;
                if next != '\\' && next != quote {
                    word.push('\\');
                }
                word.push(next);
            }
            c => word.push(c),
        }
    }
}
