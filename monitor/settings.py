"""Every setting, once; the only reader of the environment. List: docs/reference/settings.md."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from monitor.errors import ConfigurationError


class Settings(BaseSettings):
    """The settings: environment variables, or lines in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="TINGFENG_", env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )

    database_url: str = Field(
        "sqlite:///data/tingfeng.db",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="数据库地址 / where the data lives",
    )
    pepper_file: Path | None = Field(
        None,
        description="作者匿名化密钥文件，默认与数据库同目录，首次启动时生成 / the key of the"
        " authors' pseudonyms; beside the database by default, made at the first start",
    )
    sentiment: Literal["linear", "snownlp"] = Field(
        "linear", description="情感模型；snownlp 仅作对照 / sentiment model; snownlp is a baseline"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="日志级别 / log level"
    )
    public_url: str | None = Field(
        None, description="对外网址，写进预警消息 / the address that messages link to"
    )
    rate_limit: str = Field(
        "6000 per minute", description="每个密钥的请求上限 / requests allowed to one key"
    )
    max_body_bytes: int = Field(
        1_000_000, ge=1000, description="请求体上限（字节）/ largest request body"
    )
    alert_max_age: int = Field(
        7200,
        ge=300,
        description="超过此时长（秒）才补到的异常只记录、不推送 / anomalies found later than this"
        " many seconds are recorded, never sent",
    )
    detect_seconds: int = Field(
        5, ge=1, description="检测间隔（秒）/ seconds between two looks for anomalies"
    )
    sensitivity: Literal["calm", "balanced", "keen"] = Field(
        "balanced",
        description="灵敏度：calm 少而准、balanced 均衡、keen 灵敏；可用 backtest 在历史上挑选"
        " / how readily a burst becomes an alert; choose by `backtest` on your own past",
    )
    threshold: float | None = Field(
        None,
        ge=1.5,
        le=20,
        description="精确阈值，代替预设：各窗口负对数概率的均方根，常用 2.5 到 5 / a threshold"
        " of your own for the preset: root mean square of -log10 probabilities, 2.5 to 5",
    )
    second_opinion: Path | None = Field(
        None,
        description="第二意见模型所在文件夹（先 make second）/ folder of the model that is asked"
        " where the shipped one is unsure (make second builds it)",
    )
    retrain: bool = Field(
        default=True,
        description="每天用新的改判重新学习 / learn from new corrections once a day",
    )
    retrain_hour: int = Field(
        3, ge=0, le=23, description="每天几点（北京时间）/ at which hour, in UTC+8"
    )
    outgoing_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="允许访问的内网地址（host:port 或 CIDR，逗号分隔）/ inner addresses that"
        " messages may be sent to",
    )
    secure_cookies: bool = Field(
        default=False, description="仅经 HTTPS 发送会话 Cookie / send session cookies by HTTPS only"
    )
    smtp_host: str | None = Field(None, description="邮件服务器 / mail server")
    smtp_port: int = Field(587, ge=1, le=65535, description="邮件服务器端口 / its port")
    smtp_user: str | None = Field(None, description="邮件账号 / its user")
    smtp_password: SecretStr | None = Field(None, description="邮件密码 / its password")
    smtp_from: str | None = Field(None, description="发件人地址 / the sender's address")
    smtp_security: Literal["starttls", "ssl", "none"] = Field(
        "starttls", description="邮件加密方式 / how mail is encrypted"
    )

    @field_validator("outgoing_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def load_settings() -> Settings:
    """Read the settings; raises ConfigurationError naming what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"设置 {name} 有误：{first['msg']} / wrong setting {name}: {first['msg']}"
        ) from None


def pepper_of(settings: Settings) -> bytes:
    """Read the key of the pseudonyms; make it at the first start, readable by its owner only.

    Raises ConfigurationError where the file holds under 32 bytes.
    """
    path = settings.pepper_file or _beside_database(settings.database_url)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make(path, secrets.token_bytes(32))
    pepper = path.read_bytes()
    if len(pepper) < 32:
        raise ConfigurationError(
            f"匿名化密钥 {path.name} 不足 32 字节，请从备份恢复 / "
            f"the pseudonym key {path.name} is too short: restore it from a backup"
        )
    return pepper


def _beside_database(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///")).parent / "pepper"


def _make(path: Path, content: bytes) -> None:
    # Two processes may start at once: a link is made whole and only by the first.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def metrics_are_shared() -> bool:
    """Whether several processes write metrics to one folder (gunicorn.conf.py sets it)."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ
