"""The options of the conformance suite, what they choose, and the table at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nncore import registry
from nncore.errors import NNCoreError
from nncore.testing.geometries import CASES, Case
from nncore.testing.kernels import Outcome, Subject
from nncore.testing.report import PROPERTY, show

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_terminal_summary",
    "subjects_of",
]

_FOLDER = Path(__file__).parent
_BACKENDS = ("python", "numba", "jax")
#: How many geometries are drawn in float32; Numba and JAX compile each of them.
_EXAMPLES = {"python": 100, "jax": 15, "numba": 3}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("nncore", "conformance of an nncore implementation")
    group.addoption(
        "--implementation",
        action="append",
        default=[],
        metavar="NAME",
        help="name of a registered implementation, or several with commas between them; "
        "distribution:name chooses between plugins that claim one name",
    )
    group.addoption("--kind", choices=("conv", "pool"), help="check only this kind")
    group.addoption(
        "--backend",
        action="append",
        choices=_BACKENDS,
        help="check only on this backend; may be given several times",
    )
    group.addoption(
        "--examples",
        type=int,
        metavar="N",
        help="how many geometries to draw at random in float32; default: "
        + ", ".join(f"{count} for {backend}" for backend, count in _EXAMPLES.items()),
    )
    group.addoption(
        "--allow-unavailable",
        action="store_true",
        help="do not fail when an implementation, or one of its backends, cannot be used here",
    )


def _words(values: list[str]) -> list[str]:
    return list(dict.fromkeys(w for value in values for w in value.replace(",", " ").split()))


def subjects_of(
    names: list[str], kind: str | None = None, backends: list[str] | None = None
) -> list[Subject]:
    """What the options choose.

    Parameters
    ----------
    names : list of str
        Names of implementations, each of at least one kind.
    kind : str, optional
        Default: every kind that the name is registered for.
    backends : list of str, optional
        Default: every backend that the implementation claims.

    Returns
    -------
    list of Subject
        One for each implementation and backend.

    Raises
    ------
    nncore.errors.NNCoreError
        For a name that nothing registered, with the nearest one that is known, or a backend that
        no chosen implementation claims.
    """
    subjects = []
    for name in names:
        found, problem = [], NNCoreError("")
        for each in (kind,) if kind else ("conv", "pool"):
            try:
                found.append(registry.get(each, name))
            except NNCoreError as error:
                # The kind whose message has a suggestion is the one that was meant.
                if not str(problem) or "Did you mean" in str(error):
                    problem = error
        if not found:
            raise problem
        chosen = [
            Subject(name, implementation, backend)
            for implementation in found
            for backend in implementation.backends
            if not backends or backend in backends
        ]
        if not chosen:
            claimed = sorted({backend for i in found for backend in i.backends})
            raise NNCoreError(
                f"{name!r} has no kernels for the backend {', '.join(backends or ())}; it has "
                f"some for {', '.join(claimed)}."
            )
        subjects += chosen
    return subjects


def pytest_configure(config: pytest.Config) -> None:
    """Find what was chosen; a name that is not known is a wrong usage."""
    try:
        names = _words(config.getoption("--implementation"))
        if not names:
            known = ", ".join(
                dict.fromkeys(n for kind in ("conv", "pool") for n in registry.names(kind))
            )
            raise NNCoreError(f"say what to check with --implementation NAME; known: {known}.")
        chosen = subjects_of(names, config.getoption("--kind"), config.getoption("--backend"))
    except NNCoreError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_SUBJECTS] = chosen


_SUBJECTS = pytest.StashKey[list[Subject]]()


def _dtypes(subject: Subject, cases: tuple[Case, ...]) -> list[str]:
    """The two usual data types, and the small one if there is something that it is claimed for."""
    small = any(subject.supports(case.of("float16").geometry) for case in cases)
    return ["float32", "float64", *(["float16"] if small and not subject.obstacle else [])]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test its implementations, data types and cases."""
    if not Path(metafunc.definition.path).is_relative_to(_FOLDER):
        return
    names = [n for n in ("subject", "dtype", "case") if n in metafunc.fixturenames]
    if not names:
        return
    values, ids = [], []
    for subject in metafunc.config.stash[_SUBJECTS]:
        cases = CASES[subject.kind]
        for dtype in _dtypes(subject, cases) if "dtype" in names else [""]:
            for case in cases if "case" in names else [None]:
                # Numba and JAX compile every one of them.
                few = subject.backend != "python" and dtype != "float32"
                if case is not None and few and not case.every_dtype:
                    continue
                sized = case.of(dtype) if case is not None else None
                given = {"subject": subject, "dtype": dtype, "case": sized}
                values.append([given[name] for name in names])
                parts = [str(subject), dtype, case.name if case is not None else ""]
                ids.append("-".join(part for part in parts if part))
    metafunc.parametrize(names, values, ids=ids)


@pytest.fixture
def usable_subject(subject: Subject) -> Subject:
    """The implementation, or a skip with the reason why it cannot be used here."""
    if subject.obstacle:
        pytest.skip(f"{subject.name} cannot be used on this machine: {subject.obstacle}")
    return subject


@pytest.fixture
def examples(request: pytest.FixtureRequest, subject: Subject, dtype: str) -> int:
    """How many geometries to draw: fewer in the other data types, where they are compiled."""
    given = request.config.getoption("--examples")
    count = _EXAMPLES[subject.backend] if given is None else int(given)
    return count if subject.backend == "python" or dtype == "float32" else -(-count // 3)


class Recorder:
    """Keeps what became of each direction for the table, and fails or skips the test by it."""

    def __init__(self, subject: Subject, record: Any) -> None:
        self.subject = subject
        self.record = record

    def __call__(self, dtype: str, feature: str, outcomes: list[Outcome]) -> None:
        """Keep the outcomes of one feature.

        Parameters
        ----------
        dtype : str
            Data type that was computed in.
        feature : str
            Name of the row in the table.
        outcomes : list of Outcome
            One for each direction.
        """
        self.record(
            PROPERTY,
            {
                "subject": str(self.subject),
                "dtype": dtype,
                "feature": feature,
                "outcomes": [[o.direction, o.state, o.detail] for o in outcomes],
            },
        )
        wrong = [o.detail for o in outcomes if o.state == "failed"]
        if wrong:
            pytest.fail("\n".join(wrong), pytrace=False)
        if all(o.state == "refused" for o in outcomes):
            pytest.skip(f"refused: {outcomes[0].detail}")


@pytest.fixture
def outcome(subject: Subject, record_property: Any) -> Recorder:
    """Where a test leaves what it found."""
    return Recorder(subject, record_property)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show what is supported."""
    reports = [r for reports in terminalreporter.stats.values() for r in reports]
    show(terminalreporter, config.stash[_SUBJECTS], reports)
