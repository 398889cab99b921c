"""The pages people open: the dashboard at `/`, the API reference at `/docs`, and their files.

Everything is read once, when the blueprint is made: the files are few, and a page and its modules
then always belong together. An address carries the digest of what it names, so browsers may keep
it for ever.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import logging
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template, request

from api import links

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
STATIC = HERE / "static"
CHARTS = HERE.parent / "build/assets/instaui_echarts/static/echarts.esm.min.js"
CHARTS_SHA384 = "2svH5QplTeBKhRXWxXOJE2P6pRpgnqVq8l8U1dYXUBXvc2zJ/FMMardtnPnnCXnt"
"""Apache ECharts 6.1.0, dist/echarts.esm.min.js as published on npm."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"

_log = logging.getLogger(__name__)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it goes out: as it is, and gzipped."""

    body: bytes
    packed: bytes
    mimetype: str

    @classmethod
    def of(cls, path: Path) -> Asset:
        """Read a file."""
        body = path.read_bytes()
        guess = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
        return cls(body, gzip.compress(body, mtime=0), guess)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The files by address below `/assets/`, and what the templates must know of them."""

    files: dict[str, Asset]
    base: str
    modules: list[str]
    charts: str

    @classmethod
    def of(cls, static: Path, charts: Path) -> Shelf:
        """Read the page's own files and, where it is what it should be, ECharts."""
        own = {path.name: Asset.of(path) for path in sorted(static.iterdir())}
        release = digest(asset.body for asset in own.values())
        files = {f"{release}/{name}": asset for name, asset in own.items()}
        drawing = genuine(charts)
        address = ""
        if drawing:
            address = f"{digest([drawing.body])}/echarts.js"
            files[address] = drawing
        modules = [name for name in own if name.endswith(".js") and name != "boot.js"]
        return cls(files, f"/assets/{release}", modules, address and f"/assets/{address}")


def create_pages(charts: Path = CHARTS) -> Blueprint:
    """Return the blueprint `pages`.

    Parameters
    ----------
    charts : Path
        ECharts' module. Where it is absent, or is not the file it should be, the pages work
        without charts and say so.

    """
    pages = Blueprint("pages", __name__, template_folder="templates")
    shelf = Shelf.of(STATIC, charts)

    @pages.get("/")
    def home() -> Response:
        return shell("page.html", shelf)

    @pages.get("/docs")
    def docs() -> Response:
        return shell("docs.html", shelf)

    @pages.get("/assets/<path:name>")
    def asset(name: str) -> Response:
        if name not in shelf.files:
            abort(404)
        return send(shelf.files[name])

    links.add_to(pages, shelf)
    pages.after_request(harden)
    return pages


def shell(template: str, shelf: Shelf) -> Response:
    """Answer with a page, or with 304 where the browser has it."""
    html = render_template(template, shelf=shelf, integrity=f"sha384-{CHARTS_SHA384}")
    response = Response(html, mimetype="text/html")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def digest(bodies: Iterable[bytes]) -> str:
    """Return sixteen hex digits that change when any of the bodies does."""
    total = hashlib.sha256()
    for body in bodies:
        total.update(hashlib.sha256(body).digest())
    return total.hexdigest()[:16]


def genuine(path: Path) -> Asset | None:
    """Return ECharts' file, or None where it is absent or has another content."""
    if not path.is_file():
        return None
    asset = Asset.of(path)
    if base64.b64encode(hashlib.sha384(asset.body).digest()).decode() != CHARTS_SHA384:
        _log.warning("charts are off: %s is not the ECharts release expected", path.name)
        return None
    return asset


def send(asset: Asset) -> Response:
    """Answer with a file, gzipped where the browser takes it."""
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(asset.packed if packed else asset.body, mimetype=asset.mimetype)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = FOR_EVER
    return response


def harden(response: Response) -> Response:
    """Put the security headers on a page's or a file's answer."""
    response.headers.update(HEADERS)
    return response
