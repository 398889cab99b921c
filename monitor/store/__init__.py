"""Stores: what is kept, and where. `DATABASE_URL` names one; the rest of the code sees `Store`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from monitor.errors import ConfigurationError
from monitor.store.sqlite import SqliteStore as Store
from monitor.store.views import Cursor, MentionQuery, MentionView, Part, cursor_of

__all__ = ["Cursor", "MentionQuery", "MentionView", "Part", "Store", "cursor_of", "open_store"]


def open_store(url: str) -> Store:
    """Open the store a URL names and bring its tables up to date.

    Parameters
    ----------
    url : str
        `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.

    Raises
    ------
    ConfigurationError
        The URL names no store we know.

    """
    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) < 2:
        raise ConfigurationError(
            "DATABASE_URL 须形如 sqlite:///data/tingfeng.db / "
            "DATABASE_URL must look like sqlite:///data/tingfeng.db"
        )
    store = Store(Path(parts.path[1:]))
    store.migrate()
    return store
