"""The language server: tells an editor what is found, and does what it asks for."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from ... import PerflintError, __version__
from ..finding import Finding
from . import actions
from .desk import Judged, fixed, judge, sheet_of
from .places import Places
from .shown import diagnostic

# How long nobody may type before a text is judged.
_QUIET = 0.25
_WATCHER = "perflint-settings"


class Server(LanguageServer):
    """Holds what was last said of each open text."""

    def __init__(self) -> None:
        # pygls takes a form feed for the end of a line when it pieces changes together: we
        # ask for whole texts.
        super().__init__("perflint", __version__, lsp.TextDocumentSyncKind.Full)
        self.told: dict[str, tuple[Judged, list[tuple[Finding, lsp.Diagnostic]]]] = {}
        self.complaint = ""
        # One text after the other: judging keeps a processor busy, and editors want the latest.
        self.worker = ThreadPoolExecutor(1)

    def places(self, text: str) -> Places:
        """Count columns as this editor does."""
        encoding = self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        return Places(text, lsp.PositionEncodingKind(encoding).value)

    async def look_at(self, uri: str) -> None:
        """Judge an open text and say what was found, unless it has changed in the meantime."""
        document = self.open_text(uri)
        if document is None:
            return
        text, version = document.source, document.version
        loop = asyncio.get_running_loop()
        try:
            judged = await loop.run_in_executor(self.worker, self._judge, uri, text)
        except PerflintError as error:
            self._complain(str(error))
            return
        self.complaint = ""
        now = self.open_text(uri)
        if now is None or now.version != version:
            return
        for problem in judged.problems:
            self.window_log_message(lsp.LogMessageParams(lsp.MessageType.Info, problem))
        if judged.problems and not judged.findings and uri in self.told:
            # Half-typed code. Editors move what they show along with the text; taking it away and
            # bringing it back at every stroke would only flicker.
            return
        self._tell(uri, judged, version)

    def open_text(self, uri: str) -> TextDocument | None:
        """Return the text of this address where it is open."""
        document: TextDocument | None = self.workspace.text_documents.get(uri)
        return document

    def forget(self, uri: str) -> None:
        """Take back what was said of a text."""
        self.told.pop(uri, None)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    async def look_at_all(self) -> None:
        """Judge all open texts anew."""
        for uri in list(self.workspace.text_documents):
            await self.look_at(uri)

    def _judge(self, uri: str, text: str) -> Judged:
        folders = [to_fs_path(folder.uri) for folder in self.workspace.folders.values()]
        path = to_fs_path(uri) if uri.startswith("file:") else None
        places = [Path(folder) for folder in folders if folder]
        if not places and self.workspace.root_path:
            places = [Path(self.workspace.root_path)]
        return judge(sheet_of(Path(path) if path else None, text, places))

    def _tell(self, uri: str, judged: Judged, version: int | None) -> None:
        places = self.places(judged.sheet.text)
        pages = _pages()
        shown = [(f, diagnostic(f, places, uri, judged.sheet.root, pages)) for f in judged.findings]
        self.told[uri] = judged, shown
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, [told for _, told in shown], version)
        )

    def _complain(self, words: str) -> None:
        """Say once what the user can mend; until then, what was said of the texts stands."""
        if words != self.complaint:
            self.complaint = words
            message = lsp.ShowMessageParams(lsp.MessageType.Warning, f"perflint: {words}")
            self.window_show_message(message)


def serve() -> None:
    """Speak with an editor over the standard streams until it says goodbye."""
    server = make_server()
    output = sys.stdout.buffer
    # A rule of somebody's that prints must not break into the conversation.
    sys.stdout = sys.stderr
    server.start_io(stdout=output)


def make_server() -> Server:
    """Make a server and tell it what to do when."""
    server = Server()

    @server.feature(lsp.INITIALIZED)
    def initialized(ls: Server, params: lsp.InitializedParams) -> None:
        watching = ls.client_capabilities.workspace and (
            ls.client_capabilities.workspace.did_change_watched_files
        )
        if watching and watching.dynamic_registration:
            ls.client_register_capability(lsp.RegistrationParams([_watch_settings()]))

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def opened(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        await ls.look_at(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        await asyncio.sleep(_QUIET)
        document = ls.open_text(params.text_document.uri)
        if document and document.version == params.text_document.version:
            await ls.look_at(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def saved(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        await ls.look_at(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.forget(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def settings_changed(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
        await ls.look_at_all()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(ls: Server, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        await ls.look_at_all()

    kinds = [lsp.CodeActionKind.QuickFix, actions.FIX_ALL]
    options = lsp.CodeActionOptions(code_action_kinds=kinds, resolve_provider=True)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, options)
    def offered(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return _offers(ls, params)

    @server.feature(lsp.CODE_ACTION_RESOLVE)
    def chosen(ls: Server, action: lsp.CodeAction) -> lsp.CodeAction:
        data: Any = action.data
        if action.edit is None and isinstance(data, dict):
            action.edit = lsp.WorkspaceEdit(changes={data["uri"]: _all_fixes(ls, data["uri"])})
        return action

    return server


def _offers(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    uri = params.text_document.uri
    document = server.open_text(uri)
    known = server.told.get(uri)
    if document is None or known is None or known[0].sheet.text != document.source:
        return []  # what we know is about another text; the right offers follow in a moment
    judged, shown = known
    offers: list[lsp.CodeAction] = []
    only = params.context.only
    if actions.is_wanted(lsp.CodeActionKind.QuickFix.value, only):
        places = server.places(judged.sheet.text)
        offers += actions.quick_fixes(shown, params.range, judged.sheet.text, places, uri)
    safe = any(finding.fix and finding.fix.safe for finding in judged.findings)
    if safe and actions.is_wanted(actions.FIX_ALL, only):
        offers.append(actions.fix_all(uri, None if _resolves(server) else _all_fixes(server, uri)))
    return offers


def _all_fixes(server: Server, uri: str) -> list[lsp.TextEdit]:
    known, document = server.told.get(uri), server.open_text(uri)
    if known is None or document is None or known[0].sheet.text != document.source:
        return []
    sheet = known[0].sheet
    return list(server.places(sheet.text).edits(fixed(sheet)))


def _resolves(server: Server) -> bool:
    """Whether the editor asks for the edit of an action once it is chosen."""
    documents = server.client_capabilities.text_document
    support = documents and documents.code_action and documents.code_action.resolve_support
    return bool(support and "edit" in support.properties)


def _watch_settings() -> lsp.Registration:
    options = lsp.DidChangeWatchedFilesRegistrationOptions(
        [lsp.FileSystemWatcher("**/pyproject.toml")]
    )
    return lsp.Registration(_WATCHER, lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)


@cache
def _pages() -> dict[str, str]:
    """Return where each rule's page can be read."""
    from ..pages import address
    from ..registry import all_rules

    return {rule.code: uri for rule in all_rules() if (uri := address(rule))}
