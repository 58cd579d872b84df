"""What people/test_opinions.py says holds over PostgreSQL as well."""

from __future__ import annotations

from people_postgres_kit import again

globals().update(again("people/test_opinions"))
