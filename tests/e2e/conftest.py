from __future__ import annotations

import pytest

from tests.e2e import stage as theatre


# One module at a time: a second browser beside a first is refused.
@pytest.fixture(scope="module")
def browser():
    with theatre.browsing() as found:
        yield found


@pytest.fixture(scope="module")
def stage(tmp_path_factory, browser):
    with theatre.running(tmp_path_factory.mktemp("service")) as running:
        theatre.perform(running)
        yield running


@pytest.fixture
def watched(browser, stage):
    with theatre.watching(browser, stage) as pages:
        yield pages
