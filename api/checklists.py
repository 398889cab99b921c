"""Checklists and statements of incidents over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, service
from api.contract import refuses, takes
from api.incidents import visible
from api.learning_schemas import (
    DoneIn,
    DraftIn,
    DraftOut,
    DraftText,
    SkipIn,
    StatementList,
    TaskIn,
    TaskList,
    TaskOut,
)
from api.schemas import NoteIn
from monitor import incidents, playbooks, statements
from monitor.errors import Conflict, UnknownThing
from monitor.incidents import Case, Change
from monitor.learning import Learning
from monitor.playbooks import Task
from monitor.statements import Draft

blueprint = APIBlueprint(
    "checklists", __name__, url_prefix="/api/v1/incidents/<incident>", tag="处置 Response"
)
_DECISIONS = {
    statements.approve: "批准声明 / statement approved: {}",
    statements.reject: "驳回声明 / statement rejected: {}",
}


def learning() -> Learning:
    """Return what follows from incidents, as of now."""
    return Learning(service().store, service().clock())


@blueprint.get("/tasks")
@blueprint.output(TaskList)
@needs("read")
def list_tasks(incident: str) -> dict[str, Any]:
    """处置清单 / An incident's checklist, brought up to its level."""
    visible(incident)
    return {"items": learning().checklist(incident)}


@blueprint.post("/tasks")
@blueprint.output(TaskOut, 201)
@takes(TaskIn)
@refuses(409)
@needs("manage")
def add_task(incident: str, body: TaskIn) -> Task:
    """添加事项 / Add a step of your own."""
    held, now = visible(incident).incident, service().clock()
    task = playbooks.own_task(held, text=body.text, owner=body.owner, due_at=body.due_at, now=now)

    def put(case: Case) -> None:
        if not case.is_open:
            raise Conflict("事件已结束 / the incident has ended")
        service().store.tasks.put([task])

    service().room.change(incident, put, now)
    return task


@blueprint.post("/tasks/<task>/finish")
@blueprint.output(TaskOut)
@takes(DoneIn)
@refuses(409)
@needs("manage")
def finish_task(incident: str, task: str, body: DoneIn) -> Task:
    """完成事项 / Record that a step is done."""
    return _step(incident, task, partial(_finished, note=body.note))


@blueprint.post("/tasks/<task>/skip")
@blueprint.output(TaskOut)
@takes(SkipIn)
@refuses(409)
@needs("manage")
def skip_task(incident: str, task: str, body: SkipIn) -> Task:
    """标为不适用 / Skip a step that does not apply."""
    return _step(incident, task, partial(_finished, note=body.note, skipped=True))


@blueprint.post("/tasks/<task>/reopen")
@blueprint.output(TaskOut)
@refuses(409)
@needs("manage")
def reopen_task(incident: str, task: str) -> Task:
    """撤销完成 / Take up again a step that was marked by mistake."""
    return _step(incident, task, playbooks.take_up)


def _finished(task: Task, **more: Any) -> Task:
    return playbooks.finish(task, actor=caller().name, now=service().clock(), **more)


def _step(incident_id: str, task_id: str, step: Callable[[Task], Task]) -> Task:
    visible(incident_id)
    if service().store.tasks.get(task_id).incident_id != incident_id:
        raise UnknownThing(f"没有任务“{task_id}” / no such task: {task_id}")
    return service().store.tasks.change(task_id, step)


@blueprint.get("/statements")
@blueprint.output(StatementList)
@needs("read")
def list_statements(incident: str) -> dict[str, Any]:
    """声明与模板 / An incident's statements, and the templates it may start from."""
    visible(incident)
    return {
        "items": service().store.drafts.of(incident),
        "templates": [
            {"key": key, "name": template.name, "text": template.text}
            for key, template in learning().templates(incident).items()
        ],
    }


@blueprint.post("/statements")
@blueprint.output(DraftOut, 201)
@takes(DraftIn)
@needs("manage")
def add_statement(incident: str, body: DraftIn) -> Draft:
    """起草声明 / Write a draft of a template, filled from counted facts, for people to complete."""
    visible(incident)
    return learning().draft(incident, body.template, actor=caller().name, language=body.language)


@blueprint.patch("/statements/<statement>")
@blueprint.output(DraftOut)
@takes(DraftText)
@refuses(409)
@needs("manage")
def revise_statement(incident: str, statement: str, body: DraftText) -> Draft:
    """修改草稿 / Complete or change a draft."""
    _own(incident, statement)
    return service().store.drafts.change(
        statement,
        lambda held: statements.revise(
            held, text=body.text, actor=caller().name, now=service().clock()
        ),
    )


@blueprint.post("/statements/<statement>/approve")
@blueprint.output(DraftOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def approve_statement(incident: str, statement: str, body: NoteIn) -> Draft:
    """批准声明 / Approve a statement; nothing is published by this service."""
    return _decide(incident, statement, statements.approve, body.note)


@blueprint.post("/statements/<statement>/reject")
@blueprint.output(DraftOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def reject_statement(incident: str, statement: str, body: NoteIn) -> Draft:
    """驳回声明 / Reject a statement."""
    return _decide(incident, statement, statements.reject, body.note)


def _decide(incident_id: str, draft_id: str, decide: Callable[..., Draft], note: str) -> Draft:
    _own(incident_id, draft_id)
    actor, now = caller().name, service().clock()
    drafts = service().store.drafts

    def written(case: Case) -> Change:
        decided = drafts.change(
            draft_id, lambda held: decide(held, actor=actor, now=now, note=note)
        )
        line = _DECISIONS[decide].format(decided.template)
        return incidents.note(case, actor=actor, text=line, now=now)

    service().room.change(incident_id, written, now)
    return drafts.get(draft_id)


def _own(incident_id: str, draft_id: str) -> None:
    visible(incident_id)
    if service().store.drafts.get(draft_id).incident_id != incident_id:
        raise UnknownThing(f"没有声明草稿“{draft_id}” / no such draft: {draft_id}")
