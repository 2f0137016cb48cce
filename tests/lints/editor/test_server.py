"""`perflint lsp` as an editor meets it: a real client on the other end of its streams."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

pytest.importorskip("pygls")
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient
from torch_perflint.lints.pages import address
from torch_perflint.lints.rules.item_in_hot_path import ItemInHotPath

CODE = """\
import torch

total = 0
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss
    print("😀", loss.item())
"""
ITEM = CODE.split("\n")[8].encode("utf-16-le").index("loss".encode("utf-16-le")) // 2


class Editor(LanguageClient):
    """A client that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("a-test", "1")
        self.told: dict[str, list[lsp.PublishDiagnosticsParams]] = {}
        self.messages: list[str] = []
        self.watched: list[str] = []
        self.news = asyncio.Event()

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def diagnostics(params: lsp.PublishDiagnosticsParams) -> None:
            self.told.setdefault(params.uri, []).append(params)
            self.news.set()

        @self.feature(lsp.WINDOW_SHOW_MESSAGE)
        def message(params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)
            self.news.set()

        @self.feature(lsp.WINDOW_LOG_MESSAGE)
        def log(params: lsp.LogMessageParams) -> None:
            self.news.set()

        @self.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def register(params: lsp.RegistrationParams) -> None:
            self.watched += [each.method for each in params.registrations]
            self.news.set()

    async def until(self, claim: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not claim():
                self.news.clear()
                await self.news.wait()

    def codes(self, uri: str) -> list[str]:
        """What is shown now, or nothing where nothing was ever said."""
        said = self.told.get(uri)
        return [str(each.code) for each in said[-1].diagnostics] if said else []

    def open(self, uri: str, text: str) -> None:
        document = lsp.TextDocumentItem(uri, "python", 1, text)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(document))

    def change(self, uri: str, text: str, version: int) -> None:
        document = lsp.VersionedTextDocumentIdentifier(version, uri)
        whole = lsp.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [whole]))

    async def actions(
        self, uri: str, line: int, only: list[str] | None = None
    ) -> list[lsp.CodeAction]:
        at = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 99))
        context = lsp.CodeActionContext([], only=only)  # type: ignore[arg-type]
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), at, context)
        found = await self.text_document_code_action_async(params)
        return [each for each in found or [] if isinstance(each, lsp.CodeAction)]


def _run(
    play: Callable[[Editor], Awaitable[None]],
    *folders: Path,
    resolves: bool = True,
    encodings: list[str] | None = None,
) -> None:
    async def session() -> None:
        editor = Editor()
        await editor.start_io(sys.executable, "-m", "torch_perflint", "lsp")
        resolve = lsp.ClientCodeActionResolveOptions(["edit"]) if resolves else None
        capabilities = lsp.ClientCapabilities(
            workspace=lsp.WorkspaceClientCapabilities(
                workspace_folders=True,
                did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(
                    dynamic_registration=True
                ),
            ),
            text_document=lsp.TextDocumentClientCapabilities(
                code_action=lsp.CodeActionClientCapabilities(resolve_support=resolve)
            ),
            general=lsp.GeneralClientCapabilities(position_encodings=encodings),  # type: ignore[arg-type]
        )
        open_ = [lsp.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders]
        params = lsp.InitializeParams(capabilities, workspace_folders=open_)
        await editor.initialize_async(params)
        editor.initialized(lsp.InitializedParams())
        await play(editor)
        await editor.shutdown_async(None)
        editor.exit(None)
        assert editor._server is not None
        async with asyncio.timeout(30):
            assert await editor._server.wait() == 0
        await editor.stop()

    asyncio.run(session())


def _edits(action: lsp.CodeAction, uri: str) -> list[lsp.TextEdit]:
    assert action.edit is not None and action.edit.changes is not None
    return list(action.edit.changes[uri])


def test_findings_are_shown_where_they_are_with_all_there_is_to_know(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        [said] = editor.told[uri]
        assert said.version == 1
        item = next(each for each in said.diagnostics if each.code == "PFL101")
        assert item.range == lsp.Range(lsp.Position(8, ITEM), lsp.Position(8, ITEM + 11))
        assert item.source == "perflint"
        assert item.severity == lsp.DiagnosticSeverity.Warning
        page = item.code_description and item.code_description.href
        assert page == address(ItemInHotPath)
        [loop] = item.related_information or []
        assert (loop.location.uri, loop.location.range.start.line) == (uri, 3)
        assert "PFL601" in editor.codes(uri)
        editor.text_document_did_close(
            lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri))
        )
        await editor.until(lambda: len(editor.told[uri]) == 2)
        assert editor.codes(uri) == []

    _run(play, tmp_path)


def test_an_editor_that_counts_bytes_is_told_bytes(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        item = next(each for each in editor.told[uri][0].diagnostics if each.code == "PFL101")
        assert item.range.start.character == ITEM + 2

    _run(play, tmp_path, encodings=["utf-8"])


def test_typing_is_waited_for_and_half_typed_code_takes_nothing_away(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        for version in range(2, 8):
            editor.change(uri, CODE + "x" * version + "\n", version)
        await editor.until(lambda: editor.told[uri][-1].version == 7)
        assert [said.version for said in editor.told[uri]] == [1, 7]
        editor.change(uri, CODE + "print((", 8)
        await asyncio.sleep(0)
        # What is known belongs to another text: nothing is offered that would land elsewhere.
        assert await editor.actions(uri, 8) == []
        editor.change(uri, CODE.replace(".item()", ""), 9)
        await editor.until(lambda: editor.told[uri][-1].version == 9)
        assert [said.version for said in editor.told[uri]] == [1, 7, 9]
        assert "PFL101" not in editor.codes(uri)

    _run(play, tmp_path)


def test_a_syntax_error_at_rest_leaves_what_was_shown(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()
    other = (tmp_path / "other.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        editor.change(uri, CODE + "print((", 2)
        await asyncio.sleep(1)
        editor.open(other, CODE + "print((")
        await editor.until(lambda: other in editor.told)
        assert len(editor.told[uri]) == 1
        assert editor.codes(other) == []
        editor.text_document_did_save(
            lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(uri))
        )
        editor.change(uri, "import torch\n", 3)
        await editor.until(lambda: editor.told[uri][-1].version == 3)
        assert editor.messages == []

    _run(play, tmp_path)


def test_fixes_and_silence_are_offered_and_safe_ones_preferred(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        fix, silence = await editor.actions(uri, 7, ["quickfix"])
        assert (fix.title, fix.is_preferred) == ("Replace by `loss.detach()`", True)
        assert fix.diagnostics and fix.diagnostics[0].code == "PFL601"
        [edit] = _edits(fix, uri)
        assert edit.new_text == "loss.detach()"
        assert silence.title == "Silence graph-retention here"
        [edit] = _edits(silence, uri)
        assert edit.new_text == "    total += loss  # perflint: ignore[PFL601]\n"
        assert edit.range == lsp.Range(lsp.Position(7, 0), lsp.Position(8, 0))
        assert await editor.actions(uri, 0, ["quickfix"]) == []
        [everything] = await editor.actions(uri, 0, ["source.fixAll"])
        assert everything.kind == "source.fixAll.perflint"
        assert everything.edit is None
        resolved = await editor.code_action_resolve_async(everything)
        [edit] = _edits(resolved, uri)
        assert edit.new_text == "    total += loss.detach()\n"
        assert edit.range == lsp.Range(lsp.Position(7, 0), lsp.Position(8, 0))
        assert await editor.actions(uri, 7, ["refactor"]) == []

    _run(play, tmp_path)


def test_an_editor_that_cannot_ask_again_is_given_the_edits_at_once(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        [everything] = await editor.actions(uri, 0, ["source.fixAll.perflint"])
        assert len(_edits(everything, uri)) == 1

    _run(play, tmp_path, resolves=False)


def test_settings_are_read_anew_and_a_broken_file_is_said_once(tmp_path: Path) -> None:
    uri = (tmp_path / "train.py").as_uri()
    settings = tmp_path / "pyproject.toml"
    event = lsp.FileEvent(settings.as_uri(), lsp.FileChangeType.Changed)

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: "PFL101" in editor.codes(uri) and editor.watched)
        assert editor.watched == [lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES]
        settings.write_text('[tool.perflint.lints]\nignore = ["PFL101"]\n')
        editor.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
        await editor.until(lambda: "PFL101" not in editor.codes(uri))
        assert "PFL601" in editor.codes(uri)
        settings.write_text("[tool.perflint.lints]\nignored = []\n")
        for version in (2, 3):
            editor.change(uri, CODE + "\n" * version, version)
            await editor.until(lambda: editor.messages)
        settings.write_text('[tool.perflint.lints]\nexclude = ["train.py"]\n')
        editor.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
        await editor.until(lambda: editor.codes(uri) == [])
        assert len(editor.messages) == 1
        assert "nearest is 'ignore'" in editor.messages[0]

    _run(play, tmp_path)


def test_what_the_baseline_knows_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.perflint.lints]\nbaseline = "known.json"\n')
    (tmp_path / "train.py").write_text(CODE)
    words = [sys.executable, "-m", "torch_perflint", "check", "--write-baseline"]
    subprocess.run(words, cwd=tmp_path, check=True)
    uri = (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(uri, CODE)
        await editor.until(lambda: editor.told)
        assert editor.codes(uri) == []
        editor.change(uri, CODE + "    float(loss)\n", 2)
        await editor.until(lambda: len(editor.told[uri]) == 2)
        assert editor.codes(uri) == ["PFL102"]

    _run(play, tmp_path)


def test_each_folder_has_its_own_settings(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two" / "pyproject.toml").write_text('[tool.perflint.lints]\nselect = ["PFL601"]\n')
    uris = [(tmp_path / name / "train.py").as_uri() for name in ("one", "two")]

    async def play(editor: Editor) -> None:
        for uri in [*uris, "untitled:Untitled-1"]:
            editor.open(uri, CODE)
        await editor.until(lambda: len(editor.told) == 3)
        assert "PFL101" in editor.codes(uris[0])
        assert editor.codes(uris[1]) == ["PFL601"]
        assert "PFL101" in editor.codes("untitled:Untitled-1")

    _run(play, tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize(
    "text",
    [
        "import torch\n\0",
        "import torch\n" + "(" * 5_000,
        "import torch\nx = " + "-" * 50_000 + "1\n",
        "import torch\nx = a" + ".b" * 20_000 + "\n",
        "import torch\n" + "x" * 1_000_000,
        "import torch\ns = '\ud800'\n",
        "import torch\n\f\x0b\u2028\r\r\n",
        "import torch\n# perflint: ignore[",
    ],
    ids=["null", "brackets", "signs", "dots", "long", "surrogate", "feeds", "comment"],
)
def test_no_text_brings_the_server_down(text: str, tmp_path: Path) -> None:
    odd, uri = (tmp_path / "odd.py").as_uri(), (tmp_path / "train.py").as_uri()

    async def play(editor: Editor) -> None:
        editor.open(odd, text)
        editor.open(uri, CODE)
        await editor.until(lambda: uri in editor.told)
        assert "PFL101" in editor.codes(uri)
        assert editor.messages == []

    _run(play, tmp_path)


def test_a_missing_extra_is_a_clear_message() -> None:
    code = "import sys; sys.modules['pygls'] = None; sys.modules['pygls.lsp.server'] = None; "
    code += "from torch_perflint.__main__ import main; sys.exit(main(['lsp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'torch-perflint[lsp]'" in done.stderr
