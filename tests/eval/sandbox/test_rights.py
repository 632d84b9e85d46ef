"""What code inside can reach: files, network, other processes, the kernel. Tried for real, at each level."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.sandbox import Level, View, is_visible
from eval.sandbox.probe import why_not
from tests.eval.sandbox_helpers import TIMEOUT_S, run, start

# Each is run as statements; an OSError or a refused system call is "refused", anything else "worked".
REFUSED = {
    "HR by path": "open(hr)",
    "HR by the harness's root": "open(f'/proc/{parent}/root{hr}')",
    "HR by the harness's descriptor": "os.listdir(f'/proc/{parent}/fd')",
    "HR by walking upwards": "open('../' * 20 + hr)",
    "harness's environment": "open(f'/proc/{parent}/environ').read()",
    "harness's command line": "open(f'/proc/{parent}/cmdline').read()",
    "harness's memory": "open(f'/proc/{parent}/mem', 'rb')",
    "keeper's memory": "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "write a visible file": "open(shown, 'a')",
    "create a file beside a visible one": "open(shown + '.new', 'w')",
    "truncate a visible file": "os.truncate(shown, 0)",
    "chmod a visible file": "os.chmod(shown, 0o666)",
    "utime a visible file": "os.utime(shown, (1, 1))",
    "setxattr on a visible file": "os.setxattr(shown, 'user.x', b'1')",
    "delete a visible file": "os.unlink(shown)",
    "rename a visible file": "os.rename(shown, shown + '.old')",
    "write to the system": "open('/usr/lib/sandbox-test', 'w')",
    "write to the interpreter": "open(sys.prefix + '/sandbox-test', 'w')",
    "write to the root": "open('/sandbox-test', 'w')",
    "core pattern": "open('/proc/sys/kernel/core_pattern', 'w')",
    "IPv4": "socket.create_connection(('127.0.0.1', 9), 1)",
    "IPv4 socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "IPv6": "socket.socket(socket.AF_INET6)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "vsock": "socket.socket(40, socket.SOCK_STREAM)",
    "packet": "socket.socket(17, socket.SOCK_RAW)",
    "unix by path": "socket.socket(socket.AF_UNIX).connect(listening)",
    "unix abstract": "socket.socket(socket.AF_UNIX).connect(abstract)",
    "unix datagram": "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "unix datagram by a pair": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', hearing)",
    "unix datagram by a raw pair": "socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)[0].sendto(b'x', hearing)",
    "signal to the harness": "os.kill(parent, 0)",
    "signal to everyone": "os.kill(-1, signal.SIGCONT)" if os.geteuid() == 0 else "os.kill(parent, 0)",
    "signal to the harness by a descriptor": "__import__('fcntl').fcntl(os.pipe()[0], 8, parent)",
    "shared memory outside of processes": "call('shmget', 29, 194, 0, 4096, 0o1600)",
    "limits of the harness": "resource.prlimit(parent, resource.RLIMIT_CORE)",
    "affinity of the harness": "os.sched_setaffinity(parent, os.sched_getaffinity(0))",
    "user namespace": "call('unshare', 272, 97, 0x10000000)",
    "mount namespace": "call('unshare', 272, 97, 0x20000)",
    "clone with a user namespace": "call('clone', 56, 220, 0x10000000 | 17, 0, 0, 0, 0)",
    "mount": "libc_call('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
    "chroot": "os.chroot('/')",
    "ptrace": "call('ptrace', 101, 117, 16, parent, 0, 0)",
    "process_vm_readv": "call('process_vm_readv', 310, 270, parent, 0, 0, 0, 0, 0)",
    "keyctl": "call('keyctl', 250, 219, 0, -1, 0)",
    "bpf": "call('bpf', 321, 280, 0, 0, 0)",
    "perf events": "call('perf_event_open', 298, 241, 0, 0, -1, -1, 0)",
    "io_uring": "call('io_uring_setup', 425, 425, 1, 0)",
    "userfaultfd": "call('userfaultfd', 323, 282, 0)",
    "file handles": "call('open_by_handle_at', 304, 265, -1, 0, 0)",
    "clock": "time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "device node": "os.mknod('/tmp/node', 0o60600, os.makedev(7, 0))",
    "become root": "os.setuid(0)",
}
# May work on a private tmpfs, if the visible file lies below /tmp: judged from outside
WITHOUT_EFFECT = {"write beside a visible file": "open(os.path.dirname(shown) + '/new', 'w')"}
WORKED = {
    "read a visible file": "assert open(shown).read() == 'shown'",
    "own temporary file": "open(os.environ['TMPDIR'] + '/x', 'w').write('x')",
    "own folder": "os.makedirs(os.environ['HOME'] + '/.cache/a')",
    "threads": "t = threading.Thread(target=lambda: None); t.start(); t.join()",
    "thread name (CUDA writes it)": "open('/proc/self/task/%d/comm' % os.getpid(), 'w').write('name')",
    "memfd": "os.write(os.memfd_create('x'), b'x')",
    "socketpair": "socket.socketpair()",
    "processors": "assert os.cpu_count() == processors",
    "null device": "open('/dev/null', 'w').write('x')",
    "random device": "open('/dev/urandom', 'rb').read(8)",
    "own status": "open('/proc/self/status').read()",
    "memory of the machine": "open('/proc/meminfo').read()",
}
ATTEMPTS = """
import json, platform
libc = ctypes.CDLL(None, use_errno=True)
def libc_call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
def call(name, x86, arm, *arguments):
    result = libc.syscall(x86 if platform.machine() == "x86_64" else arm, *map(ctypes.c_long, arguments))
    if name == "clone" and result == 0:
        os._exit(0)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
def outcome(statement):
    try:
        exec(statement, globals())
    except OSError:
        return "refused"
    except BaseException as error:
        return repr(error)
    return "worked"
print(json.dumps({name: outcome(statement) for name, statement in attempts.items()}))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A harness with something to protect: an HR image, an open descriptor on it, listening sockets."""
    folder = tmp_path_factory.mktemp("machine")
    hr, shown, listening = folder / "hr.png", folder / "shown.txt", folder / "socket"
    hearing = folder / "datagrams"
    hr.write_text("secret", encoding="ascii")
    shown.write_text("shown", encoding="ascii")
    shown.chmod(0o644)
    abstract = f"\0sandbox-test-{os.getpid()}"
    with (
        socket.socket(socket.AF_UNIX) as path_socket,
        socket.socket(socket.AF_UNIX) as name_socket,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        hr.open(),
    ):
        for server, address in ((path_socket, str(listening)), (name_socket, abstract)):
            server.bind(address)
            server.listen()
        listening.chmod(0o777)
        datagrams.bind(str(hearing))
        hearing.chmod(0o777)
        yield {
            "hr": str(hr),
            "shown": str(shown),
            "listening": str(listening),
            "hearing": str(hearing),
            "abstract": abstract,
            "parent": os.getpid(),
            "processors": os.cpu_count(),
        }
        datagrams.setblocking(False)
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)
    assert shown.read_text(encoding="ascii") == "shown"
    assert sorted(path.name for path in folder.iterdir()) == [
        "datagrams", "hr.png", "shown.txt", "socket"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(confining: Level, machine: dict[str, object]) -> dict[str, str]:
    """What became of every attempt, all made in one sandbox."""
    values = {**machine, "attempts": {**REFUSED, **WITHOUT_EFFECT, **WORKED}}
    code = "".join(f"{name} = {value!r}\n" for name, value in values.items()) + ATTEMPTS
    status, text = run(confining, code, View(readonly=[Path(str(machine["shown"]))]))
    assert status == 0, text
    result: dict[str, str] = json.loads(text)
    return result


@pytest.mark.parametrize("attempt", REFUSED)
def test_attempt_is_refused(outcomes: dict[str, str], attempt: str) -> None:
    assert outcomes[attempt] == "refused"


@pytest.mark.parametrize("attempt", WORKED)
def test_what_models_need_works(outcomes: dict[str, str], attempt: str) -> None:
    assert outcomes[attempt] == "worked"


def test_only_passed_descriptors_are_open(level: Level) -> None:
    first, second = os.pipe()
    os.set_inheritable(second, True)  # must stay outside all the same
    code = "held = [f for f in os.listdir('/proc/self/fd')]\n"
    code += "print(sorted(int(f) for f in held if os.path.exists('/proc/self/fd/' + f)))"
    try:
        with start(level, code, pass_fds=[first]) as confined:
            assert confined.wait(TIMEOUT_S) == 0
    finally:
        os.close(first)
        os.close(second)
    assert json.loads(confined.output()) == sorted({0, 1, 2, first})


def test_environment_is_only_what_was_passed(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    code = "import json; print(json.dumps(dict(os.environ)))"
    with start(level, code, env={"OMP_NUM_THREADS": "2"}) as confined:
        assert confined.wait(TIMEOUT_S) == 0
    environment = json.loads(confined.output())
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment.pop("CUDA_VISIBLE_DEVICES") == "", "no GPU was asked for"
    allowed = {"PATH", "HOME", "TMPDIR", "LANG", "PYTHONDONTWRITEBYTECODE", "SANDBOX_ID", "PWD", "LC_CTYPE"}
    assert set(environment) <= allowed | {"OMP_NUM_THREADS"}


def test_no_privilege_is_left(confining: Level) -> None:
    status, text = run(confining, "print(os.getuid(), open('/proc/self/status').read())")
    assert status == 0, text
    uid = int(text.split()[0])
    assert uid != 0
    assert "NoNewPrivs:\t1" in text and "Seccomp:\t2" in text
    effective = int(text.split("CapEff:")[1].split()[0], 16)
    read_search = 1 << 2  # kept at level landlock where only root can enter the interpreter's folder
    assert effective == 0 or (confining is Level.LANDLOCK and effective == read_search)


def test_other_processes_cannot_be_seen(confining: Level) -> None:
    code = (
        "try:\n    print(len([p for p in os.listdir('/proc') if p.isdigit()]))\nexcept OSError:\n    print(0)"
    )
    status, text = run(confining, code)
    assert status == 0, text
    assert int(text) <= 2  # itself and its keeper


def test_bwrap_shows_little_of_the_file_system() -> None:
    if why_not(Level.BWRAP):
        pytest.skip(f"bwrap does not work here: {why_not(Level.BWRAP)}")
    status, text = run(Level.BWRAP, "print(os.uname().nodename, os.listdir('/'))")
    assert status == 0, text
    assert text.startswith("sandbox ")
    assert "'home'" not in text and "'var'" not in text


def test_is_visible_knows_what_is_shown(tmp_path: Path) -> None:
    shown, hidden = tmp_path / "LR", tmp_path / "HR"
    for folder in (shown, hidden):
        folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(shown)
    view = View(readonly=[shown])
    assert is_visible(Level.BWRAP, view, shown / "0801x4.png")
    assert is_visible(Level.LANDLOCK, view, link / "0801x4.png")
    assert not is_visible(Level.BWRAP, view, hidden)
    assert is_visible(Level.BWRAP, view, Path("/usr/share/HR"))
    assert is_visible(Level.PROCESS, view, hidden)
