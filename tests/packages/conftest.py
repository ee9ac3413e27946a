"""A fresh environment that nncore itself is installed into, from a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Environment:
    """A virtual environment; what nncore needs is that of the running one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir(parents=True)
        self.bin = folder / "env" / "bin"
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        (site,) = (folder / "env" / "lib").glob("python*/site-packages")
        (site / "dependencies.pth").write_text(f"{self._dependencies()}\n")
        self.pip("install", ROOT)

    def _dependencies(self) -> Path:
        """A folder that has everything which is installed here, but for nncore and its plugins."""
        owners = {entry.dist.name for entry in metadata.entry_points(group="nncore") if entry.dist}
        left_out = {
            Path(file).parts[0]
            for owner in ("nncore-pytensor", *owners)
            for file in metadata.files(owner) or ()
        }
        folder = self.folder / "dependencies"
        folder.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if path.name not in left_out and path.suffix != ".pth":
                (folder / path.name).symlink_to(path)
        return folder

    def run(self, program: str, *arguments: object) -> str:
        """Run a program of the environment, away from the repository; give what it prints."""
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)],
            cwd=self.elsewhere,
            env={**environment, "NNCORE_CACHE_DIR": str(self.folder / "cache"), "COLUMNS": "300"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pip(self, command: str, *arguments: object) -> None:
        """Install without dependencies, or uninstall."""
        options = ["--no-deps"] if command == "install" else ["--yes"]
        self.run("python", "-m", "pip", "-q", command, *options, *arguments)


@pytest.fixture(scope="package")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One for all tests of packages: each removes what it installs."""
    return Environment(tmp_path_factory.mktemp("fresh"))
