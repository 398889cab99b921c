"""The page behind a message's link: take an incident on from a phone, without signing in.

A look at the page changes nothing, for chats fetch links to preview them; the button does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from api.access import service
from monitor import incidents
from monitor.errors import Conflict, MonitorError
from monitor.notify.texts import clean

if TYPE_CHECKING:
    from flask import Blueprint

    from api.pages import Shelf
    from monitor.incidents import Case, Change
    from monitor.links import Ticket

_LONGEST_NAME = 40
_MOST_BYTES = 4096


def add_to(pages: Blueprint, shelf: Shelf) -> None:
    """Add the page to the blueprint of pages."""

    @pages.get("/a/<token>")
    def ask(token: str) -> Response:
        return _ask(shelf, token)

    @pages.post("/a/<token>")
    def take(token: str) -> Response:
        return _take(shelf, token)


def _ask(shelf: Shelf, token: str) -> Response:
    try:
        ticket = service().room.links.read(token, service().clock())
        case = _present(ticket.incident)
    except MonitorError as error:
        return _page(shelf, 410, refused=error.message)
    if service().store.incidents.is_spent(ticket.mark):
        return _page(shelf, 410, case=case, refused=_SPENT)
    return _page(shelf, 200, case=case, offered=incidents.is_waiting(case))


def _take(shelf: Shelf, token: str) -> Response:
    if (request.content_length or 0) > _MOST_BYTES:
        raise RequestEntityTooLarge
    try:
        now = service().clock()
        ticket = service().room.links.read(token, now)
        incident = _present(ticket.incident).incident.id
        change = service().room.change(incident, partial(_spend, ticket, _name(), now), now)
    except MonitorError as error:
        return _page(shelf, 409 if isinstance(error, Conflict) else 410, refused=error.message)
    return _page(shelf, 200, case=change.case if change else None, done=True)


def _present(incident_id: str) -> Case:
    """Return the case of a link; of one that was merged away, the one that it went into."""
    case = service().store.incidents.get(incident_id)
    while case.incident.merged_into:
        case = service().store.incidents.get(case.incident.merged_into)
    return case


_SPENT = "这个链接已用过一次 / this link has been used"


def _spend(ticket: Ticket, name: str, now: int, case: Case) -> Change:
    """Use the link up and take the case on, in one transaction; raises Conflict."""
    if not service().store.incidents.spend(ticket.mark, now):
        raise Conflict(_SPENT)
    channel = service().store.channels.find(ticket.channel)
    where = channel.name if channel else ticket.channel
    # Anybody may write any name: whose message it was is what is known.
    actor = f"{name}（{where}）" if name else where
    return incidents.acknowledge(
        case, actor=actor, note="经消息里的链接 / by the link in a message", now=now
    )


def _name() -> str:
    return clean(request.form.get("name", ""))[:_LONGEST_NAME]


def _page(shelf: Shelf, status: int, **known: Any) -> Response:
    case: Case | None = known.get("case")
    brand = None
    if case is not None:
        brand = service().store.brands.named({case.incident.brand}).get(case.incident.brand)
    html = render_template("acknowledge.html", shelf=shelf, brand=brand, **known)
    return Response(html, status, {"Cache-Control": "no-store"}, mimetype="text/html")
