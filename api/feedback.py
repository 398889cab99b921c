"""客户反馈循环 over HTTP: insights, actions, and whether they helped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, require_brand, service
from api.checklists import learning
from api.contract import cursor, refuses, takes
from api.incidents import visible
from api.learning_schemas import (
    ActionIn,
    ActionOut,
    ActionPage,
    ActionsQuery,
    FinishIn,
    InformIn,
    InsightList,
    OutcomeOut,
    OutcomeQuery,
)
from api.schemas import PeriodQuery
from monitor import feedback
from monitor.errors import InputError, UnknownThing
from monitor.feedback import Action

blueprint = APIBlueprint(
    "feedback", __name__, url_prefix="/api/v1/brands/<brand>", tag="改进 Feedback"
)


@blueprint.get("/insights")
@blueprint.input(PeriodQuery, location="query", arg_name="query")
@blueprint.output(InsightList)
@needs("read")
def list_insights(brand: str, query: PeriodQuery) -> dict[str, Any]:
    """客户洞察 / What customers say and ask for, against as long a window before."""
    require_brand(brand)
    start, end = query.window(service().clock())
    items = learning().insights(brand, start, end) if start < end else []
    return {"brand": brand, "start": start, "end": end, "items": items}


@blueprint.get("/actions")
@blueprint.input(ActionsQuery, location="query", arg_name="query")
@blueprint.output(ActionPage)
@needs("read")
def list_actions(brand: str, query: ActionsQuery) -> dict[str, Any]:
    """改进行动 / A brand's actions, newest first."""
    found = service().store.actions.page(
        require_brand(brand),
        is_open=query.open,
        before=cursor(query.cursor),
        limit=query.limit,
    )
    full = len(found) == query.limit
    return {
        "items": found,
        "next": f"{found[-1].created_at}_{found[-1].id}" if full else None,
    }


@blueprint.post("/actions")
@blueprint.output(ActionOut, 201)
@takes(ActionIn)
@needs("manage")
def add_action(brand: str, body: ActionIn) -> Action:
    """立项改进 / Turn an insight into an action."""
    require_brand(brand)
    if body.incident is not None and visible(body.incident).incident.brand != brand:
        raise InputError("事件不属于该品牌 / not an incident of this brand", field="incident")
    now = service().clock()
    start, end = body.insight.window(now)
    action = feedback.plan(
        brand,
        learning().subject(brand, body.insight.kind, body.insight.name, start, end),
        text=body.text,
        owner=body.owner,
        due_at=body.due_at,
        actor=caller().name,
        now=now,
        incident_id=body.incident,
    )
    service().store.actions.add(action)
    return action


@blueprint.get("/actions/<action>")
@blueprint.output(ActionOut)
@needs("read")
def get_action(brand: str, action: str) -> Action:
    """查看行动 / One action."""
    return _own(brand, action)


@blueprint.post("/actions/<action>/finish")
@blueprint.output(ActionOut)
@takes(FinishIn)
@refuses(409)
@needs("manage")
def finish_action(brand: str, action: str, body: FinishIn) -> Action:
    """完成行动 / Record that an action is done, and who was told."""
    actor, now = caller().name, service().clock()
    return _change(
        brand,
        action,
        lambda held: feedback.finish(held, actor=actor, now=now, told_to=body.told_to),
    )


@blueprint.post("/actions/<action>/inform")
@blueprint.output(ActionOut)
@takes(InformIn)
@needs("manage")
def inform_of_action(brand: str, action: str, body: InformIn) -> Action:
    """记录告知 / Record who else was told."""
    return _change(brand, action, lambda held: feedback.inform(held, told_to=body.told_to))


@blueprint.get("/actions/<action>/outcome")
@blueprint.input(OutcomeQuery, location="query", arg_name="query")
@blueprint.output(OutcomeOut)
@refuses(409)
@needs("read")
def get_outcome(brand: str, action: str, query: OutcomeQuery) -> dict[str, Any]:
    """改进成效 / Whether complaints fell after an action, with the interval."""
    found = learning().outcome(_own(brand, action), query.days)
    return {
        "verdict": found.verdict,
        "before": found.before,
        "after": found.after,
        "change": found.change,
        "windows": [{"start": start, "end": end} for start, end in found.spans],
        "complete": found.complete,
        "summary": found.summary,
    }


def _own(brand: str, action_id: str) -> Action:
    require_brand(brand)
    found = service().store.actions.get(action_id)
    if found.brand != brand:
        raise UnknownThing(f"没有行动“{action_id}” / no such action: {action_id}")
    return found


def _change(brand: str, action_id: str, step: Callable[[Action], Action]) -> Action:
    _own(brand, action_id)
    return service().store.actions.change(action_id, step)
