"""Runs every report in Athena's and BigQuery's dialect, and compares what it finds with what is there.

Neither engine can run here. sqlglot reads the SQL strictly in each dialect and writes it for DuckDB, which runs it over
the same records in the shape that the store gives them: for Athena lines of JSON with structs, lists and maps, for
BigQuery the rows of `insertAll` in the table that our DDL makes, under our view. That shows that the SQL is whole, means
what it should, and fits the schema; it does not show what an engine's own type checker or quotas would say.
"""

import json
import os
import sys
import tempfile

import duckdb
import sqlglot
from sqlglot import ErrorLevel

# As Glue's table has it.
ATHENA = """
    v INTEGER, record_id VARCHAR, request_id VARCHAR, kind VARCHAR, ts BIGINT, caller VARCHAR, "user" VARCHAR,
    surface VARCHAR, operation VARCHAR, model VARCHAR, decision VARCHAR, blocked BOOLEAN, blocked_reason VARCHAR,
    risk_score INTEGER, rules VARCHAR[], redactions MAP(VARCHAR, INTEGER), prompt VARCHAR, answer VARCHAR,
    prompt_hmac VARCHAR, tokens STRUCT(prompt BIGINT, cached BIGINT, candidates BIGINT, thoughts BIGINT,
    tool_use BIGINT, total BIGINT), cost_micros BIGINT, latency_ms BIGINT, upstream_status INTEGER, error VARCHAR,
    policy_version VARCHAR, key_version VARCHAR, pepper_id VARCHAR, writer_id VARCHAR, seq BIGINT, prev_hash VARCHAR,
    voids STRUCT(seq BIGINT, hash VARCHAR)[], hash VARCHAR, dt VARCHAR, hour VARCHAR
"""

# Words that are no names unless they are quoted, which sqlglot does not mind: the lexical structure of GoogleSQL, and
# Trino's reserved keywords, 2026-11.
RESERVED = {
    "bigquery": """ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS
        CUBE CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
        FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN
        LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING
        PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE
        UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN""".split(),
    "athena": """ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
        CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP
        ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT
        INTO IS JOIN LEFT LIKE LISTAGG LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE
        RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE
        WITH""".split(),
}


def written_for_duckdb(sql, dialect):
    [parsed] = sqlglot.parse(sql, read=dialect, error_level=ErrorLevel.RAISE)
    for name in parsed.find_all(sqlglot.exp.Identifier):
        assert name.quoted or name.name.upper() not in RESERVED[dialect], f"{dialect}: {name} must be quoted"
    # How a table is partitioned and described is nothing that DuckDB knows.
    if isinstance(parsed, sqlglot.exp.Create):
        parsed.set("properties", None)
        for options in list(parsed.find_all(sqlglot.exp.Properties)):
            options.pop()
    return parsed.sql("duckdb", unsupported_level=ErrorLevel.RAISE)


def athena(given):
    engine = duckdb.connect()
    engine.execute(f"CREATE TABLE audit ({ATHENA})")
    insert(engine, "audit", [{**json.loads(line), **given["partition"]} for line in given["lines"]])
    return engine


def bigquery(given):
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute("ATTACH ':memory:' AS p")
    engine.execute("CREATE SCHEMA p.d")
    table, view = given["schema"]
    engine.execute(written_for_duckdb(table, "bigquery"))
    engine.execute(written_for_duckdb(view, "bigquery"))
    insert(engine, "p.d.audit_records", given["rows"])
    return engine


def insert(engine, table, rows):
    """Adds rows as JSON, each field cast to its column's type; a field without a column is an error."""
    columns = {name: kind for name, kind, *_ in engine.execute(f"DESCRIBE {table}").fetchall()}
    for row in rows:
        unknown = set(row) - set(columns)
        assert not unknown, f"{table} has no {unknown}"
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    try:
        engine.execute(
            f"INSERT INTO {table} BY NAME SELECT * FROM read_json(?, columns = ?, format = 'newline_delimited')",
            [file.name, columns],
        )
    finally:
        os.unlink(file.name)


def cells(row):
    return [None if value is None else str(value) for value in row]


def same(found, expected):
    if found == expected:
        return True
    try:
        return float(found) == float(expected)
    except (TypeError, ValueError):
        return False


def check(dialect, engine, given):
    for name, sql in given["queries"][dialect].items():
        found = [cells(row) for row in engine.execute(written_for_duckdb(sql, dialect)).fetchall()]
        names = [column[0] for column in engine.description]
        assert names == given["columns"][name], f"{dialect} {name}: {names}"
        expected = given["expected"][name]
        alike = len(found) == len(expected) and all(
            len(one) == len(other) and all(map(same, one, other)) for one, other in zip(found, expected)
        )
        assert alike, f"{dialect} {name}:\n found    {found}\n expected {expected}"


given = json.load(sys.stdin)
for dialect, make in [("athena", athena), ("bigquery", bigquery)]:
    check(dialect, make(given), given)
engine = bigquery(given)
doubles, once = (engine.execute(f"SELECT count(*) FROM p.d.{name}").fetchone()[0] for name in ("audit_records", "audit"))
assert doubles == 2 * once == len(given["rows"]), (doubles, once)
