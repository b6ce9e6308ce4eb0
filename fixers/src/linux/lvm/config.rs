//! lvm.conf's syntax (lvm.conf(5), "SYNTAX"): `key = value` in sections with braces, `#` begins a comment. Sections
//! are not told apart: the names looked for are each in one section only.

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// Its name without the section.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A number or anything without quotes.
    Word(String),
    /// A string.
    Text(String),
    /// The strings of an array.
    List(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

/// Every setting of a file, in order.
pub(super) fn settings(text: &str) -> Vec<Setting> {
    let mut tokens = tokens(text).into_iter().peekable();
    let mut found = Vec::new();
    while let Some(token) = tokens.next() {
        let Token::Word(name) = token else { continue };
        if tokens.next_if_eq(&Token::Mark('=')).is_none() {
            continue;
        }
        let value = match tokens.next() {
            Some(Token::Word(word)) => Value::Word(word),
            Some(Token::Text(text)) => Value::Text(text),
            Some(Token::Mark('[')) => {
                let inside = tokens.by_ref().take_while(|t| *t != Token::Mark(']'));
                Value::List(
                    inside
                        .filter_map(|t| if let Token::Text(text) = t { Some(text) } else { None })
                        .collect(),
                )
            }
            _ => continue,
        };
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        found.push(Setting { name, value });
    }
    found
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' | '\'' => tokens.push(Token::Text(quoted(&mut chars, c))),
            '=' | '[' | ']' | '{' | '}' | ',' => tokens.push(Token::Mark(c)),
            c if c.is_whitespace() => {}
            c => {
                let mut word = String::from(c);
                let more = |c: &char| !c.is_whitespace() && !"#\"'=[]{},".contains(*c);
                while let Some(c) = chars.next_if(more) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

fn quoted(chars: &mut impl Iterator<Item = char>, quote: char) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c if c == quote => break,
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_all_kinds() {
        let text = "devices {\n  # filter = [ \"x\" ]\n\tuse_devicesfile=1\n dir = \"/dev\" # c\n\
                    filter = [ \"a|^/dev/sda$|\",\n   'r|\\'.*|' ]\n}\ndevices/devicesfile = \"a.devices\"\nbroken =";
        let shown: Vec<String> =
            settings(text).iter().map(|s| format!("{}: {:?}", s.name, s.value)).collect();
        assert_eq!(
            shown,
            [
                "use_devicesfile: Word(\"1\")",
                "dir: Text(\"/dev\")",
                "filter: List([\"a|^/dev/sda$|\", \"r|'.*|\"])",
                "devicesfile: Text(\"a.devices\")",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n]{0,80}|\\PC{0,40}") {
            settings(&text);
        }
    }
}
