"""The documents are true: what they name exists, all options are named, code runs."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from support import DEAD_PID, ID, ROOT, lines

from lib import sessions
from lib.claude import events
from lib.record import schema

README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "SECURITY.md", ROOT / "CONTRIBUTING.md"]
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
PATH = re.compile(r"(?<![\w/.~<>-])(?:lib|tests|hooks|docs)/[\w./*<>-]*")
MADE_BY_RUNNING = ("tests/.venv", "tests/.client")


def name_of(document):
    return str(document.relative_to(ROOT))


def code_in(text):
    """The code spans of a document, and the commands of its code blocks.

    A command that is answered with a hint is a sample of a typing error.
    """
    for language, block in FENCED.findall(text):
        for line, following in pairwise([*block.splitlines(), ""]):
            if language == "sh":
                yield line.partition("  # ")[0]
            elif line.startswith("$ ") and "did you mean" not in following:
                yield line.removeprefix("$ ")
    yield from SPAN.findall(prose_in(text))


def prose_in(text):
    return FENCED.sub("", text)


def spans_in(text):
    return set(SPAN.findall(prose_in(text)))


def words_in(text):
    """Every name in the code spans of a document."""
    return {word for span in spans_in(text) for word in re.findall(r"[\w.-]+", span)}


def rows_in(text):
    """The code span that each row of the tables begins with."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def sections_of(document):
    """The text below each heading of the second level, by heading."""
    _, *parts = re.split(r"^## (.*)\n", document.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def options_in(help_text):
    """The options that a help lists, without the one for the help itself."""
    listed = " ".join(re.findall(r"^  (-.*?)(?:  |$)", help_text, re.MULTILINE))
    return set(OPTION.findall(listed)) - {"-h", "--help"}


def output_of(*words):
    return subprocess.run(
        [*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def options():
    """The options of each command, and of the installer, by name."""
    page = output_of(sys.executable, "-m", "lib", "help")
    names = re.findall(r"^    ([a-z]+)(?: {2}|$)", page, re.MULTILINE)
    helps = {
        name: output_of(sys.executable, "-m", "lib", "help", name) for name in names
    }
    helps["install.sh"] = output_of(ROOT / "install.sh", "--help")
    return {name: options_in(text) for name, text in helps.items()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
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
        if name != "Conventions":
            described = {x for code in code_in(text) for x in OPTION.findall(code)}
            alone = {x.split()[0] for x in spans_in(text) if x.startswith("--")}
            assert options[name] <= described, name
            assert alone <= options[name], name


def test_readme_has_a_row_for_each_command(options):
    rows = rows_in(sections_of(README)["Commands"])
    commands = {row.split()[1] for row in rows if row.startswith("headcount ")}
    assert {*commands, "install.sh"} == set(options)


def test_readme_is_two_screens_long():
    assert len(README.read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_environment_variables_in_a_document_exist(document):
    for name in set(re.findall(r"\bHEADCOUNT_[A-Z_]+", document.read_text())):
        assert f'"{name}"' in source_of("lib")


def test_reference_names_each_environment_variable():
    names = r'"(HEADCOUNT_[A-Z_]+|NO_COLOR|XDG_[A-Z_]+)"'
    assert set(re.findall(names, source_of("lib"))) <= spans_in(COMMANDS.read_text())


# ---- Names of the code ----------------------------------------------------------


@functools.cache
def source_of(*folders):
    """The text of every module in these folders of the checkout but this one."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    ours = [path for path in paths if not name_of(path).startswith(MADE_BY_RUNNING)]
    return "".join(path.read_text() for path in ours if path.name != "test_docs.py")


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=name_of)
def test_relative_links_in_a_document_resolve(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_in(document.read_text())):
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        if "://" not in link:
            assert target.exists(), link
            assert not anchor or anchor in anchors_of(target), link


def anchors_of(document):
    """The anchors of the headings, as GitHub makes them."""
    text = prose_in(document.read_text())
    headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", x.lower()).replace(" ", "-") for x in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_paths_in_a_document_exist(document):
    for code in code_in(document.read_text()):
        for path in PATH.findall(code):
            if not path.startswith(MADE_BY_RUNNING):
                pattern = re.sub(r"<\w+>", "*", path).rstrip("/")
                assert list(ROOT.glob(pattern)), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_module_attributes_in_a_document_exist(document):
    """`journal.append` is one: the name of a module, and of what it defines."""
    modules = {}
    for path in (ROOT / "lib").rglob("[a-z]*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        modules.setdefault(path.stem, []).append(name)
    for span in spans_in(document.read_text()):
        match = re.fullmatch(r"(?:\w+\.)*(\w+)\.(\w+)", span)
        if match and match[1] in modules and match[2] not in ("log", "py", "sh"):
            candidates = map(importlib.import_module, modules[match[1]])
            assert any(hasattr(module, match[2]) for module in candidates), span


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_names_in_a_document_occur_in_the_code(document):
    """Fields, keys, functions: names with an underscore."""
    known = set(re.findall(r"\w+", source_of("lib", "tests")))
    for span in spans_in(document.read_text()):
        words = [word for word in span.split() if "/" not in word and ".py" not in word]
        names = re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", " ".join(words))
        assert set(names) <= known, span


def python_in(document):
    """The Python examples of a document, importing the checkout."""
    blocks = FENCED.findall(document.read_text())
    examples = [block for language, block in blocks if language == "python"]
    return [
        code.replace("from headcount import", "from lib import") for code in examples
    ]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=f"{name_of(document)}-{number}")
        for document in DOCUMENTS
        # `test_api.py` and `contrib/test_sql.py` run these, with sessions.
        if document.name not in ("api.md", "integrations.md")
        for number, code in enumerate(python_in(document))
    ],
)
def test_python_examples_run(store, code):
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_readme_example_appends_to_sessions_that_are_alive(store):
    sessions.create_session(session_id="living")
    sessions.create_session(session_id="dead", pid=DEAD_PID)
    (code,) = python_in(README)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert lines(store / "living.jsonl")[-1]["type"] == "bot.ping"
    assert len(lines(store / "dead.jsonl")) == 1


# ---- What is written and printed ------------------------------------------------


def test_format_names_each_type_and_state():
    text = FORMAT.read_text()
    types = schema.LIFECYCLE | {schema.UPDATE}
    rows = {row for row in rows_in(text) if re.match("session_(?!id)", row)}
    assert rows | {schema.HEARTBEAT, schema.TURN_CLOSE} == types
    assert types | set(schema.STATES) <= spans_in(text)


def test_format_names_each_field_that_hooks_write(client, store):
    client.fire("SessionStart", "before", source="startup")
    client.fire("SessionStart", source="clear")
    client.fire("UserPromptSubmit")
    update = {"type": "session_update", "label": "a", "tasks": []}
    sessions.append_to_session(ID, update)
    client.fire("Stop")
    sessions.resume_session(ID, source="resume")
    client.fire("SessionEnd", reason="other")
    written = [entry for path in store.glob("*.jsonl") for entry in lines(path)]
    assert {entry["type"] for entry in written} == schema.LIFECYCLE | {schema.UPDATE}
    assert set().union(*written) <= words_in(FORMAT.read_text())


def test_format_names_each_field_of_the_metadata():
    fields = sessions.SessionMetadata.__annotations__
    assert set(fields) <= words_in(FORMAT.read_text())


@pytest.mark.parametrize("kind", ["session_metadata", "heartbeat"])
def test_format_samples_have_the_fields_that_are_written(store, kind):
    session_id = sessions.create_session()
    sessions.update_heartbeat(session_id, state="waiting", event="Notification")
    samples = re.findall(r"^\{.*\}$", FORMAT.read_text(), re.MULTILINE)
    sample = next(x for x in map(json.loads, samples) if x["type"] == kind)
    written = lines(store / f"{session_id}.jsonl")
    (entry,) = [entry for entry in written if entry["type"] == kind]
    assert set(entry) <= set(sample)
    assert sample["process"].count(":") == entry["process"].count(":")


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
    code, output, _ = headcount(*words, "--json")
    assert code == 0
    values = output.splitlines() if words[0] == "watch" else [output]
    documented = words_in(COMMANDS.read_text()) | words_in(FORMAT.read_text())
    assert keys_in(list(map(json.loads, values))) <= documented


def keys_in(value):
    """Every key of the objects in *value*, but for the fields of entries."""
    if isinstance(value, list):
        return set().union(*map(keys_in, value))
    if not isinstance(value, dict):
        return set()
    described = {x for x in value if x not in ("entries", "other_entries")}
    return set(value).union(*(keys_in(value[key]) for key in described))


def test_reference_has_the_version_that_each_installed_event_needs():
    section = sections_of(COMMANDS)["install.sh"]
    rows = re.findall(r"^\| `([A-Z]\w+)` \| ([\d.]+) \|$", section, re.MULTILINE)
    assert rows == [
        (event.name, ".".join(map(str, event.since)))
        for event in events.EVENTS
        if event.script
    ]


def test_doctor_table_names_each_check(examine, store):
    findings, _ = examine()
    rows = set(rows_in(sections_of(DOCTOR)["Checks"]))
    assert {finding["check"] for finding in findings} <= rows
    assert rows == names_of_checks()
    assert set(findings[0]) <= words_in(DOCTOR.read_text())


def names_of_checks():
    """The second argument of every `Finding` that a check makes."""
    paths = [*(ROOT / "lib/doctor").glob("*.py"), ROOT / "lib/fleet/sharing/check.py"]
    sources = [path.read_text() for path in paths]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    names = [call.args[1] for call in calls if ast.unparse(call.func) == "Finding"]
    return {name.value for name in names if isinstance(name, ast.Constant)}


def test_pictures_of_the_readme_are_there_for_light_and_dark():
    pictures = re.findall(r'"(docs/pictures/[\w-]+\.svg)"', README.read_text())
    assert {re.sub(".*-", "", name) for name in pictures} == {"light.svg", "dark.svg"}
    assert {*pictures} == {
        f"docs/pictures/{path.name}" for path in (ROOT / "docs/pictures").iterdir()
    }
