//! `gatehouse audit table`: BigQuery's table and the view without doubles.

use std::io::Write;

use shared::audit::warehouse;
use shared::config::Strings;
use shared::google::bigquery::Dataset;

use super::Error;
use crate::aws;
use crate::google::BigQuery;

/// Makes them, or prints the SQL that would.
pub(super) fn execute(
    dataset: &Dataset,
    print: bool,
    settings: &dyn Strings,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let statements = warehouse::schema(&dataset.to_string());
    if print {
        return statements.iter().try_for_each(|sql| writeln!(out, "{};", sql.trim_end())).map_err(Error::Print);
    }
    aws::wait(make(dataset, &statements, settings))?;
    let (table, view) = (dataset.table(warehouse::TABLE), dataset.table(warehouse::VIEW));
    writeln!(out, "The table {table} and the view {view} are there.").map_err(Error::Print)
}

async fn make(dataset: &Dataset, statements: &[String], settings: &dyn Strings) -> Result<(), Error> {
    let bigquery = BigQuery::open(dataset, settings)?;
    for sql in statements {
        bigquery.query(sql).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_sql_can_be_read_before_it_is_run() {
        let dataset = crate::google::dataset("p.d").unwrap();
        let mut out = Vec::new();
        execute(&dataset, true, &HashMap::<&str, &str>::new(), &mut out).unwrap();
        let sql = String::from_utf8(out).unwrap();
        assert!(sql.contains("CREATE TABLE IF NOT EXISTS `p.d.audit_records` ("), "{sql}");
        assert!(sql.contains("CREATE OR REPLACE VIEW `p.d.audit` AS"), "{sql}");
        assert_eq!(sql.matches(";\n").count(), 2, "{sql}");
    }
}
