"""The documents say what the code does, and lead where they say."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from monitor.domain import Brand
from monitor.figures import Figures
from monitor.settings import Settings
from monitor.store import open_store
from tools import reference

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
READMES = ["README.md", "README.en.md"]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def requirements(name):
    lines = (line.split("#")[0].strip() for line in read(name).splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def locked():
    found = re.findall(r"(?m)^([a-z0-9-]+)==(\S+?)(?: ;.*)? \\$", read("requirements.txt"))
    # Where the version depends on Python's, the first is that of the oldest.
    return dict(reversed(found))


# -- reference pages -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written():
    return reference.pages()


@pytest.mark.parametrize(
    "path",
    [
        "docs/reference/settings.md",
        "docs/reference/cli.md",
        "docs/reference/prometheus.md",
        "docs/reference/errors.md",
        "docs/openapi.json",
    ],
)
def test_a_generated_page_says_what_the_code_says(written, path):
    assert read(path) == written[path], "run `make docs`"


def test_every_generated_page_is_held_to_the_code(written):
    generated = {*ROOT.glob("docs/reference/*.md"), ROOT / "docs/openapi.json"}
    assert {ROOT / path for path in written} == generated


def test_the_openapi_document_is_3_1_and_leaves_no_list_of_the_machine(written):
    document = json.loads(written["docs/openapi.json"])
    assert document["openapi"].startswith("3.1")
    assert "Africa/Abidjan" not in written["docs/openapi.json"]


def test_every_setting_named_anywhere_exists():
    known = {
        "DATABASE_URL",
        *(f"TINGFENG_{name.upper()}" for name in Settings.model_fields),
        *reference.SERVER_SETTINGS,
    }
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    texts += [read(name) for name in ("Dockerfile", "compose.yaml", "Makefile")]
    named = {name for text in texts for name in re.findall(r"\bTINGFENG_[A-Z_]+\b", text)}
    assert named <= known


def test_the_settings_of_the_server_are_those_it_reads():
    read_there = set(
        re.findall(r'"(TINGFENG_[A-Z_]+|PROMETHEUS_[A-Z_]+)"', read("gunicorn.conf.py"))
    )
    assert read_there == set(reference.SERVER_SETTINGS)


# -- metrics ---------------------------------------------------------------------------------------


def test_every_index_of_the_api_has_its_formula(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/docs.db")
    store.brands.add(Brand("moyu", "墨屿"))
    names = Figures(store, 1_800_000_000).indices(store.brands.get("moyu"), 0, 300)
    store.close()
    rows = [line for line in read("docs/metrics.md").splitlines() if line.startswith(("|", "#"))]
    missing = [name for name in names if not any(f"`{name}`" in row for row in rows)]
    assert missing == []


# -- links and names -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    inner = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in inner if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [page.parent / target for target in LINK.findall(page.read_text("utf-8"))]
    assert {page.resolve() for page in PAGES} <= seen


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_of_the_readme_exists(name):
    targets = set(re.findall(r"(?m)^([a-z-]+):", read("Makefile")))
    named = set(re.findall(r"`?make ([a-z-]+)", read(name)))
    assert {"demo", "run", "test"} <= named <= targets


def test_both_readmes_give_the_same_commands():
    def commands(name):
        blocks = re.findall(r"```bash\n(.*?)```", read(name), re.DOTALL)
        return re.findall(r"(?:curl|make) [^\s#]+(?: [-$\"][^\s]*)*", "\n".join(blocks))

    chinese, english = map(commands, READMES)
    assert [re.sub("[^ -~]+|ALERT_ID", "", c) for c in chinese] == [
        re.sub("[^ -~]+|ALERT_ID", "", c) for c in english
    ]


def test_every_test_that_a_guarantee_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", read("docs/GUARANTEES.md"))
    assert len(named) > 20
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or f"def {name}(" not in read(path)
    ]
    assert missing == []


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f"## [{version}]" in read("CHANGELOG.md")
    assert f"image: tingfeng:{version}\n" in read("compose.yaml")
    assert f'__version__ = "{version}"' in read("monitor/__init__.py")


# -- dependencies ----------------------------------------------------------------------------------


def listed():
    """Rows of the tables by package: the cells after the name."""
    rows = re.findall(r"(?m)^\| `([\w.-]+)` \| (.+) \|$", read("docs/dependencies.md"))
    return {plain(name): cells.split(" | ") for name, cells in rows}


def test_every_requirement_is_listed_with_what_it_is_for_and_nothing_else_is():
    files = ("requirements.in", "requirements-dev.in", "requirements-extra.txt")
    wanted = {plain(n.split("==")[0]) for file in files for n in requirements(file)}
    assert set(listed()) == wanted
    assert all(cells[-1].strip() for cells in listed().values())


@pytest.mark.parametrize("name", requirements("requirements.in"))
def test_a_runtime_package_is_listed_with_the_version_that_is_locked(name):
    assert listed()[plain(name)][0] == locked()[plain(name)]


def licences(name):
    about = metadata.metadata(name)
    # Some packages give the whole text, with those of what they bundle: the first line names it.
    short = (about.get("License") or "").strip().splitlines()[:1]
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    return [about.get("License-Expression") or "", *short, *classifiers]


@pytest.mark.parametrize("name", locked())
def test_no_runtime_package_is_under_the_gpl(name):
    found = " ".join(licences(name))
    assert found.strip()
    assert not re.search(r"(?<!L)GPL|(?<!Lesser )General Public License", found)
