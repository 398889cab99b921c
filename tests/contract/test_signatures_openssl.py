"""Our signatures are those that OpenSSL computes."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC, datetime
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from monitor.notify.bots import dingtalk_sign, feishu_sign

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="openssl is not installed")
SECRETS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
SECONDS = st.integers(0, 2**33)


def openssl(key: bytes, message: bytes) -> str:
    """Return the Base64 of HMAC-SHA256 as the openssl binary computes it."""
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-binary"]
    command += ["-macopt", f"hexkey:{key.hex()}"]
    done = subprocess.run(command, input=message, capture_output=True, check=True)
    return base64.b64encode(done.stdout).decode()


@given(SECRETS, SECONDS)
@settings(max_examples=15, deadline=None)
def test_dingtalks_signature_equals_openssls(secret, seconds):
    milliseconds = seconds * 1000
    wanted = openssl(secret.encode(), f"{milliseconds}\n{secret}".encode())
    assert dingtalk_sign(secret, milliseconds) == wanted


@given(SECRETS, SECONDS)
@settings(max_examples=15, deadline=None)
def test_feishus_signature_equals_openssls(secret, seconds):
    assert feishu_sign(secret, seconds) == openssl(f"{seconds}\n{secret}".encode(), b"")


@given(st.binary(min_size=24, max_size=64), st.text(max_size=60), SECONDS)
@settings(max_examples=15, deadline=None)
def test_a_webhooks_signature_equals_openssls(key, text, seconds):
    body = text.encode("utf-8", "replace").decode()
    secret = "whsec_" + base64.b64encode(key).decode()
    said = Webhook(secret).sign("dl_1", datetime.fromtimestamp(seconds, UTC), body)
    assert said == "v1," + openssl(key, f"dl_1.{seconds}.{body}".encode())


def test_openssl_confirms_the_reference_vectors():
    ding = openssl(b"SECtest", b"1700000000000\nSECtest")
    assert ding == "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g="
    assert openssl(b"1700000000\ntest", b"") == "eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg="
