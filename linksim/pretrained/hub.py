"""Files of a repository of the Hugging Face Hub: from the cache of this computer, else from the network."""

import re
from pathlib import Path

from linksim.errors import FileError, LinksimError, ParameterError
from linksim.hub import hub_answers

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_repository(name: str) -> bool:
    """Whether it can be a repository's name, OWNER/NAME."""
    return _REPOSITORY.fullmatch(name) is not None


def fetched(repository: str, revision: str, name: str) -> Path:
    """The folder that holds a file of a commit.

    Raises `ParameterError` where the revision is no commit, `LinksimError` where huggingface_hub is not installed,
    `FileError` where the hub does not give the file.
    """
    if not _COMMIT.fullmatch(revision):
        got = f" (got '{revision}')" if revision else ""
        raise ParameterError(
            f"'{repository}' is no folder here; for a repository give the commit, revision= and 40 hexadecimal digits"
            f"{got}"
        )
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise LinksimError("huggingface_hub is not installed; install it with: pip install 'linksim[hub]'") from None
    problem: Exception | None = None
    for local in (True, False):
        if not local and not hub_answers():
            break
        try:
            return Path(hf_hub_download(repository, name, revision=revision, local_files_only=local)).parent
        except Exception as error:
            # The library and those below it have no common error.
            problem = error
    reason = (str(problem).splitlines() or [""])[0][:200]
    raise FileError(
        f"{name} of '{repository}' at {revision[:12]} is not in the hub's cache and cannot be fetched "
        f"({type(problem).__name__}: {reason})"
    )
