//! The tree as the rules see it: its Rust files, and a file's tokens without comments and texts.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

/// A Rust file.
pub struct Source {
    /// Relative to the workspace, with slashes.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl Source {
    /// A sample, to show that a rule can fail.
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// An identifier, a single punctuation character, or one side of a pair of brackets.
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The directory of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace").to_path_buf()
}

/// Every Rust file of the workspace.
pub fn rust_files() -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    for directory in ["crates", "tests"] {
        collect(&root, &root.join(directory), &mut files);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 20, "only {} Rust files were found", files.len());
    files
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<Source>) {
    for entry in std::fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let path = path.strip_prefix(root).expect("it lies in the workspace").to_string_lossy().replace('\\', "/");
            files.push(Source { path, text });
        }
    }
}

/// The tokens of Rust source; literals and comments are left out, those of documentation too.
pub fn tokens(source: &Source) -> Vec<Token> {
    let stream = TokenStream::from_str(&source.text);
    let mut tokens = Vec::new();
    flatten(stream.unwrap_or_else(|error| panic!("{}: {error}", source.path)), &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(ident) => tokens.push(Token { text: ident.to_string(), line }),
            TokenTree::Punct(punct) => tokens.push(Token { text: punct.as_char().to_string(), line }),
            TokenTree::Literal(_) => {}
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                tokens.push(Token { text: open.to_owned(), line });
                let end = group.span_close().start().line;
                flatten(group.stream(), tokens);
                tokens.push(Token { text: close.to_owned(), line: end });
            }
        }
    }
}

/// Fails with all problems, one a line.
pub fn assert_none(rule: &str, problems: &[String]) {
    assert!(problems.is_empty(), "{rule}\n{}", problems.join("\n"));
}
