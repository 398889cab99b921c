"""Writes the reference pages from the code: settings, commands, metrics, error codes, OpenAPI.

`make docs` writes them; a test holds them to the code.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from api.app import create_app  # noqa: E402
from api.problems import _HTTP  # noqa: E402
from monitor import errors, metrics  # noqa: E402
from monitor.bootstrap import build  # noqa: E402
from monitor.cli import cli  # noqa: E402
from monitor.intake import ZONES  # noqa: E402
from monitor.settings import Settings  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

NOTE = "<!-- 由 make docs 生成，请勿手改 / written by `make docs`: do not edit -->"
WIDTH = 90

SERVER_SETTINGS = {
    "TINGFENG_BIND": ("127.0.0.1:8000", "监听地址 / the address to listen on"),
    "TINGFENG_WORKERS": ("2", "接口进程数 / processes that answer requests"),
    "TINGFENG_THREADS": ("4", "每个进程的线程数 / threads in each of them"),
    "PROMETHEUS_MULTIPROC_DIR": (
        "临时目录 / a temporary folder",
        "各进程共用的指标目录，启动时清空 / where processes share their metrics; emptied first",
    ),
}

METRICS = {
    "tingfeng_mentions": "经接口送入的提及，按结果：`accepted` 新增、`updated` 更新、"
    "`duplicate` 重复、`erased` 已按要求删除过、`rejected` 拒收",
    "tingfeng_ingest_batch_seconds": "处理一批提及的耗时",
    "tingfeng_http_requests": "HTTP 请求数，按方法、路由、状态码",
    "tingfeng_http_request_seconds": "回答一个 HTTP 请求的耗时，按路由",
    "tingfeng_alert_changes": "后台引起的事件变化：`fired` 触发、`joined` 并入、"
    "`recorded` 只作历史、`escalated` 升级、`eased` 回落、`overdue` 超时、"
    "`recovered` 回到常态、`extended` 延续等",
    "tingfeng_deliveries": "推送结果：`sent` 送达、`failed` 将重试、`dead` 进入死信、"
    "`postponed` 因限速稍后再发",
    "tingfeng_digests": "把许多事件合成一条的汇总消息数",
    "tingfeng_brands_waiting": "同时报警的品牌太多，留待下一轮的品牌数",
    "tingfeng_detect_seconds": "一轮异常检测的耗时",
    "tingfeng_outbox_oldest_seconds": "最早一条待推送消息已等待的秒数",
}
BY_WORKER = (
    *("tingfeng_alert", "tingfeng_brands", "tingfeng_deliveries", "tingfeng_detect"),
    *("tingfeng_digests", "tingfeng_outbox"),
)

ERRORS = {
    "error": "其他错误",
    "invalid_input": "内容有误，`field` 指出是哪一项",
    "bad_request": "请求无法读取",
    "not_found": "没有这个对象，或密钥看不到它",
    "conflict": "对象已存在，或当前状态不允许",
    "unauthorised": "没有密钥，或密钥有误、已过期、已撤销",
    "forbidden": "密钥缺少所需权限",
    "store_unavailable": "数据库被锁、已满或不可达；本次什么也没有写入",
    "configuration": "设置有误，服务不会启动",
    "delivery_failed": "消息没有送达",
}
NOT_OVER_HTTP = ("error", "configuration", "delivery_failed")


def main() -> int:
    """Write every page; returns the exit code."""
    for path, text in pages().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


def pages() -> dict[str, str]:
    """Return every generated page by its path in the repository."""
    return {
        "docs/reference/settings.md": settings_page(),
        "docs/reference/cli.md": cli_page(),
        "docs/reference/prometheus.md": prometheus_page(),
        "docs/reference/errors.md": errors_page(),
        "docs/openapi.json": openapi(),
    }


def table(headings: str, rows: Iterator[tuple[str, ...]]) -> str:
    """Write a Markdown table; `headings` are separated by bars."""
    columns = headings.split("|")
    lines = [
        columns,
        ["---"] * len(columns),
        *([cell.replace("|", r"\|") for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# -- settings --------------------------------------------------------------------------------------


def settings_page() -> str:
    """Write the page of the settings."""
    return f"""{NOTE}

# 设置 · Settings

设置来自环境变量，或启动目录下的 `.env` 文件（环境变量优先）。改后重启生效。
Environment variables, or lines in `.env` in the working folder; the environment goes first.
Restart to apply.

{table("环境变量 Variable|默认 Default|取值 Values|含义 Meaning", _settings())}

以下由 `gunicorn.conf.py` 直接读取，只能写在环境变量里。
Read by `gunicorn.conf.py`, from the environment only.

{table("环境变量 Variable|默认 Default|含义 Meaning", _server_settings())}
"""


def _settings() -> Iterator[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        variable = "DATABASE_URL" if field.validation_alias else f"TINGFENG_{name.upper()}"
        yield f"`{variable}`", _default(field), _values(field), field.description or ""


def _server_settings() -> Iterator[tuple[str, ...]]:
    for variable, (default, meaning) in SERVER_SETTINGS.items():
        yield f"`{variable}`", default, meaning


def _default(field: FieldInfo) -> str:
    if field.default is None or field.default == ():
        return "—"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _values(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return " ".join(f"`{choice}`" for choice in get_args(field.annotation))
    if SecretStr in (field.annotation, *get_args(field.annotation)):
        return "保密 / secret"
    bounds = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "le")
        if hasattr(rule, name)
    }
    if bounds:
        return " ".join(f"{'≥' if name == 'ge' else '≤'} {bound}" for name, bound in bounds.items())
    return "`true` `false`" if field.annotation is bool else ""


# -- commands --------------------------------------------------------------------------------------


def cli_page() -> str:
    """Write the page of the commands: what `--help` says, of each of them."""
    sections = "\n\n".join(f"## `{name}`\n\n```text\n{text}\n```" for name, text in _commands())
    return f"""{NOTE}

# 命令行 · Command line

在项目目录下运行；答案写到标准输出，进度与错误写到标准错误。出错时退出码为 1，用法不对时为 2。
Answers go to standard output, progress and errors to standard error; exit code 1 on an error,
2 on wrong usage.

{sections}
"""


def _commands() -> Iterator[tuple[str, str]]:
    top = cli.make_context("python -m monitor", [], resilient_parsing=True, terminal_width=WIDTH)
    yield from _below(top)


def _below(context: click.Context) -> Iterator[tuple[str, str]]:
    command = context.command
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _below(
                    inner.make_context(name, [], parent=context, resilient_parsing=True)
                )


# -- metrics ---------------------------------------------------------------------------------------


def prometheus_page() -> str:
    """Write the page of the Prometheus metrics."""
    return f"""{NOTE}

# 监控指标 · Prometheus metrics

`GET /metrics`，无需密钥，请勿对公网开放。不含品牌名、文字或个人信息。
No key is needed: keep it off the public network. It holds no brand, no text, no person.

{table("名称 Name|类型 Type|标签 Labels|进程 Process|含义 Meaning", _metrics())}

- 计数器（counter）以 `名称_total` 给出，
  直方图（histogram）以 `名称_bucket`、`名称_sum`、`名称_count` 给出。
  Counters are exposed as `name_total`, histograms as `name_bucket`, `name_sum` and `name_count`.
- 标 `worker` 的指标由后台进程写入：它与接口进程共用 `PROMETHEUS_MULTIPROC_DIR` 时
  （`make run` 即如此）才会出现在 `/metrics`。
  What the worker writes appears only where both share `PROMETHEUS_MULTIPROC_DIR`, as under
  `make run`.
"""


def _metrics() -> Iterator[tuple[str, ...]]:
    found = (value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase))
    for metric in found:
        for described in metric.describe():
            labels = " ".join(f"`{label}`" for label in metric._labelnames)
            process = "worker" if described.name.startswith(BY_WORKER) else "api"
            meaning = f"{METRICS[described.name]} / {described.documentation}"
            yield f"`{described.name}`", described.type, labels or "—", process, meaning


# -- errors ----------------------------------------------------------------------------------------


def errors_page() -> str:
    """Write the page of the error codes."""
    return f"""{NOTE}

# 错误码 · Error codes

出错时回答 `application/problem+json`（[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)）：
`code` 稳定，可供程序判断；`detail` 用中英文说明怎么办；`field` 指出有误的字段；
`request_id` 便于查日志。
Errors are problem+json: `code` is stable, `detail` says what to do, `field` names what is wrong.

```json
{{
  "type": "urn:tingfeng:error:not_found", "title": "Not Found", "status": 404,
  "code": "not_found", "detail": "没有品牌“moyu” / no such brand: moyu",
  "request_id": "8c1f0a2b3d4e5f60"
}}
```

{table("code|HTTP|含义 Meaning|重试有用吗 Does a retry help?", _errors())}

由网页框架给出的错误。Errors of the web framework:

{table("code|HTTP|含义 Meaning", _http_errors())}

`store_unavailable` 带 `Retry-After`（秒）。It carries `Retry-After` in seconds.
"""


def _errors() -> Iterator[tuple[str, ...]]:
    for kind in _tree(errors.MonitorError):
        status = "—" if kind.code in NOT_OVER_HTTP else str(kind.status)
        english = (kind.__doc__ or "").strip().splitlines()[0]
        yield f"`{kind.code}`", status, f"{ERRORS[kind.code]} / {english}", _retry(kind)


def _tree(kind: type[errors.MonitorError]) -> Iterator[type[errors.MonitorError]]:
    if kind is not errors.MonitorError:
        yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _tree(below)


def _retry(kind: type[errors.MonitorError]) -> str:
    if kind is errors.DeliveryError:
        return "看原因，自动重试 / it depends; repeated by itself"
    return "否 / no" if kind.permanent else "是 / yes"


def _http_errors() -> Iterator[tuple[str, ...]]:
    for status, (code, meaning) in sorted(_HTTP.items()):
        yield f"`{code}`", str(status), meaning
    yield "`internal`", "500", "服务内部错误，已记入日志 / an internal error, recorded in the log"


# -- OpenAPI ---------------------------------------------------------------------------------------


def openapi() -> str:
    """Write the OpenAPI document, in the order of the routes.

    Time zones are left as strings: their list belongs to the machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, database_url=f"sqlite:///{folder}/reference.db")
        service = build(settings)
        app = create_app(service)
        with app.app_context():
            document = _without_zones(app.spec)
        service.store.close()
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _without_zones(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("enum") == sorted(ZONES):
            value = {name: inner for name, inner in value.items() if name != "enum"}
        return {name: _without_zones(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_zones(inner) for inner in value]
    return value


if __name__ == "__main__":
    sys.exit(main())
