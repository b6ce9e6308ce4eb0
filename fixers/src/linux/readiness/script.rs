//! GRUB's scripts as a tree (GRUB manual, "Shell-like scripting"): commands, conditions, and blocks in braces.

use crate::linux::shell::{Token, tokens};

/// Blocks and conditions within each other that are followed; configurations have five or six.
const MAX_DEPTH: usize = 32;

/// A piece of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A command with its arguments, variables not yet replaced.
    Command(Vec<String>),
    /// Conditions with what follows from each, and what is done if none holds.
    If(Vec<(Vec<Node>, Vec<Node>)>, Vec<Node>),
    /// `menuentry … { }`, `submenu … { }`, `function … { }`, and bodies of loops.
    Block(Vec<String>, Vec<Node>),
}

/// Words that structure a script.
const KEYWORDS: [&str; 13] =
    ["if", "then", "elif", "else", "fi", "while", "until", "for", "do", "done", "{", "}", "!"];

enum Piece {
    Keyword(&'static str),
    Command(Vec<String>),
}

/// Takes a script apart. What is left open ends with the text.
pub(super) fn parse(text: &str) -> Vec<Node> {
    let mut pieces = Vec::new();
    let mut command: Vec<String> = Vec::new();
    for token in tokens(text, 0).0 {
        match token {
            Token::Word(word) => match KEYWORDS.iter().find(|k| **k == word.text) {
                // `!` inside of `[ … ]` is an argument.
                Some(&"!") if !command.is_empty() => command.push(word.text),
                Some(keyword) => {
                    end(&mut command, &mut pieces);
                    pieces.push(Piece::Keyword(keyword));
                }
                None => command.push(word.text),
            },
            Token::End => end(&mut command, &mut pieces),
        }
    }
    end(&mut command, &mut pieces);
    let mut parser = Parser { pieces: pieces.into_iter().peekable() };
    let mut nodes = Vec::new();
    while parser.pieces.peek().is_some() {
        nodes.extend(parser.list(&[], 0));
        // A keyword that closes nothing.
        parser.pieces.next();
    }
    nodes
}

fn end(command: &mut Vec<String>, pieces: &mut Vec<Piece>) {
    if !command.is_empty() {
        pieces.push(Piece::Command(std::mem::take(command)));
    }
}

struct Parser {
    pieces: std::iter::Peekable<std::vec::IntoIter<Piece>>,
}

impl Parser {
    /// Nodes up to a keyword that ends them, which stays.
    fn list(&mut self, ends: &[&str], depth: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.peek() {
            match piece {
                Piece::Keyword(k) if ends.contains(k) => break,
                Piece::Keyword("if") if depth < MAX_DEPTH => {
                    self.pieces.next();
                    nodes.push(self.condition(depth + 1));
                }
                Piece::Keyword("{" | "do") if depth < MAX_DEPTH => {
                    let Some(Piece::Keyword(open)) = self.pieces.next() else { break };
                    let close = if open == "{" { "}" } else { "done" };
                    let body = self.list(&[close], depth + 1);
                    self.pieces.next();
                    let head = match nodes.last() {
                        Some(Node::Command(words)) if open == "{" && has_block(words) => {
                            let words = words.clone();
                            nodes.pop();
                            words
                        }
                        _ => Vec::new(),
                    };
                    nodes.push(Node::Block(head, body));
                }
                Piece::Keyword("while" | "until" | "for" | "!" | "if" | "{" | "do") => {
                    self.pieces.next();
                }
                Piece::Keyword(_) if depth == 0 => break,
                Piece::Keyword(_) => {
                    self.pieces.next();
                }
                Piece::Command(_) => {
                    if let Some(Piece::Command(words)) = self.pieces.next() {
                        nodes.push(Node::Command(words));
                    }
                }
            }
        }
        nodes
    }

    /// What follows `if`, with its `fi`.
    fn condition(&mut self, depth: usize) -> Node {
        let mut branches = Vec::new();
        loop {
            let condition = self.list(&["then", "fi"], depth);
            self.pieces.next_if(|p| matches!(p, Piece::Keyword("then")));
            let body = self.list(&["elif", "else", "fi"], depth);
            branches.push((condition, body));
            match self.pieces.next() {
                Some(Piece::Keyword("elif")) => {}
                Some(Piece::Keyword("else")) => {
                    let otherwise = self.list(&["fi"], depth);
                    self.pieces.next();
                    return Node::If(branches, otherwise);
                }
                _ => return Node::If(branches, Vec::new()),
            }
        }
    }
}

fn has_block(words: &[String]) -> bool {
    words.first().is_some_and(|w| matches!(w.as_str(), "menuentry" | "submenu" | "function"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Node {
        Node::Command(words.iter().map(|w| (*w).to_owned()).collect())
    }

    #[test]
    fn the_tree_of_a_script() {
        let text =
            "if [ ! -s x ]; then\n a\nelif b; then c; else d; fi\nmenuentry 'T {' --id t {\n linux /k\n}\ne";
        let tree = parse(text);
        assert_eq!(
            tree,
            [
                Node::If(
                    vec![
                        (vec![command(&["[", "!", "-s", "x", "]"])], vec![command(&["a"])]),
                        (vec![command(&["b"])], vec![command(&["c"])]),
                    ],
                    vec![command(&["d"])],
                ),
                Node::Block(
                    ["menuentry", "T {", "--id", "t"].map(str::to_owned).to_vec(),
                    vec![command(&["linux", "/k"])],
                ),
                command(&["e"]),
            ]
        );
    }

    #[test]
    fn open_ends_and_strays_end_nowhere_else() {
        assert_eq!(parse("fi\na"), [command(&["a"])]);
        assert_eq!(parse("menuentry x {\na").len(), 1);
        let deep = "if a; then\n".repeat(100_000);
        parse(&deep);
        parse(&"{ ".repeat(100_000));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "((if|then|elif|else|fi|while|do|done|\\{|\\}|a|!|\\[|\\]|'|\"|;)[ \n]?){0,60}") {
            parse(&text);
        }
    }
}
