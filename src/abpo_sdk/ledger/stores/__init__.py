"""Where a ledger is kept: SQLite by the standard library, Postgres by psycopg, and the SQL that both understand."""
