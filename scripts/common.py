"""What the measuring scripts have in common: how programs are run, guests built, and results judged."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
H2K = pathlib.Path(os.environ.get("H2K", ROOT / "target/release/h2k")).resolve()


def say(text: str) -> None:
    print(text, flush=True)


@functools.cache
def environment() -> dict[str, str]:
    """What all programs get. /dev/kvm may be there and unable to run a guest, which the appliance does not expect:
    QEMU is asked to start one first."""
    found = os.environ | {"LIBGUESTFS_BACKEND": "direct"}
    argv = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "max", "-nodefaults", "-display", "none"]
    probe = subprocess.Popen(
        [*argv, "-monitor", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        probe.communicate(b"quit\n", timeout=20)
    except subprocess.TimeoutExpired:
        probe.kill()
        probe.wait()
    if probe.returncode != 0:
        found["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg"
    return found


def timed(argv: list, log: pathlib.Path, limit: float | None = None) -> tuple[int | None, float]:
    """Runs a program, its output in `log`. Its exit code, `None` if it took longer than `limit` seconds and was
    killed, and the seconds that it took."""
    started = time.monotonic()
    with log.open("ab") as out:
        try:
            argv = [str(a) for a in argv]
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(), timeout=limit
            )
            code = done.returncode
        except subprocess.TimeoutExpired:
            code = None
    return code, time.monotonic() - started


def fresh(path: pathlib.Path) -> pathlib.Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def build(guest: str) -> pathlib.Path:
    """Directory of a guest, built where it is not."""
    argv = [ROOT / "fixtures/guests/build", guest]
    built = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        sys.exit(f"building {guest} failed")
    return pathlib.Path(built.stdout.strip())
