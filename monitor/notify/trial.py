"""A test message, so that a channel can be tried before it matters."""

from __future__ import annotations

import secrets

from monitor.domain import Channel, Delivery


def trial_delivery(channel: Channel, now: int) -> Delivery:
    """Return a message that says it is a test; it is sent at once and stored nowhere."""
    trial_id = f"te_{secrets.token_hex(8)}"
    payload: dict[str, object] = {
        "type": "test",
        "id": trial_id,
        "timestamp": now,
        "language": channel.language,
        "brand": {"id": "test", "name": "测试品牌" if channel.language == "zh" else "Test brand"},
        "alert": {
            "id": trial_id,
            "level": "blue",
            "summary": {
                "zh": "这是一条测试消息，收到即表示渠道可用",
                "en": "This is a test: the channel works",
            },
        },
        "url": None,
    }
    return Delivery(trial_id, channel.id, None, "test", payload, "pending", 0, now, now)
