"""Whether the hub of models can be asked."""

import http.client
import urllib.error
import urllib.request

PATIENCE_SECONDS = 5


def hub_answers() -> bool:
    """Whether the hub of Hugging Face answers, whatever it says: its own client would try for minutes, and show each
    time. False where that client is not installed or was told to stay offline."""
    try:
        from huggingface_hub import constants
    except ImportError:
        return False
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=PATIENCE_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, http.client.HTTPException):
        return False
