"""Playbooks over HTTP: those in force, and users' own."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api.access import caller, needs, service
from api.checklists import learning
from api.contract import takes
from api.learning_schemas import PlaybookIn, PlaybookList, PlaybookOut
from monitor import playbooks
from monitor.playbooks import Playbook

blueprint = APIBlueprint("playbooks", __name__, url_prefix="/api/v1/playbooks", tag="处置 Response")


@blueprint.get("")
@blueprint.output(PlaybookList)
@needs("read")
def list_playbooks() -> dict[str, Any]:
    """预案列表 / The playbooks in force, the shipped ones included."""
    found = [playbook for playbook in learning().playbooks() if _is_visible(playbook)]
    return {"items": [_shown(playbook) for playbook in found]}


@blueprint.put("/<playbook>")
@blueprint.output(PlaybookOut)
@takes(PlaybookIn)
@needs("admin")
def put_playbook(playbook: str, body: PlaybookIn) -> dict[str, Any]:
    """新建或替换预案 / Add a playbook, or put one in the place of another, a shipped one too."""
    read = playbooks.read({"id": playbook, **body.model_dump()})
    service().store.playbooks.put(read, service().clock())
    return _shown(read)


@blueprint.delete("/<playbook>")
@blueprint.doc(responses={204: "已删除 / deleted"})
@needs("admin")
def delete_playbook(playbook: str) -> Response:
    """删除自定义预案 / Delete a playbook of your own; a shipped one of its name holds again."""
    service().store.playbooks.delete(playbook)
    return Response(status=204)


def _is_visible(playbook: Playbook) -> bool:
    return not playbook.brands or any(caller().may_see(brand) for brand in playbook.brands)


def _shown(playbook: Playbook) -> dict[str, Any]:
    return {
        **playbooks.written(playbook),
        "brands": [brand for brand in playbook.brands if caller().may_see(brand)],
        "shipped": playbook in playbooks.shipped(),
    }
