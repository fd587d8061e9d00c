//! Several insertions as one statement, which PostgreSQL takes: each statement is a turn, and a turn costs more than a row.
//!
//! The first ones go into the `WITH` of the last. Foreign keys are looked at when the whole of it is done, so that one row may refer to
//! another of the same statement.

use sea_orm::{DbBackend, Statement, Values};

/// The most parameters of such a statement; PostgreSQL takes 65,535, and with many a turn is no more what counts.
const PARAMETERS: usize = 1024;

/// The statements as one, if they are insertions and the engine takes that; otherwise as they are.
pub(crate) fn together(engine: DbBackend, statements: Vec<Statement>) -> Vec<Statement> {
    let parameters: usize = statements.iter().map(parameters).sum();
    let are_insertions = statements.iter().all(|statement| statement.sql.starts_with("INSERT INTO "));
    if engine != DbBackend::Postgres || statements.len() < 2 || parameters > PARAMETERS || !are_insertions {
        return statements;
    }
    let (mut sql, mut values, last) = (String::new(), Vec::with_capacity(parameters), statements.len() - 1);
    for (at, statement) in statements.into_iter().enumerate() {
        if at < last {
            sql.extend([if at == 0 { "WITH w" } else { ", w" }, at.to_string().as_str(), " AS ("]);
        } else {
            sql.push(' ');
        }
        renumber(&statement.sql, values.len(), &mut sql);
        if at < last {
            sql.push(')');
        }
        values.extend(statement.values.into_iter().flatten());
    }
    vec![Statement { sql, values: Some(Values(values)), db_backend: engine }]
}

fn parameters(statement: &Statement) -> usize {
    statement.values.as_ref().map_or(0, |values| values.0.len())
}

/// Writes a statement whose parameters come behind `before` others.
fn renumber(sql: &str, before: usize, into: &mut String) {
    let mut quote = None;
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'', '"']) {
        let (head, tail) = rest.split_at(at);
        into.push_str(head);
        let mark = if tail.starts_with('$') {
            '$'
        } else if tail.starts_with('"') {
            '"'
        } else {
            '\''
        };
        into.push(mark);
        rest = &tail[1..];
        if mark != '$' {
            // A quote inside of others is text; doubled, it ends and begins.
            quote = match quote {
                None => Some(mark),
                Some(open) if open == mark => None,
                open => open,
            };
        } else if quote.is_none() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, behind) = rest.split_at(digits);
            match number.parse::<usize>() {
                Ok(number) => *into += &(number + before).to_string(),
                Err(_) => into.push_str(number),
            }
            rest = behind;
        }
    }
    into.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str, values: &[i64]) -> Statement {
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values.iter().map(|value| (*value).into()))
    }

    #[test]
    fn insertions_become_one_statement_whose_parameters_go_on_counting() {
        let one = statement(r#"INSERT INTO "a" ("x", "y$1") VALUES ($1, '$2 is ''not'' $1', $2)"#, &[1, 2]);
        let two = statement(r#"INSERT INTO "b" ("x") VALUES ($1)"#, &[3]);
        let three = statement(r#"INSERT INTO "c" ("x") VALUES ($1)"#, &[4]);
        let [whole] = <[_; 1]>::try_from(together(DbBackend::Postgres, vec![one, two, three])).unwrap();
        let sql = r#"WITH w0 AS (INSERT INTO "a" ("x", "y$1") VALUES ($1, '$2 is ''not'' $1', $2)), w1 AS (INSERT INTO "b" ("x") VALUES ($3)) INSERT INTO "c" ("x") VALUES ($4)"#;
        assert_eq!(whole, statement(sql, &[1, 2, 3, 4]));
    }

    #[test]
    fn what_is_no_insertion_and_what_other_engines_get_stays_as_it_is() {
        let insert = statement(r#"INSERT INTO "a" ("x") VALUES ($1)"#, &[1]);
        let update = statement(r#"UPDATE "b" SET "x" = $1"#, &[2]);
        let mixed = vec![insert.clone(), update];
        assert_eq!(together(DbBackend::Postgres, mixed.clone()), mixed);
        let twice = vec![insert.clone(), insert.clone()];
        assert_eq!(together(DbBackend::MySql, twice.clone()), twice);
        assert_eq!(together(DbBackend::Postgres, vec![insert.clone()]), [insert]);
    }
}
