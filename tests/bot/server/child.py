"""The server as `perflint bot serve` runs it, without the pauses between writes."""

import sys
from pathlib import Path

from torch_perflint.bot.github.app import App
from torch_perflint.bot.server.hands import BotHands
from torch_perflint.bot.server.serve import log_to_stderr, serve
from torch_perflint.bot.server.server import Server
from torch_perflint.bot.server.settings import load_settings
from torch_perflint.bot.server.work import AppWork

if __name__ == "__main__":
    settings = load_settings(Path(sys.argv[1]))
    hub = settings.github
    app = App(hub.app_id, settings.app_key, hub.api_url, throttle=False)
    log_to_stderr()
    sys.exit(serve(Server(settings, AppWork(app, BotHands(hub))), settings))
