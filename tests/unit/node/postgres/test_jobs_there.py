"""What care/test_jobs.py says holds over PostgreSQL as well."""

from __future__ import annotations

from people_postgres_kit import again

globals().update(again("care/test_jobs"))
