"""`headcount doctor`: is everything in place, and if not, which command fixes it.

Each check yields findings, and none changes anything. A check that cannot be carried
out is itself a finding, so that one fault does not hide the others: the store may be
missing, unreadable or refused, and the rest is looked at all the same.

What is safe to fix without asking has a `Repair`; `fix` carries those out.
"""

from __future__ import annotations

from ..errors import HeadcountError, StoreError
from ..text import printable
from .clients import check_clients
from .error_log import check_error_log
from .finding import ELSEWHERE, PROBLEM, Context, Finding
from .hooks import check_hooks, check_scopes
from .installation import check_command, check_packages, check_python
from .leftovers import check_leftovers, check_moves
from .status_line import check_status_line
from .store import check_archive, check_files, check_lock, check_store
from .timing import check_timing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .finding import Check, Repair

_CHECKS: tuple[Check, ...] = (
    check_python,
    check_packages,
    check_store,
    check_files,
    check_archive,
    check_lock,
    check_moves,
    check_leftovers,
    check_error_log,
    check_hooks,
    check_scopes,
    check_status_line,
    check_command,
    check_clients,
)
_SLOW_CHECKS: tuple[Check, ...] = (check_timing,)
_MAX_LINE = 4096
_INDENT = " " * 18


def examine(context: Context) -> list[Finding]:
    """Carry out every check, whatever one of them meets; the slow ones unless quick."""
    found: dict[str, Finding] = {}
    for check in _CHECKS if context.quick else (*_CHECKS, *_SLOW_CHECKS):
        for finding in _findings(check, context):
            found.setdefault(finding.message, finding)  # one cause may stop several
    return list(found.values())


def fix(findings: Iterable[Finding]) -> tuple[list[Finding], list[str]]:
    """Carry out what is safe of what *findings* ask for, each repair once.

    Returns the findings that this was done for, and what went wrong, in words.
    """
    outcomes: dict[str, str] = {}
    fixed = []
    for finding in findings:
        if finding.repair is None:
            continue
        description = finding.repair.description
        if description not in outcomes:
            outcomes[description] = _carried_out(finding.repair)
        if not outcomes[description]:
            fixed.append(finding._replace(fixed=True))
    return fixed, [
        f"{description}: {wrong}" for description, wrong in outcomes.items() if wrong
    ]


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return the findings as people read them, what fixes one below it."""
    shown = []
    for finding in findings:
        level = "fixed" if finding.fixed else finding.level
        shown.append(f"{level:<8} {finding.check:<9} {finding.message}")
        if finding.fixed and finding.repair:
            shown.append(f"{_INDENT} done: {finding.repair.description}")
        elif finding.fix:
            by_itself = " (or --fix)" if finding.repair else ""
            shown.append(f"{_INDENT} fix{by_itself}: {finding.fix}")
    return [printable(line, _MAX_LINE) for line in shown]


def _findings(check: Check, context: Context) -> Iterator[Finding]:
    try:
        yield from check(context)
    except (HeadcountError, OSError) as error:
        fix = ELSEWHERE if isinstance(error, StoreError) else None
        yield Finding(PROBLEM, check.__name__.removeprefix("check_"), str(error), fix)


def _carried_out(repair: Repair) -> str:
    """Do it; return what went wrong, "" if nothing did."""
    try:
        repair.run()
    except (HeadcountError, OSError) as error:
        return str(error)
    return ""
