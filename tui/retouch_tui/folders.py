"""Where the terminal UI keeps things: settings in the config directory, sessions in the state directory."""

import os
from pathlib import Path

from platformdirs import user_config_path, user_state_path

CONFIG_VARIABLE = "RETOUCH_CONFIG_DIR"
STATE_VARIABLE = "RETOUCH_STATE_DIR"


def config_folder() -> Path:
    """Folder of keymap, settings and model options; `RETOUCH_CONFIG_DIR` moves it."""
    given = os.environ.get(CONFIG_VARIABLE)
    return Path(given) if given else user_config_path("retouch", appauthor=False)


def state_folder() -> Path:
    """Folder of sessions and jobs; `RETOUCH_STATE_DIR` moves it."""
    given = os.environ.get(STATE_VARIABLE)
    return Path(given) if given else user_state_path("retouch", appauthor=False)
