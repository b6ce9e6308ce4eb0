"""What the measuring scripts have in common: how programs are run, guests built, and results judged."""

import functools
import json
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
    """What all programs get. /dev/kvm may be there and unable to run a guest, or slower than none, which the appliance
    does not expect: h2k tries it out."""
    found = os.environ | {"LIBGUESTFS_BACKEND": "direct"}
    doctor = subprocess.run([H2K, "doctor", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    [kvm] = [check for check in json.loads(doctor.stdout)["checks"] if check["id"] == "kvm"]
    if kvm["health"] != "ok":
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
