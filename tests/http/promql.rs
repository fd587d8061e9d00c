//! As much of Prometheus' query language as it takes to see which series a query asks for.

use std::collections::BTreeSet;

/// A series that a query selects: the metric's name and the labels that it is selected by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) metric: String,
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Sign(char),
}

/// Words and signs; texts, numbers and ranges of time are left out.
fn tokens(query: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = query.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => while rest.next().is_some_and(|c| c != '"') {},
            '[' => while rest.next().is_some_and(|c| c != ']') {},
            _ if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':')) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            _ if c.is_ascii_digit() => while rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '.').is_some() {},
            _ if c.is_whitespace() => {}
            _ => tokens.push(Token::Sign(c)),
        }
    }
    tokens
}

const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

/// The words up to the sign that closes what the token before `at` opened, and the place behind it.
fn inside(tokens: &[Token], at: usize, close: char) -> (Vec<String>, usize) {
    let end = tokens[at..].iter().position(|token| *token == Token::Sign(close)).expect("a closing sign") + at;
    let words = tokens[at..end].iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.clone()),
        Token::Sign(_) => None,
    });
    (words.collect(), end + 1)
}

/// What a query asks for, and the labels that it groups by.
fn parse(query: &str) -> (Vec<Asked>, BTreeSet<String>) {
    let tokens = tokens(query);
    let (mut asked, mut grouped, mut at) = (Vec::new(), BTreeSet::new(), 0);
    while at < tokens.len() {
        let Token::Word(word) = &tokens[at] else {
            at += 1;
            continue;
        };
        at += 1;
        let next = tokens.get(at);
        let opens = next == Some(&Token::Sign('('));
        if GROUPING.contains(&word.as_str()) {
            if opens {
                let (labels, end) = inside(&tokens, at + 1, ')');
                grouped.extend(labels);
                at = end;
            }
        } else if next == Some(&Token::Sign('{')) {
            let (labels, end) = inside(&tokens, at + 1, '}');
            asked.push(Asked { metric: word.clone(), labels });
            at = end;
        } else {
            let aggregates = matches!(next, Some(Token::Word(next)) if GROUPING[..2].contains(&next.as_str()));
            if !opens && !aggregates && !OPERATORS.contains(&word.as_str()) {
                asked.push(Asked { metric: word.clone(), labels: Vec::new() });
            }
        }
    }
    (asked, grouped)
}

/// The series that a query, or a line of what a server exports, names.
pub(crate) fn asked(query: &str) -> Vec<Asked> {
    parse(query).0
}

/// The labels that a query groups or joins by.
pub(crate) fn grouped_by(query: &str) -> BTreeSet<String> {
    parse(query).1
}

#[test]
fn a_query_is_read_as_prometheus_reads_it() {
    let query = r#"topk(10, histogram_quantile(0.95, sum by (route, le) (rate(a_bucket{job=~"x|y{}", z!="b"}[$__rate_interval]))))
        / ignoring (c) group_left sum without (d) (e{} offset 5m) > bool 2e3 and on (f) g unless time() - h:i > 1"#;
    let series = |metric: &str, labels: &[&str]| Asked {
        metric: metric.to_owned(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
    };
    let expected = [series("a_bucket", &["job", "z"]), series("e", &[]), series("g", &[]), series("h:i", &[])];
    assert_eq!(asked(query), expected);
    assert_eq!(grouped_by(query), ["c", "d", "f", "le", "route"].map(str::to_owned).into());
}
