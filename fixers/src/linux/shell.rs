//! Words of a shell-like file with their places, so that an edit can keep the quoting.
//!
//! GRUB's script language quotes as the shell does (GRUB manual, "Shell-like scripting"); /etc/default/grub and the
//! configuration of initramfs generators are shell.

/// A word: what it means, and where each byte of the meaning stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word without its quotes.
    pub text: String,
    /// For each byte of `text` its offset in the file.
    at: Vec<usize>,
}

impl Word {
    fn push(&mut self, c: char, offset: usize) {
        self.at.extend(offset..offset + c.len_utf8());
        self.text.push(c);
    }

    /// Where bytes `start..end` of the word stand in the file; `None` if quotes or escapes lie between them.
    pub fn place(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        let length = end.checked_sub(1)?.checked_sub(start)?;
        let first = *self.at.get(start)?;
        let last = *self.at.get(end - 1)?;
        (last.checked_sub(first)? == length).then_some((first, last + 1))
    }
}

/// A token of a shell-like text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A word.
    Word(Word),
    /// The end of a command: a line end, `;`, `&`, `|`.
    End,
}

/// The tokens of a text, and whether every quote in it is closed. Comments are left out. An open quote ends with the
/// text.
pub(crate) fn tokens(text: &str, offset: usize) -> (Vec<Token>, bool) {
    let mut scanner =
        Scanner { chars: text.char_indices().peekable(), offset, tokens: Vec::new(), word: None };
    let closed = scanner.run();
    scanner.end_word();
    (scanner.tokens, closed)
}

struct Scanner<'a> {
    chars: std::iter::Peekable<std::str::CharIndices<'a>>,
    offset: usize,
    tokens: Vec<Token>,
    word: Option<Word>,
}

impl Scanner<'_> {
    fn run(&mut self) -> bool {
        let mut closed = true;
        while let Some((at, c)) = self.chars.next() {
            match c {
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' | ';' | '&' | '|' => {
                    self.end_word();
                    self.tokens.push(Token::End);
                }
                '#' if self.word.is_none() => self.skip_comment(),
                '\'' => closed &= self.single(),
                '"' => closed &= self.double(),
                '`' => closed &= self.backquoted(at),
                '$' if self.chars.peek().is_some_and(|(_, next)| *next == '(') => {
                    closed &= self.substitution(at)
                }
                '\\' => self.escape(),
                _ => self.push(c, at),
            }
        }
        closed
    }

    fn push(&mut self, c: char, at: usize) {
        self.word.get_or_insert_default().push(c, self.offset + at);
    }

    fn end_word(&mut self) {
        self.tokens.extend(self.word.take().map(Token::Word));
    }

    fn skip_comment(&mut self) {
        while self.chars.next_if(|(_, c)| *c != '\n').is_some() {}
    }

    /// Outside of quotes: the next character as it is; a line end goes.
    fn escape(&mut self) {
        if let Some((at, c)) = self.chars.next()
            && c != '\n'
        {
            self.push(c, at);
        }
    }

    fn single(&mut self) -> bool {
        self.word.get_or_insert_default();
        while let Some((at, c)) = self.chars.next() {
            if c == '\'' {
                return true;
            }
            self.push(c, at);
        }
        false
    }

    fn double(&mut self) -> bool {
        self.word.get_or_insert_default();
        while let Some((at, c)) = self.chars.next() {
            match c {
                '"' => return true,
                '\\' => match self.chars.next_if(|(_, c)| matches!(c, '"' | '\\' | '$' | '`' | '\n')) {
                    Some((_, '\n')) => {}
                    Some((at, c)) => self.push(c, at),
                    None => self.push('\\', at),
                },
                _ => self.push(c, at),
            }
        }
        false
    }

    /// A command in backquotes stays in its word as it is written.
    fn backquoted(&mut self, start: usize) -> bool {
        self.push('`', start);
        while let Some((at, c)) = self.chars.next() {
            self.push(c, at);
            if c == '`' {
                return true;
            }
        }
        false
    }

    /// `$(…)` likewise, with the parentheses inside of it.
    fn substitution(&mut self, start: usize) -> bool {
        self.push('$', start);
        let mut depth = 0_usize;
        while let Some((at, c)) = self.chars.next() {
            self.push(c, at);
            match c {
                '(' => depth += 1,
                ')' if depth <= 1 => return true,
                ')' => depth -= 1,
                _ => {}
            }
        }
        false
    }
}

/// An assignment `NAME=value` or `NAME+=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assignment<'a> {
    /// Name of the variable.
    pub name: &'a str,
    /// The word that assigns.
    pub word: &'a Word,
    /// Where the value begins in the word's text.
    pub value: usize,
}

/// The assignment that `word` is, if it is one.
pub(crate) fn assignment(word: &Word) -> Option<Assignment<'_>> {
    let equals = word.text.find('=')?;
    let name = word.text.get(..equals)?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    plain.then_some(Assignment { name, word, value: equals + 1 })
}

/// The words of a whole shell file. If a quote is left open somewhere, each line is read by itself, so that one
/// mistake does not hide the rest.
pub(crate) fn words_of_file(text: &str) -> Vec<Word> {
    let (whole, closed) = tokens(text, 0);
    let tokens = if closed {
        whole
    } else {
        super::text::lines(text).flat_map(|(offset, line)| tokens(line, offset).0).collect()
    };
    let word = |token| match token {
        Token::Word(word) => Some(word),
        Token::End => None,
    };
    tokens.into_iter().filter_map(word).collect()
}

/// The first line, from 1, with a quote that is nowhere closed; `None` if all are.
pub(crate) fn open_quote_line(text: &str) -> Option<usize> {
    if tokens(text, 0).1 {
        return None;
    }
    super::text::lines(text).position(|(_, line)| !tokens(line, 0).1).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let shown = |token: &Token| match token {
            Token::Word(word) => word.text.clone(),
            Token::End => "⏎".to_owned(),
        };
        tokens(text, 0).0.iter().map(shown).collect()
    }

    #[test]
    fn words_as_the_shell_reads_them() {
        assert_eq!(
            texts("a 'b c'\"d $e\\\"\" f\\ g # x\nh;i"),
            ["a", "b cd $e\"", "f g", "⏎", "h", "⏎", "i"]
        );
        assert_eq!(
            texts("A=`lsb_release -i 2> /dev/null || echo Debian`\nB=$(x | (y)) C"),
            ["A=`lsb_release -i 2> /dev/null || echo Debian`", "⏎", "B=$(x | (y))", "C",]
        );
        assert_eq!(texts("a\\\nb \"c\\\nd\" e#f ''"), ["ab", "cd", "e#f", ""]);
        assert!(!tokens("a 'b", 0).1);
        assert!(tokens("a 'b'", 0).1);
    }

    #[test]
    fn places_reach_through_quotes_but_not_across_them() {
        let text = "X=\"root=/dev/sda1\" /dev/'sda'1";
        let (tokens, _) = tokens(text, 0);
        let [Token::Word(first), Token::Word(second)] = tokens.as_slice() else { panic!("{tokens:?}") };
        let at = first.text.find("/dev").unwrap();
        let (start, end) = first.place(at, first.text.len()).unwrap();
        assert_eq!(&text[start..end], "/dev/sda1");
        assert_eq!(second.place(0, second.text.len()), None);
        assert_eq!(second.place(0, 0), None);
        assert_eq!(second.place(0, 99), None);
    }

    #[test]
    fn an_open_quote_has_a_line() {
        assert_eq!(open_quote_line("A='x\ny'\nB=\"z\"\n# it's\n"), None);
        assert_eq!(open_quote_line("A=1\nB=it's\nC=\"2\"\n"), Some(2));
        assert_eq!(open_quote_line("A=\"1\nB=2\n"), Some(1));
    }

    proptest::proptest! {
        #[test]
        fn every_place_is_a_place_of_the_file(text in "[a-z'\"\\\\ =$()`#;\n/äß]{0,60}") {
            for word in words_of_file(&text) {
                for (i, c) in word.text.char_indices() {
                    let (start, end) = word.place(i, i + c.len_utf8()).unwrap();
                    let shown = c.to_string();
                    proptest::prop_assert_eq!(text.get(start..end), Some(shown.as_str()));
                }
            }
        }
    }
}
