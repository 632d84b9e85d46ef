"""Limits hold and name themselves; nothing of a submission survives its end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.errors import InputError
from eval.filters.launch import tasks_of
from eval.host import disk, procfs
from eval.sandbox import CPU_LIMITS, Confined, Level, View, cgroup, choose_level, spawn, uids
from eval.sandbox import start as start_up
from eval.sandbox.probe import why_not
from eval.sandbox.visible_files import outermost
from tests.eval.sandbox_helpers import ROOT, TIMEOUT_S, run, start

MIB = 2**20
AS_ROOT = os.geteuid() == 0
# A daemon as hostile ones are: two forks, its own session, deaf to everything that can be ignored
DAEMON = """
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
for _ in range(3):
    daemon()
"""


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ended_by(confined: Confined) -> str | None:
    """The limit that ended it by itself; fails if it does not end."""
    confined.wait(TIMEOUT_S)
    confined.kill()
    assert confined.survivors() == []
    return confined.limit_hit()


def test_lock_refuses_processes_and_keeps_threads(level: Level) -> None:
    code = """
reason = lock()
assert reason == "", reason
def attempt(name, action):
    try:
        action()
    except OSError:
        print(name, "refused")
    else:
        print(name, "worked")
def on_thread():
    thread = threading.Thread(target=lambda: attempt("fork in a thread", os.fork))
    thread.start()
    thread.join()
attempt("fork", os.fork)
attempt("exec", lambda: os.execv(sys.executable, [sys.executable]))
attempt("spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
attempt("subprocess", lambda: subprocess.run(["/bin/true"]))
on_thread()
"""
    status, text = run(level, code)
    assert status == 0, text
    assert text.splitlines() == [f"{name} refused" for name in
                                 ("fork", "exec", "spawn", "subprocess", "fork in a thread")]  # fmt: skip


def test_lock_covers_threads_that_run_already(level: Level) -> None:
    code = """
go, done = threading.Event(), []
def wait():
    go.wait()
    try:
        os.fork()
    except OSError:
        done.append("refused")
thread = threading.Thread(target=wait)
thread.start()
assert lock() == ""
go.set()
thread.join()
print(done)
"""
    assert run(level, code) == (0, "['refused']\n")


def test_fork_bomb_is_bounded(level: Level) -> None:
    code = """
count = 0
try:
    while count < 200:
        if os.fork() == 0:
            signal.pause()
        count += 1
except OSError:
    pass
print(count, flush=True)
signal.pause()
"""
    # The kernel counts all tasks of a user. Those of an ordinary user are added to the limit when the program
    # starts; each that ends later leaves its place to the program. Elsewhere the limit is exact.
    shared = not AS_ROOT and level is not Level.BWRAP
    others = tasks_of(os.getuid()) if shared else 0
    with start(level, code, limits=replace(CPU_LIMITS, processes=20)) as confined:
        assert wait_until(lambda: confined.output().endswith(b"\n"))
        assert 1 <= int(confined.output()) <= 19 + others, "the program itself is one of the twenty"
        assert len(confined.survivors()) > 1
        confined.kill()
        assert confined.survivors() == []


def test_kill_ends_daemons(level: Level) -> None:
    code = DAEMON + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
    with start(level, code) as confined:
        assert wait_until(lambda: confined.output() == b"up\n" and len(confined.survivors()) >= 4)
        began = time.monotonic()
        confined.kill()
        assert time.monotonic() - began < 3
        assert confined.survivors() == []
        assert confined.returncode is not None and confined.returncode != 0
        confined.kill()  # again does nothing


def test_daemons_end_with_the_program(level: Level) -> None:
    with start(level, DAEMON + "print('done', flush=True)") as confined:
        assert confined.wait(TIMEOUT_S) == 0
        assert wait_until(lambda: confined.survivors() == [], 3.0)
    assert confined.output() == b"done\n"
    assert confined.limit_hit() is None


def test_nothing_survives_the_kill_of_the_harness(level: Level, tmp_path: Path) -> None:
    """The pipe's end is held by every process inside, so it closes when the last one is gone."""
    read_end, write_end = os.pipe()
    harness = tmp_path / "harness.py"
    code = "import os, signal, time" + DAEMON + "print(1, flush=True)\ntime.sleep(600)"
    harness.write_text(
        f"import sys, time\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from eval.sandbox import Level, spawn\n"
        f"argv = [sys.executable, '-I', '-S', '-c', {code!r}]\n"
        "confined = spawn(Level(sys.argv[1]), argv, pass_fds=[int(sys.argv[2])])\n"
        "while not confined.output():\n    time.sleep(0.01)\n"
        "print('up', flush=True)\ntime.sleep(600)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-B", str(harness), level.value, str(write_end)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, pass_fds=[write_end], stdout=subprocess.PIPE, env=environment) as process:
        os.close(write_end)
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        assert select.select([read_end], [], [], 0)[0] == []
        process.send_signal(signal.SIGKILL)
        process.wait()
    closed, _, _ = select.select([read_end], [], [], 10)
    os.close(read_end)
    assert closed, "a process of the sandbox outlived the harness"
    assert wait_until(lambda: list(tmp_path.glob("sandbox-*")) == [], 5.0)


def test_sandbox_outlives_the_thread_that_started_it(level: Level) -> None:
    started: list[Confined] = []
    thread = threading.Thread(target=lambda: started.append(start(level, "time.sleep(0.5)\nprint('alive')")))
    thread.start()
    thread.join()
    with started[0] as confined:
        assert confined.wait(TIMEOUT_S) == 0
    assert confined.output() == b"alive\n"


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_status_tells_the_signal(level: Level, number: signal.Signals) -> None:
    assert run(level, f"os.kill(os.getpid(), {int(number)})")[0] == -number


def test_status_tells_the_exit_code(level: Level) -> None:
    assert run(level, "os._exit(7)")[0] == 7


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("os._exit(255)", 255),
        ("os._exit(200)", 200),
        ("os.kill(os.getpid(), 40)", -40),
        ("os.kill(os.getpid(), 33)", -33),
        ("os.kill(os.getpid(), signal.SIGRTMAX)", -64),
    ],
)
def test_an_end_by_no_named_signal_is_no_limit(level: Level, code: str, expected: int) -> None:
    with start(level, f"print('last words', flush=True)\n{code}") as confined:
        assert confined.wait(TIMEOUT_S) == expected
        confined.kill()
    assert confined.limit_hit() is None
    assert confined.output() == b"last words\n"


def test_what_cannot_be_watched_is_ended(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> procfs.Usage:
        raise ValueError("no such field")

    monkeypatch.setattr(procfs, "usage", broken)
    with start(level, "time.sleep(600)") as confined:
        reason = ended_by(confined)
    assert reason == "its limits could not be watched (ValueError: no such field)"


def test_large_allocation_fails(level: Level) -> None:
    code = "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('refused')"
    assert run(level, code, limits=replace(CPU_LIMITS, memory_bytes=256 * MIB)) == (0, "refused\n")


def test_reserved_address_space_is_not_memory(level: Level) -> None:
    """CUDA reserves twice the device's memory: RLIMIT_AS would refuse this, RLIMIT_DATA does not."""
    code = """
import mmap
mmap.mmap(-1, 200 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)
print("reserved")
"""
    assert run(level, code, limits=replace(CPU_LIMITS, memory_bytes=256 * MIB)) == (0, "reserved\n")


def test_shared_memory_counts(level: Level) -> None:
    """Many memfds, each below the limit for one file and none in RLIMIT_DATA."""
    code = """
held = []
while True:
    held.append(os.memfd_create("x"))
    os.write(held[-1], bytes(16 << 20))
    time.sleep(0.005)
"""
    limits = replace(CPU_LIMITS, memory_bytes=256 * MIB, file_bytes=32 * MIB)
    with start(level, code, limits=limits) as confined:
        assert ended_by(confined) == "memory limit of 256 MiB"


def test_large_file_is_refused(level: Level) -> None:
    code = """
try:
    with open(os.environ["TMPDIR"] + "/x", "wb", 0) as file:
        while True:
            file.write(bytes(1 << 20))
except OSError as error:
    print(error.errno)
"""
    limits = replace(CPU_LIMITS, file_bytes=4 * MIB)
    assert run(level, code, limits=limits) == (0, "27\n")  # EFBIG


FILL = """
folder = FOLDER
try:
    for index in range(100000):
        with open(f"{folder}/{index}", "wb", 0) as file:
            file.write(bytes(1 << 20))
        time.sleep(0.005)
except OSError as error:
    print(error.errno)
"""


def test_temporary_files_are_bounded(level: Level) -> None:
    code = FILL.replace("FOLDER", "os.environ['TMPDIR']")
    with start(level, code, limits=replace(CPU_LIMITS, tmp_bytes=32 * MIB)) as confined:
        limit = ended_by(confined)
    if level is Level.BWRAP:
        assert (confined.returncode, confined.output()) == (0, b"28\n")  # ENOSPC
    else:
        assert limit == "temporary files limit of 32 MiB"


def test_writable_folders_are_bounded(level: Level, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    limits = replace(CPU_LIMITS, writable_bytes=32 * MIB)
    with start(level, FILL.replace("FOLDER", repr(str(output))), View(writable=[output]), limits) as confined:
        assert ended_by(confined) == "written files limit of 32 MiB"


def test_folders_in_each_other_do_not_outlive_it(level: Level, tmp_path: Path) -> None:
    """Deeper than Python recurses and than a path may be long; what is left must go with the sandbox."""
    output = tmp_path / "output"
    output.mkdir()
    code = f"""
print(os.environ["TMPDIR"], flush=True)
for folder in (os.environ["TMPDIR"], {str(output)!r}):
    os.chdir(folder)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
"""
    try:
        with start(level, code, View(writable=[output])) as confined:
            confined.wait(TIMEOUT_S)
            private = confined.output().decode().strip()
        assert level is Level.BWRAP or not Path(private).exists()
    finally:
        disk.remove(output)
    assert not output.exists()


def test_processor_time_is_bounded(level: Level) -> None:
    code = "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass"
    with start(level, code, limits=replace(CPU_LIMITS, cpu_s=1)) as confined:
        assert ended_by(confined) == "processor time limit of 1 s"


def test_output_is_kept_up_to_a_limit_and_read_beyond(level: Level) -> None:
    code = "for _ in range(1000):\n    os.write(1, b'x' * 4096)\n    os.write(2, b'x' * 4096)\nos.write(1, b'last')"
    with start(level, code, limits=replace(CPU_LIMITS, output_kept_bytes=1000)) as confined:
        assert confined.wait(TIMEOUT_S) == 0
    assert confined.output() == b"x" * 996 + b"last"


def test_flood_of_output_ends_it(level: Level) -> None:
    limits = replace(CPU_LIMITS, output_bytes=2 * MIB)
    with start(level, "while True:\n    os.write(1, b'x' * 65536)", limits=limits) as confined:
        assert ended_by(confined) == "output limit of 2 MiB"
    assert len(confined.output()) == limits.output_kept_bytes


def test_wait_says_that_it_still_runs(level: Level) -> None:
    with start(level, "time.sleep(600)") as confined:
        assert confined.poll() is None
        with pytest.raises(TimeoutError, match=r"still runs after 0\.05 s"):
            confined.wait(0.05)
    assert confined.limit_hit() is None


def test_private_folder_is_removed(level: Level) -> None:
    status, text = run(level, "open(os.environ['TMPDIR'] + '/x', 'w').close(); print(os.environ['TMPDIR'])")
    assert status == 0, text
    if level is not Level.BWRAP:
        assert not Path(text.strip()).exists()


def test_writable_folder_is_written(level: Level, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    status, text = run(level, f"open({str(output / 'built')!r}, 'w').write('x')", View(writable=[output]))
    assert status == 0, text
    assert (output / "built").read_text(encoding="ascii") == "x"


def test_two_sandboxes_have_two_uids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_UIDS", "61200-61299")  # a range that no test beside this one uses
    if not AS_ROOT:
        assert uids.lease() is None
        return
    first, second = uids.lease(), uids.lease()
    assert first is not None and second is not None
    assert first.uid != second.uid
    second.release()
    third = uids.lease()
    assert third is not None and third.uid == second.uid
    first.release()
    third.release()


@pytest.mark.skipif(not AS_ROOT, reason="only root gives another uid")
def test_uids_without_a_folder_for_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uids, "LOCK_FOLDER", Path("/proc/locks-cannot-be-made"))
    lease = uids.lease()
    assert lease is not None and lease.uid in uids.configured_range()
    lease.release()


@pytest.mark.skipif(not AS_ROOT, reason="only root gives another uid")
@pytest.mark.parametrize("text", ["60600", "a-b", "0-10", "70000-60000"])
def test_uid_range_is_checked(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SANDBOX_UIDS", text)
    with pytest.raises(InputError, match=rf"SANDBOX_UIDS: '{text}'; expected FIRST-LAST"):
        uids.lease()


def test_view_is_checked(level: Level, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is relative; expected an absolute path"):
        start(level, "", View(readonly=[Path("models")]))
    with pytest.raises(InputError, match=r"missing\.pth does not exist"):
        start(level, "", View(readonly=[tmp_path / "missing.pth"]))
    with pytest.raises(InputError, match="sandbox program: python; expected an absolute path"):
        spawn(level, ["python"])


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user's own files stay readable")
def test_file_that_only_root_can_read_is_named(level: Level, tmp_path: Path) -> None:
    hidden = tmp_path / "model.pth"
    hidden.write_text("weights", encoding="ascii")
    hidden.chmod(0o600)
    code, view = f"print(open({str(hidden)!r}).read())", View(readonly=[hidden])
    if level is Level.BWRAP:
        with pytest.raises(InputError, match=r"model\.pth: mode 600 hides it from the sandbox's uid"):
            start(level, code, view)
    else:
        assert run(level, code, view) == (0, "weights\n")


def shown(folder: Path, count: int) -> list[Path]:
    """Files with long names, a few folders apart, that every user can read."""
    paths = [folder / f"folder_{index % 10}" / f"{'long_' * 20}{index:05}.py" for index in range(count)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("shown", encoding="ascii")
    return paths


def test_many_visible_paths(level: Level, tmp_path: Path) -> None:
    """More than fit an argument of the kernel's; bwrap's own time grows with the square of its mounts."""
    paths = shown(tmp_path, 300 if level is Level.BWRAP else 1500)
    began = time.monotonic()
    with start(level, f"print(open({str(paths[-1])!r}).read())", View(readonly=paths)) as confined:
        assert time.monotonic() - began < 5, "the time to start grows with the square of the paths"
        assert confined.wait(TIMEOUT_S) == 0
    assert confined.output() == b"shown\n"


def test_more_paths_than_bwrap_takes_are_named(tmp_path: Path) -> None:
    if reason := why_not(Level.BWRAP):
        pytest.skip(f"bwrap does not work here: {reason}")
    message = r"3000 paths to read and 0 to write need more than the 9000 arguments that bwrap takes; expected folders"
    with pytest.raises(InputError, match=message):
        start(Level.BWRAP, "", View(readonly=shown(tmp_path, 3000)))


def test_outermost_keeps_what_lies_below_no_other() -> None:
    names = ("/a/b", "/a/bc", "/a/b/c", "/d/e/f", "/d/e", "/a/b", "/g")
    assert list(map(str, outermost(map(Path, names)))) == ["/g", "/a/b", "/a/bc", "/d/e"]


def test_a_link_is_shown_by_its_own_name(level: Level, tmp_path: Path) -> None:
    (tmp_path / "target.pth").write_text("weights", encoding="ascii")
    (tmp_path / "link.pth").symlink_to("target.pth")
    code = f"print(open({str(tmp_path / 'link.pth')!r}).read())"
    assert run(level, code, View(readonly=[tmp_path / "link.pth"])) == (0, "weights\n")


def test_what_was_opened_for_a_sandbox_is_closed_where_it_cannot_start(
    level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr(start_up, "_gpu", lambda *_: SimpleNamespace(close=lambda: closed.append("gpu")))
    monkeypatch.setattr(start_up, "_popen", lambda *_: (_ for _ in ()).throw(OSError("no more processes")))
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="no more processes"):
        start(level, "")
    assert closed == ["gpu"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_choose() -> None:
    level, note = choose_level("auto")
    assert f"{level} works here: {'own uid' if AS_ROOT else 'same user'}" in note
    assert choose_level(level.value)[0] is level
    with pytest.raises(InputError, match=r"--sandbox: 'docker'; expected auto, bwrap, landlock, process"):
        choose_level("docker")


def test_level_that_does_not_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from eval.sandbox import probe

    works, fails = probe.Trial("", "same user"), probe.Trial("no such thing")
    monkeypatch.setattr(probe, "trial", lambda level: works if level is Level.PROCESS else fails)
    with pytest.raises(InputError, match=r"--sandbox bwrap: does not work here \(no such thing\)"):
        probe.choose_level("bwrap")
    assert probe.choose_level("auto") == (
        Level.PROCESS,
        "process works here: same user; bwrap does not (no such thing); landlock does not (no such thing)",
    )


def test_missing_bwrap_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from eval.sandbox import bwrap, probe

    monkeypatch.setattr(bwrap.shutil, "which", lambda *_args, **_kwargs: None)
    assert "apt-get install bubblewrap" in probe.trial.__wrapped__(Level.BWRAP).reason


def test_groups_of_a_killed_harness_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
    gone.wait()
    stale, own = tmp_path / f"sr-sandbox-{gone.pid}-abc", tmp_path / f"sr-sandbox-{os.getpid()}-abc"
    for folder in (stale, own):
        folder.mkdir()
    monkeypatch.setattr(cgroup, "_parent", lambda: tmp_path)
    cgroup._remove_stale()
    assert not stale.exists() and own.exists()


def test_levels_are_ordered() -> None:
    assert Level.BWRAP.at_least(Level.LANDLOCK)
    assert Level.LANDLOCK.at_least(Level.LANDLOCK)
    assert not Level.PROCESS.at_least(Level.LANDLOCK)
