"""Run all checks of `headcount doctor`, run the repairs, and print the findings.

A check that fails is itself a finding, so that one fault does not hide the others. The
store is located when a module imports it: if it is refused, only the installation is
checked.
"""

from __future__ import annotations

from ..errors import HeadcountError, StoreError
from ..text import printable
from .finding import ELSEWHERE, PROBLEM, Context, Finding
from .installation import (
    check_checkout,
    check_command,
    check_packages,
    check_python,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .finding import Check, Repair

_MAX_LINE = 4096
_INDENT = " " * 18


def examine(context: Context, *more: Check) -> list[Finding]:
    """Run every check, then those of *more*, and return all findings."""
    findings: dict[str, Finding] = {}
    for check in (*_checks(), *more):
        for finding in _findings(check, context):
            findings.setdefault(finding.message, finding)  # one cause may stop several
    return list(findings.values())


def fix(findings: Iterable[Finding]) -> tuple[list[Finding], list[str]]:
    """Run the repairs of *findings*, each once.

    Returns the findings that are fixed, and a sentence for each repair that failed.
    """
    errors: dict[str, str] = {}
    fixed = []
    for finding in findings:
        if finding.repair is None:
            continue
        description = finding.repair.description
        if description not in errors:
            errors[description] = _run(finding.repair)
        if not errors[description]:
            fixed.append(finding._replace(fixed=True))
    return fixed, [
        f"{description}: {error}" for description, error in errors.items() if error
    ]


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return *findings* as lines for people, each with its fix on a line below."""
    output = []
    for finding in findings:
        level = "fixed" if finding.fixed else finding.level
        output.append(f"{level:<8} {finding.check:<9} {finding.message}")
        if finding.fixed and finding.repair:
            output.append(f"{_INDENT} done: {finding.repair.description}")
        elif finding.fix:
            option = " (or --fix)" if finding.repair else ""
            output.append(f"{_INDENT} fix{option}: {finding.fix}")
    return [printable(line, _MAX_LINE) for line in output]


def _checks() -> tuple[Check, ...]:
    try:
        from .clients import check_clients
        from .error_log import check_error_log
        from .hooks import check_hooks, check_scopes
        from .leftovers import check_leftovers, check_moves
        from .live import check_live
        from .status_line import check_status_line
        from .store import (
            check_archive,
            check_environment,
            check_files,
            check_lock,
            check_store,
        )
        from .timing import check_timing
    except StoreError as error:
        refused = Finding(PROBLEM, "store", str(error), ELSEWHERE)
        checks = check_python, check_packages, check_checkout
        return *checks, lambda _: iter([refused]), check_command
    return (
        *(check_python, check_packages, check_checkout),
        *(check_environment, check_store, check_files, check_archive, check_lock),
        *(check_moves, check_leftovers, check_error_log),
        *(check_hooks, check_scopes, check_status_line, check_command),
        *(check_clients, check_timing, check_live),
    )


def _findings(check: Check, context: Context) -> Iterator[Finding]:
    try:
        yield from check(context)
    except Exception as error:  # noqa: BLE001  # the other checks follow
        fix = ELSEWHERE if isinstance(error, StoreError) else None
        name = check.__name__.removeprefix("check_")
        yield Finding(PROBLEM, name, _reason(error), fix)


def _run(repair: Repair) -> str:
    """Run *repair*; return the error as text, "" if there was none."""
    try:
        repair.run()
    except Exception as error:  # noqa: BLE001  # the other repairs follow
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    """Return what *error* says; for one that nobody foresaw, also its type."""
    if isinstance(error, (HeadcountError, OSError)):
        return str(error)
    return f"it failed with {type(error).__name__}: {error}; please report this"
