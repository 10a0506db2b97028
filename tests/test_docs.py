"""The documents are true: what they name exists, all options are named, code runs."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from support import DEAD_PID, ID, ROOT, lines

from lib import sessions
from lib.record import schema

DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
COMMANDS = ROOT / "docs/commands.md"
FORMAT = ROOT / "docs/format.md"
DOCTOR = ROOT / "docs/doctor.md"
README_LINES = 170  # two screens

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*")
INVOCATION = re.compile(r"(?<![\w./-])(headcount|\./install\.sh)((?: +[^\s|&;)\"]+)*)")
# Of Claude Code, git and the other programs that the documents mention.
FOREIGN_OPTIONS = {"--bare", "--json", "--resume", "-I", "-S", "-c", "-p", "-k", "-9"}
MADE_BY_RUNNING = ("tests/.venv", "tests/.client")


def named(document):
    return str(document.relative_to(ROOT))


def code_in(text):
    """The code spans of a document, and the commands of its code blocks."""
    for language, block in FENCED.findall(text):
        block_lines = [*block.splitlines(), ""]
        for line, output in pairwise(block_lines):
            if language == "sh":
                yield line.partition("  # ")[0]
            elif line.startswith("$ ") and "did you mean" not in output:
                yield line.removeprefix("$ ")
    yield from SPAN.findall(FENCED.sub("", text))


def spans_in(text):
    return set(SPAN.findall(FENCED.sub("", text)))


def words_in(text):
    """Every name in the code spans of a document."""
    return {word for span in spans_in(text) for word in re.findall(r"[\w.-]+", span)}


def sections_of(document):
    """The text below each heading of the second level, by heading."""
    _, *parts = re.split(r"^## (.*)\n", document.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def options_in(help_text):
    """The options that a help lists, without the one for the help itself."""
    listed = re.findall(r"^  (-.*?)(?:  |$)", help_text, re.MULTILINE)
    return {option for line in listed for option in OPTION.findall(line)} - {
        "-h",
        "--help",
    }


def output_of(*words):
    return subprocess.run(
        [*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def options():
    """The options of each command, and of the installer, by name."""
    page = output_of(sys.executable, "-m", "lib", "help")
    names = re.findall(r"^    ([a-z]+)(?: {2}|$)", page, re.MULTILINE)
    found = {
        name: options_in(output_of(sys.executable, "-m", "lib", "help", name))
        for name in names
    }
    return {**found, "install.sh": options_in(output_of(ROOT / "install.sh", "--help"))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_and_their_options_in_a_document_exist(document, options):
    for code in code_in(document.read_text()):
        for program, rest in INVOCATION.findall(code):
            words = rest.split()
            name = "install.sh" if program == "./install.sh" else "list"
            if program == "headcount" and words and not words[0].startswith("-"):
                name = words.pop(0)
            if name.isupper() or words == ["--version"]:
                continue
            assert name in options, code
            given = {option for word in words for option in OPTION.findall(word)}
            assert given - {"--help"} <= options[name], code


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_options_alone_in_a_document_exist(document, options):
    known = set().union(*options.values()) | FOREIGN_OPTIONS
    for path in ("tests/reliability/figures.py", "tests/bench/run"):
        known |= set(OPTION.findall((ROOT / path).read_text()))
    for span in spans_in(document.read_text()):
        if span.startswith("-"):
            assert set(OPTION.findall(span)) <= known, span


def test_reference_has_a_section_for_each_command_with_each_option(options):
    sections = sections_of(COMMANDS)
    assert set(options) == set(sections) - {"Conventions"}
    for name, text in sections.items():
        named = {x for code in code_in(text) for x in OPTION.findall(code)}
        alone = {span.split()[0] for span in spans_in(text) if span.startswith("-")}
        assert options.get(name, set()) <= named, name
        if name in options:
            assert {x for x in alone if x.startswith("--")} <= options[name], name


def test_readme_has_a_row_for_each_command(options):
    rows = re.findall(
        r"^\| `headcount ([a-z]+)", sections_of(DOCUMENTS[0])["Commands"], re.MULTILINE
    )
    assert sorted([*rows, "install.sh"]) == sorted(options)


def test_readme_is_two_screens_long():
    assert len(DOCUMENTS[0].read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_environment_variables_in_a_document_exist(document):
    source = "".join(path.read_text() for path in (ROOT / "lib").rglob("*.py"))
    for name in set(re.findall(r"\bHEADCOUNT_[A-Z_]+", document.read_text())):
        assert f'"{name}"' in source


def test_reference_names_each_environment_variable():
    source = "".join(path.read_text() for path in (ROOT / "lib").rglob("*.py"))
    read = set(re.findall(r'"(HEADCOUNT_[A-Z_]+|NO_COLOR|XDG_[A-Z_]+)"', source))
    assert read <= spans_in(COMMANDS.read_text())


# ---- Names of the code ----------------------------------------------------------


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=named)
def test_relative_links_in_a_document_resolve(document):
    text = FENCED.sub("", document.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def anchors_of(document):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.*)", FENCED.sub("", document.read_text()), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", x.lower()).replace(" ", "-") for x in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_paths_in_a_document_exist(document):
    for code in code_in(document.read_text()):
        for path in re.findall(
            r"(?<![\w/.~<>-])(?:lib|tests|hooks|docs)/[\w./*<>-]*", code
        ):
            if not path.startswith(MADE_BY_RUNNING):
                assert list(ROOT.glob(re.sub(r"<\w+>", "*", path).rstrip("/"))), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_module_attributes_in_a_document_exist(document):
    """`journal.append` is one: a name of a module of ours, and what it defines."""
    modules = {}
    for path in (ROOT / "lib").rglob("[a-z]*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        modules.setdefault(path.stem, []).append(name)
    for span in spans_in(document.read_text()):
        match = re.fullmatch(r"(?:\w+\.)*(\w+)\.(\w+)", span)
        if match and match[1] in modules and match[2] not in ("log", "sh", "md", "py"):
            candidates = map(importlib.import_module, modules[match[1]])
            assert any(hasattr(module, match[2]) for module in candidates), span


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_names_in_a_document_occur_in_the_code(document):
    """Fields, keys, functions: what is written with an underscore."""
    paths = [
        path for folder in ("lib", "tests") for path in (ROOT / folder).rglob("*.py")
    ]
    paths = [
        path
        for path in paths
        if ".venv" not in path.parts and ".client" not in path.parts
    ]
    source = "".join(path.read_text() for path in paths if path.name != "test_docs.py")
    known = set(re.findall(r"\w+", source))
    for span in spans_in(document.read_text()):
        words = [word for word in span.split() if "/" not in word and ".py" not in word]
        names = re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", " ".join(words))
        assert set(names) <= known, span


@pytest.mark.parametrize(
    ("document", "number"),
    [
        pytest.param(document, number, id=f"{named(document)}-{number}")
        for document in DOCUMENTS
        for number, (language, _) in enumerate(FENCED.findall(document.read_text()))
        if language == "python"
    ],
)
def test_python_examples_run(store, document, number):
    sessions.create_session(session_id="living")
    sessions.create_session(session_id="dead", pid=DEAD_PID)
    code = FENCED.findall(document.read_text())[number][1]
    code = code.replace("from headcount import", "from lib import")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_python_example_in_the_readme_writes_only_to_living_sessions(store):
    test_python_examples_run(
        store,
        DOCUMENTS[0],
        next(
            n
            for n, x in enumerate(FENCED.findall(DOCUMENTS[0].read_text()))
            if x[0] == "python"
        ),
    )
    assert lines(store / "living.jsonl")[-1]["type"] == "bot.ping"
    assert len(lines(store / "dead.jsonl")) == 1


# ---- What is written and printed ------------------------------------------------


def test_format_names_each_type_and_state():
    spans = spans_in(FORMAT.read_text())
    assert schema.LIFECYCLE | {schema.UPDATE} <= spans
    assert set(schema.STATES) <= spans
    table = re.findall(
        r"^\| `(session_(?!id)\w+|heartbeat|turn_close)`",
        FORMAT.read_text(),
        re.MULTILINE,
    )
    assert set(table) == schema.LIFECYCLE | {schema.UPDATE}


def test_format_names_each_field_that_hooks_write(client, store):
    client.fire("SessionStart", "before", source="startup")
    client.fire("SessionStart", source="clear")
    client.fire("UserPromptSubmit")
    sessions.append_to_session(
        ID, {"type": "session_update", "label": "a", "tasks": []}
    )
    client.fire("Stop")
    sessions.resume_session(ID, source="resume")
    client.fire("SessionEnd", reason="other")
    written = [entry for path in store.glob("*.jsonl") for entry in lines(path)]
    assert {entry["type"] for entry in written} == schema.LIFECYCLE | {schema.UPDATE}
    keys = {key for entry in written for key in entry}
    assert keys <= words_in(FORMAT.read_text())


@pytest.mark.parametrize("kind", ["session_metadata", "heartbeat"])
def test_format_samples_have_the_fields_that_are_written(store, kind):
    session_id = sessions.create_session()
    sessions.update_heartbeat(session_id, state="waiting", event="Notification")
    sample = [
        json.loads(x) for x in re.findall(r"^\{.*\}$", FORMAT.read_text(), re.MULTILINE)
    ]
    there = next(entry for entry in sample if entry["type"] == kind)
    (here,) = [x for x in lines(store / f"{session_id}.jsonl") if x["type"] == kind]
    assert set(here) <= set(there)
    assert there["process"].count(":") == here["process"].count(":")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["list", "--all"], id="list"),
        pytest.param(["show", "living"], id="show"),
        pytest.param(["recover", "--all"], id="recover"),
        pytest.param(["cleanup", "--dry-run"], id="cleanup"),
        pytest.param(["report"], id="report"),
        pytest.param(["watch", "--timeout", "0s"], id="watch"),
    ],
)
def test_reference_names_each_json_key(headcount, store, words):
    sessions.create_session(session_id="living", label="a", source="startup")
    sessions.create_session(session_id="other")
    sessions.create_session(session_id="dead", pid=DEAD_PID)
    code, said, _ = headcount(*words, "--json")
    assert code == 0
    shown = (
        json.loads(said)
        if words[0] != "watch"
        else list(map(json.loads, said.splitlines()))
    )
    documented = words_in(COMMANDS.read_text()) | words_in(FORMAT.read_text())
    assert keys_in(shown) <= documented


def keys_in(value):
    """Every key of the objects in *value*; entries of other tools have their own."""
    if isinstance(value, list):
        return set().union(*map(keys_in, value))
    if not isinstance(value, dict):
        return set()
    inner = (
        keys_in(x)
        for key, x in value.items()
        if key not in ("entries", "other_entries")
    )
    return set(value).union(*inner)


def test_doctor_table_names_each_check(examine, store):
    findings, _ = examine()
    text = DOCTOR.read_text()
    table = set(
        re.findall(r"^\| `(\w+)` \|", sections_of(DOCTOR)["Checks"], re.MULTILINE)
    )
    assert {finding["check"] for finding in findings} <= table
    source = "".join(path.read_text() for path in (ROOT / "lib/doctor").glob("*.py"))
    assert all(f'"{name}"' in source or f"check_{name}" in source for name in table)
    assert set(findings[0]) <= words_in(text)
