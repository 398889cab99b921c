"""The page's files and headers, without a browser."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask

from api.pages import STATIC, create_pages

TEMPLATES = STATIC.parent / "templates"


@pytest.fixture
def client(tmp_path):
    app = Flask(__name__)
    app.register_blueprint(create_pages(tmp_path / "absent.js"))
    return app.test_client()


def test_the_page_carries_a_strict_policy(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_every_file_the_page_names_exists_and_may_be_kept_for_ever(client):
    for path in ("/", "/docs"):
        names = re.findall(r'(?:href|src)="(/assets/[^"]+)"', client.get(path).text)
        assert names
        for name in names:
            answer = client.get(name)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_that_did_not_change_is_not_sent_again(client):
    first = client.get("/")
    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"]


def test_a_file_is_packed_for_those_who_take_it(client):
    [name] = re.findall(r'src="(/assets/[^"]+/app.js)"', client.get("/").text)
    packed = client.get(name, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == client.get(name).data


@pytest.mark.parametrize("name", ["../pages.py", "x/app.js", "%2e%2e/app.py", ""])
def test_nothing_else_is_given_out(client, name):
    assert client.get(f"/assets/{name}").status_code == 404


def test_a_changed_chart_library_is_not_given_out(tmp_path, caplog):
    wrong = tmp_path / "echarts.esm.min.js"
    wrong.write_text("export const init = () => steal();")
    app = Flask(__name__)
    app.register_blueprint(create_pages(wrong))
    page = app.test_client().get("/").text
    assert 'data-charts=""' in page
    assert "echarts" not in page
    assert "charts are off" in caplog.text


def test_no_script_or_style_stands_in_the_markup():
    for path in TEMPLATES.iterdir():
        markup = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", markup), path.name


def test_no_module_can_make_markup_of_data():
    unsafe = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    )
    for path in STATIC.glob("*.js"):
        assert not re.search(unsafe, path.read_text()), path.name
