import pytest

from linksim.cli import main


@pytest.fixture
def cli(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["linksim", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return left.value.code or 0, out, err

    return run
