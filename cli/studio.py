"""`linksim studio`: flowgraphs in the browser."""

from importlib.util import find_spec

from linksim.cli.console import PlainConsole
from linksim.errors import LinksimError


def run_studio(port: int, memory: float, minutes: float, browser: bool) -> None:
    """The command."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise LinksimError("the studio needs starlette and uvicorn; install them with: pip install 'linksim[studio]'")
    from linksim.studio.serve import serve

    console = PlainConsole()

    def say(address: str) -> None:
        console.print(f"The studio is at {address}", soft_wrap=True, highlight=False)
        console.print("Only this computer can open it. Stop it with Ctrl-C.")

    serve(port, int(memory * 2**30), 60 * minutes, browser, say)
