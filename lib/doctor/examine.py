"""`headcount doctor`: is everything in place, and if not, which command mends it.

Each check yields findings, and none changes anything. A check that cannot be carried
out is itself a finding, so that one fault does not hide the others: the store may be
missing, unreadable or refused, and the rest is looked at all the same.

What is safe to mend without asking has a `Repair`; `mend` carries those out.
"""

from __future__ import annotations

from ..errors import HeadcountError, StoreError
from ..text import printable
from .clients import check_clients
from .error_log import check_error_log
from .finding import ELSEWHERE, PROBLEM, Finding, Look
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
_LONGEST = 4096
_INDENT = " " * 18


def examine(look: Look) -> list[Finding]:
    """Carry out every check, whatever one of them meets; the slow ones unless quick."""
    found: dict[str, Finding] = {}
    for check in _CHECKS if look.quick else (*_CHECKS, *_SLOW_CHECKS):
        for finding in _findings(check, look):
            found.setdefault(finding.message, finding)  # one cause may stop several
    return list(found.values())


def mend(findings: Iterable[Finding]) -> tuple[list[Finding], list[str]]:
    """Carry out what is safe of what *findings* ask for, each repair once.

    Returns the findings that this was done for, and what went wrong, in words.
    """
    outcomes: dict[str, str] = {}
    fixed = []
    for finding in findings:
        if finding.repair is None:
            continue
        does = finding.repair.does
        if does not in outcomes:
            outcomes[does] = _carried_out(finding.repair)
        if not outcomes[does]:
            fixed.append(finding._replace(fixed=True))
    return fixed, [f"{does}: {wrong}" for does, wrong in outcomes.items() if wrong]


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return the findings as people read them, what mends one below it."""
    shown = []
    for finding in findings:
        level = "fixed" if finding.fixed else finding.level
        shown.append(f"{level:<8} {finding.check:<9} {finding.message}")
        if finding.fixed and finding.repair:
            shown.append(f"{_INDENT} done: {finding.repair.does}")
        elif finding.mend:
            by_itself = " (or --fix)" if finding.repair else ""
            shown.append(f"{_INDENT} mend{by_itself}: {finding.mend}")
    return [printable(line, _LONGEST) for line in shown]


def _findings(check: Check, look: Look) -> Iterator[Finding]:
    try:
        yield from check(look)
    except (HeadcountError, OSError) as error:
        mend = ELSEWHERE if isinstance(error, StoreError) else None
        yield Finding(PROBLEM, check.__name__.removeprefix("check_"), str(error), mend)


def _carried_out(repair: Repair) -> str:
    """Do it; return what went wrong, "" if nothing did."""
    try:
        repair.carry_out()
    except (HeadcountError, OSError) as error:
        return str(error)
    return ""
