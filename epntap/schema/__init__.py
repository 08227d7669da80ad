"""The shape of the database: its fixed tables described once (`tables`), and how a database gets there (`versions`).

`upgrade` alone imports Alembic, `tables` and `statements` import SQLAlchemy; whoever only asks whether a database is
up to date needs neither.
"""
