//! Text from elsewhere, made harmless before a customer or a header sees it.
//!
//! Always holds: cleaned text has no control character but the line feed, and nothing that changes the reading
//! direction; a cleaned line has no line break either.

/// A text of several lines: one kind of line break, tabs as blanks, no other control character, nothing that turns
/// the reading direction around.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() || turns_direction(c) || c == '\u{feff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// A single line: cleaned, every run of white space one blank, at most `max` characters.
pub(crate) fn line(text: &str, max: usize) -> String {
    let cleaned = clean(text);
    let words: Vec<&str> = cleaned.split_whitespace().collect();
    cut(&words.join(" "), max)
}

/// The first `max` characters.
pub(crate) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_break_a_header_or_fool_a_reader_is_gone() {
        assert_eq!(line("late\r\nBcc: all@example.com", 200), "late Bcc: all@example.com");
        assert_eq!(line("a\u{85}b\u{2028}c\u{b}d\te", 200), "a b cd e");
        assert_eq!(clean("pay \u{202e}001\u{202c} now\u{7}\0"), "pay 001 now");
        assert_eq!(clean("one\r\ntwo\rthree\nfour"), "one\ntwo\nthree\nfour");
        assert_eq!(line("äöü", 2), "äö");
    }

    proptest! {
        #[test]
        fn cleaned_text_holds_what_it_promises(text in any::<String>(), max in 0_usize..64) {
            let cleaned = clean(&text);
            prop_assert!(cleaned.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert!(!cleaned.chars().any(turns_direction));
            prop_assert_eq!(clean(&cleaned), cleaned);
            let line = line(&text, max);
            prop_assert!(line.chars().count() <= max);
            let breaks = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
            prop_assert!(!line.chars().any(breaks));
        }
    }
}
