"""Who else can change the checkout: `lib.checkout`, and who reports it."""

from __future__ import annotations

import os

import pytest

from lib.checkout import exposures

OTHER_USER = OTHER_GROUP = 65_432
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make files of another user"
)
PARTS = ["", "lib", "lib/hook.py", "hooks/stop.py", "install.sh", ".venv", ".venv/bin"]


def open_to_everyone(path):
    path.chmod(0o757)


def open_to_a_group(path):
    os.chown(path, -1, OTHER_GROUP)
    path.chmod(0o775)


def give_away(path):
    os.chown(path, OTHER_USER, -1)


WAYS = [
    pytest.param(open_to_everyone, "can be changed by everyone", id="everyone"),
    pytest.param(
        open_to_a_group,
        f"can be changed by the group {OTHER_GROUP}",
        id="group",
        marks=needs_root,
    ),
    pytest.param(
        give_away, f"belongs to user {OTHER_USER}", id="owner", marks=needs_root
    ),
]


def test_checkout_of_this_user_is_not_exposed(checkout):
    assert exposures(str(checkout)) == []


@pytest.mark.parametrize(("expose", "others"), WAYS)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part or "checkout")
def test_part_of_the_checkout_that_others_can_change_is_found(
    checkout, part, expose, others
):
    expose(checkout / part)
    (found,) = exposures(str(checkout))
    assert (found.path, found.others) == (str(checkout / part), others)
    is_ours = expose is not give_away
    assert found.remedy.startswith("chmod -R go-w" if is_ours else "move the checkout")


@pytest.mark.parametrize(("expose", "others"), WAYS)
def test_folder_above_that_others_can_change_is_found(checkout, expose, others):
    above = checkout.parent
    expose(above)
    (found,) = exposures(str(checkout))
    assert (found.path, found.others) == (str(above), others)
    assert "-R" not in found.remedy.split()


def test_folder_above_the_target_of_a_linked_environment_counts(checkout, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (checkout / ".venv").rename(elsewhere / "venv")
    (checkout / ".venv").symlink_to(elsewhere / "venv")
    assert exposures(str(checkout)) == []
    open_to_everyone(elsewhere)
    assert [found.path for found in exposures(str(checkout))] == [str(elsewhere)]


def test_folder_above_with_the_sticky_bit_is_not_exposed(checkout):
    checkout.parent.chmod(0o1777)
    assert exposures(str(checkout)) == []
    checkout.chmod(0o1777)
    assert [found.path for found in exposures(str(checkout))] == [str(checkout)]


def test_install_warns_of_what_others_can_change(run, checkout):
    open_to_everyone(checkout / "lib")
    for words in (["--dry-run"], []):
        done = run(checkout / "install.sh", *words)
        assert (done.returncode, done.stderr) == (0, "")
        sentence = f"\nwarning:  {checkout}/lib can be changed by everyone, so others"
        assert sentence in f"\n{done.stdout}"
        assert f"\n    To change that: chmod -R go-w '{checkout}/lib'\n" in done.stdout
    (checkout / "lib").chmod(0o755)
    assert "warning" not in run(checkout / "install.sh").stdout


def test_doctor_reports_what_others_can_change(examine, installed, checkout, run_fix):
    assert examine()[0].of("warn") == []
    open_to_everyone(checkout)
    findings, code = examine()
    check, message, fix = findings.problem
    assert (code, check) == (1, "checkout")
    assert message.startswith(f"{checkout} can be changed by everyone")
    run_fix(fix)
    assert examine()[1] == 0


def test_doctor_names_at_most_five_files_that_others_can_change(
    examine, installed, checkout
):
    for path in (checkout / "lib").glob("*.py"):
        open_to_everyone(path)
    findings, _ = examine()
    assert len(findings.of("problem", "checkout")) == 5
    (finding,) = findings.of("warn", "checkout")
    assert finding["message"].startswith("others can also change ")
