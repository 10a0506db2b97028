"""A store that a repository brings: what is not a session's file is none to anybody."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from command_line import create, write
from reliability.sights import listing
from support import ID, ROOT, payload

from lib import sessions
from lib.claude import settings
from lib.record import timestamps
from lib.system import process

# Names whose ids would be options, commands, escapes or other files elsewhere.
HOSTILE_IDS = [
    *("--dangerously-skip-permissions", "-p", "--resume", "-"),
    *(
        "a b",
        "$(pwned)",
        "`pwned`",
        "a;pwned",
        "a&pwned",
        "a|b",
        "a>b",
        "*",
        "~",
        "=ls",
    ),
    *("esc\x1b[31m", "line\nbreak", "tab\t", "bidi\u202e", "é", "日本"),
    *("it's", '"', "\\", "%2e", "con", "COM1", "_under", "x" * 129),
]
READERS = {
    "list": ["list", "--all"],
    "list-json": ["list", "--all", "--json"],
    "recover": ["recover", "--all"],
    "recover-json": ["recover", "--all", "--json"],
    "tail": ["tail", "--lines", "1000"],
    "tail-json": ["tail", "--lines", "1000", "--json"],
    "report-html": ["report", "--html", "-"],
    "completion": ["completion", "--complete", "show", ""],
}
BY_NAME = {
    "show": ["show"],
    "tail": ["tail"],
    "label": ["label"],
    "append": ["append"],
    "restore": ["restore"],
    "rm": ["rm", "--force"],
}
MORE = {"label": ["text"], "append": ['{"type": "note"}']}


@pytest.fixture
def brought(store, tmp_path):
    """A store with hostile names, live and archived, beside one good session of each.

    Every file begins with the metadata of the session that its name would be of.
    """
    day = store / "archive/2026-01-01"
    day.mkdir(parents=True)
    store.chmod(0o700)
    for folder, good in ((store, ID), (day, f"archived-{ID}")):
        for session_id in HOSTILE_IDS:
            write(folder, session_id, cwd="/", label="stranger")
        write(folder, good, cwd="/")
    # A number belongs to the archive alone, and is one.
    for path in (store / f"{ID}.1.jsonl", day / f"archived-{ID}.-1.jsonl"):
        path.write_bytes((store / f"{ID}.jsonl").read_bytes())
    return store


def hostile_files(store):
    good = {f"{ID}.jsonl", f"archived-{ID}.jsonl", "mine.jsonl"}
    found = listing(store)
    return {
        path: seen
        for path, seen in found.items()
        if path.endswith(".jsonl") and os.path.basename(path) not in good
    }


@pytest.mark.parametrize("reader", READERS)
def test_reader_sees_no_session_in_a_misnamed_file(headcount, brought, reader):
    code, out, err = headcount(*READERS[reader])
    assert (code, err) == (0, "")
    assert ID[:8] in out
    assert "stranger" not in out
    assert "dangerously" not in out
    assert "\x1b" not in out


def test_report_counts_no_session_of_a_misnamed_file(headcount, brought):
    report = json.loads(headcount("report", "--json")[1])
    assert report["total"]["sessions"] == 2


def test_only_valid_ids_are_printed_for_scripts(headcount, brought):
    ids = headcount("list", "--all", "--quiet")[1].splitlines()
    assert sorted(ids) == sorted([ID, f"archived-{ID}"])
    commands = headcount("recover", "--all", "--print0")[1].split("\0")[:-1]
    assert sorted(commands) == sorted(f"cd -- / && claude --resume {i}" for i in ids)


@pytest.mark.parametrize("command", BY_NAME)
def test_command_finds_no_session_by_a_name_that_is_not_valid(
    headcount, brought, command
):
    before = listing(brought)
    for session_id in HOSTILE_IDS[:4] + HOSTILE_IDS[14:16]:
        words = [*BY_NAME[command], "--", session_id, *MORE.get(command, [])]
        code, out, _ = headcount(*words)
        assert (code != 0, out) == (True, ""), session_id
    assert listing(brought) == before


def test_python_functions_see_no_session_in_a_misnamed_file(brought):
    live = sessions.discover_sessions()
    archived = sessions.discover_sessions(archived=True)
    assert [info.id for info in live] == [ID]
    assert [info.id for info in archived] == [f"archived-{ID}"]


@pytest.mark.parametrize(
    "words",
    [["cleanup"], ["cleanup", "--keep-days", "0"], ["doctor", "--quick", "--fix"]],
    ids=["cleanup", "delete", "fix"],
)
def test_cleaning_leaves_misnamed_files_alone(headcount, brought, words):
    before = hostile_files(brought)
    headcount(*words)
    assert hostile_files(brought) == before
    assert len(before) == 2 * len(HOSTILE_IDS) + 2


def test_session_start_and_statusline_leave_misnamed_files_alone(
    client, headcount, brought
):
    before = hostile_files(brought)
    client.fire("SessionStart", "mine", source="startup")
    code, out, _ = headcount("statusline", stdin=json.dumps({"session_id": "mine"}))
    assert (code, out) == (0, "1 session\n")
    assert hostile_files(brought) == before


def test_watch_shows_no_session_of_a_misnamed_file(headcount, brought):
    code, out, _ = headcount("watch", "--json", "--until", "dead")
    assert code == 0
    assert ID in out
    assert "stranger" not in out


def test_doctor_names_misnamed_files_and_proposes_no_command(headcount, brought):
    _, out, _ = headcount("doctor", "--quick", "--json")
    findings = json.loads(out)["findings"] if out[0] == "{" else json.loads(out)
    (found,) = [f for f in findings if "not named like a session" in f["message"]]
    assert found["level"] == "warn"
    assert found["message"].startswith(f"{2 * len(HOSTILE_IDS) + 2} files ")
    assert not [f for f in findings if "dangerously" in str(f["fix"])]


@pytest.mark.parametrize(
    ("hours", "silent", "is_live"),
    [
        pytest.param("1e-9", 2, True, id="tiny"),
        pytest.param("1", 2, True, id="short"),
        pytest.param("1", 25, False, id="silent-for-a-day"),
        pytest.param("48", 25, True, id="long"),
    ],
)
def test_limit_in_settings_of_a_project_archives_no_session_of_another(
    client, store, hours, silent, is_live
):
    since = timestamps.from_epoch(time.time() - silent * 3600)
    running = {"pid": os.getpid(), "host": process.host_name()}
    theirs = write(store, ID, **running, start_time=since, last_heartbeat=since)
    env = {"HEADCOUNT_TTL_HOURS": hours, "CLAUDE_PROJECT_DIR": "/srv"}
    client.fire("SessionStart", "mine", env=env, source="startup")
    assert theirs.exists() == is_live


# ---- Sessions on a disk that does not answer -------------------------------------


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("script", ["session_start", "statusline"])
def test_hooks_do_not_look_at_the_folders_of_sessions_elsewhere(
    store, tmp_path, script
):
    """On a dead network mount a look never ends, and no signal interrupts it."""
    (tmp_path / "project/.git").mkdir(parents=True)
    create("near", cwd=str(tmp_path / "project"))
    for number, folder in enumerate(("stuck/a", "project-stuck", "project/../stuck/b")):
        create(f"far{number}", cwd=str(tmp_path / folder))
    create(ID, cwd=str(tmp_path / "project"))
    event = payload("SessionStart", cwd=str(tmp_path / "project"), source="resume")
    trace = tmp_path / "trace"
    done = subprocess.run(
        [
            *("strace", "-f", "-qq", "-e", "trace=file", "-s", "4096", "-o", trace),
            *(sys.executable, "-I", "-S", ROOT / f"hooks/{script}.py"),
        ],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "near" in done.stdout or "1 more in this worktree" in done.stdout
    calls = trace.read_text().splitlines()
    assert [call for call in calls if f"{tmp_path}/project" in call]
    assert [call for call in calls if "stuck" in call] == []


# ---- Where a repository says that the store is ----------------------------------


@pytest.fixture
def project(tmp_path):
    """A project of the user, with a folder of sources and a link to another one."""
    (tmp_path / "project/src").mkdir(parents=True)
    (tmp_path / "project/src/main.py").write_text("")
    (tmp_path / "project/here").symlink_to(".")
    (tmp_path / "project/out").symlink_to("..")
    return tmp_path / "project"


@pytest.fixture
def start(client, store, project):
    """Start a session in the project, whose settings set variables."""
    home = store.parent / "home"

    def start(**variables):
        env = {"CLAUDE_PROJECT_DIR": str(project), "HOME": str(home), **variables}
        assert client.fire("SessionStart", env=env, cwd=str(project)) == ""
        return home / ".local/state/headcount"

    return start


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        pytest.param("../other", "leads out of", id="parent"),
        pytest.param("out/other", "leads out of", id="link-out"),
        pytest.param(".", "is all of", id="project"),
        pytest.param("src/..", "is all of", id="project-by-its-parent"),
        pytest.param("here", "is all of", id="link-to-the-project"),
        pytest.param("src", "has other files, such as main.py", id="sources"),
        pytest.param("src/main.py", "cannot be read: Not a directory", id="file"),
        pytest.param("src/main.py/x", "cannot be read: Not a directory", id="in-file"),
        pytest.param("~root/x", "names the home of a user", id="home-of-root"),
        pytest.param("~nobody", "names the home of a user", id="home-of-nobody"),
    ],
)
def test_refused_store_is_logged_in_the_own_one_and_nothing_is_recorded(
    start, project, headcount, folder, why
):
    before = listing(project)
    own = start(HEADCOUNT_DIR=folder)
    log = (own / "errors.log").read_text()
    assert f"HEADCOUNT_DIR={folder} {why}" in log
    assert len(log.splitlines()) == 1
    assert os.listdir(own) == ["errors.log"]
    assert listing(project) == before
    code, out, err = headcount("list", HEADCOUNT_DIR=folder, cwd=project)
    assert (code, out) == (1, "")
    assert why in err


def test_refused_store_is_logged_by_the_status_line_which_says_nothing(
    headcount, project, store
):
    variables = {"HEADCOUNT_DIR": "..", "CLAUDE_PROJECT_DIR": str(project)}
    assert headcount("statusline", **variables) == (0, "", "")
    log = store.parent / "home/.local/state/headcount/errors.log"
    assert "leads out of" in log.read_text()


@pytest.mark.parametrize("ignored", [None, "!*\n", "link"])
def test_store_that_a_repository_brings_is_made_private(
    start, project, tmp_path, ignored
):
    theirs = project / ".headcount"
    theirs.mkdir()
    theirs.chmod(0o755)
    write(theirs, "stranger")
    outside = tmp_path / "outside"
    outside.write_text("theirs\n")
    if ignored == "link":
        (theirs / ".gitignore").symlink_to(outside)
    elif ignored:
        (theirs / ".gitignore").write_text(ignored)
    start(HEADCOUNT_DIR=".headcount")
    assert (theirs / f"{ID}.jsonl").exists()
    assert (theirs / ".gitignore").read_text() == "*\n"
    assert not (theirs / ".gitignore").is_symlink()
    assert theirs.stat().st_mode & 0o777 == 0o700
    assert outside.read_text() == "theirs\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_nothing_is_recorded_in_a_store_of_another_user(client, store, headcount):
    store.mkdir(mode=0o777)
    os.chown(store, 65_534, -1)
    client.fire("SessionStart", source="startup")
    assert os.listdir(store) == []
    findings = json.loads(headcount("doctor", "--quick", "--json")[1])["findings"]
    assert f"{store} belongs to user 65534, not to you" in str(findings)


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"CLAUDE_CONFIG_DIR": ".claude"}, id="CLAUDE_CONFIG_DIR"),
        pytest.param({"HOME": "."}, id="HOME"),
    ],
)
def test_settings_of_a_project_are_never_those_of_the_user(
    headcount, store, project, variables
):
    """`doctor` runs the hooks in the settings of the user, and edits them."""
    trace = project / "ran"
    hooks = settings.desired_hooks(str(ROOT))
    for group in hooks.values():
        command = group["hooks"][0]["command"]
        group["hooks"][0]["command"] = f"touch {trace}; {command}"
    (project / ".claude").mkdir()
    path = project / ".claude/settings.json"
    path.write_text(json.dumps({"hooks": {event: [hooks[event]] for event in hooks}}))
    before = path.read_bytes()
    code, out, _ = headcount("doctor", "--json", "--fix", cwd=project, **variables)
    assert code == 1
    assert "a relative path" in out
    assert not trace.exists()
    assert path.read_bytes() == before


# ---- Records of strangers --------------------------------------------------------


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"host": process.host_name()}, id="host"),
        pytest.param({"process": f"linux:{'1' * 36}:1:2:3"}, id="earlier-boot"),
        pytest.param(
            {"host": process.host_name(), "process": f"linux:{'1' * 36}:1:2:3"},
            id="host-and-earlier-boot",
        ),
        pytest.param({"machine": "0" * 32}, id="machine"),
        pytest.param({"process": "psutil:1:2:3"}, id="other-system"),
    ],
)
@pytest.mark.parametrize("place", ["relative", "absolute"])
def test_recover_does_not_present_a_strangers_record_as_ours(
    headcount, project, place, claim
):
    (project / ".git").mkdir()
    theirs = project / ".headcount"
    theirs.mkdir()
    old = timestamps.from_epoch(time.time() - 2 * 86_400)
    write(theirs, "stranger", cwd="/", **claim, start_time=old, last_heartbeat=old)
    folder = ".headcount" if place == "relative" else str(theirs)
    variables = {"HEADCOUNT_DIR": folder, "cwd": project}
    _, out, _ = headcount("recover", **variables)
    assert out.startswith("cannot be judged from here, on a")
    code, out, err = headcount("recover", "--print0", **variables)
    assert (code, out) == (0, "")
    assert "1 session that may " in err


def test_recover_knows_records_of_this_boot_in_a_store_of_a_project(
    client, headcount, project
):
    variables = {"HEADCOUNT_DIR": ".headcount", "CLAUDE_PROJECT_DIR": str(project)}
    fields = {"source": "startup", "cwd": "/", "transcript_path": __file__}
    client.fire("SessionStart", env=variables, **fields)
    client.kill()
    _, out, _ = headcount("recover", cwd=project, HEADCOUNT_DIR=".headcount")
    assert out.startswith("since the last boot")
    assert f"claude --resume {ID}" in out
