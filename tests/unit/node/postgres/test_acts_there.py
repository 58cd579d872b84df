"""What people/test_acts.py says holds over PostgreSQL as well."""

from __future__ import annotations

from people_postgres_kit import again

globals().update(again("people/test_acts"))
