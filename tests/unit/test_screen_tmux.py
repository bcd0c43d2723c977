"""The same bytes on a real terminal emulator: what tmux shows is what `screen` says it shows."""

import shutil
from collections.abc import Callable, Iterator

import pytest

import tmux
from docker_run.model import Chunk, Stream, TerminalSize
from docker_run.terminal import screen

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

SIZE = TerminalSize(80, 24)

# Left out is what tmux does in its own way: it drops bytes that are not UTF-8, prints the letters for
# line drawing, and keeps lines that scroll out of a region within the screen.
STREAMS = {
    "lines": b"".join(b"line %d\r\n" % number for number in range(100)),
    "wrapped": b"x" * 79 + b"\r\n" + b"y" * 80 + b"\r\n" + b"z" * 81 + b"\r\n" + b"w" * 200,
    "exactly full, then more": b"a" * 80 + b"b",
    "carriage returns": b"".join(b"\r%3d%% " % percent + b"#" * (percent // 5) for percent in range(101))
    + b"\r\ndone\r\n",
    "overwritten in part": b"0123456789\rab\r\n",
    "backspaces": b"abc\b\bX\r\n\b\b\bY",
    "tabs": b"a\tb\tc\r\n1234567\t8\r\n12345678\t9\r\n" + b"\t" * 12 + b"end\r\n",
    "wide": "漢字かな交じり文\r\n한국어 中文\r\n👍 ok 🚀\r\n".encode(),
    "wide at the edge": ("a" * 79 + "漢字").encode() + b"\r\n" + "漢".encode() * 41,
    "wide overwritten": "漢字漢字\rabc\x1b[5GX".encode(),
    "combining": "e\u0301 n\u0303 o\u0308\u0304 a\u20dd\r\n".encode(),
    "docker pull": b"a: Pulling fs layer \r\nb: Pulling fs layer \r\nc: Waiting \r\n"
    + b"".join(
        b"\x1b[%dA\x1b[2K\r%c: Downloading [%-10s] %d%%\r\x1b[%dB"
        % (up, letter, b"=" * step + b">", step * 10, up)
        for step in range(10)
        for up, letter in ((3, ord("a")), (2, ord("b")), (1, ord("c")))
    )
    + b"\x1b[3A\x1b[2K\ra: Pull complete \r\x1b[3BDigest: sha256:0\r\n",
    "build progress": b"\x1b[?25l[+] Building 0.1s (1/3)\r\n => a\r\n => b\r\n"
    b"\x1b[1A\x1b[1A\x1b[1A\x1b[0G[+] Building 0.3s (3/3) FINISHED\r\n\x1b[34m => a 0.1s\x1b[0m\x1b[K\r\n"
    b" => b 0.2s\x1b[K\r\n\x1b[?25h",
    "cursor everywhere": b"\x1b[2J\x1b[H\x1b[5;10Hfive ten\x1b[1;1Htop\x1b[24;70Hcorner\x1b[12dtwelve"
    b"\x1b[3Gthree\x1b[2Aup\x1b[4Ddown\x1b[3B!\x1b[10Cfar",
    "erasing": b"0123456789\x1b[5D\x1b[K\r\n0123456789\x1b[5D\x1b[1K\r\n0123456789\x1b[2K!\r\n"
    b"0123456789\x1b[4D\x1b[2X\r\n",
    "erasing below": b"one\r\ntwo\r\nthree\x1b[2;2H\x1b[J",
    "erasing above": b"one\r\ntwo\r\nthree\x1b[2;2H\x1b[1J",
    "inserted and deleted characters": b"0123456789\x1b[4G\x1b[3@\r\n0123456789\x1b[4G\x1b[3P\r\n"
    b"0123456789\x1b[4G\x1b[4hNEW\x1b[4l!",
    "inserted and deleted lines": b"1\r\n2\r\n3\r\n4\r\n5\r\n\x1b[2;1H\x1b[2Lnew\x1b[5;1H\x1b[Mx",
    "scroll region at the top": b"\x1b[1;5r\x1b[H" + b"".join(b"row %d\r\n" % row for row in range(9))
    + b"\x1b[r\x1b[10;1Hbelow",
    "scroll region, with a cursor beyond it": b"head\r\n\x1b[2;5r\x1b[20;1H" + b"row\r\n" * 9
    + b"\x1b[r\x1b[10;1Hbelow",
    "reverse index": b"1\r\n2\r\n3\x1b[H\x1bM0\x1b[2;3r\x1b[2;1H\x1bMx",
    "scrolled": b"".join(b"%d\r\n" % row for row in range(20)) + b"\x1b[3S\x1b[2Tx",
    "saved cursor": b"abc\x1b7\x1b[10;10Hfar\x1b8def\x1b[s\x1b[Hhome\x1b[u!",
    "cleared": b"before\r\n" * 30 + b"\x1b[H\x1b[2Jafter\r\n",
    "clear": b"before\r\n" * 30 + b"\x1b[H\x1b[2J\x1b[3Jafter\r\n",
    "alternate screen": b"shell\r\n$ vi\r\n\x1b[?1049h\x1b[H\x1b[2J~\r\n~\r\n\x1b[24;1H:q" + b"\r\n" * 30
    + b"\x1b[?1049l$ back\r\n",
    "editor": b"$ vi f\r\n\x1b[?1049h\x1b[22;0;0t\x1b[>4;2m\x1b[?1h\x1b=\x1b[?2004h\x1b[1;24r\x1b[?12h"
    b"\x1b[m\x1b[2J\x1b[?25l\x1b[24;1Hf [New]\x1b[2;1H\x1b[1m~\x1b[m\x1b[1;1H\x1b[?25hhello\x1b[?1l\x1b>"
    b"\x1b[?1049l\x1b[23;0;0t$ \r\n",
    "strings": b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1b]133;A\x07b\x1bP+q544e\x1b\\c"
    b"\x1b_hidden\x1b\\d\x1bk\x1b\\e\r\n",
    "modes": b"\x1b[?2004h$ ls\r\n\x1b[?2004l\rout\r\n"
    b"\x1b[?1000h\x1b[?1006l\x1b[=1u\x1b[>q\x1b[0 q\x1b[!pok\r\n",
    "questions": b"a\x1b[6nb\x1b[cc\x1b[>0cd\x1b[5n\r\n",
    "control characters": b"a\x00b\x01c\x07d\x0ee\x0ff\x7fg\r\n",
    "form feed": b"one\x0btwo\x0cthree\r\n",
    "repeated": b"-\x1b[20b|\r\n",
    "no wrap": b"\x1b[?7l" + b"a" * 90 + b"Z\x1b[?7h\r\nnext\r\n",
    "next line": b"one\x1bEtwo\x1bDthree\r\n",
    "tab stops": b"\x1b[3g\x1b[5G\x1bH\x1b[12G\x1bH\r\ta\tb\r\n\t\tc\x1b[Zd",
    "colours": b"\x1b[31mred\x1b[1;38;5;208mor\x1b[48;2;1;2;3mn\x1b[38:5:3mx\x1b[4:3my\x1b[0m plain\r\n",
    "line feeds alone": b"one\ntwo\nthree\r\n",
    "cut short": b"text\r\nmore\x1b[3",
    "unknown sequences": b"a\x1b[5&b\x1b#3c\x1b[1;2;3;4;5;6;7zd\x1b%Ge\r\n",
    "up out of the screen": b"one\r\ntwo\r\n\x1b[99A\x1b[99Dthree\x1b[99B\x1b[99C|",
}  # fmt: skip


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes], str]]:
    """Return what a terminal of tmux shows after some bytes, with what scrolled off its top."""
    number = 0
    with tmux.server(tmp_path_factory.mktemp("tmux")) as server:

        def show(data: bytes) -> str:
            nonlocal number
            number += 1
            name = f"t{number}"
            (server.folder / name).write_bytes(data)
            # The title comes last: when it is there, all that was before it has been shown.
            # The command stands above its output; here, `@` stands for it.
            ending = f"printf '\\033\\\\\\033]2;%s\\033\\\\' {name}; exec sleep 600"
            script = f"stty raw -echo; printf '@\\r\\n'; cat {name}; {ending}"
            with server.terminal(name, ["sh", "-c", script]) as capture:
                title = ("display-message", "-p", "-t", name, "#{pane_title}")
                tmux.wait_for(lambda: server(*title).strip() == name, "the end of the bytes")
                return "\n".join(line for line in capture().split("\n") if line != "@")

        yield show


@pytest.mark.parametrize("name", STREAMS)
def test_tmux_shows_the_same(name: str, shown: Callable[[bytes], str]) -> None:
    data = STREAMS[name]
    assert screen.text(screen.lines([Chunk(Stream.TERMINAL, data)], SIZE)) == shown(data)
