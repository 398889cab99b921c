"""Brands over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api.access import caller, needs, require_brand, service
from api.contract import refuses, takes
from api.schemas import BrandChange, BrandList, BrandOut
from monitor.domain import Brand
from monitor.errors import Forbidden, InputError
from monitor.intake import BrandIn, aspect_words, check_names

blueprint = APIBlueprint("brands", __name__, url_prefix="/api/v1/brands", tag="品牌 Brands")


@blueprint.get("")
@blueprint.output(BrandList)
@needs("read")
def list_brands() -> dict[str, Any]:
    """列出品牌 / List brands."""
    return {"items": [b for b in service().store.brands.all() if caller().may_see(b.id)]}


@blueprint.post("")
@blueprint.output(BrandOut, 201)
@takes(BrandIn)
@refuses(409)
@needs("manage")
def add_brand(body: BrandIn) -> Brand:
    """新建品牌 / Add a brand."""
    if caller().brands is not None:
        raise Forbidden("限定品牌的密钥不能新建品牌 / a key limited to brands cannot add one")
    brand = body.brand(service().clock())
    service().store.brands.add(brand)
    return brand


@blueprint.get("/<brand>")
@blueprint.output(BrandOut)
@needs("read")
def get_brand(brand: str) -> Brand:
    """查看品牌 / Get a brand."""
    return service().store.brands.get(require_brand(brand))


@blueprint.patch("/<brand>")
@blueprint.output(BrandOut)
@takes(BrandChange)
@needs("manage")
def change_brand(brand: str, body: BrandChange) -> Brand:
    """修改品牌 / Change a brand. 只影响之后到达的内容 / Applies to mentions that arrive later."""
    require_brand(brand)
    _require_visible(body.competitors or [])
    given: dict[str, Any] = {
        name: tuple(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in body.model_dump(exclude_none=True, exclude={"aspects"}).items()
    }
    if "competitors" in given:
        given["competitors"] = tuple(c for c in given["competitors"] if c != brand)
    if body.aspects is not None:
        given["aspects"] = aspect_words(body.aspects)
    given["updated_at"] = service().clock()

    def step(held: Brand) -> Brand:
        newer = replace(held, **given)
        check_names(newer)
        return newer

    return service().store.brands.change(brand, step)


def _require_visible(competitors: list[str]) -> None:
    # A key that may not see a brand does not learn whether it exists.
    for brand in competitors:
        if not caller().may_see(brand):
            raise InputError(f"没有品牌“{brand}” / no such brand: {brand}", field="competitors")


@blueprint.delete("/<brand>")
@blueprint.doc(responses={204: "已删除 / deleted"})
@needs("manage")
def delete_brand(brand: str) -> Response:
    """删除品牌及其指数与预警 / Delete a brand with its indices and alerts; the mentions stay."""
    service().store.brands.delete(require_brand(brand))
    return Response(status=204)
